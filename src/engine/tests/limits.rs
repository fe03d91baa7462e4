//! Limits as one alarm: the table at the head of `watch.rs` cell by cell, and how the level follows the limits.

use super::*;

const POINT: PointId = PointId::new(0);

/// One point with H 25 and HH 50, a deadband of 2, an on-delay of 5 s and an off-delay of 10 s, and an age that never
/// runs out.
fn detector(on: f64, off: f64) -> Run {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::new("1号罐可燃气体", "Tank 1 combustible gas"));
    plant.site.points[0].max_age = Duration::from_secs(100_000);
    let limits =
        Limits { h: limit(25.0, Level::Orange), hh: limit(50.0, Level::Red), ..no_limits(point, 2.0) };
    plant.rule("gas", RuleKind::Limits(limits), on, off);
    Run::start(plant.site)
}

/// The detector with its alarm active, and nobody told yet.
fn active() -> Run {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(30.0));
    run.wait(5.0);
    assert_eq!(run.kinds(), [EventKind::Raised]);
    run
}

#[test]
fn p2_normal_good_beyond_starts_the_on_delay() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(25.0));
    run.wait(4.999);
    assert_eq!(run.kinds(), []);
    run.wait(0.001);
    let raised = run.transitions().remove(0);
    assert_eq!((raised.event, raised.state), (EventKind::Raised, AlarmState::Unacknowledged));
    assert_eq!(
        (raised.level, raised.limit, raised.value),
        (Level::Orange, Some(25.0), Some(Value::Float(25.0)))
    );
    assert_eq!(raised.at.wall, Wall(EPOCH + 5000));
    assert_eq!(raised.raised_at, raised.at);
}

#[test]
fn p2_normal_good_inside_does_nothing() {
    let mut run = detector(0.0, 0.0);
    run.read(POINT, good(24.9));
    run.wait(1000.0);
    assert_eq!(run.kinds(), []);
}

#[test]
fn p2_normal_uncertain_beyond_starts_the_on_delay() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, uncertain(30.0));
    run.wait(5.0);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p2_normal_uncertain_inside_and_bad_do_nothing() {
    for sample in [uncertain(10.0), BAD] {
        let mut run = detector(0.0, 0.0);
        run.read(POINT, sample);
        run.wait(1000.0);
        assert_eq!(run.kinds(), []);
    }
}

#[test]
fn p2_a_saturated_detector_raises() {
    let mut run = detector(0.0, 0.0);
    run.read(POINT, good(110.0));
    let raised = run.transitions().remove(0);
    assert_eq!((raised.event, raised.level), (EventKind::Raised, Level::Red));
    assert_eq!(raised.quality, Some(Quality::Uncertain(Reason::Range)));
}

#[test]
fn p2_rising_good_beyond_goes_on_and_completes() {
    let mut run = detector(5.0, 10.0);
    for _ in 0..5 {
        run.read(POINT, good(30.0));
        run.wait(1.0);
    }
    assert_eq!(run.kinds(), [EventKind::Raised], "five seconds after the first, not after the last");
}

#[test]
fn p2_rising_good_inside_ends_the_delay() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(30.0));
    run.wait(4.0);
    run.read(POINT, good(22.9));
    run.wait(1.0);
    run.read(POINT, good(30.0));
    run.wait(4.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.1);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p2_rising_within_the_deadband_goes_on() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(30.0));
    run.wait(4.0);
    run.read(POINT, good(23.0));
    run.wait(1.0);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p2_rising_uncertain_beyond_goes_on_and_completes() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(30.0));
    run.wait(3.0);
    run.read(POINT, uncertain(40.0));
    run.wait(2.0);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p2_rising_doubt_neither_ends_nor_completes_the_delay() {
    for doubt in [uncertain(10.0), BAD] {
        let mut run = detector(5.0, 10.0);
        run.read(POINT, good(30.0));
        run.wait(3.0);
        run.read(POINT, doubt);
        run.wait(60.0);
        assert_eq!(run.kinds(), [], "{doubt:?} completed the delay");
        run.read(POINT, good(30.0));
        assert_eq!(run.kinds(), [EventKind::Raised], "{doubt:?} ended the delay");
    }
}

#[test]
fn p2_rising_doubt_that_is_over_in_time_leaves_the_deadline_where_it_was() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(30.0));
    run.wait(2.0);
    run.read(POINT, BAD);
    run.wait(2.0);
    run.read(POINT, uncertain(30.0));
    run.wait(1.0);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p2_active_only_good_inside_starts_the_off_delay() {
    for stays in [good(30.0), good(23.0), uncertain(30.0), uncertain(10.0), BAD] {
        let mut run = active();
        run.read(POINT, stays);
        run.wait(1000.0);
        assert_eq!(run.kinds(), [], "{stays:?}");
    }
    let mut run = active();
    run.read(POINT, good(22.9));
    run.wait(9.999);
    assert_eq!(run.kinds(), []);
    run.wait(0.001);
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.event, cleared.state), (EventKind::Cleared, AlarmState::ReturnedUnacknowledged));
    assert_eq!((cleared.value, cleared.limit), (Some(Value::Float(22.9)), Some(25.0)));
    assert_eq!(cleared.raised_at.wall, Wall(EPOCH + 5000));
}

#[test]
fn p2_falling_good_inside_goes_on_and_completes() {
    let mut run = active();
    for _ in 0..10 {
        run.read(POINT, good(10.0));
        run.wait(1.0);
    }
    assert_eq!(run.kinds(), [EventKind::Cleared]);
}

#[test]
fn p2_falling_beyond_keeps_the_alarm() {
    for beyond in [good(25.0), uncertain(25.0)] {
        let mut run = active();
        run.read(POINT, good(10.0));
        run.wait(9.0);
        run.read(POINT, beyond);
        run.wait(1000.0);
        assert_eq!(run.kinds(), [], "{beyond:?}");
    }
}

#[test]
fn p2_falling_doubt_starts_the_off_delay_again_from_zero() {
    for doubt in [uncertain(10.0), BAD] {
        let mut run = active();
        run.read(POINT, good(10.0));
        run.wait(9.0);
        run.read(POINT, doubt);
        run.wait(1000.0);
        assert_eq!(run.kinds(), [], "{doubt:?} let the delay go on");
        run.read(POINT, good(10.0));
        run.wait(9.9);
        assert_eq!(run.kinds(), [], "{doubt:?} did not set the delay back");
        run.wait(0.1);
        assert_eq!(run.kinds(), [EventKind::Cleared]);
    }
}

#[test]
fn two_limits_crossed_at_once_are_one_alarm_at_the_graver_level() {
    let mut run = detector(5.0, 10.0);
    run.read(POINT, good(60.0));
    run.wait(5.0);
    assert_eq!(run.events(), [(EventKind::Raised, "gas".into(), Level::Red)]);
}

#[test]
fn the_level_goes_up_and_down_with_the_limits() {
    let mut run = active();
    run.read(POINT, good(50.0));
    run.wait(5.0);
    run.read(POINT, good(47.0));
    run.wait(10.0);
    run.read(POINT, good(20.0));
    run.wait(10.0);
    let seen: Vec<_> = run.transitions().into_iter().map(|t| (t.event, t.level, t.limit)).collect();
    assert_eq!(
        seen,
        [
            (EventKind::Escalated, Level::Red, Some(50.0)),
            (EventKind::Deescalated, Level::Orange, Some(25.0)),
            (EventKind::Cleared, Level::Orange, Some(25.0)),
        ]
    );
}

#[test]
fn low_limits_are_the_mirror_image() {
    let mut plant = Plant::new();
    let device = plant.device("casting", Text::same("casting"), None);
    let point = plant.point(device, "flow", Text::same("flow"));
    let limits =
        Limits { l: limit(20.0, Level::Yellow), ll: limit(10.0, Level::Red), ..no_limits(point, 1.0) };
    plant.rule("flow", RuleKind::Limits(limits), 0.0, 0.0);
    let mut run = Run::start(plant.site);
    for value in [20.1, 20.0, 10.0, 11.0, 11.1, 21.0, 21.1] {
        run.read(point, good(value));
    }
    assert_eq!(
        run.kinds(),
        [EventKind::Raised, EventKind::Escalated, EventKind::Deescalated, EventKind::Cleared]
    );
}

#[test]
fn another_limit_at_the_same_level_is_no_event() {
    let mut run = detector(0.0, 0.0);
    let mut site = (*run.site).clone();
    if let RuleKind::Limits(limits) = &mut site.rules[0].kind {
        limits.hh = limit(50.0, Level::Orange);
    }
    run = Run::start(site);
    for value in [30.0, 60.0, 30.0] {
        run.read(POINT, good(value));
    }
    assert_eq!(run.kinds(), [EventKind::Raised]);
    run.read(POINT, good(0.0));
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.event, cleared.limit), (EventKind::Cleared, Some(25.0)), "the limit that was left");
}

#[test]
fn a_switch_is_held_against_limits_as_zero_and_one() {
    let mut run = detector(0.0, 0.0);
    let mut site = (*run.site).clone();
    if let RuleKind::Limits(limits) = &mut site.rules[0].kind {
        *limits = Limits { h: limit(1.0, Level::Red), ..no_limits(POINT, 0.0) };
    }
    run = Run::start(site);
    for on in [false, true, false] {
        run.read(POINT, Sample::Good(Value::Bool(on)));
    }
    assert_eq!(run.kinds(), [EventKind::Raised, EventKind::Cleared]);
}

#[test]
fn a_stamp_that_steps_back_is_taken_in_the_order_of_arrival() {
    let mut run = detector(0.0, 0.0);
    let reading = |at, value| Batch {
        device: DeviceId::new(0),
        at: Wall(at),
        readings: vec![Reading { point: POINT, at: Wall(at), sample: good(value) }],
    };
    run.apply(Input::Readings(reading(EPOCH + 60_000, 10.0)));
    run.apply(Input::Readings(reading(EPOCH - 60_000, 30.0)));
    assert_eq!(run.kinds(), [EventKind::Raised]);
    let latest = run.engine.snapshot(run.now()).points[0].expect("heard of");
    assert_eq!((latest.at, latest.sample), (Wall(EPOCH - 60_000), good(30.0)));
}
