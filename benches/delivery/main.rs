//! What delivery costs and whom it keeps waiting, against a Mosquitto: readings a second into the store, the back-fill after an outage beside
//! the live rate, a new alarm meanwhile beside one at an idle hour, and from a register's answer to the alarm at a subscriber beside a bare publish and
//! an fsync. `cargo bench --bench delivery`; Debian's package `mosquitto` must be there.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]

mod bare;
mod broker;
mod daemon;
mod listener;
mod plant;
mod store;

use std::time::Duration;

use broker::Mosquitto;
use daemon::Daemon;
use listener::{Alarms, Telemetry};
use plant::{Plant, READINGS_PER_ROW};

const RUNS: usize = 5;
const PAIRS: usize = 3;
/// Devices that are read each second while there is a backlog.
const LIVE: usize = 100;
/// Rows that are owed at the start: 1,000 s of the live rate.
const OWED: usize = 1000 * LIVE;
const SETTLE: Duration = Duration::from_secs(4);
const SPAN: Duration = Duration::from_secs(12);
/// Longest wait for the end of a backlog.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    if is_wanted("store") {
        into_the_store().await;
    }
    if is_wanted("drain") {
        drain().await;
    }
    if is_wanted("latency") {
        latency().await;
    }
}

async fn into_the_store() {
    println!("into the store, telemetry of {READINGS_PER_ROW} readings a row, medians of {RUNS} pairs:");
    println!("rows a turn | readings/s | bare SQLite | ratio | bytes written a reading");
    for rows in [1, 10, 100] {
        let (mut ours, mut bares) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let directory = tempfile::tempdir().expect("a temporary directory");
            ours.push(store::ours(directory.path(), rows).await);
            let directory = tempfile::tempdir().expect("a temporary directory");
            bares.push(store::bare(directory.path(), rows));
        }
        let ratios = ours.iter().zip(&bares).map(|(our, bare)| our.rate / bare * 100.0);
        println!(
            "{rows} | {:.0} | {:.0} | {:.0} % | {:.0}",
            median(ours.iter().map(|our| our.rate)),
            median(bares.iter().copied()),
            median(ratios),
            median(ours.iter().map(|our| our.bytes)),
        );
    }
}

/// A backlog and live readings at once, then live readings alone; alarms all the while.
async fn drain() {
    println!(
        "{LIVE} devices of {READINGS_PER_ROW} points each second beside {OWED} rows that are owed, {PAIRS} runs:"
    );
    println!(
        "live rows/s | back-fill rows/s | times | alarm meanwhile p50, p99 ms (of) | idle p50, p99 ms (of) | ratio of p99"
    );
    let mut all = Vec::new();
    for _ in 0..PAIRS {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let broker = Mosquitto::start(directory.path()).await;
        let plant = Plant::start(LIVE).await;
        let site = plant.site(&broker);
        store::owe(directory.path(), &site, OWED).await;
        let mut telemetry = Telemetry::listen(&broker).await;
        let mut alarms = Alarms::listen(&broker, &plant).await;
        let daemon = Daemon::start(directory.path(), &site);
        let filled = telemetry.backfill(OWED, PATIENCE).await;
        let meanwhile = alarms.between(filled.first, filled.last);
        tokio::time::sleep(SETTLE).await;
        let idle = idle(&mut telemetry, &mut alarms).await;
        daemon.stop().await;
        let (live, rate) = (idle.rows as f64 / SPAN.as_secs_f64(), filled.rate());
        let ratio = meanwhile.permille(990) / idle.alarms.permille(990);
        println!("{live:.0} | {rate:.0} | {:.0} | {meanwhile} | {} | {ratio:.2}", rate / live, idle.alarms);
        all.push((rate / live, ratio));
    }
    println!(
        "medians: back-fill at {:.0} times the live rate; an alarm meanwhile takes {:.2} times as long at p99",
        median(all.iter().map(|(times, _)| *times)),
        median(all.iter().map(|(_, ratio)| *ratio))
    );
}

/// What an hour without a backlog is like.
struct Idle {
    rows: usize,
    alarms: listener::Delays,
}

async fn idle(telemetry: &mut Telemetry, alarms: &mut Alarms) -> Idle {
    let before = telemetry.rows();
    let from = std::time::Instant::now();
    tokio::time::sleep(SPAN).await;
    Idle { rows: telemetry.rows() - before, alarms: alarms.between(from, from + SPAN) }
}

/// The way of an alarm beside the two things that it cannot do without.
async fn latency() {
    println!(
        "from a register's answer to the alarm at a subscriber, ms, {PAIRS} runs of {SPAN:?} each in turn:"
    );
    println!(
        "alarm p50, p99 (of) | bare publish p50, p99 (of) | fsync p50, p99 (of) | p99 less bare less fsync"
    );
    let mut rests = Vec::new();
    for _ in 0..PAIRS {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let broker = Mosquitto::start(directory.path()).await;
        let published = bare::publishes(&broker, SPAN).await;
        let synced = bare::syncs(directory.path(), SPAN / 4);
        let plant = Plant::start(0).await;
        let mut alarms = Alarms::listen(&broker, &plant).await;
        let daemon = Daemon::start(directory.path(), &plant.site(&broker));
        tokio::time::sleep(SETTLE).await;
        let from = std::time::Instant::now();
        tokio::time::sleep(SPAN).await;
        let ours = alarms.between(from, from + SPAN);
        daemon.stop().await;
        let rest = ours.permille(990) - published.permille(990) - synced.permille(990);
        println!("{ours} | {published} | {synced} | {rest:.2}");
        rests.push(rest);
    }
    println!("median of what is left at p99: {:.2} ms", median(rests.into_iter()));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The folder of a run's daemon.
fn data(directory: &std::path::Path) -> std::path::PathBuf {
    directory.join("data")
}
