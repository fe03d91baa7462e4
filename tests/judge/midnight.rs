//! The report of the day, over the worst midnight: the gateway is dead when the day ends, the broker is away when the report is made, and the gateway dies once more
//! before it could tell it.

use std::time::Duration;

use hazgate::clock::OsTime;
use serde_json::Value;

use super::far_end::FarEnd;
use super::gateway::{Control, Gateway};
use super::meter::Meter;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one look to the next.
const LOOK: Duration = Duration::from_millis(50);
const DAY_S: i64 = 86_400;

fn site(meter: &Meter, far_end: &FarEnd) -> String {
    let (meter, broker) = (meter.address, far_end.address);
    format!(
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"judged\"\nname = \"Judged\"\ntimezone = \"UTC\"\n[clock]\nsync = \"ignored\"\n\
         [console]\nenabled = false\n[[forward]]\nid = \"hq\"\nkind = \"mqtt\"\nurl = \"mqtt://{broker}\"\n\
         [[device]]\nid = \"m0\"\nname = \"m0\"\nprotocol = \"modbus-tcp\"\naddress = \"{meter}\"\npoll = \"500ms\"\n\
         [[point]]\ndevice = \"m0\"\nsignal = \"power\"\nname = \"P\"\nunit = \"kW\"\nregister = \"holding:2\"\ntype = \"u16\"\n\
         [[derived]]\nid = \"line1.state\"\nname = \"S\"\nfunction = \"state\"\nof = \"m0.power\"\nrunning = 20\n"
    )
}

/// Waits until something is so.
async fn until(what: &str, gateway: &Gateway, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, waiting).await;
    done.unwrap_or_else(|_| panic!("never came: {what}\n{}", gateway.log()));
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_the_report_of_a_day_outlives_deaths_around_midnight_and_a_broker_that_is_away() {
    let meter = Meter::start(hazgate::clock::Clock::start(), 7).await;
    let far_end = FarEnd::start("hq", false).await;
    far_end.change(|manner| manner.is_away = true);
    let mut gateway = Gateway::of(&site(&meter, &far_end));
    // Two minutes to midnight.
    let now_s = OsTime::read().wall_us / 1_000_000;
    let to_midnight = DAY_S - now_s.rem_euclid(DAY_S);
    let ahead = |seconds: i64| (to_midnight + seconds) * 1_000_000;
    gateway.set(Control::Clock, ahead(-120));
    gateway.start();
    until("readings", &gateway, || meter.answers().len() > 6).await;
    until("readings on the disk", &gateway, || gateway.holds_now().rows.len() > 6).await;
    gateway.kill().await;
    // It is dead at midnight, and is there again seven minutes after it.
    gateway.set(Control::Clock, ahead(420));
    gateway.start();
    until("a report", &gateway, || !gateway.reports_now().is_empty()).await;
    gateway.kill().await;
    gateway.start();
    far_end.change(|manner| manner.is_away = false);
    let reports = || -> Vec<(String, Value)> {
        let ledger = far_end.ledger();
        let told = ledger.heard.iter().filter(|heard| heard.topic.starts_with("report/"));
        told.map(|heard| (heard.topic.clone(), heard.payload.clone())).collect()
    };
    until("the report at the broker", &gateway, || !reports().is_empty()).await;
    let (topic, report) = reports().swap_remove(0);
    let day = report["day"].as_str().expect("a day").to_owned();
    assert_eq!(topic, format!("report/power/{day}/m0.power"));
    assert_eq!(gateway.reports_now(), [format!("{day} m0.power")], "the day before, and once");
    let coverage = report["coverage"].as_f64().expect("a share");
    assert!(coverage > 0.0 && coverage < 0.01, "{report}");
    assert_eq!(report["until"], report["to"]);
    let hours = &report["hours"];
    let sum: f64 =
        ["running", "idle", "stopped", "unknown"].map(|it| hours[it].as_f64().expect("hours")).iter().sum();
    assert!((sum - 24.0).abs() < 0.01, "{report}");
    gateway.kill().await;
}
