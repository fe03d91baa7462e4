//! Brokers that refuse, keep silent, hang up, forget.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;

use super::fake_broker::{Behaviour, FakeBroker, Seen};
use super::plant::{Plant, broker_of};
use crate::model::Text;
use crate::model::limits::{MQTT_ACK_WAIT_MAX, MQTT_PAYLOAD_BYTES_MAX, MQTT_WINDOW_MAX};
use crate::site::{Broker, ForwarderKind, MqttTarget, MqttVersion};
use crate::store::fixtures::{AT, alarms, batch, commit, raised, telemetry};

/// The sequence numbers of the messages whose topic ends so, in the order in which they came.
fn seqs(seen: &Seen, topic: &str) -> Vec<u64> {
    let wanted = seen.publishes.iter().filter(|publish| publish.topic.ends_with(topic));
    wanted
        .map(|publish| serde_json::from_slice::<Json>(&publish.payload).unwrap()["seq"].as_u64().unwrap())
        .collect()
}

fn has_all(seqs: &[u64], upto: u64) -> bool {
    seqs.iter().collect::<BTreeSet<_>>().len() as u64 == upto
}

/// Numbers whose first occurrences are in order.
fn first_in_order(seqs: &[u64]) -> bool {
    let mut highest = 0;
    seqs.iter().all(|&seq| {
        let next = seq <= highest + 1;
        highest = highest.max(seq);
        next
    })
}

#[tokio::test]
async fn a_broker_that_refuses_the_password_is_named_and_tried_again() {
    for (version, code) in [(MqttVersion::V3_1_1, 5), (MqttVersion::V5, 0x86)] {
        let refuse = Behaviour { code, ..Behaviour::default() };
        let mut server = FakeBroker::speaking(version, vec![refuse, Behaviour::default()]).await;
        let mut plant = Plant::new(vec![("hq", broker_of(version, server.address))]);
        plant.start();
        let Text { zh, en } = plant.complaint().await;
        let address = server.address;
        let why = "wrong user name or password, or not authorised";
        assert_eq!(en, format!("the broker {address} refused the connection: {why}"));
        assert_eq!(zh, format!("MQTT 代理 {address} 拒绝连接：用户名或密码错误，或没有权限"));
        plant.works().await;
        commit(&plant.store, alarms(vec![raised("a")])).await;
        server.until("the event comes", |seen| has_all(&seqs(seen, "alarm/event"), 1)).await;
        let came = server.seen.lock().unwrap().connects[0].clone();
        assert_eq!((came.client_id.as_str(), came.is_clean), ("hazgate-acme-gw1-hq", false));
        assert_eq!(came.will_topic, "hazgate/v1/acme/gw1/status");
        let is_v5 = version == MqttVersion::V5;
        assert_eq!((came.session_s, came.will_delay_s), (is_v5.then_some(604_800), is_v5.then_some(5)));
        plant.stop().await;
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let address = "no-such-host.invalid:1883".to_owned();
    let nowhere = ForwarderKind::Mqtt(MqttTarget::one(Broker::open(address)));
    let mut plant = Plant::new(vec![("hq", nowhere)]);
    plant.start();
    let complaint = plant.complaint().await.en;
    assert!(complaint.contains("no-such-host.invalid:1883"), "{complaint}");
    plant.stop().await;
}

#[tokio::test]
async fn p1_nothing_is_lost_when_connections_are_cut_in_mid_flow_and_sessions_forgotten() {
    for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
        let cut = |cut_after, ack_every| Behaviour { cut_after, ack_every, ..Behaviour::default() };
        let script = vec![cut(9, 1), cut(40, 7), cut(1, 1), cut(150, 3), Behaviour::default()];
        let mut server = FakeBroker::speaking(version, script).await;
        let mut plant = Plant::new(vec![("hq", broker_of(version, server.address))]);
        commit(&plant.store, alarms((0..30).map(|i| raised(&format!("a{i}"))).collect())).await;
        commit(&plant.store, telemetry((0..300).map(|_| batch(0, AT, 1.0)).collect())).await;
        plant.start();
        let done =
            |seen: &Seen| has_all(&seqs(seen, "alarm/event"), 30) && has_all(&seqs(seen, "data/meter1"), 300);
        server.until("everything comes", done).await;
        {
            let seen = server.seen.lock().unwrap();
            assert!(seen.connects.len() >= 4, "{} connections", seen.connects.len());
            let events = seqs(&seen, "alarm/event");
            assert!(first_in_order(&events), "{events:?}");
        }
        plant.stop().await;
        assert_eq!(plant.progress("hq").await.event, 30);
    }
}

#[tokio::test]
async fn p4_an_event_does_not_wait_behind_a_backlog_that_nobody_acknowledges() {
    for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
        let silent = Behaviour { ack_every: 0, ..Behaviour::default() };
        let mut server = FakeBroker::speaking(version, vec![silent]).await;
        let mut plant = Plant::new(vec![("hq", broker_of(version, server.address))]);
        commit(&plant.store, telemetry((0..500).map(|_| batch(0, AT, 1.0)).collect())).await;
        plant.start();
        // As much as is let go before the broker has said anything.
        let backlog = |seen: &Seen| seqs(seen, "data/meter1").len() >= 8;
        server.until("the backlog begins", backlog).await;
        commit(&plant.store, alarms(vec![raised("a")])).await;
        server.until("the event comes all the same", |seen| has_all(&seqs(seen, "alarm/event"), 1)).await;
        let sent = server.seen.lock().unwrap().publishes.len();
        assert!(sent <= usize::from(MQTT_WINDOW_MAX), "{sent} publishes without an acknowledgement");
        plant.stop().await;
    }
}

#[tokio::test]
async fn p1_a_broker_that_never_acknowledges_is_left_and_tried_again() {
    for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
        let silent = Behaviour { ack_every: 0, ..Behaviour::default() };
        let mut server = FakeBroker::speaking(version, vec![silent, Behaviour::default()]).await;
        let mut plant = Plant::new(vec![("hq", broker_of(version, server.address))]);
        plant.start();
        commit(&plant.store, alarms(vec![raised("a")])).await;
        server.until("the event comes", |seen| has_all(&seqs(seen, "alarm/event"), 1)).await;
        tokio::time::pause();
        tokio::time::advance(MQTT_ACK_WAIT_MAX + Duration::from_secs(1)).await;
        tokio::time::resume();
        let said = plant.health.recv().await.unwrap();
        let complaint = said.expect("a broker that let us in and acknowledged nothing was said to work").en;
        assert!(complaint.contains("acknowledged nothing"), "{complaint}");
        server.until("the event comes again", |seen| seqs(seen, "alarm/event") == [1, 1]).await;
        plant.works().await;
        plant.stop().await;
        assert_eq!(plant.store.heads().borrow().event, 1);
    }
}

#[tokio::test]
async fn a_command_too_large_to_be_taken_does_not_cut_the_gateway_off_for_ever() {
    for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
        let poison = Behaviour { command_bytes: Some(8 * MQTT_PAYLOAD_BYTES_MAX), ..Behaviour::default() };
        let mut server = FakeBroker::speaking(version, vec![poison]).await;
        let mut plant = Plant::new(vec![("hq", broker_of(version, server.address))]);
        plant.start();
        server.until("a third connection", |seen| seen.connects.len() == 3).await;
        plant.works().await;
        commit(&plant.store, alarms(vec![raised("a")])).await;
        let told = |seen: &Seen| seen.publishes.iter().any(|publish| publish.topic.ends_with("cmd/reply"));
        server.until("the centre is told", told).await;
        server.until("the event comes", |seen| has_all(&seqs(seen, "alarm/event"), 1)).await;
        let seen = server.seen.lock().unwrap();
        let clean: Vec<bool> = seen.connects.iter().map(|connect| connect.is_clean).collect();
        assert_eq!(clean, [false, true, true], "the broker is asked to forget what it kept");
        assert_eq!(seen.subscribes, 2, "and at last commands are left alone");
    }
}
