//! When rules are active: only while a condition holds, only at some times of the week. While a rule is not, nothing that its points say counts,
//! and an alarm of it that stands is suppressed by design.
//!
//! Where a condition is not known, what was last known of it goes on to count; before anything is known the rule is active, and doubtful data may make it
//! active and never the contrary, for silence is never safety.

use std::sync::Arc;

use jiff::civil::DateTime;

use crate::model::{AlarmId, Now, PointId};
use crate::site::{Binding, Calendar, Condition, RuleKind, Site};

use super::Engine;
use super::evaluate::{self, Answer};
use super::rests::Rests;

/// Which rules are active.
#[derive(Debug)]
pub(super) struct Bindings {
    /// Rules that are active at times only.
    bound: Vec<AlarmId>,
    /// Whether each rule is active.
    active: Vec<bool>,
    rests: Rests,
    /// Places in `bound` of those to be looked at at the present moment.
    due: Vec<u32>,
    /// Whether any of them has times of the week.
    has_times: bool,
}

impl Bindings {
    pub(super) fn new(site: &Site) -> Self {
        let bindings =
            site.rules.iter().enumerate().filter_map(|(n, rule)| Some((n, rule.binding.as_deref()?)));
        let bound: Vec<AlarmId> = bindings.clone().map(|(n, _)| AlarmId::new(n)).collect();
        let pairs = bindings.clone().enumerate().flat_map(|(place, (_, binding))| {
            let points = binding.only_when.iter().flat_map(Condition::points);
            points.map(move |point| (point, place as u32)).collect::<Vec<_>>()
        });
        let has_times = bindings.clone().any(|(_, binding)| binding.has_times());
        Self {
            rests: Rests::new(pairs.collect(), site.points.len()),
            due: (0..bound.len() as u32).collect(),
            active: vec![true; site.rules.len()],
            bound,
            has_times,
        }
    }

    /// Whether the rule of this alarm is active.
    pub(super) fn is_active(&self, alarm: AlarmId) -> bool {
        self.active[alarm.index()]
    }

    /// Whether any of them has times of the week.
    pub(super) const fn has_times(&self) -> bool {
        self.has_times
    }

    /// The wall clock has come to another minute.
    pub(super) fn note_minute(&mut self) {
        if self.has_times {
            self.due.extend(0..self.bound.len() as u32);
        }
    }

    /// A point has spoken.
    pub(super) fn note(&mut self, point: PointId) {
        self.due.extend_from_slice(self.rests.on(point));
    }
}

impl Engine {
    /// The alarm was suppressed when the gateway last ran: its rule was not active. A rule that is always active now, by another site file, has
    /// nothing that could ever release it but this.
    pub(super) fn resume_suppression(&mut self, now: Now, alarm: AlarmId) {
        if self.site.rule(alarm).binding.is_some() {
            self.bindings.active[alarm.index()] = false;
        } else {
            self.activate(now, alarm, true);
        }
    }

    /// Looks at the rules that may have become active, or ceased to be.
    pub(super) fn review_bindings(&mut self, now: Now) {
        if self.bindings.due.is_empty() {
            return;
        }
        let (site, mut due) = (Arc::clone(&self.site), std::mem::take(&mut self.bindings.due));
        due.sort_unstable();
        due.dedup();
        let local = self.bindings.has_times.then(|| now.wall.local(&site.identity.zone));
        for &place in &due {
            let alarm = self.bindings.bound[place as usize];
            let Some(binding) = site.rule(alarm).binding.as_deref() else { continue };
            let was = self.bindings.is_active(alarm);
            let is =
                local.is_none_or(|at| is_in_time(binding, at, &site.calendar)) && self.may_hold(binding, was);
            if is != was {
                self.bindings.active[alarm.index()] = is;
                self.activate(now, alarm, is);
            }
        }
        due.clear();
        self.bindings.due = due;
    }

    /// Whether the binding's condition holds, given whether it `was` so when that was last known.
    fn may_hold(&self, binding: &Binding, was: bool) -> bool {
        let Some(condition) = &binding.only_when else { return true };
        match evaluate::answer(condition, &self.points) {
            Answer::Holds => true,
            Answer::Fails => false,
            Answer::Unknown => was,
        }
    }

    fn activate(&mut self, now: Now, alarm: AlarmId, active: bool) {
        if !active {
            self.alarms[alarm.index()].watch.suspend();
        }
        // Nothing that the site's design does is refused.
        let _never_refused = self.change(alarm, |alarm, facts, told| {
            told.extend(alarm.suppress(facts, !active, now));
            Ok(())
        });
        if active {
            match &Arc::clone(&self.site).rule(alarm).kind {
                RuleKind::Limits(limits) => self.examine(now, limits.point),
                RuleKind::Condition(_) => self.asked.push(alarm),
                _ => {}
            }
        }
    }
}

fn is_in_time(binding: &Binding, at: DateTime, calendar: &Calendar) -> bool {
    binding.only_during.as_ref().is_none_or(|times| times.holds(at, calendar))
        && !binding.not_during.as_ref().is_some_and(|times| times.holds(at, calendar))
}
