//! Reports as tables, for spreadsheets and for machines: UTF-8, commas, a header, one table at a time.

use jiff::tz::TimeZone;

use super::document::LineDay;
use super::words::Language;
use crate::model::{Stamp, Wall};

/// What a table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Each line and day.
    Days,
    /// Each shift of each line and day.
    Shifts,
    /// Each time in one state.
    Timeline,
    /// Each quarter of an hour.
    Profile,
    /// Each alarm and warning.
    Anomalies,
}

impl Table {
    /// Every table, with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("days", Self::Days),
        ("shifts", Self::Shifts),
        ("timeline", Self::Timeline),
        ("profile", Self::Profile),
        ("anomalies", Self::Anomalies),
    ];

    /// The table of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, table)| table)
    }
}

/// A table of the days of any lines; titles and messages in a language.
pub fn write<'a>(
    days: impl Iterator<Item = &'a LineDay>,
    table: Table,
    zone: &TimeZone,
    language: Language,
) -> String {
    let mut rows = vec![header(table)];
    for day in days {
        let mut add = |cells: Vec<String>| {
            let first = [day.day.clone(), day.line.clone(), language.of(&day.title).to_owned()];
            rows.push(first.into_iter().chain(cells).collect());
        };
        match table {
            Table::Days => add(of_day(day)),
            Table::Shifts => of_shifts(day).into_iter().for_each(&mut add),
            Table::Timeline => of_timeline(day).into_iter().for_each(&mut add),
            Table::Profile => of_profile(day, zone).into_iter().for_each(&mut add),
            Table::Anomalies => of_anomalies(day, language).into_iter().for_each(&mut add),
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("every row of a table is as long as its header");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("made of text")
}

fn header(table: Table) -> Vec<String> {
    let rest: &[&str] = match table {
        Table::Days => &[
            "coverage",
            "energy",
            "energy_unit",
            "energy_coverage",
            "demand_max",
            "demand_unit",
            "demand_from",
            "mean",
            "load_factor",
            "running_h",
            "overload_h",
            "idle_h",
            "stopped_h",
            "unknown_h",
            "anomalies",
        ],
        Table::Shifts => {
            &["shift", "from", "to", "running_h", "overload_h", "idle_h", "stopped_h", "unknown_h", "energy"]
        }
        Table::Timeline => &["from", "to", "state"],
        Table::Profile => &["quarter", "mean", "unit", "ordinary_median", "ordinary_low", "ordinary_high"],
        Table::Anomalies => &[
            "alarm",
            "class",
            "level",
            "raised_at",
            "cleared_at",
            "message",
            "value",
            "limit",
            "unit",
            "basis",
            "acknowledged_by",
            "cause",
            "measure",
        ],
    };
    ["day", "line", "title"].into_iter().chain(rest.iter().copied()).map(str::to_owned).collect()
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn stamp(at: Option<Stamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn of_day(day: &LineDay) -> Vec<String> {
    let (energy, demand, hours) = (day.energy.as_ref(), day.demand.as_ref(), day.hours.as_ref());
    vec![
        day.coverage.to_string(),
        number(energy.map(|it| it.value)),
        energy.map(|it| it.unit.clone()).unwrap_or_default(),
        number(energy.map(|it| it.coverage)),
        number(demand.map(|it| it.max)),
        day.unit.clone(),
        stamp(demand.map(|it| it.from)),
        number(day.mean),
        number(day.load_factor),
        number(hours.map(|it| it.running)),
        number(hours.map(|it| it.overload)),
        number(hours.map(|it| it.idle)),
        number(hours.map(|it| it.stopped)),
        number(hours.map(|it| it.unknown)),
        (day.anomalies.len() as u64 + day.anomalies_left_out).to_string(),
    ]
}

fn of_shifts(day: &LineDay) -> Vec<Vec<String>> {
    let row = |shift: &super::document::ShiftHours| {
        let hours = shift.hours.as_ref();
        vec![
            shift.shift.clone(),
            shift.from.to_string(),
            shift.to.to_string(),
            number(hours.map(|it| it.running)),
            number(hours.map(|it| it.overload)),
            number(hours.map(|it| it.idle)),
            number(hours.map(|it| it.stopped)),
            number(hours.map(|it| it.unknown)),
            number(shift.energy),
        ]
    };
    day.shifts.iter().map(row).collect()
}

fn of_timeline(day: &LineDay) -> Vec<Vec<String>> {
    let row = |stretch: &super::document::Stretch| {
        let state = serde_json::to_value(stretch.state).ok();
        let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        vec![stretch.from.to_string(), stretch.to.to_string(), state.to_owned()]
    };
    day.timeline.iter().map(row).collect()
}

fn of_profile(day: &LineDay, zone: &TimeZone) -> Vec<Vec<String>> {
    const QUARTER_MS: i64 = 900_000;
    let ordinary = |values: fn(&super::document::Ordinary) -> &Vec<Option<f64>>, place: usize| {
        number(day.ordinary.as_ref().and_then(|it| values(it).get(place).copied().flatten()))
    };
    let row = |(place, mean): (usize, &Option<f64>)| {
        vec![
            Wall(day.from.wall.0 + place as i64 * QUARTER_MS).stamp(zone).to_string(),
            number(*mean),
            day.unit.clone(),
            ordinary(|it| &it.median, place),
            ordinary(|it| &it.low, place),
            ordinary(|it| &it.high, place),
        ]
    };
    day.profile.iter().enumerate().map(row).collect()
}

fn of_anomalies(day: &LineDay, language: Language) -> Vec<Vec<String>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |it: &super::document::Anomaly| {
        vec![
            it.alarm.clone(),
            language.class(it.class).to_owned(),
            it.level.number().map(|level| level.to_string()).unwrap_or_default(),
            it.raised_at.to_string(),
            stamp(it.cleared_at),
            language.of(&it.message).to_owned(),
            number(it.value),
            number(it.limit),
            text(&it.unit),
            text(&it.basis),
            text(&it.acknowledged_by),
            text(&it.cause),
            text(&it.measure),
        ]
    };
    day.anomalies.iter().map(row).collect()
}
