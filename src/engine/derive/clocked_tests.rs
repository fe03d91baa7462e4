//! Figures by the clock against plain arithmetic over every reading: over changes of the clock, gaps, late and repeated readings, counters that
//! begin again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::clocked::Clockwork;
use crate::model::{Mono, Now, PointId, Reason, Sample, Value, Wall};
use crate::site::{ClockPeriod, Clocked, Figure, Gauge, Which};

const QUARTER: ClockPeriod = ClockPeriod::Minutes(15);
const COUNTER: Gauge = Gauge::Counter { modulus: None };

/// A clockwork, both clocks, and what it has told.
struct Bench {
    figure: Clocked,
    work: Clockwork,
    zone: TimeZone,
    steady: i64,
    wall: i64,
    told: Vec<(Wall, Sample)>,
}

impl Bench {
    fn new(
        start: &str,
        zone: &str,
        figure: Figure,
        gauge: Gauge,
        (period, which): (ClockPeriod, Which),
    ) -> Self {
        let clocked = Clocked { of: PointId::new(0), period, which, figure, gauge };
        let wall = start.parse::<Timestamp>().expect("a moment").as_millisecond();
        let zone = TimeZone::get(zone).expect("bundled");
        Self { figure: clocked, work: Clockwork::new(clocked), zone, steady: 5_000, wall, told: Vec::new() }
    }

    fn china(start: &str, figure: Figure, gauge: Gauge) -> Self {
        Self::new(start, "Asia/Shanghai", figure, gauge, (QUARTER, Which::Last))
    }

    fn now(&self) -> Now {
        let mono = Mono::from_start(Duration::from_millis(self.steady.unsigned_abs()));
        Now { mono, wall: Wall(self.wall) }
    }

    fn pass(&mut self, ms: i64) {
        self.steady += ms;
        self.wall += ms;
    }

    fn read(&mut self, sample: Sample) {
        self.read_of(self.wall, sample);
    }

    fn read_of(&mut self, at: i64, sample: Sample) {
        let now = self.now();
        self.work.take(now, Wall(at), sample, &self.zone);
        self.told.extend(self.work.tell(now, Wall(at)));
    }

    /// What the gateway's loop does each minute.
    fn minute(&mut self) {
        let now = self.now();
        if self.work.is_over(now.wall) {
            self.work.lapse(now, &self.zone);
            self.told.extend(self.work.tell(now, now.wall));
        }
    }

    /// The gateway stops, is away for a while, and starts again with what was last put out to be remembered. Its clocks begin anew.
    fn restart(&mut self, kept: Option<&str>, away_ms: i64) {
        let figure = self.figure;
        self.wall += away_ms;
        self.steady = 2_000;
        self.work = Clockwork::new(figure);
        if let Some(kept) = kept {
            self.work.recall(kept, self.now()).expect("it can be read");
        }
    }

    fn last(&self) -> Sample {
        self.told.last().expect("something was told").1
    }
}

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

fn near(sample: Sample, expected: f64) {
    let Sample::Good(Value::Float(value)) = sample else { panic!("{sample:?}, not {expected}") };
    assert!((value - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{value}, not {expected}");
}

const BAD: Sample = Sample::Bad(Reason::Comm);

#[test]
fn the_demand_of_a_quarter_is_told_once_it_is_over_and_bears_its_last_moment() {
    let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Demand, Gauge::Level);
    for second in 0..=960 {
        bench.read(good(if second < 450 { 100.0 } else { 300.0 }));
        bench.pass(1000);
    }
    let [(_, Sample::Bad(Reason::NoData)), (of, sample)] = bench.told[..] else { panic!("{:?}", bench.told) };
    near(sample, 200.0);
    assert_eq!(Timestamp::from_millisecond(of.0).expect("a moment").to_string(), "2026-11-21T02:14:59.999Z");
}

#[test]
fn the_same_demand_comes_of_an_energy_counter() {
    let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Demand, COUNTER);
    for second in 0..=960 {
        let hours = f64::from(second) / 3600.0;
        bench.read(good(7000.0 + 100.0 * hours.min(0.125) + 300.0 * (hours - 0.125).max(0.0)));
        bench.pass(1000);
    }
    near(bench.last(), 200.0);
}

#[test]
fn p2_a_demand_of_which_more_than_a_quarter_is_missing_is_none() {
    for (minutes, is_known) in [(3, true), (5, false)] {
        let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Demand, Gauge::Level);
        for minute in 0..=16 {
            bench.read(if (5..5 + minutes).contains(&minute) { BAD } else { good(100.0) });
            bench.pass(60_000);
        }
        assert_eq!(matches!(bench.last(), Sample::Good(_)), is_known, "{minutes}");
    }
}

#[test]
fn p2_a_counter_that_was_silent_over_an_end_makes_both_sides_uncertain_and_loses_nothing() {
    let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Amount, COUNTER);
    for (minute, value) in [(0, 0.0), (9, 9.0), (21, 21.0), (29, 29.0), (30, 30.0), (31, 31.0)] {
        bench.wall = bench.wall.div_euclid(900_000 * 4) * 900_000 * 4;
        bench.steady = 5_000 + minute * 60_000;
        bench.wall += minute * 60_000;
        bench.read(good(value));
    }
    let told: Vec<Sample> = bench.told.iter().skip(1).map(|(_, sample)| *sample).collect();
    let unsure = |value| Sample::Uncertain(Value::Float(value), Reason::NoData);
    assert_eq!(told, [unsure(15.0), unsure(15.0)]);
}

#[test]
fn a_counter_that_was_silent_within_a_stretch_is_known() {
    let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Amount, COUNTER);
    for (minutes, value) in [(0, 10.0), (14, 24.0), (2, 26.0)] {
        bench.pass(minutes * 60_000);
        bench.read(if minutes == 14 { BAD } else { good(value) });
        bench.read(good(value));
    }
    // Fourteen minutes unheard of are no gap: the counter went on counting. The last two lie on both sides of the end.
    assert!(matches!(bench.last(), Sample::Uncertain(Value::Float(value), _) if (value - 15.0).abs() < 1e-9));
}

#[test]
fn what_is_energy_so_far_is_told_as_it_grows_and_begins_anew_at_midnight() {
    let day = (ClockPeriod::Day, Which::Present);
    let mut bench = Bench::new("2026-11-21T15:59:00Z", "Asia/Shanghai", Figure::Amount, Gauge::Level, day);
    for second in 0..=120 {
        bench.read(good(3600.0));
        if second == 59 {
            assert!(
                matches!(bench.last(), Sample::Uncertain(Value::Float(value), Reason::NoData) if (50.0..=59.0).contains(&value))
            );
        }
        bench.pass(1000);
    }
    let Sample::Good(Value::Float(value)) = bench.last() else { panic!("{:?}", bench.last()) };
    assert!((50.0..=60.0).contains(&value), "{value} of the new day");
    assert!(bench.told.len() < 20, "{} readings in two minutes", bench.told.len());
}

#[test]
fn p2_a_point_that_falls_silent_does_not_leave_an_old_demand_standing() {
    let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Demand, Gauge::Level);
    for minute in 0..=60 {
        match minute {
            0..=20 => bench.read(good(100.0)),
            21 => bench.read(BAD),
            _ => bench.minute(),
        }
        bench.pass(60_000);
    }
    let told: Vec<bool> = bench.told.iter().map(|(_, sample)| matches!(sample, Sample::Good(_))).collect();
    assert_eq!(
        told,
        [false, true, false, false],
        "at first, of the first quarter, of the second, of the third"
    );
}

#[test]
fn p2_the_time_in_which_a_power_was_not_read_over_a_restart_is_not_known() {
    for (away_ms, is_known) in [(5_000, true), (60_000, false)] {
        let mut bench = Bench::china("2026-11-21T02:00:00Z", Figure::Amount, Gauge::Level);
        let mut kept = None;
        for minute in 0..=16 {
            bench.read(good(60.0));
            kept = bench.work.keep(bench.now()).or(kept);
            if minute == 5 {
                bench.restart(kept.as_deref(), away_ms);
                bench.read(good(60.0));
            }
            bench.pass(60_000);
        }
        match bench.last() {
            Sample::Good(Value::Float(value)) => assert!(is_known && value > 14.9, "{value}"),
            Sample::Uncertain(Value::Float(value), Reason::NoData) => {
                assert!(!is_known && value > 12.9, "{value}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_greatest_demand_of_a_day_counts_the_one_that_ends_with_it() {
    let day = (ClockPeriod::Day, Which::Last);
    let mut bench =
        Bench::new("2026-11-21T15:44:59.999Z", "Asia/Shanghai", Figure::Greatest, Gauge::Level, day);
    for value in [200.0, 500.0, 300.0] {
        let at = bench.wall;
        bench.pass(700);
        bench.read_of(at, good(value));
        bench.pass(900_000 - 700);
    }
    let Sample::Uncertain(Value::Float(value), Reason::NoData) = bench.last() else {
        panic!("{:?}", bench.told)
    };
    assert_eq!(value, 500.0);
}

/// Milliseconds to the next reading, and what it says; none is a bad one.
fn readings() -> impl Strategy<Value = Vec<(i64, Option<f64>)>> {
    let value = prop_oneof![9 => (0_i32..50).prop_map(|n| Some(f64::from(n) / 4.0)), 1 => Just(None)];
    let step = prop_oneof![9 => 100_i64..60_000, 1 => 60_000_i64..3_600_000];
    prop::collection::vec((step, value), 1..150)
}

/// Around both changes of the clock in Berlin, in a zone with a half hour, and on an ordinary evening in China.
fn place() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        Just(("2026-03-29T00:10:00Z", "Europe/Berlin")),
        Just(("2026-10-25T00:10:00Z", "Europe/Berlin")),
        Just(("2026-11-21T12:00:00Z", "Asia/Kolkata")),
        Just(("2026-11-21T15:50:00Z", "Asia/Shanghai")),
    ]
}

fn period() -> impl Strategy<Value = ClockPeriod> {
    prop_oneof![Just(QUARTER), Just(ClockPeriod::Minutes(60)), Just(ClockPeriod::Day)]
}

proptest! {
    /// Each stretch is told once, in order, and comes to what stood in it by school arithmetic.
    #[test]
    fn p2_each_mean_is_that_of_what_stood_between_the_ends_of_its_stretch(
        readings in readings(), (start, zone) in place(), period in period(),
    ) {
        let mut bench = Bench::new(start, zone, Figure::Mean, Gauge::Level, (period, Which::Last));
        let mut taken = Vec::new();
        for (step, value) in readings {
            bench.pass(step);
            bench.read(value.map_or(BAD, good));
            taken.push((bench.wall, value));
        }
        let told = &bench.told[1..];
        prop_assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (of, sample) in told {
            let span = period.around(*of, &bench.zone);
            prop_assert_eq!(span.to.0, of.0 + 1);
            let (mut known, mut integral) = (0, 0.0);
            for pair in taken.windows(2) {
                let inside = pair[1].0.min(span.to.0) - pair[0].0.max(span.from.0);
                if let Some(value) = pair[0].1.filter(|_| inside > 0) {
                    known += inside;
                    integral += value * inside as f64;
                }
            }
            if known * 4 >= span.length_ms() * 3 {
                let Sample::Good(Value::Float(value)) = sample else { return Err(TestCaseError::fail(format!("{sample:?}"))) };
                prop_assert!((value - integral / known as f64).abs() < 1e-9);
            } else {
                prop_assert_eq!(*sample, Sample::Bad(Reason::NoData));
            }
        }
    }

    /// Whatever a counter does between two readings, all stretches together come to what it went up by, rollovers and changes of the clock or not.
    #[test]
    fn what_a_counter_went_up_by_is_in_one_stretch_or_the_other_and_nothing_twice(
        steps in prop::collection::vec((1_000_i64..800_000, 0_u32..90), 2..200), (start, zone) in place(),
    ) {
        let gauge = Gauge::Counter { modulus: Some(1000.0) };
        let mut bench = Bench::new(start, zone, Figure::Amount, gauge, (QUARTER, Which::Last));
        let (mut total, first) = (0, steps[0].1);
        for (step, used) in &steps {
            bench.pass(*step);
            total += used;
            bench.read(good(f64::from(total % 1000)));
        }
        // A last reading in the next stretch, for what stands in the present one.
        bench.pass(900_000);
        bench.read(good(f64::from(total % 1000)));
        let sum: f64 = bench.told.iter().filter_map(|(_, sample)| sample.value()).map(Value::as_f64).sum();
        prop_assert!((sum - f64::from(total - first)).abs() < 1e-6, "{} of {}", sum, total - first);
    }

    /// Nothing that a counter went up by is lost over restarts, whenever they come and whatever was last put out: only its distribution may be.
    #[test]
    fn p1_a_counter_loses_nothing_over_a_restart(
        steps in prop::collection::vec((1_000_i64..60_000, 0_u32..90, prop::option::weighted(0.05, 0_i64..40_000_000)), 2..300),
    ) {
        let day = (ClockPeriod::Day, Which::Last);
        let mut bench = Bench::new("2026-11-21T02:00:00Z", "Asia/Shanghai", Figure::Amount, COUNTER, day);
        let (mut total, first, mut kept) = (0, steps[0].1, None);
        let mut sums = std::collections::BTreeMap::new();
        for (step, used, restart) in steps.iter().chain([&(1_000, 0, None), &(86_400_000, 0, None)]) {
            bench.pass(*step);
            total += used;
            bench.read(good(f64::from(total)));
            kept = bench.work.keep(bench.now()).or(kept);
            prop_assert!(kept.as_ref().is_some_and(|kept| kept.len() < 500));
            if let Some(away_ms) = restart {
                bench.restart(kept.as_deref(), *away_ms);
            }
        }
        // What stands for the same day after a restart stands in the place of what was told before.
        sums.extend(bench.told.iter().filter_map(|(of, sample)| Some((*of, sample.value()?.as_f64()))));
        let sum: f64 = sums.values().sum();
        prop_assert!((sum - f64::from(total - first)).abs() < 1e-6, "{} of {}", sum, total - first);
    }

    /// Readings that come again, or come after newer ones, change nothing.
    #[test]
    fn late_and_repeated_readings_change_nothing(
        readings in readings(), late in prop::collection::vec((any::<bool>(), 1_000_i64..100_000), 150), is_counter in any::<bool>(),
    ) {
        let gauge = if is_counter { COUNTER } else { Gauge::Level };
        let bench = || Bench::china("2026-11-21T15:50:00Z", Figure::Amount, gauge);
        let (mut plain, mut disturbed) = (bench(), bench());
        let mut before = None;
        for ((step, value), (again, by)) in readings.into_iter().zip(late) {
            let sample = value.map_or(BAD, good);
            for one in [&mut plain, &mut disturbed] {
                one.pass(step);
                one.read(sample);
            }
            if again {
                disturbed.read(sample);
            }
            if let Some(before) = before {
                disturbed.read_of(disturbed.wall - by.max(2), before);
            }
            before = Some(sample);
        }
        prop_assert_eq!(plain.told, disturbed.told);
    }

    /// However the wall clock is put, no time is invented: a steady load comes to no more than the load for as long as it ran, and every mean of
    /// it is the load.
    #[test]
    fn p2_no_step_of_the_wall_clock_makes_energy(
        puts in prop::collection::vec((1_i64..120, prop_oneof![Just(0_i64), -4_000_000_i64..4_000_000, -3_000_i64..3_000]), 1..80),
    ) {
        let mut mean = Bench::china("2026-11-21T15:50:00Z", Figure::Mean, Gauge::Level);
        let mut energy = Bench::china("2026-11-21T15:50:00Z", Figure::Amount, Gauge::Level);
        let mut hours = 0.0;
        for (seconds, put) in puts {
            for _ in 0..seconds {
                hours += 10.0 / 3600.0;
                for bench in [&mut mean, &mut energy] {
                    bench.pass(10_000);
                    bench.read(good(60.0));
                }
            }
            mean.wall += put;
            energy.wall += put;
        }
        for (_, sample) in &mean.told {
            prop_assert!(*sample == Sample::Bad(Reason::NoData) || matches!(sample, Sample::Good(Value::Float(value)) if (value - 60.0).abs() < 1e-9));
        }
        let sum: f64 = energy.told.iter().filter_map(|(_, sample)| sample.value()).map(Value::as_f64).sum();
        prop_assert!(sum <= 60.0 * hours + 1e-6, "{} kWh in {} h", sum, hours);
    }
}
