//! `hazgate store`: looked at, checked and taken out beside a running gateway; mended when it is gone.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

use serde_json::Value;

use crate::rig::{Centre, Rig, finish};

/// A publisher of one point with a limit.
fn site(broker: SocketAddr) -> String {
    format!(
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"Plant\"\ntimezone = \"Asia/Shanghai\"\n\
         [clock]\nsync = \"ignored\"\n[console]\nenabled = false\n[[forward]]\nid = \"centre\"\nkind = \"mqtt\"\nurl = \"mqtt://{broker}\"\n\
         [[device]]\nid = \"d\"\nprotocol = \"mqtt\"\nurl = \"mqtt://{broker}\"\ntopic = \"field/d\"\nsilence = \"1h\"\n\
         [[point]]\ndevice = \"d\"\nsignal = \"p\"\nname = \"P\"\npointer = \"/p\"\nlimits = {{ h = 10 }}\n"
    )
}

/// Runs `hazgate store` and returns its exit code and what it said.
async fn store(rig: &Rig, command: &str, more: &[&str]) -> (i32, String) {
    let site = rig.site();
    let site = site.to_str().expect("a path");
    let arguments: Vec<&str> = ["store", command, site].into_iter().chain(more.iter().copied()).collect();
    finish(&arguments, rig.site().parent().expect("a folder")).await
}

/// Has the device publish a value, until the gateway has told of it; its alarm's events until then.
async fn say(centre: &mut Centre, value: i32) {
    loop {
        centre.publish("field/d", format!("{{\"p\": {value}}}")).await;
        let heard = centre.next("anything", |heard| Some(heard.clone())).await;
        if heard.topic == "data/d" && heard.payload["values"]["p"] == value {
            return;
        }
    }
}

async fn event(centre: &mut Centre, event: &'static str) {
    let is_it = move |heard: &crate::rig::Heard| {
        (heard.topic == "alarm/event" && heard.payload["alarm"] == "d.p" && heard.payload["event"] == event)
            .then_some(())
    };
    centre.until(event, is_it).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_listed_checked_taken_out_and_mended() {
    let mut rig = Rig::of(site).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    say(&mut centre, 1).await;
    say(&mut centre, 50).await;
    event(&mut centre, "raised").await;

    let (code, text) = store(&rig, "list", &["--json"]).await;
    let list: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(code, 0, "{text}");
    let events = list["events"]["count"].as_u64().expect("a number");
    assert!(
        events >= 1 && list["events"]["last"] == events && list["telemetry"]["count"].as_u64() >= Some(2),
        "{list}"
    );
    assert!(list["events"]["from"].as_str().is_some_and(|from| from.ends_with("+08:00")), "{list}");
    assert_eq!(list["destinations"][0]["name"], "centre", "{list}");
    for (language, word) in [("en", "readings given up"), ("zh", "个读数已放弃")] {
        let (code, text) = store(&rig, "list", &["--lang", language]).await;
        assert!(code == 0 && text.contains(word), "{text}");
    }
    assert_eq!(store(&rig, "verify", &["--json"]).await.0, 0);

    let (code, text) = store(&rig, "export", &["telemetry", "--point", "d.p"]).await;
    let mut lines = text.lines();
    assert_eq!((code, lines.next()), (0, Some("time,point,value,quality")), "{text}");
    assert!(lines.clone().any(|line| line.ends_with("+08:00,d.p,50,good")), "{text}");
    assert!(lines.all(|line| line.contains(",d.p,")), "{text}");
    let (_, none) =
        store(&rig, "export", &["telemetry", "--to", "2020-01-01T00:00:00Z", "--format", "jsonl"]).await;
    assert_eq!(none, "");
    let (code, text) = store(&rig, "export", &["events", "--format", "jsonl", "--point", "d.p"]).await;
    let first: Value = serde_json::from_str(text.lines().next().expect("an event")).expect("JSON");
    assert!(code == 0 && first["alarm"] == "d.p" && first["event"] == "raised", "{text}");

    let (code, text) = store(&rig, "repair", &["--lang", "en"]).await;
    assert!(code == 1 && text.contains("in use by another hazgate"), "{text}");
    assert!(rig.gateway_runs(), "{}", rig.log());
    damaged_and_mended(&mut rig, &mut centre, events).await;
}

async fn damaged_and_mended(rig: &mut Rig, centre: &mut Centre, events: u64) {
    rig.kill_gateway().await;
    let (code, text) = store(rig, "repair", &["--lang", "en"]).await;
    assert!(code == 0 && text.contains("nothing to mend"), "{text}");
    let database = rig.site().with_file_name("data").join("hazgate.db");
    let outsider = rusqlite::Connection::open(&database).expect("the database");
    outsider.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("folded in");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'telemetry'";
    let page: u32 = outsider.query_row(root, [], |row| row.get(0)).expect("a page");
    let bytes: u32 = outsider.query_row("PRAGMA page_size", [], |row| row.get(0)).expect("its size");
    drop(outsider);
    let file = File::options().write(true).open(&database).expect("the database");
    file.write_all_at(&vec![0xee; bytes as usize], u64::from(page - 1) * u64::from(bytes)).expect("damaged");
    let (code, text) = store(rig, "verify", &["--lang", "en"]).await;
    assert!(code == 1 && text.contains("hazgate store repair"), "{text}");
    let (code, text) = store(rig, "repair", &["--json"]).await;
    let mended: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert!(code == 0 && mended["from"][0].is_string(), "{mended}");
    assert!(mended["events"].as_u64() >= Some(events), "{mended}");
    let (code, text) = store(rig, "verify", &["--lang", "en"]).await;
    assert_eq!(code, 0, "{text}\n{mended}");

    rig.start_gateway();
    say(centre, 2).await;
    event(centre, "cleared").await;
    let (_, text) = store(rig, "list", &["--json"]).await;
    let list: Value = serde_json::from_str(&text).expect("JSON");
    assert!(list["events"]["last"].as_u64() > Some(events), "no number is given twice: {list}");
}
