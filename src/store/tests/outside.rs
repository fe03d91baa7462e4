//! A data directory looked at, checked and mended from outside.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::model::Wall;
use crate::site::Site;
use crate::store::fixtures::{AT, alarms, batch, commit, open, raised, site, telemetry};
use crate::store::tests::anywhere;
use crate::store::{Archive, Extent, Mended, Owed, Progress, Recorded, Span, StoreError, repair, verify};

fn later(ms: i64) -> Wall {
    Wall(AT.0 + ms)
}

fn outsider(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join("hazgate.db")).unwrap()
}

fn words(directory: &Path) -> Vec<String> {
    verify(directory, |_| ()).unwrap().into_iter().map(|text| text.en).collect()
}

/// Three alarms and four rows, of which `a` has acknowledged one and two.
async fn filled(site: &Site) {
    let store = open(site).store;
    commit(&store, alarms(vec![raised("x"), raised("y"), raised("z")])).await;
    commit(&store, telemetry((0..4).map(|n| batch(0, later(1000 * n), n as f64)).collect())).await;
    let progress = Progress { event: 1, telemetry: 3, gaps: vec![Span { after: 0, upto: 1 }] };
    store.advance("a", progress).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_is_kept_is_told_while_the_gateway_writes() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere()), ("b", anywhere())]);
    assert!(matches!(Archive::open(dir.path()), Err(StoreError::Directory { .. })));
    filled(&site).await;
    let store = open(&site).store;
    let mut archive = Archive::open(dir.path()).unwrap();
    let summary = archive.summary().unwrap();
    assert_eq!(summary.events, Extent { count: 3, last: 3, span: Some((AT, AT)) });
    assert_eq!(summary.telemetry, Extent { count: 4, last: 4, span: Some((AT, later(3000))) });
    assert_eq!((summary.standing, summary.set_aside.len()), (3, 0));
    assert!(summary.disk_bytes > summary.telemetry_bytes && summary.telemetry_bytes > 4 * 32);
    let [a, b] = &summary.destinations[..] else { panic!("{summary:?}") };
    assert_eq!(
        (a.events, a.telemetry),
        (Owed { count: 2, since: Some(AT) }, Owed { count: 2, since: Some(AT) })
    );
    assert_eq!((b.events.count, b.telemetry, b.given_up), (3, Owed { count: 4, since: Some(AT) }, 0));
    assert_eq!(archive.events(1).unwrap().iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
    commit(&store, alarms(vec![raised("w")])).await;
    assert_eq!(archive.summary().unwrap().events.last, 4, "it goes on writing");
    assert_eq!(words(dir.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn p2_whatever_is_wrong_with_a_database_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    filled(&site).await;
    let whole = std::fs::read(dir.path().join("hazgate.db")).unwrap();
    let wrongs = [
        ("DELETE FROM journal WHERE seq = 2", "the journal lacks events 2 to 2"),
        ("UPDATE journal SET body = 'nothing' WHERE seq = 2", "event 2 cannot be read"),
        ("UPDATE journal SET id = 'other' WHERE seq = 2", "event 2 holds what belongs to 2"),
        ("DELETE FROM journal WHERE seq = 3", "alarm `z` stands as no event of the journal says"),
        ("UPDATE telemetry SET body = x'05' WHERE id = 3", "telemetry row 3 that cannot be read"),
        ("UPDATE telemetry SET seq = 2 WHERE id = 3", "number 2 of device `meter1` is not above"),
        ("UPDATE telemetry SET device = 99 WHERE id = 3", "row 3 is of a device without a name"),
        ("UPDATE cursor SET event = 9", "destination `a` has acknowledged more than there is"),
        ("DROP TABLE alarm", "no such table"),
    ];
    for (wrong, expected) in wrongs {
        std::fs::write(dir.path().join("hazgate.db"), &whole).unwrap();
        outsider(dir.path()).execute_batch(wrong).unwrap();
        let found = words(dir.path());
        assert!(found.iter().any(|words| words.contains(expected)), "{wrong}: {found:?}");
    }
}

#[tokio::test]
async fn p1_what_can_be_read_of_a_damaged_database_is_brought_back_and_what_was_owed_is_owed() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    let store = open(&site).store;
    for n in 0..400 {
        commit(&store, alarms(vec![raised(&format!("x{n}"))])).await;
    }
    commit(&store, telemetry((0..200).map(|n| batch(0, later(1000 * n), n as f64)).collect())).await;
    store.advance("a", Progress { event: 390, telemetry: 150, gaps: vec![] }).await.unwrap();
    assert!(matches!(repair(dir.path(), AT, |_| ()), Err(StoreError::InUse { .. })), "not beside a gateway");
    store.close().await;
    assert_eq!(repair(dir.path(), AT, |_| ()).unwrap(), Mended::default(), "nothing to mend");

    let root: u64 = outsider(dir.path())
        .query_row(
            "SELECT pageno FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf' LIMIT 1 OFFSET 5",
            [],
            |row| row.get::<_, i64>(0),
        )
        .unwrap() as u64;
    let file = File::options().write(true).open(dir.path().join("hazgate.db")).unwrap();
    let page = outsider(dir.path()).query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0)).unwrap();
    file.write_all_at(&vec![0xaa; page as usize], (root - 1) * u64::from(page)).unwrap();
    let mended = repair(dir.path(), AT, |_| ()).unwrap();
    assert!(!mended.damages.is_empty());
    assert!(mended.events > 380 && mended.events < 400, "all but those of one page: {mended:?}");
    assert_eq!((mended.rows, mended.from.len()), (200, 1));
    assert!(mended.from[0].exists());

    let store = open(&site).store;
    let outbox = store.outbox("a").unwrap();
    assert_eq!(outbox.progress().await.unwrap(), Progress { event: 390, telemetry: 150, gaps: vec![] });
    assert_eq!(store.standing().alarms.len(), 400);
    let owed: Vec<u64> =
        outbox.events(390, u64::MAX >> 1, 100).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(owed, (391..=400).collect::<Vec<_>>());
    commit(&store, alarms(vec![raised("new")])).await;
    assert!(store.heads().borrow().event > 400, "no number is given twice");
    store.close().await;
    let mut recorded = Recorded::open(dir.path(), None).unwrap();
    assert_eq!(recorded.next_rows().unwrap().len(), 200);
}

#[tokio::test]
async fn p5_what_is_read_after_repair_is_new_to_those_who_had_acknowledged_what_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    filled(&site).await;
    outsider(dir.path()).execute_batch("UPDATE telemetry SET body = x'05'").unwrap();
    let mended = repair(dir.path(), AT, |_| ()).unwrap();
    assert_eq!((mended.events, mended.rows), (3, 0), "no row can be read");
    assert_eq!(words(dir.path()), [""; 0]);
    let store = open(&site).store;
    commit(&store, telemetry(vec![batch(0, later(9000), 9.0)])).await;
    let outbox = store.outbox("a").unwrap();
    let after = outbox.progress().await.unwrap().telemetry;
    let owed = outbox.telemetry(after, u64::MAX >> 1, 100).await.unwrap();
    assert_eq!(owed.iter().map(|row| row.at).collect::<Vec<_>>(), [later(9000)]);
    store.close().await;
    assert_eq!(words(dir.path()), [""; 0]);
}

#[tokio::test]
async fn p1_what_a_database_owed_when_it_was_set_aside_is_owed_again_after_repair() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    filled(&site).await;
    outsider(dir.path())
        .execute_batch("UPDATE meta SET value = 'many' WHERE key = 'telemetry_bytes'")
        .unwrap();
    let opened = open(&site);
    assert!(opened.set_aside.is_some());
    commit(&opened.store, alarms(vec![raised("new")])).await;
    let new = opened.store.heads().borrow().event;
    opened.store.advance("a", Progress { event: new, ..Progress::default() }).await.unwrap();
    opened.store.close().await;
    assert_eq!(Archive::open(dir.path()).unwrap().summary().unwrap().set_aside.len(), 1);

    let mended = repair(dir.path(), AT, |_| ()).unwrap();
    assert_eq!((mended.damages.len(), mended.events, mended.rows), (0, 3, 0));
    assert_eq!(words(dir.path()), [""; 0], "old numbers, a leap, new numbers");
    let store = open(&site).store;
    let owed = store.outbox("a").unwrap().progress().await.unwrap().event;
    let events = store.outbox("a").unwrap().events(owed, new, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3, new]);
    assert_eq!(store.standing().alarms.len(), 1, "how things stand, the newer database says");
    store.close().await;
    assert_eq!(repair(dir.path(), AT, |_| ()).unwrap(), Mended::default(), "once is enough");
}

#[tokio::test]
async fn a_small_database_with_large_pages_is_written_anew_with_small_ones() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere())]);
    filled(&site).await;
    let pages = |connection: &rusqlite::Connection| -> u32 {
        connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap()
    };
    let outside = outsider(dir.path());
    outside.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM").unwrap();
    assert_eq!(pages(&outside), 4096);
    drop(outside);
    let store = open(&site).store;
    assert_eq!(pages(&outsider(dir.path())), 1024);
    assert_eq!(words(dir.path()), [""; 0]);
    commit(&store, alarms(vec![raised("w")])).await;
    let heads = *store.heads().borrow();
    assert_eq!((heads.event, heads.telemetry), (4, 4));
    store.close().await;
}

#[tokio::test]
async fn p1_an_event_that_a_destination_will_not_take_is_counted_until_it_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", anywhere()), ("b", anywhere())]);
    filled(&site).await;
    let store = open(&site).store;
    for (forwarder, event) in [("a", 2), ("a", 3), ("b", 1)] {
        store.refused(forwarder, event, "no".to_owned()).await.unwrap();
    }
    store.advance("a", Progress { event: 3, ..Progress::default() }).await.unwrap();
    store.close().await;
    let store = open(&site).store;
    let outbox = store.outbox("a").unwrap();
    let numbers = |events: Vec<crate::model::Event>| events.iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!(numbers(outbox.set_aside(0, 9).await.unwrap()), [2, 3]);
    assert_eq!(numbers(outbox.set_aside(2, 9).await.unwrap()), [3]);
    store.taken("a", 2).await.unwrap();
    commit(&store, alarms(vec![raised("w")])).await;
    let refusals = outbox.refusals().await.unwrap();
    assert_eq!((refusals.count, refusals.first), (1, Some((3, "no".to_owned()))));
    let summary = Archive::open(dir.path()).unwrap().summary().unwrap();
    let [a, b] = &summary.destinations[..] else { panic!("{summary:?}") };
    assert_eq!((a.refused.count, b.refused.count, a.events.count), (1, 1, 1));
    assert_eq!(words(dir.path()), [""; 0]);
    store.close().await;
}
