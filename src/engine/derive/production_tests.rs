//! States of production: what a load of which shape is called, and that none is shorter than its least time whatever the load does.

use std::time::Duration;

use proptest::prelude::*;

use super::production::{Change, ProductionWatch};
use crate::model::{Mono, Now, PointId, Reason, Sample, Value, Wall};
use crate::site::Production;

/// Stopped below 10, idle below 20, running below 100; a deadband of 2; a minute at least.
const LINE: Production = Production {
    of: PointId::new(0),
    bounds: [Some(10.0), Some(20.0), Some(100.0)],
    learnt_after: None,
    deadband: Some(2.0),
    least: Duration::from_secs(60),
};

fn at(second: u64) -> Now {
    let ms = second * 1000 + 5_000;
    Now { mono: Mono::from_start(Duration::from_millis(ms)), wall: Wall(1_795_262_400_000 + ms as i64) }
}

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

/// The seconds of the changes, and the state that each goes over to, where the load is read each second.
fn changes(
    watch: &mut ProductionWatch,
    seconds: std::ops::Range<u64>,
    load: impl Fn(u64) -> Sample,
) -> Vec<(u64, usize)> {
    let mut changes = Vec::new();
    for second in seconds {
        watch.take(at(second), at(second).wall, load(second));
        changes.extend(watch.settle(at(second)).map(|change| (second, change.to)));
    }
    changes
}

#[test]
fn a_line_that_ramps_up_runs_and_is_not_called_idle_first() {
    let mut watch = ProductionWatch::new(LINE);
    let ramp = |second| good(if second < 100 { 1.0 } else { (second - 100) as f64 });
    assert_eq!(changes(&mut watch, 0..400, ramp), [(60, 0), (170, 2), (260, 3)]);
    assert_eq!(watch.sample(), Sample::Good(Value::Int(3)));
}

#[test]
fn a_stop_is_one_at_once_and_a_short_dip_is_none() {
    let mut watch = ProductionWatch::new(LINE);
    let load = |second| good(if (100..150).contains(&second) || second >= 300 { 1.0 } else { 50.0 });
    assert_eq!(changes(&mut watch, 0..500, load), [(60, 2), (360, 0)]);
}

#[test]
fn a_load_that_swings_about_a_bound_stays_what_it_is() {
    let mut watch = ProductionWatch::new(LINE);
    let load = |second| good(if second % 7 < 3 { 18.5 } else { 21.0 });
    assert_eq!(changes(&mut watch, 0..3000, load), [(60, 2)], "inside the deadband");
    let load = |second| good(if second % 50 < 25 { 12.0 } else { 30.0 });
    assert_eq!(changes(&mut watch, 3000..6000, load), [], "it never stays below");
}

#[test]
fn p2_a_load_that_is_not_known_has_no_state_and_none_is_taken_up_over_the_gap() {
    let mut watch = ProductionWatch::new(LINE);
    changes(&mut watch, 0..100, |_| good(50.0));
    let load = |second| if second < 150 { good(1.0) } else { Sample::Bad(Reason::Comm) };
    assert_eq!(changes(&mut watch, 100..400, load), []);
    assert_eq!(watch.sample(), Sample::Bad(Reason::Comm));
    let load = |_| Sample::Uncertain(Value::Float(1.0), Reason::Range);
    assert_eq!(changes(&mut watch, 400..500, load), [(460, 0)]);
    assert_eq!(watch.sample(), Sample::Uncertain(Value::Int(0), Reason::Range));
}

#[test]
fn a_meter_that_speaks_rarely_is_believed_at_the_next_look() {
    let mut watch = ProductionWatch::new(LINE);
    watch.take(at(0), at(0).wall, good(50.0));
    assert!(watch.settle(at(0)).is_none() && !watch.is_due(at(59)) && watch.is_due(at(60)));
    assert_eq!(watch.settle(at(60)), Some(Change { from: None, to: 2 }));
    watch.take(at(900), at(895).wall, good(5.0));
    assert_eq!(watch.settle(at(954)), None);
    assert_eq!(watch.settle(at(955)), Some(Change { from: Some(2), to: 0 }), "the reading was made at 895");
}

#[test]
fn p1_the_state_goes_on_over_a_restart_and_is_no_news() {
    let mut watch = ProductionWatch::new(LINE);
    assert_eq!(watch.keep(at(0)), []);
    changes(&mut watch, 0..100, |_| good(50.0));
    let kept = watch.keep(at(100));
    let [(key, body)] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(watch.keep(at(100)), [], "once is enough");
    let mut next = ProductionWatch::new(LINE);
    next.recall(key, body).expect("it can be read");
    assert_eq!(next.sample(), Sample::Bad(Reason::NoData), "nothing was read yet");
    assert_eq!(changes(&mut next, 0..100, |_| good(50.0)), []);
    assert_eq!(next.sample(), Sample::Good(Value::Int(2)));
}

fn production() -> impl Strategy<Value = Production> {
    let bound = |value: f64| prop::option::of(Just(value));
    (bound(10.0), bound(100.0), prop_oneof![Just(0.0), Just(2.0)], 0_u64..120).prop_map(
        |(idle, overload, deadband, least)| Production {
            bounds: [idle, Some(20.0), overload],
            deadband: Some(deadband),
            least: Duration::from_secs(least),
            ..LINE
        },
    )
}

/// Seconds to the next reading, and what it says; none is a bad one.
fn loads() -> impl Strategy<Value = Vec<(u64, Option<f64>)>> {
    let value = prop_oneof![
        20 => prop::sample::select(&[0.0, 8.5, 9.5, 10.0, 15.0, 19.0, 21.0, 50.0, 99.0, 120.0][..]).prop_map(Some),
        1 => Just(None),
    ];
    let step = prop_oneof![6 => 1_u64..10, 1 => 30_u64..200];
    prop::collection::vec((step, value), 1..200)
}

proptest! {
    /// No state is shorter than its least time, and none ends before the load has been beyond one of its bounds for as long, without a gap.
    #[test]
    fn no_state_is_shorter_than_its_least_time_and_none_ends_without_cause(production in production(), loads in loads()) {
        let mut watch = ProductionWatch::new(production);
        let least = production.least.as_secs();
        let (mut now, mut last): (u64, Option<(u64, usize)>) = (0, None);
        let mut taken: Vec<(u64, Option<f64>)> = Vec::new();
        for (step, value) in loads {
            now += step;
            taken.push((now, value));
            watch.take(at(now), at(now).wall, value.map_or(Sample::Bad(Reason::Comm), good));
            let Some(change) = watch.settle(at(now)) else { continue };
            prop_assert!(value.is_some());
            prop_assert_ne!(change.from, Some(change.to));
            prop_assert!(change.to == 0 || production.bounds[change.to - 1].is_some(), "a state that there is none of");
            if let Some((since, was)) = last {
                prop_assert!(now - since >= least, "{} s of {}", now - since, was);
                prop_assert_eq!(change.from, Some(was));
                // All that was read in the last of that time lies on one side.
                let first = taken.iter().rposition(|(second, _)| *second + least <= now).expect("it began somewhere");
                let is_up = change.to > was;
                for (_, value) in &taken[first..] {
                    let value = value.expect("no gap in it");
                    let bound = |place: usize| production.bounds[place];
                    let held = if is_up {
                        (was..3).find_map(bound).is_some_and(|bound| value >= bound - production.deadband.unwrap_or_default())
                    } else {
                        (0..was).rev().find_map(bound).is_some_and(|bound| value < bound)
                    };
                    prop_assert!(held, "{value} ends {was}");
                }
            }
            last = Some((now, change.to));
        }
    }
}
