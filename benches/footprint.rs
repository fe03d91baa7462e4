//! What the daemon costs at the demo's size, measured from outside: time from its start to its first reading at a subscriber, resident
//! memory, processor time for each reading. `cargo bench --bench footprint`.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]

#[path = "../tests/e2e/rig.rs"]
#[expect(dead_code, reason = "the tests use more of the rig than the benchmark")]
mod rig;

use std::time::{Duration, Instant};

use rig::{Centre, Heard, Rig};

const RUNS: usize = 5;
const SETTLE: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);
const QUIET: &str = "seed = 1\nname = { zh = \"平稳\", en = \"Quiet\" }\n";

#[tokio::main]
async fn main() {
    let mut starts_ms = Vec::new();
    let mut rig = Rig::new(QUIET).await;
    for run in 0..RUNS {
        let mut centre = rig.centre(&format!("footprint{run}"));
        let start = Instant::now();
        rig.start_gateway();
        centre.next("the first reading", |heard| is_data(heard).then_some(())).await;
        starts_ms.push(start.elapsed().as_millis());
        if run + 1 < RUNS {
            rig.kill_gateway().await;
        }
    }
    let mut centre = rig.centre("footprint");
    drain_for(&mut centre, SETTLE).await;
    let before = (cpu_seconds(), readings(&centre));
    drain_for(&mut centre, MEASURED).await;
    let (cpu, count) = (cpu_seconds() - before.0, readings(&centre) - before.1);
    starts_ms.sort_unstable();
    println!(
        "start to first reading at a subscriber: median {} ms, longest {} ms, of {RUNS}",
        starts_ms[RUNS / 2],
        starts_ms[RUNS - 1]
    );
    println!("resident memory: {:.1} MB", resident_mb());
    println!(
        "processor: {:.2} % of a core, {:.2} s per million readings ({count} readings)",
        cpu / MEASURED.as_secs_f64() * 100.0,
        cpu * 1e6 / count as f64
    );
}

/// Processor time that the daemon has used.
fn cpu_seconds() -> f64 {
    let stat = daemon("stat");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that Hazgate runs on.
    ticks as f64 / 100.0
}

/// Memory of the daemon that stands in RAM, in MB.
fn resident_mb() -> f64 {
    let status = daemon("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// A file of /proc about the daemon: the one child of this process that was told to `run`.
fn daemon(file: &str) -> String {
    let is_ours = |folder: &std::path::Path| {
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let command = std::fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
        status.contains(&format!("PPid:\t{}\n", std::process::id())) && command.contains("\0run\0")
    };
    let mut processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    let folder = processes.find(|folder| is_ours(folder)).expect("a running daemon");
    std::fs::read_to_string(folder.join(file)).expect("readable /proc")
}

fn is_data(heard: &Heard) -> bool {
    heard.topic.starts_with("data/")
        && heard.payload["values"].as_object().is_some_and(|values| !values.is_empty())
}

fn readings(centre: &Centre) -> usize {
    let of = |heard: &Heard| heard.payload["values"].as_object().map_or(0, serde_json::Map::len);
    centre.all.iter().filter(|heard| is_data(heard)).map(of).sum()
}

async fn drain_for(centre: &mut Centre, time: Duration) {
    let endless = centre.next("the end of the measurement", |_| None::<()>);
    let ended = tokio::time::timeout(time, endless).await;
    assert!(ended.is_err(), "the subscriber ended");
}
