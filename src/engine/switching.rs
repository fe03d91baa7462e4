//! The engine's dealings with outputs: alarms that move, commands, reports and the loss of a device go in; orders, events and
//! states come out. An order need not wait for the journal: a siren must not wait for a broken disk.

use crate::model::{
    AlarmId, CommandError, CommandResult, DeviceId, EventKind, Now, Output, OutputId, OutputReport,
    OutputStatus, Text, Transition, Value,
};

use super::Engine;
use super::hold::News;
use super::message::{self, Why};
use super::timers::Timer;

impl Engine {
    /// Takes up every output where it stood, and orders what the alarms and commands that stand make of it.
    pub(super) fn begin_outputs(&mut self, kept: &[OutputStatus], now: Now, out: &mut Output) {
        let at = self.stamp(now);
        for id in self.outputs.ids() {
            let spec = self.site.output(id);
            let kept = kept.iter().find(|kept| kept.output == spec.name);
            let Some(outlet) = self.outputs.get_mut(id) else { continue };
            let (late, changed) = outlet.restore(spec, &self.alarms, kept, at);
            if changed {
                let why = late.as_deref().map_or(Why::Start, |by| Why::Withdrawn { by });
                out.transitions.push(self.switched(now, id, &why));
            }
            self.order(id, out);
            self.review_output(now, id, out);
        }
    }

    /// Tells outputs of the alarms that moved at this moment.
    pub(super) fn call_outputs(&mut self, now: Now, moved: &[(AlarmId, EventKind)], out: &mut Output) {
        let mut touched = Vec::new();
        for (alarm, event) in moved {
            let moved = (*alarm, &self.alarms[alarm.index()]);
            self.outputs.hear(&self.site, moved, *event, &mut touched);
        }
        touched.sort_unstable();
        touched.dedup_by_key(|(output, _)| *output);
        for (id, alarm) in touched {
            let at = self.stamp(now);
            let Some(outlet) = self.outputs.get_mut(id) else { continue };
            outlet.release();
            if outlet.turn(at) {
                let alarm = self.site.rule(alarm).name.clone();
                out.transitions.push(self.switched(now, id, &Why::Alarm { alarm: &alarm }));
            }
            self.order(id, out);
            self.review_output(now, id, out);
        }
    }

    /// An operator or a centre wants an output on or off. It holds until the alarms behind it call for something new.
    pub(super) fn switch(
        &mut self,
        now: Now,
        name: String,
        on: bool,
        (by, reason): (String, Option<String>),
        out: &mut Output,
    ) -> CommandResult {
        let Some(index) = self.site.outputs.iter().position(|output| output.name == name) else {
            return Err(CommandError::UnknownOutput(name));
        };
        let (id, at) = (OutputId::new(index), self.stamp(now));
        let Some(outlet) = self.outputs.get_mut(id) else { return Err(CommandError::NotEnabled(name)) };
        let until = outlet.command(on, by, reason, now.mono);
        outlet.turn(at);
        self.timers.arm(Timer::Output(id), until);
        out.transitions.push(self.switched(now, id, &Why::Command));
        self.order(id, out);
        self.review_output(now, id, out);
        Ok(())
    }

    /// A command that was not carried out in time is not carried out at all.
    pub(super) fn expire(&mut self, now: Now, id: OutputId, out: &mut Output) {
        let at = self.stamp(now);
        let Some(outlet) = self.outputs.get_mut(id) else { return };
        let Some(late) = outlet.withdraw(now.mono) else {
            // A later command has a later deadline.
            if let Some(deadline) = outlet.deadline() {
                self.timers.arm(Timer::Output(id), deadline);
            }
            return;
        };
        outlet.turn(at);
        out.transitions.push(self.switched(now, id, &Why::Withdrawn { by: &late.by }));
        self.order(id, out);
        self.review_output(now, id, out);
    }

    /// News of an output from its device.
    pub(super) fn output(&mut self, now: Now, report: OutputReport, out: &mut Output) {
        let id = report.output;
        let Some(outlet) = self.outputs.get_mut(id) else { return };
        if outlet.report(report) {
            // It was done in time: from now on it stands without a limit.
            self.order(id, out);
        }
        self.review_output(now, id, out);
    }

    /// A device was lost or found: what is known of its outputs changes with it.
    pub(super) fn review_outputs_of(&mut self, now: Now, device: DeviceId, out: &mut Output) {
        for id in self.outputs.ids() {
            if self.site.output(id).device == device {
                self.review_output(now, id, out);
            }
        }
    }

    /// Gives out the state of every output of which something is new.
    pub(super) fn show_outputs(&mut self, now: Now, out: &mut Output) {
        let at = self.stamp(now);
        for id in self.outputs.ids() {
            let name = &self.site.output(id).name;
            out.outputs.extend(self.outputs.get_mut(id).and_then(|outlet| outlet.status(name, at)));
        }
    }

    fn order(&self, id: OutputId, out: &mut Output) {
        out.orders.extend(self.outputs.get(id).map(|outlet| outlet.order(id)));
    }

    fn review_output(&mut self, now: Now, id: OutputId, out: &mut Output) {
        let at = self.stamp(now);
        let spec = self.site.output(id);
        let is_down = self.links.is_down(spec.device);
        let Some(outlet) = self.outputs.get_mut(id) else { return };
        let failing = outlet.review(is_down);
        out.outputs.extend(outlet.status(&spec.name, at));
        self.judge(now, self.index.of_output(id), News::of(failing));
    }

    /// The event of an output that is to be on or off from now on.
    fn switched(&self, now: Now, id: OutputId, why: &Why<'_>) -> Transition {
        let (spec, at) = (self.site.output(id), self.stamp(now));
        let outlet = self.outputs.get(id);
        let wanted = outlet.is_some_and(super::outputs::Outlet::wanted);
        let hand = outlet.and_then(super::outputs::Outlet::hand);
        let cause = match why {
            Why::Alarm { alarm } => Some((*alarm).to_owned()),
            _ => hand.and_then(|hand| hand.reason.clone()),
        };
        let by = hand.map(|hand| hand.by.clone());
        let message: Text = message::switched(&spec.title, wanted, by.as_deref(), why);
        Transition {
            device: Some(self.site.device(spec.device).name.clone()),
            hazard: spec.hazard.map(|hazard| self.site.hazard(hazard).name.clone()),
            value: Some(Value::Bool(wanted)),
            by,
            reason: cause,
            ..Transition::new(at, EventKind::Switched, spec.name.clone(), message)
        }
    }
}
