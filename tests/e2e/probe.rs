//! The bench tool from outside: the real program against the simulated plant of the demo site.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::rig::{PATIENCE, finish, next_address, program, site};

/// A plant in which nothing happens.
struct Plant {
    folder: TempDir,
    /// Its tank PLC: unit 1, the level as a float with the low word first at holding 0.
    url: String,
    _process: Child,
    /// Kept open: a plant that nobody listens to any more ends.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Plant {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let address = next_address();
        std::fs::write(folder.path().join("site.toml"), site(address)).expect("a site file");
        let quiet = "seed = 1\nname = { zh = \"平稳\", en = \"Quiet\" }\n";
        std::fs::write(folder.path().join("quiet.toml"), quiet).expect("a scenario file");
        let mut process = program()
            .args(["simulate", "site.toml", "--scenario", "quiet.toml"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("hazgate simulate starts");
        // The first line says where it listens: it listens.
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it says something");
        assert!(first.expect("readable").is_some(), "the plant ended");
        Self { folder, url: format!("tcp://{address}:15021"), _process: process, _said: lines }
    }

    /// Runs `hazgate probe` with `arguments`, in which `URL` stands for the tank PLC; its exit code and what it said.
    async fn probe(&self, arguments: &str) -> (i32, String) {
        let arguments = arguments.replace("URL", &self.url);
        let arguments: Vec<&str> = ["probe"].into_iter().chain(arguments.split_whitespace()).collect();
        let (code, said) = finish(&arguments, self.folder.path()).await;
        assert!(!said.contains('\u{1b}'), "terminal codes where there is no terminal: {said:?}");
        (code, said)
    }

    /// The same, answered in JSON.
    async fn json(&self, arguments: &str) -> Value {
        let (code, said) = self.probe(&format!("{arguments} --json")).await;
        let json = serde_json::from_str(&said);
        let json: Value = json.unwrap_or_else(|error| panic!("{arguments}: {error}: {said}"));
        assert_eq!(code, 0, "{json:#}");
        json
    }
}

/// The float that a read shows at `address` in `order`.
fn float(read: &Value, address: u64, order: &str) -> f64 {
    let all = read["values"].as_array().expect("values");
    let at = all.iter().find(|value| value["address"] == address).expect("the address");
    at["f32"][order].as_f64().expect("a number")
}

#[tokio::test]
async fn a_block_is_read_with_every_order_side_by_side_and_what_is_refused_left_out() {
    let plant = Plant::new().await;
    let read = plant.json("read URL 1 holding:0..17").await;
    let level = float(&read, 0, "CDAB");
    assert!((0.0..12.0).contains(&level), "{level}");
    assert_eq!(read["values"].as_array().map(Vec::len), Some(14));
    assert_eq!(read["refused"], serde_json::json!([{ "first": 14, "last": 17 }]));
    assert!(read["refusal"]["en"].as_str().is_some_and(|words| words.contains("exception 2")), "{read}");

    let (code, said) = plant.probe("read URL 1 40001 --count 18 --type f64 --lang en").await;
    assert_eq!(code, 0, "{said}");
    for word in ["ABCD", "CDAB", "BADC", "DCBA", "f64", "40014", "14…17", "exception 2"] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
    let (code, said) = plant.probe("read URL 1 coil:500 --lang en").await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("exception 2") && said.contains("the other table"), "{said}");
}

#[tokio::test]
async fn a_device_of_the_site_is_shown_point_by_point() {
    let plant = Plant::new().await;
    let (code, said) = plant.probe("read site.toml tank_plc --lang zh").await;
    assert_eq!(code, 0, "{said}");
    for word in ["V-101 液位", "f32 CDAB", "holding:0", "质量", "good"] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
    let read = plant.json("read site.toml tank_plc level").await;
    let points = read["points"].as_array().expect("points");
    assert_eq!(points.len(), 1, "{read}");
    assert_eq!(points[0]["quality"], "good");
    assert_eq!(points[0]["raw"].as_array().map(Vec::len), Some(2));
    let (code, said) = plant.probe("read site.toml tank_plk").await;
    assert!(code == 2 && said.contains("tank_plc"), "{said}");
    let (code, said) = plant.probe("read site.toml tank_plc levl").await;
    assert!(code == 2 && said.contains("level"), "{said}");
}

#[tokio::test]
async fn a_scan_finds_the_units_that_answer() {
    let plant = Plant::new().await;
    let scan = plant.json("scan URL --units 1..3 --timeout 500ms --pause 1ms").await;
    assert_eq!(scan["asked"], 3);
    let found: Vec<u64> =
        scan["found"].as_array().expect("units").iter().filter_map(|unit| unit["unit"].as_u64()).collect();
    assert_eq!(found, [1]);
    let (code, said) = plant.probe("scan URL --units 9 --timeout 50ms --lang en").await;
    assert!(code == 1 && said.contains("answering: 0"), "{said}");
}

#[tokio::test]
async fn a_watch_says_what_changes_and_how_well_the_device_answers() {
    let plant = Plant::new().await;
    let watch = "watch URL 1 holding:0 --count 4 --every 200ms --duration 3s";
    let (code, said) = plant.probe(&format!("{watch} --json")).await;
    assert_eq!(code, 0, "{said}");
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let (last, looks) = lines.split_last().expect("lines");
    assert_eq!(last["summary"]["answers"].as_u64(), Some(looks.len() as u64));
    assert!(looks.iter().all(|look| look["ok"] == true), "{said}");
    assert_eq!(looks[0]["changed"], serde_json::json!([]));
    assert!(last["summary"]["took_ms"].as_array().is_some_and(|all| all.len() == 3), "{last}");

    let (code, said) = plant.probe(&format!("{watch} --lang zh")).await;
    assert!(code == 0 && said.contains("应答") && said.contains("40001"), "{said}");
}

#[tokio::test]
async fn the_order_is_found_from_a_value_that_the_user_knows() {
    let plant = Plant::new().await;
    let read = plant.json("read URL 1 holding:0 --count 2").await;
    let shown = format!("{:.3}", float(&read, 0, "CDAB"));
    let order = plant.json(&format!("order URL 1 holding:0 {shown}")).await;
    let best = &order["candidates"][0];
    let told: BTreeMap<&str, &Value> =
        ["address", "type", "byte_order", "scale"].map(|key| (key, &best[key])).into();
    assert_eq!(told["address"], 0, "{told:?}");
    assert_eq!(told["type"], "f32");
    assert_eq!(told["byte_order"], "CDAB");
    assert_eq!(told["scale"], 1.0);

    let (code, said) = plant.probe(&format!("order URL 1 holding:0 {shown} --lang en")).await;
    assert_eq!(code, 0, "{said}");
    for word in ["[[point]]", "register = \"holding:0\"", "byte_order = \"CDAB\""] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
    let (code, said) = plant.probe("order URL 1 holding:0 987654.3 --lang en").await;
    assert!(code == 1 && said.contains("nothing"), "{said}");
}

#[tokio::test]
async fn a_dead_address_is_named_in_both_languages_and_to_machines() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let url = format!("tcp://{}:15021", next_address());
    for (lang, word) in [("en", "connection refused"), ("zh", "拒绝连接")] {
        let (code, said) =
            finish(&["probe", "read", &url, "1", "holding:0", "--lang", lang], folder.path()).await;
        assert!(code == 1 && said.contains(word) && said.contains("15021"), "{said}");
    }
    let (code, said) = finish(&["probe", "read", &url, "1", "holding:0", "--json"], folder.path()).await;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert!(code == 1 && said["error"]["kind"] == "unreachable", "{said}");
    let (code, _) = finish(&["probe", "scan", &url, "--units", "1..9"], folder.path()).await;
    assert_eq!(code, 1);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (arguments, words) in [
        ("read 10.0.0.5:502 1 holding:0", "tcp://10.0.0.5:502"),
        ("read tcp://10.0.0.5 1", "1 holding:20"),
        ("read tcp://10.0.0.5 256 holding:0", "unit id"),
        ("read tcp://10.0.0.5 1 holdin:0", "holding:20"),
        ("read tcp://10.0.0.5 1 holding:0..65535", "at most"),
        ("read nowhere.toml meter", "nowhere.toml"),
        ("watch http://10.0.0.5 1 holding:0", "rtu-over-tcp://"),
        ("order tcp://10.0.0.5 1 holding:0 0", "0 stands everywhere"),
        ("order tcp://10.0.0.5 1 coil:0 1", "byte order"),
        ("scan tcp://10.0.0.5 --units 300", "1..247"),
        ("scan tcp://10.0.0.5 --timeout 2h", "at most"),
    ] {
        let arguments: Vec<&str> = ["probe"].into_iter().chain(arguments.split_whitespace()).collect();
        let (code, said) = finish(&arguments, folder.path()).await;
        assert!(code == 2 && said.contains(words), "{arguments:?}: {code}: {said}");
    }
}
