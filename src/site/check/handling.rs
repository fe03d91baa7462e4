//! `[alarms]`, and how the alarm of a rule is handled.

use std::collections::BTreeMap;

use super::Context;
use crate::site::defaults;
use crate::site::load::Gathered;
use crate::site::raw::{RawByLevel, RawHandling};
use crate::site::rule::{AlarmOptions, Handling};
use crate::site::source::{Place, Spot};
use crate::site::values::Id;

/// The groups of alarms that rules have named so far.
pub(super) type Groups = BTreeMap<String, u32>;

/// `[alarms]`.
pub(super) fn options(gathered: &Gathered, context: &mut Context<'_>) -> AlarmOptions {
    let raw = gathered.services.as_ref().map(|services| services.alarms.clone()).unwrap_or_default();
    let spot = Spot::table(gathered.main, "alarms");
    let shelve_max = raw.shelve_max.unwrap_or(defaults::SHELVE_MAX).0;
    if shelve_max.is_zero() {
        let finding = context.findings.add(spot.key("shelve_max"), "no alarm could ever be shelved");
        finding.hint("use `shelve_max = \"8h\"` or the like; an alarm that is not to be shelved is taken out of service");
    }
    let mut table = |key: &str, raw: &RawByLevel| {
        let given = [raw.red, raw.orange, raw.yellow, raw.blue];
        for (index, period) in given.iter().enumerate() {
            if period.is_some_and(|period| period.0.is_zero()) {
                let place = spot.key(&format!("{key}.{}", index + 1));
                context
                    .findings
                    .add(place, "nobody could be so quick")
                    .hint("leave it out, or use `\"10min\"` or the like");
            }
        }
        given.map(|period| period.map(|period| period.0))
    };
    let mut escalate_after = table("escalate_after", &raw.escalate_after);
    let remind_after = table("remind_after", &raw.remind_after);
    if escalate_after[0].take().is_some() {
        let finding = context.findings.add(spot.key("escalate_after.1"), "nothing is graver than level 1");
        finding.hint("leave it out");
    }
    AlarmOptions { shelve_max, escalate_after, remind_after }
}

/// How the alarm of a rule is handled. `place` gives the place of one of its keys.
pub(super) fn of(raw: &RawHandling, place: impl Fn(&str) -> Place, context: &mut Context<'_>) -> Handling {
    let handling = Handling {
        acknowledge: raw.acknowledge.unwrap_or(true),
        latch: raw.latch.unwrap_or(false),
        group: raw.group.as_ref().map(|group| number(group, &mut context.groups)),
    };
    if !handling.acknowledge && handling.latch {
        let finding = context.findings.add(place("latch"), "it is latched, and nobody need take note of it");
        finding.hint("an alarm that somebody must reset is one that somebody must see: leave out `acknowledge = false`");
    }
    handling
}

fn number(group: &Id, groups: &mut Groups) -> u32 {
    let next = groups.len() as u32;
    *groups.entry(group.0.clone()).or_insert(next)
}
