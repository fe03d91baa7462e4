//! The site's calendar: when it works, which days are days of rest, when something is declared to stand still.

use jiff::civil::{Date, DateTime};

use super::clock_period::Shifts;
use super::dates::Days;
use super::schedule::WeekSpan;
use crate::model::{HazardId, Text, Wall};

/// When a site works, and when it has said that it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// When it works on days that are not days of rest; empty: always, and no day but a holiday is one of rest.
    pub working_hours: Vec<WeekSpan>,
    /// Days of rest whatever weekday they are.
    pub holidays: Vec<Days>,
    /// Days that are worked on although their weekday is one of rest.
    pub working_days: Vec<Days>,
    /// When shifts begin; none where the site has none.
    pub shifts: Option<Shifts>,
    /// What is declared to stand still.
    pub stops: Vec<Stop>,
    /// What is declared to be worked at, outside of working hours or after a standstill.
    pub works: Vec<Work>,
}

/// A time in which something is declared to stand still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What people call it.
    pub title: Text,
    /// What stands still; none: the whole site.
    pub hazard: Option<HazardId>,
    /// Its first moment. A time that the clocks show twice is the first of the two.
    pub from: Wall,
    /// The first moment after it.
    pub to: Wall,
}

impl Stop {
    /// Whether it is in force.
    pub fn holds(&self, at: Wall) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A time for which work is declared (报备).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What people call it.
    pub title: Text,
    /// What is worked at; none: the whole site.
    pub hazard: Option<HazardId>,
    /// Its first moment, as people read their clocks.
    pub from: DateTime,
    /// The first moment after it.
    pub to: DateTime,
}

/// A question to the calendar that a derived point answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether these are working hours.
    WorkingHours,
    /// Whether this is a day of rest.
    RestDay,
    /// Whether this hazard, or without one the whole site, is to stand still, by the site file or by order.
    Stop(Option<HazardId>),
    /// Whether work is declared for this hazard, or for the whole site.
    Work(Option<HazardId>),
}

impl Calendar {
    /// Whether people work at this moment.
    pub fn is_working(&self, at: DateTime) -> bool {
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        if self.working_hours.is_empty() {
            return !self.is_rest_day(at.date());
        }
        let today = self.weekday_of(at.date());
        let yesterday = at.date().yesterday().ok().and_then(|day| self.weekday_of(day));
        self.working_hours.iter().any(|span| {
            today.is_some_and(|day| span.begins(day, minute))
                || yesterday.is_some_and(|day| span.goes_on_after(day, minute))
        })
    }

    /// Whether nobody works on this day.
    pub fn is_rest_day(&self, day: Date) -> bool {
        self.weekday_of(day).is_none()
    }

    /// Whether the site file declares that something stands still: this hazard or the whole site.
    pub fn is_stopped(&self, hazard: Option<HazardId>, at: Wall) -> bool {
        self.stops.iter().any(|stop| (stop.hazard.is_none() || stop.hazard == hazard) && stop.holds(at))
    }

    /// The stop that is declared for just this, a hazard or the whole site, and in force; of several the one that ends last.
    pub fn stop_of(&self, hazard: Option<HazardId>, at: Wall) -> Option<&Stop> {
        let own = self.stops.iter().filter(|stop| stop.hazard == hazard && stop.holds(at));
        own.max_by_key(|stop| stop.to)
    }

    /// The stop that is declared for just this, a hazard or the whole site, and was the last to end.
    pub fn last_stop_of(&self, hazard: Option<HazardId>, at: Wall) -> Option<&Stop> {
        let own = self.stops.iter().filter(|stop| stop.hazard == hazard && stop.to <= at);
        own.max_by_key(|stop| stop.to)
    }

    /// Whether the site file declares that something is worked at: this hazard or the whole site.
    pub fn is_declared_work(&self, hazard: Option<HazardId>, at: DateTime) -> bool {
        self.works
            .iter()
            .any(|work| (work.hazard.is_none() || work.hazard == hazard) && work.from <= at && at < work.to)
    }

    /// The weekday, Monday 0, whose working hours a day has; none for a day of rest. A day that is worked on although its weekday is one of
    /// rest has those of the first weekday that has any.
    fn weekday_of(&self, day: Date) -> Option<usize> {
        if self.holidays.iter().any(|days| days.hold(day)) {
            return None;
        }
        let own = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
        let has_hours = |day: &usize| {
            self.working_hours.is_empty() || self.working_hours.iter().any(|span| span.days[*day])
        };
        let is_worked = || self.working_days.iter().any(|days| days.hold(day));
        Some(own).filter(has_hours).or_else(|| (0..7).find(has_hours).filter(|_| is_worked()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn calendar() -> Calendar {
        let days = |text: &str| Days::read(text).expect("days");
        Calendar {
            working_hours: vec![WeekSpan::read("mon-fri 20:00-04:00").expect("a time of the week")],
            // Thursday to Wednesday; the Saturday after is worked on.
            holidays: vec![days("2026-10-01..2026-10-07")],
            working_days: vec![days("2026-10-10")],
            ..Calendar::default()
        }
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_on_which_it_begins() {
        let calendar = calendar();
        for (day, hour, is_working) in
            [(30, 19, false), (30, 20, true), (31, 3, true), (31, 4, false), (31, 20, false)]
        {
            let at = if day == 31 { date(2026, 10, 1) } else { date(2026, 9, day) }.at(hour, 0, 0, 0);
            assert_eq!(calendar.is_working(at), is_working, "{at}");
        }
    }

    #[test]
    fn holidays_are_days_of_rest_and_days_worked_instead_are_not() {
        let calendar = calendar();
        for (day, is_rest) in [(1, true), (7, true), (8, false), (9, false), (10, false), (11, true)] {
            assert_eq!(calendar.is_rest_day(date(2026, 10, day)), is_rest, "{day}");
        }
        assert!(calendar.is_working(date(2026, 10, 10).at(21, 0, 0, 0)), "with the hours of a Monday");
        assert!(calendar.is_working(date(2026, 10, 11).at(3, 0, 0, 0)));
    }

    #[test]
    fn a_site_without_working_hours_always_works_but_on_holidays() {
        let always = Calendar { working_hours: Vec::new(), ..calendar() };
        assert!(always.is_working(date(2026, 10, 11).at(3, 0, 0, 0)));
        assert!(
            !always.is_working(date(2026, 10, 2).at(12, 0, 0, 0)) && always.is_rest_day(date(2026, 10, 2))
        );
    }

    #[test]
    fn a_stop_of_the_whole_site_is_one_of_each_hazard_and_not_the_other_way_round() {
        let (line, other) = (Some(HazardId::new(0)), Some(HazardId::new(1)));
        let (within, end) = (Wall(1_796_083_200_000), Wall(1_796_169_600_000));
        let stop = |hazard| Stop { title: Text::same("overhaul"), hazard, from: within, to: end };
        let of = |hazard| Calendar { stops: vec![stop(hazard)], ..Calendar::default() };
        assert!(of(line).is_stopped(line, within) && !of(line).is_stopped(other, within));
        assert!(!of(line).is_stopped(None, within));
        assert!(of(None).is_stopped(line, within) && of(None).is_stopped(None, within));
        assert!(!of(None).is_stopped(line, end), "its end is no part of it");
        assert!(of(line).stop_of(line, within).is_some() && of(None).stop_of(line, within).is_none());
        assert!(of(line).last_stop_of(line, within).is_none() && of(line).last_stop_of(line, end).is_some());
    }

    #[test]
    fn declared_work_of_the_whole_site_is_one_of_each_hazard_and_of_one_of_no_other() {
        let (line, other) = (Some(HazardId::new(0)), Some(HazardId::new(1)));
        let (from, to) = (date(2026, 12, 1).at(22, 0, 0, 0), date(2026, 12, 2).at(6, 0, 0, 0));
        let of = |hazard| Calendar {
            works: vec![Work { title: Text::same("night shift"), hazard, from, to }],
            ..Calendar::default()
        };
        assert!(of(line).is_declared_work(line, from) && !of(line).is_declared_work(other, from));
        assert!(of(None).is_declared_work(line, from) && !of(None).is_declared_work(line, to));
    }
}
