//! The life cycle of an alarm (ISA-18.2 / IEC 62682) and the alarm's record. The life cycle is one pure function
//! from a state and a cause to an event and the state after it; whatever it does not list does nothing.

use crate::model::{AlarmState, CommandError, EventKind, Level, Sample, Stamp, Text, Transition, Wall};
use crate::site::{Rule, RuleKind, Site};

use super::instance::Instances;
use super::message;
use super::points::Points;
use super::watch::{Bound, Watch};

/// What can make an alarm change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its condition has come.
    Present,
    /// Its condition has come, at a level that asks for no one's action.
    Noted,
    /// Its condition has become graver.
    Graver,
    /// Its condition has become less grave.
    LessGrave,
    /// Its condition is gone.
    Gone,
    /// Somebody takes note of it.
    Acknowledge,
}

/// The life cycle.
pub(super) const fn next(state: AlarmState, cause: Cause) -> Option<(EventKind, AlarmState)> {
    use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
    Some(match (state, cause) {
        (Normal | ReturnedUnacknowledged, Cause::Present) => (EventKind::Raised, Unacknowledged),
        (Normal, Cause::Noted) => (EventKind::Raised, Acknowledged),
        (Unacknowledged | Acknowledged, Cause::Graver) => (EventKind::Escalated, Unacknowledged),
        (Unacknowledged | Acknowledged, Cause::LessGrave) => (EventKind::Deescalated, state),
        (Unacknowledged, Cause::Gone) => (EventKind::Cleared, ReturnedUnacknowledged),
        (Acknowledged, Cause::Gone) => (EventKind::Cleared, Normal),
        (Unacknowledged, Cause::Acknowledge) => (EventKind::Acknowledged, Acknowledged),
        (ReturnedUnacknowledged, Cause::Acknowledge) => (EventKind::Acknowledged, Normal),
        _ => return None,
    })
}

/// What is known of a rule's subject when its alarm changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) site: &'a Site,
    pub(super) rule: &'a Rule,
    /// The latest of every point.
    pub(super) points: &'a Points,
    /// The latest of its point.
    pub(super) sample: Option<Sample>,
    /// What is wrong with its device or part, in words.
    pub(super) error: Option<&'a Text>,
}

/// One alarm: what its rule watches, and where its life cycle stands.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) watch: Watch,
    /// The last transition, which holds the alarm's whole state; none while it is normal.
    last: Option<Box<Transition>>,
    /// The names of its instances; none before the first.
    instances: Option<Box<Instances>>,
}

impl Alarm {
    pub(super) fn new(kind: &RuleKind) -> Self {
        Self { watch: Watch::new(kind), last: None, instances: None }
    }

    /// Takes up the alarm where it stood when the gateway last ran.
    pub(super) fn restore(&mut self, last: Transition) {
        if last.state.is_active() {
            self.watch.assume(last.limit, last.level);
        }
        self.instances.get_or_insert_default().note(last.raised_at.wall);
        self.last = Some(Box::new(last));
    }

    pub(super) fn state(&self) -> AlarmState {
        self.last.as_ref().map_or(AlarmState::Normal, |last| last.state)
    }

    /// How grave it is; none while it is normal.
    pub(super) fn level(&self) -> Option<Level> {
        self.last.as_ref().map(|last| last.level)
    }

    /// What it adds to the risk: its level while it is active. `journal` needs no one's action and so is no risk.
    pub(super) fn risk(&self) -> Option<Level> {
        let last = self.last.as_ref()?;
        (last.state.is_active() && last.level != Level::Journal).then_some(last.level)
    }

    /// Brings the alarm in step with what its watch has found.
    pub(super) fn follow(&mut self, facts: &Facts<'_>, at: Wall) -> Option<Transition> {
        let found = self.watch.finding();
        let (event, state) = next(self.state(), self.cause(found)?)?;
        let at = at.stamp(&facts.site.identity.zone);
        let level = found.or(self.last.as_ref().map(|last| last.level))?;
        let decider = self.watch.decider();
        let mut transition = describe(facts, event, decider, at);
        transition.state = state;
        transition.level = level;
        match (event, &self.last) {
            (EventKind::Raised, _) | (_, None) => {
                transition.raised_at = self.instances.get_or_insert_default().name(at);
            }
            (_, Some(last)) => {
                transition.raised_at = last.raised_at;
                if event != EventKind::Escalated {
                    transition.acknowledged_by.clone_from(&last.acknowledged_by);
                }
            }
        }
        Some(self.record(transition))
    }

    fn cause(&self, found: Option<Level>) -> Option<Cause> {
        let standing = self.last.as_ref().filter(|last| last.state.is_active()).map(|last| last.level);
        match (standing, found) {
            // Unless somebody has yet to take note of what was before.
            (None, Some(Level::Journal)) if self.last.is_none() => Some(Cause::Noted),
            (None, Some(_)) => Some(Cause::Present),
            (Some(_), None) => Some(Cause::Gone),
            (Some(was), Some(is)) if is > was => Some(Cause::Graver),
            (Some(was), Some(is)) if is < was => Some(Cause::LessGrave),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Takes note of the alarm. No transition if somebody has done so before.
    pub(super) fn acknowledge(
        &mut self,
        alarm: String,
        instance: Option<Stamp>,
        by: String,
        reason: Option<String>,
        at: Stamp,
    ) -> Result<Option<Transition>, CommandError> {
        let Some(last) = self.last.as_deref() else { return Err(CommandError::NotStanding(alarm)) };
        if instance.is_some_and(|instance| instance.wall != last.raised_at.wall) {
            return Err(CommandError::OtherInstance { alarm, raised_at: last.raised_at });
        }
        let Some((event, state)) = next(last.state, Cause::Acknowledge) else { return Ok(None) };
        let acknowledged_by = Some(by.clone());
        let transition =
            Transition { at, event, state, by: Some(by), reason, acknowledged_by, ..last.clone() };
        Ok(Some(self.record(transition)))
    }

    fn record(&mut self, transition: Transition) -> Transition {
        let stands = transition.state != AlarmState::Normal;
        self.last = stands.then(|| Box::new(transition.clone()));
        transition
    }
}

/// The transition of an alarm whose rule the site no longer has: nothing can ever clear it but this.
pub(super) fn orphaned(last: Transition, at: Stamp) -> Transition {
    Transition {
        at,
        event: EventKind::Cleared,
        state: AlarmState::Normal,
        message: message::orphaned(&last.message),
        by: Some("gateway".to_owned()),
        reason: Some("no longer in the site file / 站点文件中已无此规则".to_owned()),
        ..last
    }
}

/// What a transition says of its rule and the rule's subject. State, level, instance and persons are the caller's.
fn describe(facts: &Facts<'_>, event: EventKind, decider: Option<(Bound, f64)>, at: Stamp) -> Transition {
    let Facts { site, rule, sample, .. } = *facts;
    let (point, device) = match &rule.kind {
        RuleKind::Limits(limits) => (Some(site.point(limits.point)), None),
        RuleKind::Signal { point, .. } => (Some(site.point(*point)), None),
        RuleKind::DeviceLost { device, .. } | RuleKind::DeviceDegraded { device } => {
            (None, Some(site.device(*device)))
        }
        RuleKind::OutputFailed { output, .. } => (None, Some(site.device(site.output(*output).device))),
        RuleKind::Condition(_) | RuleKind::Health { .. } => (None, None),
    };
    let device = device.or_else(|| point.map(|point| site.device(point.device)));
    Transition {
        at,
        event,
        alarm: rule.name.clone(),
        point: point.map(|point| point.name.clone()),
        device: device.map(|device| device.name.clone()),
        hazard: rule.hazard.map(|hazard| site.hazard(hazard).name.clone()),
        state: AlarmState::Normal,
        level: Level::Journal,
        value: sample.and_then(Sample::value),
        limit: decider.map(|(_, limit)| limit),
        unit: point.map(|point| point.unit.clone()).filter(|unit| !unit.is_empty()),
        quality: sample.map(Sample::quality),
        message: message::compose(facts, event, decider),
        basis: rule.basis.clone(),
        raised_at: at,
        by: None,
        reason: None,
        acknowledged_by: None,
    }
}
