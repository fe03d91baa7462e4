//! What is ordinary for a feeder, over weeks that are simulated quarter by quarter.

use std::time::Duration;

use jiff::civil::{Date, DateTime, date};

use super::baseline::Feeder;
use super::clocked::Clockwork;
use crate::engine::testing::Plant;
use crate::model::limits::{BASELINE_DAYS_MAX, BASELINE_SLOTS};
use crate::model::{Mono, Now, PointId, Reason, Sample, Value, Wall};
use crate::site::{Aspect, Baseline, Days, Gauge, Site, WeekSpan};

const FEEDER: Baseline = Baseline { of: PointId::new(0), gauge: Gauge::Level, days_min: 5, percent: 30.0 };

const UNKNOWN: Sample = Sample::Bad(Reason::NoData);

/// A feeder at a site that works from Monday to Friday, read each 5 minutes from a Monday's midnight on.
struct Weeks {
    site: Site,
    feeder: Feeder,
    ms: i64,
    kept: std::collections::BTreeMap<String, String>,
}

/// 2026-06-01, a Monday.
const START: Date = date(2026, 6, 1);

impl Weeks {
    fn new() -> Self {
        let mut site = Plant::new().site;
        let span = |day: usize| WeekSpan { days: std::array::from_fn(|at| at == day), from: 0, to: 1440 };
        site.calendar.working_hours = (0..5).map(span).collect();
        Self { site, feeder: Feeder::new(FEEDER), ms: 0, kept: std::collections::BTreeMap::new() }
    }

    fn now(&self) -> Now {
        let start = START.to_zoned(self.site.identity.zone.clone()).expect("a day").timestamp();
        let mono = Mono::from_start(Duration::from_millis((self.ms + 9_000).unsigned_abs()));
        Now { mono, wall: Wall(start.as_millisecond() + self.ms) }
    }

    fn local(&self) -> DateTime {
        self.now().wall.local(&self.site.identity.zone)
    }

    /// Lets days pass with this load. Returns how far off each quarter was, by its last moment.
    fn pass(&mut self, days: i64, load: impl Fn(DateTime) -> Option<f64>) -> Vec<(DateTime, Sample)> {
        let mut off = Vec::new();
        for _ in 0..days * 288 {
            let (now, local) = (self.now(), self.local());
            let sample = load(local).map_or(Sample::Bad(Reason::Comm), |kw| Sample::Good(Value::Float(kw)));
            let is_stopped = self.site.calendar.is_stopped(None, now.wall);
            if self.feeder.take(now, (now.wall, Some(sample)), &self.site, || is_stopped) {
                let (of, sample) = self.feeder.aspect(Aspect::Deviation);
                off.push((of.local(&self.site.identity.zone), sample));
            }
            self.kept.extend(self.feeder.keep());
            self.ms += 300_000;
        }
        off
    }

    fn ordinary(&self) -> [Sample; 3] {
        [Aspect::Median, Aspect::Low, Aspect::High].map(|aspect| self.feeder.aspect(aspect).1)
    }
}

/// 100 kW from 8 to 18 on working days, a little more on each day of the month; else 4 kW.
#[expect(clippy::unnecessary_wraps, reason = "goes where a load may be unknown")]
fn ordinary(at: DateTime) -> Option<f64> {
    let works = (8..18).contains(&at.hour()) && at.weekday().to_monday_zero_offset() < 5;
    Some(if works { 100.0 + f64::from(at.day() % 5) } else { 4.0 })
}

fn value(sample: Sample) -> f64 {
    let Sample::Good(value) = sample else { panic!("{sample:?}") };
    value.as_f64()
}

#[test]
fn p2_nothing_is_ordinary_before_enough_days_of_a_kind_are_known() {
    let mut weeks = Weeks::new();
    let off = weeks.pass(7, ordinary);
    assert!(
        off.iter().all(|(_, sample)| *sample == UNKNOWN),
        "five working days are known only when the last is over"
    );
    let off = weeks.pass(7, ordinary);
    for (at, sample) in &off[1..] {
        let works = at.weekday().to_monday_zero_offset() < 5;
        assert_eq!(matches!(sample, Sample::Good(_)), works, "{at}: two days of rest are too few");
    }
    let off = weeks.pass(21, ordinary);
    assert!(off.iter().filter(|(at, _)| at.day() > 27).all(|(_, sample)| matches!(sample, Sample::Good(_))));
}

#[test]
fn what_is_ordinary_is_off_by_nothing_and_what_is_not_by_more_than_the_margin() {
    let mut weeks = Weeks::new();
    weeks.pass(28, ordinary);
    let off = weeks.pass(7, ordinary);
    assert!(off[1..].iter().all(|(_, sample)| value(*sample) == 0.0));
    assert_eq!(weeks.ordinary().map(value), [4.0; 3]);
    let off = weeks
        .pass(1, |at| ordinary(at).map(|kw| if at.hour() == 7 && at.minute() >= 15 { 102.0 } else { kw }));
    assert!(off.iter().all(|(_, sample)| value(*sample) == 0.0), "a shift that begins early");
    let by = |off: &[(DateTime, Sample)], hour: i8| {
        let (_, sample) =
            off.iter().find(|(at, _)| at.hour() == hour && at.minute() == 29).expect("a quarter");
        value(*sample)
    };
    let off = weeks.pass(1, |at| ordinary(at).map(|kw| if at.hour() == 10 { kw * 1.5 } else { kw }));
    assert!(by(&off, 10) > 1.0 && by(&off, 12).abs() < 1.0, "a surge");
    let off = weeks.pass(1, |at| ordinary(at).map(|kw| if at.hour() == 14 { 5.0 } else { kw }));
    assert!(by(&off, 14) < -1.0, "a loss of load");
    let off = weeks.pass(1, |at| ordinary(at).map(|kw| if at.hour() == 2 { 100.0 } else { kw }));
    assert!(by(&off, 2) > 1.0, "a night run");
    let off = weeks.pass(1, |at| ordinary(at).map(|kw| if at.hour() == 2 { 8.0 } else { kw }));
    assert!(by(&off, 2).abs() < 1.0, "twice next to nothing is next to nothing");
}

#[test]
fn p2_of_a_kind_of_day_that_is_not_known_only_what_is_above_every_other_is_out_of_the_ordinary() {
    let mut weeks = Weeks::new();
    weeks.pass(12, ordinary);
    // The second Saturday is a day of rest, and of those too few are known.
    let off = weeks.pass(1, |at| Some(if at.hour() == 10 { 150.0 } else { 90.0 }));
    let by =
        |hour: i8| off.iter().find(|(at, _)| at.hour() == hour && at.minute() == 29).expect("a quarter").1;
    assert!(value(by(10)) > 1.0, "more than on any working day");
    assert_eq!(by(12), UNKNOWN, "a load that a working day has may be ordinary here");
    assert_eq!(weeks.ordinary(), [UNKNOWN; 3]);
}

#[test]
fn days_that_are_like_no_others_are_left_out() {
    let mut weeks = Weeks::new();
    let days = |text: &str| text.parse::<Date>().expect("a day");
    // The second week stands still, the third is holidays, of the fourth most is not known.
    weeks.site.calendar.stops = vec![crate::site::Stop {
        title: crate::model::Text::same("overhaul"),
        hazard: None,
        from: Wall::of_local(date(2026, 6, 8).at(12, 0, 0, 0), &weeks.site.identity.zone),
        to: Wall::of_local(date(2026, 6, 13).at(0, 0, 0, 0), &weeks.site.identity.zone),
    }];
    weeks.site.calendar.holidays = vec![Days { first: days("2026-06-15"), last: days("2026-06-19") }];
    weeks.pass(7, ordinary);
    weeks.pass(14, |at| ordinary(at).map(|kw| kw + 500.0));
    weeks.pass(7, |at| ordinary(at).filter(|_| at.hour() < 16).map(|kw| kw + 500.0));
    let off = weeks.pass(2, ordinary);
    let known: Vec<f64> = off[1..].iter().map(|(_, sample)| value(*sample)).collect();
    assert!(known.iter().all(|off| *off == 0.0), "{known:?}");
    let days: Vec<&str> =
        weeks.kept.iter().filter(|(key, _)| *key != "today").map(|(_, body)| &body[8..10]).collect();
    // The first week, the days of rest after it, and the first day of the last two.
    for day in ["01", "02", "03", "04", "05", "06", "07", "13", "14", "20", "21", "29"] {
        assert!(days.contains(&day), "{day} of {days:?}");
    }
    assert_eq!(days.len(), 12, "{days:?}");
}

#[test]
fn p1_what_was_learnt_goes_on_over_a_restart() {
    let mut weeks = Weeks::new();
    weeks.pass(45, ordinary);
    weeks.pass(1, |at| ordinary(at).filter(|_| at.hour() < 20));
    let mut next = Feeder::new(FEEDER);
    assert_eq!(weeks.kept.len(), BASELINE_DAYS_MAX + 1, "as many days as there are, and the present one");
    for (key, body) in &weeks.kept {
        assert!(body.len() < 1200, "{} bytes", body.len());
        next.recall(key, body).expect("it can be read");
    }
    let mut restarted =
        Weeks { feeder: next, site: weeks.site.clone(), ms: weeks.ms, kept: weeks.kept.clone() };
    weeks.ms = restarted.ms;
    let (one, other) = (weeks.pass(9, ordinary), restarted.pass(9, ordinary));
    assert_eq!(one[1..], other[1..], "the first of one is the end of a quarter, of the other the start");
    assert_eq!(weeks.ordinary(), restarted.ordinary());
}

#[test]
fn p5_a_feeder_is_learnt_in_20_kb() {
    let day = 64 + BASELINE_SLOTS * size_of::<f32>();
    let bytes = size_of::<Feeder>() + size_of::<Clockwork>() + (BASELINE_DAYS_MAX + 1) * day;
    assert!(bytes <= 20_000, "{bytes} bytes");
}
