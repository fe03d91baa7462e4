//! Outputs as the console shows them: what the site file says of each, and where it stands, with the alarms that call for
//! it. Looking is all that the console does with them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Board, OutputId, OutputStatus, Stamp, Text};
use crate::site::{OutputSpec, RuleKind, Site};

/// What does not move.
#[derive(Serialize)]
pub(super) struct SpecDto<'a> {
    id: &'a str,
    title: &'a Text,
    device: &'a str,
    hazard: Option<&'a str>,
    /// Whether it may be written at all.
    enabled: bool,
    /// The alarm that stands while it does not do what it must.
    failed_alarm: Option<&'a str>,
}

/// Where one output stands.
#[derive(Serialize, PartialEq)]
pub(super) struct OutputDto<'a> {
    /// What was last read back; null while that is not known.
    on: Option<bool>,
    /// What it is to be, and since when.
    wanted: bool,
    since: Stamp,
    /// Whose command holds, and why; null while the alarms decide.
    by: Option<&'a str>,
    reason: Option<&'a str>,
    /// Why it is not as wanted, or may not be.
    error: Option<&'a Text>,
    /// Whether it has been read back as wanted since it was last switched.
    confirmed: bool,
    /// The alarms that call for it.
    alarms: Vec<&'a str>,
}

/// Every output of the site, enabled or not.
pub(super) fn specs(site: &Site) -> Vec<SpecDto<'_>> {
    let each = (0..).map(OutputId::new).zip(&site.outputs);
    each.map(|(id, spec)| SpecDto::new(site, id, spec)).collect()
}

/// Where each enabled output stands.
pub(super) fn states<'a>(site: &'a Site, board: &'a Board) -> BTreeMap<&'a str, OutputDto<'a>> {
    let state = |spec: &'a OutputSpec| {
        let status = board.outputs.get(&spec.name)?;
        Some((spec.name.as_str(), OutputDto::new(status, calling(site, spec, board))))
    };
    site.outputs.iter().filter_map(state).collect()
}

/// The standing alarms that call for an output.
fn calling<'a>(site: &'a Site, spec: &OutputSpec, board: &Board) -> Vec<&'a str> {
    let names = spec.calls.iter().map(|call| (call, site.rule(call.alarm).name.as_str()));
    let calls = names.filter(|(call, name)| {
        let alarm = board.alarms.get(*name).map(|event| &event.transition);
        alarm.is_some_and(|alarm| spec.is_called(**call, alarm.state, alarm.level))
    });
    calls.map(|(_, name)| name).collect()
}

impl<'a> SpecDto<'a> {
    fn new(site: &'a Site, id: OutputId, spec: &'a OutputSpec) -> Self {
        let of_it = |kind: &RuleKind| matches!(kind, RuleKind::OutputFailed { output, .. } if *output == id);
        Self {
            id: &spec.name,
            title: &spec.title,
            device: &site.device(spec.device).name,
            hazard: spec.hazard.map(|hazard| site.hazard(hazard).name.as_str()),
            enabled: spec.enabled,
            failed_alarm: site.rules.iter().find(|rule| of_it(&rule.kind)).map(|rule| rule.name.as_str()),
        }
    }
}

impl<'a> OutputDto<'a> {
    fn new(status: &'a OutputStatus, alarms: Vec<&'a str>) -> Self {
        Self {
            on: status.on,
            wanted: status.wanted,
            since: status.since,
            by: status.by.as_deref(),
            reason: status.reason.as_deref(),
            error: status.error.as_ref(),
            confirmed: status.confirmed,
            alarms,
        }
    }
}
