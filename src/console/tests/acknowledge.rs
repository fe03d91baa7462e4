//! Acknowledging, and ordering to stop, through the API: what reaches the engine, and what each refusal looks like.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value as Json, json};

use super::{Console, json as body, stamp};
use crate::model::limits::{CONSOLE_BODY_BYTES_MAX, OPERATOR_NAME_CHARS_MAX};
use crate::model::{Action, Command, CommandError, CommandResult, Input};

const PATH: &str = "/api/v1/alarms/gauge.level/acknowledge";

fn post(console: &Console, path: &str, content: &Json) -> RequestBuilder {
    console.request(Method::POST, path).header("content-type", "application/json").body(content.to_string())
}

/// Sends the acknowledgement and lets the engine answer with `result`.
async fn answered(console: &mut Console, content: &Json, result: CommandResult) -> (Response, Command) {
    answered_at(PATH, console, content, result).await
}

async fn answered_at(
    path: &str,
    console: &mut Console,
    content: &Json,
    result: CommandResult,
) -> (Response, Command) {
    let response = tokio::spawn(post(console, path, content).send());
    let message = console.gateway.inbox.recv().await.expect("a command");
    message.reply.expect("somebody waits").send(result).expect("somebody still waits");
    let Input::Command(command) = message.input else { panic!("not a command: {:?}", message.input) };
    (response.await.expect("no panic").expect("an answer"), command)
}

#[tokio::test]
async fn an_acknowledgement_reaches_the_engine_whole() {
    let mut console = Console::start().await;
    let content = json!({ "by": " 李强 ", "reason": "已核实", "raised_at": stamp() });
    let (response, command) = answered(&mut console, &content, Ok(())).await;
    assert_eq!(response.status(), 204);
    let action = Action::Acknowledge { alarm: "gauge.level".to_owned(), raised_at: Some(stamp()) };
    assert_eq!(command, Command { action, by: "李强".to_owned(), reason: Some("已核实".to_owned()) });
}

#[tokio::test]
async fn an_order_to_stop_reaches_the_engine_whole_and_says_why_it_is_refused() {
    let (path, mut console) = ("/api/v1/stop-order", Console::start().await);
    let content = json!({ "by": "李强", "reason": "整改", "hazard": "line1", "on": true });
    let (response, command) = answered_at(path, &mut console, &content, Ok(())).await;
    assert_eq!(response.status(), 204);
    let action = Action::OrderStop { hazard: Some("line1".to_owned()), stands: true };
    assert_eq!(command, Command { action, by: "李强".to_owned(), reason: Some("整改".to_owned()) });
    let content = json!({ "by": "李强", "reason": "整改", "on": false });
    let refusal = Err(CommandError::NoStops(None));
    let (response, command) = answered_at(path, &mut console, &content, refusal).await;
    assert_eq!(response.status(), 404);
    assert_eq!(command.action, Action::OrderStop { hazard: None, stands: false });
    assert_eq!(body(response).await["type"], "urn:hazgate:problem:no-stops");
}

#[tokio::test]
async fn each_refusal_of_the_engine_is_a_problem_of_its_own() {
    let mut console = Console::start().await;
    let alarm = || "gauge.level".to_owned();
    let cases = [
        (CommandError::UnknownAlarm(alarm()), 404, "unknown-alarm"),
        (CommandError::NotStanding(alarm()), 409, "not-standing"),
        (CommandError::OtherInstance { alarm: alarm(), raised_at: stamp() }, 409, "other-instance"),
        (CommandError::Unavailable, 503, "unavailable"),
    ];
    for (error, status, kind) in cases {
        let said = error.to_string();
        let (response, _) = answered(&mut console, &json!({ "by": "x" }), Err(error)).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem = body(response).await;
        assert_eq!(problem["type"], format!("urn:hazgate:problem:{kind}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["detail"], said);
    }
}

#[tokio::test]
async fn a_stopping_gateway_says_so() {
    let mut console = Console::start().await;
    console.gateway.inbox.close();
    let response = post(&console, PATH, &json!({ "by": "x" })).send().await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn what_is_not_an_acknowledgement_never_reaches_the_engine() {
    let mut console = Console::start().await;
    let long = "名".repeat(OPERATOR_NAME_CHARS_MAX + 1);
    let cases = [
        json!({}),
        json!({ "by": "" }),
        json!({ "by": "   " }),
        json!({ "by": long }),
        json!({ "by": "a\nb" }),
        json!({ "by": "x", "reason": "a\u{0}b" }),
        json!({ "by": "x", "raised_at": "yesterday" }),
        json!({ "by": "x", "extra": 1 }),
        json!([]),
    ];
    for content in cases {
        let response = post(&console, PATH, &content).send().await.expect("an answer");
        assert_eq!(response.status(), 422, "{content}");
        assert_eq!(body(response).await["type"], "urn:hazgate:problem:invalid");
    }
    let too_long = json!({ "by": "x".repeat(CONSOLE_BODY_BYTES_MAX) });
    assert_eq!(post(&console, PATH, &too_long).send().await.expect("an answer").status(), 413);
    let form = console.request(Method::POST, PATH).body(r#"{"by":"x"}"#).send().await.expect("an answer");
    assert_eq!(form.status(), 415);
    let broken = console.request(Method::POST, PATH).header("content-type", "application/json").body("{");
    assert_eq!(broken.send().await.expect("an answer").status(), 400);
    assert!(console.gateway.inbox.try_recv().is_err(), "nothing reached the engine");
}
