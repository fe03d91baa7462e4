//! What people do to alarms, in every order: two alarms of one detector each, one of them latched, and a random crowd of operators and centres.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{CommandError, Finding, Nature, Scope};
use crate::site::{AlarmOptions, Handling};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Two detectors; the second's alarm is latched. Both in one group.
pub(super) fn plant(options: AlarmOptions) -> Site {
    let mut plant = Plant::new();
    let hazard = plant.hazard("tank");
    let device = plant.device("gds", Text::same("gds"), Some(hazard));
    for (signal, latch) in [("a", false), ("b", true)] {
        let point = plant.point(device, signal, Text::same(signal));
        let limits =
            Limits { h: limit(25.0, Level::Orange), hh: limit(50.0, Level::Red), ..no_limits(point, 0.0) };
        let id = plant.rule(signal, RuleKind::Limits(limits), 0.0, 0.0);
        plant.site.rules[id.index()].handling = Handling { acknowledge: true, latch, group: Some(0) };
    }
    plant.site.alarms = options;
    plant.site
}

pub(super) const A: PointId = PointId::new(0);

impl Run {
    pub(super) fn command(&mut self, action: Action) -> CommandResult {
        self.apply(Input::Command(Command { action, by: "wang".into(), reason: Some("test".into()) }));
        self.out.results.pop().expect("one result for one command")
    }

    pub(super) fn shelve(&mut self, alarm: &str, span: Duration) -> CommandResult {
        self.command(Action::Shelve { alarm: alarm.into(), span })
    }

    pub(super) fn last(&mut self) -> Transition {
        self.transitions().pop().expect("a transition")
    }
}

pub(super) fn start() -> Run {
    Run::start(plant(AlarmOptions { shelve_max: 8 * HOUR, ..AlarmOptions::default() }))
}

fn unshelve() -> Action {
    Action::Unshelve { alarm: "a".into() }
}

#[test]
fn unshelving_by_hand_leaves_it_acknowledged_and_by_time_unacknowledged() {
    let mut run = start();
    run.read(A, good(30.0));
    assert_eq!(run.shelve("a", HOUR), Ok(()));
    let shelved = run.last();
    assert_eq!((shelved.event, shelved.state), (EventKind::Shelved, AlarmState::Shelved));
    assert_eq!(shelved.beneath, Some(AlarmState::Acknowledged), "who shelves has taken note");
    assert_eq!(shelved.shelved_until.map(|until| until.wall.0), Some(EPOCH + 3_600_000));
    assert_eq!(run.command(unshelve()), Ok(()));
    let unshelved = run.last();
    assert_eq!((unshelved.state, unshelved.beneath), (AlarmState::Acknowledged, None));
    assert_eq!(run.command(unshelve()), Ok(()), "twice is once");
    assert_eq!(run.kinds(), []);

    assert_eq!(run.shelve("a", HOUR), Ok(()));
    run.transitions();
    run.wait(3599.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.1);
    let over = run.last();
    assert_eq!((over.event, over.state, over.by), (EventKind::Unshelved, AlarmState::Unacknowledged, None));
}

/// A shelf is measured by the clock that never steps, also when something happens beneath it.
#[test]
fn p1_what_became_less_grave_is_waited_for_as_well() {
    let table = [None, Some(Duration::from_secs(600)), None, None];
    let mut run = Run::start(plant(AlarmOptions { escalate_after: table, ..AlarmOptions::default() }));
    run.read(A, good(60.0));
    run.read(A, good(30.0));
    assert_eq!(run.kinds(), [EventKind::Raised, EventKind::Deescalated]);
    run.wait(600.0);
    assert_eq!(run.last().event, EventKind::Escalated);
}

#[test]
fn what_is_gone_when_the_shelf_ends_comes_back_as_nothing() {
    let mut run = start();
    run.read(A, good(30.0));
    run.shelve("a", HOUR).expect("shelved");
    run.read(A, good(0.0));
    run.read(A, good(30.0));
    run.read(A, good(0.0));
    let beneath: Vec<_> = run.transitions().into_iter().map(|t| (t.event, t.state, t.beneath)).collect();
    let aside = |event, beneath| (event, AlarmState::Shelved, Some(beneath));
    assert_eq!(
        beneath[2..],
        [
            aside(EventKind::Cleared, AlarmState::Normal),
            aside(EventKind::Raised, AlarmState::Acknowledged),
            aside(EventKind::Cleared, AlarmState::Normal),
        ]
    );
    run.wait(3600.0);
    assert_eq!(run.last().state, AlarmState::Normal);
    run.read(A, good(30.0));
    assert_eq!(run.last().state, AlarmState::Unacknowledged);
}

#[test]
fn out_of_service_is_no_risk_and_calls_again_when_it_is_put_back() {
    let mut run = start();
    run.read(A, good(60.0));
    run.command(Action::TakeOut { alarm: "a".into() }).expect("taken out");
    let out = run.last();
    assert_eq!((out.event, out.state), (EventKind::OutOfService, AlarmState::OutOfService));
    let risk = run.out.risk.take().expect("a picture");
    assert!(risk.site.alarms.is_empty(), "{risk:?}");
    run.wait(86_400.0);
    assert_eq!(run.shelve("a", HOUR).map_err(|error| error.to_string().contains("put it back")), Err(true));
    run.command(Action::PutBack { alarm: "a".into() }).expect("put back");
    let back = run.last();
    assert_eq!((back.event, back.state), (EventKind::InService, AlarmState::Unacknowledged));
}

#[test]
fn a_latched_alarm_stays_until_it_is_reset_and_cannot_be_before() {
    let mut run = start();
    let (b, reset) = (PointId::new(1), || Action::Reset { alarm: "b".into() });
    run.read(b, good(30.0));
    assert!(matches!(run.command(reset()), Err(CommandError::NotNow { .. })), "its condition is present");
    run.read(b, good(0.0));
    assert_eq!(run.last().state, AlarmState::LatchedUnacknowledged);
    assert!(matches!(run.command(reset()), Err(CommandError::NotNow { .. })), "nobody has taken note of it");
    run.acknowledge("b", None).expect("acknowledged");
    assert_eq!(run.last().state, AlarmState::LatchedAcknowledged);
    run.command(reset()).expect("reset");
    assert_eq!(run.last().state, AlarmState::Normal);
    assert_eq!(run.command(reset()), Ok(()), "twice is once");
}

#[test]
fn a_whole_hazard_is_acknowledged_at_once_and_a_wrong_name_acknowledges_nothing() {
    let mut run = start();
    run.read_all(&[(A, good(30.0)), (PointId::new(1), good(30.0))]);
    let all = |scope| Action::AcknowledgeAll(scope);
    let wrong = all(Scope::Named(vec!["a".into(), "c".into()]));
    assert_eq!(run.command(wrong), Err(CommandError::UnknownAlarm("c".into())));
    assert_eq!(
        run.command(all(Scope::Hazard("tank2".into()))),
        Err(CommandError::UnknownHazard("tank2".into()))
    );
    run.transitions();
    assert_eq!(run.command(all(Scope::Hazard("tank".into()))), Ok(()));
    assert_eq!(run.kinds(), [EventKind::Acknowledged; 2]);
    assert_eq!(run.command(all(Scope::Site)), Ok(()));
    assert_eq!(run.kinds(), []);
}

#[test]
fn shelving_wants_a_reason_and_has_an_end() {
    let mut run = start();
    let action = Action::Shelve { alarm: "a".into(), span: HOUR };
    run.apply(Input::Command(Command { action, by: "wang".into(), reason: None }));
    assert_eq!(run.out.results.pop(), Some(Err(CommandError::NoReason)));
    assert_eq!(
        run.shelve("a", 9 * HOUR),
        Err(CommandError::ShelvedTooLong { span_s: 32_400, max_s: 28_800 })
    );
    assert_eq!(run.kinds(), []);
}

#[test]
fn the_first_of_its_group_is_marked_and_the_next_is_not() {
    let mut run = start();
    run.read(PointId::new(1), good(30.0));
    run.read(A, good(30.0));
    let marks: Vec<_> = run.transitions().into_iter().map(|t| (t.alarm, t.first_out)).collect();
    assert_eq!(marks, [("b".to_owned(), true), ("a".to_owned(), false)]);
}

#[test]
fn p1_nobody_who_acknowledges_makes_it_graver_and_an_old_acknowledgement_is_asked_for_again() {
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    let mut run = Run::start(plant(AlarmOptions {
        escalate_after: [None, minutes(10), None, None],
        remind_after: [minutes(30), None, None, None],
        ..AlarmOptions::default()
    }));
    run.read(A, good(30.0));
    run.transitions();
    run.wait(599.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.1);
    let graver = run.last();
    assert_eq!(
        (graver.event, graver.state, graver.level),
        (EventKind::Escalated, AlarmState::Unacknowledged, Level::Red)
    );
    assert_eq!((graver.overdue_levels, graver.message.zh.starts_with("超时未确认")), (1, true));
    run.read(A, good(30.0));
    assert_eq!(run.kinds(), [], "its condition is no graver and no less grave than before");
    run.acknowledge("a", None).expect("acknowledged");
    assert_eq!(run.last().level, Level::Red);
    run.wait(1800.0);
    let asked = run.last();
    assert_eq!(
        (asked.event, asked.state, asked.acknowledged_by),
        (EventKind::Reminded, AlarmState::Unacknowledged, None)
    );
    run.read(A, good(0.0));
    run.acknowledge("a", None).expect("acknowledged");
    run.transitions();
    run.read(A, good(30.0));
    assert_eq!(run.last().level, Level::Orange, "the next instance begins anew");
}

#[test]
fn a_disposal_is_on_record_for_an_instance_that_stands_and_for_one_that_is_over() {
    let mut run = start();
    run.read(A, good(30.0));
    let raised_at = run.last().raised_at;
    let finding = || Finding {
        nature: Nature::False,
        cause: "calibration gas".into(),
        measure: "none".into(),
        handler: "zhao".into(),
        ledger: None,
    };
    let dispose = |raised_at| Action::Dispose { alarm: "a".into(), raised_at, finding: finding() };
    run.command(dispose(None)).expect("disposed");
    let standing = run.last();
    assert_eq!((standing.event, standing.state), (EventKind::Disposed, AlarmState::Unacknowledged));
    run.read(A, good(0.0));
    run.acknowledge("a", None).expect("acknowledged");
    run.transitions();
    assert!(
        matches!(run.command(dispose(None)), Err(CommandError::NotNow { .. })),
        "nothing stands: which instance?"
    );
    run.command(dispose(Some(raised_at))).expect("disposed");
    let over = run.last();
    assert_eq!((over.state, over.disposal.map(|it| it.raised_at)), (AlarmState::Normal, Some(raised_at)));
}

/// What a crowd does: values of both detectors, commands to either alarm, and time.
#[derive(Debug, Clone)]
enum Deed {
    Say(usize, u8),
    Acknowledge(usize),
    /// An acknowledgement of one of the instances so far, however old: the centre was slow.
    Late(usize, usize),
    All,
    Shelve(usize),
    Unshelve(usize),
    TakeOut(usize),
    PutBack(usize),
    Reset(usize),
    Wait(u16),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let which = || 0..2_usize;
    let deed = prop_oneof![
        6 => (which(), 0_u8..3).prop_map(|(n, value)| Deed::Say(n, value)),
        2 => which().prop_map(Deed::Acknowledge),
        2 => (which(), 0..5_usize).prop_map(|(n, instance)| Deed::Late(n, instance)),
        1 => Just(Deed::All),
        1 => which().prop_map(Deed::Shelve),
        1 => which().prop_map(Deed::Unshelve),
        1 => which().prop_map(Deed::TakeOut),
        1 => which().prop_map(Deed::PutBack),
        1 => which().prop_map(Deed::Reset),
        2 => (0_u16..5000).prop_map(Deed::Wait),
    ];
    prop::collection::vec(deed, 0..50)
}

/// Plays what the crowd does. `told` keeps everything that came of it.
fn play(run: &mut Run, deeds: &[Deed], told: &mut Vec<Transition>) {
    let name = |n: usize| ["a", "b"][n].to_owned();
    for deed in deeds {
        // What is refused changes nothing, which the properties see.
        let _refused = match deed {
            Deed::Say(n, value) => {
                run.read(PointId::new(*n), good(f64::from(*value) * 27.0));
                Ok(())
            }
            Deed::Acknowledge(n) => run.acknowledge(&name(*n), None),
            Deed::Late(n, instance) => {
                let of_alarm = told.iter().filter(|t| t.alarm == name(*n) && t.event == EventKind::Raised);
                let instance = of_alarm.map(|t| t.raised_at).nth(*instance);
                instance.map_or(Ok(()), |instance| run.acknowledge(&name(*n), Some(instance)))
            }
            Deed::All => run.command(Action::AcknowledgeAll(Scope::Site)),
            Deed::Shelve(n) => run.shelve(&name(*n), HOUR),
            Deed::Unshelve(n) => run.command(Action::Unshelve { alarm: name(*n) }),
            Deed::TakeOut(n) => run.command(Action::TakeOut { alarm: name(*n) }),
            Deed::PutBack(n) => run.command(Action::PutBack { alarm: name(*n) }),
            Deed::Reset(n) => run.command(Action::Reset { alarm: name(*n) }),
            Deed::Wait(seconds) => {
                run.wait(f64::from(*seconds));
                Ok(())
            }
        };
        told.extend(run.transitions());
    }
}

fn bring_to_rest(run: &mut Run) {
    run.read_all(&[(A, good(0.0)), (PointId::new(1), good(0.0))]);
    for alarm in ["a", "b"] {
        run.command(Action::PutBack { alarm: alarm.into() }).expect("put back");
        run.command(Action::Unshelve { alarm: alarm.into() }).expect("unshelved");
    }
    run.command(Action::AcknowledgeAll(Scope::Site)).expect("acknowledged");
    for alarm in ["a", "b"] {
        run.command(Action::Reset { alarm: alarm.into() }).expect("reset");
    }
}

proptest! {
    #[test]
    fn p1_no_order_of_commands_makes_an_alarm_that_cannot_be_raised_again(deeds in deeds()) {
        let (mut run, mut told) = (start(), Vec::new());
        play(&mut run, &deeds, &mut told);
        bring_to_rest(&mut run);
        told.extend(run.transitions());
        for alarm in ["a", "b"] {
            let last = told.iter().rfind(|t| t.alarm == alarm).map_or(AlarmState::Normal, |t| t.state);
            prop_assert_eq!(last, AlarmState::Normal, "{}", alarm);
        }
        run.read_all(&[(A, good(60.0)), (PointId::new(1), good(60.0))]);
        let raised: Vec<_> = run.transitions().into_iter().map(|t| (t.event, t.state, t.level)).collect();
        prop_assert_eq!(raised, vec![(EventKind::Raised, AlarmState::Unacknowledged, Level::Red); 2]);
    }

    /// Seen from outside: raised and cleared in turn beneath whatever people do; set aside only by who may; and nobody but an acknowledgement, or
    /// who sets aside, makes an unseen alarm normal.
    #[test]
    fn p1_beneath_whatever_people_do_the_life_cycle_goes_on(deeds in deeds()) {
        let (mut run, mut told) = (start(), Vec::new());
        play(&mut run, &deeds, &mut told);
        let mut bases: BTreeMap<&str, AlarmState> = BTreeMap::new();
        for t in &told {
            let base = t.beneath.unwrap_or(t.state);
            prop_assert!(!base.is_aside(), "{t:?}");
            prop_assert_eq!(t.beneath.is_some(), t.state.is_aside(), "{:?}", t);
            prop_assert_eq!(t.shelved_until.is_some(), t.state == AlarmState::Shelved, "{:?}", t);
            let was = bases.insert(&t.alarm, base).unwrap_or(AlarmState::Normal);
            match t.event {
                EventKind::Raised => prop_assert!(!was.is_active() && base.is_active(), "{t:?}"),
                EventKind::Cleared => prop_assert!(was.is_active() && !base.is_active(), "{t:?}"),
                EventKind::Escalated | EventKind::Deescalated => prop_assert!(was.is_active() && base.is_active(), "{t:?}"),
                _ => prop_assert_eq!(was.is_active(), base.is_active(), "{:?}", t),
            }
            let unseen = matches!(was, AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged);
            let by_hand = matches!(t.event, EventKind::Acknowledged | EventKind::Shelved | EventKind::OutOfService);
            prop_assert!(!(unseen && base == AlarmState::Normal) || by_hand, "{t:?}");
        }
    }

    /// A gateway that stops at any moment goes on with what is shelved, out of service, acknowledged and latched.
    #[test]
    fn p1_a_restart_forgets_nothing_that_people_did(deeds in deeds(), cut in 0_usize..50) {
        let cut = cut.min(deeds.len());
        let (mut whole, mut told) = (start(), Vec::new());
        play(&mut whole, &deeds[..cut], &mut told);
        let last: BTreeMap<&str, &Transition> = told.iter().map(|t| (t.alarm.as_str(), t)).collect();
        let standing: Vec<_> = last.into_values().filter(|t| t.state != AlarmState::Normal).cloned().collect();
        let mut resumed = Run::resume(Site::clone(&whole.site), standing, whole.ms);
        prop_assert_eq!(resumed.transitions(), vec![]);
        // Whatever it was that the detectors said last, the same is said to both now.
        let (mut one, mut other) = (told.clone(), told);
        let settle = [Deed::Say(0, 1), Deed::Say(1, 1)];
        play(&mut whole, &settle, &mut one);
        play(&mut resumed, &settle, &mut other);
        play(&mut whole, &deeds[cut..], &mut one);
        play(&mut resumed, &deeds[cut..], &mut other);
        let kinds = |told: &[Transition]| -> Vec<_> { told.iter().map(|t| (t.event, t.alarm.clone(), t.state, t.beneath, t.level)).collect() };
        prop_assert_eq!(kinds(&one), kinds(&other));
    }

    /// Commands that come twice, or late a second time, change nothing more.
    #[test]
    fn p1_a_command_given_twice_is_given_once(deeds in deeds()) {
        let twice: Vec<Deed> = deeds
            .iter()
            .flat_map(|deed| {
                // Shelved anew it is shelved for longer, and time passes twice if it is let pass twice.
                let again = !matches!(deed, Deed::Shelve(_) | Deed::Wait(_));
                std::iter::repeat_n(deed.clone(), if again { 2 } else { 1 })
            })
            .collect();
        let kinds = |deeds: &[Deed]| {
            let (mut run, mut told) = (start(), Vec::new());
            play(&mut run, deeds, &mut told);
            told.iter().map(|t| (t.event, t.alarm.clone(), t.state, t.at)).collect::<Vec<_>>()
        };
        prop_assert_eq!(kinds(&deeds), kinds(&twice));
    }
}

/// A site file that no longer binds the rule must not leave its alarm suppressed for good.
#[test]
fn p1_an_alarm_that_was_suppressed_is_released_where_nothing_suppresses_it_any_more() {
    let site = plant(AlarmOptions::default());
    let mut run = Run::start(site.clone());
    run.read(A, good(30.0));
    let raised = run.last();
    let suppressed = Transition {
        event: EventKind::Suppressed,
        state: AlarmState::Suppressed,
        beneath: Some(AlarmState::Unacknowledged),
        ..raised
    };
    let mut run = Run::resume(site, vec![suppressed], 60_000);
    let released = run.last();
    assert_eq!((released.event, released.state), (EventKind::Unsuppressed, AlarmState::Unacknowledged));
    run.read(A, good(0.0));
    assert_eq!(run.last().state, AlarmState::ReturnedUnacknowledged);
}

/// The table of docs/alarms.md: which states make up the risk.
#[test]
fn the_risk_counts_what_is_active_or_latched_and_not_set_aside() {
    let b = PointId::new(1);
    let level = |run: &mut Run| {
        run.out.risk.take().map_or("same".to_owned(), |risk| format!("{}", risk.site.alarms.len()))
    };
    let mut run = start();
    run.read(b, good(30.0));
    assert_eq!(level(&mut run), "1", "unacknowledged");
    run.acknowledge("b", None).expect("acknowledged");
    assert_eq!(level(&mut run), "same", "acknowledged");
    run.read(b, good(0.0));
    assert_eq!(level(&mut run), "same", "latched");
    run.command(Action::Reset { alarm: "b".into() }).expect("reset");
    assert_eq!(level(&mut run), "0", "normal");
    run.read(A, good(30.0));
    assert_eq!(level(&mut run), "1");
    run.shelve("a", HOUR).expect("shelved");
    assert_eq!(level(&mut run), "0", "shelved");
    run.wait(3600.0);
    assert_eq!(level(&mut run), "1", "back");
    run.read(A, good(0.0));
    assert_eq!(level(&mut run), "0", "returned, unacknowledged");
}
