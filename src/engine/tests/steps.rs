//! Steps of the wall clock: they are told, and nothing is decided by them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::scenario::{Scenario, bound, input, scenario};
use super::*;
use crate::model::OutputStatus;
use crate::site::Until;

const HOUR_MS: i64 = 3_600_000;

impl Run {
    /// The wall clock is put forward by so many ms, or back.
    fn put_clock(&mut self, by_ms: i64, sync: ClockSync, restamps: bool) {
        self.put_ms += by_ms;
        let at = self.now();
        self.apply(Input::Clock(ClockChange { at, by_ms, slept: Duration::ZERO, sync, restamps }));
    }
}

/// What is decided in a scenario whose clock is put by `steps[i]` before event `i`.
fn decided(scenario: &Scenario, steps: &[i64]) -> Output {
    let mut run = Run::start(scenario.site.clone());
    for (index, (wait, event)) in scenario.events.iter().enumerate() {
        run.wait(*wait as f64 / 1000.0);
        if let Some(by_ms) = steps.get(index).filter(|by_ms| **by_ms != 0) {
            run.put_clock(*by_ms, ClockSync::Synced, false);
        }
        let input = input(&run.site, run.now(), event);
        run.apply(input);
    }
    run.wait(60.0);
    run.out
}

/// The output without its stamps, without the steps themselves, and without what is kept over a restart, which is by the wall clock.
fn timeless(mut out: Output) -> Output {
    let nil = Wall(0).stamp(&jiff::tz::TimeZone::UTC);
    out.transitions.retain(|t| t.event != EventKind::ClockStepped);
    for transition in &mut out.transitions {
        (transition.at, transition.raised_at, transition.waits_since) = (nil, nil, None);
    }
    for batch in &mut out.batches {
        batch.at = nil.wall;
        batch.readings.iter_mut().for_each(|reading| reading.at = nil.wall);
    }
    for device in &mut out.devices {
        (device.at, device.since) = (nil, nil);
    }
    if let Some(risk) = &mut out.risk {
        risk.at = nil;
    }
    out.memories.clear();
    out
}

fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        4 => Just(0),
        1 => -5 * HOUR_MS..5 * HOUR_MS,
        1 => -2000_i64..2000,
        1 => Just(-100),
    ];
    prop::collection::vec(step, 60)
}

proptest! {
    #[test]
    fn p2_no_step_of_the_wall_clock_changes_a_decision(scenario in bound(), steps in steps()) {
        let (stepped, steady) = (decided(&scenario, &steps), decided(&scenario, &[]));
        prop_assert_eq!(timeless(stepped), timeless(steady));
    }

    #[test]
    fn p1_every_instance_of_an_alarm_has_a_name_of_its_own(scenario in scenario(), steps in steps()) {
        let mut names: BTreeMap<String, BTreeSet<Stamp>> = BTreeMap::new();
        for t in decided(&scenario, &steps).transitions {
            if matches!(t.event, EventKind::Raised | EventKind::ClockStepped) {
                let new = names.entry(t.alarm.clone()).or_default().insert(t.raised_at);
                prop_assert!(new, "{} was raised twice at {}", t.alarm, t.raised_at);
            }
        }
    }
}

#[test]
fn a_step_is_an_event_with_amount_and_direction_in_both_languages() {
    let mut run = Run::start(Plant::new().site);
    run.put_clock(2 * HOUR_MS, ClockSync::Synced, false);
    run.put_clock(-90_000, ClockSync::Unsynced, false);
    run.put_clock(0, ClockSync::Synced, false);
    let told = run.transitions();
    let words: Vec<_> = told.iter().map(|t| (t.message.zh.as_str(), t.message.en.as_str())).collect();
    let expected = [
        ("系统时钟向前跳变 2 小时 0 分", "The clock was put forward by 2 h 0 min"),
        ("系统时钟向后回拨 1 分 30 秒", "The clock was put back by 1 min 30 s"),
    ];
    assert_eq!(words, expected);
    let amounts: Vec<_> = told.iter().map(|t| t.value.map(Value::as_f64)).collect();
    assert_eq!(amounts, [Some(7200.0), Some(-90.0)]);
    assert!(told.iter().all(|t| t.level == Level::Journal && t.state == AlarmState::Normal));
    assert!(told.iter().all(|t| t.event == EventKind::ClockStepped));
}

#[test]
fn sleep_of_the_computer_is_an_event() {
    let mut run = Run::start(Plant::new().site);
    let (at, slept) = (run.now(), Duration::from_secs(3 * 3600));
    let sync = ClockSync::Synced;
    run.apply(Input::Clock(ClockChange { at, by_ms: 0, slept, sync, restamps: false }));
    let told = run.transitions();
    assert_eq!((told.len(), told[0].event, told[0].level), (1, EventKind::Slept, Level::Journal));
    assert!(told[0].message.zh.contains("3 小时") && told[0].message.en.contains("3 h"), "{told:?}");
}

#[test]
fn what_is_shown_is_put_right_when_the_clock_becomes_known() {
    let mut plant = Plant::new();
    let device = plant.device("d", Text::same("d"), None);
    let point = plant.point(device, "p", Text::same("p"));
    let mut run = Run::start(plant.site);
    run.put_ms = -EPOCH;
    run.link(device, LinkState::Up);
    run.read(point, good(1.0));
    let (read_at, up_since) = (EPOCH, run.now().wall.0 + EPOCH);
    run.wait(3.0);
    run.out = Output::default();
    run.put_clock(EPOCH, ClockSync::Synced, true);
    let shown = run.engine.snapshot(run.now());
    assert_eq!(shown.points[0].map(|state| state.at), Some(Wall(read_at)));
    let status = run.out.devices.pop().expect("said again");
    assert_eq!((status.since.wall.0, status.at), (up_since, shown.at));
    assert!(run.out.risk.is_some(), "the risk's stamp too");
}

#[test]
fn a_clock_that_no_server_keeps_is_an_alarm_of_the_gateway() {
    let mut plant = Plant::new();
    plant.health("gateway.clock", HealthSource::Clock);
    let mut run = Run::start(plant.site);
    run.health(HealthSource::Clock, Some("no server"));
    run.health(HealthSource::Clock, None);
    let told = run.transitions();
    let kinds: Vec<_> = told.iter().map(|t| (t.event, t.message.en.as_str())).collect();
    let raised = "The clock is not synchronised; stamps may be wrong: no server";
    let cleared = "The clock is synchronised again";
    assert_eq!(kinds, [(EventKind::Raised, raised), (EventKind::Cleared, cleared)]);
}

#[test]
fn p2_the_stamp_of_an_output_is_put_right_with_the_others() {
    let mut plant = Plant::new();
    let device = plant.device("plc", Text::same("plc"), None);
    let gas = plant.point(device, "gas", Text::same("gas"));
    let limits = Limits { h: limit(25.0, Level::Red), ..no_limits(gas, 1.0) };
    let high = plant.rule("gas.high", RuleKind::Limits(limits), 0.0, 0.0);
    plant.output("siren", device, &[high], Until::Cleared);
    let site = plant.site;
    let mut run = Run::start(site.clone());
    run.link(device, LinkState::Up);
    run.read(gas, good(60.0));
    let switched = run.out.outputs.last().expect("the siren's state").clone();
    assert!(switched.wanted);
    run.out = Output::default();
    run.put_clock(HOUR_MS, ClockSync::Synced, true);
    let [told] = &run.out.outputs[..] else { panic!("{:?}", run.out.outputs) };
    assert_eq!(told.since.wall.0, switched.since.wall.0 + HOUR_MS);
    assert_eq!(told, &OutputStatus { at: told.at, since: told.since, ..switched.clone() });

    // Of the clock of an earlier run nothing is known.
    let kept = Standing {
        alarms: Vec::new(),
        outputs: vec![OutputStatus { wanted: false, confirmed: true, by: None, ..switched.clone() }],
        ..Standing::default()
    };
    let mut run = Run::resume(site, kept, 1000);
    run.out = Output::default();
    run.put_clock(HOUR_MS, ClockSync::Synced, true);
    assert!(run.out.outputs.iter().all(|told| told.since == switched.since), "{:?}", run.out.outputs);
}
