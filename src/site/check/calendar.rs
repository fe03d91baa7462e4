//! `[calendar]`, `[[stop]]` and `[[work]]`.

use super::Context;
use super::handling;
use super::hazards::Hazards;
use super::rules::Rules;
use crate::model::Wall;
use crate::model::limits::SHIFTS_MAX;
use crate::site::calendar::{Calendar, Stop, Work};
use crate::site::clock_period::Shifts;
use crate::site::dates::LocalTime;
use crate::site::defaults;
use crate::site::load::Gathered;
use crate::site::rule::{Rule, RuleKind};
use crate::site::source::Spot;

/// The checked calendar. When shifts begin is told to those who are checked after it.
pub(super) fn check(gathered: &Gathered, hazards: &Hazards, context: &mut Context<'_>) -> Calendar {
    let raw = gathered.services.as_ref().map(|services| services.calendar.clone()).unwrap_or_default();
    let spot = Spot::table(gathered.main, "calendar");
    let working_hours =
        handling::week_spans("working_hours", &raw.working_hours, &|key| spot.key(key), context);
    for (index, days) in raw.working_days.iter().enumerate() {
        if let Some(holiday) =
            raw.holidays.iter().find(|other| days.first <= other.last && other.first <= days.last)
        {
            let place = spot.key(&format!("working_days[{index}]"));
            let message = format!("{} is a holiday besides", days.first.max(holiday.first));
            context.findings.add(place, message).hint("take it out of `working_days` or out of `holidays`");
        }
    }
    context.shifts = shifts(&raw.shifts.iter().map(|time| time.0).collect::<Vec<_>>(), spot, context);
    let stops = gathered.parts.iter().flat_map(|part| {
        part.raw.stop.iter().enumerate().map(|(index, raw)| (part.spot("stop", index), raw))
    });
    let zone = gathered.services.as_ref().and_then(|services| services.site.as_ref());
    let zone = zone.map_or_else(|| defaults::timezone().0, |site| site.timezone.0.clone());
    let moment = |time: LocalTime| Wall::of_local(time.0, &zone);
    let mut checked = Vec::new();
    for (spot, raw) in stops {
        if raw.to <= raw.from {
            let finding = context.findings.add(spot.key("to"), "the stop ends before it begins");
            finding.hint("`from` is its first minute, `to` the first after it");
        }
        checked.push(Stop {
            title: raw.name.clone().into(),
            hazard: hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context),
            from: moment(raw.from),
            to: moment(raw.to),
        });
    }
    Calendar {
        working_hours,
        holidays: raw.holidays,
        working_days: raw.working_days,
        shifts: context.shifts,
        stops: checked,
        works: works(gathered, hazards, context),
    }
}

/// The checked `[[work]]`.
fn works(gathered: &Gathered, hazards: &Hazards, context: &mut Context<'_>) -> Vec<Work> {
    let works = gathered.parts.iter().flat_map(|part| {
        part.raw.work.iter().enumerate().map(|(index, raw)| (part.spot("work", index), raw))
    });
    let mut checked = Vec::new();
    for (spot, raw) in works {
        if raw.to <= raw.from {
            let finding = context.findings.add(spot.key("to"), "the work ends before it begins");
            finding.hint("`from` is its first minute, `to` the first after it");
        }
        checked.push(Work {
            title: raw.name.clone().into(),
            hazard: hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context),
            from: raw.from.0,
            to: raw.to.0,
        });
    }
    checked
}

/// An alarm of level `journal` for each hazard, and for the whole site, of which a stop is declared: it stands as long as one is in force.
pub(super) fn rules(
    gathered: &Gathered,
    calendar: &Calendar,
    hazards: &Hazards,
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    let spots =
        gathered.parts.iter().flat_map(|part| (0..part.raw.stop.len()).map(|at| part.spot("stop", at)));
    let mut known = Vec::new();
    for (spot, stop) in spots.zip(&calendar.stops).filter(|(_, stop)| stop.from < stop.to) {
        if !known.contains(&stop.hazard) {
            known.push(stop.hazard);
            let name = stop.hazard.map_or("site", |hazard| &hazards.list[hazard.index()].name);
            let rule = Rule::new(format!("{name}.stop_declared"), stop.hazard, RuleKind::DeclaredStop);
            rules.add(rule, spot.key("name"), context);
        }
    }
}

/// When shifts begin, in the order of the day.
fn shifts(starts: &[u16], spot: Spot, context: &mut Context<'_>) -> Option<Shifts> {
    let mut sorted = starts.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < starts.len() {
        context.findings.add(spot.key("shifts"), "two shifts begin at the same time").hint("name each once");
    }
    if sorted.len() > SHIFTS_MAX {
        let message = format!("{} shifts a day", sorted.len());
        context.findings.add(spot.key("shifts"), message).hint(format!("use at most {SHIFTS_MAX}"));
        return None;
    }
    Shifts::new(&sorted)
}
