//! A month, from its days.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::day::load_factor;
use super::document::{
    AlarmCount, Energy, Hours, LineDay, LineMonth, MonthReport, MonthShift, ShiftHours, rounded, share,
};
use super::plan::{Line, Plan};
use super::span_of;
use crate::model::Text;
use crate::site::{ClockSpan, Site};

/// The month from its first day to its last, or to today, of the days that were reported. They may be of lines that the site has no more; those are left out.
pub(super) fn report(site: &Site, plan: &Plan, first: Date, last: Date, days: Vec<LineDay>) -> MonthReport {
    let mut by_line: BTreeMap<String, Vec<LineDay>> = BTreeMap::new();
    for day in days {
        by_line.entry(day.line.clone()).or_default().push(day);
    }
    let lines = plan.lines.iter().map(|line| {
        let days = by_line.remove(&line.name).unwrap_or_default();
        of_line(site, line, first, last, days)
    });
    let identity = &site.identity;
    MonthReport {
        v: 1,
        enterprise: identity.enterprise.clone(),
        gateway: identity.gateway.clone(),
        site: identity.name.clone(),
        month: first.strftime("%Y-%m").to_string(),
        lines: lines.collect(),
    }
}

fn of_line(site: &Site, line: &Line, first: Date, last: Date, days: Vec<LineDay>) -> LineMonth {
    let all = first.series(1.day()).take_while(|day| *day <= last);
    let length = |day: Date| span_of(day, &site.identity.zone).map_or(0, ClockSpan::length_ms);
    let (mut missing, mut missing_ms) = (Vec::new(), 0);
    for day in all {
        let name = day.to_string();
        if !days.iter().any(|known| known.day == name) {
            missing_ms += length(day);
            missing.push(name);
        }
    }
    let passed_ms = |day: &LineDay| day.until.wall.0 - day.from.wall.0;
    let all_ms = missing_ms + days.iter().map(passed_ms).sum::<i64>();
    let known_ms = |day: &LineDay| day.coverage * passed_ms(day) as f64;
    let known: f64 = days.iter().map(known_ms).sum();
    let weighed: f64 = days.iter().filter_map(|day| Some(day.mean? * known_ms(day))).sum();
    let mean = (known > 0.0).then(|| rounded(weighed / known));
    let demand = days.iter().filter_map(|day| day.demand.clone()).reduce(|mut greatest, next| {
        let (known, quarters) = (greatest.known + next.known, greatest.quarters + next.quarters);
        if next.max > greatest.max {
            greatest = next;
        }
        (greatest.known, greatest.quarters) = (known, quarters);
        greatest
    });
    LineMonth {
        line: line.name.clone(),
        title: line.title.clone(),
        unit: line.unit.clone(),
        missing,
        coverage: share(known as i64, all_ms),
        mean,
        energy: energy(&days, all_ms),
        load_factor: load_factor(mean, demand.as_ref()),
        demand,
        hours: days.iter().filter_map(|day| day.hours).reduce(Hours::and),
        shifts: shifts(&days),
        alarms: alarms(&days),
        days,
    }
}

/// The sum, of the days whose unit is that of the last.
fn energy(days: &[LineDay], all_ms: i64) -> Option<Energy> {
    let last = days.iter().rev().find_map(|day| day.energy.clone())?;
    let (mut value, mut known, mut is_doubtful) = (0.0, 0.0, false);
    for day in days {
        let Some(energy) = day.energy.as_ref().filter(|energy| energy.unit == last.unit) else { continue };
        value += energy.value;
        known += energy.coverage * (day.until.wall.0 - day.from.wall.0) as f64;
        is_doubtful |= energy.is_doubtful;
    }
    Some(Energy { value: rounded(value), coverage: share(known as i64, all_ms), is_doubtful, ..last })
}

fn shifts(days: &[LineDay]) -> Vec<MonthShift> {
    let mut shifts: BTreeMap<&str, MonthShift> = BTreeMap::new();
    for ShiftHours { shift, hours, energy, .. } in days.iter().flat_map(|day| &day.shifts) {
        let sum = shifts.entry(shift).or_insert_with(|| MonthShift {
            shift: shift.clone(),
            hours: None,
            energy: None,
        });
        sum.hours = match (sum.hours, *hours) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        sum.energy = match (sum.energy, *energy) {
            (Some(a), Some(b)) => Some(rounded(a + b)),
            (a, b) => a.or(b),
        };
    }
    shifts.into_values().collect()
}

/// Each instance once, on the day on which it was raised or was first heard of.
fn alarms(days: &[LineDay]) -> Vec<AlarmCount> {
    let mut seen: BTreeMap<(&str, String), &Text> = BTreeMap::new();
    for anomaly in days.iter().flat_map(|day| &day.anomalies) {
        seen.entry((&anomaly.alarm, anomaly.raised_at.to_string())).or_insert(&anomaly.message);
    }
    let mut counts: BTreeMap<&str, AlarmCount> = BTreeMap::new();
    for ((alarm, _), message) in seen {
        let count = counts.entry(alarm).or_insert_with(|| AlarmCount {
            alarm: alarm.to_owned(),
            message: message.clone(),
            raised: 0,
        });
        count.raised += 1;
    }
    let mut counts: Vec<AlarmCount> = counts.into_values().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.raised));
    counts
}

impl Hours {
    /// These and those.
    fn and(self, other: Self) -> Self {
        let sum = |a: f64, b: f64| ((a + b) * 1e4).round() / 1e4;
        Self {
            running: sum(self.running, other.running),
            overload: sum(self.overload, other.overload),
            idle: sum(self.idle, other.idle),
            stopped: sum(self.stopped, other.stopped),
            unknown: sum(self.unknown, other.unknown),
        }
    }
}
