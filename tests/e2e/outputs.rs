//! Outputs in three processes: an alarm at the plant, the siren's coil as an independent Modbus client reads it, and the centre.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_modbus::client::{Context, Reader, Writer, tcp};
use tokio_modbus::{ExceptionCode, Slave};

use crate::rig::{Centre, PATIENCE, Rig};

const LEAK: &str = "seed = 5\nname = { zh = \"泄漏\", en = \"Leak\" }\n[[step]]\nat = \"4s\"\nhazard = \"tank1\"\nfault = \"leak\"\n\
                    say = { zh = \"泄漏\", en = \"Leak\" }\n";
const QUIET: &str = "seed = 1\nname = { zh = \"平稳\", en = \"Quiet\" }\n";
/// Where the demo site's siren stands.
const SIREN: u16 = 16;

async fn client(rig: &Rig) -> Context {
    let address = SocketAddr::from((rig.address, 15021));
    let connect = async {
        loop {
            match tcp::connect_slave(address, Slave(1)).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, connect).await.expect("the plant listens")
}

/// Waits until the coil is as said.
async fn coil(client: &mut Context, on: bool) {
    let read = async {
        while client.read_coils(SIREN, 1).await.expect("an answer").expect("the siren's coil") != [on] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("the siren never became {on}"));
}

async fn state(centre: &mut Centre, on: bool, by: Option<&str>) -> Value {
    centre
        .when("the output as wanted", |all| {
            let last = all.iter().rev().find(|heard| heard.topic == "output/tank_siren")?;
            let said = &last.payload;
            let fits = said["on"] == on
                && said["wanted"] == on
                && said["by"] == json!(by)
                && said["error"].is_null();
            fits.then(|| said.clone())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_leak_sounds_the_siren_across_a_kill_until_every_alarm_is_acknowledged() {
    let mut rig = Rig::new(LEAK).await;
    let mut centre = rig.centre("centre");
    let mut plant = client(&rig).await;
    coil(&mut plant, false).await;
    rig.start_gateway();
    coil(&mut plant, true).await;
    let switched = centre
        .until("the event of the switching", |heard| {
            let event = &heard.payload;
            (heard.topic == "alarm/event" && event["event"] == "switched").then(|| event.clone())
        })
        .await;
    assert_eq!((&switched["alarm"], &switched["value"]), (&json!("tank_siren"), &json!(true)), "{switched}");
    assert_eq!((&switched["by"], &switched["level"]), (&Value::Null, &json!("journal")), "{switched}");
    let cause = switched["reason"].as_str().expect("the alarm behind it").to_owned();
    let raised =
        centre.events().into_iter().find(|event| event["alarm"] == *cause).expect("it was told before");
    assert!(raised["seq"].as_u64() < switched["seq"].as_u64(), "{raised} {switched}");
    state(&mut centre, true, None).await;

    rig.kill_gateway().await;
    // What the coil loses while nobody watches is put right.
    plant.write_single_coil(SIREN, false).await.expect("an answer").expect("it may be written");
    rig.start_gateway();
    coil(&mut plant, true).await;

    let mut late = rig.centre("late");
    tokio::time::timeout(PATIENCE, silence(&mut late, &mut plant)).await.expect("the siren falls silent");
    let off = late
        .until("the event of the silence", |heard| {
            let event = &heard.payload;
            let off = heard.topic == "alarm/event" && event["event"] == "switched" && event["value"] == false;
            off.then(|| event.clone())
        })
        .await;
    assert!(off["message"]["zh"].as_str().is_some_and(|text| text.contains("罐区声光报警器关闭")), "{off}");
    assert!(rig.gateway_runs(), "{}", rig.log());
}

/// Acknowledges whatever the site's risk names at the tank until the siren's coil is off.
async fn silence(centre: &mut Centre, plant: &mut Context) {
    let mut number = 0;
    while plant.read_coils(SIREN, 1).await.expect("an answer").expect("the siren's coil") != [false] {
        let standing = |all: &[crate::rig::Heard]| {
            let risk = all.iter().rev().find(|heard| heard.topic == "risk")?;
            Some(risk.payload["hazards"]["tank1"]["alarms"].as_array().cloned().unwrap_or_default())
        };
        for alarm in centre.when("the risk", standing).await {
            number += 1;
            let ack = json!({"v": 1, "id": format!("a{number}"), "cmd": "ack", "alarm": alarm, "by": "张工"});
            centre.command(ack).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_switches_an_output_by_name_and_every_wrong_order_is_refused() {
    let mut rig = Rig::new(QUIET).await;
    let mut centre = rig.centre("centre");
    let mut plant = client(&rig).await;
    rig.start_gateway();
    state(&mut centre, false, None).await;
    let order = |id: &str, output: &str, at: &str| json!({"v": 1, "id": id, "cmd": "switch", "output": output, "on": true, "at": at, "by": "李工", "reason": "试验"});
    let now = jiff::Timestamp::now().to_string();
    let refused = centre.command(order("name", "no_such", &now)).await;
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("no_such")), "{refused}");
    let refused = centre.command(order("old", "tank_siren", "2026-01-01T00:00:00Z")).await;
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("too late")), "{refused}");
    coil(&mut plant, false).await;
    let taken = centre.command(order("now", "tank_siren", &now)).await;
    assert_eq!(taken["ok"], true, "{taken}");
    coil(&mut plant, true).await;
    let said = state(&mut centre, true, Some("李工")).await;
    assert_eq!(said["reason"], "试验", "{said}");
    let event = centre
        .until("the event", |heard| {
            (heard.topic == "alarm/event" && heard.payload["event"] == "switched")
                .then(|| heard.payload.clone())
        })
        .await;
    assert_eq!((&event["by"], &event["reason"]), (&json!("李工"), &json!("试验")), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_the_plant_lets_nothing_be_written_but_its_outputs() {
    let rig = Rig::new(QUIET).await;
    let mut plant = client(&rig).await;
    let refused = plant.write_single_register(0, 1).await.expect("an answer");
    assert_eq!(refused, Err(ExceptionCode::IllegalDataAddress));
    let refused = plant.write_multiple_coils(SIREN, &[true, true]).await.expect("an answer");
    assert_eq!(refused, Err(ExceptionCode::IllegalDataAddress), "all of it or nothing");
    assert_eq!(plant.read_coils(SIREN, 1).await.expect("an answer").expect("a coil"), [false]);
    plant.write_multiple_coils(SIREN, &[true]).await.expect("an answer").expect("it may be written");
    assert_eq!(plant.read_coils(SIREN, 1).await.expect("an answer").expect("a coil"), [true]);
}
