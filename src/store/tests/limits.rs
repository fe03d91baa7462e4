//! The disk budget, and the bounds of queue and row.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;

use crate::model::limits::{ROW_READINGS_MAX, STORE_QUEUE_LEN_MAX};
use crate::model::{Batch, DeviceId, PointId, Reading, Sample, Value, Wall};
use crate::site::Site;
use crate::store::fixtures::{AT, alarms, batch, commit, open, raised, site, telemetry};
use crate::store::tests::anywhere;
use crate::store::{Prepared, Progress, Store, Turn};

#[tokio::test]
async fn p5_the_oldest_telemetry_goes_first_and_is_counted_and_events_never_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = site(dir.path(), vec![("a", anywhere()), ("b", anywhere())]);
    site.store.telemetry_bytes_max = 2000;
    let store = open(&site).store;
    commit(&store, alarms((0..50).map(|i| raised(&format!("a{i}"))).collect())).await;
    commit(&store, telemetry((0..20).map(|_| batch(0, AT, 1.5)).collect())).await;
    // Destination `b` has the first ten rows, `a` has none.
    store.advance("b", Progress { event: 0, telemetry: 10, gaps: vec![] }).await.unwrap();
    for _ in 0..30 {
        commit(&store, telemetry((0..10).map(|_| batch(0, AT, 1.5)).collect())).await;
    }
    let heads = *store.heads().borrow();
    assert_eq!((heads.event, heads.telemetry), (50, 320));
    let (a, b) = (store.outbox("a").unwrap(), store.outbox("b").unwrap());
    let rows = a.telemetry(0, heads.telemetry, 1000).await.unwrap();
    assert_eq!(rows.first().unwrap().id, heads.floor + 1);
    assert_eq!(rows.last().unwrap().seq, 320, "the newest is there");
    assert!(rows.len() >= 25 && rows.len() <= 50, "{} rows in 2000 bytes", rows.len());
    assert_eq!(a.given_up().await.unwrap(), 2 * heads.floor);
    assert_eq!(b.given_up().await.unwrap(), 2 * (heads.floor - 10));
    assert_eq!(store.history().unwrap().events(None, 100).await.unwrap().len(), 50);
    store.close().await;

    let store = open(&site).store;
    assert_eq!(*store.heads().borrow(), heads, "the numbers survive the trimming");
    store.close().await;
}

#[tokio::test]
async fn p5_the_newest_row_stays_however_small_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = site(dir.path(), vec![("a", anywhere())]);
    site.store.telemetry_bytes_max = 1;
    let store = open(&site).store;
    for _ in 0..5 {
        commit(&store, telemetry(vec![batch(0, AT, 1.0), batch(1, AT, 2.0)])).await;
    }
    store.close().await;
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 1.0)])).await;
    let rows = store.outbox("a").unwrap().telemetry(0, 100, 100).await.unwrap();
    assert_eq!(rows.iter().map(|r| (r.id, r.seq)).collect::<Vec<_>>(), [(11, 6)]);
    store.close().await;
}

#[tokio::test]
async fn p5_readings_given_up_before_they_had_a_row_leave_a_gap_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere()), ("b", anywhere())]);
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 1.0), batch(1, AT, 1.0)])).await;
    let given_up = BTreeMap::from([(DeviceId::new(1), 40)]);
    commit(&store, Turn { given_up, ..telemetry(vec![batch(0, AT, 1.0), batch(1, AT, 1.0)]) }).await;
    let alone = BTreeMap::from([(DeviceId::new(0), 2)]);
    commit(&store, Turn { given_up: alone, ..Turn::default() }).await;
    store.close().await;

    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 1.0), batch(1, AT, 1.0)])).await;
    for name in ["a", "b"] {
        let outbox = store.outbox(name).unwrap();
        assert_eq!(outbox.given_up().await.unwrap(), 42);
        let rows = outbox.telemetry(0, 9, 9).await.unwrap();
        let seqs: Vec<_> = rows.iter().map(|row| (row.id, &*row.device, row.seq)).collect();
        let (one, two) = ("meter1", "meter2");
        assert_eq!(seqs, [(1, one, 1), (2, two, 1), (3, one, 2), (4, two, 3), (5, one, 4), (6, two, 4)]);
    }
    store.close().await;
}

#[tokio::test]
async fn p5_telemetry_that_is_too_old_goes_and_what_nobody_vouched_for_goes_with_what_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = site(dir.path(), vec![("a", anywhere()), ("b", anywhere())]);
    let hour = 3_600_000;
    let now = crate::clock::OsTime::read().wall_us / 1000;
    let stamps = [now - 60 * hour, now - 50 * hour, now - 10 * hour, now - 49 * hour];
    let store = open(&site).store;
    commit(&store, telemetry(stamps.map(|at| batch(0, Wall(at), 1.0)).into())).await;
    store.advance("b", Progress { event: 0, telemetry: 1, gaps: vec![] }).await.unwrap();
    store.close().await;
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider.execute("UPDATE telemetry SET at = 5, clock = 2 WHERE id = 1", []).unwrap();
    site.store.telemetry_age_max = Some(Duration::from_secs(48 * 3600));
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(1, Wall(now), 1.0)])).await;
    let (a, b) = (store.outbox("a").unwrap(), store.outbox("b").unwrap());
    let left: Vec<u64> = a.telemetry(0, 9, 9).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(left, [3, 4, 5], "behind what is young enough nothing is looked at");
    assert_eq!((a.given_up().await.unwrap(), b.given_up().await.unwrap()), (4, 2));
    assert_eq!(store.heads().borrow().floor, 2);
    store.close().await;
}

#[tokio::test]
async fn a_batch_too_large_for_one_row_becomes_several() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    let reading =
        Reading { point: PointId::new(0), at: AT, sample: Sample::Good(Value::Int(i64::from(u32::MAX))) };
    let readings = vec![reading; ROW_READINGS_MAX + 1];
    commit(&store, telemetry(vec![Batch { device: DeviceId::new(0), at: AT, readings }])).await;
    let rows = store.outbox("a").unwrap().telemetry(0, 10, 10).await.unwrap();
    let sizes: BTreeMap<u64, usize> = rows.iter().map(|row| (row.seq, row.readings.len())).collect();
    assert_eq!(sizes, BTreeMap::from([(1, ROW_READINGS_MAX), (2, 1)]));
    store.close().await;
}

#[tokio::test]
async fn p5_a_full_queue_makes_the_sender_wait() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.commit(alarms(vec![raised("stuck")])).await.unwrap();
    store.fault().wait_for(Option::is_some).await.unwrap();
    // The writer holds one group and asks for no more: the queue fills, and then nothing goes in.
    for _ in 0..STORE_QUEUE_LEN_MAX {
        store.commit(Turn::default()).await.unwrap();
    }
    assert!(!store.try_advance("a", Progress::default()).unwrap());
    let waiting = tokio::time::timeout(Duration::from_millis(20), store.commit(Turn::default())).await;
    assert!(waiting.is_err(), "a turn went into a full queue");
    outsider.execute_batch("ROLLBACK").unwrap();
    commit(&store, alarms(vec![raised("next")])).await;
    assert_eq!(store.heads().borrow().event, 2);
    store.close().await;
}

/// The site's store on a disk without room for one more page, but for the reserve if that is held.
fn open_full(site: &Site, is_reserve_held: bool) -> Store {
    let clock = Clock::start();
    let mut prepared = Prepared::new(&site.store, Arc::new(site.clone()), clock).unwrap();
    if !is_reserve_held {
        assert!(prepared.writer.reserve.release(clock.now().mono));
    }
    let connection = &prepared.writer.connection;
    let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    Store::launch(prepared.writer, &prepared.path).unwrap()
}

/// More alarms than fit into pages that are there already.
fn many_alarms() -> Turn {
    alarms((0..200).map(|i| raised(&format!("a{i}"))).collect())
}

#[tokio::test]
async fn p5_on_a_full_disk_the_oldest_telemetry_makes_room_for_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    commit(&store, telemetry((0..20_000).map(|_| batch(0, AT, 1.5)).collect())).await;
    store.close().await;

    let store = open_full(&site, false);
    let mut fault = store.fault();
    tokio::select! {
        () = commit(&store, many_alarms()) => {}
        told = fault.wait_for(Option::is_some) => panic!("the alarms were not kept: {:?}", *told.unwrap()),
    }
    assert_eq!(store.history().unwrap().events(None, 1000).await.unwrap().len(), 200);
    let heads = *store.heads().borrow();
    assert!(heads.floor > 0 && heads.floor < 20_000, "only as much as is needed: {heads:?}");
    let outbox = store.outbox("a").unwrap();
    assert_eq!(outbox.given_up().await.unwrap(), 2 * heads.floor);
    let rows = outbox.telemetry(0, heads.telemetry, 1).await.unwrap();
    assert_eq!(rows[0].id, heads.floor + 1, "the oldest went");
    store.close().await;
}

#[tokio::test]
async fn p5_on_a_full_disk_without_telemetry_the_reserve_takes_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    open(&site).store.close().await;
    let store = open_full(&site, true);
    let mut fault = store.fault();
    tokio::select! {
        () = commit(&store, many_alarms()) => {}
        told = fault.wait_for(Option::is_some) => panic!("the alarms were not kept: {:?}", *told.unwrap()),
    }
    assert!(!dir.path().join("hazgate.reserve").exists());
    let short = store.shortage().borrow().clone();
    assert!(
        short.is_some_and(|text| text.en.contains("short of room")),
        "a full disk is told, though alarms are kept"
    );
    store.close().await;
    let store = open(&site).store;
    assert_eq!(*store.shortage().borrow(), None);
    assert_eq!(store.heads().borrow().event, 200);
    assert!(dir.path().join("hazgate.reserve").exists(), "there is room again");
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_without_telemetry_is_a_fault_and_gives_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 1.5), batch(0, AT, 1.5)])).await;
    store.close().await;
    let store = open_full(&site, false);
    let (mut fault, heads) = (store.fault(), *store.heads().borrow());
    store.commit(many_alarms()).await.unwrap();
    let told = fault.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(told.en.contains("full"), "{told:?}");
    assert_eq!(*store.heads().borrow(), heads);
    assert_eq!(store.outbox("a").unwrap().given_up().await.unwrap(), 0);
    store.close().await;
}
