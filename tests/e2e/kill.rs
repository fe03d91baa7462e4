//! `kill -9` of the daemon in mid-flow, again and again: nothing lost, nothing renumbered, what was acknowledged stays acknowledged.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rig::{Centre, Rig};

/// A plant where something goes wrong and right again without end.
const UNREST: &str = r#"
seed = 3
name = { zh = "反复", en = "Unrest" }
repeat_s = 12
[[step]]
at = "1s"
hazard = "tank1"
fault = "leak"
say = { zh = "泄漏", en = "Leak" }
[[step]]
at = "2s"
hazard = "dust1"
fault = "clog"
say = { zh = "堵塞", en = "Clog" }
[[step]]
at = "7s"
clear_all = true
say = { zh = "复原", en = "All clear" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn p1_kill_in_mid_flow_loses_no_event_and_renumbers_none() {
    let mut rig = Rig::new(UNREST).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    for round in 1..=4 {
        centre.next("two more events", after(highest_seq(&centre) + 2)).await;
        rig.kill_gateway().await;
        rig.start_gateway();
        eprintln!("killed {round} times, {} events heard", centre.events().len());
    }
    centre.next("life after the last kill", after(highest_seq(&centre) + 3)).await;
    conserved(&centre);
    raised_and_cleared_in_turn(&centre);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_an_acknowledged_alarm_is_still_acknowledged_after_kill_and_is_not_raised_again() {
    let leak = "seed = 5\nname = { zh = \"泄漏\", en = \"Leak\" }\n[[step]]\nat = \"1s\"\nhazard = \"tank1\"\nfault = \"leak\"\n\
                say = { zh = \"泄漏\", en = \"Leak\" }\n";
    let mut rig = Rig::new(leak).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    let raised = centre
        .until("a gas alarm as grave as it gets", |heard| {
            let event = &heard.payload;
            let top =
                heard.topic == "alarm/event" && event["hazard"] == "tank1" && event["event"] == "escalated";
            top.then(|| event.clone())
        })
        .await;
    let alarm = raised["alarm"].as_str().expect("a name").to_owned();
    let reply = centre
        .command(json!({"v": 1, "id": "c1", "cmd": "ack", "alarm": alarm, "by": "张工", "reason": "已派人"}))
        .await;
    assert_eq!(reply["ok"], true, "{reply}");
    rig.kill_gateway().await;
    let before = centre.events().len();
    rig.start_gateway();
    let mut late = rig.centre("late");
    let standing = late
        // What the broker had kept from before the kill may come first.
        .until("the standing alarm, asserted after the restart as acknowledged", |heard| {
            let is_it =
                heard.topic == format!("alarm/current/{alarm}") && heard.payload["state"] == "acknowledged";
            is_it.then(|| heard.payload.clone())
        })
        .await;
    let mut later = rig.centre("later");
    let kept = later
        .until("what the broker keeps of it", |heard| {
            (heard.retained && heard.topic == format!("alarm/current/{alarm}")).then(|| heard.payload.clone())
        })
        .await;
    assert_eq!(kept["state"], "acknowledged", "{kept}");
    assert_eq!(standing["acknowledged_by"], "张工", "{standing}");
    assert_eq!(standing["raised_at"], raised["raised_at"], "{standing}");
    centre.next("data after the restart", |heard| (heard.topic == "data/tank_plc").then_some(())).await;
    centre.next("more data", |heard| (heard.topic == "data/tank_plc").then_some(())).await;
    let again =
        centre.events()[before..].iter().any(|event| event["alarm"] == *alarm && event["event"] == "raised");
    assert!(!again, "the alarm was raised again");
    conserved(&centre);
}

fn after(seq: u64) -> impl Fn(&crate::rig::Heard) -> Option<()> {
    move |heard| (heard.topic == "alarm/event" && heard.payload["seq"].as_u64()? >= seq).then_some(())
}

fn highest_seq(centre: &Centre) -> u64 {
    centre.events().iter().filter_map(|event| event["seq"].as_u64()).max().unwrap_or(0)
}

/// Every sequence number from 1 was heard, and each has one id and one content for good.
fn conserved(centre: &Centre) {
    let mut by_seq: BTreeMap<u64, &Value> = BTreeMap::new();
    for event in centre.events() {
        let seq = event["seq"].as_u64().expect("a sequence number");
        let first = by_seq.entry(seq).or_insert(event);
        for field in ["id", "at", "alarm", "event", "state", "raised_at"] {
            assert_eq!(first[field], event[field], "seq {seq} came as two different events");
        }
    }
    let heard: Vec<u64> = by_seq.keys().copied().collect();
    let whole: Vec<u64> = (1..=heard.len() as u64).collect();
    assert_eq!(heard, whole, "the sequence has gaps");
}

/// No alarm is raised twice without having been cleared between.
fn raised_and_cleared_in_turn(centre: &Centre) {
    let mut by_seq: Vec<&Value> = centre.events();
    by_seq.sort_by_key(|event| event["seq"].as_u64());
    by_seq.dedup_by_key(|event| event["seq"].as_u64());
    let mut active: BTreeMap<&str, bool> = BTreeMap::new();
    for event in by_seq {
        let standing = active.entry(event["alarm"].as_str().expect("a name")).or_default();
        match event["event"].as_str() {
            Some("raised") => assert!(!std::mem::replace(standing, true), "raised twice: {event}"),
            Some("switched") => {}
            Some("cleared") => assert!(std::mem::take(standing), "cleared without being raised: {event}"),
            _ => assert!(*standing, "{event}"),
        }
    }
}
