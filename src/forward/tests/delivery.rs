//! End to end through the embedded broker, heard by a subscriber of its own.
#![cfg(feature = "broker")]

use serde_json::{Value as Json, json};

use super::plant::{ANY, Centre, Plant, broker_of};
use crate::broker::EmbeddedBroker;
use crate::model::{
    Action, AlarmState, ClockChange, ClockSync, DeviceStatus, EventKind, LinkCounters, LinkState, Text, Wall,
};
use crate::site::MqttVersion;
use crate::store::Turn;
use crate::store::fixtures::{AT, alarms, batch, commit, raised, telemetry, transition};

const VERSIONS: [MqttVersion; 2] = [MqttVersion::V3_1_1, MqttVersion::V5];

async fn connected() -> (EmbeddedBroker, Plant, Centre) {
    connected_by(MqttVersion::V3_1_1).await
}

async fn connected_by(version: MqttVersion) -> (EmbeddedBroker, Plant, Centre) {
    let server = EmbeddedBroker::start(ANY).await.unwrap();
    let centre = Centre::listen(server.local_addr(), "centre").await;
    let mut plant = Plant::new(vec![("hq", broker_of(version, server.local_addr()))]);
    plant.start();
    plant.works().await;
    (server, plant, centre)
}

#[tokio::test]
async fn p1_an_alarm_reaches_the_centre_and_a_late_subscriber_sees_what_stands() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        commit(&plant.store, alarms(vec![raised("dust1.fan"), raised("dust1.pressure")])).await;
        let event = centre.json("alarm/event").await;
        assert_eq!(event["alarm"], "dust1.fan");
        assert_eq!((&event["v"], &event["seq"], &event["level"]), (&json!(1), &json!(1), &json!(2)));
        assert_eq!(event["at"], "2026-11-21T20:15:03.214+08:00");
        assert_eq!(event["message"], json!({"zh": "除尘风机功率低", "en": "fan power low"}));
        assert_eq!((&event["by"], &event["quality"]), (&Json::Null, &json!("good")));
        let current = centre.json("alarm/current/dust1.fan").await;
        assert_eq!((&current["id"], &current["state"]), (&event["id"], &json!("unacknowledged")));

        commit(&plant.store, alarms(vec![transition("dust1.fan", EventKind::Cleared, AlarmState::Normal)]))
            .await;
        assert_eq!(centre.on("alarm/current/dust1.fan").await.payload.len(), 0, "normal: taken away");

        let mut late = Centre::listen(server.local_addr(), "late").await;
        let mut retained = std::collections::BTreeMap::new();
        while retained.len() < 5 {
            let publish = late.any().await;
            assert!(publish.retain, "{} was not retained", publish.topic);
            let topic = publish.topic.strip_prefix("hazgate/v1/acme/gw1/").unwrap().to_owned();
            retained.insert(topic, serde_json::from_slice::<Json>(&publish.payload).unwrap());
        }
        let topics: Vec<_> = retained.keys().collect();
        assert_eq!(
            topics,
            ["alarm/current/dust1.pressure", "device/meter1", "device/meter2", "risk", "status"]
        );
        assert_eq!(retained["status"]["online"], true);
        assert_eq!(retained["status"]["config"], "ab12");
        assert_eq!(retained["risk"]["hazards"]["dust1"]["level"], "normal");
        plant.stop().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn telemetry_and_device_states_arrive_as_the_contract_says() {
    let (server, mut plant, mut centre) = connected().await;
    let at = AT.stamp(&plant.site.identity.zone);
    let error = Some(Text::new("无应答", "no answer"));
    let down = DeviceStatus {
        at,
        device: "meter2".to_owned(),
        state: LinkState::Degraded,
        since: at,
        error,
        counters: LinkCounters::default(),
    };
    commit(&plant.store, Turn { devices: vec![down], ..Turn::default() }).await;
    while centre.json("device/meter2").await["state"] != "degraded" {}
    commit(&plant.store, telemetry(vec![batch(0, AT, 12.5)])).await;
    let data = centre.json("data/meter1").await;
    let sent = json!({"v": 1, "seq": 1, "ts": AT.0, "clock": "unknown", "device": "meter1", "values": {"power": 12.5, "run": true},
        "quality": {}, "backfill": data["backfill"]});
    assert_eq!(data, sent);
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn p4_what_is_late_is_marked_as_back_fill_and_what_is_new_is_not() {
    let (server, mut plant, mut centre) = connected().await;
    let now = crate::clock::Clock::start().now().wall;
    let old = batch(0, Wall(now.0 - 60_000), 1.0);
    commit(&plant.store, telemetry(vec![old, batch(1, now, 2.0)])).await;
    assert_eq!(centre.json("data/meter1").await["backfill"], true);
    assert_eq!(centre.json("data/meter2").await["backfill"], false);
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn p4_a_step_of_the_clock_makes_nothing_late() {
    let (server, mut plant, mut centre) = connected().await;
    plant.crash().await;
    let clock = crate::clock::Clock::start();
    let put = 7_200_000;
    let stamped = Wall(clock.now().wall.0 - put);
    commit(&plant.store, telemetry(vec![batch(0, stamped, 1.0)])).await;
    let (at, sync) = (clock.now(), ClockSync::Synced);
    let step = ClockChange { at, by_ms: put, slept: std::time::Duration::ZERO, sync, restamps: false };
    commit(&plant.store, Turn { clock: Some(step), ..Turn::default() }).await;
    plant.start();
    assert_eq!(centre.json("data/meter1").await["backfill"], false, "read just now, by the clock as it was");
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn p2_a_standing_alarm_whose_stamp_is_put_right_is_said_again_and_its_event_is_not() {
    let (server, mut plant, mut centre) = connected().await;
    let unsynced = |by_ms, sync| ClockChange {
        at: crate::clock::Clock::start().now(),
        by_ms,
        slept: std::time::Duration::ZERO,
        sync,
        restamps: sync == ClockSync::Synced,
    };
    let doubt = Turn { clock: Some(unsynced(0, ClockSync::Unsynced)), ..Turn::default() };
    commit(&plant.store, doubt).await;
    commit(&plant.store, alarms(vec![raised("dust1.fan")])).await;
    let event = centre.json("alarm/event").await;
    assert_eq!(event["clock"], "unsynced");
    let first = centre.json("alarm/current/dust1.fan").await;
    let known = Turn { clock: Some(unsynced(3_600_000, ClockSync::Synced)), ..Turn::default() };
    commit(&plant.store, known).await;
    let second = centre.json("alarm/current/dust1.fan").await;
    assert_eq!((&second["id"], &second["seq"]), (&first["id"], &first["seq"]));
    assert_eq!(second["raised_at"], first["raised_at"], "the instance keeps its name");
    assert_eq!(second["at"], "2026-11-21T21:15:03.214+08:00");
    assert_eq!(second["clock"], "restamped");
    commit(&plant.store, alarms(vec![raised("dust1.pressure")])).await;
    assert_eq!(centre.json("alarm/event").await["alarm"], "dust1.pressure", "the first is not sent again");
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_command_is_carried_out_and_answered() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        centre
            .command(r#"{"v":1,"id":"c1","cmd":"ack","alarm":"dust1.fan","by":"李工","reason":"已派人"}"#)
            .await;
        assert_eq!(centre.json("cmd/reply").await, json!({"v": 1, "id": "c1", "ok": true}));
        let command = plant.commands.recv().await.unwrap();
        let alarm = "dust1.fan".to_owned();
        assert_eq!(command.action, Action::Acknowledge { alarm, raised_at: None });
        assert_eq!(command.by, "李工");

        centre.command(r#"{"v":1,"id":"c2","cmd":"ack","alarm":"nowhere","by":"x"}"#).await;
        let refused = centre.json("cmd/reply").await;
        assert_eq!((&refused["id"], &refused["ok"]), (&json!("c2"), &json!(false)));
        assert!(refused["error"].as_str().unwrap().contains("nowhere"));
        plant.stop().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn whatever_is_no_command_gets_one_clear_answer_and_harms_nothing() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        let huge = vec![b'x'; crate::model::limits::MQTT_PAYLOAD_BYTES_MAX + 1];
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"{\"v\":1,".to_vec(), "JSON"),
            (vec![0xff, 0x00], "JSON"),
            (br#"{"v":2,"id":"a","cmd":"ack"}"#.to_vec(), "version 1"),
            (br#"{"v":1,"id":"a","cmd":"explode"}"#.to_vec(), "explode"),
            (huge, "at most"),
        ];
        for (payload, part) in cases {
            centre.command(payload).await;
            let reply = centre.json("cmd/reply").await;
            assert_eq!(reply["ok"], false);
            assert!(reply["error"].as_str().unwrap().contains(part), "{reply}");
        }
        commit(&plant.store, alarms(vec![raised("a")])).await;
        assert_eq!(centre.json("alarm/event").await["alarm"], "a", "the connection still stands");
        assert!(plant.commands.try_recv().is_err());
        plant.stop().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_snapshot_sends_the_retained_state_again() {
    let (server, mut plant, mut centre) = connected().await;
    commit(&plant.store, alarms(vec![raised("a")])).await;
    centre.on("alarm/current/a").await;
    centre.command(r#"{"v":1,"id":"s","cmd":"snapshot"}"#).await;
    let mut topics = std::collections::BTreeSet::new();
    while topics.len() < 6 {
        topics.insert(centre.any().await.topic.replace("hazgate/v1/acme/gw1/", ""));
        topics.remove("cmd");
    }
    assert!(
        topics.contains("risk") && topics.contains("alarm/current/a") && topics.contains("device/meter2")
    );
    plant.stop().await;
    server.stop().await;
}

/// The numbers of the next events.
async fn numbers(centre: &mut Centre, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.push(centre.json("alarm/event").await["seq"].as_u64().unwrap());
    }
    numbers
}

#[tokio::test]
async fn p1_a_gap_that_the_centre_finds_is_sent_again_from_the_journal_and_moves_no_cursor() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        commit(&plant.store, alarms((1..=300).map(|i| raised(&format!("a{i}"))).collect())).await;
        assert_eq!(numbers(&mut centre, 300).await, (1..=300).collect::<Vec<_>>());
        let ask = |id: &str, span: &str| format!(r#"{{"v":1,"id":"{id}","cmd":"resend",{span}}}"#);
        centre.command(ask("some", r#""from":20,"to":170"#)).await;
        assert_eq!(numbers(&mut centre, 151).await, (20..=170).collect::<Vec<_>>());
        centre.command(ask("rest", r#""from":299"#)).await;
        assert_eq!(numbers(&mut centre, 2).await, [299, 300]);
        for (id, span, why) in [
            ("future", r#""from":301"#, "there is no event 301 yet: the newest is 300"),
            ("back", r#""from":9,"to":8"#, "is no span of events"),
            ("zero", r#""from":0"#, "is no span of events"),
        ] {
            centre.command(ask(id, span)).await;
            let reply = loop {
                let reply = centre.json("cmd/reply").await;
                if reply["id"] == id {
                    break reply;
                }
                assert_eq!(reply["ok"], true, "{reply}");
            };
            assert!(reply["ok"] == false && reply["error"].as_str().unwrap().contains(why), "{reply}");
        }
        commit(&plant.store, alarms(vec![raised("new")])).await;
        assert_eq!(centre.json("alarm/event").await["seq"], 301);
        plant.stop().await;
        assert_eq!(plant.progress("hq").await.event, 301);
        server.stop().await;
    }
}

#[tokio::test]
async fn p2_a_gateway_that_stops_or_dies_is_seen_to_be_gone() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        assert_eq!(centre.json("status").await["online"], true);
        plant.stop().await;
        let gone = centre.json("status").await;
        assert_eq!((&gone["online"], &gone["version"]), (&json!(false), &json!(env!("CARGO_PKG_VERSION"))));

        plant.start();
        assert_eq!(centre.json("status").await["online"], true);
        plant.crash().await;
        assert_eq!(centre.json("status").await["online"], false, "the Last Will");
        server.stop().await;
    }
}

#[tokio::test]
async fn p2_a_gateway_whose_disk_refuses_says_so_at_once_and_when_it_is_over() {
    let (server, mut plant, mut centre) = connected().await;
    let first = centre.json("status").await;
    assert_eq!(first["fault"], Json::Null);
    let disk = rusqlite::Connection::open(plant.site.store.directory.join("hazgate.db")).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    plant.store.commit(alarms(vec![raised("a")])).await.unwrap();
    let refusing = centre.json("status").await;
    assert!(refusing["fault"]["zh"].is_string() && refusing["fault"]["en"].is_string(), "{refusing}");
    assert_eq!((&refusing["online"], &refusing["since"]), (&json!(true), &first["since"]));

    let mut late = Centre::listen(server.local_addr(), "late").await;
    let retained = late.on("status").await;
    assert!(retained.retain);
    assert_eq!(serde_json::from_slice::<Json>(&retained.payload).unwrap(), refusing);

    plant.crash().await;
    assert_eq!(centre.json("status").await["online"], false, "the Last Will");
    plant.start();
    assert_eq!(centre.json("status").await["fault"], refusing["fault"], "a new connection says it too");

    disk.execute_batch("ROLLBACK").unwrap();
    let (mut over, mut told) = (false, false);
    while !(over && told) {
        let publish = centre.any().await;
        let payload = serde_json::from_slice::<Json>(&publish.payload).unwrap();
        over |= publish.topic.ends_with("/status") && payload["fault"].is_null();
        told |= publish.topic.ends_with("alarm/event") && payload["alarm"] == "a";
    }
    plant.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn p1_nothing_is_lost_when_the_broker_is_stopped_and_started_anew() {
    for version in VERSIONS {
        let (server, mut plant, centre) = connected_by(version).await;
        drop(centre);
        let address = server.local_addr();
        commit(&plant.store, alarms((0..5).map(|i| raised(&format!("before{i}"))).collect())).await;
        server.stop().await;
        assert!(plant.complaint().await.en.contains(&address.to_string()));
        commit(&plant.store, alarms((0..5).map(|i| raised(&format!("during{i}"))).collect())).await;
        commit(&plant.store, telemetry((0..200).map(|i| batch(0, AT, f64::from(i))).collect())).await;

        let server = EmbeddedBroker::start(address).await.unwrap();
        let mut centre = Centre::listen(address, "centre").await;
        plant.works().await;
        let (mut events, mut rows) = (vec![], std::collections::BTreeSet::new());
        while !events.contains(&"during4".to_owned()) || rows.len() < 200 {
            let publish = centre.any().await;
            if publish.topic.ends_with("alarm/event") {
                let event: Json = serde_json::from_slice(&publish.payload).unwrap();
                events.push(event["alarm"].as_str().unwrap().to_owned());
            } else if publish.topic.ends_with("data/meter1") {
                let data: Json = serde_json::from_slice(&publish.payload).unwrap();
                rows.insert(data["seq"].as_u64().unwrap());
            }
        }
        assert!(events.ends_with(&(0..5).map(|i| format!("during{i}")).collect::<Vec<_>>()), "{events:?}");
        plant.stop().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn p1_a_restart_goes_on_where_the_centre_acknowledged() {
    for version in VERSIONS {
        let (server, mut plant, mut centre) = connected_by(version).await;
        commit(&plant.store, alarms(vec![raised("a")])).await;
        commit(&plant.store, telemetry(vec![batch(0, AT, 1.0)])).await;
        centre.on("alarm/event").await;
        centre.on("data/meter1").await;
        let mut plant = {
            plant.stop().await;
            plant.restarted().await
        };
        commit(&plant.store, alarms(vec![raised("b")])).await;
        commit(&plant.store, telemetry(vec![batch(0, AT, 2.0)])).await;
        plant.start();
        let event = centre.json("alarm/event").await;
        assert_eq!(
            (&event["alarm"], &event["seq"]),
            (&json!("b"), &json!(2)),
            "what was acknowledged is not sent again"
        );
        assert_eq!(centre.json("data/meter1").await["seq"], 2);
        plant.stop().await;
        server.stop().await;
    }
}
