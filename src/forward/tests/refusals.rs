//! What a broker of MQTT 5 says no to, what it asks us to keep to, and who else goes by our name.

use std::time::Duration;

use serde_json::Value as Json;

use super::fake_broker::{Behaviour, FakeBroker, Seen};
use super::plant::{Plant, broker_of, pass};
use crate::model::limits::{BACKOFF_MAX, EVENT_TRIES_MAX, MQTT_ELBOWED_AFTER, MQTT_PACKET_BYTES_MIN};
use crate::site::MqttVersion;
use crate::store::fixtures::{AT, alarms, batch, commit, raised, telemetry};

const QUOTA_EXCEEDED: u8 = 0x97;
const NOT_AUTHORISED: u8 = 0x87;
const PAYLOAD_FORMAT_INVALID: u8 = 0x99;
const SESSION_TAKEN_OVER: u8 = 0x8E;
const ALWAYS: usize = usize::MAX;

/// A plant whose broker behaves so.
async fn plant(behaviours: Vec<Behaviour>) -> (FakeBroker, Plant) {
    let server = FakeBroker::speaking(MqttVersion::V5, behaviours).await;
    let plant = Plant::new(vec![("hq", broker_of(MqttVersion::V5, server.address))]);
    (server, plant)
}

fn refusing(topic: &'static str, reason: u8, times: usize) -> Behaviour {
    Behaviour { refuses: vec![(topic, reason, times)], ..Behaviour::default() }
}

/// How many messages on a topic came, and how many of them were taken.
fn came(seen: &Seen, topic: &str) -> (usize, usize) {
    let said = seen.publishes.iter().filter(|said| said.topic.ends_with(topic));
    said.fold((0, 0), |(all, taken), said| (all + 1, taken + usize::from(said.is_taken)))
}

#[tokio::test]
async fn p1_an_event_that_is_refused_for_now_is_owed_told_and_sent_again() {
    let (mut server, mut plant) = plant(vec![refusing("alarm/event", QUOTA_EXCEEDED, 2)]).await;
    commit(&plant.store, alarms(vec![raised("a")])).await;
    plant.start();
    let complaint = plant.complaint().await.en;
    assert!(
        complaint.contains("does not take an alarm event: a quota of the broker is used up"),
        "{complaint}"
    );
    server.until("it is taken at last", |seen| came(seen, "alarm/event") == (3, 1)).await;
    plant.stop().await;
    assert_eq!(plant.progress("hq").await.event, 1);
    assert_eq!(server.seen.lock().unwrap().connects.len(), 1, "on one connection");
}

#[tokio::test]
async fn p1_an_event_that_is_never_taken_for_want_of_a_right_is_never_counted_as_told() {
    let (mut server, mut plant) = plant(vec![refusing("alarm/event", NOT_AUTHORISED, ALWAYS)]).await;
    commit(&plant.store, alarms(vec![raised("a")])).await;
    commit(&plant.store, telemetry(vec![batch(0, AT, 1.0)])).await;
    plant.start();
    server.until("it is tried again", |seen| came(seen, "alarm/event").0 >= 2).await;
    server.until("telemetry goes on", |seen| came(seen, "data/meter1").1 >= 1).await;
    plant.stop().await;
    assert_eq!(plant.progress("hq").await.event, 0);
}

#[tokio::test]
async fn p4_where_readings_are_refused_events_go_on_without_a_new_connection() {
    let (mut server, mut plant) = plant(vec![refusing("data/meter1", NOT_AUTHORISED, ALWAYS)]).await;
    commit(&plant.store, telemetry(vec![batch(0, AT, 1.0)])).await;
    plant.start();
    let complaint = plant.complaint().await.zh;
    assert!(complaint.contains("拒收数据：没有权限"), "{complaint}");
    commit(&plant.store, alarms(vec![raised("a")])).await;
    server.until("the event is taken", |seen| came(seen, "alarm/event").1 == 1).await;
    plant.stop().await;
    let progress = plant.progress("hq").await;
    assert!(progress.event == 1 && progress.owes(1), "{progress:?}");
}

#[tokio::test]
async fn a_row_that_is_refused_for_what_it_is_is_set_aside_and_told() {
    let (mut server, mut plant) = plant(vec![refusing("data/meter1", PAYLOAD_FORMAT_INVALID, 1)]).await;
    commit(&plant.store, telemetry(vec![batch(0, AT, 1.0), batch(0, AT, 2.0)])).await;
    plant.start();
    let complaint = plant.complaint().await.en;
    assert!(
        complaint.contains("which is set aside: the broker finds the payload's format invalid"),
        "{complaint}"
    );
    server.until("the other is taken", |seen| came(seen, "data/meter1") == (2, 1)).await;
    plant.stop().await;
    let progress = plant.progress("hq").await;
    assert!(!progress.owes(1) && !progress.owes(2), "{progress:?}");
}

#[tokio::test]
async fn p4_an_event_that_is_refused_for_what_it_is_holds_up_the_others_for_a_few_tries_only() {
    let tries = EVENT_TRIES_MAX as usize;
    let (mut server, mut plant) = plant(vec![refusing("alarm/event", PAYLOAD_FORMAT_INVALID, tries)]).await;
    commit(&plant.store, alarms(vec![raised("a")])).await;
    plant.start();
    for tried in 1..=tries {
        server.until("it is tried", |seen| came(seen, "alarm/event").0 >= tried).await;
        pass(BACKOFF_MAX).await;
    }
    commit(&plant.store, alarms(vec![raised("b")])).await;
    server.until("the next is taken", |seen| came(seen, "alarm/event").1 == 1).await;
    plant.stop().await;
    assert_eq!(plant.progress("hq").await.event, 2, "one told, one set aside");
}

#[tokio::test]
async fn no_more_is_on_its_way_than_the_broker_receives_at_once() {
    let few = Behaviour { receive_max: Some(3), ack_every: 2, ..Behaviour::default() };
    let (mut server, mut plant) = plant(vec![few]).await;
    commit(&plant.store, alarms((0..40).map(|i| raised(&format!("a{i}"))).collect())).await;
    commit(&plant.store, telemetry((0..100).map(|_| batch(0, AT, 1.0)).collect())).await;
    plant.start();
    let all = |seen: &Seen| came(seen, "alarm/event").0 == 40 && came(seen, "data/meter1").0 >= 99;
    server.until("everything comes", all).await;
    {
        let seen = server.seen.lock().unwrap();
        assert!(seen.outstanding_max <= 3 && seen.publishes.iter().all(|said| said.qos == 1));
    }
    plant.crash().await;
}

#[tokio::test]
async fn what_is_larger_than_the_broker_takes_is_not_sent_and_holds_up_nothing() {
    let small = Behaviour { packet_bytes_max: Some(MQTT_PACKET_BYTES_MIN as u32), ..Behaviour::default() };
    let (mut server, mut plant) = plant(vec![small]).await;
    let long = "a".repeat(MQTT_PACKET_BYTES_MIN);
    commit(&plant.store, alarms(vec![raised(&long), raised("b")])).await;
    plant.start();
    let complaint = plant.complaint().await.en;
    assert!(complaint.contains("alarm event 1, which is set aside"), "{complaint}");
    server.until("the other comes", |seen| came(seen, "alarm/event") == (1, 1)).await;
    {
        let seen = server.seen.lock().unwrap();
        let event = seen.publishes.iter().find(|said| said.topic.ends_with("alarm/event")).unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&event.payload).unwrap()["seq"], 2);
        assert_eq!(seen.connects.len(), 1, "the connection stands");
    }
    plant.stop().await;
    assert_eq!(plant.progress("hq").await.event, 2);
}

#[tokio::test]
async fn a_broker_too_small_for_an_alarm_is_refused_in_words() {
    let tiny = Behaviour { packet_bytes_max: Some(500), ..Behaviour::default() };
    let (_server, mut plant) = plant(vec![tiny]).await;
    plant.start();
    let complaint = plant.complaint().await.en;
    assert!(complaint.contains("packets of 500 bytes at most, too few for an alarm"), "{complaint}");
    plant.stop().await;
}

#[tokio::test]
async fn a_gateway_whose_session_is_taken_over_says_so_and_does_not_fight() {
    let thrown_out = Behaviour { parts_after: Some((1, SESSION_TAKEN_OVER)), ..Behaviour::default() };
    let (mut server, mut plant) = plant(vec![thrown_out, Behaviour::default()]).await;
    plant.start();
    let complaint = plant.complaint().await;
    assert!(complaint.en.contains("another client has connected under the same client id"), "{complaint:?}");
    assert!(complaint.en.contains("`hazgate-acme-gw1-hq`"), "{complaint:?}");
    assert!(complaint.zh.contains("标识") && complaint.zh.contains("两台网关编号相同"), "{complaint:?}");
    pass(Duration::from_secs(10)).await;
    commit(&plant.store, alarms(vec![raised("a")])).await;
    assert_eq!(server.seen.lock().unwrap().connects.len(), 1, "it came back at once");
    pass(BACKOFF_MAX).await;
    server.until("it comes back later", |seen| came(seen, "alarm/event").1 == 1).await;
    assert!(plant.health.try_recv().is_err(), "it is still told, though the broker works");
    plant.stop().await;
}

#[tokio::test]
async fn a_broker_of_the_old_version_that_closes_again_and_again_is_told_as_a_second_client() {
    let closing = Behaviour { parts_after: Some((1, 0)), ..Behaviour::default() };
    let mut server = FakeBroker::speaking(MqttVersion::V3_1_1, vec![closing]).await;
    let mut plant = Plant::new(vec![("hq", broker_of(MqttVersion::V3_1_1, server.address))]);
    plant.start();
    let mut told = String::new();
    for _ in 0..MQTT_ELBOWED_AFTER {
        told = loop {
            let complaint = plant.complaint().await.en;
            if complaint.contains("closed the connection") {
                break complaint;
            }
        };
    }
    assert!(told.contains("another client may go by the id `hazgate-acme-gw1-hq`"), "{told}");
    server.until("three connections", |seen| seen.connects.len() == MQTT_ELBOWED_AFTER as usize).await;
    plant.stop().await;
}
