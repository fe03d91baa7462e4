//! Stretches of the clock that figures are kept for: quarters of an hour, hours, days, months, as people at the site read their clocks.
//! They lie without gap or overlap one after another, whatever the zone does to its clocks: a day may have 23 or 25 hours.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::model::Wall;
use crate::model::limits::SHIFTS_MAX;

/// A stretch of the clock that comes again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockPeriod {
    /// So many minutes, counted from the full hour; a divisor of 60.
    Minutes(u8),
    /// From the beginning of one shift to that of the next.
    Shift(Shifts),
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
    /// All time: what is counted for it never begins anew.
    Ever,
}

/// When shifts begin, in minutes after midnight, in the order of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shifts {
    starts: [u16; SHIFTS_MAX],
    count: usize,
}

impl Shifts {
    /// None if there are none, or more than [`SHIFTS_MAX`].
    pub(super) fn new(sorted: &[u16]) -> Option<Self> {
        let mut starts = [0; SHIFTS_MAX];
        starts.get_mut(..sorted.len())?.copy_from_slice(sorted);
        (!sorted.is_empty()).then_some(Self { starts, count: sorted.len() })
    }

    /// The beginning of the shift in which a time lies, and that of the next.
    fn around(&self, at: DateTime) -> (DateTime, DateTime) {
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        let starts = &self.starts[..self.count];
        let (first, last) = (starts[0], starts[self.count - 1]);
        let time = |day: Date, minute: u16| day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let (yesterday, tomorrow) = (at.date().yesterday(), at.date().tomorrow());
        let (yesterday, tomorrow) = (yesterday.unwrap_or(at.date()), tomorrow.unwrap_or(at.date()));
        match starts.iter().rposition(|start| *start <= minute) {
            None => (time(yesterday, last), time(at.date(), first)),
            Some(place) => {
                let next = starts.get(place + 1);
                let next = next.map_or_else(|| time(tomorrow, first), |next| time(at.date(), *next));
                (time(at.date(), starts[place]), next)
            }
        }
    }
}

/// One such stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSpan {
    /// Its first moment.
    pub from: Wall,
    /// The first moment after it; later than `from`.
    pub to: Wall,
}

impl ClockSpan {
    /// How long it is, in ms.
    pub const fn length_ms(self) -> i64 {
        self.to.0 - self.from.0
    }
}

impl ClockPeriod {
    /// The one in which a moment lies.
    pub fn around(self, at: Wall, zone: &TimeZone) -> ClockSpan {
        let moment = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        match self {
            Self::Minutes(minutes) => {
                let length = i64::from(minutes) * 60_000;
                let offset = i64::from(zone.to_offset(moment).seconds()) * 1000;
                let from = (at.0 + offset).div_euclid(length) * length - offset;
                ClockSpan { from: Wall(from), to: Wall(from + length) }
            }
            Self::Shift(shifts) => {
                let (from, to) = shifts.around(zone.to_datetime(moment));
                between(from, to, at, zone)
            }
            Self::Ever => ClockSpan { from: Wall(0), to: Wall(i64::MAX) },
            Self::Day => {
                let today = zone.to_datetime(moment).date();
                let next = today.checked_add(1.day()).unwrap_or(today);
                between(today.at(0, 0, 0, 0), next.at(0, 0, 0, 0), at, zone)
            }
            Self::Month => {
                let first = zone.to_datetime(moment).date().first_of_month();
                let next = first.checked_add(1.month()).unwrap_or(first);
                between(first.at(0, 0, 0, 0), next.at(0, 0, 0, 0), at, zone)
            }
        }
    }
}

/// From one reading of the clock to another. One that a change of the clock leaves out is the moment of the change. What lies beyond the
/// last day that there is has no end to find: such a moment is a span of its own.
fn between(from: DateTime, to: DateTime, at: Wall, zone: &TimeZone) -> ClockSpan {
    let moment = |time: DateTime| zone.to_ambiguous_zoned(time).compatible();
    let wall = |zoned: Zoned| Wall(zoned.timestamp().as_millisecond());
    match (moment(from), moment(to)) {
        (Ok(from), Ok(to)) if from < to => ClockSpan { from: wall(from), to: wall(to) },
        _ => ClockSpan { from: at, to: Wall(at.0 + 1) },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [ClockPeriod; 5] = [
        ClockPeriod::Minutes(5),
        ClockPeriod::Minutes(15),
        ClockPeriod::Minutes(60),
        ClockPeriod::Day,
        ClockPeriod::Month,
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("bundled")
    }

    fn wall(text: &str) -> Wall {
        Wall(text.parse::<Timestamp>().expect("a moment").as_millisecond())
    }

    #[test]
    fn a_day_is_as_long_as_the_clocks_make_it() {
        let berlin = zone("Europe/Berlin");
        for (at, hours) in
            [("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25), ("2026-07-01T12:00:00Z", 24)]
        {
            let day = ClockPeriod::Day.around(wall(at), &berlin);
            assert_eq!(day.length_ms(), hours * 3_600_000, "{at}");
        }
        let quarter = ClockPeriod::Minutes(15).around(wall("2026-10-25T01:07:00Z"), &berlin);
        assert_eq!(
            quarter.from,
            wall("2026-10-25T01:00:00Z"),
            "the hour that comes twice has quarters twice"
        );
    }

    #[test]
    fn a_night_shift_goes_on_over_midnight() {
        let shifts = ClockPeriod::Shift(Shifts::new(&[480, 1200]).expect("two shifts"));
        for (at, from, to) in [
            ("2026-11-21T13:00:00Z", "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"),
            ("2026-11-21T23:00:00Z", "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"),
            ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z"),
        ] {
            let span = shifts.around(wall(at), &zone("Asia/Shanghai"));
            assert_eq!(span, ClockSpan { from: wall(from), to: wall(to) }, "{at}");
        }
    }

    #[test]
    fn a_month_in_china_begins_at_its_midnight() {
        let span = ClockPeriod::Month.around(wall("2026-11-21T12:00:00Z"), &zone("Asia/Shanghai"));
        assert_eq!(span, ClockSpan { from: wall("2026-10-31T16:00:00Z"), to: wall("2026-11-30T16:00:00Z") });
    }

    proptest! {
        /// Zones that shift by whole hours, and one whose clock has no midnight on some days.
        #[test]
        fn spans_follow_each_other_without_gap_or_overlap(
            at in 946_684_800_000_i64..4_102_444_800_000,
            name in prop_oneof![Just("Asia/Shanghai"), Just("Europe/Berlin"), Just("America/Sao_Paulo"), Just("Asia/Kolkata")],
        ) {
            let zone = zone(name);
            let shifts = ClockPeriod::Shift(Shifts::new(&[0, 480, 960]).expect("three shifts"));
            for period in ALL.into_iter().chain([shifts]) {
                let span = period.around(Wall(at), &zone);
                prop_assert!(span.from.0 <= at && at < span.to.0, "{:?}", span);
                prop_assert_eq!(period.around(span.from, &zone), span);
                prop_assert_eq!(period.around(Wall(span.to.0 - 1), &zone), span);
                prop_assert_eq!(period.around(span.to, &zone).from, span.to);
            }
        }
    }
}
