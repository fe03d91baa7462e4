//! Alarms that come too often: one alone, or all together.

use super::*;
use crate::model::Habit;

/// Points with a high limit each, without delays; and the alarm of a flood.
fn many(points: usize) -> Run {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    for n in 0..points {
        let point = plant.point(device, &format!("p{n}"), Text::same("gas"));
        plant.site.points[n].max_age = Duration::from_secs(1_000_000);
        let limits = Limits { h: limit(25.0, Level::Orange), ..no_limits(point, 2.0) };
        plant.rule(&format!("p{n}"), RuleKind::Limits(limits), 0.0, 0.0);
    }
    plant.rule("gateway.flood", RuleKind::Flood, 0.0, 0.0);
    Run::start(plant.site)
}

fn raise(run: &mut Run, n: usize) {
    run.read(PointId::new(n), good(30.0));
}

fn clear(run: &mut Run, n: usize) {
    run.read(PointId::new(n), good(0.0));
}

/// The events of the flood since the last call, and when.
fn flood(run: &mut Run) -> Vec<(EventKind, AlarmState, u64)> {
    let all = run.transitions().into_iter().filter(|t| t.alarm == "gateway.flood");
    all.map(|t| (t.event, t.state, (t.at.wall.0 - EPOCH) as u64 / 1000)).collect()
}

#[test]
fn a_flood_begins_with_the_eleventh_call_and_is_a_note() {
    let mut run = many(20);
    for n in 0..10 {
        raise(&mut run, n);
        run.wait(10.0);
    }
    assert_eq!(flood(&mut run), []);
    raise(&mut run, 10);
    assert_eq!(flood(&mut run), [(EventKind::Raised, AlarmState::Acknowledged, 100)]);
    for n in 11..20 {
        raise(&mut run, n);
    }
    assert_eq!(flood(&mut run), [], "one flood is one event");
    run.wait(599.0);
    assert_eq!(flood(&mut run), []);
    run.wait(1.0);
    assert_eq!(flood(&mut run), [(EventKind::Cleared, AlarmState::Normal, 700)]);
}

#[test]
fn a_flood_goes_on_until_fewer_than_five_are_left() {
    let mut run = many(20);
    (0..11).for_each(|n| raise(&mut run, n));
    run.wait(500.0);
    (11..15).for_each(|n| raise(&mut run, n));
    run.wait(50.0);
    raise(&mut run, 15);
    assert_eq!(flood(&mut run).len(), 1);
    // The last five calls are at 500 and 550 s: the first of them is ten minutes old at 1,100 s.
    run.wait(1000.0);
    assert_eq!(flood(&mut run), [(EventKind::Cleared, AlarmState::Normal, 1100)]);
    (16..20).for_each(|n| raise(&mut run, n));
    assert_eq!(flood(&mut run), [], "what is long ago is no part of another");
}

#[test]
fn a_flood_that_lasted_over_a_restart_ends_when_ten_minutes_are_quiet() {
    let mut run = many(20);
    (0..11).for_each(|n| raise(&mut run, n));
    let standing = run.transitions();
    let mut run = Run::resume(run.site.as_ref().clone(), standing, 100_000);
    run.wait(599.0);
    assert_eq!(flood(&mut run), []);
    run.wait(1.0);
    assert_eq!(flood(&mut run), [(EventKind::Cleared, AlarmState::Normal, 700)]);
    (0..20).for_each(|n| clear(&mut run, n));
    (0..20).for_each(|n| raise(&mut run, n));
    assert_eq!(flood(&mut run).len(), 1, "the next one is told again");
}

#[test]
fn ten_alarms_in_ten_minutes_for_ever_are_no_flood() {
    let mut run = many(1);
    for _ in 0..100 {
        raise(&mut run, 0);
        clear(&mut run, 0);
        run.wait(60.0);
    }
    assert_eq!(flood(&mut run), []);
}

#[test]
fn what_is_set_aside_calls_nobody_and_makes_no_flood() {
    let mut run = many(20);
    for n in 0..20 {
        let action = Action::TakeOut { alarm: format!("p{n}") };
        run.apply(Input::Command(Command { action, by: "li".into(), reason: Some("maintenance".into()) }));
        raise(&mut run, n);
    }
    assert_eq!(flood(&mut run), []);
}

/// The events of the first alarm since the last call, with its habit.
fn habits(run: &mut Run) -> Vec<(EventKind, Option<Habit>)> {
    let all = run.transitions().into_iter().filter(|t| t.alarm == "p0");
    all.map(|t| (t.event, t.habit)).collect()
}

#[test]
fn an_alarm_chatters_from_its_third_raise_within_a_minute() {
    let mut run = many(1);
    for _ in 0..2 {
        raise(&mut run, 0);
        run.wait(15.0);
        clear(&mut run, 0);
        run.wait(15.0);
    }
    assert!(habits(&mut run).iter().all(|(_, habit)| habit.is_none()));
    raise(&mut run, 0);
    assert_eq!(run.acknowledge("p0", None), Ok(()));
    clear(&mut run, 0);
    let chattering = Some(Habit::Chattering);
    assert_eq!(
        habits(&mut run),
        [
            (EventKind::Raised, chattering),
            (EventKind::Acknowledged, chattering),
            (EventKind::Cleared, chattering)
        ]
    );
    run.wait(31.0);
    raise(&mut run, 0);
    assert_eq!(habits(&mut run), [(EventKind::Raised, None)], "the first of the last three was 61 s ago");
}

#[test]
fn an_alarm_is_fleeting_that_is_gone_before_anybody_could_look() {
    for (seconds, seen, habit) in
        [(10.0, false, Some(Habit::Fleeting)), (10.1, false, None), (5.0, true, None)]
    {
        let mut run = many(1);
        raise(&mut run, 0);
        if seen {
            assert_eq!(run.acknowledge("p0", None), Ok(()));
        }
        run.wait(seconds);
        run.out.transitions.clear();
        clear(&mut run, 0);
        assert_eq!(habits(&mut run), [(EventKind::Cleared, habit)], "{seconds} s");
        raise(&mut run, 0);
        assert_eq!(habits(&mut run), [(EventKind::Raised, None)], "a habit is of its instance");
    }
}
