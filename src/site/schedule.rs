//! Times in which a rule is active, as people at the site read their clocks: of the week, or by the site's calendar.

use jiff::civil::{DateTime, Weekday};

use super::calendar::Calendar;

/// Times of the week, and times by the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(pub Vec<Time>);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// A time of the week.
    Week(WeekSpan),
    /// The site's working hours.
    WorkingHours,
    /// Days on which the site works.
    WorkingDays,
    /// Days on which it does not.
    RestDays,
}

/// One time of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekSpan {
    /// The days on which it begins, Monday first.
    pub days: [bool; 7],
    /// Minutes after midnight at which it begins, 0 to 1439.
    pub from: u16,
    /// Minutes after midnight at which it ends, 1 to 1440. Not after `from`: on the next day.
    pub to: u16,
}

impl Schedule {
    /// Whether a moment lies in one of them.
    pub fn holds(&self, at: DateTime, calendar: &Calendar) -> bool {
        let day = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        self.0.iter().any(|time| match time {
            Time::Week(span) => span.holds(day, minute),
            Time::WorkingHours => calendar.is_working(at),
            Time::WorkingDays => !calendar.is_rest_day(at.date()),
            Time::RestDays => calendar.is_rest_day(at.date()),
        })
    }
}

impl Time {
    /// Reads a time of the week, or `working_hours`, `working_days`, `rest_days`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "working_hours" => Some(Self::WorkingHours),
            "working_days" => Some(Self::WorkingDays),
            "rest_days" => Some(Self::RestDays),
            _ => WeekSpan::read(text).map(Self::Week),
        }
    }
}

impl WeekSpan {
    fn holds(&self, day: usize, minute: u16) -> bool {
        self.begins(day, minute) || self.goes_on_after((day + 6) % 7, minute)
    }

    /// Whether a minute of a weekday lies in it, as far as it is of the day on which it begins.
    pub(super) fn begins(&self, day: usize, minute: u16) -> bool {
        self.days[day] && minute >= self.from && (minute < self.to || self.to <= self.from)
    }

    /// Whether a minute of the day after this weekday still lies in it.
    pub(super) fn goes_on_after(&self, day: usize, minute: u16) -> bool {
        self.days[day] && self.to <= self.from && minute < self.to
    }

    /// Reads `mon-fri 08:00-18:00`, `sat,sun 20:00-06:00`, `22:00-06:00` (every day), `sun` (all day).
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (first, second) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        let (days, times) = match second {
            Some(times) => (days(first)?, times),
            None if first.contains(':') => ([true; 7], first),
            None => (days(first)?, "00:00-24:00"),
        };
        let (from, to) = times.split_once('-')?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < 24 * 60 && to > 0 && from != to).then_some(Self { days, from, to })
    }
}

fn days(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        loop {
            days[at] = true;
            if at == last {
                break;
            }
            at = (at + 1) % 7;
        }
    }
    Some(days)
}

fn day(text: &str) -> Option<usize> {
    const NAMES: [(&str, Weekday); 7] = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    let (_, day) = NAMES.iter().find(|(name, _)| *name == text)?;
    Some(usize::from(day.to_monday_zero_offset().unsigned_abs()))
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 24 * 60).then_some(all)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn holds(spans: &[&str], day: i8, hour: i8, minute: i8) -> bool {
        let spans = spans.iter().map(|text| WeekSpan::read(text).unwrap_or_else(|| panic!("{text}")));
        // 2026-11-23 is a Monday.
        let schedule = Schedule(spans.map(Time::Week).collect());
        schedule.holds(date(2026, 11, 23 + day).at(hour, minute, 0, 0), &Calendar::default())
    }

    #[test]
    fn a_shift_begins_with_its_first_minute_and_ends_before_its_last() {
        let shift = ["mon-fri 08:00-18:00"];
        for (day, hour, minute, inside) in
            [(0, 7, 59, false), (0, 8, 0, true), (4, 17, 59, true), (4, 18, 0, false), (5, 12, 0, false)]
        {
            assert_eq!(holds(&shift, day, hour, minute), inside, "{day} {hour}:{minute}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = ["fri 22:00-06:00"];
        for (day, hour, inside) in
            [(4, 21, false), (4, 22, true), (5, 5, true), (5, 6, false), (4, 5, false), (5, 23, false)]
        {
            assert_eq!(holds(&night, day, hour, 0), inside, "{day} {hour}");
        }
        assert!(holds(&["sun 22:00-06:00"], 0, 3, 0), "over the end of the week");
    }

    #[test]
    fn whole_days_and_every_day() {
        assert!(holds(&["sat,sun"], 6, 23, 59) && !holds(&["sat,sun"], 4, 23, 59));
        assert!(holds(&["12:00-13:00"], 2, 12, 30));
        assert!(holds(&["fri-mon 00:00-24:00"], 0, 0, 0) && !holds(&["fri-mon 00:00-24:00"], 1, 0, 0));
    }

    #[test]
    fn what_is_no_time_of_the_week_is_refused() {
        for text in [
            "",
            "monday",
            "mon 8:00-9:00",
            "mon 08:00",
            "mon 08:00-08:00",
            "mon 24:00-25:00",
            "mon 08:60-09:00",
            "mon 08:00-09:00 x",
            "mon-",
        ] {
            assert_eq!(WeekSpan::read(text), None, "{text}");
        }
    }
}
