//! Conditions over several points: when they raise and when they clear, and what bad and uncertain data make of them.

use super::*;
use crate::site::{Binding, Condition, ConditionRule, Number, Relation};

const LINE: PointId = PointId::new(0);
const FAN: PointId = PointId::new(1);

fn compare(point: PointId, relation: Relation, value: f64) -> Condition {
    Condition::Compare(Box::new(Number::Point(point)), relation, Box::new(Number::Constant(value)))
}

/// A line that draws more than 20 while its fan draws less than 5, until the fan draws more than 8.
fn unlinked(plant: &mut Plant, on: f64, off: f64) {
    let device = plant.device("meters", Text::same("meters"), None);
    plant.point(device, "line", Text::new("生产线功率", "Line power"));
    plant.point(device, "fan", Text::new("除尘风机功率", "Dust fan power"));
    plant.site.points.iter_mut().for_each(|point| point.max_age = Duration::from_secs(100_000));
    let when = Condition::All(vec![compare(LINE, Relation::More, 20.0), compare(FAN, Relation::Less, 5.0)]);
    let until = Condition::Not(Box::new(compare(FAN, Relation::More, 8.0)));
    let stays = Condition::Any(vec![when.clone(), until]);
    let rule = ConditionRule { when, stays, points: vec![LINE, FAN], level: Level::Orange };
    let alarm = plant.rule("linkage", RuleKind::Condition(rule), on, off);
    plant.site.rules[alarm.index()].message = Some(Text::new("风机未运行", "The fan does not run"));
}

fn run(on: f64, off: f64) -> Run {
    let mut plant = Plant::new();
    unlinked(&mut plant, on, off);
    Run::start(plant.site)
}

#[test]
fn p1_a_condition_that_holds_for_its_on_delay_raises_and_says_what_it_saw() {
    let mut run = run(10.0, 0.0);
    run.read_all(&[(LINE, good(30.0)), (FAN, good(1.5))]);
    run.wait(9.999);
    assert_eq!(run.kinds(), []);
    run.wait(0.001);
    let raised = run.transitions().remove(0);
    assert_eq!((raised.event, raised.level), (EventKind::Raised, Level::Orange));
    assert_eq!(
        raised.message,
        Text::new(
            "风机未运行（生产线功率 30 %LEL，除尘风机功率 1.5 %LEL）",
            "The fan does not run (Line power 30 %LEL, Dust fan power 1.5 %LEL)"
        )
    );
    assert_eq!((raised.point, raised.value), (None, None));
}

#[test]
fn what_comes_in_one_batch_is_one_moment() {
    let mut run = run(0.0, 0.0);
    run.read_all(&[(LINE, good(10.0)), (FAN, good(1.0))]);
    // Taken one by one, the line would run for a moment while the fan still stood.
    run.read_all(&[(LINE, good(30.0)), (FAN, good(9.0))]);
    run.read_all(&[(FAN, good(1.0)), (LINE, good(10.0))]);
    assert_eq!(run.kinds(), []);
}

#[test]
fn an_alarm_ends_by_what_is_to_end_it() {
    let mut run = run(0.0, 5.0);
    run.read_all(&[(LINE, good(30.0)), (FAN, good(1.0))]);
    assert_eq!(run.kinds(), [EventKind::Raised]);
    run.read(FAN, good(6.0));
    run.wait(60.0);
    assert_eq!(run.kinds(), [], "neither one nor the other");
    run.read(FAN, good(8.5));
    run.wait(5.0);
    assert_eq!(run.kinds(), [EventKind::Cleared]);
    run.read(FAN, good(6.0));
    run.wait(60.0);
    assert_eq!(run.kinds(), []);
}

#[test]
fn an_on_delay_runs_only_while_the_condition_holds() {
    let mut run = run(10.0, 0.0);
    run.read_all(&[(LINE, good(30.0)), (FAN, good(1.0))]);
    run.wait(5.0);
    run.read(FAN, good(6.0));
    run.wait(60.0);
    assert_eq!(run.kinds(), [], "it is neither one nor the other");
}

#[test]
fn p2_bad_data_neither_raises_nor_clears_and_uncertain_data_raises_only() {
    for fan in [BAD, uncertain(6.0)] {
        let mut run = run(0.0, 0.0);
        run.read_all(&[(LINE, good(30.0)), (FAN, fan)]);
        run.wait(60.0);
        assert_eq!(run.kinds(), [], "{fan:?}");
    }
    let mut run = run(0.0, 0.0);
    run.read_all(&[(LINE, good(30.0)), (FAN, uncertain(1.0))]);
    let raised = run.transitions().remove(0);
    assert!(
        raised.message.en.contains("1 %LEL (uncertain: the value does not move)"),
        "{}",
        raised.message.en
    );
    for fan in [BAD, uncertain(9.0)] {
        run.read(FAN, fan);
        run.wait(60.0);
        assert_eq!(run.kinds(), [], "{fan:?}");
    }
    run.read(FAN, good(9.0));
    assert_eq!(run.kinds(), [EventKind::Cleared]);
}

#[test]
fn p2_doubt_stops_an_on_delay_from_completing_and_begins_an_off_delay_anew() {
    let mut run = run(10.0, 10.0);
    run.read_all(&[(LINE, good(30.0)), (FAN, good(1.0))]);
    run.wait(5.0);
    run.read(FAN, BAD);
    run.wait(60.0);
    assert_eq!(run.kinds(), []);
    run.read(FAN, good(1.0));
    assert_eq!(run.kinds(), [EventKind::Raised], "it held all the while, as far as is known");
    run.read(FAN, good(9.0));
    run.wait(6.0);
    run.read(LINE, BAD);
    run.read(FAN, BAD);
    run.wait(6.0);
    run.read(FAN, good(9.0));
    run.wait(9.9);
    assert_eq!(run.kinds(), []);
    run.read(LINE, good(30.0));
    run.wait(10.0);
    assert_eq!(run.kinds(), [EventKind::Cleared]);
}

#[test]
fn p1_an_alarm_that_stood_before_a_restart_stands_until_good_data_ends_it() {
    let mut before = run(0.0, 0.0);
    before.read_all(&[(LINE, good(30.0)), (FAN, good(1.0))]);
    let raised = before.transitions().remove(0);
    let mut plant = Plant::new();
    unlinked(&mut plant, 0.0, 0.0);
    let mut run = Run::resume(plant.site, vec![raised], 60_000);
    run.read(LINE, good(30.0));
    run.wait(10.0);
    assert_eq!(run.kinds(), []);
    run.read(FAN, good(6.0));
    assert_eq!(run.kinds(), [], "it is not what is to end it");
    run.read(FAN, good(9.0));
    assert_eq!(run.kinds(), [EventKind::Cleared]);
}

#[test]
fn p2_a_point_that_goes_stale_or_whose_device_dies_is_asked_about() {
    let mut plant = Plant::new();
    let device = plant.device("plc", Text::same("plc"), None);
    let point = plant.point(device, "level", Text::same("level"));
    let when = Condition::Bad(point);
    let rule = ConditionRule { when: when.clone(), stays: when, points: vec![point], level: Level::Red };
    plant.rule("blind", RuleKind::Condition(rule), 0.0, 0.0);
    let mut run = Run::start(plant.site);
    run.link(device, LinkState::Up);
    run.read(point, good(1.0));
    run.wait(9.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.2);
    assert_eq!(run.kinds(), [EventKind::Raised], "stale");
    run.read(point, good(1.0));
    assert_eq!(run.kinds(), [EventKind::Cleared]);
    run.link(device, LinkState::Down);
    let dead = run.transitions().remove(0);
    assert_eq!(dead.event, EventKind::Raised, "dead");
    assert_eq!(
        dead.message,
        Text::new("blind（level —（读取失败））", "blind (level — (it cannot be read))")
    );
}

#[test]
fn p2_that_a_sensor_is_no_longer_good_ends_no_alarm_that_asks_for_good_data() {
    for trust in [Condition::Good(LINE), Condition::Not(Box::new(Condition::Bad(LINE)))] {
        let mut plant = Plant::new();
        let device = plant.device("gds", Text::same("gds"), None);
        plant.point(device, "co", Text::same("CO"));
        let when = Condition::All(vec![compare(LINE, Relation::More, 8.0), trust]);
        let rule =
            ConditionRule { when: when.clone(), stays: when, points: vec![LINE], level: Level::Orange };
        plant.rule("co", RuleKind::Condition(rule), 0.0, 0.0);
        let mut run = Run::start(plant.site);
        run.read(LINE, good(10.0));
        assert_eq!(run.kinds(), [EventKind::Raised]);
        for lost in [BAD, uncertain(5.0)] {
            run.read(LINE, lost);
            assert_eq!(run.kinds(), []);
        }
        run.read(LINE, good(5.0));
        assert_eq!(run.kinds(), [EventKind::Cleared]);
    }
}

/// A limit on the fan that counts only while the line runs.
#[test]
fn a_bound_limit_is_asked_when_everything_that_came_at_once_is_in() {
    let mut plant = Plant::new();
    let device = plant.device("meters", Text::same("meters"), None);
    plant.point(device, "line", Text::same("line"));
    plant.point(device, "fan", Text::same("fan"));
    let limits = Limits { l: limit(5.0, Level::Yellow), ..no_limits(FAN, 0.0) };
    let alarm = plant.rule("fan", RuleKind::Limits(limits), 0.0, 0.0);
    let only_when = Some(compare(LINE, Relation::More, 20.0));
    let binding = Binding { only_when, only_during: None, not_during: None };
    plant.site.rules[alarm.index()].binding = Some(Box::new(binding));
    let mut run = Run::start(plant.site);
    for order in [[LINE, FAN], [FAN, LINE]] {
        let both =
            |line: f64, fan: f64| order.map(|point| (point, good(if point == LINE { line } else { fan })));
        run.read_all(&both(30.0, 10.0));
        run.read_all(&both(0.0, 0.0));
        run.read_all(&both(30.0, 10.0));
        assert_eq!(run.kinds(), [], "the fan stops with the line, and starts with it");
        run.read_all(&both(30.0, 1.0));
        run.read_all(&both(30.0, 10.0));
        assert_eq!(run.kinds(), [EventKind::Raised, EventKind::Cleared]);
        assert_eq!(run.acknowledge("fan", None), Ok(()));
        run.transitions();
    }
}
