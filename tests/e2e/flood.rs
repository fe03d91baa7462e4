//! The worst second: ten thousand alarms at once.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;

use serde_json::{Map, Value};

use crate::rig::Rig;

const DEVICES: usize = 10;
const POINTS: usize = 1000;
const ALARMS: usize = DEVICES * POINTS;

/// Ten publishers of a thousand points, each with one limit.
fn site(broker: SocketAddr) -> String {
    let mut text = format!(
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"Plant\"\n[clock]\nsync = \"ignored\"\n\
         [[forward]]\nid = \"centre\"\nkind = \"mqtt\"\nurl = \"mqtt://{broker}\"\n"
    );
    for device in 0..DEVICES {
        writeln!(text, "[[device]]\nid = \"d{device}\"\nprotocol = \"mqtt\"\nurl = \"mqtt://{broker}\"\ntopic = \"field/d{device}\"")
            .expect("a string takes everything");
        for point in 0..POINTS {
            writeln!(
                text,
                "[[point]]\ndevice = \"d{device}\"\nsignal = \"p{point}\"\nname = \"P\"\npointer = \"/p{point}\"\nlimits = {{ h = 10 }}"
            )
            .expect("a string takes everything");
        }
    }
    text
}

fn message(value: i32) -> String {
    let values: Map<String, Value> = (0..POINTS).map(|point| (format!("p{point}"), value.into())).collect();
    Value::Object(values).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_ten_thousand_alarms_at_once_all_arrive_and_in_order() {
    let mut rig = Rig::of(site).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    for device in 0..DEVICES {
        // The gateway may not have subscribed yet: say it until it is heard.
        let topic = format!("data/d{device}");
        while !centre.all.iter().any(|heard| heard.topic == topic) {
            centre.publish(&format!("field/d{device}"), message(1)).await;
            centre.next("anything", |_| Some(())).await;
        }
    }
    for device in 0..DEVICES {
        centre.publish(&format!("field/d{device}"), message(50)).await;
    }
    let mut raised = BTreeSet::new();
    while raised.len() < ALARMS {
        let alarm = centre
            .next("one more alarm", |heard| {
                let is_raised = heard.topic == "alarm/event" && heard.payload["event"] == "raised";
                is_raised.then(|| heard.payload["alarm"].as_str().map(str::to_owned))
            })
            .await;
        raised.extend(alarm.filter(|alarm| alarm.starts_with('d')));
    }
    let numbers: Vec<u64> = centre.events().iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order, without a gap, none twice");
}
