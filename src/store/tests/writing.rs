//! What is kept, in which order, and when others hear of it.

use std::collections::HashSet;

use crate::model::{
    AlarmState, DeviceStatus, EventKind, LinkCounters, LinkState, Quality, Reason, Risk, RiskItem, Sample,
    Wall,
};
use crate::store::fixtures::{
    AT, alarms, batch, commit, open, raised, site, telemetry, transition, with_reply,
};
use crate::store::{Heads, Turn};

#[tokio::test]
async fn p1_events_get_gap_free_numbers_and_ids_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    for turn in 0..20 {
        let names = (0..3).map(|i| raised(&format!("a{turn}.{i}"))).collect();
        store.commit(alarms(names)).await.unwrap();
    }
    commit(&store, alarms(vec![raised("last")])).await;

    let mut events = store.history().unwrap().events(None, 1000).await.unwrap();
    events.reverse();
    assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=61).collect::<Vec<_>>());
    assert_eq!(events.iter().map(|e| e.id).collect::<HashSet<_>>().len(), 61);
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id), "ids sort as the events do");
    assert_eq!(events[4].transition, raised("a1.1"));
    store.close().await;
}

#[tokio::test]
async fn p1_nobody_hears_of_an_event_that_is_not_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    let (mut events, mut board) = (store.events(), store.board());
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider.execute_batch("BEGIN IMMEDIATE").unwrap();

    let (turn, mut answer) = with_reply(alarms(vec![raised("a")]));
    store.commit(turn).await.unwrap();
    let mut fault = store.fault();
    let told = fault.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(told.zh.contains("locked") && told.en.contains("locked"), "{told:?}");
    assert!(answer.try_recv().is_err() && events.try_recv().is_err() && !board.has_changed().unwrap());

    outsider.execute_batch("ROLLBACK").unwrap();
    answer.await.unwrap().unwrap();
    assert_eq!(events.recv().await.unwrap().seq, 1);
    assert!(board.borrow_and_update().alarms.contains_key("a"));
    assert_eq!(*store.fault().borrow(), None, "the fault is over");
    store.close().await;
}

#[tokio::test]
async fn the_board_shows_what_stands_and_what_is_heard_of_devices_and_risk() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    let first = store.board().borrow().clone();
    assert_eq!(first.devices.keys().collect::<Vec<_>>(), ["meter1", "meter2"]);
    assert!(first.devices.values().all(|d| d.state == LinkState::Down), "nothing has been heard of them");
    assert_eq!(first.risk.hazards.keys().collect::<Vec<_>>(), ["dust1"]);

    let at = AT.stamp(&site.identity.zone);
    let up = DeviceStatus {
        at,
        device: "meter1".to_owned(),
        state: LinkState::Up,
        since: at,
        error: None,
        counters: LinkCounters::default(),
    };
    let cleared = transition("b", EventKind::Acknowledged, AlarmState::Normal);
    let risk = Risk { at, site: RiskItem::default(), hazards: first.risk.hazards.clone() };
    let turn = Turn {
        transitions: vec![raised("a"), raised("b"), cleared],
        devices: vec![up],
        risk: Some(risk.clone()),
        ..Turn::default()
    };
    commit(&store, turn).await;
    let board = store.board().borrow().clone();
    assert_eq!(board.alarms.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(board.devices["meter1"].state, LinkState::Up);
    assert_eq!(*board.risk, risk);
    store.close().await;
}

#[tokio::test]
async fn telemetry_comes_back_whole_with_numbers_of_its_device() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![("a", crate::store::tests::anywhere())]);
    let store = open(&site).store;
    let mut late = batch(1, AT, 2.5);
    late.readings[0].at = Wall(AT.0 - 40);
    late.readings[1].sample = Sample::Bad(Reason::Comm);
    commit(&store, telemetry(vec![batch(0, AT, 1.5), late, batch(0, Wall(AT.0 + 1), 3.5)])).await;

    assert_eq!(*store.heads().borrow(), Heads { event: 0, telemetry: 3, floor: 0, ..Heads::default() });
    let rows = store.outbox("a").unwrap().telemetry(0, 3, 10).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|r| (r.id, &*r.device, r.seq)).collect();
    assert_eq!(numbers, [(1, "meter1", 1), (2, "meter2", 1), (3, "meter1", 2)]);
    let second = &rows[1];
    assert_eq!((second.at, second.readings[0].at), (AT, Wall(AT.0 - 40)));
    assert_eq!((&*second.readings[0].point, &*second.readings[1].point), ("meter2.power", "meter2.run"));
    assert_eq!(second.readings[1].sample.quality(), Quality::Bad(Reason::Comm));
    store.close().await;
}

#[tokio::test]
async fn turns_that_wait_are_one_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), vec![]);
    let store = open(&site).store;
    let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
    outsider.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The first turn is stuck at the lock; these queue up behind it.
    let mut answers = Vec::new();
    for i in 0..10 {
        let (turn, answer) = with_reply(alarms(vec![raised(&format!("a{i}"))]));
        store.commit(turn).await.unwrap();
        answers.push(answer);
    }
    store.fault().wait_for(Option::is_some).await.unwrap();
    let mut heads = store.heads();
    outsider.execute_batch("ROLLBACK").unwrap();
    let mut seen = vec![];
    while seen.last() != Some(&10) {
        heads.changed().await.unwrap();
        seen.push(heads.borrow_and_update().event);
    }
    assert!(seen.len() <= 2, "the ten turns took more than two transactions: {seen:?}");
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    store.close().await;
}
