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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(millis: u64) -> Mono {
        Mono::from_start(ms(millis))
    }

    /// Serves turns, each for as long as `cost` says, until `end`. Gives the turns with when they were taken,
    /// and how many were skipped.
    fn run(
        schedule: &mut Schedule,
        end: Mono,
        mut cost: impl FnMut(Turn) -> Duration,
    ) -> (Vec<(Turn, Mono)>, u64) {
        let (mut now, mut taken, mut skipped) = (Mono::ZERO, Vec::new(), 0);
        while let Some(turn) = schedule.next() {
            now = now.max(turn.at);
            if now >= end {
                break;
            }
            skipped += schedule.take(turn.slot, now);
            taken.push((turn, now));
            now = now + cost(turn);
        }
        (taken, skipped)
    }

    #[test]
    fn polls_do_not_drift_however_long_they_take() {
        let mut schedule = Schedule::new([(3, ms(1000))], Mono::ZERO);
        let mut rng = fastrand::Rng::with_seed(2);
        let (taken, skipped) = run(&mut schedule, at(3_600_000), |_| ms(rng.u64(0..900)));
        assert_eq!(skipped, 0);
        assert_eq!(taken.len(), 3601, "one at once, then one a second");
        let place = (taken[1].1 - Mono::ZERO).as_nanos() % 1_000_000_000;
        assert!(taken[1..].iter().all(|(_, t)| (*t - Mono::ZERO).as_nanos() % 1_000_000_000 == place));
    }

    #[test]
    fn devices_are_spread_over_their_interval() {
        let mut schedule = Schedule::new((0..100).map(|n| (n, ms(1000))), Mono::ZERO);
        let (taken, _) = run(&mut schedule, at(2000), |_| Duration::ZERO);
        let mut places: Vec<u128> =
            taken.iter().filter(|(_, t)| *t >= at(1000)).map(|(_, t)| (*t - at(1000)).as_millis()).collect();
        places.sort_unstable();
        assert_eq!(places.len(), 100);
        let crowd = places.windows(10).map(|w| w[9] - w[0]).min();
        assert!(crowd >= Some(50), "ten polls within {crowd:?} ms");
    }

    #[test]
    fn what_cannot_be_made_in_time_is_skipped_and_counted() {
        let mut schedule = Schedule::new([(0, ms(100))], Mono::ZERO);
        let (taken, skipped) = run(&mut schedule, at(100_000), |_| ms(350));
        let polls = taken.len() as u64;
        assert!((280..=290).contains(&polls), "{polls}");
        assert!((995..=1001).contains(&(polls + skipped)), "{polls} + {skipped}");
    }

    #[test]
    fn a_probe_is_made_once_and_rests_with_the_others() {
        let mut schedule = Schedule::new([(0, ms(1000)), (1, ms(1000))], Mono::ZERO);
        schedule.take(0, Mono::ZERO);
        schedule.take(1, Mono::ZERO);
        schedule.probe(1, at(100));
        let turn = schedule.next().unwrap();
        assert_eq!((turn.slot, turn.kind, turn.at), (1, Kind::Probe, at(100)));
        schedule.take(1, at(100));
        schedule.probe(1, at(1100));
        schedule.rest_probes(at(600), ms(500));
        let (taken, _) = run(&mut schedule, at(20_000), |_| Duration::ZERO);
        let probe = taken.iter().find(|(turn, _)| turn.kind == Kind::Probe).unwrap();
        assert_eq!(probe.1, at(600) + ms(500) * PROBE_REST_FACTOR);
    }

    #[test]
    fn after_a_restart_everybody_is_polled_at_once() {
        let mut schedule = Schedule::new([(0, ms(1000)), (1, ms(5000))], Mono::ZERO);
        schedule.probe(0, at(30_000));
        schedule.restart(at(7));
        for slot in [0, 1] {
            let turn = schedule.next().unwrap();
            assert_eq!((turn.slot, turn.kind, turn.at), (slot, Kind::Poll, at(7)));
            assert_eq!(schedule.take(slot, at(7)), 0);
        }
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_a_round_of_the_others(
            intervals in proptest::collection::vec(50_u64..2000, 1..12),
            cost in 1_u64..400,
        ) {
            let devices: Vec<_> = intervals.iter().map(|interval| ms(*interval)).enumerate().collect();
            let mut schedule = Schedule::new(devices, Mono::ZERO);
            let (taken, _) = run(&mut schedule, at(60_000), |_| ms(cost));
            let n = intervals.len();
            for slot in 0..n {
                let turns = taken.iter().filter(|(turn, _)| turn.slot == slot);
                let waited = turns.map(|(turn, now)| *now - turn.at).max().unwrap_or_default();
                prop_assert!(waited <= ms(cost * n as u64), "device {slot} waited {waited:?}");
            }
        }
    }
}
