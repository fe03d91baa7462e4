//! What goes by the calendar and by order: points that say so, rules that are active then only. Every run begins on a Saturday at 20:00.

use std::collections::BTreeMap;

use super::*;
use crate::model::CommandError;

const SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = { zh = "一号厂", en = "Plant 1" }
[clock]
sync = "ignored"
[calendar]
working_hours = ["mon-fri 08:00-18:00", "sat 08:00-20:10"]
[[stop]]
name = "overhaul"
hazard = "line1"
from = "2026-11-21 20:30"
to = "2026-11-21 20:40"
[[hazard]]
id = "line1"
kind = "power"
name = { zh = "1 号线", en = "line 1" }
[[hazard]]
id = "line2"
kind = "power"
name = "line 2"
[[derived]]
id = "working"
name = "n"
calendar = "working_hours"
[[derived]]
id = "line1.stop"
name = "n"
calendar = "stop"
hazard = "line1"
[[derived]]
id = "site.stop"
name = "n"
calendar = "stop"
[[rule]]
id = "worked"
kind = "condition"
when = "working"
only_during = ["working_hours"]
level = 4
message = "m"
"#;

fn run() -> Run {
    let site =
        crate::site::parse("site", SITE, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Run::start(site)
}

/// What a point says now.
fn says(run: &Run, name: &str) -> Option<bool> {
    let place = run.site.points.iter().position(|point| point.name == name).expect("a point");
    let latest = run.engine.snapshot(run.now()).points[place]?;
    Some(latest.sample == Sample::Good(Value::Bool(true)))
}

fn order(run: &mut Run, hazard: Option<&str>, stands: bool, reason: Option<&str>) -> CommandResult {
    let action = Action::OrderStop { hazard: hazard.map(str::to_owned), stands };
    run.apply(Input::Command(Command { action, by: "centre".into(), reason: reason.map(str::to_owned) }));
    run.out.results.pop().expect("one result for one command")
}

#[test]
fn a_point_says_what_the_calendar_says_to_the_minute_and_only_when_it_is_new() {
    let mut run = run();
    assert_eq!((says(&run, "working"), says(&run, "line1.stop")), (Some(true), Some(false)));
    assert_eq!(run.kinds(), [EventKind::Raised]);
    for (minutes, working, stop) in
        [(9, true, false), (10, false, false), (30, false, true), (40, false, false)]
    {
        run.wait(60.0 * f64::from(minutes) - run.ms as f64 / 1000.0);
        let expected = (Some(working), Some(stop), Some(false));
        assert_eq!(
            (says(&run, "working"), says(&run, "line1.stop"), says(&run, "site.stop")),
            expected,
            "{minutes}"
        );
    }
    assert_eq!(run.kinds(), [EventKind::Suppressed], "the rule is not active outside of working hours");
    let told: usize = run.out.batches.iter().map(|batch| batch.readings.len()).sum();
    assert_eq!(told, 6, "three at the start, three changes");
}

#[test]
fn p1_an_order_to_stop_is_journalled_with_its_giver_and_stands_over_a_restart_until_it_is_lifted() {
    let mut run = run();
    run.transitions();
    assert_eq!(order(&mut run, Some("line1"), true, Some("整改")), Ok(()));
    assert_eq!(order(&mut run, Some("line1"), true, Some("整改")), Ok(()), "done twice it is done once");
    let told = run.transitions();
    let [ordered] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (ordered.event, ordered.level, ordered.alarm.as_str()),
        (EventKind::Raised, Level::Journal, "line1.stop_order")
    );
    assert_eq!((ordered.by.as_deref(), ordered.reason.as_deref()), (Some("centre"), Some("整改")));
    assert_eq!(ordered.message, Text::new("停产指令：1 号线", "Ordered to stop: line 1"));
    assert_eq!((says(&run, "line1.stop"), says(&run, "site.stop")), (Some(true), Some(false)));

    let mut run = Run::resume(Site::clone(&run.site), told, 60_000);
    assert_eq!(says(&run, "line1.stop"), Some(true));
    run.wait(3600.0);
    assert_eq!(says(&run, "line1.stop"), Some(true), "the declared stop is over, the order is not");
    run.transitions();
    assert_eq!(order(&mut run, Some("line1"), false, Some("验收合格")), Ok(()));
    let lifted = run.transitions().remove(0);
    assert_eq!((lifted.event, lifted.state), (EventKind::Cleared, AlarmState::Normal));
    assert_eq!((lifted.by.as_deref(), says(&run, "line1.stop")), (Some("centre"), Some(false)));
}

#[test]
fn an_order_to_the_site_is_one_to_each_of_its_parts() {
    let mut run = run();
    assert_eq!(order(&mut run, None, true, Some("r")), Ok(()));
    assert_eq!((says(&run, "line1.stop"), says(&run, "site.stop")), (Some(true), Some(true)));
    assert_eq!(order(&mut run, None, false, Some("r")), Ok(()));
    assert_eq!((says(&run, "line1.stop"), says(&run, "site.stop")), (Some(false), Some(false)));
}

#[test]
fn an_order_that_nothing_at_the_site_would_heed_is_refused() {
    let mut run = run();
    assert_eq!(order(&mut run, Some("line1"), true, None), Err(CommandError::NoReason));
    assert_eq!(
        order(&mut run, Some("line3"), true, Some("r")),
        Err(CommandError::UnknownHazard("line3".into()))
    );
    assert_eq!(
        order(&mut run, Some("line2"), true, Some("r")),
        Err(CommandError::NoStops(Some("line2".into())))
    );
}
