//! What a rule watches, and what it has found: one condition, or a point against up to four limits.
//!
//! Good data may raise and clear. Uncertain data may raise and never clears. Bad data does neither:
//!
//! | reading | alarm normal | on-delay runs | alarm active | off-delay runs |
//! | --- | --- | --- | --- | --- |
//! | good, beyond the limit | on-delay starts | goes on, completes when due | – | alarm stays |
//! | good, back inside | – | ends: no alarm | off-delay starts | goes on, completes when due |
//! | uncertain, beyond | on-delay starts | goes on, completes when due | – | alarm stays |
//! | uncertain, inside | – | goes on, is not completed | – | starts again from zero at the next good |
//! | bad | – | goes on, is not completed | – | starts again from zero at the next good |
//!
//! An on-delay that doubt kept from completing completes at the next reading that is beyond the limit. Without
//! further readings a delay completes by itself; a point that falls silent becomes bad first, when it is stale.
//! Once there was doubt, the value must come back past the deadband again before an off-delay starts.

use crate::model::{Level, Mono, Sample};
use crate::site::{ConditionRule, Limit, Limits, Rule, RuleKind};

use super::comparator::Side;
use super::hold::{Delays, Hold};

impl Delays {
    /// The delays of `rule`.
    pub(super) fn of(rule: &Rule) -> Self {
        Self { on: rule.on_delay, off: rule.off_delay }
    }
}

/// What a rule watches, and where that stands.
#[derive(Debug)]
pub(super) enum Watch {
    /// One condition at one level.
    Single { level: Level, hold: Hold },
    /// A point against its limits.
    Limits(LimitWatch),
}

impl Watch {
    /// The watch of a rule, with nothing found yet.
    pub(super) fn new(kind: &RuleKind) -> Self {
        match kind {
            RuleKind::Limits(limits) => Self::Limits(LimitWatch::new(limits)),
            RuleKind::Condition(ConditionRule { level, .. })
            | RuleKind::Signal { level, .. }
            | RuleKind::DeviceLost { level, .. }
            | RuleKind::LinkLost { level, .. }
            | RuleKind::OutputFailed { level, .. }
            | RuleKind::Health { level, .. } => Self::Single { level: *level, hold: Hold::Off },
            RuleKind::DeviceDegraded { .. }
            | RuleKind::Flood
            | RuleKind::StopOrder
            | RuleKind::DeclaredStop => Self::Single { level: Level::Journal, hold: Hold::Off },
        }
    }

    /// Takes the condition of an alarm that was active before a restart as still present: the limit that decided
    /// then, or the one that comes nearest to it where the site file has changed.
    pub(super) fn assume(&mut self, limit: Option<f64>, level: Level) {
        match self {
            Self::Single { hold, .. } => *hold = Hold::On,
            Self::Limits(watch) => watch.assume(limit, level),
        }
    }

    /// The level that the conditions which count call for; none if none counts.
    pub(super) fn finding(&mut self) -> Option<Level> {
        match self {
            Self::Single { level, hold } => hold.counts().then_some(*level),
            Self::Limits(watch) => watch.finding(),
        }
    }

    /// The limit that decided the last finding, for rules that have limits.
    pub(super) fn decider(&self) -> Option<(Bound, f64)> {
        match self {
            Self::Single { .. } => None,
            Self::Limits(watch) => watch.decider(),
        }
    }

    /// The gravest level that it can find.
    pub(super) fn gravest(&self) -> Level {
        match self {
            Self::Single { level, .. } => *level,
            Self::Limits(watch) => {
                watch.stages.iter().map(|stage| stage.limit.level).max().unwrap_or(Level::Journal)
            }
        }
    }

    /// On-delays that run are not over before this moment.
    pub(super) fn postpone(&mut self, least: Mono) {
        self.holds_mut(|hold| hold.postpone(least));
    }

    /// Nothing that is said counts for now: what was under way is forgotten.
    pub(super) fn suspend(&mut self) {
        self.holds_mut(Hold::suspend);
    }

    /// Completes the delays that are due by `at`.
    pub(super) fn advance(&mut self, at: Mono) {
        self.holds_mut(|hold| hold.advance(at));
    }

    /// When the next delay completes.
    pub(super) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Single { hold, .. } => hold.deadline(),
            Self::Limits(watch) => watch.stages.iter().filter_map(|s| s.hold.deadline()).min(),
        }
    }

    /// The on-delays that run: when each is over.
    pub(super) fn rising(&self) -> Rising {
        let mut rising = Rising::default();
        match self {
            Self::Single { hold, .. } => rising.0[0] = hold.rising(),
            Self::Limits(watch) => {
                for Stage { bound, hold, .. } in &watch.stages {
                    rising.0[*bound as usize] = hold.rising();
                }
            }
        }
        rising
    }

    /// Takes up on-delays that ran before a restart.
    pub(super) fn resume(&mut self, rising: Rising) {
        match self {
            Self::Single { hold, .. } => rising.0[0].into_iter().for_each(|due| hold.resume(due)),
            Self::Limits(watch) => {
                for Stage { bound, hold, .. } in &mut watch.stages {
                    rising.0[*bound as usize].into_iter().for_each(|due| hold.resume(due));
                }
            }
        }
    }

    /// Whether nothing counts and nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Single { hold, .. } => hold.is_idle(),
            Self::Limits(watch) => watch.stages.iter().all(|stage| stage.hold.is_idle()),
        }
    }

    fn holds_mut(&mut self, mut each: impl FnMut(&mut Hold)) {
        match self {
            Self::Single { hold, .. } => each(hold),
            Self::Limits(watch) => watch.stages.iter_mut().for_each(|stage| each(&mut stage.hold)),
        }
    }
}

/// The on-delays of one rule that run, and when each is over: by [`Bound`], or the first alone where there is one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rising(pub(super) [Option<Mono>; 4]);

/// One of the four limits. Ordered from the inside out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    /// Low.
    L,
    /// High.
    H,
    /// Low-low.
    Ll,
    /// High-high.
    Hh,
}

impl Bound {
    const fn side(self) -> Side {
        match self {
            Self::L | Self::Ll => Side::Low,
            Self::H | Self::Hh => Side::High,
        }
    }
}

/// A point against its limits: one comparator and one hold for each.
#[derive(Debug)]
pub(super) struct LimitWatch {
    deadband: f64,
    /// From the inside out.
    stages: Box<[Stage]>,
    /// The stage that decided the last finding.
    decider: usize,
}

#[derive(Debug)]
struct Stage {
    bound: Bound,
    limit: Limit,
    hold: Hold,
}

impl LimitWatch {
    fn new(limits: &Limits) -> Self {
        let stages =
            [(Bound::L, limits.l), (Bound::H, limits.h), (Bound::Ll, limits.ll), (Bound::Hh, limits.hh)]
                .into_iter()
                .filter_map(|(bound, limit)| Some(Stage { bound, limit: limit?, hold: Hold::Off }))
                .collect();
        Self { deadband: limits.deadband, stages, decider: 0 }
    }

    /// Takes a sample. Returns whether it said anything: if not, there is nothing new to find.
    pub(super) fn observe(&mut self, at: Mono, sample: Sample, delays: Delays) -> bool {
        let (value, good) = match sample {
            Sample::Good(value) => (value.as_f64(), true),
            Sample::Uncertain(value, _) => (value.as_f64(), false),
            Sample::Bad(_) => {
                self.stages.iter_mut().for_each(|stage| stage.hold.doubt());
                return false;
            }
        };
        let mut told = good;
        for Stage { bound, limit, hold } in &mut self.stages {
            let beyond = bound.side().beyond(limit.value, self.deadband, hold.was_present(), value);
            match (beyond, good) {
                (true, _) => hold.present(at, delays),
                (false, true) => hold.absent(at, delays),
                (false, false) => hold.doubt(),
            }
            told |= beyond;
        }
        told
    }

    /// The gravest level among the limits that count; of equals, the outermost decides.
    fn finding(&mut self) -> Option<Level> {
        let counting = self.stages.iter().enumerate().filter(|(_, stage)| stage.hold.counts());
        let (decider, stage) = counting.max_by_key(|(_, stage)| stage.limit.level)?;
        self.decider = decider;
        Some(stage.limit.level)
    }

    fn decider(&self) -> Option<(Bound, f64)> {
        self.stages.get(self.decider).map(|stage| (stage.bound, stage.limit.value))
    }

    /// A limit that was crossed implies those further inside on its side.
    fn assume(&mut self, limit: Option<f64>, level: Level) {
        let likeness = |stage: &Stage| (Some(stage.limit.value) == limit, stage.limit.level == level);
        let Some(decider) = (0..self.stages.len()).max_by_key(|&n| likeness(&self.stages[n])) else { return };
        let side = self.stages[decider].bound.side();
        for stage in self.stages[..=decider].iter_mut().filter(|stage| stage.bound.side() == side) {
            stage.hold = Hold::On;
        }
        self.decider = decider;
    }
}
