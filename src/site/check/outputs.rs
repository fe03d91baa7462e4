//! `[[output]]`: what may be written, where, and which alarms call for it. The first half needs no rules, because each output
//! has one of its own; the second names the rules that call for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::devices::{Detail, Devices};
use super::hazards::Hazards;
use super::names::Names;
use super::output_values as values;
use super::rules::Rules;
use crate::model::limits::OUTPUTS_MAX;
use crate::model::{AlarmId, DeviceId, HazardId, Level, OutputId};
use crate::site::defaults;
use crate::site::load::Gathered;
use crate::site::model::Protocol;
use crate::site::output::{Call, OutputSpec, Target, Until};
use crate::site::raw::{RawOutput, UntilWord};
use crate::site::rule::{Rule, RuleKind};
use crate::site::signal::Table;
use crate::site::source::{Place, Spot};
use crate::site::values::Period;

/// Addresses of one Modbus table.
const ADDRESSES: u32 = 65_536;
/// Sooner than this nobody can tell a failure from a write under way.
const FAILED_AFTER_MIN: Period = Period(Duration::from_secs(1));

/// Where a device, a table and an address are taken.
type Taken = BTreeMap<(DeviceId, Table, u16), Place>;

/// The outputs of a site as they are checked.
pub(super) struct Outputs<'a> {
    pub(super) list: Vec<OutputSpec>,
    details: Vec<(&'a RawOutput, Spot)>,
}

/// The outputs, nothing calling for them yet.
pub(super) fn check<'a>(
    gathered: &'a Gathered,
    hazards: &Hazards,
    devices: &Devices<'_>,
    context: &mut Context<'_>,
) -> Outputs<'a> {
    let mut outputs = Outputs { list: Vec::new(), details: Vec::new() };
    let (mut names, mut taken) = (Names::new("output"), Taken::new());
    for part in &gathered.parts {
        for (index, raw) in part.raw.output.iter().enumerate() {
            let one = One { raw, spot: part.spot("output", index) };
            let is_new = names.define(&raw.id.0, outputs.list.len(), one.spot.key("id"), context.findings);
            if let Some(output) = one.check(hazards, devices, &mut taken, context).filter(|_| is_new) {
                outputs.list.push(output);
                outputs.details.push((raw, one.spot));
            }
        }
    }
    if let Some((_, spot)) = outputs.details.get(OUTPUTS_MAX) {
        context.findings.add(spot.place(), format!("a site has at most {OUTPUTS_MAX} outputs"));
    }
    outputs
}

/// One output as it is written.
struct One<'a> {
    raw: &'a RawOutput,
    spot: Spot,
}

impl One<'_> {
    fn check(
        &self,
        hazards: &Hazards,
        devices: &Devices<'_>,
        taken: &mut Taken,
        context: &mut Context<'_>,
    ) -> Option<OutputSpec> {
        let raw = self.raw;
        self.decided(context);
        let hazard = hazards.refer(raw.hazard.as_ref(), self.spot.key("hazard"), context);
        let index = devices.names.find(&raw.device.0, self.spot.key("device"), context)?;
        let device = DeviceId::new(index);
        self.speaks_modbus(&devices.list[index].protocol, context)?;
        let target = self.target(&devices.details[index], context)?;
        self.take(device, &target, taken, context);
        Some(OutputSpec {
            name: raw.id.0.clone(),
            title: raw.name.clone().into(),
            hazard: hazard.or(devices.list[index].hazard),
            device,
            target,
            enabled: raw.enabled.unwrap_or_default(),
            calls: Vec::new(),
            until: match raw.until {
                Some(UntilWord::Acknowledged) => Until::Acknowledged,
                Some(UntilWord::Cleared) | None => Until::Cleared,
            },
        })
    }

    /// Whoever makes alarms call for an output must have said whether it will come.
    fn decided(&self, context: &mut Context<'_>) {
        let key = match (self.raw.level, self.raw.while_alarm.is_empty()) {
            (_, false) => "while_alarm",
            (Some(_), true) => "level",
            (None, true) => return,
        };
        if self.raw.enabled.is_none() {
            let message = "alarms call for an output that is not enabled: it would never be switched";
            context.findings.add(self.spot.key(key), message).hint(
                "add `enabled = true` once its wiring is proven, or `enabled = false` to leave it off for now",
            );
        }
    }

    fn speaks_modbus(&self, protocol: &Protocol, context: &mut Context<'_>) -> Option<()> {
        if matches!(protocol, Protocol::Modbus(_)) {
            return Some(());
        }
        context
            .findings
            .add(self.spot.key("device"), "an output stands on a Modbus device, and this is none")
            .hint("name a device with protocol \"modbus-tcp\" or one of its kin");
        None
    }

    fn target(&self, device: &Detail<'_>, context: &mut Context<'_>) -> Option<Target> {
        let values = values::values(self.raw, self.spot, device.byte_order, context)?;
        let written = self.raw.register.address;
        let place = || self.spot.key("register");
        let base = u32::from(device.address_base);
        let Some(address) = written.checked_sub(base) else {
            context
                .findings
                .add(place(), "address 0 does not exist where the first register is 1")
                .hint("the device has address_base = 1: addresses are 1 to 65536");
            return None;
        };
        if address + u32::from(values.width()) > ADDRESSES {
            let last = ADDRESSES - u32::from(values.width()) + base;
            context
                .findings
                .add(place(), "it ends beyond the table")
                .hint(format!("the last address for it is {last}"));
            return None;
        }
        Some(Target { address: u16::try_from(address).ok()?, values, multiple: device.write_multiple })
    }

    /// No two outputs stand on one coil or register.
    fn take(&self, device: DeviceId, target: &Target, taken: &mut Taken, context: &mut Context<'_>) {
        let table = self.raw.register.table;
        let place = self.spot.key("register");
        for offset in 0..target.values.width() {
            let key = (device, table, target.address.saturating_add(offset));
            if let Some(first) = taken.get(&key) {
                context
                    .findings
                    .add(place, "another output stands there")
                    .first(first.clone())
                    .hint("each output has a coil or registers of its own");
                return;
            }
            taken.insert(key, place.clone());
        }
    }
}

impl Outputs<'_> {
    /// Outputs are known to answer by their device's points.
    pub(super) fn need_points(&self, devices: &Devices<'_>, context: &mut Context<'_>) {
        for (output, (_, spot)) in self.list.iter().zip(&self.details) {
            let device = &devices.list[output.device.index()];
            let known = !device.points.is_empty() || context.damage.thins(&device.name);
            if !known && !context.damage.blurs(&device.name) {
                context
                    .findings
                    .add(spot.key("device"), format!("device `{}` has no point", device.name))
                    .hint("add a [[point]] there, such as one that reads this output: by it the device is known to answer");
            }
        }
    }

    /// The alarm of each output that may be written.
    pub(super) fn failures(&self) -> impl Iterator<Item = (Rule, Place)> {
        self.list.iter().zip(&self.details).enumerate().filter(|(_, (output, _))| output.enabled).map(
            |(index, (output, (raw, spot)))| {
                let level = raw.failed_level.unwrap_or(defaults::OUTPUT_FAILED_LEVEL).0;
                let rule = Rule {
                    on_delay: raw.failed_after.unwrap_or(defaults::OUTPUT_FAILED_AFTER).0,
                    ..Rule::new(
                        format!("{}.failed", output.name),
                        output.hazard,
                        RuleKind::OutputFailed { output: OutputId::new(index), level },
                    )
                };
                (rule, spot.key("id"))
            },
        )
    }

    /// The outputs with the alarms that call for them.
    pub(super) fn called_by(mut self, rules: &Rules, context: &mut Context<'_>) -> Vec<OutputSpec> {
        for (output, (raw, spot)) in self.list.iter_mut().zip(&self.details) {
            rules.refuse_name(&output.name, spot.key("id"), context);
            if let Some(after) = raw.failed_after.filter(|after| *after < FAILED_AFTER_MIN) {
                let message = format!("`{after}` is too short");
                let hint = format!("use at least {FAILED_AFTER_MIN}");
                context.findings.add(spot.key("failed_after"), message).hint(hint);
            }
            output.calls = named(raw, *spot, rules, context);
            if let Some(level) = raw.level {
                match output.hazard {
                    Some(hazard) => graver(hazard, level.0, rules, &mut output.calls),
                    None => lonely(*spot, context),
                }
            }
        }
        self.list
    }
}

fn named(raw: &RawOutput, spot: Spot, rules: &Rules, context: &mut Context<'_>) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (index, name) in raw.while_alarm.iter().enumerate() {
        let place = spot.key(&format!("while_alarm[{index}]"));
        let Some(alarm) = rules.find(&name.0, place, context) else { continue };
        for alarm in std::iter::once(alarm).chain(rules.link_for(alarm)) {
            let call = Call { alarm: AlarmId::new(alarm), level: Level::Journal };
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
    }
    calls
}

/// Every alarm of the hazard, but those of outputs: what calls for an output must not be its own failing.
fn graver(hazard: HazardId, level: Level, rules: &Rules, calls: &mut Vec<Call>) {
    for (index, rule) in rules.list.iter().enumerate() {
        let alarm = AlarmId::new(index);
        let of_output = matches!(rule.kind, RuleKind::OutputFailed { .. });
        if rule.hazard == Some(hazard) && !of_output && calls.iter().all(|call| call.alarm != alarm) {
            calls.push(Call { alarm, level });
        }
    }
}

fn lonely(spot: Spot, context: &mut Context<'_>) {
    context
        .findings
        .add(
            spot.key("level"),
            "`level` counts the alarms of a hazard, and neither this output nor its device has one",
        )
        .hint("add `hazard`, or name the alarms in `while_alarm`");
}
