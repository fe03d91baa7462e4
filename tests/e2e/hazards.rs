//! One accident at each hazard: the alarm comes, says all that it must, and nothing else at the plant raises one.

use serde_json::Value;

use crate::rig::{Heard, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_leak_at_the_tank_reaches_the_centre() {
    accident("tank1", "hazard = \"tank1\"\nfault = \"leak\"", |alarm| alarm.contains("gas")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_clogged_dust_filter_reaches_the_centre() {
    accident("dust1", "hazard = \"dust1\"\nfault = \"clog\"", |alarm| alarm.contains("diff_pressure")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_failing_cooling_water_at_the_casting_line_reaches_the_centre() {
    let fault = "hazard = \"casting1\"\nfault = \"pump_failure\"";
    accident("casting1", fault, |alarm| alarm.contains("cooling")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_an_overheating_cable_reaches_the_centre() {
    let fault = "device = \"meter_casting\"\nfault = \"cable_heating\"";
    accident("power1", fault, |alarm| alarm.contains("cable_temperature")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_meter_that_falls_silent_is_an_alarm_and_its_values_are_never_sent_again() {
    let mut rig = Rig::new(&scenario("device = \"meter_office\"\nfault = \"dead\"")).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    centre
        .until("the device's state", |heard| {
            (heard.topic == "device/meter_office" && heard.payload["state"] == "down").then_some(())
        })
        .await;
    // A busy machine may miss polls before the fault: what counts is the loss that nothing takes back.
    let (lost, gone) = centre.when("the meter lost, and silent while its neighbour speaks", silent).await;
    assert_eq!(lost["event"], "raised");
    let qualities = gone["quality"].as_object().expect("qualities");
    assert!(!qualities.is_empty() && qualities.values().all(|quality| quality == "bad:comm"), "{gone}");
}

/// The last event of the meter's loss and its last readings, once they stand while its neighbour was heard for some polls more: time
/// enough for a value sent again to show itself.
fn silent(all: &[Heard]) -> Option<(Value, Value)> {
    let lost = all
        .iter()
        .rposition(|heard| heard.topic == "alarm/event" && heard.payload["alarm"] == "meter_office.lost")?;
    let gone = all.iter().rposition(|heard| heard.topic == "data/meter_office")?;
    let stands =
        all[lost].payload["event"] == "raised" && all[gone].payload["values"] == serde_json::json!({});
    let since = &all[lost.max(gone)..];
    let neighbour = since.iter().filter(|heard| heard.topic == "data/meter_casting").count();
    (stands && neighbour >= 5).then(|| (all[lost].payload.clone(), all[gone].payload.clone()))
}

async fn accident(hazard: &str, fault: &str, expected: impl Fn(&str) -> bool) {
    let mut rig = Rig::new(&scenario(fault)).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    let raised = centre
        .until("the alarm", |heard| {
            let event = &heard.payload;
            let name = event["alarm"].as_str()?;
            (heard.topic == "alarm/event" && event["event"] == "raised" && expected(name))
                .then(|| event.clone())
        })
        .await;
    says_all_that_it_must(&raised, hazard);
    let name = raised["alarm"].as_str().expect("a name").to_owned();
    centre
        .until("the standing alarm, retained for whoever comes later", |heard| {
            (heard.topic == format!("alarm/current/{name}") && heard.payload["alarm"] == *name).then_some(())
        })
        .await;
    centre
        .until("the hazard's risk", |heard| {
            let alarms = heard.payload["hazards"][hazard]["alarms"].as_array()?;
            (heard.topic == "risk" && alarms.iter().any(|alarm| alarm == &name)).then_some(())
        })
        .await;
    // A busy machine may miss polls: that is a note, and no alarm.
    for event in centre.events().into_iter().filter(|event| event["level"] != "journal") {
        assert_eq!(event["hazard"], hazard, "an alarm elsewhere: {event}");
    }
}

fn says_all_that_it_must(event: &Value, hazard: &str) {
    assert_eq!(event["v"], 1, "{event}");
    assert_eq!(event["hazard"], hazard, "{event}");
    assert_eq!(event["state"], "unacknowledged", "{event}");
    assert_eq!(event["quality"], "good", "{event}");
    assert_eq!(event["backfill"], false, "{event}");
    assert_eq!(event["at"], event["raised_at"], "{event}");
    let number = |name: &str| event[name].as_f64().unwrap_or_else(|| panic!("{name} in {event}"));
    let beyond = (number("value") - number("limit")).abs();
    assert!(beyond.is_finite() && number("level") <= 3.0, "{event}");
    for text in
        [&event["message"]["zh"], &event["message"]["en"], &event["basis"], &event["unit"], &event["device"]]
    {
        assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{event}");
    }
}

/// After a quiet second, one fault.
fn scenario(fault: &str) -> String {
    format!(
        "seed = 7\nname = {{ zh = \"试验\", en = \"Test\" }}\n[[step]]\nat = \"4s\"\n{fault}\nsay = {{ zh = \"故障\", en = \"Fault\" }}\n"
    )
}
