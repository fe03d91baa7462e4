//! What a report says: the contract of `report/power/…` (docs/mqtt.md), of the console's API and of the command line, from which the JSON Schema of
//! docs/schemas is made. Figures are rounded to what a meter can tell; times are of the site.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::model::{Class, Level, Stamp, Text};

/// The kind under which the store keeps reports of power.
pub const POWER: &str = "power";

/// One day of one line: what `report/power/{day}/{line}` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineDay {
    /// Version of the contract.
    #[schemars(schema_with = "version_schema")]
    pub v: u8,
    /// The day, at the site.
    #[schemars(schema_with = "day_schema")]
    pub day: String,
    /// The line's id.
    pub line: String,
    /// What people call it.
    pub title: Text,
    /// The hazard that it belongs to.
    pub hazard: Option<String>,
    /// What it feeds, if the site says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it is fed by, if the site says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The first moment of the day.
    #[schemars(schema_with = "stamp_schema")]
    pub from: Stamp,
    /// The first moment after it.
    #[schemars(schema_with = "stamp_schema")]
    pub to: Stamp,
    /// How far the report goes: `to`, but for a day that is not over.
    #[schemars(schema_with = "stamp_schema")]
    pub until: Stamp,
    /// The point whose values are its load.
    pub load: String,
    /// Unit of the load, of `mean`, of the demand and of the profile.
    pub unit: String,
    /// The share of the time up to `until` for which the load is known.
    #[schemars(range(min = 0, max = 1))]
    pub coverage: f64,
    /// The mean of the load over the time for which it is known.
    pub mean: Option<f64>,
    /// The energy, where the load is a power or the line has an energy counter, and something is known.
    pub energy: Option<Energy>,
    /// The greatest demand; null if no quarter of an hour is known well enough.
    pub demand: Option<Demand>,
    /// `mean` by the greatest demand.
    pub load_factor: Option<f64>,
    /// Hours in each state; null where the line's state is not worked out.
    pub hours: Option<Hours>,
    /// The shifts of the day, each as far as it lies in it.
    pub shifts: Vec<ShiftHours>,
    /// From when to when the line was in which state, without gap or overlap from `from` to `until`; empty where the state is not worked out.
    pub timeline: Vec<Stretch>,
    /// Whether there were so many changes that the timeline says only which state each five minutes were in for longest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timeline_is_coarse: bool,
    /// The mean load of each quarter of an hour from `from` on; null where less than three quarters of it are known.
    pub profile: Vec<Option<f64>>,
    /// What is ordinary in each of them, where the site works that out.
    pub ordinary: Option<Ordinary>,
    /// Alarms and warnings of the line that stood at some time of the day, in the order in which they were raised.
    pub anomalies: Vec<Anomaly>,
    /// How many more there were.
    pub anomalies_left_out: u64,
}

/// Energy of a day or a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Energy {
    /// How much was counted: at least this.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// The point that it was worked out from: a counter, or the load.
    pub of: String,
    /// The share of the time for which it is known. A counter goes on by itself: what it says after a gap counts for the gap.
    #[schemars(range(min = 0, max = 1))]
    pub coverage: f64,
    /// Whether the counter ran backwards, or its reading was in doubt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_doubtful: bool,
}

/// The greatest mean of a quarter of an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Demand {
    /// The greatest.
    pub max: f64,
    /// When the quarter began in which it was reached first.
    #[schemars(schema_with = "stamp_schema")]
    pub from: Stamp,
    /// When that ended.
    #[schemars(schema_with = "stamp_schema")]
    pub to: Stamp,
    /// How many quarters are known well enough.
    pub known: u32,
    /// Of so many.
    pub quarters: u32,
}

/// Hours in each state. They come to the time up to `until`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hours {
    /// Running or overloaded.
    pub running: f64,
    /// Of which overloaded.
    pub overload: f64,
    /// Idle.
    pub idle: f64,
    /// Stopped.
    pub stopped: f64,
    /// Not known.
    pub unknown: f64,
}

/// A shift, as far as it lies in the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShiftHours {
    /// When the shift begins, as people read their clocks; it may have begun the day before.
    pub shift: String,
    /// Its part of the day.
    #[schemars(schema_with = "stamp_schema")]
    pub from: Stamp,
    /// The end of that.
    #[schemars(schema_with = "stamp_schema")]
    pub to: Stamp,
    /// Hours in each state in it; null where the line's state is not worked out.
    pub hours: Option<Hours>,
    /// Energy in it, in the unit of the day's, worked out from the load; null where that is no power.
    pub energy: Option<f64>,
}

/// The states of production, and that none is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// 停机.
    Stopped,
    /// 空载.
    Idle,
    /// 运行.
    Running,
    /// 过载.
    Overload,
    /// 未知: nobody measured.
    Unknown,
}

/// A time in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// Its first moment.
    #[schemars(schema_with = "stamp_schema")]
    pub from: Stamp,
    /// The first moment after it.
    #[schemars(schema_with = "stamp_schema")]
    pub to: Stamp,
    /// The state.
    pub state: LineState,
}

/// What is ordinary in each quarter of an hour of the day; null where that was not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ordinary {
    /// The median.
    pub median: Vec<Option<f64>>,
    /// The lower edge of the ordinary range.
    pub low: Vec<Option<f64>>,
    /// Its upper edge.
    pub high: Vec<Option<f64>>,
}

/// An alarm or a warning of the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// The alarm's name.
    pub alarm: String,
    /// Whether it is an alarm or a warning.
    pub class: Class,
    /// The gravest level that it had: 1 red, 2 orange, 3 yellow, 4 blue.
    #[schemars(schema_with = "level_schema")]
    pub level: Level,
    /// What an operator read.
    pub message: Text,
    /// When this instance was raised: with `alarm`, its name for good.
    #[schemars(schema_with = "stamp_schema")]
    pub raised_at: Stamp,
    /// When its condition was gone; null if it was not by `until`.
    #[schemars(schema_with = "optional_stamp_schema")]
    pub cleared_at: Option<Stamp>,
    /// The point whose value decided, if one did.
    pub point: Option<String>,
    /// The value that decided.
    pub value: Option<f64>,
    /// The limit that it was held against.
    pub limit: Option<f64>,
    /// Unit of value and limit.
    pub unit: Option<String>,
    /// What the limit rests on.
    pub basis: Option<String>,
    /// Who acknowledged it, once somebody has.
    pub acknowledged_by: Option<String>,
    /// What it turned out to be, in the words of who put that on record.
    pub cause: Option<String>,
    /// What was done, in their words.
    pub measure: Option<String>,
    /// The series around it; null where nothing is kept of it.
    pub evidence: Option<Evidence>,
}

/// The series around the moment at which an alarm was raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Of which point.
    pub point: String,
    /// Its unit.
    pub unit: String,
    /// What the seconds of the samples are counted from.
    #[schemars(schema_with = "stamp_schema")]
    pub from: Stamp,
    /// Seconds and value, in order; a value that is null says that there was none to be had. Of each part of the span the least and the greatest.
    pub samples: Vec<(f64, Option<f64>)>,
}

/// One day of every line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayReport {
    /// Version of the contract.
    #[schemars(schema_with = "version_schema")]
    pub v: u8,
    /// The enterprise's id.
    pub enterprise: String,
    /// The gateway's id.
    pub gateway: String,
    /// What people call the site.
    pub site: Text,
    /// The day.
    #[schemars(schema_with = "day_schema")]
    pub day: String,
    /// Its lines.
    pub lines: Vec<LineDay>,
}

/// One month of every line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonthReport {
    /// Version of the contract.
    #[schemars(schema_with = "version_schema")]
    pub v: u8,
    /// The enterprise's id.
    pub enterprise: String,
    /// The gateway's id.
    pub gateway: String,
    /// What people call the site.
    pub site: Text,
    /// The month, such as `2026-11`.
    pub month: String,
    /// Its lines.
    pub lines: Vec<LineMonth>,
}

/// One month of one line, made of its days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineMonth {
    /// The line's id.
    pub line: String,
    /// What people call it.
    pub title: Text,
    /// Unit of the mean and of the demand.
    pub unit: String,
    /// Days of the month, up to today, of which there is no report: nothing is known of them.
    pub missing: Vec<String>,
    /// The share of the month, up to today, for which the load is known.
    #[schemars(range(min = 0, max = 1))]
    pub coverage: f64,
    /// The mean of the load over the time for which it is known.
    pub mean: Option<f64>,
    /// The energy of the days of which it is known.
    pub energy: Option<Energy>,
    /// The greatest demand.
    pub demand: Option<Demand>,
    /// `mean` by the greatest demand.
    pub load_factor: Option<f64>,
    /// Hours in each state, of the days that there are.
    pub hours: Option<Hours>,
    /// The same by shift.
    pub shifts: Vec<MonthShift>,
    /// How often each alarm was raised, the most frequent first.
    pub alarms: Vec<AlarmCount>,
    /// The days, each as it was reported.
    pub days: Vec<LineDay>,
}

/// One shift over a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonthShift {
    /// When it begins.
    pub shift: String,
    /// Hours in each state.
    pub hours: Option<Hours>,
    /// Energy in it.
    pub energy: Option<f64>,
}

/// How often an alarm was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmCount {
    /// The alarm's name.
    pub alarm: String,
    /// What an operator read.
    pub message: Text,
    /// How often.
    pub raised: u64,
}

impl LineDay {
    /// How long the day is, in ms.
    pub(super) const fn length_ms(&self) -> i64 {
        self.to.wall.0 - self.from.wall.0
    }
}

/// To a thousandth: finer than any meter of a feeder.
pub(super) fn rounded(value: f64) -> f64 {
    let rounded = (value * 1000.0).round() / 1000.0;
    if rounded.is_finite() { rounded + 0.0 } else { value }
}

/// A share of a whole, to a ten-thousandth; 1 only if it is the whole, and 0 only if it is nothing.
pub(super) fn share(part: i64, whole: i64) -> f64 {
    if part >= whole {
        return if whole > 0 { 1.0 } else { 0.0 };
    }
    if part <= 0 {
        return 0.0;
    }
    ((part as f64 / whole as f64 * 1e4).round() / 1e4).clamp(0.0001, 0.9999)
}

fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": 1 })
}

fn day_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date" })
}

fn stamp_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339 with offset and milliseconds" })
}

fn optional_stamp_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

fn level_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [1, 2, 3, 4], "description": "1 red (gravest), 2 orange, 3 yellow, 4 blue" })
}
