//! How long an alarm stays on the shelf and what breaks it; and how long it waits, also over a restart.

use std::collections::BTreeMap;

use super::handling::{A, HOUR, plant, start};
use super::*;
use crate::model::{Finding, Nature};
use crate::site::AlarmOptions;

#[test]
fn p2_putting_the_wall_clock_back_keeps_no_alarm_on_the_shelf() {
    let mut run = start();
    run.read(A, good(30.0));
    run.shelve("a", HOUR).expect("shelved");
    run.put_ms = -10 * 3_600_000;
    run.read(A, good(0.0));
    run.read(A, good(30.0));
    run.transitions();
    run.wait(3599.0);
    assert_eq!(run.kinds(), []);
    run.wait(1.0);
    assert_eq!(run.last().state, AlarmState::Unacknowledged);
}

#[test]
fn p1_what_becomes_graver_than_it_was_shelved_for_breaks_the_shelf() {
    let mut run = start();
    run.read(A, good(30.0));
    run.shelve("a", HOUR).expect("shelved");
    run.transitions();
    run.read(A, good(60.0));
    let told: Vec<_> = run.transitions().into_iter().map(|t| (t.event, t.state, t.level)).collect();
    assert_eq!(
        told,
        [
            (EventKind::Unshelved, AlarmState::Acknowledged, Level::Orange),
            (EventKind::Escalated, AlarmState::Unacknowledged, Level::Red),
        ]
    );
}

#[test]
fn what_becomes_as_grave_again_as_it_was_shelved_for_stays_shelved() {
    let mut run = start();
    run.read(A, good(60.0));
    run.shelve("a", HOUR).expect("shelved");
    run.transitions();
    for value in [0.0, 30.0, 60.0] {
        run.read(A, good(value));
    }
    let told: Vec<_> = run.transitions().into_iter().map(|t| (t.event, t.state)).collect();
    let aside = |event| (event, AlarmState::Shelved);
    assert_eq!(told, [aside(EventKind::Cleared), aside(EventKind::Raised), aside(EventKind::Escalated)]);
}

#[test]
fn p1_what_was_gone_in_between_and_comes_back_graver_breaks_the_shelf() {
    let mut run = start();
    run.read(A, good(30.0));
    assert_eq!(run.shelve("a", HOUR), Ok(()));
    run.read(A, good(0.0));
    run.transitions();
    run.read(A, good(30.0));
    assert_eq!(run.last().state, AlarmState::Shelved, "as grave as it was shelved for");
    run.read(A, good(0.0));
    run.transitions();
    run.read(A, good(60.0));
    let raised = run.last();
    assert_eq!((raised.event, raised.state), (EventKind::Raised, AlarmState::Unacknowledged));
    assert_eq!((raised.level, raised.shelved_until), (Level::Red, None));
}

#[test]
fn p1_a_computer_that_starts_decades_behind_shelves_nothing_for_decades_and_still_presses() {
    let options = AlarmOptions {
        shelve_max: 8 * HOUR,
        escalate_after: [None, Some(HOUR), None, None],
        remind_after: [None; 4],
    };
    let mut run = Run::start(plant(options));
    let b = PointId::new(1);
    run.read(A, good(30.0));
    run.read(b, good(30.0));
    assert_eq!(run.shelve("a", HOUR), Ok(()));
    let standing: BTreeMap<String, Transition> =
        run.transitions().into_iter().map(|transition| (transition.alarm.clone(), transition)).collect();
    let behind = |hours: u32| Now { wall: Wall(0), ..at(u64::from(hours) * 3_600_000) };
    let standing: Vec<Transition> = standing.into_values().collect();
    let mut out = Output::default();
    let mut engine = Engine::new(Arc::clone(&run.site), standing, behind(0), &mut out);
    for hours in 1..=8 {
        engine.apply(behind(hours), Input::Wake, &mut out);
    }
    let told: Vec<_> = out.transitions.iter().map(|t| (t.alarm.as_str(), t.event)).collect();
    assert_eq!(told, [("b", EventKind::Escalated), ("a", EventKind::Unshelved)]);
}

#[test]
fn p1_a_restart_gives_no_more_time_to_whoever_lets_an_alarm_wait() {
    let minutes = |n: u32| Duration::from_secs(60) * n;
    let escalate_after = [None, Some(minutes(10)), None, None];
    let site = plant(AlarmOptions { escalate_after, ..AlarmOptions::default() });
    let mut run = Run::start(site.clone());
    run.read(A, good(30.0));
    run.wait(540.0);
    let finding = Finding {
        nature: Nature::Test,
        cause: "drill".into(),
        measure: "none".into(),
        handler: "li".into(),
        ledger: None,
    };
    let dispose = Action::Dispose { alarm: "a".into(), raised_at: None, finding };
    assert_eq!(run.command(dispose), Ok(()));
    let standing = vec![run.last()];
    let mut run = Run::resume(site, standing, 550_000);
    run.wait(49.0);
    assert_eq!(run.kinds(), []);
    run.wait(1.0);
    assert_eq!(run.kinds(), [EventKind::Escalated]);
}
