//! The time that a message bears, in the forms that publishers write it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use crate::model::Wall;
use crate::site::TimeForm;

/// The seconds of 2001-09-09 and of 2100: between these, seconds, milliseconds and microseconds since 1970 can't be taken for one
/// another.
const SECONDS: std::ops::Range<f64> = 1e9..4_102_444_800.0;

/// The moment that `found` says, if it says one in this form.
pub(super) fn read(found: &Json, form: TimeForm, zone: &TimeZone) -> Option<Wall> {
    match found {
        Json::Number(number) => count(number.as_f64()?, number.as_i64(), form),
        Json::String(text) => written(text.trim(), form, zone),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A time as text: a date, or a number between quotation marks.
fn written(text: &str, form: TimeForm, zone: &TimeZone) -> Option<Wall> {
    match form {
        TimeForm::Rfc3339 => with_offset(text),
        // An offset that is written counts, whatever was expected.
        TimeForm::Local => with_offset(text).or_else(|| local(text, zone)),
        TimeForm::Auto => with_offset(text).or_else(|| local(text, zone)).or_else(|| number(text, form)),
        TimeForm::Seconds | TimeForm::Milliseconds | TimeForm::Microseconds => number(text, form),
    }
}

fn with_offset(text: &str) -> Option<Wall> {
    text.parse::<Timestamp>().ok().map(|moment| Wall(moment.as_millisecond()))
}

fn local(text: &str, zone: &TimeZone) -> Option<Wall> {
    let text = text.replacen('/', "-", 2);
    let date = text.parse::<DateTime>().ok().filter(|_| text.contains(':'))?;
    let moment = zone.to_zoned(date).ok()?;
    Some(Wall(moment.timestamp().as_millisecond()))
}

fn number(text: &str, form: TimeForm) -> Option<Wall> {
    count(text.parse().ok()?, text.parse().ok(), form)
}

/// A count since 1970; exact where it is whole.
fn count(number: f64, whole: Option<i64>, form: TimeForm) -> Option<Wall> {
    let form = if form == TimeForm::Auto { unit(number)? } else { form };
    let milliseconds = match (form, whole) {
        (TimeForm::Seconds, Some(whole)) => whole.checked_mul(1000)?,
        (TimeForm::Seconds, None) => rounded(number * 1000.0)?,
        (TimeForm::Milliseconds, Some(whole)) => whole,
        (TimeForm::Milliseconds, None) => rounded(number)?,
        (TimeForm::Microseconds, Some(whole)) => whole.div_euclid(1000),
        (TimeForm::Microseconds, None) => rounded(number / 1000.0)?,
        (TimeForm::Auto | TimeForm::Rfc3339 | TimeForm::Local, _) => return None,
    };
    Some(Wall(milliseconds))
}

/// The unit in which a count since 1970 is a moment of this century.
fn unit(number: f64) -> Option<TimeForm> {
    let units = [(TimeForm::Seconds, 1.0), (TimeForm::Milliseconds, 1e3), (TimeForm::Microseconds, 1e6)];
    units.into_iter().find(|(_, per_second)| SECONDS.contains(&(number / per_second))).map(|(unit, _)| unit)
}

fn rounded(milliseconds: f64) -> Option<i64> {
    // Beyond that a double holds no whole milliseconds, and no such time was meant.
    (milliseconds.abs() < 9e15).then(|| milliseconds.round() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn at(found: &Json, form: TimeForm) -> Option<i64> {
        read(found, form, &shanghai()).map(|wall| wall.0)
    }

    #[test]
    fn the_usual_forms_are_told_apart() {
        let moment = Some(1_690_000_000_000);
        for written in [
            json!(1_690_000_000),
            json!(1_690_000_000.0),
            json!(1_690_000_000_000_i64),
            json!(1_690_000_000_000_000_i64),
            json!("1690000000"),
            json!("1690000000000"),
            json!("2023-07-22T04:26:40Z"),
            json!("2023-07-22T12:26:40.000+08:00"),
            json!("2023-07-22 12:26:40"),
            json!(" 2023/07/22 12:26:40 "),
            json!("2023-07-22T12:26:40"),
        ] {
            assert_eq!(at(&written, TimeForm::Auto), moment, "{written}");
        }
        assert_eq!(at(&json!(1_690_000_000.25), TimeForm::Auto), Some(1_690_000_000_250));
        assert_eq!(at(&json!("2023-07-22 12:26:40.5"), TimeForm::Local), Some(1_690_000_000_500));
        assert_eq!(at(&json!("2023-07-22T04:26:40Z"), TimeForm::Local), moment, "an offset counts");
    }

    #[test]
    fn what_could_be_several_moments_is_none_unless_the_form_is_said() {
        assert_eq!(at(&json!(1000), TimeForm::Auto), None);
        assert_eq!(at(&json!(1000), TimeForm::Milliseconds), Some(1000));
        assert_eq!(at(&json!(1000), TimeForm::Microseconds), Some(1));
        assert_eq!(at(&json!(1000), TimeForm::Seconds), Some(1_000_000));
        for written in [
            json!(null),
            json!(true),
            json!("yesterday"),
            json!(""),
            json!("2023-07-22"),
            json!("2023-02-30 00:00:00"),
            json!([1]),
        ] {
            assert_eq!(at(&written, TimeForm::Auto), None, "{written}");
        }
        assert_eq!(at(&json!("2023-07-22 12:26:40"), TimeForm::Rfc3339), None);
        assert_eq!(at(&json!(1_690_000_000), TimeForm::Rfc3339), None);
    }

    proptest! {
        #[test]
        fn any_time_is_read_or_refused(text in "\\PC{0,40}", number in any::<f64>(), whole in any::<i64>()) {
            for form in [TimeForm::Auto, TimeForm::Seconds, TimeForm::Milliseconds, TimeForm::Microseconds,
                TimeForm::Rfc3339, TimeForm::Local] {
                at(&json!(text), form);
                at(&json!(number), form);
                at(&json!(whole), form);
            }
        }
    }
}
