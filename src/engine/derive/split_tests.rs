//! The bound between standing and working: where loads of which shape are parted, and where they are not; what is known of it before, and over a restart.

use std::time::Duration;

use proptest::prelude::*;

use super::production::ProductionWatch;
use super::split::Split;
use crate::model::{Mono, Now, PointId, Reason, Sample, Value, Wall};
use crate::site::Production;

const HOUR_MS: i64 = 3_600_000;
const QUARTER_MS: i64 = HOUR_MS / 4;

/// The bound after so many days of a load that is read each quarter of an hour.
fn learnt(split: &mut Split, days: i64, load: impl Fn(i64) -> Option<f64>) -> Option<f64> {
    for quarter in 0..=days * 96 {
        split.take(quarter * QUARTER_MS, load(quarter));
    }
    split.bound()
}

/// A shift of ten hours that draws 100 to 500, else 14.
#[expect(clippy::unnecessary_wraps, reason = "goes where a load may be unknown")]
fn shift(quarter: i64) -> Option<f64> {
    Some(if (32..72).contains(&(quarter % 96)) { 100.0 + (quarter * 37 % 400) as f64 } else { 14.0 })
}

#[test]
fn a_bound_lies_between_the_modes_and_away_from_both() {
    let bound = learnt(&mut Split::new(7), 8, shift).expect("two modes");
    assert!((25.0..80.0).contains(&bound), "{bound}");
    let nothing =
        learnt(&mut Split::new(7), 8, |quarter| shift(quarter).map(|kw| if kw < 20.0 { 0.0 } else { kw }));
    let bound = nothing.expect("two modes");
    assert!(
        (15.0..90.0).contains(&bound),
        "{bound}: nothing at all stands for a sixty-fourth of the greatest"
    );
    let rare = learnt(&mut Split::new(7), 30, |quarter| Some(if quarter % 672 < 24 { 300.0 } else { 3.0 }));
    let bound = rare.expect("six hours a week are a mode");
    assert!((6.0..200.0).contains(&bound), "{bound}");
}

#[test]
fn p2_where_there_are_no_two_modes_there_is_no_bound() {
    assert_eq!(learnt(&mut Split::new(7), 40, |_| Some(100.0)), None, "always the same");
    let even = |quarter: i64| Some(2_f64.powf((quarter * 37 % 96) as f64 / 16.0));
    assert_eq!(learnt(&mut Split::new(7), 40, even), None, "as often at one step as at the next");
    let near = |quarter: i64| Some(if quarter % 96 < 40 { 100.0 } else { 140.0 });
    assert_eq!(learnt(&mut Split::new(7), 40, near), None, "too near each other");
    let once = |quarter: i64| Some(if quarter == 100 { 900.0 } else { 3.0 });
    assert_eq!(learnt(&mut Split::new(7), 40, once), None, "one start");
    assert_eq!(learnt(&mut Split::new(7), 40, |_| None), None);
    assert_eq!(learnt(&mut Split::new(7), 40, |_| Some(-5.0)), None);
}

#[test]
fn p2_nothing_is_learnt_before_enough_days_are_known() {
    let mut split = Split::new(7);
    assert_eq!(learnt(&mut split, 6, shift), None);
    let half = |quarter: i64| shift(quarter).filter(|_| quarter % 96 < 48);
    assert_eq!(learnt(&mut Split::new(7), 13, half), None, "half of each day is known");
    assert!(learnt(&mut Split::new(7), 15, half).is_some());
}

#[test]
fn a_bound_follows_a_line_that_is_another_and_goes_on_over_a_long_stop() {
    let mut split = Split::new(7);
    let before = learnt(&mut split, 30, shift).expect("two modes");
    let stopped = learnt(&mut split, 120, |_| Some(14.0));
    assert_eq!(stopped, split.bound(), "it is never forgotten");
    assert!((before / 2.0..before * 2.0).contains(&stopped.expect("still there")));
    let after = learnt(&mut split, 120, |quarter| shift(quarter).map(|kw| kw * 10.0)).expect("two modes");
    assert!(after > before * 4.0, "{before} {after}");
}

#[test]
fn p1_what_was_learnt_goes_on_over_a_restart() {
    let mut split = Split::new(7);
    assert_eq!(split.keep(0), None, "nothing is known");
    let bound = learnt(&mut split, 40, |quarter| shift(quarter).map(|kw| kw * (1.0 + (quarter % 13) as f64)));
    let kept = split.keep(0).expect("something is known");
    assert!(kept.len() < 3000, "{} bytes", kept.len());
    assert_eq!(split.keep(HOUR_MS - 1), None, "once an hour is enough");
    let mut next = Split::new(7);
    next.recall(&kept).expect("it can be read");
    assert_eq!(next.bound(), bound);
    let (one, other) = (learnt(&mut split, 3, shift), learnt(&mut next, 3, shift));
    assert_eq!(one, other);
    for broken in ["", "{}", r#"{"known_s":1.0,"bound":null,"first":400,"seconds":[1]}"#] {
        assert!(Split::new(7).recall(broken).is_none(), "{broken}");
    }
}

#[test]
fn p5_the_modes_of_a_line_are_kept_in_three_kilobytes() {
    let bytes = size_of::<ProductionWatch>() + crate::model::limits::SPLIT_STEPS * size_of::<f32>();
    assert!(bytes <= 3000, "{bytes} bytes");
}

const LINE: Production = Production {
    of: PointId::new(0),
    bounds: [None; 3],
    learnt_after: Some(7),
    deadband: None,
    least: Duration::from_secs(60),
};

#[test]
fn p2_a_state_is_not_known_before_its_bound_is_learnt_and_says_which_it_is() {
    let at = |quarter: i64| {
        let ms = quarter * QUARTER_MS;
        let mono = Mono::from_start(Duration::from_millis(ms.unsigned_abs()));
        Now { mono, wall: Wall(1_795_262_400_000 + ms) }
    };
    let mut watch = ProductionWatch::new(LINE);
    let mut states = Vec::new();
    for quarter in 0..=9 * 96 {
        let load = shift(quarter).map_or(Sample::Bad(Reason::Comm), |kw| Sample::Good(Value::Float(kw)));
        watch.take(at(quarter), at(quarter).wall, load);
        states.extend(watch.settle(at(quarter)).map(|change| (quarter, change.to)));
        if quarter < 7 * 96 {
            assert_eq!((watch.sample(), watch.running_from()), (Sample::Bad(Reason::NoData), watch.sample()));
        }
    }
    // At midnight it stands; what follows is each shift's begin and end, a look after the least time.
    let expected: Vec<(i64, usize)> =
        (7..9).flat_map(|day| [(day * 96 + 33, 2), (day * 96 + 73, 0)]).collect();
    assert_eq!(states[0], (7 * 96, 0));
    assert_eq!(states[1..], expected);
    let Sample::Good(bound) = watch.running_from() else { panic!("it is known") };
    assert!((25.0..80.0).contains(&bound.as_f64()));
}

proptest! {
    /// Whatever two modes a load has, if they are well apart and neither is rare, the bound lies between them.
    #[test]
    fn two_modes_that_are_apart_are_parted(
        low in 0.1_f64..1000.0,
        apart in 6.0_f64..40.0,
        spread in 1.0_f64..1.5,
        share in 8_i64..88,
    ) {
        let load = |quarter: i64| {
            let wave = spread.powf((quarter * 29 % 17) as f64 / 8.0 - 1.0);
            Some(if quarter % 96 < share { low * apart * wave } else { low * wave })
        };
        let bound = learnt(&mut Split::new(7), 8, load).expect("two modes");
        prop_assert!(bound > low * spread && bound < low * apart / spread, "{bound}");
    }
}
