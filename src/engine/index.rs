//! Which rules concern which point, device and part of the gateway, and which alarm bears which name: worked out once at
//! start-up, so that no reading searches.

use std::ops::Range;

use crate::model::{AlarmId, DeviceId, HealthSource, OutputId, PointId};
use crate::site::{RuleKind, Site};

use super::rests::Rests;

/// The rules by what they are about.
#[derive(Debug)]
pub(super) struct Index {
    /// The alarms of each point, by id.
    of_points: Rests,
    /// The alarm of each device's loss.
    of_losses: Vec<Option<AlarmId>>,
    /// For each device, the alarm that speaks for it where nobody behind its link answers.
    of_silences: Vec<Option<AlarmId>>,
    /// The alarm of each device's degradation.
    of_degradations: Vec<Option<AlarmId>>,
    /// The alarm of each output's failing.
    of_outputs: Vec<Option<AlarmId>>,
    of_flood: Option<AlarmId>,
    of_parts: Vec<(HealthSource, AlarmId)>,
    /// The alarms of orders to stop.
    of_orders: Vec<AlarmId>,
    /// The alarms of declared stops.
    of_stops: Vec<AlarmId>,
    by_name: Vec<AlarmId>,
}

impl Index {
    pub(super) fn new(site: &Site) -> Self {
        let mut pairs = Vec::new();
        let mut of_losses = vec![None; site.devices.len()];
        let mut of_silences = of_losses.clone();
        let mut of_degradations = of_losses.clone();
        let mut of_outputs = vec![None; site.outputs.len()];
        let (mut of_flood, mut of_parts) = (None, Vec::new());
        let (mut of_orders, mut of_stops) = (Vec::new(), Vec::new());
        for (rule, place) in site.rules.iter().zip(0..) {
            let alarm = AlarmId::new(place as usize);
            match &rule.kind {
                RuleKind::Limits(limits) => pairs.push((limits.point, place)),
                RuleKind::Condition(rule) => pairs.extend(rule.points.iter().map(|point| (*point, place))),
                RuleKind::Signal { point, .. } => pairs.push((*point, place)),
                RuleKind::DeviceLost { device, .. } => of_losses[device.index()] = Some(alarm),
                RuleKind::LinkLost { devices, .. } => {
                    for device in devices {
                        of_silences[device.index()] = Some(alarm);
                    }
                }
                RuleKind::DeviceDegraded { device } => of_degradations[device.index()] = Some(alarm),
                RuleKind::OutputFailed { output, .. } => of_outputs[output.index()] = Some(alarm),
                RuleKind::Flood => of_flood = Some(alarm),
                RuleKind::StopOrder => of_orders.push(alarm),
                RuleKind::DeclaredStop => of_stops.push(alarm),
                RuleKind::Health { source, .. } => of_parts.push((*source, alarm)),
            }
        }
        let mut by_name: Vec<AlarmId> = (0..site.rules.len()).map(AlarmId::new).collect();
        by_name.sort_unstable_by_key(|alarm| &site.rule(*alarm).name);
        let of_points = Rests::new(pairs, site.points.len());
        Self {
            of_points,
            of_losses,
            of_silences,
            of_degradations,
            of_outputs,
            of_flood,
            of_parts,
            of_orders,
            of_stops,
            by_name,
        }
    }

    /// Where this point's alarms stand: for [`Index::at`].
    pub(super) fn of_point(&self, point: PointId) -> Range<usize> {
        self.of_points.range(point)
    }

    /// The alarm at this place of a point's range.
    pub(super) fn at(&self, place: usize) -> AlarmId {
        AlarmId::new(self.of_points.at(place) as usize)
    }

    /// The alarm of a device that does not answer.
    pub(super) fn of_loss(&self, device: DeviceId) -> Option<AlarmId> {
        self.of_losses[device.index()]
    }

    /// The alarm that speaks for a device where nobody behind its link answers, if there is one.
    pub(super) fn of_silence(&self, device: DeviceId) -> Option<AlarmId> {
        self.of_silences[device.index()]
    }

    /// The alarm of a device that answers in part.
    pub(super) fn of_degradation(&self, device: DeviceId) -> Option<AlarmId> {
        self.of_degradations[device.index()]
    }

    pub(super) fn of_output(&self, output: OutputId) -> Option<AlarmId> {
        self.of_outputs[output.index()]
    }

    /// The alarm of more alarms than people can take.
    pub(super) fn of_flood(&self) -> Option<AlarmId> {
        self.of_flood
    }

    pub(super) fn of_part(&self, source: HealthSource) -> Option<AlarmId> {
        self.of_parts.iter().find(|(part, _)| *part == source).map(|(_, alarm)| *alarm)
    }

    pub(super) fn of_orders(&self) -> &[AlarmId] {
        &self.of_orders
    }

    pub(super) fn of_stops(&self) -> &[AlarmId] {
        &self.of_stops
    }

    /// The alarm of this name.
    pub(super) fn named(&self, site: &Site, name: &str) -> Option<AlarmId> {
        let place = self.by_name.binary_search_by(|alarm| site.rule(*alarm).name.as_str().cmp(name)).ok()?;
        Some(self.by_name[place])
    }

    /// Every alarm in the order of their names.
    pub(super) fn by_name(&self) -> &[AlarmId] {
        &self.by_name
    }
}
