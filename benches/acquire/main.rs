//! What acquisition costs and how punctual it is, against devices in another process that answer at once: points a second beside
//! bare tokio-modbus clients in the same run, jitter and processor time of a big site, and what dead devices cost the living.
//! `cargo bench --bench acquire`; with numbers behind `--` only the comparison with so many devices each.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]

mod plant;
mod readers;
mod server;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hazgate::model::Mono;
use tokio::time::sleep;

use plant::{LinkPlan, POINTS_PER_DEVICE, site};
use readers::{Bare, Hazgate, Points};
use server::{MORTAL_UNIT, SERVE, SILENT_UNIT, Server};

const RUNS: usize = 5;
const WARM_UP: Duration = Duration::from_millis(600);
const SPAN: Duration = Duration::from_millis(1500);
/// Shorter than any answer takes: what is due is always due already.
const AT_ONCE: Duration = Duration::from_micros(1);
const SIZES: [usize; 4] = [1, 8, 64, MANY];
const MANY: usize = 1000;
const SECOND: Duration = Duration::from_secs(1);
const PUNCTUAL_WARM_UP: Duration = Duration::from_secs(3);
const PUNCTUAL_SPAN: Duration = Duration::from_secs(10);
/// Units on each link where a link has several.
const BUS: usize = 10;
/// Files that a thousand connections and all else need.
const FILES_MIN: u64 = 1200;

fn main() {
    if std::env::args().nth(1).is_some_and(|first| first == SERVE) {
        return server::serve();
    }
    let files = files_max();
    assert!(files >= FILES_MIN, "{files} open files are too few: `ulimit -n {FILES_MIN}` first");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure());
}

async fn measure() {
    let server = Server::start();
    println!("devices | bare points/s | Hazgate points/s | ratio | bare s/Mpoint | Hazgate s/Mpoint");
    let sizes: Vec<usize> = std::env::args().filter_map(|size| size.parse().ok()).collect();
    for &devices in if sizes.is_empty() { &SIZES[..] } else { &sizes } {
        throughput(&server, devices).await;
    }
    if !sizes.is_empty() {
        return;
    }
    println!(
        "{MANY} devices of {POINTS_PER_DEVICE} points every second, {PUNCTUAL_WARM_UP:?} of start, {PUNCTUAL_SPAN:?} after it;"
    );
    println!("late against the grid: median, p99, greatest:");
    let single = |n: usize| LinkPlan::single(if n < MANY { server.living } else { server.silent });
    punctual("all alive, a link each", &(0..MANY).map(single).collect::<Vec<_>>(), &[]).await;
    let dead: Vec<usize> = (0..MANY).step_by(10).collect();
    let some_dead = |n: usize| match n % 20 {
        0 => LinkPlan::single(server.silent),
        10 => LinkPlan::single(server.refusing),
        _ => LinkPlan::single(server.living),
    };
    let links: Vec<_> = (0..MANY).map(some_dead).collect();
    punctual("a tenth dead, a link each", &links, &dead).await;
    let units = |first: u8| std::iter::once(first).chain(2..=BUS as u8).collect();
    let bus = |first| vec![LinkPlan { address: server.living, units: units(first) }; MANY / BUS];
    punctual("all alive, ten on a link", &bus(1), &[]).await;
    punctual("one of ten silent on each link", &bus(SILENT_UNIT), &dead).await;
    punctual("one of ten falls silent on each link", &bus(MORTAL_UNIT), &dead).await;
}

/// What one side did in its span.
#[derive(Clone, Copy)]
struct Rate {
    /// Points a second.
    points: f64,
    /// Processor seconds per million points, those of the devices not counted.
    cpu: f64,
}

async fn throughput(server: &Server, devices: usize) {
    let links = vec![LinkPlan::single(server.living); devices];
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let points = Points::default();
        let clients = Bare::start(devices, server.living, &points);
        bare.push(rate(&points, WARM_UP, SPAN).await);
        clients.stop().await;

        let points = Points::default();
        let hazgate = Hazgate::start(site(&links, AT_ONCE), &points);
        ours.push(rate(&points, WARM_UP, SPAN).await);
        hazgate.stop().await;
    }
    let ratios = bare.iter().zip(&ours).map(|(bare, ours)| ours.points / bare.points * 100.0);
    println!(
        "{devices} | {:.0} | {:.0} | {:.0} % | {:.2} | {:.2}",
        median(bare.iter().map(|rate| rate.points)),
        median(ours.iter().map(|rate| rate.points)),
        median(ratios),
        median(bare.iter().map(|rate| rate.cpu)),
        median(ours.iter().map(|rate| rate.cpu)),
    );
}

async fn rate(points: &Points, warm_up: Duration, span: Duration) -> Rate {
    sleep(warm_up).await;
    let (start, points_before, cpu_before) = (Instant::now(), points.load(Ordering::Relaxed), cpu_seconds());
    sleep(span).await;
    let count = (points.load(Ordering::Relaxed) - points_before) as f64;
    let cpu = cpu_seconds() - cpu_before;
    Rate { points: count / start.elapsed().as_secs_f64(), cpu: cpu * 1e6 / count }
}

/// How punctually the living devices among `links` are polled, and how many of their polls are lost, at the start and after it.
async fn punctual(name: &str, links: &[LinkPlan], dead: &[usize]) {
    let points = Points::default();
    let hazgate = Hazgate::start(site(links, SECOND), &points);
    let rate = rate(&points, PUNCTUAL_WARM_UP, PUNCTUAL_SPAN).await;
    let log = hazgate.stop().await;
    let (mut start, mut after) = (Record::default(), Record::default());
    for device in (0..log.polls.len()).filter(|device| !dead.contains(device)) {
        follow(device, &log.polls[device], &mut start, &mut after);
    }
    let bad: u64 = (0..log.bad.len()).filter(|device| !dead.contains(device)).map(|n| log.bad[n]).sum();
    println!(
        "{name}: start: {}; after: {}; {bad} of the living's values not good; {:.2} s of processor per million points",
        start.words(),
        after.words(),
        rate.cpu,
    );
}

/// What became of polls.
#[derive(Default)]
struct Record {
    /// By how many seconds each came after its place on the grid.
    late: Vec<f64>,
    /// Places on the grid at which none was made.
    lost: u64,
}

impl Record {
    fn words(mut self) -> String {
        self.late.sort_unstable_by(f64::total_cmp);
        let ms = |share: f64| self.late[((self.late.len() - 1) as f64 * share) as usize] * 1000.0;
        let (median, p99, max) = (ms(0.5), ms(0.99), ms(1.0));
        format!(
            "late by {median:.1}, {p99:.1}, {max:.1} ms, {} of {} lost",
            self.lost,
            self.late.len() as u64 + self.lost
        )
    }
}

/// Puts each poll of a device, which has one a second, into the record of its time. The first of all is made at once, wherever
/// the device stands on the grid, and takes the place of those that it comes too late for.
fn follow(device: usize, polls: &[Mono], start: &mut Record, after: &mut Record) {
    let mut next = 0;
    for at in polls.iter().skip(1).map(|at| at.since_start().as_secs_f64() - place(device)) {
        let record = if at < PUNCTUAL_WARM_UP.as_secs_f64() { &mut *start } else { &mut *after };
        record.late.push(at - at.floor());
        record.lost += (at.floor() as u64).saturating_sub(next);
        next = at.floor() as u64 + 1;
    }
}

/// Where in the second a device stands: see `Schedule`.
fn place(device: usize) -> f64 {
    (device as f64 * 0.618_033_988_749_894_9).fract()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Processor time that this process has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that Hazgate runs on.
    ticks as f64 / 100.0
}

/// Files that this process may have open.
fn files_max() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("/proc");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    soft.parse().unwrap_or(u64::MAX)
}
