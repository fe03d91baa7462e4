//! The alarm life cycle against a table written from the standard, and what an acknowledgement does.

use proptest::prelude::*;

use super::super::cycle::{Cause, Manner, next};
use super::*;
use crate::model::CommandError;

/// ISA-18.2's life cycle as one line a transition: state before, cause, manner, event, state after. What is not here does nothing. The manner is
/// of an alarm that somebody must take note of (`calling`), of one that calls nobody (`quiet`), of either that is not latched (`free`) or is
/// (`latched`), or of any.
const TABLE: &str = "
    normal                  present      calling  raised        unacknowledged
    normal                  present      quiet    raised        acknowledged
    latched_acknowledged    present      calling  raised        unacknowledged
    latched_acknowledged    present      quiet    raised        acknowledged
    returned_unacknowledged present      any      raised        unacknowledged
    latched_unacknowledged  present      any      raised        unacknowledged
    unacknowledged          graver       any      escalated     unacknowledged
    acknowledged            graver       calling  escalated     unacknowledged
    acknowledged            graver       quiet    escalated     acknowledged
    unacknowledged          less_grave   any      deescalated   unacknowledged
    acknowledged            less_grave   any      deescalated   acknowledged
    unacknowledged          gone         free     cleared       returned_unacknowledged
    unacknowledged          gone         latched  cleared       latched_unacknowledged
    acknowledged            gone         free     cleared       normal
    acknowledged            gone         latched  cleared       latched_acknowledged
    unacknowledged          acknowledge  any      acknowledged  acknowledged
    returned_unacknowledged acknowledge  any      acknowledged  normal
    latched_unacknowledged  acknowledge  any      acknowledged  latched_acknowledged
    latched_acknowledged    reset        any      reset         normal
    acknowledged            remind       any      reminded      unacknowledged
";

/// What the table says, by the names on the wire.
fn expected(state: &str, cause: &str, manner: Manner) -> Option<(String, String)> {
    TABLE.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [before, by, how, event, after] = words[..] else { return None };
        let fits = match how {
            "calling" => !manner.quiet,
            "quiet" => manner.quiet,
            "free" => !manner.latch,
            "latched" => manner.latch,
            _ => true,
        };
        (before == state && by == cause && fits).then(|| (event.to_owned(), after.to_owned()))
    })
}

const PLAIN: Manner = Manner { quiet: false, latch: false };

fn word<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).expect("a word").as_str().expect("a word").to_owned()
}

#[test]
fn the_life_cycle_is_the_standards_in_every_state_for_every_cause_and_in_every_manner() {
    let causes = [
        ("present", Cause::Present),
        ("graver", Cause::Graver),
        ("less_grave", Cause::LessGrave),
        ("gone", Cause::Gone),
        ("acknowledge", Cause::Acknowledge),
        ("reset", Cause::Reset),
        ("remind", Cause::Remind),
    ];
    let states = [
        AlarmState::Normal,
        AlarmState::Unacknowledged,
        AlarmState::Acknowledged,
        AlarmState::ReturnedUnacknowledged,
        AlarmState::LatchedUnacknowledged,
        AlarmState::LatchedAcknowledged,
        AlarmState::Shelved,
        AlarmState::Suppressed,
        AlarmState::OutOfService,
    ];
    let mut found = 0;
    for (quiet, latch) in [(false, false), (false, true), (true, false), (true, true)] {
        let manner = Manner { quiet, latch };
        for state in states {
            for (name, cause) in causes {
                let seen = next(state, cause, manner).map(|(event, after)| (word(event), word(after)));
                assert_eq!(seen, expected(&word(state), name, manner), "{state:?} {cause:?} {manner:?}");
                found += usize::from(seen.is_some());
            }
        }
    }
    // Each line for any manner is found four times, each other one twice.
    let lines = |any: bool| {
        TABLE.lines().filter(|line| line.contains(" any ") == any && !line.trim().is_empty()).count()
    };
    assert_eq!(found, lines(true) * 4 + lines(false) * 2);
}

fn detector() -> (Run, PointId) {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::same("gas"));
    let limits =
        Limits { h: limit(25.0, Level::Orange), hh: limit(50.0, Level::Red), ..no_limits(point, 0.0) };
    plant.rule("gas", RuleKind::Limits(limits), 0.0, 0.0);
    (Run::start(plant.site), point)
}

proptest! {
    /// Whatever values and acknowledgements come, the engine walks the table.
    #[test]
    fn the_engine_walks_the_table(steps in prop::collection::vec(0_u8..4, 0..40)) {
        let (mut run, point) = detector();
        let (mut state, mut level) = ("normal".to_owned(), 0);
        for step in steps {
            run.wait(0.01);
            let cause = match (step, state.as_str()) {
                (3, _) => "acknowledge",
                (0, _) => "gone",
                (_, "normal" | "returned_unacknowledged") => "present",
                (now, _) if now > level => "graver",
                (now, _) if now < level => "less_grave",
                _ => "none",
            };
            if step == 3 {
                let result = run.acknowledge("gas", None);
                prop_assert_eq!(result.is_ok(), state != "normal");
            } else {
                run.read(point, good(f64::from(step) * 27.0));
                level = step;
            }
            let seen = run.transitions().pop().map(|t| (word(t.event), word(t.state)));
            let expected = expected(&state, cause, PLAIN);
            prop_assert_eq!(&seen, &expected, "{} {}", state, cause);
            if let Some((_, after)) = expected {
                state = after;
            }
        }
    }
}

#[test]
fn an_acknowledgement_says_who_and_why_and_stays_with_the_instance() {
    let (mut run, point) = detector();
    run.read(point, good(60.0));
    run.transitions();
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    let acknowledged = run.transitions().remove(0);
    assert_eq!(acknowledged.by.as_deref(), Some("li"));
    assert_eq!(acknowledged.reason.as_deref(), Some("seen"));
    assert_eq!(acknowledged.acknowledged_by.as_deref(), Some("li"));
    assert_eq!((acknowledged.value, acknowledged.limit), (Some(Value::Float(60.0)), Some(50.0)));
    run.read(point, good(30.0));
    let less_grave = run.transitions().remove(0);
    assert_eq!((less_grave.event, less_grave.by), (EventKind::Deescalated, None));
    assert_eq!(less_grave.acknowledged_by.as_deref(), Some("li"));
    run.read(point, good(0.0));
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.state, cleared.acknowledged_by.as_deref()), (AlarmState::Normal, Some("li")));
    run.read(point, good(30.0));
    assert_eq!(run.transitions().remove(0).acknowledged_by, None, "a new instance");
}

#[test]
fn p1_becoming_graver_asks_for_acknowledgement_again() {
    let (mut run, point) = detector();
    run.read(point, good(30.0));
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    run.read(point, good(60.0));
    let escalated = run.transitions().pop().expect("escalated");
    assert_eq!((escalated.event, escalated.state), (EventKind::Escalated, AlarmState::Unacknowledged));
    assert_eq!(escalated.acknowledged_by, None);
}

#[test]
fn acknowledging_twice_is_acknowledging_once() {
    let (mut run, point) = detector();
    run.read(point, good(30.0));
    let raised_at = run.transitions().remove(0).raised_at;
    assert_eq!(run.acknowledge("gas", Some(raised_at)), Ok(()));
    assert_eq!(run.kinds(), [EventKind::Acknowledged]);
    assert_eq!(run.acknowledge("gas", Some(raised_at)), Ok(()));
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    assert_eq!(run.kinds(), []);
}

#[test]
fn what_cannot_be_acknowledged_is_refused_with_its_reason() {
    let (mut run, point) = detector();
    assert_eq!(run.acknowledge("gas", None), Err(CommandError::NotStanding("gas".into())));
    assert_eq!(run.acknowledge("steam", None), Err(CommandError::UnknownAlarm("steam".into())));
    run.read(point, good(30.0));
    let first = run.transitions().remove(0).raised_at;
    run.read(point, good(0.0));
    run.read(point, good(30.0));
    let second = run.transitions().pop().expect("raised anew").raised_at;
    assert_ne!(first, second, "two instances within one millisecond have two names");
    let refused = CommandError::OtherInstance { alarm: "gas".into(), raised_at: second };
    assert_eq!(run.acknowledge("gas", Some(first)), Err(refused));
    assert_eq!(run.kinds(), []);
    assert_eq!(run.acknowledge("gas", Some(second)), Ok(()));
}

#[test]
fn the_same_moment_in_another_offset_names_the_same_instance() {
    let (mut run, point) = detector();
    run.read(point, good(30.0));
    let utc = run.transitions().remove(0).raised_at.wall.stamp(&jiff::tz::TimeZone::UTC);
    assert_eq!(run.acknowledge("gas", Some(utc)), Ok(()));
}

#[test]
fn p1_nobody_but_an_acknowledgement_makes_an_unseen_alarm_normal() {
    let (mut run, point) = detector();
    run.read(point, good(30.0));
    run.read(point, good(0.0));
    run.wait(86_400.0);
    run.read(point, good(0.0));
    assert_eq!(run.transitions().pop().map(|t| t.state), Some(AlarmState::ReturnedUnacknowledged));
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    assert_eq!(run.transitions().pop().map(|t| t.state), Some(AlarmState::Normal));
}
