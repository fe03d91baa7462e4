//! A cell of time: in the forms that need no telling, or as `--time-format` says.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use super::cells::shown;
use super::mistake::What;
use crate::model::Wall;

/// How times are written, in the letters of `strftime`: `%d/%m/%Y %H:%M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat(String);

impl FromStr for TimeFormat {
    type Err = String;

    /// Refuses what could not be read back: a letter that there is not, a day without a year.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sample = DateTime::constant(2026, 11, 21, 20, 15, 3, 0);
        let format = Self(text.to_owned());
        let zoned = sample.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
        let written = strtime::format(text, &zoned).map_err(|error| error.to_string())?;
        let day = |moment: Moment| match moment {
            Moment::Known(stamp) => stamp.to_zoned(TimeZone::UTC).date(),
            Moment::Local(local) => local.date(),
        };
        match format.read(&written).map(day) {
            Some(date) if date == sample.date() => Ok(format),
            _ => Err("this does not say year, month and day: write it as %d/%m/%Y %H:%M".to_owned()),
        }
    }
}

/// A time as it is written: with its place in the world, or as the clock at the site shows it.
#[derive(Clone, Copy)]
enum Moment {
    Known(jiff::Timestamp),
    Local(DateTime),
}

impl TimeFormat {
    fn read(&self, text: &str) -> Option<Moment> {
        let parts = BrokenDownTime::parse(&self.0, text).ok()?;
        if parts.offset().is_some() || parts.iana_time_zone().is_some() {
            return parts.to_timestamp().ok().map(Moment::Known);
        }
        if let Ok(local) = parts.to_datetime() {
            return Some(Moment::Local(local));
        }
        if let Ok(date) = parts.to_date() {
            return Some(Moment::Local(date.to_datetime(Time::midnight())));
        }
        parts.to_timestamp().ok().map(Moment::Known)
    }
}

/// Reads the times of one file.
#[derive(Debug)]
pub(super) struct Stamps {
    format: Option<TimeFormat>,
    midnight_ends_day: bool,
    zone: TimeZone,
    /// What was read last, and what it came to: in long files many rows have one time.
    last: Option<(Vec<u8>, Stamped)>,
}

/// A time as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamped {
    pub(super) at: Wall,
    /// It was a midnight that stands for the end of its day.
    pub(super) moved: bool,
}

impl Stamps {
    pub(super) fn new(format: Option<TimeFormat>, midnight_ends_day: bool, zone: TimeZone) -> Self {
        Self { format, midnight_ends_day, zone, last: None }
    }

    pub(super) fn read(&mut self, cell: &[u8]) -> Result<Stamped, What> {
        if let Some((_, stamped)) = self.last.as_ref().filter(|(last, _)| last == cell) {
            return Ok(*stamped);
        }
        let stamped = self.read_anew(cell)?;
        let (last, known) = self.last.get_or_insert_with(|| (Vec::new(), stamped));
        last.clear();
        last.extend_from_slice(cell);
        *known = stamped;
        Ok(stamped)
    }

    fn read_anew(&self, cell: &[u8]) -> Result<Stamped, What> {
        let text = std::str::from_utf8(cell).map_err(|_| What::NoTime(shown(cell)))?;
        let moment = match &self.format {
            Some(format) => format.read(text).ok_or_else(|| What::OtherFormat(shown(cell)))?,
            None => usual(text).ok_or_else(|| {
                if is_day_or_month(text) { What::DayOrMonth(shown(cell)) } else { What::NoTime(shown(cell)) }
            })?,
        };
        self.place(moment).ok_or_else(|| What::NoTime(shown(cell)))
    }

    fn place(&self, moment: Moment) -> Option<Stamped> {
        let (local, moved) = match moment {
            Moment::Known(stamp) => return Some(Stamped { at: Wall(stamp.as_millisecond()), moved: false }),
            Moment::Local(local) if self.midnight_ends_day && local.time() == Time::midnight() => {
                (local.tomorrow().ok()?, true)
            }
            Moment::Local(local) => (local, false),
        };
        let stamp = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(Stamped { at: Wall(stamp.as_millisecond()), moved })
    }

    /// Why `at` is before `last`, which came first.
    pub(super) fn backwards(&self, at: Wall, last: Stamped) -> What {
        let local = |at: Wall| {
            let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            self.zone.to_datetime(stamp)
        };
        let (this, before) = (local(at), local(last.at));
        if last.moved {
            return What::MidnightAtBeginning;
        }
        if !self.midnight_ends_day && this.time() == Time::midnight() && this.date() == before.date() {
            return What::MidnightAtEnd;
        }
        What::Backwards
    }
}

/// Seconds or milliseconds since 1970, RFC 3339, or as people at the site write it.
fn usual(text: &str) -> Option<Moment> {
    if let Ok(number) = text.parse::<f64>() {
        // Seconds of any year that has sensors have ten digits, milliseconds thirteen.
        let ms = if number.abs() < 1e11 { number * 1000.0 } else { number };
        let stamp = ms.is_finite().then(|| jiff::Timestamp::from_millisecond(ms.round() as i64).ok())??;
        return Some(Moment::Known(stamp));
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(Moment::Known(stamp));
    }
    text.replace('/', "-").parse().ok().map(Moment::Local)
}

/// Such as 01/02/2018: the year stands last.
fn is_day_or_month(text: &str) -> bool {
    let mut parts = text.split([' ', 'T']).next().unwrap_or_default().split(['/', '-', '.']);
    let mut digits = |lens: std::ops::RangeInclusive<usize>| {
        parts
            .next()
            .is_some_and(|part| lens.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(1..=2) && digits(1..=2) && digits(4..=4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(format: Option<&str>, midnight_ends_day: bool) -> Stamps {
        let zone = TimeZone::get("Asia/Shanghai").expect("bundled");
        let format = format.map(|text| text.parse().expect("a format"));
        Stamps::new(format, midnight_ends_day, zone)
    }

    fn ms(stamps: &mut Stamps, text: &str) -> Option<i64> {
        stamps.read(text.as_bytes()).ok().map(|stamped| stamped.at.0)
    }

    #[test]
    fn times_are_read_in_the_usual_forms() {
        let mut stamps = stamps(None, false);
        let expected = Some(1_795_263_303_000);
        for text in [
            "2026-11-21T20:15:03+08:00",
            "2026-11-21T12:15:03Z",
            "2026-11-21 20:15:03",
            "2026/11/21 20:15:03",
            "1795263303",
            "1795263303000",
        ] {
            assert_eq!(ms(&mut stamps, text), expected, "{text}");
        }
        assert_eq!(ms(&mut stamps, "2026-11-21 20:15:03.25"), Some(1_795_263_303_250));
        for text in ["", "yesterday", "nan", "2026-13-01 00:00:00", "1e300"] {
            assert_eq!(ms(&mut stamps, text), None, "{text}");
        }
    }

    #[test]
    fn a_format_says_how_times_are_written() {
        let mut day_first = stamps(Some("%d/%m/%Y %H:%M"), false);
        assert_eq!(ms(&mut day_first, "21/11/2026 20:15"), Some(1_795_263_300_000));
        assert_eq!(day_first.read(b"2026-11-21"), Err(What::OtherFormat("2026-11-21".to_owned())));
        let mut day = stamps(Some("%d.%m.%Y"), false);
        assert_eq!(ms(&mut day, "21.11.2026"), Some(1_795_190_400_000));
        let mut offset = stamps(Some("%Y%m%d%H%M%S%z"), false);
        assert_eq!(ms(&mut offset, "20261121121503+0000"), Some(1_795_263_303_000));
        let mut seconds = stamps(Some("%s"), true);
        assert_eq!(ms(&mut seconds, "1795263303"), Some(1_795_263_303_000));
        for text in ["%H:%M", "%Q9", "", "%d/%m"] {
            assert!(text.parse::<TimeFormat>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_midnight_that_ends_its_day_is_the_next_days() {
        let mut ends = stamps(None, true);
        assert_eq!(ms(&mut ends, "2026-11-21 00:00"), ms(&mut stamps(None, false), "2026-11-22 00:00"));
        assert_eq!(ms(&mut ends, "2026-11-21 00:15"), ms(&mut stamps(None, false), "2026-11-21 00:15"));
        // What says where in the world it is was not written by a people's clock.
        let known = "2026-11-21T00:00:00+08:00";
        assert_eq!(ms(&mut ends, known), ms(&mut stamps(None, false), known));
    }

    #[test]
    fn why_a_time_goes_back_is_told() {
        let mut begins = stamps(None, false);
        let (evening, midnight) =
            (begins.read(b"2026-11-21 23:45").unwrap(), begins.read(b"2026-11-21 00:00").unwrap());
        assert_eq!(begins.backwards(midnight.at, evening), What::MidnightAtEnd);
        let noon = begins.read(b"2026-11-21 12:00").unwrap();
        assert_eq!(begins.backwards(noon.at, evening), What::Backwards);
        let mut ends = stamps(None, true);
        let midnight = ends.read(b"2026-11-21 00:00").unwrap();
        let morning = ends.read(b"2026-11-21 00:15").unwrap();
        assert_eq!(ends.backwards(morning.at, midnight), What::MidnightAtBeginning);
    }

    #[test]
    fn a_date_whose_year_stands_last_is_asked_about() {
        let mut stamps = stamps(None, false);
        for text in ["01/02/2018 00:15", "1.2.2018"] {
            assert_eq!(stamps.read(text.as_bytes()), Err(What::DayOrMonth(text.to_owned())));
        }
    }
}
