//! `hazgate replay`: recorded data through the engine, by the program as a user calls it.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::rig::finish;

const SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant"
[clock]
sync = "ignored"
[[device]]
id = "plc"
address = "10.0.0.5:502"
[[point]]
device = "plc"
signal = "level"
name = "LT-101"
unit = "m"
register = "holding:0"
limits = { h = 10, hh = 11, deadband = 0.1, on_delay = "5s" }
[[point]]
device = "plc"
signal = "gas"
name = "GT-101"
unit = "%LEL"
role = "gas"
register = "holding:1"
[[derived]]
id = "tank.rate"
name = "rate"
function = "rate"
of = "plc.level"
over = "1min"
[[pack]]
use = "gas_combustible"
points = ["plc.gas"]
"#;

/// An hour of two signals each second: the tank fills beyond its second limit and is emptied, the gas comes and goes at its limit.
fn wide() -> String {
    let mut text = "time,LT101,plc.gas,remark\n".to_owned();
    for second in 0..3600 {
        let level = if second < 1800 { 8.0 + f64::from(second) * 0.002 } else { 8.0 };
        let gas = if second % 20 < 10 && (600..660).contains(&second) { 26 } else { 5 };
        writeln!(text, "{},{level:.3},{gas},x", 1_795_262_400 + second).expect("a string takes everything");
    }
    text
}

fn long() -> String {
    let mut text = "timestamp,point,value,quality\n".to_owned();
    for second in 0..120 {
        let (value, quality) = if second < 60 { ("9.0", "good") } else { ("", "bad:sensor_fault") };
        writeln!(text, "2026-11-21 20:{:02}:{:02},plc.level,{value},{quality}", second / 60, second % 60)
            .expect("a string takes everything");
    }
    text.push_str("2026-11-21 20:02:00,plc.level,twelve,good\n2026-11-21 20:02:01,plc.other,1,good\n");
    text
}

async fn replay(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut all = vec!["replay", "site.toml"];
    all.extend(arguments);
    finish(&all, folder).await
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files.iter().chain([("site.toml", SITE)].iter()) {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_data_tells_which_alarms_would_have_come_how_often_and_how_long() {
    let folder = folder(&[("data.csv", &wide())]);
    let arguments = ["--data", "data.csv", "--map", "LT101=plc.level", "--json"];
    let (code, text) = replay(folder.path(), &arguments).await;
    assert_eq!(code, 0, "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&json["readings"], &json["unknown_columns"]), (&7200.into(), &serde_json::json!(["remark"])));
    let alarms = &json["result"]["alarms"];
    // It reaches 10 m after 1000 s, counts after 5 s more, and is gone at 1800 s.
    assert_eq!(alarms["plc.level"]["raised"], 1, "{alarms}");
    assert_eq!(alarms["plc.level"]["total_ms"], 795_000, "{alarms}");
    assert_eq!(alarms["plc.gas.gas"]["raised"], 3, "{alarms}");
    assert_eq!(alarms["plc.gas.gas"]["chattering"], 1, "{alarms}");
    assert_eq!(
        json["result"]["measures"][2]["value"], 4.0,
        "the most in ten minutes: {}",
        json["result"]["measures"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn long_data_has_qualities_and_what_cannot_be_read_is_told_with_its_line() {
    let folder = folder(&[("data.csv", &long())]);
    let (code, text) = replay(folder.path(), &["--data", "data.csv", "--events", "--lang", "en"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("LT-101 signal fault: sensor fault"), "{text}");
    assert!(text.contains("data.csv:122: `twelve` is no value"), "{text}");
    assert!(text.contains("plc.other"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_and_does_not_come_is_an_exit_code() {
    let met = "[[expect]]\nalarm = \"plc.level\"\nraised = 1\n[[expect]]\nalarm = \"plc.gas.gas\"\nlevel = 1\nraised = 0\n";
    let unmet = "[[expect]]\nalarm = \"plc.level\"\nlevel = 2\n[[expect]]\nalarm = \"plc.gas.gas\"\nraised = 2\nbefore = \"2026-11-21T20:30:00+08:00\"\n";
    let folder = folder(&[("data.csv", &wide()), ("met.toml", met), ("unmet.toml", unmet)]);
    let with = |file| ["--data", "data.csv", "--map", "LT101=plc.level", "--expect", file];
    let (code, text) = replay(folder.path(), &with("met.toml")).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("2 of 2 expectations met"), "{text}");
    let (code, text) = replay(folder.path(), &with("unmet.toml")).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("plc.gas.gas: expected 2 times, raised 3 times"), "{text}");
    assert!(text.contains("1 of 2 expectations met"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_is_compared_on_the_same_data() {
    let tighter = SITE.replace("h = 10, hh = 11", "h = 9, hh = 10");
    let folder = folder(&[("data.csv", &wide()), ("tighter.toml", &tighter)]);
    let arguments = ["--data", "data.csv", "--map", "LT101=plc.level", "--compare", "tighter.toml", "--json"];
    let (code, text) = replay(folder.path(), &arguments).await;
    assert_eq!(code, 0, "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let total = |part: &str| json[part]["alarms"]["plc.level"]["total_ms"].as_i64();
    assert_eq!((total("result"), total("compared")), (Some(795_000), Some(1_295_000)), "{json}");
}

/// The share of the ten most frequent is a measure only where there are more than ten.
#[tokio::test(flavor = "multi_thread")]
async fn results_are_compared_of_which_only_one_has_every_measure() {
    let derived = |n| {
        format!(
            "[[rule]]\nid = \"r{n}\"\nkind = \"condition\"\nwhen = \"plc.level > {n}\"\nmessage = \"m\"\n"
        )
    };
    let many = SITE.to_owned() + &(0..11).map(derived).collect::<String>();
    let folder = folder(&[("data.csv", &wide()), ("many.toml", &many)]);
    for sites in [["site.toml", "many.toml"], ["many.toml", "site.toml"]] {
        let arguments =
            ["replay", sites[0], "--compare", sites[1], "--data", "data.csv", "--map", "LT101=plc.level"];
        let (code, text) =
            finish(&[&arguments[..], &["--lang", "en", "--html", "page.html"]].concat(), folder.path()).await;
        assert_eq!(code, 0, "{text}");
        let most = text.lines().find(|line| line.contains("ten most frequent"));
        assert_eq!(most.is_some(), sites[0] == "many.toml", "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_without_a_known_column_is_refused_with_what_would_be_right() {
    let folder = folder(&[("data.csv", "when,x\n1,2\n"), ("other.csv", "time,x\n1795262400,2\n")]);
    let (code, text) = replay(folder.path(), &["--data", "data.csv"]).await;
    assert_eq!(code, 1);
    assert!(text.contains("--time-column"), "{text}");
    let (code, text) = replay(folder.path(), &["--data", "other.csv"]).await;
    assert_eq!(code, 1);
    assert!(text.contains("--map COLUMN=POINT") && text.contains("plc.level"), "{text}");
}

/// Level and gas change places from one moment to the next, and stand in two files, one of them packed. Asked in between, the rule would hold.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_was_said_at_one_moment_is_one_moment_to_the_rules() {
    let both = "[[rule]]\nid = \"both\"\nkind = \"condition\"\nwhen = \"plc.level > 5 && plc.gas > 20\"\nmessage = \"m\"\n";
    let level = "time,point,value\n1795262400,plc.level,8\n1795262401,plc.level,0\n1795262402,plc.level,8\n";
    let gas = "time,point,value\n1795262400,plc.gas,0\n1795262401,plc.gas,24\n1795262402,plc.gas,0\n";
    let folder = folder(&[("level.csv", level), ("two.toml", &format!("{SITE}{both}"))]);
    let packed = std::fs::File::create(folder.path().join("gas.csv.gz")).expect("a file");
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, gas.as_bytes()).expect("written");
    packed.finish().expect("packed");
    for order in [["gas.csv.gz", "level.csv"], ["level.csv", "gas.csv.gz"]] {
        let arguments = ["replay", "two.toml", "--data", order[0], order[1], "--json"];
        let (code, text) = finish(&arguments, folder.path()).await;
        assert_eq!(code, 0, "{text}");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&json["readings"], &json["result"]["alarms"]),
            (&6.into(), &serde_json::json!({})),
            "{json}"
        );
    }
}

/// The site measures two points, and the data of two hours has one of them.
#[tokio::test]
async fn a_point_that_was_not_recorded_is_not_lost() {
    let mut data = "time,plc.level\n".to_owned();
    for minute in 0..120 {
        writeln!(data, "{},5", 1_795_262_400 + 60 * minute).expect("a string takes everything");
    }
    let folder = folder(&[("data.csv", &data)]);
    let (code, said) = replay(folder.path(), &["--data", "data.csv", "--json"]).await;
    assert_eq!(code, 0, "{said}");
    let told: Value = serde_json::from_str(&said).expect("JSON");
    let alarms = told.pointer("/result/alarms").expect("alarms");
    let signals: Vec<_> =
        alarms.as_object().expect("by name").keys().filter(|name| name.contains("gas")).collect();
    assert!(signals.is_empty(), "{said}");
}
