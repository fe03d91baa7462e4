//! Where alarms move: because a rule has found something, because time is over, because somebody commands it. Whatever it is, risk, groups and
//! timers are brought in step here and nowhere else.

use std::time::Duration;

use crate::model::{
    Action, AlarmId, AlarmState, Command, CommandError, CommandResult, HazardId, Now, Output, Scope,
    Transition, Wall,
};
use crate::site::RuleKind;

use super::Engine;
use super::alarm::{Alarm, Facts, Who};
use super::outputs;
use super::timers::Timer;

impl Engine {
    /// Brings an alarm in step with what its rule has found and with what it has waited for, and sees to it that its next moment is not missed.
    pub(super) fn decide(&mut self, now: Now, id: AlarmId) {
        // What a rule finds is always let happen.
        let _never_refused = self.change(id, |alarm, facts, told| {
            alarm.follow(facts, now, told);
            if let Some(wait) = alarm.over(now.mono) {
                told.extend(alarm.lose_patience(wait, facts, now));
            }
            Ok(())
        });
    }

    /// Does something to an alarm, and takes up what comes of it.
    pub(super) fn change(
        &mut self,
        id: AlarmId,
        change: impl FnOnce(&mut Alarm, &Facts<'_>, &mut Vec<Transition>) -> CommandResult,
    ) -> CommandResult {
        let rule = self.site.rule(id);
        let (sample, error) = match &rule.kind {
            RuleKind::Limits(limits) => (self.points.slot(limits.point).sample(), None),
            RuleKind::Condition(_) | RuleKind::Flood | RuleKind::StopOrder | RuleKind::DeclaredStop => {
                (None, None)
            }
            RuleKind::Signal { point, .. } => (self.points.slot(*point).sample(), None),
            RuleKind::DeviceLost { device, .. } | RuleKind::DeviceDegraded { device } => {
                (None, self.links.device_error(*device))
            }
            RuleKind::LinkLost { devices, .. } => (None, self.links.error_of_any(devices)),
            RuleKind::OutputFailed { output, .. } => {
                (None, self.outputs.get(*output).and_then(outputs::Outlet::trouble))
            }
            RuleKind::Health { source, .. } => (None, self.links.part_error(*source)),
        };
        let group = rule.handling.group.map(|group| group as usize);
        let is_first = group.is_some_and(|group| self.standing_of_groups[group] == 0);
        let facts = Facts { site: &self.site, rule, points: &self.points, sample, error, is_first };
        let alarm = &mut self.alarms[id.index()];
        let (risk, stood) = (alarm.risk(), alarm.stands());
        let result = change(alarm, &facts, &mut self.told);
        self.risk.change(id, rule.hazard, risk, alarm.risk());
        if let Some(group) = group {
            let count = &mut self.standing_of_groups[group];
            *count = *count + u32::from(alarm.stands()) - u32::from(stood);
        }
        let moments = [alarm.watch.deadline(), alarm.deadline()];
        if let Some(deadline) = moments.into_iter().flatten().min() {
            self.timers.arm(Timer::Alarm(id), deadline);
        }
        if alarm.delays_moved() {
            self.delays_moved.push(id);
        }
        self.decided.extend(self.told.drain(..).map(|transition| (id, transition)));
        result
    }

    pub(super) fn command(&mut self, now: Now, command: Command, out: &mut Output) -> CommandResult {
        let who = Who { by: command.by, reason: command.reason };
        match command.action {
            Action::Acknowledge { alarm, raised_at } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.acknowledge(facts, raised_at, &who, now)?);
                Ok(())
            }),
            Action::AcknowledgeAll(scope) => self.acknowledge_all(now, scope, &who),
            Action::Shelve { alarm, span } => self.shelve(now, alarm, span, &who),
            Action::Unshelve { alarm } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.unshelve(facts, now, Some(&who)));
                Ok(())
            }),
            Action::TakeOut { .. } if who.reason.is_none() => Err(CommandError::NoReason),
            Action::TakeOut { alarm } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.take_out(facts, &who, now));
                Ok(())
            }),
            Action::PutBack { alarm } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.put_back(facts, &who, now));
                Ok(())
            }),
            Action::Reset { alarm } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.reset(facts, &who, now)?);
                Ok(())
            }),
            Action::Dispose { alarm, raised_at, finding } => self.with(alarm, |alarm, facts, told| {
                told.extend(alarm.dispose(facts, raised_at, finding, &who, now)?);
                Ok(())
            }),
            Action::OrderStop { hazard, stands } => self.order_stop(now, hazard, stands, &who),
            Action::Switch { output, on } => self.switch(now, output, on, (who.by, who.reason), out),
        }
    }

    /// Does something to the alarm of this name.
    fn with(
        &mut self,
        name: String,
        change: impl FnOnce(&mut Alarm, &Facts<'_>, &mut Vec<Transition>) -> CommandResult,
    ) -> CommandResult {
        match self.index.named(&self.site, &name) {
            Some(id) => self.change(id, change),
            None => Err(CommandError::UnknownAlarm(name)),
        }
    }

    fn acknowledge_all(&mut self, now: Now, scope: Scope, who: &Who) -> CommandResult {
        for id in self.meant(scope)? {
            if self.alarms[id.index()].base() != AlarmState::Normal {
                self.change(id, |alarm, facts, told| {
                    told.extend(alarm.acknowledge(facts, None, who, now)?);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn meant(&self, scope: Scope) -> Result<Vec<AlarmId>, CommandError> {
        let all = (0..self.alarms.len()).map(AlarmId::new);
        match scope {
            Scope::Site => Ok(all.collect()),
            Scope::Hazard(name) => match self.site.hazards.iter().position(|hazard| hazard.name == name) {
                Some(place) => {
                    let hazard = Some(HazardId::new(place));
                    Ok(all.filter(|id| self.site.rule(*id).hazard == hazard).collect())
                }
                None => Err(CommandError::UnknownHazard(name)),
            },
            Scope::Named(names) => names
                .into_iter()
                .map(|name| self.index.named(&self.site, &name).ok_or(CommandError::UnknownAlarm(name)))
                .collect(),
        }
    }

    fn shelve(&mut self, now: Now, name: String, span: Duration, who: &Who) -> CommandResult {
        let max = self.site.alarms.shelve_max;
        if who.reason.is_none() {
            return Err(CommandError::NoReason);
        }
        if span > max {
            return Err(CommandError::ShelvedTooLong { span_s: span.as_secs(), max_s: max.as_secs() });
        }
        let until = now.wall.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
        let until = Wall(until).stamp(&self.site.identity.zone);
        self.with(name, |alarm, facts, told| {
            told.extend(alarm.shelve(facts, until, who, now)?);
            Ok(())
        })
    }
}
