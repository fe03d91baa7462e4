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
    let of_rule: Vec<EventKind> =
        run.transitions().into_iter().filter(|t| t.alarm == "worked").map(|t| t.event).collect();
    assert_eq!(of_rule, [EventKind::Suppressed], "the rule is not active outside of working hours");
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

/// What is on disk: the last of every alarm, and the newest of every memory.
#[derive(Default)]
struct Kept {
    alarms: BTreeMap<String, Transition>,
    memories: BTreeMap<String, Memory>,
}

impl Kept {
    /// Takes in what an engine has put out; its transitions.
    fn take(&mut self, run: &mut Run) -> Vec<Transition> {
        let told = run.transitions();
        self.alarms.extend(told.iter().map(|t| (t.alarm.clone(), t.clone())));
        self.memories.extend(run.out.memories.drain(..).map(|memory| (memory.key.clone(), memory)));
        told
    }

    /// Another engine takes this up, so many seconds later.
    fn restart(&self, run: &Run, seconds: i64) -> Run {
        let standing = Standing {
            alarms: self.alarms.values().cloned().collect(),
            memories: self.memories.values().filter(|memory| memory.body.is_some()).cloned().collect(),
            ..Standing::default()
        };
        Run::resume(Site::clone(&run.site), standing, (run.ms as i64 + seconds * 1000).unsigned_abs())
    }
}

/// Puts the wall clock.
fn put(run: &mut Run, by_ms: i64) {
    run.put_ms += by_ms;
    let change = ClockChange {
        at: run.now(),
        by_ms,
        slept: Duration::ZERO,
        sync: ClockSync::Unknown,
        restamps: false,
    };
    run.apply(Input::Clock(change));
}

fn of_stop(told: &[Transition]) -> Vec<(EventKind, Text)> {
    let own = told.iter().filter(|t| t.alarm == "line1.stop_declared");
    own.map(|t| (t.event, t.message.clone())).collect()
}

#[test]
fn p1_a_declared_stop_is_told_when_it_begins_and_when_it_is_over_and_over_a_restart_not_again() {
    let text = |zh, en| Text::new(format!("{zh}：1 号线（overhaul）"), format!("{en}: line 1 (overhaul)"));
    let begins = (EventKind::Raised, text("停产开始", "A declared stop begins"));
    let is_over = (EventKind::Cleared, text("停产结束", "The declared stop is over"));
    let (mut run, mut kept) = (run(), Kept::default());
    run.wait(29.0 * 60.0 + 59.0);
    assert_eq!(of_stop(&kept.take(&mut run)), []);
    run.wait(1.0);
    let told = kept.take(&mut run);
    assert_eq!(of_stop(&told), [begins]);
    let raised = told.iter().find(|t| t.alarm == "line1.stop_declared").expect("it is told");
    assert_eq!((raised.level, raised.state), (Level::Journal, AlarmState::Acknowledged));
    assert_eq!(raised.hazard.as_deref(), Some("line1"));

    // It is over while the gateway is not there: that is told at the start.
    let mut late = kept.restart(&run, 86_400);
    assert_eq!(of_stop(&late.transitions()), std::slice::from_ref(&is_over));

    let mut again = kept.restart(&run, 60);
    assert_eq!(of_stop(&kept.take(&mut again)), []);
    again.wait(9.0 * 60.0);
    assert_eq!(of_stop(&kept.take(&mut again)), [is_over]);
    let mut after = kept.restart(&again, 1);
    after.wait(3600.0);
    assert_eq!(of_stop(&after.transitions()), []);
}

#[test]
fn p1_a_clock_that_is_put_back_a_little_tells_of_no_stop_again() {
    // Over its beginning, and over its end; in the second round the gateway is started anew with such a clock.
    for with_restart in [false, true] {
        let (mut run, mut kept, mut told) = (run(), Kept::default(), Vec::new());
        for minutes in [31.0, 11.0, 20.0] {
            run.wait(minutes * 60.0);
            told.extend(kept.take(&mut run));
            if with_restart {
                run = kept.restart(&run, -120);
            } else {
                put(&mut run, -120_000);
            }
            told.extend(kept.take(&mut run));
        }
        let kinds: Vec<EventKind> = of_stop(&told).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [EventKind::Raised, EventKind::Cleared], "with a restart: {with_restart}");
    }
}

#[test]
fn p1_a_clock_that_was_far_ahead_tells_of_the_stop_anew() {
    let mut run = run();
    let kinds =
        |run: &mut Run| of_stop(&run.transitions()).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    put(&mut run, 31 * 60_000);
    assert_eq!(kinds(&mut run), [EventKind::Raised]);
    put(&mut run, 86_400_000);
    assert_eq!(kinds(&mut run), [EventKind::Cleared]);
    put(&mut run, -86_400_000 - 2 * 3_600_000);
    assert_eq!(kinds(&mut run), []);
    run.wait(2.0 * 3600.0);
    assert_eq!(kinds(&mut run), [EventKind::Raised], "it begins when the clock has come to it");
}

#[test]
fn p1_a_stop_in_the_hour_that_the_clocks_show_twice_is_one_stop() {
    let text = SITE
        .replace("gateway = \"gw1\"", "gateway = \"gw1\"\ntimezone = \"Europe/Berlin\"")
        .replace("2026-11-21 20:30", "2026-10-25 02:30")
        .replace("2026-11-21 20:40", "2026-10-25 03:30");
    let site =
        crate::site::parse("site", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut run = Run::start(site);
    // Midnight there.
    let midnight: jiff::Timestamp = "2026-10-24T22:00:00Z".parse().expect("a moment");
    put(&mut run, midnight.as_millisecond() - EPOCH);
    run.transitions();
    let mut told = Vec::new();
    for minute in 1..=360 {
        run.wait(60.0);
        told.extend(of_stop(&run.transitions()).into_iter().map(|(kind, _)| (kind, minute)));
    }
    assert_eq!(told, [(EventKind::Raised, 150), (EventKind::Cleared, 270)], "two hours of sixty minutes");
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
