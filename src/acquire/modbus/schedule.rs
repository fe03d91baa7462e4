//! Who is next on a link. Polls stand on a grid that starts with the clock, each device at its own place in
//! its interval, so that they neither drift nor come in a crowd. A poll that could not be made in time is
//! skipped and counted, never queued: whoever has waited longest goes first, and so nobody starves.
//! A device that is down is probed instead, off the grid and only as often as its bus can bear.

use std::time::Duration;

use crate::model::Mono;
use crate::model::limits::PROBE_REST_FACTOR;

/// What a device is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// For all its points.
    Poll,
    /// Whether it is there again.
    Probe,
}

/// Somebody's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Which slot.
    pub(super) slot: usize,
    /// What to ask.
    pub(super) kind: Kind,
    /// When.
    pub(super) at: Mono,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    interval: Duration,
    /// Of the grid, after the clock's start; less than an interval.
    offset: Duration,
    kind: Kind,
    due: Mono,
}

/// The turns of one link's devices.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    slots: Vec<Slot>,
    /// Probes rest until then.
    probes_from: Mono,
}

/// The share of its interval at which device number `n` of the site stands. Multiples of the golden ratio
/// spread any number of devices evenly, on each link and over the site.
fn place(n: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (n as f64 * GOLDEN).fract()
}

impl Schedule {
    /// Turns for devices, each given as its number in the site and its interval. All are due at `now` first:
    /// nobody wants to wait an interval for the first value.
    pub(super) fn new(devices: impl IntoIterator<Item = (usize, Duration)>, now: Mono) -> Self {
        let slot = |(n, interval): (usize, Duration)| Slot {
            interval,
            offset: interval.mul_f64(place(n)),
            kind: Kind::Poll,
            due: now,
        };
        Self { slots: devices.into_iter().map(slot).collect(), probes_from: now }
    }

    /// The next turn; none if there is no device.
    pub(super) fn next(&self) -> Option<Turn> {
        let turns =
            self.slots.iter().enumerate().map(|(slot, s)| Turn { slot, kind: s.kind, at: self.at(s) });
        turns.min_by_key(|turn| (turn.at, turn.kind, turn.slot))
    }

    fn at(&self, slot: &Slot) -> Mono {
        match slot.kind {
            Kind::Poll => slot.due,
            Kind::Probe => slot.due.max(self.probes_from),
        }
    }

    /// Takes the turn of `slot` at `now` and puts its next one on the grid. Says how many were skipped.
    pub(super) fn take(&mut self, slot: usize, now: Mono) -> u64 {
        let slot = &mut self.slots[slot];
        let skipped = match slot.kind {
            Kind::Poll => (now - slot.due).as_nanos() / slot.interval.as_nanos().max(1),
            Kind::Probe => 0,
        };
        slot.kind = Kind::Poll;
        slot.due = slot.after(now);
        skipped as u64
    }

    /// The device of `slot` is down: the next that it hears is a probe, at `at`.
    pub(super) fn probe(&mut self, slot: usize, at: Mono) {
        let slot = &mut self.slots[slot];
        (slot.kind, slot.due) = (Kind::Probe, at);
    }

    /// A probe took `cost` until `now` for nothing, and others on the link are alive: no probe for a while.
    pub(super) fn rest_probes(&mut self, now: Mono, cost: Duration) {
        self.probes_from = now + cost * PROBE_REST_FACTOR;
    }

    /// The link is back: everybody is polled, now.
    pub(super) fn restart(&mut self, now: Mono) {
        for slot in &mut self.slots {
            (slot.kind, slot.due) = (Kind::Poll, now);
        }
    }
}

impl Slot {
    /// The first place on the grid after `now`.
    fn after(&self, now: Mono) -> Mono {
        let interval = self.interval.as_nanos().max(1);
        let first = Mono::ZERO + self.offset;
        if now < first {
            return first;
        }
        let passed = (now - first).as_nanos() / interval + 1;
        first + Duration::from_nanos((passed * interval) as u64)
    }
}
