//! What is drawn of a replay: of each point that had an alarm its signal, its limits, and when which alarm stood. Gathered in a second replay, when it
//! is known which points these are and how long it lasts; so it takes the same memory for a year as for a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use hazgate::measures::Record;
use hazgate::model::limits::{REPLAY_CHART_COLUMNS, REPLAY_CHART_LANES_MAX, REPLAY_CHARTS_MAX};
use hazgate::model::{EventKind, Level, Mono, PointId, Reading, Sample, Transition};
use hazgate::site::{Limit, RuleKind, Site};

use super::play::Witness;

/// Charts, the most frequent alarms first.
pub(super) struct Charts {
    pub(super) list: Vec<Chart>,
    /// Points that had an alarm, and for which there was no room.
    pub(super) left_out: usize,
    of_point: HashMap<PointId, usize>,
    /// The charts and lanes that an alarm stands in.
    of_alarm: HashMap<String, Vec<(usize, usize)>>,
    lasted: Duration,
}

/// One picture: a point, or the alarms that are of no point.
pub(super) struct Chart {
    pub(super) point: Option<PointId>,
    /// From the beginning to the end of the replay.
    pub(super) columns: Vec<Column>,
    pub(super) limits: Vec<Limit>,
    pub(super) lanes: Vec<Lane>,
}

/// What a point said in one part of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Column {
    /// The least and the greatest value; none if there was none.
    pub(super) values: Option<(f64, f64)>,
    /// That it could not be read.
    pub(super) bad: bool,
}

/// One alarm over time.
pub(super) struct Lane {
    pub(super) alarm: String,
    /// In order, apart.
    pub(super) bands: Vec<Band>,
    /// Since which column it stands, and how grave it is.
    since: Option<(usize, Level)>,
}

/// An alarm that stood, from the first of these columns to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) level: Level,
}

impl Charts {
    /// Empty ones, for these alarms.
    pub(super) fn new(site: &Site, alarms: &BTreeMap<String, Record>, lasted: Duration) -> Self {
        let mut charts = Self {
            list: Vec::new(),
            left_out: 0,
            of_point: HashMap::new(),
            of_alarm: HashMap::new(),
            lasted: lasted.max(Duration::from_millis(1)),
        };
        let mut names: Vec<(&String, &Record)> = alarms.iter().collect();
        names.sort_by_key(|(name, record)| (std::cmp::Reverse(record.raised), *name));
        let points: HashMap<&str, Vec<PointId>> =
            site.rules.iter().map(|rule| (rule.name.as_str(), points_of(&rule.kind))).collect();
        let mut left_out = BTreeSet::new();
        let mut pointless = Vec::new();
        for (name, _) in names {
            match points.get(name.as_str()).map(Vec::as_slice) {
                None | Some([]) => pointless.push(name),
                Some(points) => {
                    for &point in points {
                        match charts.chart(site, point) {
                            Some(chart) => charts.add_lane(chart, name),
                            None => drop(left_out.insert(point)),
                        }
                    }
                }
            }
        }
        charts.left_out = left_out.len();
        if !pointless.is_empty() {
            charts.list.push(Chart::new(None, Vec::new()));
            let chart = charts.list.len() - 1;
            for name in pointless {
                charts.add_lane(chart, name);
            }
        }
        charts
    }

    /// The chart of the point; a new one if there is room.
    fn chart(&mut self, site: &Site, point: PointId) -> Option<usize> {
        if let Some(&chart) = self.of_point.get(&point) {
            return Some(chart);
        }
        if self.list.len() == REPLAY_CHARTS_MAX {
            return None;
        }
        let limits = site.rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Limits(limits) if limits.point == point => {
                Some([limits.ll, limits.l, limits.h, limits.hh].into_iter().flatten())
            }
            _ => None,
        });
        self.list.push(Chart::new(Some(point), limits.flatten().collect()));
        self.of_point.insert(point, self.list.len() - 1);
        Some(self.list.len() - 1)
    }

    fn add_lane(&mut self, chart: usize, alarm: &str) {
        let lanes = &mut self.list[chart].lanes;
        if lanes.len() < REPLAY_CHART_LANES_MAX {
            self.of_alarm.entry(alarm.to_owned()).or_default().push((chart, lanes.len()));
            lanes.push(Lane { alarm: alarm.to_owned(), bands: Vec::new(), since: None });
        }
    }

    fn column(&self, now: Mono) -> usize {
        let share = now.since_start().as_secs_f64() / self.lasted.as_secs_f64();
        ((share * REPLAY_CHART_COLUMNS as f64) as usize).min(REPLAY_CHART_COLUMNS - 1)
    }

    /// The replay is over: what stands, stands until here.
    pub(super) fn close(&mut self) {
        for lane in self.list.iter_mut().flat_map(|chart| &mut chart.lanes) {
            lane.set(REPLAY_CHART_COLUMNS - 1, None);
        }
    }
}

impl Witness for Charts {
    fn moved(&mut self, transition: &Transition, now: Mono) {
        let column = self.column(now);
        let Some(places) = self.of_alarm.get(&transition.alarm) else { return };
        for &(chart, lane) in places {
            let lane = &mut self.list[chart].lanes[lane];
            match transition.event {
                EventKind::Raised | EventKind::Escalated | EventKind::Deescalated => {
                    lane.set(column, Some(transition.level));
                }
                EventKind::Cleared => lane.set(column, None),
                _ => {}
            }
        }
    }

    fn heard(&mut self, readings: &[Reading], now: Mono) {
        let column = self.column(now);
        for reading in readings {
            if let Some(&chart) = self.of_point.get(&reading.point) {
                self.list[chart].columns[column].take(reading.sample);
            }
        }
    }
}

impl Chart {
    fn new(point: Option<PointId>, limits: Vec<Limit>) -> Self {
        let columns = vec![Column::default(); if point.is_some() { REPLAY_CHART_COLUMNS } else { 0 }];
        Self { point, columns, limits, lanes: Vec::new() }
    }

    /// The least and the greatest value to be drawn: those of the signal, and the limits that are not so far away that nothing could be seen of it.
    /// None where there is no value.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        let values = self.columns.iter().filter_map(|column| column.values);
        let (low, high) = values.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let room = (high - low).max(low.abs().max(high.abs()) * 0.01).max(f64::MIN_POSITIVE);
        let near = |limit: &&Limit| limit.value > low - room && limit.value < high + room;
        let (low, high) = self
            .limits
            .iter()
            .filter(near)
            .fold((low, high), |(low, high), limit| (low.min(limit.value), high.max(limit.value)));
        let margin = (high - low).max(room) * 0.05;
        Some((low - margin, high + margin))
    }

    /// The gravest of the alarms that stood in this column.
    pub(super) fn level(&self, column: usize) -> Option<Level> {
        let bands = self.lanes.iter().flat_map(|lane| &lane.bands);
        bands.filter(|band| (band.first..=band.last).contains(&column)).map(|band| band.level).max()
    }
}

impl Column {
    /// The two as one.
    pub(super) fn with(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Self { values, bad: self.bad || other.bad }
    }

    fn take(&mut self, sample: Sample) {
        match sample.value() {
            Some(value) => {
                let value = value.as_f64();
                let (low, high) = self.values.unwrap_or((value, value));
                self.values = Some((low.min(value), high.max(value)));
            }
            None => self.bad = true,
        }
    }
}

impl Lane {
    /// From this column on it stands so, or not at all.
    fn set(&mut self, column: usize, level: Option<Level>) {
        if let Some((first, was)) = self.since.take() {
            match self.bands.last_mut() {
                // What comes and goes within one column is one band, as grave as it ever was there.
                Some(band) if band.last + 1 >= first && band.level == was => band.last = column,
                Some(band) if band.last >= first && first == column => {
                    band.level = band.level.max(was);
                }
                Some(band) if band.last >= first => {
                    let first = band.last + 1;
                    self.bands.extend((first <= column).then_some(Band { first, last: column, level: was }));
                }
                _ => self.bands.push(Band { first, last: column, level: was }),
            }
        }
        self.since = level.map(|level| (column, level));
    }
}

/// The points whose signals explain an alarm.
fn points_of(kind: &RuleKind) -> Vec<PointId> {
    match kind {
        RuleKind::Limits(limits) => vec![limits.point],
        RuleKind::Signal { point, .. } => vec![*point],
        RuleKind::Condition(rule) => rule.points.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use hazgate::model::{Reason, Value};

    use super::*;

    fn lane(steps: &[(usize, Option<Level>)]) -> Vec<(usize, usize, Level)> {
        let mut lane = Lane { alarm: String::new(), bands: Vec::new(), since: None };
        for (column, level) in steps {
            lane.set(*column, *level);
        }
        lane.bands.iter().map(|band| (band.first, band.last, band.level)).collect()
    }

    #[test]
    fn bands_are_apart_in_order_and_no_more_than_columns() {
        use Level::{Orange, Red};
        let (on, off) = (Some(Orange), None);
        assert_eq!(lane(&[(3, on), (5, off), (9, on), (9, off)]), [(3, 5, Orange), (9, 9, Orange)]);
        assert_eq!(lane(&[(3, on), (5, Some(Red)), (8, off)]), [(3, 5, Orange), (6, 8, Red)]);
        assert_eq!(lane(&[(3, on), (3, Some(Red)), (3, off)]), [(3, 3, Red)]);
        let chatter: Vec<_> = (0..1000).flat_map(|n| [(n / 100, on), (n / 100, off)]).collect();
        assert_eq!(lane(&chatter), [(0, 9, Orange)]);
    }

    #[test]
    fn a_column_keeps_its_extremes_and_that_there_was_doubt() {
        let mut column = Column::default();
        assert_eq!(column.values, None);
        for value in [3.0, -1.0, 2.0] {
            column.take(Sample::Good(Value::Float(value)));
        }
        column.take(Sample::Bad(Reason::Comm));
        assert_eq!(column, Column { values: Some((-1.0, 3.0)), bad: true });
    }

    #[test]
    fn limits_near_the_signal_are_in_the_picture_and_far_ones_do_not_flatten_it() {
        let limit = |value| Limit { value, level: Level::Red };
        let mut chart = Chart::new(None, vec![limit(15.0), limit(1000.0)]);
        assert_eq!(chart.extent(), None);
        for value in [4.0, 12.0] {
            chart.columns.push(Column { values: Some((value, value)), bad: false });
        }
        let (low, high) = chart.extent().expect("values");
        assert!(low < 4.0 && low > 3.0 && high > 15.0 && high < 17.0, "{low} {high}");
        chart.columns = vec![Column { values: Some((0.0, 0.0)), bad: false }];
        chart.limits.clear();
        let (low, high) = chart.extent().expect("values");
        assert!(low < high, "{low} {high}");
    }
}
