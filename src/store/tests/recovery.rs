//! What is there after a crash, a restart, a file that cannot be read.

use std::fs;
use std::path::Path;

use crate::clock::Clock;
use crate::model::limits::STORE_UNSAVED_ROWS_MAX;
use crate::model::{AlarmState, Batch, EventKind, Wall};
use crate::store::fixtures::{
    AT, alarms, batch, commit, memories, open, raised, site, telemetry, transition,
};
use crate::store::ledger::{self, SEQ_LEAP};
use crate::store::tests::anywhere;
use crate::store::{Heads, Progress, Span, Store, StoreError, Turn, schema};

/// What a process that is killed at this moment leaves behind: the database and its log as the system has them.
fn killed(from: &Path, to: &Path) {
    for name in ["hazgate.db", "hazgate.db-wal"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

#[tokio::test]
async fn p1_a_crash_loses_nothing_and_numbers_go_on_where_they_stopped() {
    let (dir, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    let acknowledged = transition("b", EventKind::Acknowledged, AlarmState::Acknowledged);
    commit(&store, alarms(vec![raised("a"), raised("b"), acknowledged.clone(), raised("c")])).await;
    commit(&store, alarms(vec![transition("c", EventKind::Cleared, AlarmState::Normal)])).await;
    commit(&store, telemetry(vec![batch(0, AT, 1.0), batch(0, AT, 2.0), batch(1, AT, 3.0)])).await;
    killed(dir.path(), left.path());

    site.store.directory = left.path().to_owned();
    let opened = open(&site);
    assert_eq!(
        opened.store.standing().alarms,
        [raised("a"), acknowledged],
        "acknowledged alarms stay acknowledged"
    );
    let store = opened.store;
    assert_eq!(*store.heads().borrow(), Heads { event: 5, telemetry: 3, floor: 0, ..Heads::default() });
    commit(&store, alarms(vec![raised("d")])).await;
    commit(&store, telemetry(vec![batch(0, AT, 4.0)])).await;
    let newest = store.history().unwrap().events(None, 1).await.unwrap();
    assert_eq!(newest[0].seq, 6);
    let rows = store.outbox("a").unwrap().telemetry(0, u64::MAX >> 1, 10).await.unwrap();
    assert_eq!(rows.iter().map(|r| (r.id, r.seq)).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 1), (4, 3)]);
    store.close().await;
}

#[tokio::test]
async fn p1_what_the_engine_remembers_is_there_after_a_crash_the_newest_of_each_key() {
    let (dir, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    let first = memories([("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
    for memories in [first, memories([("b", Some("2")), ("c", None)])] {
        commit(&store, Turn { memories, ..Turn::default() }).await;
    }
    killed(dir.path(), left.path());
    store.close().await;
    site.store.directory = left.path().to_owned();
    let store = open(&site).store;
    let kept = store.standing().memories;
    let kept: Vec<_> = kept.iter().map(|memory| (memory.key.as_str(), memory.body.as_deref())).collect();
    assert_eq!(kept, [("a", Some("1")), ("b", Some("2"))]);
    store.close().await;
}

#[tokio::test]
async fn p1_an_opening_after_a_crash_counts_a_bounded_number_of_rows_again() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    let (turn, mut most) = (3000, 0);
    for _ in 0..5 {
        commit(&store, telemetry((0..turn).map(|_| batch(0, AT, 1.0)).collect())).await;
        let saved = ledger::saved(&outsider, "telemetry_through").unwrap();
        most = most.max(store.heads().borrow().telemetry - saved);
    }
    assert!(most > turn, "not with each commit");
    assert!(most < STORE_UNSAVED_ROWS_MAX + turn, "{most} rows would be counted again");
    store.close().await;
}

#[tokio::test]
async fn p1_row_numbers_of_a_device_that_fell_silent_go_on_after_two_crashes() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut site = site(dirs[0].path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 1.0), batch(0, AT, 2.0)])).await;
    killed(dirs[0].path(), dirs[1].path());
    store.close().await;
    // In its second life the device says nothing; others do, and the running numbers are saved.
    site.store.directory = dirs[1].path().to_owned();
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(1, AT, 3.0)])).await;
    store.close().await;
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, AT, 4.0)])).await;
    let rows = store.outbox("a").unwrap().telemetry(0, 9, 9).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| (&*row.device, row.seq)).collect();
    assert_eq!(numbers, [("meter1", 1), ("meter1", 2), ("meter2", 1), ("meter1", 3)]);
    store.close().await;
}

#[tokio::test]
async fn everything_is_there_after_an_orderly_restart() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    for round in 1..=3 {
        let opened = open(&site);
        let store = opened.store;
        assert_eq!(store.standing().alarms.len() as u64, round - 1);
        commit(&store, alarms(vec![raised(&format!("a{round}"))])).await;
        commit(&store, telemetry(vec![batch(1, AT, 1.0)])).await;
        assert_eq!(
            *store.heads().borrow(),
            Heads { event: round, telemetry: round, floor: 0, ..Heads::default() }
        );
        store.close().await;
    }
    let store = open(&site).store;
    let rows = store.outbox("a").unwrap().telemetry(0, 100, 10).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.seq).collect::<Vec<_>>(), [1, 2, 3]);
    store.close().await;
}

#[tokio::test]
async fn a_cursor_comes_back_with_its_gaps_and_a_new_destination_starts_at_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let old = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&old).store;
    assert_eq!(store.outbox("a").unwrap().progress().await.unwrap(), Progress::default());
    commit(&store, alarms(vec![raised("x")])).await;
    commit(&store, telemetry((0..9).map(|_| batch(0, AT, 1.0)).collect())).await;
    let gaps = vec![Span { after: 2, upto: 4 }, Span { after: 5, upto: 6 }];
    let progress = Progress { event: 1, telemetry: 8, gaps };
    store.advance("a", progress.clone()).await.unwrap();
    store.close().await;

    let store = open(&site(dir.path(), vec![("a", anywhere()), ("b", anywhere())])).store;
    assert_eq!(store.outbox("a").unwrap().progress().await.unwrap(), progress);
    let newcomer = Progress { event: 1, telemetry: 9, gaps: vec![] };
    assert_eq!(store.outbox("b").unwrap().progress().await.unwrap(), newcomer);
    store.close().await;
}

#[tokio::test]
async fn dropping_the_last_handle_commits_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    let mut ended = store.ended.clone();
    store.commit(alarms(vec![raised("a")])).await.unwrap();
    drop(store);
    while ended.changed().await.is_ok() {}
    let opened = open(&site);
    assert_eq!(opened.store.standing().alarms, [raised("a")]);
    opened.store.close().await;
}

#[tokio::test]
async fn a_second_instance_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    let second = Store::open(&site.store, std::sync::Arc::new(site.clone()), Clock::start());
    let Err(refused) = second else { panic!("a second instance was let in") };
    assert!(matches!(refused, StoreError::InUse { .. }));
    assert!(refused.to_string().contains(&dir.path().display().to_string()), "{refused}");
    store.close().await;
    open(&site).store.close().await;
}

#[tokio::test]
async fn an_unreadable_database_is_set_aside_and_a_newer_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    fs::write(
        dir.path().join("hazgate.db"),
        b"this is no database at all, but long enough to be one".repeat(99),
    )
    .unwrap();
    let opened = open(&site);
    let aside = opened.set_aside.clone().unwrap();
    assert!(aside.exists() && aside != dir.path().join("hazgate.db"));
    commit(&opened.store, alarms(vec![raised("a")])).await;
    opened.store.close().await;

    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'", []).unwrap();
    drop(outsider);
    let Err(refused) = Store::open(&site.store, std::sync::Arc::new(site.clone()), Clock::start()) else {
        panic!("a newer format was opened")
    };
    assert!(refused.to_string().contains("format 99"), "{refused}");
}

#[tokio::test]
async fn a_database_with_a_damaged_row_is_set_aside_and_numbers_never_go_back() {
    let damages = [
        "UPDATE alarm SET body = '{}'",
        "INSERT OR REPLACE INTO meta(key, value) VALUES ('risk', '[')",
        "INSERT OR REPLACE INTO meta(key, value) VALUES ('telemetry_through', 'x')",
        "DROP TABLE name",
        "DELETE FROM meta WHERE key = 'schema_version'",
    ];
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let mut last = 0;
    for damage in damages {
        let store = open(&site).store;
        commit(&store, alarms(vec![raised("a")])).await;
        assert!(store.heads().borrow().event > last, "{damage}: a number was given twice");
        last = store.heads().borrow().event;
        store.close().await;
        rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap().execute_batch(damage).unwrap();

        let opened = open(&site);
        assert!(opened.set_aside.is_some_and(|aside| aside.exists()), "{damage}");
        assert_eq!(opened.store.standing().alarms, []);
        let heads = *opened.store.heads().borrow();
        assert!(heads.event > last, "{damage}: numbers go back");
        let cursor = opened.store.outbox("a").unwrap().progress().await.unwrap();
        assert_eq!(cursor, Progress { event: heads.event, ..Progress::default() });
        opened.store.close().await;
        // Without an event in between the number holds all the same.
        let opened = open(&site);
        assert_eq!((*opened.store.heads().borrow(), opened.set_aside), (heads, None));
        opened.store.close().await;
    }
}

#[tokio::test]
async fn numbers_go_on_above_those_set_aside_even_when_the_clock_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    commit(&store, alarms(vec![raised("a"), raised("b")])).await;
    store.close().await;
    let path = dir.path().join("hazgate.db");
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE alarm SET body = '{}'", []).unwrap();
    // As after a crash between the setting aside and the new beginning.
    fs::rename(&path, dir.path().join("hazgate.db.unreadable-1")).unwrap();
    let held =
        schema::hold(dir.path(), Wall(0), |connection| ledger::Ledger::load(connection, &site)).unwrap();
    assert_eq!(held.loaded.event, 2);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let path = dir.path().join("hazgate.db");
    fs::create_dir(&path).unwrap();
    let Err(refused) = Store::open(&site.store, std::sync::Arc::new(site.clone()), Clock::start()) else {
        panic!("a directory was opened as a database")
    };
    let (path, words) = (path.display().to_string(), refused.words());
    assert!(words.en.contains(&path) && words.zh.contains(&path), "{words:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let site = site(&dir.path().join("deep/data"), vec![]);
    open(&site).store.close().await;
    let mode = fs::metadata(&site.store.directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn p1_numbers_of_rows_that_a_power_cut_may_have_taken_are_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let numbers = async |batches: Vec<Batch>| {
        let store = open(&site).store;
        commit(&store, telemetry(batches)).await;
        let (newest, outbox) = (store.heads().borrow().telemetry, store.outbox("none").unwrap());
        let rows = outbox.telemetry(0, newest, 100).await.unwrap();
        store.close().await;
        rows.iter().map(|row| (row.id, row.seq)).collect::<Vec<_>>()
    };
    let meddle = |statement: &str| {
        let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
        outsider.execute_batch(statement).unwrap();
    };
    let other_start = "UPDATE meta SET value = '0 0 0 another' WHERE key = 'start';";
    let not_closed = "DELETE FROM meta WHERE key = 'closed';";
    assert_eq!(numbers(vec![batch(0, AT, 1.0), batch(1, AT, 1.0)]).await, [(1, 1), (2, 1)]);
    meddle(not_closed);
    assert_eq!(numbers(vec![batch(0, AT, 2.0)]).await[2..], [(3, 2)], "a crash takes nothing");
    meddle(other_start);
    assert_eq!(numbers(vec![batch(0, AT, 3.0)]).await[3..], [(4, 3)], "it had been closed");
    meddle(&format!("{other_start}{not_closed}"));
    assert_eq!(numbers(vec![batch(0, AT, 4.0)]).await[4..], [(5, 4 + SEQ_LEAP)]);
    meddle(&format!(
        "{other_start}{not_closed}DELETE FROM telemetry WHERE id = 5; UPDATE meta SET value = '4' WHERE key = 'telemetry_through';"
    ));
    assert_eq!(numbers(vec![batch(1, AT, 5.0)]).await[4..], [(5, 2 + 2 * SEQ_LEAP)], "each leap is for good");
}
