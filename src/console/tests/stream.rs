//! The live stream: how it begins, what it says of changes, and how it ends.

use std::str::from_utf8;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Console, PATIENCE, Pages, board, gateway, json as body, raised, snapshot};
use crate::console::live::{Feed, Live};
use crate::console::stream::{Viewer, stream};
use crate::console::{Shared, healthz};
use crate::model::limits::{
    CONSOLE_BEAT_INTERVAL, CONSOLE_SNAPSHOT_AGE_MAX, CONSOLE_STREAM_LAG_LEN_MAX, CONSOLE_STREAMS_MAX,
};
use crate::model::{AlarmState, Event, EventKind, Text};

fn acknowledged(seq: u64) -> Event {
    let mut event = raised(seq);
    event.transition.event = EventKind::Acknowledged;
    event.transition.state = AlarmState::Acknowledged;
    event.transition.by = Some("李强".to_owned());
    event
}

/// The event and the data of one frame.
fn parts(frame: &[u8]) -> (&str, Json) {
    let frame = from_utf8(frame).expect("text").trim_end();
    let (event, data) = frame.split_once("\ndata: ").expect("a frame");
    (event.strip_prefix("event: ").expect("an event"), serde_json::from_str(data).expect("JSON"))
}

#[tokio::test]
async fn a_stream_begins_with_the_whole_state_and_the_clock() {
    let console = Console::start().await;
    let mut stream = console.stream().await;
    let (event, state) = stream.next().await.expect("a frame");
    assert_eq!(event, "state");
    assert_eq!(state, body(console.get("/api/v1/state").await).await);
    assert_eq!(state["config"], "c0ffee");
    let (event, beat) = stream.next().await.expect("a frame");
    assert_eq!(event, "beat");
    assert!(beat["at"].is_string());
    let clocks = ["synced", "unsynced", "unknown"];
    assert!(clocks.iter().any(|clock| beat["clock"] == *clock), "{beat}");
}

#[tokio::test]
async fn every_viewer_sees_an_acknowledgement_and_a_return_and_nothing_that_did_not_change() {
    let console = Console::start().await;
    let mut viewers = [console.stream().await, console.stream().await];
    for viewer in &mut viewers {
        viewer.find("state").await;
    }
    console.gateway.board.send_replace(Arc::new(board([acknowledged(2)])));
    for viewer in &mut viewers {
        let change = viewer.find("board").await;
        assert_eq!(change["alarms"]["gauge.level"]["state"], "acknowledged");
        assert_eq!(change["devices"], json!({}));
        assert_eq!(change["outputs"]["siren"]["alarms"], json!([]), "nothing calls for it any more");
        assert_eq!(change.get("risk"), None);
    }
    console.gateway.board.send_replace(Arc::new(board([])));
    for viewer in &mut viewers {
        let change = viewer.find("board").await;
        assert_eq!(change["alarms"], json!({ "gauge.level": null }));
        assert_eq!(change["outputs"]["siren"]["wanted"], false);
        assert_eq!(change["risk"]["site"]["level"], "normal");
    }
    let late = console.stream().await.find("state").await;
    assert_eq!(late["board"]["alarms"], json!({}));
}

#[tokio::test]
async fn only_points_that_changed_are_sent_again() {
    let console = Console::start().await;
    let mut stream = console.stream().await;
    stream.find("state").await;
    console.gateway.snapshots.send_replace(Arc::new(snapshot(7.5)));
    let change = stream.find("values").await;
    let points = change["points"].as_object().expect("an object");
    assert_eq!(points.keys().collect::<Vec<_>>(), ["gauge.level"]);
    assert_eq!(points["gauge.level"]["value"], 7.5);
    assert_eq!(change["uplinks"], json!({}));
}

#[tokio::test]
async fn committed_events_are_passed_on_as_the_contract_has_them() {
    let console = Console::start().await;
    let mut stream = console.stream().await;
    stream.find("state").await;
    console.gateway.events.send(Arc::new(acknowledged(7))).expect("the console listens");
    let event = stream.find("event").await;
    assert_eq!(
        (&event["seq"], &event["event"], &event["by"]),
        (&json!(7), &json!("acknowledged"), &json!("李强"))
    );
}

#[tokio::test]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let console = Console::start().await;
    let mut viewers = Vec::new();
    for _ in 0..CONSOLE_STREAMS_MAX {
        viewers.push(console.stream().await);
    }
    let refused = console.get("/api/v1/stream").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(body(refused).await["type"], "urn:hazgate:problem:unavailable");
    assert_eq!(console.get("/api/v1/state").await.status(), 200, "requests are answered all the same");
    viewers.pop();
    let admitted = async { while console.get("/api/v1/stream").await.status() != 200 {} };
    timeout(PATIENCE, admitted).await.expect("room for one more");
}

#[tokio::test]
async fn p2_streams_end_when_nobody_renews_what_they_show() {
    let mut console = Console::start().await;
    let mut stream = console.stream().await;
    stream.find("state").await;
    assert_eq!(console.get("/healthz").await.text().await.expect("text"), "ok\n");
    // The gateway's loop is gone, and with it the sending side.
    console.gateway.board = watch::Sender::new(Arc::new(board([])));
    while stream.next().await.is_some() {}
    assert_eq!(console.get("/api/v1/stream").await.status(), 503);
    assert_eq!(console.get("/healthz").await.status(), 503);
}

#[tokio::test]
async fn an_orderly_stop_ends_streams_and_the_server() {
    let console = Console::start().await;
    let mut stream = console.stream().await;
    stream.find("state").await;
    console.stop.cancel();
    while stream.next().await.is_some() {}
    timeout(PATIENCE, console.server).await.expect("in time").expect("no panic").expect("no error");
}

#[tokio::test(start_paused = true)]
async fn p2_a_quiet_plant_still_beats() {
    let (live, gateway) = running();
    let (_, mut frames) = live.join();
    for _ in 0..5 {
        gateway.snapshots.send_replace(Arc::new(snapshot(6.25)));
        let frame =
            timeout(CONSOLE_BEAT_INTERVAL * 3 / 2, frames.recv()).await.expect("in time").expect("a frame");
        assert_eq!(parts(&frame).0, "beat");
    }
}

#[tokio::test(start_paused = true)]
async fn p2_a_loop_that_is_stuck_no_longer_beats_until_it_goes_on() {
    let (live, gateway) = running();
    let (_, mut frames) = live.join();
    gateway.snapshots.send_replace(Arc::new(snapshot(6.25)));
    sleep(CONSOLE_SNAPSHOT_AGE_MAX + CONSOLE_BEAT_INTERVAL).await;
    assert!(live.is_stuck());
    while frames.try_recv().is_ok() {}
    // What else is said does not pass for a sign of life of the loop.
    gateway.fault.send_replace(Some(Text::new("磁盘已满", "the disk is full")));
    let frame = frames.recv().await.expect("a frame");
    assert_eq!(parts(&frame).0, "fault");
    assert!(timeout(CONSOLE_BEAT_INTERVAL * 10, frames.recv()).await.is_err(), "a stuck loop has a pulse");
    gateway.snapshots.send_replace(Arc::new(snapshot(6.25)));
    let frame = timeout(CONSOLE_BEAT_INTERVAL * 2, frames.recv()).await.expect("in time").expect("a frame");
    assert_eq!(parts(&frame).0, "beat");
}

#[tokio::test(start_paused = true)]
async fn p2_no_stream_begins_while_the_loop_is_stuck() {
    let (context, gateway) = gateway(Pages(vec![]));
    let live = Arc::new(Live::new(&context, &CancellationToken::new()));
    let shared = Arc::new(Shared::new(context, Arc::clone(&live)));
    let begin = || async { stream(State(Arc::clone(&shared))).await.into_response().status() };
    let health = || async { healthz(State(Arc::clone(&shared))).await.into_response().status() };
    assert_eq!((begin().await, health().await), (StatusCode::OK, StatusCode::OK));
    sleep(CONSOLE_SNAPSHOT_AGE_MAX * 2).await;
    let refused = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!((begin().await, health().await), (refused, refused));
    drop(gateway);
}

#[tokio::test]
async fn p2_a_fault_is_in_the_state_and_told_at_once_and_the_gateway_is_not_healthy() {
    let console = Console::start().await;
    let mut stream = console.stream().await;
    assert_eq!(stream.find("state").await["fault"], json!(null));
    assert_eq!(console.get("/healthz").await.status(), 200);

    console.gateway.fault.send_replace(Some(Text::new("磁盘已满", "the disk is full")));
    let fault = json!({ "zh": "磁盘已满", "en": "the disk is full" });
    assert_eq!(stream.find("fault").await, json!({ "fault": fault }));
    assert_eq!(body(console.get("/api/v1/state").await).await["fault"], fault);
    assert_eq!(console.stream().await.find("state").await["fault"], fault);
    let health = console.get("/healthz").await;
    assert_eq!(health.status(), 503);
    assert_eq!(body(health).await["detail"], "the disk is full");

    console.gateway.fault.send_replace(None);
    assert_eq!(stream.find("fault").await, json!({ "fault": null }));
    assert_eq!(console.get("/healthz").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn values_are_gathered_and_the_newest_is_sent() {
    let (live, gateway) = running();
    let (_, mut frames) = live.join();
    let mut seen = Vec::new();
    for value in [1.0, 2.0, 3.0] {
        gateway.snapshots.send_replace(Arc::new(snapshot(value)));
    }
    while seen.len() < 2 {
        let frame = frames.recv().await.expect("a frame");
        let (event, data) = parts(&frame);
        if event == "values" {
            seen.push(data["points"]["gauge.level"]["value"].clone());
            gateway.snapshots.send_replace(Arc::new(snapshot(4.0)));
        }
    }
    assert_eq!(seen, [3.0, 4.0]);
}

#[tokio::test]
async fn a_viewer_who_lags_is_sent_the_whole_state_anew() {
    let (live, gateway) = running();
    let places = Arc::new(tokio::sync::Semaphore::new(1));
    let mut viewer = Viewer::new(live, places.try_acquire_owned().expect("a place"));
    let begins_whole =
        |frame: &[u8]| from_utf8(frame).expect("text").starts_with("retry: 2000\n\nevent: state\n");
    assert!(begins_whole(&viewer.next().await.expect("the state")));
    for seq in 0..=CONSOLE_STREAM_LAG_LEN_MAX as u64 {
        gateway.events.send(Arc::new(raised(seq))).expect("the feed listens");
    }
    gateway.board.send_replace(Arc::new(board([])));
    while !gateway.events.is_empty() {
        tokio::task::yield_now().await;
    }
    let frame = viewer.next().await.expect("the state");
    assert!(begins_whole(&frame));
    assert!(from_utf8(&frame).expect("text").contains(r#""alarms":{}"#), "as it is now");
}

/// A feed without a server around it.
fn running() -> (Arc<Live>, super::Gateway) {
    let (context, gateway) = gateway(Pages(vec![]));
    let live = Arc::new(Live::new(&context, &CancellationToken::new()));
    let feed = Feed::new(&context);
    let task = Arc::clone(&live);
    tokio::spawn(async move { task.run(feed).await });
    (live, gateway)
}
