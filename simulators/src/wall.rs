//! The wall clock, for stamps in messages, and how it is written there. Nothing is decided by it.

use std::time::SystemTime;

use serde_json::{Number, Value};

use crate::bench::TimeForm;

const DAY_S: i64 = 86_400;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place of the simulators that reads the wall clock")]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl TimeForm {
    /// A moment, milliseconds since 1970, written in this form.
    pub(crate) fn write(self, ms: i64) -> Value {
        match self {
            Self::Seconds => Number::from_f64(ms as f64 / 1000.0).map_or(Value::Null, Value::Number),
            Self::Milliseconds => ms.into(),
            Self::Microseconds => ms.saturating_mul(1000).into(),
            Self::Rfc3339 => format!("{}.{:03}Z", date_time(ms, 'T'), ms.rem_euclid(1000)).into(),
            Self::Local { ahead_s } => date_time(ms + i64::from(ahead_s) * 1000, ' ').into(),
        }
    }
}

/// Such as `2026-11-21T20:15:03`.
fn date_time(ms: i64, between: char) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
}

/// The date of a day counted from 1970-01-01: years are counted from March, so that the leap day is the last.
const fn civil(day: i64) -> (i64, i64, i64) {
    let from_era = day + 719_468;
    let (era, of_era) = (from_era.div_euclid(146_097), from_era.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_written_in_every_form() {
        let ms = 1_795_263_303_214;
        for (form, written) in [
            (TimeForm::Seconds, json!(1_795_263_303.214)),
            (TimeForm::Milliseconds, json!(ms)),
            (TimeForm::Microseconds, json!(1_795_263_303_214_000_i64)),
            (TimeForm::Rfc3339, json!("2026-11-21T12:15:03.214Z")),
            (TimeForm::Local { ahead_s: 8 * 3600 }, json!("2026-11-21 20:15:03")),
        ] {
            assert_eq!(form.write(ms), written);
        }
    }

    #[test]
    fn leap_days_are_dates() {
        for (day, date) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(day), date);
        }
    }
}
