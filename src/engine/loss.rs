//! Where devices are lost and found: what their reports and their readings make of their alarms, of their link's and of their points.

use std::sync::Arc;

use crate::model::{AlarmId, Batch, DeviceId, LinkReport, LinkState, Mono, Now, Output, Reason};
use crate::site::{Protocol, RuleKind};

use super::Engine;
use super::hold::News;
use super::links::Novelty;
use super::memory::HEARING;

impl Engine {
    /// A device counts as down from the start, so that one which never answers is an alarm too.
    pub(super) fn start_devices(&mut self, now: Now, out: &mut Output) {
        for device in (0..self.site.devices.len()).map(DeviceId::new) {
            out.devices.push(self.links.status(&self.site, device, self.stamp(now)));
            self.judge_link(now, device);
        }
    }

    pub(super) fn link(&mut self, now: Now, report: LinkReport, out: &mut Output) {
        let device = report.device;
        let was_down = self.links.is_down(device);
        let novelty = self.links.report(report, self.stamp(now), now.mono);
        if novelty != Novelty::None {
            out.devices.push(self.links.status(&self.site, device, self.stamp(now)));
        }
        if novelty != Novelty::State {
            return;
        }
        if self.links.is_down(device) {
            self.lose_points(now, device, out);
        } else if was_down {
            self.await_points(now, device);
        }
        self.judge_link(now, device);
        self.review_link(now, device);
        self.review_outputs_of(now, device, out);
    }

    /// One fault stays one fault: whether devices are lost or the link before them may have changed with what was heard of one.
    pub(super) fn review_link(&mut self, now: Now, device: DeviceId) {
        let behind = self.links.review_link(device).to_vec();
        for device in behind {
            // Where the link is back, its devices come back one after the other.
            if let Some(alarm) = self.index.of_loss(device).filter(|_| !self.links.is_explained(device)) {
                let hearing = self.site.rule(alarm).on_delay.min(HEARING);
                self.alarms[alarm.index()].watch.postpone(now.mono + hearing);
            }
            self.judge_link(now, device);
        }
    }

    /// A device that is down may be degraded besides: nobody can know. Where its link is silent, the link's alarm speaks for it.
    fn judge_link(&mut self, now: Now, device: DeviceId) {
        let silence = self.index.of_silence(device);
        let is_explained = silence.is_some() && self.links.is_explained(device);
        let (lost, degraded) = match self.links.state(device) {
            LinkState::Up => (News::Absent, News::Absent),
            LinkState::Degraded => (News::Absent, News::Present),
            LinkState::Down if is_explained => (News::Doubted, News::Unwatched),
            LinkState::Down => (News::Present, News::Unwatched),
        };
        let alarm = self.index.of_loss(device);
        let least = alarm.map_or(Mono::ZERO, |alarm| self.expected(device, alarm));
        self.judge_not_before(now, alarm, lost, least);
        self.judge(now, self.index.of_degradation(device), degraded);
        if let Some(alarm) = silence
            && let RuleKind::LinkLost { devices, .. } = &Arc::clone(&self.site).rule(alarm).kind
        {
            let is_silent = devices.iter().any(|device| self.links.is_explained(*device));
            let least = devices.iter().map(|device| self.expected(*device, alarm)).min();
            self.judge_not_before(now, Some(alarm), News::of(is_silent), least.unwrap_or_default());
        }
    }

    /// Before when nobody can say that a device is lost. A publisher has the silence that it is allowed, also after a start and while its broker
    /// comes back; a device that is polled has none.
    fn expected(&self, device: DeviceId, alarm: AlarmId) -> Mono {
        match &self.site.device(device).protocol {
            Protocol::Mqtt(publisher) => {
                self.links.heard(device) + publisher.silence + self.site.rule(alarm).on_delay
            }
            Protocol::Modbus(_) | Protocol::Derived => Mono::ZERO,
        }
    }

    /// One fault stays one fault: the points of a device that is down are bad, and raise nothing of their own.
    fn lose_points(&mut self, now: Now, device: DeviceId, out: &mut Output) {
        let site = Arc::clone(&self.site);
        let mut readings = Vec::new();
        for &point in &site.device(device).points {
            readings.extend(self.points.slot_mut(point).spoil(point, now.wall, Reason::Comm));
            self.note(point);
            self.examine(now, point);
        }
        if !readings.is_empty() {
            out.batches.push(Batch { device, at: now.wall, readings });
        }
    }

    fn await_points(&mut self, now: Now, device: DeviceId) {
        let site = Arc::clone(&self.site);
        for &point in &site.device(device).points {
            self.points.slot_mut(point).await_from(now.mono);
            self.expect(point);
            self.examine(now, point);
        }
    }
}
