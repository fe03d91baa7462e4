//! The queue against a model small enough to be believed: random appending, handing over, acknowledging in any order, losing
//! the connection, restarting from what was saved, trimming. Nothing is ever lost, and nothing is ever claimed too early.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::forward::queue::{Lane, Queue, Room, Ticket};
use crate::model::limits::FORWARD_GAPS_MAX;
use crate::store::{Heads, Progress};

#[derive(Debug, Clone)]
enum Action {
    Events(u64),
    Rows(u64),
    HandOver { events: usize, telemetry: usize },
    Acknowledge(usize),
    Reconnect,
    Save,
    Restart,
    Trim(u64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => (1..5u64).prop_map(Action::Events),
        8 => (1..20u64).prop_map(Action::Rows),
        // More than live telemetry may lag.
        1 => Just(Action::Rows(4200)),
        8 => (0..4usize, 0..40usize).prop_map(|(events, telemetry)| Action::HandOver { events, telemetry }),
        8 => any::<usize>().prop_map(Action::Acknowledge),
        2 => Just(Action::Reconnect),
        2 => Just(Action::Save),
        1 => Just(Action::Restart),
        1 => (1..200u64).prop_map(Action::Trim),
    ]
}

/// The outbox as numbers, a destination that acknowledges, and the queue between them.
struct World {
    heads: Heads,
    queue: Queue,
    saved: Progress,
    in_flight: Vec<Ticket>,
    /// The last event that was handed over for the first time.
    told: u64,
    events_had: BTreeSet<u64>,
    rows_had: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            heads: Heads::default(),
            queue: Queue::new(&Progress::default()),
            saved: Progress::default(),
            in_flight: vec![],
            told: 0,
            events_had: BTreeSet::new(),
            rows_had: BTreeSet::new(),
        };
        world.queue.connected(&world.heads);
        world
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Events(n) => self.heads.event += n,
            Action::Rows(n) => self.heads.telemetry += n,
            Action::HandOver { events, telemetry } => {
                self.hand_over(Room { events, telemetry });
            }
            Action::Acknowledge(which) if !self.in_flight.is_empty() => {
                let ticket = self.in_flight.swap_remove(which % self.in_flight.len());
                self.acknowledge(ticket);
            }
            Action::Acknowledge(_) => {}
            Action::Reconnect => {
                self.in_flight.clear();
                self.queue.connected(&self.heads);
            }
            Action::Save => self.saved = self.queue.progress(),
            Action::Restart => {
                self.in_flight.clear();
                self.queue = Queue::new(&self.saved);
                self.queue.connected(&self.heads);
            }
            Action::Trim(n) => self.heads.floor = (self.heads.floor + n).min(self.heads.telemetry),
        }
        self.check();
    }

    fn hand_over(&mut self, room: Room) -> bool {
        let events_owed = self.first_unsent_event();
        let Some(want) = self.queue.want(&self.heads, room) else { return false };
        assert!(want.after < want.upto && want.count > 0, "{want:?} asks for nothing");
        if room.events > 0 && events_owed {
            assert_eq!(want.lane, Lane::Events, "an event waits and something else goes first");
        }
        let floor = if want.lane == Lane::Events { 0 } else { self.heads.floor };
        let positions: Vec<u64> = (want.after.max(floor) + 1..=want.upto).take(want.count).collect();
        self.queue.handed_over(&want, positions.iter().copied());
        for position in positions {
            self.in_flight.push(Ticket { lane: want.lane, position });
            if want.lane == Lane::Events && position > self.told {
                assert_eq!(position, self.told + 1, "an event was handed over before its forerunner");
                self.told = position;
            }
        }
        true
    }

    fn first_unsent_event(&self) -> bool {
        let sent = self.in_flight.iter().filter(|t| t.lane == Lane::Events).map(|t| t.position).max();
        sent.unwrap_or(0).max(self.events_had.last().copied().unwrap_or(0)) < self.heads.event
    }

    fn acknowledge(&mut self, ticket: Ticket) {
        self.queue.acknowledged(ticket);
        match ticket.lane {
            Lane::Events => self.events_had.insert(ticket.position),
            Lane::Live | Lane::Backfill => self.rows_had.insert(ticket.position),
        };
    }

    /// Whatever the queue says is done, the destination has, or nobody has any more.
    fn check(&self) {
        let progress = self.queue.progress();
        for seq in 1..=progress.event {
            assert!(self.events_had.contains(&seq), "event {seq} is claimed and was not acknowledged");
        }
        for id in self.heads.floor + 1..=self.heads.telemetry {
            assert!(
                progress.owes(id) || self.rows_had.contains(&id),
                "row {id} is claimed and was not acknowledged: {progress:?}"
            );
        }
        assert!(progress.gaps.len() <= FORWARD_GAPS_MAX + 1, "{} gaps", progress.gaps.len());
    }

    fn drain(&mut self) {
        while self.hand_over(Room { events: 3, telemetry: 64 }) || !self.in_flight.is_empty() {
            for ticket in std::mem::take(&mut self.in_flight) {
                self.acknowledge(ticket);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn p1_every_event_and_every_row_kept_is_delivered_and_events_in_order(
        actions in prop::collection::vec(action(), 1..100)
    ) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        world.act(&Action::Reconnect);
        world.drain();
        let all: BTreeSet<u64> = (1..=world.heads.event).collect();
        prop_assert_eq!(&world.events_had, &all);
        for id in world.heads.floor + 1..=world.heads.telemetry {
            prop_assert!(world.rows_had.contains(&id), "row {} was never delivered", id);
        }
        let done = Progress { event: world.heads.event, telemetry: world.heads.telemetry, gaps: vec![] };
        prop_assert_eq!(world.queue.progress(), done);
    }
}

#[test]
fn p4_after_an_outage_live_rows_go_before_the_backlog_and_events_before_both() {
    let mut queue = Queue::new(&Progress::default());
    let heads = Heads { event: 0, telemetry: 1000, floor: 0, ..Heads::default() };
    queue.connected(&heads);
    let room = Room { events: 5, telemetry: 10 };
    let want = queue.want(&heads, room).unwrap();
    assert_eq!((want.lane, want.after), (Lane::Backfill, 0));
    queue.handed_over(&want, 1..=10);

    let heads = Heads { event: 1, telemetry: 1002, floor: 0, ..Heads::default() };
    let want = queue.want(&heads, room).unwrap();
    assert_eq!((want.lane, want.after), (Lane::Events, 0));
    queue.handed_over(&want, [1]);
    let want = queue.want(&heads, room).unwrap();
    assert_eq!((want.lane, want.after), (Lane::Live, 1000));
    queue.handed_over(&want, [1001, 1002]);
    let want = queue.want(&heads, room).unwrap();
    assert_eq!((want.lane, want.after), (Lane::Backfill, 10));
}

#[test]
fn p4_live_telemetry_that_lags_an_hour_becomes_back_fill() {
    let mut queue = Queue::new(&Progress::default());
    queue.connected(&Heads::default());
    let room = Room { events: 5, telemetry: 10 };
    let behind = Heads { event: 0, telemetry: 100_000, floor: 0, ..Heads::default() };
    assert_eq!(queue.want(&behind, room).unwrap().lane, Lane::Backfill);
    let heads = Heads { telemetry: 100_001, ..behind };
    let want = queue.want(&heads, room).unwrap();
    assert_eq!((want.lane, want.after), (Lane::Live, 100_000), "what comes now goes first");
}

#[test]
fn what_was_acknowledged_between_two_outages_is_not_sent_twice() {
    let mut queue = Queue::new(&Progress::default());
    let heads = Heads { event: 0, telemetry: 50, floor: 0, ..Heads::default() };
    queue.connected(&heads);
    let room = Room { events: 1, telemetry: 100 };
    let heads = Heads { telemetry: 80, ..heads };
    let live = queue.want(&heads, room).unwrap();
    queue.handed_over(&live, 51..=80);
    (51..=80).for_each(|position| queue.acknowledged(Ticket { lane: Lane::Live, position }));

    queue.connected(&Heads { telemetry: 90, ..heads });
    let owed: Vec<(u64, u64)> = queue.progress().gaps.iter().map(|gap| (gap.after, gap.upto)).collect();
    assert_eq!(owed, [(0, 50), (80, 90)]);
}
