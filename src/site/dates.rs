//! Days and times of the calendar as they are written in a site file, in the site's time zone.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::values::{Complaint, text_value};

/// Days one after another: `2026-10-01`, `2026-10-01..2026-10-07`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: Date,
    /// The last; not before the first.
    pub last: Date,
}
text_value!(Days, "days", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?$");

impl Days {
    /// Whether a day is one of them.
    pub fn hold(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        const HINT: &str = "write \"2026-10-01\", or \"2026-10-01..2026-10-07\" for the first to the last";
        let wrong = || Complaint::new(format!("`{text}` is no day and no span of days"), HINT);
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let day = |text: &str| (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
        let (first, last) = (day(first).ok_or_else(wrong)?, day(last).ok_or_else(wrong)?);
        if last < first {
            return Err(Complaint::new(format!("`{text}` ends before it begins"), HINT));
        }
        Ok(Self { first, last })
    }
}

/// A day and a time: `2026-12-01 08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocalTime(pub(super) DateTime);
text_value!(LocalTime, "local-time", r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$");

impl LocalTime {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        let wrong = || {
            let hint = "write the day and the time, such as \"2026-12-01 08:00\"";
            Complaint::new(format!("`{text}` is no day and time"), hint)
        };
        let (day, time) = text.split_once(' ').ok_or_else(wrong)?;
        let day: Date = day.parse().map_err(|_| wrong())?;
        let minutes = TimeOfDay::read(time).map_err(|_| wrong())?.0;
        Ok(Self(day.at((minutes / 60) as i8, (minutes % 60) as i8, 0, 0)))
    }
}

/// A time of day, in minutes after midnight: `08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimeOfDay(pub(super) u16);
text_value!(TimeOfDay, "time-of-day", "^([01][0-9]|2[0-3]):[0-5][0-9]$");

impl TimeOfDay {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        let wrong = || {
            let hint = "write hours and minutes, \"00:00\" to \"23:59\"";
            Complaint::new(format!("`{text}` is no time of day"), hint)
        };
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str, below: u16| {
            let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| is_two_digits && *number < below).ok_or_else(wrong)
        };
        Ok(Self(number(hours, 24)? * 60 + number(minutes, 60)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_as_written_and_nothing_else_is_taken_for_one() {
        let golden = Days::read("2026-10-01..2026-10-07").expect("days");
        let day = |text: &str| Days::read(text).expect("a day").first;
        assert!(golden.hold(day("2026-10-01")) && golden.hold(day("2026-10-07")));
        assert!(!golden.hold(day("2026-09-30")) && !golden.hold(day("2026-10-08")));
        for text in ["", "2026-10", "2026-02-30", "2026-10-07..2026-10-01", "2026-10-01 08:00", "1.10.2026"] {
            assert!(Days::read(text).is_err(), "{text}");
        }
        assert_eq!(LocalTime::read("2026-12-01 08:30").expect("a time").0.to_string(), "2026-12-01T08:30:00");
        for text in ["2026-12-01", "2026-12-01 24:00", "2026-12-01 8:00", "2026-12-01T08:00"] {
            assert!(LocalTime::read(text).is_err(), "{text}");
        }
        assert_eq!(TimeOfDay::read("23:59").expect("a time").0, 1439);
        for text in ["24:00", "08:60", "8:00", "+8:00", "0800"] {
            assert!(TimeOfDay::read(text).is_err(), "{text}");
        }
    }
}
