//! `[alarms]`, and how the alarm of a rule is handled.

use std::collections::BTreeMap;

use super::Context;
use super::condition;
use crate::model::Class;
use crate::site::defaults;
use crate::site::derived::{Formula, Function};
use crate::site::expression;
use crate::site::load::Gathered;
use crate::site::model::{Point, Source};
use crate::site::raw::{ClassWord, RawByLevel, RawHandling};
use crate::site::rule::{AlarmOptions, Binding, Handling};
use crate::site::schedule::{Schedule, Time, WeekSpan};
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

/// When a rule is active; none where it always is. `names` are what its condition may name.
pub(super) fn binding(
    raw: &RawHandling,
    place: impl Fn(&str) -> Place,
    names: &dyn expression::Points,
    context: &mut Context<'_>,
) -> Option<Box<Binding>> {
    let only_when = raw
        .only_when
        .as_ref()
        .and_then(|text| condition::read(text, place("only_when"), names, expression::parse, context));
    let only_during = schedule("only_during", raw.only_during.as_deref(), &place, context);
    let not_during = schedule("not_during", raw.not_during.as_deref(), &place, context);
    let binding = Binding { only_when, only_during, not_during };
    (binding.only_when.is_some() || binding.has_times()).then(|| Box::new(binding))
}

fn schedule(
    key: &str,
    raw: Option<&[String]>,
    place: &impl Fn(&str) -> Place,
    context: &mut Context<'_>,
) -> Option<Schedule> {
    let raw = raw?;
    let hint = format!("{WEEK_HINT}; by the calendar: `working_hours`, `working_days`, `rest_days`");
    let times = times(key, raw, Time::read, &hint, place, context);
    if raw.is_empty() {
        context.findings.add(place(key), "no time is given").hint("leave it out, or name a time");
    }
    Some(Schedule(times))
}

/// What a time of the week looks like.
const WEEK_HINT: &str = "write `mon-fri 08:00-18:00`, `sat,sun`, or `22:00-06:00` for every day";

/// Times of the week alone.
pub(super) fn week_spans(
    key: &str,
    raw: &[String],
    place: &impl Fn(&str) -> Place,
    context: &mut Context<'_>,
) -> Vec<WeekSpan> {
    times(key, raw, WeekSpan::read, WEEK_HINT, place, context)
}

fn times<T>(
    key: &str,
    raw: &[String],
    read: fn(&str) -> Option<T>,
    hint: &str,
    place: &impl Fn(&str) -> Place,
    context: &mut Context<'_>,
) -> Vec<T> {
    let mut times = Vec::new();
    for (index, text) in raw.iter().enumerate() {
        if let Some(time) = read(text) {
            times.push(time);
        } else {
            let place = place(&format!("{key}[{index}]"));
            context.findings.add(place, format!("`{text}` is no time of the week")).hint(hint);
        }
    }
    times
}

/// What a rule over these points raises: what it says, else a warning if it is about several or about a trend.
pub(super) fn class(raw: &RawHandling, over: &[&Point]) -> Class {
    let is_warning = over.len() > 1 || over.iter().any(|point| is_trend(point));
    let default = if is_warning { ClassWord::Warning } else { ClassWord::Alarm };
    match raw.class.unwrap_or(default) {
        ClassWord::Alarm => Class::Alarm,
        ClassWord::Warning => Class::Warning,
    }
}

/// Whether its value says where another is going.
fn is_trend(point: &Point) -> bool {
    let Source::Derived(Formula::Window(window)) = &point.source else { return false };
    matches!(window.function, Function::Rate { .. } | Function::Forecast { .. })
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
