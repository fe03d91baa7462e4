//! Reports on their way: each reaches the centre, once the broker has it never again, and an outage costs none.
#![cfg(feature = "broker")]

use serde_json::json;

use super::fake_broker::{Behaviour, FakeBroker, Seen};
use super::plant::{ANY, Centre, Plant, broker};
use crate::broker::EmbeddedBroker;
use crate::report::POWER;
use crate::report::document::LineDay;
use crate::site::MqttVersion;
use crate::store::fixtures::commit;
use crate::store::{Report, Turn};

/// A report of a line on a day.
fn report(day: &str, line: &str) -> Report {
    let at = "2026-11-21T00:00:00.000+08:00";
    let body = json!({
        "v": 1, "day": day, "line": line, "title": {"zh": line, "en": line}, "hazard": null, "from": at, "to": at, "until": at,
        "load": line, "unit": "kW", "coverage": 0.0, "mean": null, "energy": null, "demand": null, "load_factor": null,
        "hours": null, "shifts": [], "timeline": [], "profile": [], "ordinary": null, "anomalies": [], "anomalies_left_out": 0,
    });
    let line_day: LineDay = serde_json::from_value(body).expect("a report");
    let body = serde_json::to_string(&line_day).expect("JSON");
    Report { kind: POWER.to_owned(), day: day.to_owned(), subject: line.to_owned(), body }
}

fn made(reports: Vec<Report>) -> Turn {
    Turn { reports, ..Turn::default() }
}

#[tokio::test]
async fn p1_a_report_reaches_the_centre_though_the_broker_was_away_when_it_was_made_and_comes_once() {
    let server = EmbeddedBroker::start(ANY).await.unwrap();
    let mut centre = Centre::listen(server.local_addr(), "centre").await;
    let mut plant = Plant::new(vec![("hq", broker(server.local_addr()))]);
    // Nobody serves the destination yet: the broker is away for all that the store knows.
    commit(
        &plant.store,
        made(vec![report("2026-11-20", "meter1.power"), report("2026-11-20", "meter2.power")]),
    )
    .await;
    commit(&plant.store, made(vec![report("2026-11-20", "meter1.power")])).await;
    plant.start();
    for line in ["meter1.power", "meter2.power"] {
        let publish = centre.on(&format!("report/power/2026-11-20/{line}")).await;
        assert!(!publish.retain);
    }
    let mut plant = plant.restarted().await;
    plant.start();
    commit(&plant.store, made(vec![report("2026-11-21", "meter1.power")])).await;
    // The next report that comes is the new one: what the broker had is not sent again.
    loop {
        let publish = centre.any().await;
        if publish.topic.contains("/report/") {
            assert!(publish.topic.ends_with("report/power/2026-11-21/meter1.power"), "{}", publish.topic);
            break;
        }
    }
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn p1_a_report_that_the_broker_did_not_acknowledge_is_sent_again_with_the_next_connection() {
    // Status, risk and two devices go before it; then the line is cut, and nothing was acknowledged.
    let deaf = Behaviour { ack_every: 0, cut_after: 5, ..Behaviour::default() };
    let mut server = FakeBroker::speaking(MqttVersion::V3_1_1, vec![deaf, Behaviour::default()]).await;
    let mut plant = Plant::new(vec![("hq", broker(server.address))]);
    commit(&plant.store, made(vec![report("2026-11-20", "meter1.power")])).await;
    plant.start();
    let reports = |seen: &Seen| seen.publishes.iter().filter(|it| it.topic.contains("/report/")).count();
    server.until("the report comes again", |seen| seen.connects.len() == 2 && reports(seen) == 2).await;
    plant.stop().await;
    commit(&plant.store, Turn::default()).await;
    assert_eq!(plant.store.outbox("hq").unwrap().reported().await.unwrap(), 1);
}

#[tokio::test]
async fn a_destination_that_is_new_is_not_told_of_days_before_it() {
    let server = EmbeddedBroker::start(ANY).await.unwrap();
    let plant = Plant::new(vec![]);
    commit(&plant.store, made(vec![report("2026-11-20", "meter1.power")])).await;
    let mut plant = plant.restarted_with(vec![("hq", broker(server.local_addr()))]).await;
    let mut centre = Centre::listen(server.local_addr(), "centre").await;
    plant.start();
    commit(&plant.store, made(vec![report("2026-11-21", "meter1.power")])).await;
    loop {
        let publish = centre.any().await;
        if publish.topic.contains("/report/") {
            assert!(publish.topic.contains("2026-11-21"), "{}", publish.topic);
            break;
        }
    }
    plant.stop().await;
    server.stop().await;
}
