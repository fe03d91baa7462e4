//! What was out of order on a line in a day: its alarms and warnings, from the journal, and of each the series around the moment at which it was raised, from the
//! telemetry. What is only for the record is none, and neither is what stood while it was suppressed by design the whole time.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::document::{Anomaly, Evidence, LineDay, rounded};
use super::plan::{Plan, Witness};
use crate::model::limits::{
    REPORT_ANOMALIES_MAX, REPORT_EVIDENCE_AROUND, REPORT_EVIDENCE_PARTS, REPORT_INSTANCES_MAX,
};
use crate::model::{AlarmState, Event, EventKind, Level, Stamp, Transition, Value, Wall};
use crate::site::ClockSpan;
use crate::store::Row;

/// The alarms of all lines in one day, and their evidence.
#[derive(Debug)]
pub struct Anomalies<'a> {
    plan: &'a Plan,
    span: ClockSpan,
    /// By the alarm and the instance.
    found: BTreeMap<(String, Stamp), Found>,
    /// How often an alarm was raised once there were too many to remember.
    beyond: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Found {
    raised: Wall,
    anomaly: Anomaly,
    /// It belongs to the day: its condition stood at some time of it.
    stood: bool,
}

impl<'a> Anomalies<'a> {
    /// None yet.
    pub const fn new(plan: &'a Plan, span: ClockSpan) -> Self {
        Self { plan, span, found: BTreeMap::new(), beyond: BTreeMap::new() }
    }

    /// Takes an event of the day. Events come in the order of their going.
    pub fn take(&mut self, event: &Event) {
        let what = &event.transition;
        if !self.is_wanted(what) {
            return;
        }
        let key = (what.alarm.clone(), what.raised_at);
        if self.found.len() >= REPORT_INSTANCES_MAX && !self.found.contains_key(&key) {
            *self.beyond.entry(key.0).or_default() += u64::from(what.event == EventKind::Raised);
            return;
        }
        let found = self.found.entry(key).or_insert_with(|| Found::new(what));
        found.learn(what);
    }

    /// Takes how an alarm stands that is not normal at present: one that was raised before the day, and of which nothing was heard in it.
    pub fn take_standing(&mut self, event: &Event) {
        let what = &event.transition;
        let key = (what.alarm.clone(), what.raised_at);
        if !self.is_wanted(what) || self.found.contains_key(&key) || what.at.wall >= self.span.from {
            return;
        }
        if stands(what) {
            let mut found = Found::new(what);
            found.stood = true;
            self.found.insert(key, found);
        }
    }

    fn is_wanted(&self, what: &Transition) -> bool {
        let is_ours = self.plan.lines.iter().any(|line| line.alarms.contains_key(&what.alarm));
        is_ours && what.event.is_of_alarm() && what.level != Level::Journal
    }

    /// The series that are wanted: each with its point and the device of that, the first moment and the last.
    pub(super) fn wanted(&self) -> Vec<Series> {
        let mut series = Vec::new();
        for line in &self.plan.lines {
            let alarms = self.of(&line.alarms).take(REPORT_ANOMALIES_MAX);
            series.extend(alarms.map(|(found, witness)| Series::new(found.raised, witness)));
        }
        series.sort_by(|a, b| (a.from, &a.point).cmp(&(b.from, &b.point)));
        series.dedup_by(|a, b| a.from == b.from && a.point == b.point);
        series
    }

    /// Puts what was found, with its evidence, into the reports of the lines, which stand in the order of the plan.
    pub(super) fn tell(&self, reports: &mut [LineDay], series: &[Series], zone: &TimeZone) {
        for (line, report) in self.plan.lines.iter().zip(reports) {
            let all = self.of(&line.alarms).count();
            let told = self.of(&line.alarms).take(REPORT_ANOMALIES_MAX).map(|(found, witness)| {
                let is_it = |it: &&Series| {
                    it.point == witness.point && it.from == Series::new(found.raised, witness).from
                };
                let evidence = series.iter().find(is_it).and_then(|series| series.evidence(zone));
                Anomaly { evidence, ..found.anomaly.clone() }
            });
            report.anomalies = told.collect();
            let beyond: u64 = line.alarms.keys().filter_map(|alarm| self.beyond.get(alarm)).sum();
            report.anomalies_left_out = all.saturating_sub(REPORT_ANOMALIES_MAX) as u64 + beyond;
        }
    }

    /// Those of one line, in the order in which they were raised.
    fn of<'b>(
        &'b self,
        alarms: &'b BTreeMap<String, Witness>,
    ) -> impl Iterator<Item = (&'b Found, &'b Witness)> {
        let own = self.found.iter().filter(|(_, found)| found.stood);
        let mut own: Vec<_> =
            own.filter_map(|((alarm, _), found)| Some((found, alarms.get(alarm)?))).collect();
        own.sort_by_key(|(found, _)| found.raised);
        own.into_iter()
    }
}

impl Found {
    fn new(what: &Transition) -> Self {
        let anomaly = Anomaly {
            alarm: what.alarm.clone(),
            class: what.class,
            level: what.level,
            message: what.message.clone(),
            raised_at: what.raised_at,
            cleared_at: None,
            point: what.point.clone(),
            value: what.value.map(Value::as_f64),
            limit: what.limit,
            unit: what.unit.clone(),
            basis: what.basis.clone(),
            acknowledged_by: None,
            cause: None,
            measure: None,
            evidence: None,
        };
        Self { raised: what.raised_at.wall, anomaly, stood: false }
    }

    fn learn(&mut self, what: &Transition) {
        let anomaly = &mut self.anomaly;
        if what.event == EventKind::Raised {
            self.raised = what.at.wall;
        }
        if matches!(what.event, EventKind::Raised | EventKind::Escalated) && what.level >= anomaly.level {
            (anomaly.value, anomaly.limit) = (what.value.map(Value::as_f64), what.limit);
            anomaly.message = what.message.clone();
        }
        anomaly.level = anomaly.level.max(what.level);
        if what.acknowledged_by.is_some() {
            anomaly.acknowledged_by.clone_from(&what.acknowledged_by);
        }
        if let Some(disposal) = &what.disposal {
            anomaly.cause = Some(disposal.finding.cause.clone());
            anomaly.measure = Some(disposal.finding.measure.clone());
        }
        let is_active = stands(what);
        if what.event == EventKind::Cleared {
            anomaly.cleared_at = Some(what.at);
        } else if is_active {
            anomaly.cleared_at = None;
        }
        // What is only acknowledged, shelved or disposed of after its condition had gone did not stand on this day.
        self.stood |= is_active || what.event == EventKind::Cleared;
    }
}

/// Whether the condition of an alarm is present after this, and not suppressed by design.
fn stands(what: &Transition) -> bool {
    let beneath = what.beneath.filter(|_| what.state != AlarmState::Suppressed);
    what.state.is_active() || beneath.is_some_and(AlarmState::is_active)
}

/// A point's values around a moment, in parts.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) device: String,
    pub(super) point: String,
    unit: String,
    pub(super) from: Wall,
    pub(super) to: Wall,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    least: Option<(i64, f64)>,
    greatest: Option<(i64, f64)>,
    /// When it was said that there was no value.
    none: Option<i64>,
}

impl Series {
    fn new(raised: Wall, witness: &Witness) -> Self {
        let around = REPORT_EVIDENCE_AROUND.as_millis() as i64;
        Self {
            device: witness.device.clone(),
            point: witness.point.clone(),
            unit: witness.unit.clone(),
            from: Wall(raised.0.saturating_sub(around)),
            to: Wall(raised.0.saturating_add(around)),
            parts: vec![Part::default(); REPORT_EVIDENCE_PARTS],
        }
    }

    /// Takes what a row says of the point.
    pub(super) fn take(&mut self, row: &Row) {
        for reading in row.readings.iter().filter(|reading| *reading.point == *self.point) {
            let at = reading.at.0;
            if !(self.from.0..self.to.0).contains(&at) {
                continue;
            }
            let length = self.to.0 - self.from.0;
            let place = (at - self.from.0) * REPORT_EVIDENCE_PARTS as i64 / length;
            let Some(part) = self.parts.get_mut(place as usize) else { continue };
            match reading.sample.value().map(Value::as_f64) {
                None => part.none = part.none.or(Some(at)),
                Some(value) => {
                    let lesser = |(_, old): (i64, f64)| value < old;
                    let greater = |(_, old): (i64, f64)| value > old;
                    if part.least.is_none_or(lesser) {
                        part.least = Some((at, value));
                    }
                    if part.greatest.is_none_or(greater) {
                        part.greatest = Some((at, value));
                    }
                }
            }
        }
    }

    fn evidence(&self, zone: &TimeZone) -> Option<Evidence> {
        let seconds = |at: i64| rounded((at - self.from.0) as f64 / 1000.0);
        let mut samples: Vec<(f64, Option<f64>)> = Vec::new();
        for part in &self.parts {
            let value = |it: (i64, f64)| (seconds(it.0), Some(rounded(it.1)));
            let mut told = vec![
                part.least.map(value),
                part.greatest.filter(|it| part.least != Some(*it)).map(value),
                part.none.map(|at| (seconds(at), None)),
            ];
            told.sort_by(|a, b| {
                a.map(|it| it.0).partial_cmp(&b.map(|it| it.0)).unwrap_or(std::cmp::Ordering::Equal)
            });
            samples.extend(told.into_iter().flatten());
        }
        (!samples.is_empty()).then(|| Evidence {
            point: self.point.clone(),
            unit: self.unit.clone(),
            from: self.from.stamp(zone),
            samples,
        })
    }
}
