//! The state of production as its load shows it: stopped, idle, running, overloaded. No state is shorter than its least time: the load must have been
//! beyond the bound of the present one for that long. Of the way that it has gone by then it goes as far as has stood for half of that
//! time, so that a line that ramps up is not called idle first. Each bound has a deadband below it.
//!
//! The bound from which on it runs may be learnt from the load (`split.rs`). Before it is, the state is not known.

use serde::{Deserialize, Serialize};

use crate::model::{Now, Reason, Sample, Value, Wall};
use crate::site::{PRODUCTION_BOUNDS, PRODUCTION_RUNNING, Production};

use super::moment::Moment;
use super::split::Split;

/// What the key of what is learnt of the load is called; that of the state is empty.
const LEARNT: &str = "learnt";
/// The place of the bound that is learnt.
const RUNNING: usize = PRODUCTION_RUNNING - 1;

/// The state of one line.
#[derive(Debug)]
pub(super) struct ProductionWatch {
    production: Production,
    /// The bounds as far as they are known.
    bounds: [Option<f64>; PRODUCTION_BOUNDS],
    /// What the load teaches, where one of them is learnt.
    split: Option<Split>,
    /// The state: how many of the bounds the load is above; none before it is known.
    state: Option<usize>,
    /// For each bound whether the load is above it, as far as is known, and since when: in ms of the clock that never steps.
    sides: [Option<Side>; PRODUCTION_BOUNDS],
    /// Since when it is known, in the same ms.
    heard: Option<i64>,
    /// Of the last reading: why it is in doubt, or bad.
    trust: Trust,
    /// When the last reading was made, in ms of the clock that never steps.
    taken: i64,
    /// What was last put out to be remembered.
    kept: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Side {
    above: bool,
    since: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Good,
    Uncertain(Reason),
    Bad(Reason),
}

/// What is remembered over a restart.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    state: usize,
}

/// One state after another; the first is none where it was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: Option<usize>,
    pub(super) to: usize,
}

impl ProductionWatch {
    pub(super) fn new(production: Production) -> Self {
        Self {
            production,
            bounds: production.bounds,
            split: production.learnt_after.map(Split::new),
            state: None,
            sides: [None; PRODUCTION_BOUNDS],
            heard: None,
            trust: Trust::Bad(Reason::NoData),
            taken: i64::MIN,
            kept: None,
        }
    }

    /// Takes what the load was at a moment of the wall clock, not later than `now`. A reading that is older than the last is left aside.
    pub(super) fn take(&mut self, now: Now, at: Wall, sample: Sample) {
        let moment = Moment::of(now, at);
        // The two clocks are rounded each by itself.
        if moment.steady.saturating_add(1) < self.taken {
            return;
        }
        self.taken = moment.steady;
        self.learn(moment.steady, sample);
        let (value, trust) = match sample {
            Sample::Good(value) => (value.as_f64(), Trust::Good),
            Sample::Uncertain(value, reason) => (value.as_f64(), Trust::Uncertain(reason)),
            Sample::Bad(reason) => {
                // What was under way is not known any more.
                (self.trust, self.sides) = (Trust::Bad(reason), [None; PRODUCTION_BOUNDS]);
                self.heard = None;
                return;
            }
        };
        self.trust = trust;
        self.heard.get_or_insert(moment.steady);
        for (side, bound) in self.sides.iter_mut().zip(self.bounds) {
            let Some(bound) = bound else { continue };
            let deadband = self.production.deadband.unwrap_or(bound / 10.0);
            let was_above = side.is_some_and(|side| side.above);
            let above = value >= if was_above { bound - deadband } else { bound };
            if side.is_none_or(|side| side.above != above) {
                *side = Some(Side { above, since: moment.steady });
            }
        }
    }

    /// Lets the load teach the bound that is learnt. What is in doubt teaches nothing.
    fn learn(&mut self, steady: i64, sample: Sample) {
        let Some(split) = &mut self.split else { return };
        let load = if let Sample::Good(value) = sample { Some(value.as_f64()) } else { None };
        split.take(steady, load);
        self.take_up_bound();
    }

    /// Takes up what is learnt, where it lies between the bounds that are given.
    fn take_up_bound(&mut self) {
        let Some(learnt) = self.split.as_ref().and_then(Split::bound) else { return };
        let [idle, _, overload] = self.production.bounds;
        if idle.is_none_or(|idle| idle < learnt) && overload.is_none_or(|overload| learnt < overload) {
            self.bounds[RUNNING] = Some(learnt);
        }
    }

    /// From which load on it runs.
    pub(super) fn running_from(&self) -> Sample {
        self.bounds[RUNNING].map_or(Sample::Bad(Reason::NoData), |from| Sample::Good(Value::Float(from)))
    }

    /// Whether a change is over its least time.
    pub(super) fn is_due(&self, now: Now) -> bool {
        self.next(now).is_some()
    }

    /// Goes over to the state that has stood long enough, if another has.
    pub(super) fn settle(&mut self, now: Now) -> Option<Change> {
        let to = self.next(now)?;
        Some(Change { from: self.state.replace(to), to })
    }

    /// What the state is, and how far it can be trusted.
    pub(super) fn sample(&self) -> Sample {
        match (self.state, self.trust) {
            (_, Trust::Bad(reason)) => Sample::Bad(reason),
            _ if self.bounds[RUNNING].is_none() => Sample::Bad(Reason::NoData),
            (None, _) => Sample::Bad(Reason::NoData),
            (Some(state), Trust::Good) => Sample::Good(Value::Int(state as i64)),
            (Some(state), Trust::Uncertain(reason)) => Sample::Uncertain(Value::Int(state as i64), reason),
        }
    }

    /// What is to be remembered now, with the end of its key.
    pub(super) fn keep(&mut self, now: Now) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        if let Some(state) = self.state.filter(|state| self.kept != Some(*state)) {
            self.kept = Some(state);
            let body = serde_json::to_string(&Kept { state }).expect("plain data always serializes");
            parts.push((String::new(), body));
        }
        let steady = now.mono.since_start().as_millis() as i64;
        let learnt = self.split.as_mut().and_then(|split| split.keep(steady));
        parts.extend(learnt.map(|body| (LEARNT.to_owned(), body)));
        parts
    }

    /// Takes up what was remembered; none if it can't be read.
    pub(super) fn recall(&mut self, key: &str, body: &str) -> Option<()> {
        if key == LEARNT {
            self.split.as_mut()?.recall(body)?;
            self.take_up_bound();
            return Some(());
        }
        let Kept { state } = serde_json::from_str(body).ok()?;
        self.state = Some(state).filter(|state| *state <= PRODUCTION_BOUNDS);
        self.kept = self.state;
        Some(())
    }

    fn next(&self, now: Now) -> Option<usize> {
        self.bounds[RUNNING]?;
        let (least, now) =
            (self.production.least.as_millis() as i64, now.mono.since_start().as_millis() as i64);
        let stood = |place: usize, above: bool, ms: i64| {
            self.sides[place].is_some_and(|side| side.above == above && now - side.since >= ms)
        };
        let bounds = || (0..PRODUCTION_BOUNDS).filter(|place| self.bounds[*place].is_some());
        let Some(state) = self.state else {
            let is_known = self.heard.is_some_and(|heard| now - heard >= least);
            return is_known
                .then(|| bounds().rfind(|place| stood(*place, true, 0)).map_or(0, |place| place + 1));
        };
        let up = bounds().find(|place| *place >= state).filter(|place| stood(*place, true, least));
        let down = bounds().rfind(|place| *place < state).filter(|place| stood(*place, false, least));
        if let Some(nearest) = up {
            let reached = bounds().rfind(|place| *place >= nearest && stood(*place, true, least / 2));
            return reached.map(|place| place + 1);
        }
        // Below the lowest of those that it has been below for long enough is the one before it.
        let nearest = down?;
        let left =
            bounds().filter(|place| *place <= nearest).find(|place| stood(*place, false, least / 2))?;
        Some(bounds().rfind(|place| *place < left).map_or(0, |place| place + 1))
    }
}
