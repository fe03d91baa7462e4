//! `hazgate replay` on data as others leave it: a historian's odd dates, a gateway's own data directory, the shipped example; and what it draws.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazgate::clock::{Clock, OsTime};
use hazgate::engine::Engine;
use hazgate::measures::Measures;
use hazgate::model::{
    Batch, ClockSync, DeviceId, Input, LinkCounters, LinkReport, LinkState, Mono, Now, Output, PointId,
    Reading, Sample, Text, Value as Said, Wall,
};
use hazgate::site::{ProcessEnvironment, Site};
use hazgate::store::{Store, Turn};
use serde_json::Value;

use crate::rig::finish;

const STEEL_SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Steel plant"
timezone = "Asia/Seoul"
[[device]]
id = "meter"
address = "10.0.0.6:502"
[[point]]
device = "meter"
signal = "power"
name = "main meter"
unit = "kW"
register = "holding:0"
limits = { h = 400, deadband = 20 }
"#;

/// Half a year of a real steel plant: see tests/data/README.md.
fn steel() -> String {
    format!("{}/tests/data/steel-load-2018.csv", env!("CARGO_MANIFEST_DIR"))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

async fn json(folder: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["replay", "site.toml", "--json"];
    all.extend(arguments);
    let (code, text) = finish(&all, folder).await;
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn days_before_months_and_midnights_at_the_end_of_their_day_are_read_once_they_are_told() {
    let folder = folder(&[("site.toml", STEEL_SITE)]);
    let (steel, format) = (steel(), "%d/%m/%Y %H:%M");
    let scaled = ["--data", &steel, "--map", "Usage_kWh=meter.power*4", "--time-format", format];
    let told = json(folder.path(), &[&scaled[..], &["--midnight-ends-day"]].concat()).await;
    let ms = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    assert_eq!((&told["readings"], &told["mistakes_count"]), (&17_376.into(), &0.into()), "{told}");
    assert_eq!(told["begin"], ms("2018-01-01T00:15:00+09:00"));
    assert_eq!(told["end"], ms("2018-07-01T00:00:00+09:00"));
    assert!(told["result"]["alarms"]["meter.power"]["raised"].as_u64() > Some(10), "{told}");

    let untold = json(folder.path(), &scaled).await;
    assert_eq!((&untold["readings"], &untold["mistakes_count"]), (&17_195.into(), &181.into()));
    let first = untold["mistakes"][0].as_str().unwrap_or_default();
    assert!(first.contains(":97:") && first.contains("--midnight-ends-day"), "{first}");

    let arguments = ["replay", "site.toml", "--data", &steel, "--map", "Usage_kWh=meter.power"];
    let (code, text) = finish(&arguments, folder.path()).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--time-format \"%d/%m/%Y %H:%M\" if the day stands first"), "{text}");
    let (code, text) = finish(&[&arguments[..], &["--lang", "zh"]].concat(), folder.path()).await;
    assert_eq!((code, text.contains("日月顺序不明")), (1, true), "{text}");
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/replay");

/// The arithmetic of docs/examples/replay/make.awk.
fn hour() -> String {
    let mut text = "time,LT101,GT101,TT101\n".to_owned();
    for second in (0..3600).step_by(5) {
        let t = f64::from(second);
        let level = if second < 1800 { 8.0 + t / 720.0 } else { 10.5 - (t - 1800.0) / 720.0 };
        let gas = 3.0 + 30.0 * (-((t - 2400.0) / 240.0).powi(2)).exp();
        let temperature = 37.0 + 2.5 * (t / 300.0).sin();
        let (minute, second) = (second / 60, second % 60);
        writeln!(text, "2026-11-21 20:{minute:02}:{second:02},{level:.3},{gas:.2},{temperature:.2}")
            .expect("a string takes everything");
    }
    text
}

const EXAMPLE_MAP: [&str; 6] =
    ["--map", "LT101=plc.level", "--map", "GT101=plc.gas", "--map", "TT101=plc.temperature"];

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_example_is_what_it_says_and_a_limit_that_is_moved_fails_it() {
    let example = Path::new(EXAMPLE);
    let data = std::fs::read_to_string(example.join("hour.csv")).expect("the example's data");
    assert!(data == hour(), "hour.csv is not what make.awk makes");
    let arguments =
        [&["replay", "site.toml", "--data", "hour.csv", "--expect", "expect.toml"], &EXAMPLE_MAP[..]];
    let (code, text) = finish(&arguments.concat(), example).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("5 of 5 expectations met"), "{text}");
    let site = std::fs::read_to_string(example.join("site.toml")).expect("the example's site");
    let moved = site.replace("h = 40", "h = 39");
    assert_ne!(site, moved);
    let expect = std::fs::read_to_string(example.join("expect.toml")).expect("what is expected");
    let folder = folder(&[("site.toml", &moved), ("hour.csv", &data), ("expect.toml", &expect)]);
    let (code, text) = finish(&[&arguments.concat()[..], &["--lang", "zh"]].concat(), folder.path()).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("plc.temperature：预期0 次，实际报警"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_drawn_in_the_terminal_and_on_a_page_that_needs_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let page = folder.path().join("page.html");
    let page = page.to_str().expect("a path");
    let drawn =
        ["replay", "site.toml", "--data", "hour.csv", "--compare", "site.toml", "--plot", "--html", page];
    for (language, words) in
        [("zh", ["LT-101 液位", "报警系统指标", "达标"]), ("en", ["LT-101 level", "How well", "met"])]
    {
        let arguments = [&drawn[..], &EXAMPLE_MAP, &["--lang", language]].concat();
        let (code, text) = finish(&arguments, Path::new(EXAMPLE)).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(words[0]) && text.contains('┤') && text.contains('▲'), "{text}");
        assert!(!text.contains("TT-101"), "no alarm, no chart: {text}");
        assert!(text.chars().any(|dot| ('\u{2801}'..='\u{28ff}').contains(&dot)), "{text}");
        assert!(
            text.lines().filter(|line| line.contains('┤')).all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let html = std::fs::read_to_string(page).expect("a page");
        for word in words {
            assert!(html.contains(word), "{word} is not on the page");
        }
        assert_eq!(html.matches("<svg").count(), 2, "level and gas");
        assert!(html.contains("class=\"limit orange\"") && html.contains("class=\"signal\""));
        for outside in ["<script", "<link", "<img", "src=", "href=", "style=", "http://", "https://"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}

const GATEWAY_SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant <b>1</b>"
[clock]
sync = "ignored"
[[device]]
id = "plc"
address = "10.0.0.5:502"
[[point]]
device = "plc"
signal = "level"
name = "LT-101 <script>alert(1)</script>"
unit = "m"
register = "holding:0"
range = [0, 20]
limits = { h = 10, hh = 11, deadband = 0.1, on_delay = "5s" }
[[point]]
device = "plc"
signal = "flow"
name = "FT-101"
register = "holding:1"
[[device]]
id = "weigher"
address = "10.0.0.5:502"
unit = 2
[[point]]
device = "weigher"
signal = "mass"
name = "WT-101"
register = "holding:0"
[[derived]]
id = "tank.rate"
name = "rate"
unit = "m/min"
function = "rate"
of = "plc.level"
over = "1min"
limits = { h = 0.35 }
"#;

/// 2026-11-21T20:00:00+08:00.
const BEGIN: Wall = Wall(1_795_262_400_000);

/// A gateway that runs for an hour, as the daemon's loop runs it, and writes what it decides into `store`.
struct Gateway {
    engine: Engine,
    now: Now,
    store: Store,
    measures: Measures,
}

impl Gateway {
    async fn apply(&mut self, input: Input) {
        let mut out = Output::default();
        self.engine.apply(self.now, input, &mut out);
        self.keep(out).await;
    }

    async fn keep(&mut self, mut out: Output) {
        out.transitions.iter().for_each(|transition| self.measures.take(transition));
        self.store.commit(Turn::take(&mut out, &mut Vec::new())).await.expect("kept");
    }

    async fn until(&mut self, second: u64) {
        let end = Mono::from_start(Duration::from_secs(second));
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= end) {
            self.pass(next);
            self.apply(Input::Wake).await;
        }
        self.pass(end);
    }

    fn pass(&mut self, mono: Mono) {
        self.now = Now { mono, wall: Wall(BEGIN.0 + mono.since_start().as_millis() as i64) };
    }

    /// Both devices, which share their address.
    async fn links(&mut self, state: LinkState) {
        for device in [0, 1].map(DeviceId::new) {
            let error = (state == LinkState::Down).then(|| Text::same("no answer"));
            let report = LinkReport { device, state, error, counters: LinkCounters::default() };
            self.apply(Input::Link(report)).await;
        }
    }

    async fn hear(&mut self, device: usize, said: &[(usize, Sample)]) {
        let at = self.now.wall;
        let reading =
            |(point, sample): &(usize, Sample)| Reading { point: PointId::new(*point), at, sample: *sample };
        let readings = said.iter().map(reading).collect();
        self.apply(Input::Readings(Batch { device: DeviceId::new(device), at, readings })).await;
    }

    /// The tank fills and empties, twice; the flow meter breaks; the line is lost for two minutes.
    async fn run(&mut self) {
        self.links(LinkState::Up).await;
        for second in 0..3600 {
            self.until(second).await;
            match second {
                3000 => self.links(LinkState::Down).await,
                3120 => self.links(LinkState::Up).await,
                _ => {}
            }
            if (3000..3120).contains(&second) {
                continue;
            }
            let level = 9.5 + 2.0 * (second as f64 / 300.0).sin();
            let flow = if (600..900).contains(&second) {
                Sample::Bad(hazgate::model::Reason::SensorFault)
            } else {
                Sample::Good(Said::Int(3))
            };
            self.hear(0, &[(0, Sample::Good(Said::Float(level))), (1, flow)]).await;
            self.hear(1, &[(2, Sample::Good(Said::Int(250)))]).await;
        }
    }
}

async fn gateway(site: &Arc<Site>) -> Gateway {
    let clock = Clock::showing(OsTime { sync: ClockSync::Unknown, ..OsTime::read() });
    let store = Store::open(&site.store, Arc::clone(site), clock).expect("a store").store;
    let now = Now { mono: Mono::ZERO, wall: BEGIN };
    let mut out = Output::default();
    let engine = Engine::new(Arc::clone(site), Vec::new(), now, &mut out);
    let mut gateway = Gateway { engine, now, store, measures: Measures::from(BEGIN) };
    gateway.keep(out).await;
    gateway.run().await;
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_own_data_says_again_what_the_gateway_said_while_it_runs() {
    let folder = folder(&[("site.toml", GATEWAY_SITE)]);
    let site = hazgate::site::load(&folder.path().join("site.toml"), &ProcessEnvironment).expect("a site");
    let mut gateway = gateway(&Arc::new(site)).await;
    // Whatever was handed over is on disk once this is.
    let (to, kept) = tokio::sync::oneshot::channel();
    let turn = Turn { replies: vec![(to, Ok(()))], ..Turn::default() };
    gateway.store.commit(turn).await.expect("kept");
    kept.await.expect("an answer").expect("on disk");
    gateway.measures.until(Wall(BEGIN.0 + 3_599_000));
    let live: Value = serde_json::to_value(gateway.measures.alarms()).expect("JSON");
    assert_eq!(live["plc.level"]["raised"], 2, "{live}");
    let lost = live
        .as_object()
        .expect("alarms")
        .iter()
        .filter(|(name, _)| name.split('.').next_back() == Some("lost"));
    let lost: Vec<_> = lost.map(|(name, record)| (name, &record["raised"])).collect();
    assert_eq!(lost.len(), 1, "one line, one alarm: {lost:?}");
    assert_eq!(live["plc.flow.signal"]["raised"], 1, "{live}");
    assert!(live["tank.rate"]["raised"].as_u64() > Some(1), "{live}");

    for arguments in [&["--history"][..], &["--history", "data"]] {
        let replayed = json(folder.path(), arguments).await;
        assert_eq!(replayed["result"]["alarms"], live, "{arguments:?}");
        assert_eq!(
            (&replayed["mistakes_count"], &replayed["unknown_columns"]),
            (&0.into(), &serde_json::json!([]))
        );
    }
    // The gateway had the directory all the time, and goes on writing.
    gateway.links(LinkState::Degraded).await;
    gateway.store.close().await;

    let (code, text) =
        finish(&["replay", "site.toml", "--history", "--html", "page.html"], folder.path()).await;
    assert_eq!(code, 0, "{text}");
    let page = std::fs::read_to_string(folder.path().join("page.html")).expect("a page");
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains("<b>1</b>"),
        "escaped"
    );
    let (code, text) = finish(&["replay", "site.toml", "--history", "elsewhere"], folder.path()).await;
    assert_eq!((code, text.contains("elsewhere")), (1, true), "{text}");
    assert!(!folder.path().join("elsewhere").exists(), "nothing is created");
}
