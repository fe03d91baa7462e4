//! The loop with a real store: what outlives it, what a step of the clock divides, and what goes on without the disk.

use std::time::Duration;

use super::*;
use crate::clock::OsTime;
use crate::engine::testing::{Plant, limit, no_limits};
use crate::inbox::Inbox;
use crate::model::limits::STORE_QUEUE_LEN_MAX;
use crate::model::{
    ClockSync, EventKind, Level, LinkCounters, LinkState, PointId, Reading, Sample, Text, Value, Wall,
};
use crate::site::{Limits, RuleKind, Until};
use crate::store::Opened;

#[tokio::test(start_paused = true)]
async fn p3_a_loop_that_takes_over_knows_what_the_last_one_was_told() {
    let mut plant = Plant::new();
    let device = plant.device("meter", Text::same("meter"), None);
    plant.lost("meter.lost", device, 5.0);
    let folder = tempfile::tempdir().expect("a temporary directory");
    plant.site.store.directory = folder.path().to_owned();
    let (site, clock) = (Arc::new(plant.site), Clock::start());
    let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
    let (inbox, receiver) = Inbox::new(clock);
    let lost = CancellationToken::new();
    let core = Arc::new(CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), lost));

    let first = CancellationToken::new();
    let run = tokio::spawn({
        let (core, stop) = (core.clone(), first.clone());
        async move { core.run(stop).await }
    });
    inbox
        .link(LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() })
        .await;
    let mut board = store.board();
    board.wait_for(|board| board.devices["meter"].state == LinkState::Up).await.expect("the store runs");
    first.cancel();
    run.await.expect("the first loop ends");

    let second = CancellationToken::new();
    let run = tokio::spawn({
        let (core, stop) = (core.clone(), second.clone());
        async move { core.run(stop).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    second.cancel();
    run.await.expect("the second loop ends");
    store.clone().close().await;
    assert!(store.board().borrow().alarms.is_empty(), "a device that answers was taken for lost");
}

/// The database is a thread with time of its own, so each wait of the test is for what it says.
#[tokio::test(start_paused = true)]
async fn p2_a_step_divides_the_journal_and_what_was_under_way_is_carried_over() {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::same("lel"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    plant.site.store.directory = folder.path().to_owned();
    let shown = |wall_us, sync| OsTime { wall_us, asleep: Duration::ZERO, sync };
    let (site, clock) = (Arc::new(plant.site), Clock::showing(shown(0, ClockSync::Unsynced)));
    let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
    let (inbox, receiver) = Inbox::new(clock);
    let core = CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), CancellationToken::new());
    let reading = |at| Reading { point, at, sample: Sample::Good(Value::Float(1.0)) };
    let batch = |at: Wall| Batch { device, at, readings: vec![reading(at)] };
    let before = clock.now().wall;
    inbox.readings(batch(before)).await;
    let year_2026 = 1_795_263_303_214_000;
    clock.look(|| shown(year_2026, ClockSync::Synced));
    // Read before the step and handed over after it; then one read after it.
    inbox.readings(batch(before)).await;
    inbox.readings(batch(clock.now().wall)).await;
    let stop = CancellationToken::new();
    let mut heads = store.heads();
    tokio::select! {
        () = core.run(stop) => panic!("the loop ended"),
        told = heads.wait_for(|heads| heads.telemetry >= 3) => drop(told.expect("the store runs")),
    }
    let events = store.history().expect("readable").events(None, 9).await.expect("events");
    let steps: Vec<_> =
        events.iter().filter(|event| event.transition.event == EventKind::ClockStepped).collect();
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].transition.at.wall.0, steps[0].clock), (year_2026 / 1000, ClockSync::Synced));
    let rows = store.outbox("").expect("readable").telemetry(0, 3, 9).await.expect("rows");
    let stamps: Vec<_> = rows.iter().map(|row| (row.at.0, row.readings[0].at.0)).collect();
    assert_eq!(stamps, [(year_2026 / 1000, year_2026 / 1000); 3]);
    assert!(rows.iter().all(|row| row.clock != ClockSync::Unsynced), "{rows:?}");
    store.close().await;
}

#[tokio::test(start_paused = true)]
async fn p1_a_loop_whose_store_has_ended_says_that_nothing_can_be_kept() {
    let mut plant = Plant::new();
    let folder = tempfile::tempdir().expect("a temporary directory");
    plant.site.store.directory = folder.path().to_owned();
    let (site, clock) = (Arc::new(plant.site), Clock::start());
    let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
    let (_inbox, receiver) = Inbox::new(clock);
    let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
    let core = CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), lost.clone());
    store.close().await;
    tokio::select! {
        () = lost.cancelled() => {}
        () = core.run(stop) => panic!("the loop ended in silence"),
    }
}

/// A gas detector with a limit at 25, and a siren for it; readings one by one, each of them a turn.
struct Siren {
    device: DeviceId,
    point: PointId,
    inbox: Inbox,
}

impl Siren {
    async fn reads(&self, clock: &Clock, value: f64) {
        let at = clock.now().wall;
        let reading = Reading { point: self.point, at, sample: Sample::Good(Value::Float(value)) };
        self.inbox.readings(Batch { device: self.device, at, readings: vec![reading] }).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p1_orders_go_out_and_the_journal_stays_whole_while_the_disk_never_answers() {
    let mut plant = Plant::new();
    let device = plant.device("plc", Text::same("plc"), None);
    let point = plant.point(device, "lel", Text::same("lel"));
    let limits = Limits { h: limit(25.0, Level::Red), ..no_limits(point, 1.0) };
    let high = plant.rule("lel.high", RuleKind::Limits(limits), 0.0, 0.0);
    let siren = plant.output("siren", device, &[high], Until::Cleared);
    let folder = tempfile::tempdir().expect("a temporary directory");
    plant.site.store.directory = folder.path().to_owned();
    let (site, clock) = (Arc::new(plant.site), Clock::start());
    let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
    let (inbox, receiver) = Inbox::new(clock);
    let core = CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), CancellationToken::new());
    let (orders, stop) = (core.orders(), CancellationToken::new());
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { core.run(stop).await }
    });
    let plant = Siren { device, point, inbox };
    plant.reads(&clock, 1.0).await;
    store.heads().wait_for(|heads| heads.telemetry >= 1).await.expect("the store runs");

    let outsider = rusqlite::Connection::open(folder.path().join("hazgate.db")).expect("the database");
    outsider.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let rounds = 3 * STORE_QUEUE_LEN_MAX as u64;
    let is_on = || orders.borrow()[siren.index()].map(|order| order.on);
    for round in 0..rounds {
        plant.reads(&clock, 60.0).await;
        // The first that finds no place waits a moment for one, and what comes meanwhile with it.
        tokio::time::sleep(STORE_WAIT_MAX).await;
        assert_eq!(is_on(), Some(true), "no siren in round {round}");
        plant.reads(&clock, 1.0).await;
        tokio::time::sleep(STORE_WAIT_MAX).await;
        assert_eq!(is_on(), Some(false), "the siren does not end in round {round}");
    }
    outsider.execute_batch("ROLLBACK").expect("it had begun");

    // The engine says nothing new, and what waited goes to the disk all the same.
    store.heads().wait_for(|heads| heads.telemetry > 2 * rounds).await.expect("the store runs");
    let mut events = Vec::new();
    let mut before = None;
    loop {
        let page = store.history().expect("readable").events(before, 500).await.expect("events");
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        events.extend(page);
    }
    let moves = events.iter().rev().filter(|event| event.transition.alarm == "lel.high");
    let moves: Vec<_> = moves.map(|event| event.transition.event).collect();
    assert_eq!(moves.len() as u64, 2 * rounds);
    let pairs = moves.chunks(2).all(|pair| pair == [EventKind::Raised, EventKind::Cleared]);
    assert!(pairs, "{moves:?}");
    stop.cancel();
    run.await.expect("the loop ends");
    store.close().await;
}

#[test]
fn p2_a_loop_that_was_held_up_judges_by_when_things_happened() {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::same("lel"));
    plant.signal("lel.signal", point, 0.0);
    let at = |seconds: u64| Now {
        mono: Mono::from_start(Duration::from_secs(seconds)),
        wall: Wall(i64::try_from(seconds).expect("small") * 1000),
    };
    let message = |seconds: u64, input: Input| Message { arrived: at(seconds), input, reply: None };
    let reading = |seconds: u64| {
        let sample = Sample::Good(Value::Float(1.0));
        let readings = vec![Reading { point, at: at(seconds).wall, sample }];
        Input::Readings(Batch { device, at: at(seconds).wall, readings })
    };
    let mut out = Output::default();
    let engine = Engine::new(Arc::new(plant.site), Vec::new(), at(0), &mut out);
    let zero = Mono::ZERO;
    let mut run = Running {
        engine,
        out,
        waiting: Vec::new(),
        latest: at(0),
        change: None,
        step: None,
        snapshot_at: zero,
        snapshot_due: zero,
    };
    run.take(message(
        0,
        Input::Link(LinkReport {
            device,
            state: LinkState::Up,
            error: None,
            counters: LinkCounters::default(),
        }),
    ));
    // A reading every 5 s, none older than the point's 10 s, all of them taken in one go long after.
    for second in [5, 10, 15, 20, 25, 30] {
        run.take(message(second, reading(second)));
    }
    run.wake(at(31));
    assert_eq!(run.out.transitions, [], "a point that was heard of all the time was taken for stale");
    run.wake(at(41));
    assert_eq!(run.out.transitions.len(), 1, "silence after that is an alarm");
}
