//! The windows against plain arithmetic over every reading that was taken.

use std::time::Duration;

use proptest::prelude::*;

use super::window::Running;
use crate::model::limits::WINDOW_BUCKETS;
use crate::model::{Mono, PointId, Reason, Sample, Value};
use crate::site::{Function, Window};

const OVER: Duration = Duration::from_secs(240);
/// One part of the window.
const PART_S: f64 = 10.0;

fn running(function: Function) -> Running {
    Running::new(Window { of: PointId::new(0), over: OVER, function })
}

fn s(seconds: f64) -> Mono {
    Mono::from_start(Duration::from_secs_f64(seconds))
}

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

/// What comes out after a value each second for so long.
fn after(function: Function, seconds: u32, value: impl Fn(f64) -> f64) -> Sample {
    let mut running = running(function);
    let mut last = Sample::Bad(Reason::NoData);
    for second in 0..=seconds {
        last = running.take(s(f64::from(second)), good(value(f64::from(second))));
    }
    last
}

fn near(sample: Sample, expected: f64) {
    let Sample::Good(Value::Float(value)) = sample else { panic!("{sample:?}, not {expected}") };
    assert!((value - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{value}, not {expected}");
}

const PER_MINUTE: Function = Function::Rate { per: Duration::from_secs(60) };

#[test]
fn the_rate_of_a_straight_line_is_its_slope_wherever_it_stands() {
    for seconds in [200, 240, 5000] {
        near(after(PER_MINUTE, seconds, |t| 7.0 - 0.5 * t), -30.0);
        near(after(PER_MINUTE, seconds, |_| 1e6), 0.0);
    }
}

#[test]
fn a_forecast_is_the_time_that_is_left_nothing_once_it_is_there_and_far_off_while_it_goes_the_other_way() {
    let to_100 = |rising| Function::Forecast { to: 100.0, rising };
    near(after(to_100(true), 200, |t| 0.1 * t), 80.0 / 6.0);
    near(after(to_100(true), 200, |t| 100.0 + t), 0.0);
    near(after(to_100(true), 200, |t| 50.0 - 0.1 * t), 40.0);
    near(after(to_100(false), 200, |t| 150.0 - 0.1 * t), 30.0 / 6.0);
    near(after(to_100(false), 200, |_| 150.0), 40.0);
}

#[test]
fn p2_too_little_of_the_past_is_no_mean_and_no_rate_but_so_many_pulses_at_least() {
    for function in [Function::Mean, Function::TimeWeighted, Function::Sum, PER_MINUTE] {
        assert_eq!(after(function, 170, |t| t), Sample::Bad(Reason::NoData), "{function:?}");
        assert!(matches!(after(function, 190, |t| t), Sample::Good(_)), "{function:?}");
    }
    let early = after(Function::Count, 100, |t| t);
    assert_eq!(early, Sample::Uncertain(Value::Float(100.0), Reason::NoData));
}

#[test]
fn p2_a_hole_in_the_past_is_no_value_and_doubt_in_it_stays_doubt_until_it_is_past() {
    let mut running = running(Function::TimeWeighted);
    for second in 0..=240 {
        running.take(s(f64::from(second)), good(5.0));
    }
    for second in 241..=300 {
        running.take(s(f64::from(second)), Sample::Bad(Reason::Comm));
    }
    let holed = running.take(s(301.0), good(5.0));
    assert_eq!(holed, Sample::Bad(Reason::NoData), "a quarter is missing");
    for second in 302..=540 {
        running.take(s(f64::from(second)), good(5.0));
    }
    near(running.take(s(541.0), good(5.0)), 5.0);
    running.take(s(542.0), Sample::Uncertain(Value::Float(5.0), Reason::Range));
    for second in 543..780 {
        let sample = running.take(s(f64::from(second)), good(5.0));
        let is_past = f64::from(second) > 542.0 + OVER.as_secs_f64();
        assert!(
            is_past || sample == Sample::Uncertain(Value::Float(5.0), Reason::Range),
            "{second}: {sample:?}"
        );
    }
    near(running.take(s(800.0), good(5.0)), 5.0);
}

#[test]
fn p2_what_is_known_of_the_past_of_a_point_that_is_lost_does_not_stand_for_its_present() {
    for (function, lost) in [
        (Function::Mean, Sample::Bad(Reason::SensorFault)),
        (Function::TimeWeighted, Sample::Bad(Reason::SensorFault)),
        (PER_MINUTE, Sample::Bad(Reason::SensorFault)),
        (Function::Greatest, Sample::Uncertain(Value::Float(5.0), Reason::SensorFault)),
        (Function::Count, Sample::Uncertain(Value::Float(0.0), Reason::SensorFault)),
    ] {
        let mut running = running(function);
        for second in 0..=240 {
            running.take(s(f64::from(second)), good(5.0));
        }
        assert_eq!(running.take(s(241.0), Sample::Bad(Reason::SensorFault)), lost, "{function:?}");
    }
}

#[test]
fn a_counter_that_starts_anew_or_a_switch_that_goes_off_is_no_pulse() {
    let counter = [10.0, 12.0, 15.0, 2.0, 3.0];
    near(after(Function::Count, 240, |t| counter[(t as usize / 60).min(4)]), 6.0);
    near(after(Function::Count, 240, |t| f64::from(u8::from(t as u64 % 60 < 3))), 4.0);
}

/// Seconds to the next reading, and what it says; none is a bad one.
fn readings() -> impl Strategy<Value = Vec<(u32, Option<f64>)>> {
    let value = prop_oneof![9 => (-50_i32..50).prop_map(|n| Some(f64::from(n) / 4.0)), 1 => Just(None)];
    prop::collection::vec((prop_oneof![9 => 1_u32..8, 1 => 8_u32..400], value), 1..200)
}

proptest! {
    /// The window holds between all and one part less of its span, in whole parts; within those, every figure is that of school arithmetic.
    #[test]
    fn p2_each_figure_is_what_the_readings_in_the_window_come_to(readings in readings()) {
        let functions =
            [Function::Mean, Function::TimeWeighted, Function::Least, Function::Greatest, Function::Sum, Function::Count, PER_MINUTE];
        let mut all: Vec<Running> = functions.iter().map(|function| running(*function)).collect();
        let mut taken: Vec<(f64, Option<f64>)> = Vec::new();
        let mut now = 0.0;
        for (step, value) in readings {
            now += f64::from(step);
            taken.push((now, value));
            let sample = value.map_or(Sample::Bad(Reason::Comm), good);
            let open = (now / PART_S).floor();
            let start = ((open - WINDOW_BUCKETS as f64 + 1.0) * PART_S).max(0.0);
            for (function, running) in functions.iter().zip(&mut all) {
                let found = running.take(s(now), sample);
                let (expected, known_s) = plain(*function, &taken, start, now);
                let at_least = matches!(function, Function::Count | Function::Least | Function::Greatest);
                let is_known = known_s >= 0.75 * OVER.as_secs_f64();
                match (expected, found) {
                    (None, Sample::Bad(Reason::Comm)) if value.is_none() => {}
                    (Some(_), Sample::Bad(Reason::Comm)) if value.is_none() && !at_least => {}
                    (Some(expected), Sample::Uncertain(Value::Float(found), Reason::Comm)) if value.is_none() && at_least => {
                        prop_assert!((found - expected).abs() < 1e-9, "{:?}: {} for {}", function, found, expected);
                    }
                    _ if value.is_none() => prop_assert!(false, "{:?} at {} of what is lost: {:?}", function, now, found),
                    (Some(expected), Sample::Good(Value::Float(value))) if is_known => {
                        prop_assert!((value - expected).abs() < 1e-6 * expected.abs().max(1.0), "{:?}: {} for {}", function, value, expected);
                    }
                    (Some(expected), Sample::Uncertain(Value::Float(value), Reason::NoData)) if !is_known && at_least => {
                        prop_assert!((value - expected).abs() < 1e-9, "{:?}: {} for {}", function, value, expected);
                    }
                    (_, Sample::Bad(Reason::NoData)) if !is_known && !at_least => {}
                    (None, Sample::Bad(Reason::NoData)) => {}
                    other => prop_assert!(false, "{:?} at {}: {:?}", function, now, other),
                }
            }
        }
    }
}

/// The figure and the seconds in which a value was known, from `start` to `now`.
fn plain(function: Function, taken: &[(f64, Option<f64>)], start: f64, now: f64) -> (Option<f64>, f64) {
    let inside: Vec<(f64, f64)> = taken
        .iter()
        .filter(|(at, _)| *at >= start)
        .filter_map(|(at, value)| Some((*at, (*value)?)))
        .collect();
    let (mut known_s, mut integral) = (0.0, 0.0);
    for (index, (at, value)) in taken.iter().enumerate() {
        let until = taken.get(index + 1).map_or(now, |next| next.0);
        if let Some(value) = value {
            let seconds = (until - at.max(start)).max(0.0);
            known_s += seconds;
            integral += seconds * value;
        }
    }
    let count = inside.len() as f64;
    let sum: f64 = inside.iter().map(|(_, value)| value).sum();
    let known: Vec<(f64, f64)> = taken.iter().filter_map(|(at, value)| Some((*at, (*value)?))).collect();
    let pulses: f64 =
        known.windows(2).filter(|pair| pair[1].0 >= start).map(|pair| (pair[1].1 - pair[0].1).max(0.0)).sum();
    let figure = match function {
        Function::Mean => sum / count,
        Function::TimeWeighted => integral / known_s,
        Function::Least => inside.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min),
        Function::Greatest => inside.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max),
        Function::Sum => sum,
        Function::Count => pulses,
        Function::Rate { per } => {
            let (mean_t, mean_v) = (inside.iter().map(|(at, _)| at).sum::<f64>() / count, sum / count);
            let over: f64 = inside.iter().map(|(at, value)| (at - mean_t) * (value - mean_v)).sum();
            let under: f64 = inside.iter().map(|(at, _)| (at - mean_t).powi(2)).sum();
            if under == 0.0 { f64::NAN } else { over / under * per.as_secs_f64() }
        }
        Function::Forecast { .. } => f64::NAN,
    };
    ((count > 0.0 && figure.is_finite()).then_some(figure), known_s)
}
