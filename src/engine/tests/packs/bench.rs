//! A hazard with points of some roles, and a pack on it.

use std::collections::BTreeMap;

use super::super::*;
use crate::site;

/// The value of every set-point.
pub(super) const SETPOINT: f64 = 40.0;

/// A point of the bench, written `role` or `role:unit`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal<'t> {
    pub(super) role: &'t str,
    pub(super) unit: &'t str,
}

pub(super) fn signals(text: &str) -> Vec<Signal<'_>> {
    let parts = text.split_whitespace().map(|word| word.split_once(':').unwrap_or((word, "")));
    parts.map(|(role, unit)| Signal { role, unit }).collect()
}

/// A site with the pack on a hazard that has these points, in their order, and these set-points.
pub(super) fn site_of(pack: &str, signals: &[Signal<'_>], setpoints: &str) -> Site {
    site_with(pack, signals, setpoints, "")
}

/// The same, and what else stands in its site file.
pub(super) fn site_with(pack: &str, signals: &[Signal<'_>], setpoints: &str, besides: &str) -> Site {
    let point = |(index, Signal { role, unit }): (usize, &Signal<'_>)| {
        format!(
            "[[point]]\ndevice = \"d\"\nsignal = \"p{index}\"\nname = \"P{index}\"\npointer = \"/p{index}\"\nmax_age = \"24h\"\n\
             role = \"{role}\"\nunit = \"{unit}\"\n"
        )
    };
    let points: String = signals.iter().enumerate().map(point).collect();
    let setpoints: Vec<String> =
        setpoints.split_whitespace().map(|name| format!("{name} = {SETPOINT}")).collect();
    let setpoints = setpoints.join(", ");
    let text = format!(
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"Plant\"\n[clock]\nsync = \"ignored\"\n{besides}\
         [[hazard]]\nid = \"h\"\nkind = \"other\"\nname = {{ zh = \"一号\", en = \"One\" }}\n\
         [[device]]\nid = \"d\"\nprotocol = \"mqtt\"\nurl = \"mqtt://127.0.0.1:1883\"\ntopic = \"d\"\nhazard = \"h\"\n\
         {points}[[pack]]\nuse = \"{pack}\"\nhazard = \"h\"\nsetpoints = {{ {setpoints} }}\n"
    );
    site::parse("site.toml", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{pack}: {mistakes}"))
}

/// The name of the one alarm of a pack's rule.
pub(super) fn alarm_of(site: &Site, rule: &str) -> String {
    let ending = format!(".{rule}");
    let mut names = site.rules.iter().map(|one| one.name.as_str()).filter(|name| name.ends_with(&ending));
    let name = names.next().unwrap_or_else(|| panic!("{rule}: no such alarm")).to_owned();
    assert!(names.next().is_none(), "{rule}: several alarms");
    name
}

/// Starts the site's engine with its device up.
pub(super) fn start(site: Site) -> Run {
    let mut run = Run::start(site);
    run.link(DeviceId::new(0), LinkState::Up);
    run
}

/// What has become of one alarm since the last look.
pub(super) fn of_alarm(run: &mut Run, alarm: &str) -> Vec<Transition> {
    run.transitions().into_iter().filter(|t| t.alarm == alarm).collect()
}
