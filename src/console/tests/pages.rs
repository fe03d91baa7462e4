//! What is fetched once: the page's files, the site document, the state, the journal, and health.

use reqwest::Method;
use serde_json::json;

use super::{Console, Pages, json as body, raised};
use crate::console::{EventHistory, HistoryError};
use crate::model::Event;

#[tokio::test]
async fn the_page_comes_with_its_types_and_is_not_sent_twice() {
    let console = Console::start().await;
    let files = [
        ("/", "text/html; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
    ];
    for (path, content_type) in files {
        let response = console.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type);
        let tag = response.headers()["etag"].clone();
        let again = console.request(Method::GET, path).header("if-none-match", tag).send().await.expect(path);
        assert_eq!(again.status(), 304, "{path}");
    }
    for path in ["/nothing.js", "/../Cargo.toml", "/%2e%2e/mod.rs"] {
        assert_eq!(console.get(path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there_and_none_is_inline() {
    let console = Console::start().await;
    for page in ["/", "/power.html"] {
        let page = console.get(page).await.text().await.expect("text");
        let named: Vec<_> = page.split('"').filter(|word| word.starts_with('/')).collect();
        assert!(named.len() >= 4, "{named:?}");
        for path in named {
            assert_eq!(console.get(path).await.status(), 200, "{path}");
        }
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick="));
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script src=").count() + page.matches("<script type=\"module\" src=").count()
        );
    }
}

#[tokio::test]
async fn the_site_document_names_everything_and_no_secret() {
    let console = Console::start().await;
    let response = console.get("/api/v1/site").await;
    let tag = response.headers()["etag"].clone();
    let text = response.text().await.expect("text");
    assert!(!text.contains("hunter2") && !text.contains("writer"), "{text}");
    let site: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(site["name"], json!({ "zh": "一厂", "en": "Works 1" }));
    assert_eq!(site["hazards"][0]["kind"], "tank_farm");
    assert_eq!(site["devices"][0]["address"], "broker:1883 field/gauge");
    assert_eq!(
        site["forwarders"][1],
        json!({ "id": "series", "kind": "influx", "target": "http://series:8086" })
    );
    let limits = &site["points"][0]["limits"];
    assert_eq!(limits[0], json!({ "kind": "l", "value": 1.0, "level": 3, "alarm": "gauge.level" }));
    assert_eq!(limits[2], json!({ "kind": "hh", "value": 10.0, "level": 1, "alarm": "gauge.level" }));
    assert_eq!(site["points"][1]["limits"], json!([]));
    let again = console.request(Method::GET, "/api/v1/site").header("if-none-match", tag).send().await;
    assert_eq!(again.expect("an answer").status(), 304);
}

#[tokio::test]
async fn the_names_of_codes_come_with_the_point_and_its_value_stays_a_number() {
    let console = Console::start().await;
    let site = body(console.get("/api/v1/site").await).await;
    let codes = json!({ "0": { "zh": "关闭", "en": "closed" }, "1": { "zh": "打开", "en": "open" } });
    assert_eq!(site["points"][2]["codes"], codes);
    assert_eq!(site["points"][0].get("codes"), None);
}

#[tokio::test]
async fn outputs_are_named_and_shown_with_the_alarms_that_call_for_them() {
    let console = Console::start().await;
    let site = body(console.get("/api/v1/site").await).await;
    let spec = json!({
        "id": "siren",
        "title": { "zh": "声光报警器", "en": "Siren" },
        "device": "gauge",
        "hazard": "tank1",
        "enabled": true,
        "failed_alarm": null,
    });
    assert_eq!(site["outputs"], json!([spec]));
    let state = body(console.get("/api/v1/state").await).await;
    let siren = &state["board"]["outputs"]["siren"];
    assert_eq!((&siren["wanted"], &siren["on"], &siren["by"]), (&json!(true), &json!(true), &json!(null)));
    assert_eq!(siren["alarms"], json!(["gauge.level"]));
}

#[tokio::test]
async fn p2_a_bad_point_has_a_quality_and_no_number() {
    let console = Console::start().await;
    let state = body(console.get("/api/v1/state").await).await;
    let points = &state["values"]["points"];
    assert_eq!(points["gauge.level"]["value"], 6.25);
    assert_eq!(points["gauge.level"]["quality"], "good");
    assert_eq!(points["gauge.pressure"]["value"], json!(null));
    assert_eq!(points["gauge.pressure"]["quality"], "bad:comm");
    assert_eq!(points.get("gauge.valve"), None, "of a point never heard of, nothing is said");
    assert_eq!(state["board"]["alarms"]["gauge.level"]["state"], "unacknowledged");
    assert_eq!(state["board"]["risk"]["hazards"]["tank1"]["level"], 2);
}

#[tokio::test]
async fn the_journal_is_paged_from_the_newest() {
    let console = Console::with_history(Pages((1..=5).map(raised).collect())).await;
    let seqs = |page: &serde_json::Value| {
        let events = page["events"].as_array().expect("a list").iter();
        events.map(|event| event["seq"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    let first = body(console.get("/api/v1/events?limit=3").await).await;
    assert_eq!((seqs(&first), &first["next"]), (vec![5, 4, 3], &json!(3)));
    let last = body(console.get("/api/v1/events?limit=3&before=3").await).await;
    assert_eq!((seqs(&last), &last["next"]), (vec![2, 1], &json!(null)));
    for query in ["limit=0", "limit=501"] {
        assert_eq!(console.get(&format!("/api/v1/events?{query}")).await.status(), 422, "{query}");
    }
    for query in ["limit=x", "before=-1", "after=3"] {
        assert_eq!(console.get(&format!("/api/v1/events?{query}")).await.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_a_problem_without_its_insides() {
    struct Broken;
    impl EventHistory for Broken {
        fn page(&self, _: Option<u64>, _: usize) -> Result<Vec<Event>, HistoryError> {
            Err(HistoryError("/secret/path is gone".into()))
        }
    }
    let console = Console::with_history(Broken).await;
    let response = console.get("/api/v1/events").await;
    assert_eq!(response.status(), 500);
    let problem = body(response).await;
    assert_eq!(problem["type"], "urn:hazgate:problem:journal");
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_problems() {
    let console = Console::start().await;
    let nothing = console.get("/api/v1/nothing").await;
    assert_eq!(
        (nothing.status().as_u16(), &nothing.headers()["content-type"]),
        (404, &"application/problem+json".parse().expect("a value"))
    );
    for (method, path) in [
        (Method::DELETE, "/api/v1/state"),
        (Method::POST, "/"),
        (Method::GET, "/api/v1/alarms/x/acknowledge"),
    ] {
        let response = console.request(method, path).send().await.expect(path);
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(body(response).await["type"], "urn:hazgate:problem:method-not-allowed");
    }
}
