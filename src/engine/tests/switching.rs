//! Outputs: what they are to be is a function of the alarms that stand and the last command.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::model::limits::OUTPUT_COMMAND_MAX;
use crate::model::{AlarmId, CommandError, OutputId, OutputOrder, OutputReport, OutputStatus};
use crate::site::Until;

/// Two gas detectors, a siren until acknowledged and a ventilator until cleared, both for both alarms.
struct Alarmed {
    device: DeviceId,
    gas: [PointId; 2],
    siren: OutputId,
    fan: OutputId,
}

fn plant() -> (Site, Alarmed) {
    let mut plant = Plant::new();
    let device = plant.device("plc", Text::same("plc"), None);
    let gas = ["gas1", "gas2"].map(|signal| plant.point(device, signal, Text::same(signal)));
    let alarm =
        |point, level| Limits { h: limit(25.0, level), hh: limit(50.0, Level::Red), ..no_limits(point, 1.0) };
    let calls: Vec<AlarmId> = gas
        .iter()
        .enumerate()
        .map(|(n, point)| {
            plant.rule(&format!("g{}", n + 1), RuleKind::Limits(alarm(*point, Level::Orange)), 0.0, 0.0)
        })
        .collect();
    plant.lost("plc.lost", device, 3.0);
    let siren = plant.output("siren", device, &calls, Until::Acknowledged);
    let fan = plant.output("fan", device, &calls, Until::Cleared);
    (plant.site, Alarmed { device, gas, siren, fan })
}

/// The plant with its device up and both outputs read back as off.
fn ready() -> (Run, Alarmed) {
    let (site, plant) = plant();
    let mut run = Run::start(site);
    run.link(plant.device, LinkState::Up);
    run.seen(plant.siren, Some(false));
    run.seen(plant.fan, Some(false));
    run.read_all(&[(plant.gas[0], good(0.0)), (plant.gas[1], good(0.0))]);
    run.out = Output::default();
    (run, plant)
}

impl Run {
    fn seen(&mut self, output: OutputId, on: Option<bool>) {
        self.apply(Input::Output(OutputReport { output, on, error: None }));
    }

    fn failed(&mut self, output: OutputId, on: Option<bool>) {
        let error = Some(Text::new("异常码 2", "exception 2"));
        self.apply(Input::Output(OutputReport { output, on, error }));
    }

    fn switch(&mut self, output: &str, on: bool) -> CommandResult {
        let action = Action::Switch { output: output.to_owned(), on };
        self.apply(Input::Command(Command { action, by: "li".into(), reason: Some("drill".into()) }));
        self.out.results.pop().expect("one result for one command")
    }

    /// The last order for an output since the last call.
    fn order(&mut self, output: OutputId) -> Option<OutputOrder> {
        let last = self.out.orders.iter().rfind(|order| order.output == output).copied();
        self.out.orders.retain(|order| order.output != output);
        last
    }

    /// What an output was last ordered to be since the last call.
    fn ordered(&mut self, output: OutputId) -> Option<bool> {
        self.order(output).map(|order| order.on)
    }

    /// The outputs switched since the last call: which, to what, by whom and why.
    fn switched(&mut self) -> Vec<(String, bool, Option<String>, Option<String>)> {
        let switched = self.transitions().into_iter().filter(|t| t.event == EventKind::Switched);
        switched.map(|t| (t.alarm, t.value == Some(Value::Bool(true)), t.by, t.reason)).collect()
    }

    fn status(&self, name: &str) -> OutputStatus {
        self.out.outputs.iter().rfind(|status| status.output == name).cloned().expect("a state was told")
    }
}

#[expect(clippy::unnecessary_wraps, reason = "stands where a person may or may not have acted")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn p7_an_alarm_switches_its_outputs_and_the_journal_says_which_alarm() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    let transitions = run.transitions();
    let kinds: Vec<_> = transitions.iter().map(|t| (t.event, t.alarm.as_str())).collect();
    assert_eq!(
        kinds,
        [(EventKind::Raised, "g1"), (EventKind::Switched, "siren"), (EventKind::Switched, "fan")],
        "the alarm first, then what it switches"
    );
    let on = &transitions[1];
    assert_eq!((on.value, on.by.clone(), on.reason.as_deref()), (Some(Value::Bool(true)), None, Some("g1")));
    assert_eq!((on.state, on.level), (AlarmState::Normal, Level::Journal));
    assert_eq!(on.message, Text::new("警笛开启：报警 g1", "Siren switched on: by alarm g1"));
    assert_eq!((run.ordered(plant.siren), run.ordered(plant.fan)), (Some(true), Some(true)));
}

#[test]
fn a_siren_is_silent_once_acknowledged_and_a_ventilator_runs_until_the_alarm_is_cleared() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.out.orders.clear();
    run.acknowledge("g1", None).expect("it stands");
    assert_eq!((run.ordered(plant.siren), run.ordered(plant.fan)), (Some(false), None));
    run.read(plant.gas[0], good(60.0));
    assert_eq!(run.ordered(plant.siren), Some(true), "graver than what was acknowledged");
    run.read(plant.gas[0], good(0.0));
    assert_eq!((run.ordered(plant.siren), run.ordered(plant.fan)), (Some(false), Some(false)));
}

#[test]
fn p2_a_command_holds_until_an_alarm_calls_for_something_new() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.transitions();
    run.switch("siren", false).expect("it is enabled");
    assert_eq!(run.switched(), [("siren".into(), false, some("li"), some("drill"))]);
    assert_eq!(run.ordered(plant.siren), Some(false));
    run.seen(plant.siren, Some(false));
    run.wait(60.0);
    run.read(plant.gas[0], good(31.0));
    assert_eq!(run.switched(), [], "the same alarm calls as before");
    run.read(plant.gas[1], good(30.0));
    assert_eq!(run.switched(), [("siren".into(), true, None, some("g2"))], "a second alarm is new");
    assert_eq!(run.ordered(plant.siren), Some(true));
}

#[test]
fn a_command_that_alarms_agree_with_gives_way_to_them() {
    let (mut run, plant) = ready();
    run.switch("fan", true).expect("it is enabled");
    run.seen(plant.fan, Some(true));
    run.transitions();
    run.read(plant.gas[0], good(30.0));
    assert!(run.switched().iter().all(|(output, ..)| output != "fan"), "it is on already");
    assert_eq!(run.status("fan").by, None, "now the alarm holds it");
    run.read(plant.gas[0], good(0.0));
    assert_eq!(run.ordered(plant.fan), Some(false));
}

#[test]
fn p6_only_what_exists_and_is_enabled_is_ever_ordered() {
    let (mut site, plant) = plant();
    site.outputs[plant.siren.index()].enabled = false;
    let mut run = Run::start(site);
    run.link(plant.device, LinkState::Up);
    assert_eq!(run.switch("siren", true), Err(CommandError::NotEnabled("siren".into())));
    assert_eq!(run.switch("pump", true), Err(CommandError::UnknownOutput("pump".into())));
    run.read(plant.gas[0], good(60.0));
    run.wait(60.0);
    assert_eq!(run.order(plant.siren), None);
    assert!(run.out.outputs.iter().all(|status| status.output != "siren"));
    assert!(run.switched().iter().all(|(output, ..)| output != "siren"));
}

#[test]
fn p2_a_command_that_could_not_be_carried_out_in_time_is_withdrawn_and_told() {
    let (mut run, plant) = ready();
    run.switch("fan", true).expect("it is enabled");
    let order = run.order(plant.fan).expect("an order");
    assert_eq!(order.until, Some(run.now().mono + OUTPUT_COMMAND_MAX));
    run.failed(plant.fan, Some(false));
    run.transitions();
    run.wait(4.0);
    assert_eq!(run.events(), [(EventKind::Raised, "fan.failed".into(), Level::Orange)]);
    run.wait(6.0);
    assert_eq!(run.switched(), [("fan".into(), false, None, None)]);
    assert_eq!(run.order(plant.fan).map(|order| (order.on, order.until)), Some((false, None)));
    assert_eq!(run.status("fan").by, None);
}

#[test]
fn a_command_that_was_carried_out_has_no_limit_and_a_later_one_has_its_own() {
    let (mut run, plant) = ready();
    run.switch("fan", true).expect("it is enabled");
    run.wait(6.0);
    run.switch("fan", true).expect("it is enabled");
    run.wait(6.0);
    assert_eq!(run.status("fan").by, some("li"), "the first one's limit is not the second's");
    run.seen(plant.fan, Some(true));
    assert_eq!(run.order(plant.fan).map(|order| (order.on, order.until)), Some((true, None)));
    run.transitions();
    run.wait(3600.0);
    assert_eq!(run.switched(), []);
}

#[test]
fn p2_an_output_that_is_not_as_wanted_is_an_alarm_until_it_is_read_back_so() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.seen(plant.siren, Some(true));
    run.seen(plant.fan, Some(true));
    run.transitions();
    run.seen(plant.fan, Some(false));
    let error = run.status("fan").error.expect("it differs");
    assert_eq!(error.en, "it is off, and is wanted on");
    run.wait(3.0);
    let raised = run.transitions();
    assert_eq!((raised[0].event, raised[0].alarm.as_str()), (EventKind::Raised, "fan.failed"));
    assert_eq!(raised[0].message.en, "Siren is not as wanted: it is off, and is wanted on");
    assert_eq!(raised[0].device.as_deref(), Some("plc"));
    run.seen(plant.fan, Some(true));
    assert_eq!(run.events(), [(EventKind::Cleared, "fan.failed".into(), Level::Orange)]);
    assert_eq!(run.status("fan").error, None);
}

#[test]
fn p2_an_order_of_which_nothing_is_heard_is_an_alarm() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.seen(plant.siren, Some(true));
    run.transitions();
    assert_eq!(run.status("fan").error, None, "it has just been ordered");
    run.wait(3.0);
    assert_eq!(run.events(), [(EventKind::Raised, "fan.failed".into(), Level::Orange)]);
}

#[test]
fn p3_a_lost_device_is_one_fault_unless_an_output_is_to_change() {
    let (mut run, plant) = ready();
    run.link(plant.device, LinkState::Down);
    assert_eq!((run.status("fan").on, run.status("fan").error), (None, None));
    run.wait(60.0);
    assert_eq!(run.events(), [(EventKind::Raised, "plc.lost".into(), Level::Orange)]);
    run.switch("fan", true).expect("it may come back in time");
    assert_eq!(run.status("fan").error.map(|error| error.en), some("its device does not answer"));
    run.transitions();
    run.wait(3.0);
    assert_eq!(run.events(), [(EventKind::Raised, "fan.failed".into(), Level::Orange)]);
}

/// What stands now, for the next run.
fn standing(transitions: &[Transition], statuses: &[OutputStatus]) -> Standing {
    let mut alarms: Vec<Transition> = Vec::new();
    for transition in transitions.iter().filter(|t| t.event != EventKind::Switched) {
        alarms.retain(|alarm| alarm.alarm != transition.alarm);
        alarms.push(transition.clone());
    }
    let mut outputs: Vec<OutputStatus> = Vec::new();
    for status in statuses {
        outputs.retain(|output| output.output != status.output);
        outputs.push(status.clone());
    }
    Standing { alarms, outputs, ..Standing::default() }
}

#[test]
fn p1_a_restart_orders_what_the_standing_alarms_call_for_and_journals_it_once() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.acknowledge("g1", None).expect("it stands");
    run.seen(plant.fan, Some(true));
    run.seen(plant.siren, Some(false));
    let kept = standing(&run.out.transitions, &run.out.outputs);
    let mut again = Run::resume(run.site.as_ref().clone(), kept, run.ms + 60_000);
    assert_eq!(again.switched(), [], "nothing is switched by a restart");
    let order = |on, write, output| OutputOrder { output, on, write, until: None };
    assert_eq!(again.order(plant.fan), Some(order(true, true, plant.fan)));
    assert_eq!(
        again.order(plant.siren),
        Some(order(false, false, plant.siren)),
        "off stands and is left alone"
    );
}

#[test]
fn p1_a_switch_that_was_under_way_at_a_crash_is_ordered_again() {
    let (mut run, plant) = ready();
    run.read(plant.gas[0], good(30.0));
    run.seen(plant.siren, Some(true));
    run.acknowledge("g1", None).expect("it stands");
    let kept = standing(&run.out.transitions, &run.out.outputs);
    let mut again = Run::resume(run.site.as_ref().clone(), kept, run.ms + 60_000);
    let off = OutputOrder { output: plant.siren, on: false, write: true, until: None };
    assert_eq!(again.order(plant.siren), Some(off), "nobody knows whether it was done");
}

#[test]
fn p2_a_restart_keeps_a_command_that_was_carried_out_and_no_other() {
    for done in [true, false] {
        let (mut run, plant) = ready();
        run.switch("fan", true).expect("it is enabled");
        if done {
            run.seen(plant.fan, Some(true));
        }
        let kept = standing(&run.out.transitions, &run.out.outputs);
        let mut again = Run::resume(run.site.as_ref().clone(), kept, run.ms + 60_000);
        assert_eq!(again.ordered(plant.fan), Some(done));
        assert_eq!(again.status("fan").by, done.then(|| "li".to_owned()));
        let withdrawn = if done { vec![] } else { vec![("fan".to_owned(), false, None, None)] };
        assert_eq!(again.switched(), withdrawn);
    }
}

/// One thing that happens to the plant of these tests.
#[derive(Debug, Clone, Copy)]
enum Event {
    Gas(usize, f64),
    Acknowledge(usize),
    Command(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..2_usize, prop_oneof![Just(0.0), Just(30.0), Just(60.0)]).prop_map(|(n, gas)| Event::Gas(n, gas)),
        2 => (0..2_usize).prop_map(Event::Acknowledge),
        1 => any::<bool>().prop_map(Event::Command),
    ]
}

proptest! {
    /// Held against a second account of the same rule: the set of what calls, and the command if nothing was new since.
    #[test]
    fn what_is_wanted_is_a_function_of_the_alarms_and_the_last_command(events in vec(event(), 0..60)) {
        let (mut run, plant) = ready();
        let (mut states, mut command) = ([AlarmState::Normal; 2], None);
        let mut wanted = false;
        for event in events {
            match event {
                Event::Gas(n, gas) => run.read(plant.gas[n], good(gas)),
                Event::Acknowledge(n) => drop(run.acknowledge(["g1", "g2"][n], None)),
                Event::Command(on) => {
                    run.switch("siren", on).expect("it is enabled");
                    command = Some(on);
                }
            }
            let ordered = run.ordered(plant.siren);
            if let Some(on) = ordered {
                wanted = on;
                run.seen(plant.siren, Some(on));
            }
            for t in run.transitions() {
                let Some(n) = ["g1", "g2"].iter().position(|name| *name == t.alarm) else { continue };
                let called = states[n] == AlarmState::Unacknowledged;
                states[n] = t.state;
                let calls = t.state == AlarmState::Unacknowledged;
                let anew = matches!(t.event, EventKind::Raised | EventKind::Escalated);
                if called != calls || (calls && anew) {
                    command = None;
                }
            }
            let calling = states.contains(&AlarmState::Unacknowledged);
            prop_assert_eq!(wanted, command.unwrap_or(calling));
        }
    }
}
