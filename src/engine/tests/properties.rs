//! What holds at every site, whatever happens there and however the engine is driven.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::scenario::{DEVICES, Event, Scenario, bound, derived, input, scenario};
use super::*;

/// How the engine's caller wakes it.
#[derive(Clone, Copy)]
enum Waking {
    /// Exactly when it asks.
    AtDeadlines,
    /// Every 50 ms, whether it asks or not.
    ByTicks,
    /// Not at all, but by inputs.
    Never,
}

/// Runs a scenario to its end and a minute on, one output for each event.
fn outputs(scenario: &Scenario, waking: Waking) -> Vec<Output> {
    let mut run = Run::start(scenario.site.clone());
    let mut all = vec![std::mem::take(&mut run.out)];
    let end = (60_000, None);
    for (wait, event) in scenario.events.iter().map(|(ms, event)| (*ms, Some(event))).chain([end]) {
        match waking {
            Waking::AtDeadlines => run.wait(wait as f64 / 1000.0),
            Waking::ByTicks => {
                let arrival = run.ms + wait;
                while run.ms + 50 <= arrival {
                    run.ms += 50;
                    run.apply(Input::Wake);
                }
                run.ms = arrival;
            }
            Waking::Never => run.ms += wait,
        }
        let input = event.map_or(Input::Wake, |event| input(&run.site, run.now(), event));
        run.apply(input);
        all.push(std::mem::take(&mut run.out));
    }
    all
}

fn transitions(scenario: &Scenario) -> Vec<Transition> {
    outputs(scenario, Waking::AtDeadlines).into_iter().flat_map(|out| out.transitions).collect()
}

/// Whether `rule` holds a value against limits.
fn is_process(site: &Site, transition: &Transition) -> bool {
    let rule = site.rules.iter().find(|rule| rule.name == transition.alarm);
    matches!(rule.map(|rule| &rule.kind), Some(RuleKind::Limits(_)))
}

/// What an observer who knows only the last transition of an alarm expects of the next.
fn check_step(before: Option<&Transition>, next: &Transition) -> Result<(), TestCaseError> {
    use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
    let was = before.map_or(Normal, |t| t.state);
    let level = before.map(|t| t.level);
    match next.event {
        EventKind::Raised => {
            prop_assert!(!was.is_active(), "raised while active");
            let is_noted = was == Normal && next.level == Level::Journal;
            prop_assert_eq!(next.state, if is_noted { Acknowledged } else { Unacknowledged });
            prop_assert_ne!(before.map(|t| t.raised_at), Some(next.raised_at));
            prop_assert_eq!(&next.acknowledged_by, &None);
            return Ok(());
        }
        EventKind::Escalated => {
            prop_assert!(was.is_active() && Some(next.level) > level);
            prop_assert_eq!(next.state, Unacknowledged);
            prop_assert_eq!(&next.acknowledged_by, &None);
        }
        EventKind::Deescalated => {
            prop_assert!(was.is_active() && Some(next.level) < level);
            prop_assert_eq!(next.state, was);
        }
        EventKind::Cleared => {
            prop_assert!(was.is_active() && Some(next.level) == level);
            prop_assert_eq!(next.state, if was == Acknowledged { Normal } else { ReturnedUnacknowledged });
        }
        EventKind::Acknowledged => {
            prop_assert!(matches!(was, Unacknowledged | ReturnedUnacknowledged));
            prop_assert_eq!(next.state, if was == Unacknowledged { Acknowledged } else { Normal });
            prop_assert_eq!(&next.acknowledged_by, &next.by);
        }
        _ => return Err(TestCaseError::fail("nothing here sets alarms aside, latches or presses for them")),
    }
    prop_assert_eq!(before.map(|t| t.raised_at), Some(next.raised_at), "the instance keeps its name");
    Ok(())
}

proptest! {
    #[test]
    fn p1_every_alarm_follows_its_life_cycle(scenario in derived()) {
        let mut last: BTreeMap<String, Transition> = BTreeMap::new();
        let mut time = Wall(0);
        for transition in transitions(&scenario) {
            prop_assert!(transition.at.wall >= time, "out of order");
            time = transition.at.wall;
            check_step(last.get(&transition.alarm), &transition)?;
            last.insert(transition.alarm.clone(), transition);
        }
    }

    /// What a device's degradation needs to come and to go: never a word while the device is down.
    #[test]
    fn a_degradation_comes_and_goes_only_while_its_device_answers(scenario in scenario()) {
        let mut links = [LinkState::Down; DEVICES];
        let events = scenario.events.iter().map(|(_, event)| Some(event)).chain([None]);
        let outputs = outputs(&scenario, Waking::AtDeadlines);
        for (event, out) in events.zip(&outputs[1..]) {
            let was = links;
            if let Some(Event::Link(device, state)) = event {
                links[*device] = *state;
            }
            for t in out.transitions.iter().filter(|t| t.alarm.ends_with(".degraded")) {
                let device = usize::from(t.alarm.starts_with("d1"));
                prop_assert_eq!(t.level, Level::Journal);
                match t.event {
                    EventKind::Raised => prop_assert_eq!(was[device], LinkState::Degraded),
                    EventKind::Cleared => prop_assert_eq!(was[device], LinkState::Up),
                    _ => prop_assert!(false, "{t:?}"),
                }
            }
        }
    }

    #[test]
    fn p2_bad_data_neither_raises_nor_clears_and_doubt_never_clears(scenario in bound()) {
        for t in transitions(&scenario).iter().filter(|t| is_process(&scenario.site, t)) {
            match t.event {
                EventKind::Raised => {
                    prop_assert!(matches!(t.quality, Some(Quality::Good | Quality::Uncertain(_))));
                }
                EventKind::Escalated => prop_assert!(!matches!(t.quality, Some(Quality::Bad(_)))),
                EventKind::Cleared | EventKind::Deescalated => {
                    prop_assert_eq!(t.quality, Some(Quality::Good));
                }
                _ => {}
            }
        }
    }

    /// A plant that turns blind at some moment stays as it was then.
    #[test]
    fn p2_a_blind_plant_keeps_its_process_alarms(scenario in scenario(), from in 0_usize..60) {
        let mut blind = scenario.clone();
        let from = from.min(blind.events.len());
        for (_, event) in &mut blind.events[from..] {
            if let Event::Read(_, samples) = event {
                *samples = [Some(BAD), Some(BAD)];
            }
        }
        let every_sensor = (0..DEVICES).map(|d| (0, Event::Read(d, [Some(BAD); 2])));
        blind.events.splice(from..from, every_sensor);
        let outputs = outputs(&blind, Waking::AtDeadlines);
        let after = outputs[from + 1..].iter().flat_map(|out| &out.transitions);
        for t in after.filter(|t| t.at.wall >= moment(&blind, from) && is_process(&blind.site, t)) {
            let before_it = t.at.wall == moment(&blind, from) && t.quality != Some(Quality::Bad(Reason::SensorFault));
            prop_assert!(before_it || t.event == EventKind::Acknowledged, "{t:?}");
        }
    }

    #[test]
    fn p1_a_late_wake_changes_nothing(scenario in bound()) {
        let flat = |waking| {
            let outputs = outputs(&scenario, waking);
            let transitions: Vec<_> = outputs.iter().flat_map(|out| out.transitions.clone()).collect();
            let batches: Vec<_> = outputs.iter().flat_map(|out| out.batches.clone()).collect();
            (transitions, batches)
        };
        let exact = flat(Waking::AtDeadlines);
        prop_assert_eq!(&exact, &flat(Waking::ByTicks));
        prop_assert_eq!(&exact, &flat(Waking::Never));
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(scenario in bound()) {
        prop_assert_eq!(
            outputs(&scenario, Waking::AtDeadlines),
            outputs(&scenario, Waking::AtDeadlines)
        );
    }

    #[test]
    fn splitting_a_batch_changes_no_transition(scenario in scenario()) {
        let mut split = scenario.clone();
        split.events = scenario.events.iter().flat_map(|(wait, event)| match event {
            Event::Read(device, [Some(a), Some(b)]) => vec![
                (*wait, Event::Read(*device, [Some(*a), None])),
                (0, Event::Read(*device, [None, Some(*b)])),
            ],
            other => vec![(*wait, other.clone())],
        }).collect();
        let by_alarm = |mut all: Vec<Transition>| {
            all.sort_by(|a, b| a.alarm.cmp(&b.alarm));
            all
        };
        prop_assert_eq!(by_alarm(transitions(&scenario)), by_alarm(transitions(&split)));
    }

    /// The engine never asks to be woken in the past, and a wake when it asks leaves nothing due.
    #[test]
    fn deadlines_lie_ahead(scenario in bound()) {
        let mut run = Run::start(scenario.site.clone());
        for (wait, event) in &scenario.events {
            run.wait(*wait as f64 / 1000.0);
            let input = input(&run.site, run.now(), event);
            run.apply(input);
            prop_assert!(run.engine.next_deadline().is_none_or(|deadline| deadline > run.now().mono));
        }
    }

    /// The risk picture is the one that the transitions tell, and is put out just when it changes.
    #[test]
    fn the_risk_is_that_of_the_active_alarms(scenario in bound()) {
        let mut active: BTreeMap<String, Transition> = BTreeMap::new();
        let mut shown = None;
        for out in outputs(&scenario, Waking::AtDeadlines) {
            for t in out.transitions {
                active.insert(t.alarm.clone(), t);
            }
            active.retain(|_, t| t.state.is_active() && t.level != Level::Journal);
            if let Some(risk) = out.risk {
                prop_assert_ne!(shown.as_ref(), Some(&risk));
                shown = Some(risk);
            }
            let risk = shown.as_ref().expect("shown at the start");
            prop_assert_eq!(risk.site.level.0, active.values().map(|t| t.level).max());
            prop_assert_eq!(risk.site.alarms.len(), active.len());
            let tank = active.values().filter(|t| t.hazard.as_deref() == Some("tank"));
            prop_assert_eq!(risk.hazards["tank"].level.0, tank.map(|t| t.level).max());
        }
    }

    /// One limit and good data only: the alarm is active just when the definition says so, tick by tick.
    #[test]
    fn a_limit_with_delays_is_what_its_definition_says(
        values in prop::collection::vec(0_u8..10, 1..60), deadband in 0_u8..4, on in 0_usize..4, off in 0_usize..4,
    ) {
        let mut plant = Plant::new();
        let device = plant.device("d", Text::same("d"), None);
        let point = plant.point(device, "p", Text::same("p"));
        let limits = Limits { h: limit(5.0, Level::Red), ..no_limits(point, f64::from(deadband)) };
        plant.rule("high", RuleKind::Limits(limits), on as f64, off as f64);
        let mut run = Run::start(plant.site);
        let (mut beyond, mut active) = (Vec::new(), false);
        for value in values {
            run.wait(1.0);
            // A delay that has passed is over before the reading of the same moment speaks.
            active = if active { !lasted(&beyond, false, off) } else { lasted(&beyond, true, on) };
            run.read(point, good(f64::from(value)));
            let threshold = if beyond.last() == Some(&true) { 5 - deadband } else { 5 };
            beyond.push(value >= threshold);
            active = if active { off > 0 || !lasted(&beyond, false, 1) } else { on == 0 && lasted(&beyond, true, 1) };
            let seen = run.engine.alarms[0].state().is_active();
            prop_assert_eq!(seen, active, "after {} readings", beyond.len());
        }
    }
}

/// Whether the last `count` readings, at least one, were all on the same side.
fn lasted(beyond: &[bool], side: bool, count: usize) -> bool {
    count > 0 && beyond.len() >= count && beyond.iter().rev().take(count).all(|b| *b == side)
}

/// When event number `index` of a scenario happens.
fn moment(scenario: &Scenario, index: usize) -> Wall {
    let ms: u64 = scenario.events[..=index].iter().map(|(wait, _)| wait).sum();
    Wall(EPOCH + ms as i64)
}
