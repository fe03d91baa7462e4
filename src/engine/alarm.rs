//! One alarm: what its rule watches, where its life cycle stands, and its record, which is its last transition. What can be done to it by hand
//! stands in `handling`.

use std::time::Duration;

use crate::model::{AlarmState, CommandError, EventKind, Level, Mono, Now, Sample, Stamp, Text, Transition};
use crate::site::{AlarmOptions, Rule, RuleKind, Site};

use super::cycle::{self, Cause, Manner};
use super::instance::Instances;
use super::message;
use super::points::Points;
use super::watch::{Bound, Rising, Watch};

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
    /// Whether nothing else of its group stands.
    pub(super) is_first: bool,
}

impl Facts<'_> {
    pub(super) fn stamp(&self, now: Now) -> Stamp {
        now.wall.stamp(&self.site.identity.zone)
    }
}

/// What an alarm waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The end of the time that it is shelved for.
    Shelf,
    /// That somebody takes note of it: when the time is over it becomes graver.
    Note,
    /// Its end: when the time is over it asks again.
    End,
}

/// One alarm: what its rule watches, and where its life cycle stands.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) watch: Watch,
    /// The last transition, which holds the alarm's whole state; none while it is normal.
    pub(super) last: Option<Box<Transition>>,
    /// The names of its instances; none before the first.
    instances: Option<Box<Instances>>,
    /// The on-delays that ran when it was last looked at; none if none did.
    rising: Option<Box<Rising>>,
    /// The site's design sets it aside.
    pub(super) is_suppressed: bool,
    /// What it waits for, and how long.
    wait: Option<(Mono, Wait)>,
}

impl Alarm {
    pub(super) fn new(kind: &RuleKind) -> Self {
        let watch = Watch::new(kind);
        Self { watch, last: None, instances: None, rising: None, is_suppressed: false, wait: None }
    }

    /// Takes up the alarm where it stood when the gateway last ran. What it waits for has gone on by the wall clock.
    pub(super) fn restore(&mut self, last: Transition, options: &AlarmOptions, now: Now) {
        if last.beneath.unwrap_or(last.state).is_active() {
            self.watch.assume(last.limit, last.level.eased(last.overdue_levels));
        }
        self.instances.get_or_insert_default().note(last.raised_at.wall);
        self.is_suppressed = last.state == AlarmState::Suppressed;
        self.wait = wait(&last, options, now);
        self.last = Some(Box::new(last));
    }

    /// Whether other on-delays run than when this was last asked.
    pub(super) fn delays_moved(&mut self) -> bool {
        let rising = self.watch.rising();
        if self.rising.as_deref().copied().unwrap_or_default() == rising {
            return false;
        }
        self.rising = (rising != Rising::default()).then(|| Box::new(rising));
        true
    }

    /// Takes up on-delays that ran when the gateway last ran.
    pub(super) fn resume(&mut self, rising: Rising) {
        self.watch.resume(rising);
        self.rising = Some(Box::new(rising));
    }

    /// As others see it.
    pub(super) fn state(&self) -> AlarmState {
        self.last.as_ref().map_or(AlarmState::Normal, |last| last.state)
    }

    /// Where its life cycle stands, set aside or not.
    pub(super) fn base(&self) -> AlarmState {
        self.last.as_ref().map_or(AlarmState::Normal, |last| last.beneath.unwrap_or(last.state))
    }

    /// How a person has set it aside, if one has.
    pub(super) fn by_hand(&self) -> Option<AlarmState> {
        Some(self.state()).filter(|state| matches!(state, AlarmState::Shelved | AlarmState::OutOfService))
    }

    /// How grave it is; none while it is normal.
    pub(super) fn level(&self) -> Option<Level> {
        self.last.as_ref().map(|last| last.level)
    }

    /// What outputs go by: an alarm that is only shelved calls nobody, and what it has begun on the process goes on.
    pub(super) fn acts_as(&self) -> AlarmState {
        match (self.state(), self.base()) {
            (AlarmState::Shelved, AlarmState::Unacknowledged) => AlarmState::Acknowledged,
            (AlarmState::Shelved, base) => base,
            (state, _) => state,
        }
    }

    /// Whether it stands before the people: its condition is present, or somebody has yet to take note of it or to reset it.
    pub(super) fn stands(&self) -> bool {
        !matches!(self.state(), AlarmState::Normal) && !self.state().is_aside()
    }

    /// What it adds to the risk: its level while it is active or latched, and not set aside. `journal` needs no one's action and so is no
    /// risk.
    pub(super) fn risk(&self) -> Option<Level> {
        let last = self.last.as_ref()?;
        let counts = last.state.is_active() || last.state.is_latched();
        (counts && last.level != Level::Journal).then_some(last.level)
    }

    /// When it must be looked at again, if nothing comes before.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.wait.map(|(until, _)| until)
    }

    /// What it has waited for long enough.
    pub(super) fn over(&mut self, at: Mono) -> Option<Wait> {
        let (_, wait) = self.wait.take_if(|(until, _)| *until <= at)?;
        Some(wait)
    }

    /// Brings the alarm in step with what its watch has found.
    pub(super) fn follow(&mut self, facts: &Facts<'_>, now: Now, out: &mut Vec<Transition>) {
        let found = self.watch.finding().map(|level| level.graver(self.overdue_levels()));
        let Some(cause) = self.cause(found) else { return };
        if self.state() == AlarmState::Shelved && self.outgrows_shelf(cause, found) {
            out.extend(self.unshelve(facts, now, None));
        }
        let level = found.or(self.level()).unwrap_or(Level::Journal);
        let Some((event, base)) = cycle::next(self.base(), cause, self.manner(facts, level)) else { return };
        let at = facts.stamp(now);
        let decider = self.watch.decider();
        let mut transition = describe(facts, event, decider, at);
        transition.level = level;
        match (event, &self.last) {
            (EventKind::Raised, _) | (_, None) => {
                transition.raised_at = self.instances.get_or_insert_default().name(at);
                transition.habit = self.instances.get_or_insert_default().raise(now.mono);
                transition.first_out = facts.is_first && facts.rule.handling.group.is_some();
                transition.shelved_until = self.last.as_ref().and_then(|last| last.shelved_until);
                transition.shelved_level = self.last.as_ref().and_then(|last| last.shelved_level);
            }
            (_, Some(last)) => {
                transition.raised_at = last.raised_at;
                transition.shelved_until = last.shelved_until;
                transition.shelved_level = last.shelved_level;
                transition.first_out = last.first_out;
                transition.habit = last.habit;
                transition.overdue_levels = last.overdue_levels;
                if event != EventKind::Escalated {
                    transition.acknowledged_by.clone_from(&last.acknowledged_by);
                }
            }
        }
        if event == EventKind::Cleared && self.base() == AlarmState::Unacknowledged {
            let fleeting = self.instances.as_ref().and_then(|instances| instances.clear(now.mono));
            transition.habit = transition.habit.or(fleeting);
        }
        out.push(self.record(transition, base, self.by_hand(), facts, now));
    }

    /// Whether it was shelved for less than it has become, also where it was gone in between. What was not present when it was shelved
    /// may come as it likes, and then not become graver.
    fn outgrows_shelf(&self, cause: Cause, found: Option<Level>) -> bool {
        let shelved = self.last.as_ref().and_then(|last| last.shelved_level);
        match cause {
            Cause::Graver => shelved.is_none_or(|level| found > Some(level)),
            Cause::Present => shelved.is_some_and(|level| found > Some(level)),
            _ => false,
        }
    }

    fn overdue_levels(&self) -> u8 {
        let active = self.last.as_ref().filter(|_| self.base().is_active());
        active.map_or(0, |last| last.overdue_levels)
    }

    pub(super) fn manner(&self, facts: &Facts<'_>, level: Level) -> Manner {
        let handling = facts.rule.handling;
        let is_aside = self.is_suppressed || self.by_hand().is_some();
        Manner { quiet: level == Level::Journal || !handling.acknowledge || is_aside, latch: handling.latch }
    }

    fn cause(&self, found: Option<Level>) -> Option<Cause> {
        let standing = self.last.as_ref().filter(|_| self.base().is_active()).map(|last| last.level);
        match (standing, found) {
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
        facts: &Facts<'_>,
        instance: Option<Stamp>,
        who: &Who,
        now: Now,
    ) -> Result<Option<Transition>, CommandError> {
        let alarm = || facts.rule.name.clone();
        if let (Some(instance), Some(last)) = (instance, &self.last)
            && instance.wall != last.raised_at.wall
            && self.base() != AlarmState::Normal
        {
            return Err(CommandError::OtherInstance { alarm: alarm(), raised_at: last.raised_at });
        }
        let Some((event, base)) =
            cycle::next(self.base(), Cause::Acknowledge, self.manner(facts, Level::Journal))
        else {
            // What is over has been acknowledged: nothing becomes normal otherwise.
            let is_known = self.last.is_some() || instance.is_some();
            return if is_known { Ok(None) } else { Err(CommandError::NotStanding(alarm())) };
        };
        let Some(mut transition) = self.again(event, facts.stamp(now), Some(who)) else { return Ok(None) };
        transition.acknowledged_by = Some(who.by.clone());
        Ok(Some(self.record(transition, base, self.by_hand(), facts, now)))
    }

    /// The last transition with another event; none while it is normal.
    pub(super) fn again(&self, event: EventKind, at: Stamp, who: Option<&Who>) -> Option<Transition> {
        let last = self.last.as_deref()?;
        let (by, reason) = who.map_or((None, None), |who| (Some(who.by.clone()), who.reason.clone()));
        Some(Transition { at, event, by, reason, disposal: None, ..last.clone() })
    }

    /// What is said of it as it stands; of one that is normal, what there is to say.
    pub(super) fn said(
        &self,
        event: EventKind,
        facts: &Facts<'_>,
        now: Now,
        who: Option<&Who>,
    ) -> Transition {
        let at = facts.stamp(now);
        self.again(event, at, who).unwrap_or_else(|| {
            let mut transition = describe(facts, event, None, at);
            transition.level = self.watch.gravest();
            transition.message = message::named(facts, at.wall);
            transition.by = who.map(|who| who.by.clone());
            transition.reason = who.and_then(|who| who.reason.clone());
            transition
        })
    }

    /// Writes down where it stands after a transition: its life cycle, and how a person has set it aside.
    pub(super) fn record(
        &mut self,
        mut transition: Transition,
        base: AlarmState,
        by_hand: Option<AlarmState>,
        facts: &Facts<'_>,
        now: Now,
    ) -> Transition {
        let suppressed =
            Some(AlarmState::Suppressed).filter(|_| self.is_suppressed && base != AlarmState::Normal);
        transition.state = by_hand.or(suppressed).unwrap_or(base);
        transition.beneath = transition.state.is_aside().then_some(base);
        if transition.state != AlarmState::Shelved {
            transition.shelved_until = None;
            transition.shelved_level = None;
        }
        // Who lets an alarm wait is not given more time because it became less grave.
        let goes_on = transition.event == EventKind::Deescalated && self.wait.is_some();
        let since = self.last.as_ref().and_then(|last| last.waits_since).filter(|_| goes_on);
        transition.waits_since = Some(since.unwrap_or(transition.at));
        let anew = wait(&transition, &facts.site.alarms, now);
        self.wait = match transition.event {
            // A shelf ends by the clock that never steps, whatever happens beneath it meanwhile.
            event if transition.state == AlarmState::Shelved && event != EventKind::Shelved => self.wait,
            _ if goes_on => self.wait,
            _ => anew,
        };
        let stands = transition.state != AlarmState::Normal;
        self.last = stands.then(|| Box::new(transition.clone()));
        transition
    }
}

/// A person or a centre, and why.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) by: String,
    pub(super) reason: Option<String>,
}

/// What an alarm waits for after this transition, and until when.
fn wait(last: &Transition, options: &AlarmOptions, now: Now) -> Option<(Mono, Wait)> {
    // Never longer than from the beginning: a computer may start with its clock decades behind.
    let left = |until_ms: i64, most: Duration| {
        let left_ms = u64::try_from(until_ms.saturating_sub(now.wall.0)).unwrap_or(0);
        now.mono + Duration::from_millis(left_ms).min(most)
    };
    let after = |table| {
        let span = AlarmOptions::of(table, last.level)?;
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let since = last.waits_since.unwrap_or(last.at);
        Some(left(since.wall.0.saturating_add(span_ms), span))
    };
    match last.state {
        AlarmState::Shelved => Some((left(last.shelved_until?.wall.0, options.shelve_max), Wait::Shelf)),
        AlarmState::Unacknowledged if last.level < Level::Red => {
            Some((after(&options.escalate_after)?, Wait::Note))
        }
        AlarmState::Acknowledged => Some((after(&options.remind_after)?, Wait::End)),
        _ => None,
    }
}

/// The transition of an alarm whose rule the site no longer has: nothing can ever clear it but this.
pub(super) fn orphaned(last: Transition, at: Stamp) -> Transition {
    Transition {
        at,
        event: EventKind::Cleared,
        state: AlarmState::Normal,
        beneath: None,
        shelved_until: None,
        shelved_level: None,
        disposal: None,
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
        RuleKind::Condition(_)
        | RuleKind::LinkLost { .. }
        | RuleKind::Flood
        | RuleKind::StopOrder
        | RuleKind::DeclaredStop
        | RuleKind::Health { .. } => (None, None),
    };
    let device = device.or_else(|| point.map(|point| site.device(point.device)));
    Transition {
        point: point.map(|point| point.name.clone()),
        device: device.map(|device| device.name.clone()),
        hazard: rule.hazard.map(|hazard| site.hazard(hazard).name.clone()),
        class: rule.class,
        value: sample.and_then(Sample::value),
        limit: decider.map(|(_, limit)| limit),
        unit: point.map(|point| point.unit.clone()).filter(|unit| !unit.is_empty()),
        quality: sample.map(Sample::quality),
        basis: rule.basis.clone(),
        ..Transition::new(at, event, rule.name.clone(), message::compose(facts, event, decider, at.wall))
    }
}
