//! What the meters say of a day and of a month, line by line: energy, the greatest demand and when, hours of running by shift, from when to when the line
//! stood, idled, ran or was overloaded, and what was out of order, with the series around it.
//!
//! A report is worked out from what the store holds: [`day::DayFold`] is a function from rows of telemetry, one after another, to what is known of the day, and
//! [`anomalies`] one from events. Nothing is invented: what was not measured is counted as not known, and each figure says of how much
//! of the day it speaks. Days are those of the site's time zone; one on which the clocks are put forward or back has 23 or 25 hours.
//!
//! The report of a day that is over is made once, by [`task`], kept in the store and told to the centres. A month is made of its days.

pub mod anomalies;
mod counted;
pub mod csv;
pub mod day;
pub mod desk;
pub mod document;
mod held;
pub mod html;
mod level;
pub mod month;
mod picture;
pub mod plan;
mod states;
pub mod task;
#[cfg(test)]
mod tests;
mod words;

pub use desk::{Desk, ReportError};
pub use document::{DayReport, LineDay, LineMonth, MonthReport, POWER};
pub use words::Language;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::Wall;
use crate::site::{ClockPeriod, ClockSpan};

/// The day of a moment, at the site.
pub fn day_of(at: Wall, zone: &TimeZone) -> Date {
    at.local(zone).date()
}

/// From midnight to midnight; none for a day that no clock will show.
pub fn span_of(day: Date, zone: &TimeZone) -> Option<ClockSpan> {
    let noon = zone.to_ambiguous_zoned(day.at(12, 0, 0, 0)).compatible().ok()?;
    Some(ClockPeriod::Day.around(Wall(noon.timestamp().as_millisecond()), zone))
}
