//! What a scenario file may say, and where its mistakes are found.

use super::*;
use crate::fault::Target;

const HEAD: &str = "[name]\nzh = \"试\"\nen = \"try\"\n";

fn parse(body: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(&format!("{HEAD}{body}"))
}

#[test]
fn the_built_in_story_tells_of_each_hazard_in_turn() {
    let demo = Scenario::demo();
    assert_eq!(demo.repeat, Some(Duration::from_secs(75)));
    let told: Vec<(u64, String)> = demo
        .steps
        .iter()
        .map(|step| match &step.action {
            Action::Fault(FaultCommand::Inject { target, fault, .. }) => {
                (step.at.as_secs(), format!("{fault} at {target}"))
            }
            other => (step.at.as_secs(), format!("{other:?}")),
        })
        .collect();
    let expected = [
        (3, "leak at hazard `tank1`"),
        (16, "clog at hazard `dust1`"),
        (27, "pump_failure at hazard `casting1`"),
        (38, "cable_heating at device `meter_casting`"),
        (48, "dead at device `meter_office`"),
        (56, "Fault(ClearAll)"),
    ];
    assert_eq!(told, expected.map(|(at, text)| (at, text.to_owned())));
    assert!(demo.steps.iter().all(|step| step.say.is_some()));
}

#[test]
fn steps_are_sorted_by_time_and_keep_their_lines() {
    let scenario = parse(
        "[[step]]\nat = \"9s\"\nclear_all = true\n\n[[step]]\nat = \"500ms\"\ndevice = \"m1\"\nfault = \"slow\"\ndelay = \"2s\"\n",
    );
    let scenario = scenario.unwrap();
    let lines: Vec<_> = scenario.steps.iter().map(|step| (step.at.as_millis(), step.line)).collect();
    assert_eq!(lines, [(500, 8), (9000, 4)]);
    let slow = FaultCommand::Inject {
        target: Target::Device("m1".to_owned()),
        fault: "slow".to_owned(),
        delay: Some(Duration::from_secs(2)),
    };
    assert_eq!(scenario.steps[0].action, Action::Fault(slow));
}

#[test]
fn mistakes_of_form_are_located() {
    for (body, line, words) in [
        ("[[step]]\nat = \"1s\"\nfautl = \"leak\"\n", 6, "fautl"),
        ("[[step]]\nat = 3\n", 5, "string"),
        ("[[step]]\nfault = \"leak\"\n", 4, "at"),
        ("[[step]\n", 4, ""),
        ("[[step]]\nat = \"1s\"\nsay = { zh = \"话\" }\n", 6, "en"),
    ] {
        match parse(body) {
            Err(ScenarioError::Form { line: at, message, .. }) => {
                assert_eq!(at, line, "{body}: {message}");
                assert!(message.contains(words), "{body}: {message}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn every_mistake_of_sense_is_reported_at_once() {
    let body = "[[step]]\nat = \"soon\"\nhazard = \"t\"\nfault = \"leak\"\n\
                [[step]]\nat = \"1s\"\nhazard = \"t\"\ndevice = \"d\"\nfault = \"leak\"\n\
                [[step]]\nat = \"1s\"\nhazard = \"t\"\nfault = \"a\"\nclear = \"b\"\n\
                [[step]]\nat = \"1s\"\nclear_all = false\n\
                [[step]]\nat = \"1s\"\n\
                [[step]]\nat = \"1s\"\nhazard = \"t\"\nclear = \"a\"\ndelay = \"1s\"\n\
                [[step]]\nat = \"1s\"\ndevice = \"t\"\nfault = \"slow\"\ndelay = \"later\"\n\
                [[step]]\nat = \"99999h\"\nclear_all = true\n";
    let Err(ScenarioError::Sense(mistakes)) = parse(body) else { panic!("accepted") };
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [4, 8, 13, 18, 21, 23, 28, 33], "{mistakes:#?}");
    assert!(ScenarioError::Sense(mistakes).to_string().lines().all(|line| line.starts_with("line ")));
}

#[test]
fn a_story_repeats_only_after_its_end() {
    let step = "\n[[step]]\nat = \"4s\"\nclear_all = true\n";
    for (repeat, right) in [("4.5", true), ("4.0", false), ("-1.0", false), ("nan", false), ("1e300", false)]
    {
        let text = format!("repeat_s = {repeat}\n{HEAD}{step}");
        assert_eq!(Scenario::parse(&text).is_ok(), right, "{repeat}");
    }
    assert!(Scenario::parse(&format!("repeat_s = 5\n{HEAD}")).is_err());
}

#[test]
fn more_steps_than_allowed_are_refused() {
    let many = "[[step]]\nat = \"4s\"\nclear_all = true\n".repeat(limits::SCENARIO_STEPS_MAX + 1);
    assert!(matches!(parse(&many), Err(ScenarioError::Sense(_))));
}
