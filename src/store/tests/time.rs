//! Stamps that were made before anything vouched for the clock, and what becomes of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, OsTime};
use crate::model::{AlarmState, ClockChange, ClockSync, EventKind, Mono, Now, Stamp, Transition, Wall};
use crate::site::Site;
use crate::store::fixtures::{AT, alarms, batch, commit, memories, raised, site, telemetry, transition};
use crate::store::tests::anywhere;
use crate::store::{Report, Store, Turn};

/// What a clock that began in 1970 is behind.
const BEHIND_MS: i64 = AT.0 - 60_000;

fn open(site: &Site, sync: ClockSync) -> Store {
    let clock = Clock::showing(OsTime { wall_us: 0, asleep: Duration::ZERO, sync });
    Store::open(&site.store, Arc::new(site.clone()), clock).unwrap().store
}

/// The clock is put by so much, and trusted so since.
fn change(by_ms: i64, sync: ClockSync, restamps: bool) -> Turn {
    let at = Now { mono: Mono::ZERO, wall: AT };
    Turn { clock: Some(ClockChange { at, by_ms, slept: Duration::ZERO, sync, restamps }), ..Turn::default() }
}

/// An alarm as it is stamped by a clock that is behind by `by_ms`.
fn behind(mut what: Transition, by_ms: i64) -> Transition {
    what.at = what.at.moved(-by_ms);
    what.raised_at = what.raised_at.moved(-by_ms);
    what
}

async fn stamps(store: &Store) -> Vec<(u64, Stamp, ClockSync)> {
    let mut events = store.history().unwrap().events(None, 100).await.unwrap();
    events.reverse();
    events.into_iter().map(|event| (event.seq, event.transition.at, event.clock)).collect()
}

fn raw(directory: &Path, query: &str) -> Vec<String> {
    let outsider = rusqlite::Connection::open(directory.join("hazgate.db")).unwrap();
    let mut statement = outsider.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn p2_what_was_stamped_before_the_first_synchronisation_is_put_right_once_the_clock_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site, ClockSync::Unsynced);
    let wrong = behind(raised("a"), BEHIND_MS);
    commit(&store, alarms(vec![wrong.clone(), behind(raised("b"), BEHIND_MS)])).await;
    let mut early = batch(0, Wall(AT.0 - BEHIND_MS), 1.0);
    early.readings[1].at = Wall(early.at.0 - 400);
    let mut sources = batch(1, Wall(AT.0 - BEHIND_MS), 2.0);
    sources.readings.iter_mut().for_each(|reading| reading.at = AT);
    commit(&store, telemetry(vec![early, sources])).await;
    let at = wrong.at;
    assert_eq!(stamps(&store).await, [(1, at, ClockSync::Unsynced), (2, at, ClockSync::Unsynced)]);
    let before = raw(dir.path(), "SELECT body FROM journal ORDER BY seq");

    // The time server answers: the clock is set, and a moment later vouched for.
    commit(&store, change(BEHIND_MS, ClockSync::Unsynced, true)).await;
    commit(&store, alarms(vec![raised("c")])).await;
    commit(&store, change(0, ClockSync::Synced, true)).await;
    commit(&store, alarms(vec![transition("b", EventKind::Acknowledged, AlarmState::Acknowledged)])).await;
    commit(&store, telemetry(vec![batch(0, AT, 3.0)])).await;

    let (right, known) = (raised("a").at, ClockSync::Restamped);
    let expected = [(1, right, known), (2, right, known), (3, right, known), (4, right, ClockSync::Synced)];
    for round in ["at once", "after a restart"] {
        let store = if round == "at once" { store.clone() } else { open(&site, ClockSync::Synced) };
        assert_eq!(stamps(&store).await, expected, "{round}");
        let board = store.board().borrow().clone();
        let standing = &board.alarms["a"];
        assert_eq!((standing.seq, standing.transition.at, standing.clock), (1, right, known), "{round}");
        assert_eq!(standing.transition.raised_at, wrong.raised_at, "the instance keeps its name");
        assert_eq!(board.alarms["b"].clock, ClockSync::Synced, "{round}");
        let rows = store.outbox("a").unwrap().telemetry(0, 9, 9).await.unwrap();
        let seen: Vec<_> = rows.iter().map(|r| (r.at, r.readings[1].at, r.clock)).collect();
        let ours = (AT, Wall(AT.0 - 400), known);
        assert_eq!(seen, [ours, (AT, AT, known), (AT, AT, ClockSync::Synced)], "{round}");
        store.close().await;
    }
    let after = raw(dir.path(), "SELECT body FROM journal ORDER BY seq");
    assert_eq!(after[..2], before, "the journal is never rewritten");
}

#[tokio::test]
async fn p2_an_earlier_run_since_the_same_start_of_the_computer_is_put_right_too_and_no_other() {
    for same_start in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path(), vec![]);
        let store = open(&site, ClockSync::Unsynced);
        commit(&store, alarms(vec![behind(raised("a"), BEHIND_MS)])).await;
        store.close().await;
        if !same_start {
            let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
            outsider.execute("UPDATE meta SET value = '0 0 0 another' WHERE key = 'start'", []).unwrap();
        }
        let store = open(&site, ClockSync::Unsynced);
        commit(&store, alarms(vec![behind(raised("b"), BEHIND_MS)])).await;
        commit(&store, change(BEHIND_MS, ClockSync::Synced, true)).await;
        let right = (raised("a").at, ClockSync::Restamped);
        let first = if same_start { right } else { (behind(raised("a"), BEHIND_MS).at, ClockSync::Unsynced) };
        assert_eq!(stamps(&store).await, [(1, first.0, first.1), (2, right.0, right.1)], "{same_start}");
        store.close().await;
    }
}

#[tokio::test]
async fn p2_what_is_settled_stays_when_the_time_server_is_lost_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site, ClockSync::Unsynced);
    commit(&store, alarms(vec![behind(raised("a"), BEHIND_MS)])).await;
    commit(&store, change(BEHIND_MS, ClockSync::Synced, true)).await;
    commit(&store, change(0, ClockSync::Unsynced, false)).await;
    commit(&store, alarms(vec![raised("b")])).await;
    commit(&store, change(-3000, ClockSync::Synced, false)).await;
    store.close().await;
    // A run that begins without the time server must not touch what an earlier one has settled.
    let store = open(&site, ClockSync::Unsynced);
    commit(&store, change(5000, ClockSync::Synced, true)).await;
    let at = raised("a").at;
    assert_eq!(stamps(&store).await, [(1, at, ClockSync::Restamped), (2, at, ClockSync::Unsynced)]);
    store.close().await;
}

#[tokio::test]
async fn a_step_tells_by_how_much_older_stamps_are_behind() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site, ClockSync::Synced);
    commit(&store, alarms(vec![raised("a")])).await;
    commit(&store, telemetry(vec![batch(0, AT, 1.0)])).await;
    commit(&store, change(7_200_000, ClockSync::Synced, false)).await;
    commit(&store, alarms(vec![raised("b")])).await;
    commit(&store, change(-200_000, ClockSync::Synced, false)).await;
    assert_eq!([1, 2, 3].map(|seq| store.moved_since_event(seq)), [7_000_000, -200_000, 0]);
    assert_eq!([1, 2].map(|id| store.moved_since_row(id)), [7_000_000, 0]);
    store.close().await;
}

#[tokio::test]
async fn a_database_of_the_first_format_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site, ClockSync::Synced);
    commit(&store, alarms(vec![raised("a")])).await;
    commit(&store, telemetry(vec![batch(0, AT, 1.0)])).await;
    store.close().await;
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider
        .execute_batch(
            "ALTER TABLE telemetry DROP COLUMN clock; DROP TABLE restamp; DROP TABLE memory; DROP TABLE refused;
             DROP TABLE report; ALTER TABLE cursor DROP COLUMN report;
             UPDATE meta SET value = '1' WHERE key = 'schema_version'",
        )
        .unwrap();
    drop(outsider);
    let clock = Clock::start();
    let opened = Store::open(&site.store, Arc::new(site.clone()), clock).unwrap();
    assert_eq!(opened.set_aside, None);
    let store = opened.store;
    commit(&store, telemetry(vec![batch(0, AT, 2.0)])).await;
    commit(&store, Turn { memories: memories([("k", Some("v"))]), ..Turn::default() }).await;
    assert_eq!(store.standing().memories.len(), 1);
    let report =
        |day: &str| Report { kind: "power".into(), day: day.into(), subject: "m".into(), body: "{}".into() };
    commit(&store, Turn { reports: vec![report("2026-11-21")], ..Turn::default() }).await;
    let outbox = store.outbox("a").unwrap();
    assert_eq!(
        (outbox.reported().await.unwrap(), outbox.report(0).await.unwrap()),
        (0, Some((1, report("2026-11-21"))))
    );
    let rows = store.outbox("a").unwrap().telemetry(0, 9, 9).await.unwrap();
    assert_eq!((rows.len(), rows[0].clock), (2, ClockSync::Unknown));
    store.close().await;
}

#[tokio::test]
async fn readings_of_different_moments_are_different_rows() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site, ClockSync::Synced);
    let mut buffered = batch(0, AT, 1.0);
    buffered.readings[0].at = Wall(AT.0 - 90_000);
    commit(&store, telemetry(vec![buffered])).await;
    let rows = store.outbox("a").unwrap().telemetry(0, 9, 9).await.unwrap();
    let moments: Vec<_> = rows.iter().map(|row| (row.seq, row.taken(), row.at)).collect();
    assert_eq!(moments, [(1, Wall(AT.0 - 90_000), AT), (2, AT, AT)]);
    store.close().await;
}
