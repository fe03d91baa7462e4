//! Who is next on a link. Polls stand on a grid that starts with the clock, each device and each of its rates at its own
//! place in the interval, so that they neither drift nor come in a crowd. A poll that could not be made in time is
//! skipped and counted, never queued. Where several are due, the device that has had the link for the shortest time goes
//! first (start-time fair queueing): a slow one gets what the others leave, or its share where they leave nothing, and
//! nobody starves. A device that is down is probed instead, off the grid and only as often as its bus can bear.
//!
//! Every turn looks at every slot: a link has at most some hundreds, which is nothing beside a question and its answer.

use std::time::Duration;

use crate::model::Mono;
use crate::model::limits::PROBE_REST_FACTOR;

/// What a device is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// For all its points of one rate.
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

/// Who wants turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The device, by its place on the link.
    pub(super) unit: usize,
    /// A number that no other claim of the site has: it gives the place in the interval.
    pub(super) number: usize,
    /// From one turn to the next.
    pub(super) interval: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    unit: usize,
    interval: Duration,
    /// Of the grid, after the clock's start; less than an interval.
    offset: Duration,
    kind: Kind,
    /// None while the device is probed by another of its slots.
    due: Option<Mono>,
    /// Since when its poll has been standing still for others.
    suspended: Option<Mono>,
    /// Whether it has been due for a while.
    waits: bool,
}

/// The turns of one link's devices.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    slots: Vec<Slot>,
    /// How long each device has had the link, beside the others; only differences mean anything.
    used: Vec<Duration>,
    /// How long the one that was served last had had it: who was idle meanwhile does not save that up.
    served: Duration,
    /// Probes rest until then.
    probes_from: Mono,
}

/// The share of its interval at which claim number `n` of the site stands. Multiples of the golden ratio
/// spread any number of claims evenly, on each link and over the site.
fn place(n: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (n as f64 * GOLDEN).fract()
}

impl Schedule {
    /// Turns for these claims. All are due at `now` first: nobody wants to wait an interval for the first value.
    pub(super) fn new(claims: impl IntoIterator<Item = Claim>, now: Mono) -> Self {
        let slot = |Claim { unit, number, interval }| Slot {
            unit,
            interval,
            offset: interval.mul_f64(place(number)),
            kind: Kind::Poll,
            due: Some(now),
            suspended: None,
            waits: false,
        };
        let slots: Vec<Slot> = claims.into_iter().map(slot).collect();
        let units = slots.iter().map(|slot| slot.unit + 1).max().unwrap_or_default();
        Self { slots, used: vec![Duration::ZERO; units], served: Duration::ZERO, probes_from: now }
    }

    /// The next turn, which may be later than `now`; none if there is nobody.
    pub(super) fn next(&mut self, now: Mono) -> Option<Turn> {
        let (mut first, mut first_key) = (None, None);
        for (n, slot) in self.slots.iter_mut().enumerate() {
            let Some(at) = slot.at(self.probes_from) else { continue };
            let used = &mut self.used[slot.unit];
            if at <= now && !slot.waits {
                slot.waits = true;
                *used = (*used).max(self.served);
            }
            // Those that are due come before those that will be.
            let key = if at <= now { (Mono::ZERO, *used, at) } else { (at, Duration::ZERO, at) };
            let key = (key, slot.kind);
            if first_key.is_none_or(|first| key < first) {
                (first, first_key) = (Some(Turn { slot: n, kind: slot.kind, at }), Some(key));
            }
        }
        first
    }

    /// Whether anybody but `unit` is due at `now`.
    pub(super) fn others_wait(&self, unit: usize, now: Mono) -> bool {
        let waits = |slot: &Slot| slot.at(self.probes_from).is_some_and(|at| at <= now);
        self.slots.iter().any(|slot| slot.unit != unit && waits(slot))
    }

    /// Takes the turn of `slot` at `now` and puts its next one on the grid. Says how many were skipped.
    pub(super) fn take(&mut self, slot: usize, now: Mono) -> u64 {
        let slot = &mut self.slots[slot];
        self.served = self.served.max(self.used[slot.unit]);
        slot.waits = false;
        if slot.suspended.take().is_some() {
            return 0;
        }
        let skipped = match (slot.kind, slot.due) {
            (Kind::Poll, Some(due)) => times(now - due, slot.interval),
            _ => 0,
        };
        slot.kind = Kind::Poll;
        slot.due = Some(slot.after(now));
        skipped
    }

    /// The device of `slot` has had the link for so long.
    pub(super) fn charge(&mut self, slot: usize, time: Duration) {
        let used = &mut self.used[self.slots[slot].unit];
        *used = used.saturating_add(time);
    }

    /// The poll of `slot` has let others go first at `now`, and is not over.
    pub(super) fn suspend(&mut self, slot: usize, now: Mono) {
        self.slots[slot].suspended = Some(now);
    }

    /// The device of `slot` is down: the next that it hears is a probe, at `at`. How long it has had the link is not held
    /// against it then: probes have a bound of their own.
    pub(super) fn probe(&mut self, slot: usize, at: Mono) {
        let unit = self.slots[slot].unit;
        self.used[unit] = self.served;
        for (n, other) in self.slots.iter_mut().enumerate().filter(|(_, other)| other.unit == unit) {
            (other.suspended, other.waits) = (None, false);
            other.kind = if n == slot { Kind::Probe } else { Kind::Poll };
            other.due = (n == slot).then_some(at);
        }
    }

    /// The device of `slot` is there again: all its points are polled, now.
    pub(super) fn revive(&mut self, slot: usize, now: Mono) {
        let unit = self.slots[slot].unit;
        self.restart_those(|slot| slot.unit == unit, now);
    }

    /// A probe took `cost` until `now` for nothing, and others on the link are alive: no probe for a while.
    pub(super) fn rest_probes(&mut self, now: Mono, cost: Duration) {
        self.probes_from = now + cost * PROBE_REST_FACTOR;
    }

    /// The link is back: the devices that `is_among` says are polled, now.
    pub(super) fn restart(&mut self, is_among: impl Fn(usize) -> bool, now: Mono) {
        self.restart_those(|slot| is_among(slot.unit), now);
    }

    fn restart_those(&mut self, which: impl Fn(&Slot) -> bool, now: Mono) {
        for slot in self.slots.iter_mut().filter(|slot| which(slot)) {
            (slot.kind, slot.due, slot.suspended, slot.waits) = (Kind::Poll, Some(now), None, false);
        }
    }
}

impl Slot {
    /// When it is due, if at all.
    fn at(&self, probes_from: Mono) -> Option<Mono> {
        match self.kind {
            Kind::Poll => self.suspended.or(self.due),
            Kind::Probe => self.due.map(|due| due.max(probes_from)),
        }
    }

    /// The first place on the grid after `now`.
    fn after(&self, now: Mono) -> Mono {
        let first = Mono::ZERO + self.offset;
        if now < first {
            return first;
        }
        let passed = times(now - first, self.interval) + 1;
        first + Duration::from_nanos(passed.saturating_mul(nanos(self.interval)))
    }
}

/// How often `interval` has passed in `time`.
fn times(time: Duration, interval: Duration) -> u64 {
    nanos(time) / nanos(interval).max(1)
}

/// In nanoseconds, which moments of the clock are counted in; intervals are far shorter than its 584 years.
fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
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

    /// Devices with one rate each, given as their number in the site and their interval.
    fn claims(devices: impl IntoIterator<Item = (usize, Duration)>) -> Vec<Claim> {
        let claim = |(unit, (number, interval))| Claim { unit, number, interval };
        devices.into_iter().enumerate().map(claim).collect()
    }

    /// Serves turns, each for as long as `cost` says, until `end`. Gives the turns with when they were taken,
    /// and how many were skipped.
    fn run(
        schedule: &mut Schedule,
        end: Mono,
        mut cost: impl FnMut(Turn) -> Duration,
    ) -> (Vec<(Turn, Mono)>, u64) {
        let (mut now, mut taken, mut skipped) = (Mono::ZERO, Vec::new(), 0);
        while let Some(turn) = schedule.next(now) {
            if turn.at > now {
                now = turn.at;
                continue;
            }
            if now >= end {
                break;
            }
            skipped += schedule.take(turn.slot, now);
            taken.push((turn, now));
            let cost = cost(turn);
            schedule.charge(turn.slot, cost);
            now = now + cost;
        }
        (taken, skipped)
    }

    #[test]
    fn polls_do_not_drift_however_long_they_take() {
        let mut schedule = Schedule::new(claims([(3, ms(1000))]), Mono::ZERO);
        let mut rng = fastrand::Rng::with_seed(2);
        let (taken, skipped) = run(&mut schedule, at(3_600_000), |_| ms(rng.u64(0..900)));
        assert_eq!(skipped, 0);
        assert_eq!(taken.len(), 3601, "one at once, then one a second");
        let place = (taken[1].1 - Mono::ZERO).as_nanos() % 1_000_000_000;
        assert!(taken[1..].iter().all(|(_, t)| (*t - Mono::ZERO).as_nanos() % 1_000_000_000 == place));
    }

    #[test]
    fn devices_are_spread_over_their_interval() {
        let mut schedule = Schedule::new(claims((0..100).map(|n| (n, ms(1000)))), Mono::ZERO);
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
        let mut schedule = Schedule::new(claims([(0, ms(100))]), Mono::ZERO);
        let (taken, skipped) = run(&mut schedule, at(100_000), |_| ms(350));
        let polls = taken.len() as u64;
        assert!((280..=290).contains(&polls), "{polls}");
        assert!((995..=1001).contains(&(polls + skipped)), "{polls} + {skipped}");
    }

    #[test]
    fn a_probe_is_made_once_and_rests_with_the_others() {
        let mut schedule = Schedule::new(claims([(0, ms(1000)), (1, ms(1000))]), Mono::ZERO);
        schedule.take(0, Mono::ZERO);
        schedule.take(1, Mono::ZERO);
        schedule.probe(1, at(100));
        let turn = schedule.next(Mono::ZERO).unwrap();
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
        let mut schedule = Schedule::new(claims([(0, ms(1000)), (1, ms(5000))]), Mono::ZERO);
        schedule.probe(0, at(30_000));
        schedule.restart(|_| true, at(7));
        for slot in [0, 1] {
            let turn = schedule.next(at(7)).unwrap();
            assert_eq!((turn.slot, turn.kind, turn.at), (slot, Kind::Poll, at(7)));
            assert_eq!(schedule.take(slot, at(7)), 0);
        }
    }

    #[test]
    fn p3_a_slow_device_gets_what_the_others_leave() {
        // Seven that need 40 ms in a second, one that needs 900.
        let devices = (0..8).map(|n| (n, ms(1000)));
        let mut schedule = Schedule::new(claims(devices), Mono::ZERO);
        let (taken, _) =
            run(&mut schedule, at(600_000), |turn| if turn.slot == 7 { ms(900) } else { ms(40) });
        let polls = |slot| taken.iter().filter(|(turn, _)| turn.slot == slot).count();
        for slot in 0..7 {
            assert!(polls(slot) >= 594, "device {slot} was polled {} times of 600", polls(slot));
        }
        assert!((450..=480).contains(&polls(7)), "720 ms in a second for the slow one: {}", polls(7));
    }

    #[test]
    fn p3_where_nothing_is_left_all_have_the_link_equally_long() {
        let devices = (0..4).map(|n| (n, ms(100)));
        let mut schedule = Schedule::new(claims(devices), Mono::ZERO);
        let cost = |turn: Turn| if turn.slot == 3 { ms(600) } else { ms(60) };
        let (taken, _) = run(&mut schedule, at(600_000), cost);
        for slot in 0..4 {
            let of_slot = taken.iter().filter(|(turn, _)| turn.slot == slot);
            let time: Duration = of_slot.map(|(turn, _)| cost(*turn)).sum();
            assert!((145..=155).contains(&time.as_secs()), "device {slot} had it for {time:?} of 600 s");
        }
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_a_round_of_the_others(
            intervals in proptest::collection::vec(50_u64..2000, 1..12),
            cost in 1_u64..400,
        ) {
            let devices: Vec<_> = intervals.iter().map(|interval| ms(*interval)).enumerate().collect();
            let mut schedule = Schedule::new(claims(devices), Mono::ZERO);
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
