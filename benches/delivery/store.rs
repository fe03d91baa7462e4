//! The store by itself: how fast it takes telemetry, beside bare `SQLite` doing the same, and a backlog put into it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hazgate::clock::Clock;
use hazgate::model::{Batch, DeviceId, Now, PointId, Reading, Sample, Value, Wall};
use hazgate::site::{self, Site};
use hazgate::store::{Store, Turn};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::plant::READINGS_PER_ROW;
use crate::{LIVE, data};

/// How long each side is let run.
const SPAN: Duration = Duration::from_secs(2);
/// Turns that are under way at a time: the next is handed over while the disk works.
const AHEAD: usize = 8;
/// A row's body as it is on disk: fifteen bytes a reading or so.
const BODY_BYTES: usize = 15 * READINGS_PER_ROW;
/// A disk is asked to confirm telemetry so often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How old a backlog is at least.
const OLD_MS: i64 = 60_000;

/// What the store did.
pub(crate) struct Ours {
    /// Readings a second.
    pub(crate) rate: f64,
    /// Bytes that this process had written to the disk for each.
    pub(crate) bytes: f64,
}

/// Readings a second into the store, `rows` of them in a turn.
pub(crate) async fn ours(directory: &Path, rows: usize) -> Ours {
    let (store, clock) = open(directory, &calm_site());
    let (before, start, mut count) = (written(), Instant::now(), 0);
    while start.elapsed() < SPAN {
        let (mut turns, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..AHEAD {
            let (to, answer) = oneshot::channel();
            turns.push(Turn { replies: vec![(to, Ok(()))], ..turn(rows, clock.now().wall) });
            answers.push(answer);
        }
        for turn in turns {
            store.commit(turn).await.expect("the store runs");
        }
        for answer in answers {
            answer.await.expect("the store answers").expect("it is kept");
        }
        count += AHEAD * rows * READINGS_PER_ROW;
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    store.close().await;
    Ours { rate, bytes: (written() - before) as f64 / count as f64 }
}

/// The same number of rows of the same size into a table of `SQLite`, as fast as it takes them, synced as often.
pub(crate) fn bare(directory: &Path, rows: usize) -> f64 {
    let mut connection = Connection::open(directory.join("bare.db")).expect("a database");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
        .expect("a table");
    let log = std::fs::File::open(directory.join("bare.db-wal")).expect("a log");
    let body = vec![7_u8; BODY_BYTES];
    let (start, mut count, mut synced) = (Instant::now(), 0, Instant::now());
    while start.elapsed() < SPAN {
        let transaction = connection.transaction().expect("a transaction");
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO t(body) VALUES(?1)").expect("a statement");
            for _ in 0..AHEAD * rows {
                insert.execute([&body]).expect("a row");
            }
        }
        transaction.commit().expect("kept");
        count += AHEAD * rows * READINGS_PER_ROW;
        if synced.elapsed() > SYNC_EVERY {
            synced = Instant::now();
            log.sync_data().expect("a disk");
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// Puts so many rows, old enough to be back-fill, into the store of this site.
pub(crate) async fn owe(directory: &Path, site: &str, rows: usize) {
    let (store, clock) = open(directory, site);
    let Now { wall, .. } = clock.now();
    let at = Wall(wall.0 - OLD_MS);
    for _ in 0..rows / LIVE {
        store.commit(turn(LIVE, at)).await.expect("the store runs");
    }
    store.close().await;
}

/// A turn of `rows` rows, each of another device.
fn turn(rows: usize, at: Wall) -> Turn {
    let batch = |device: usize| Batch {
        device: DeviceId::new(device),
        at,
        readings: (0..READINGS_PER_ROW).map(|n| reading(device, n, at)).collect(),
    };
    Turn { batches: (0..rows).map(batch).collect(), ..Turn::default() }
}

fn reading(device: usize, n: usize, at: Wall) -> Reading {
    let sample = Sample::Good(Value::Float(device as f64 + n as f64 / 8.0));
    Reading { point: PointId::new(device * READINGS_PER_ROW + n), at, sample }
}

fn open(directory: &Path, text: &str) -> (Store, Clock) {
    let mut site: Site =
        site::parse("bench.toml", text, &BTreeMap::new()).expect("the benchmark's site is right");
    site.store.directory = data(directory);
    let clock = Clock::start();
    let opened = Store::open(&site.store.clone(), Arc::new(site), clock).expect("the store opens");
    (opened.store, clock)
}

/// A hundred devices that nobody reads, and no destination.
fn calm_site() -> String {
    let head = "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"bench\"\nname = \"Bench\"\n[console]\nenabled = false\n";
    let device = |d: usize| {
        let point = |p: usize| {
            format!(
                "[[point]]\ndevice = \"d{d}\"\nsignal = \"p{p}\"\nname = \"P\"\nregister = \"holding:{p}\"\ntype = \"u16\"\n"
            )
        };
        let head = format!(
            "[[device]]\nid = \"d{d}\"\nprotocol = \"modbus-tcp\"\naddress = \"127.0.0.1:1\"\nunit = {}\n",
            d + 1
        );
        std::iter::once(head).chain((0..READINGS_PER_ROW).map(point)).collect::<String>()
    };
    std::iter::once(head.to_owned()).chain((0..LIVE).map(device)).collect()
}

/// Bytes that this process has had written to the disk.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").expect("/proc");
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).expect("a number")
}
