//! Reports of power, as they are asked for.

use serde_json::json;

use super::{Console, json as body};

#[tokio::test]
async fn a_site_without_lines_has_no_report_and_says_so() {
    let console = Console::start().await;
    let response = console.get("/api/v1/power/report").await;
    assert_eq!(response.status(), 404);
    assert_eq!(body(response).await["type"], json!("urn:hazgate:problem:no-lines"));
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_with_what_would_be_right() {
    let console = Console::start().await;
    for query in
        ["day=2026-02-30", "month=2026-13", "day=2026-11-21&month=2026-11", "table=everything", "lang=fr"]
    {
        let response = console.get(&format!("/api/v1/power/report?{query}")).await;
        assert_eq!(response.status(), 422, "{query}");
    }
    for query in ["format=pdf", "days=2026-11-21"] {
        let response = console.get(&format!("/api/v1/power/report?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}
