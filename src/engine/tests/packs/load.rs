//! The rules of packs that learn from a load, on a line that works from Monday to Saturday, 8 to 12 and 13 to 17, for two weeks, and does something else then.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::civil::{DateTime, Weekday};

use super::bench::{alarm_of, of_alarm, signals, site_of, site_with, start};
use super::*;

const CALENDAR: &str = "[calendar]\nworking_hours = [\"mon-sat 08:00-12:00\", \"mon-sat 13:00-17:00\"]\n";
const POWER: PointId = PointId::new(0);
const STOP: PointId = PointId::new(1);
const WORK: PointId = PointId::new(2);
const QUARTER_S: f64 = 900.0;

/// Rule, level and class; the hour at which it begins, from Sunday's midnight after the two weeks on; for how many quarters of an hour the load is what, while a stop
/// and work are declared or not; and how many minutes later the alarm is raised, if it is.
const STORIES: &str = "
surge 3 alarm | 34 | 2 300 0 0 | 35
surge 3 alarm | 34 | 1 300 0 0 | -
surge 3 alarm | 34 | 8 250 0 0 | -
drop 4 warning | 34 | 2 100 0 0 | 35
drop 4 warning | 34 | 1 100 0 0 | -
drop 4 warning | 34 | 8 12 0 0 | -
loss_of_load 2 warning | 34 | 4 12 0 0 | 20
loss_of_load 2 warning | 34 | 4 45 0 0 | -
loss_of_load 2 warning | 34 | 1 12 0 0 | -
loss_of_load 2 warning | 34 | 4 12 1 0 | -
loss_of_load 2 warning | 35.75 | 4 12 0 0 | -
production_in_stop 2 warning | 42 | 4 200 1 0 | 20
production_in_stop 2 warning | 42 | 4 200 0 0 | -
production_in_stop 2 warning | 42 | 4 30 1 0 | -
production_on_rest_day 3 alarm | 10 | 4 200 0 0 | 35
production_on_rest_day 3 alarm | 10 | 4 200 0 1 | -
production_on_rest_day 3 alarm | 42 | 4 200 0 0 | -
production_at_night 3 alarm | 47 | 6 200 0 0 | 65
production_at_night 3 alarm | 47 | 6 200 0 1 | -
production_at_night 3 alarm | 42 | 6 200 0 0 | -
resumption 3 warning | 10 | 4 200 0 0 | -
";

/// A line and what it has learnt.
struct Line {
    run: Run,
}

/// What was to be remembered after two weeks, and how long they took: learnt once for all stories.
static LEARNT: OnceLock<(BTreeMap<String, Memory>, u64)> = OnceLock::new();

/// What the line draws when nothing is the matter: a little more on each day of the month.
fn ordinary(at: DateTime) -> f64 {
    let works = at.weekday() != Weekday::Sunday && (8..17).contains(&at.hour()) && at.hour() != 12;
    if works { 200.0 + f64::from(at.day() % 5) } else { 12.0 }
}

fn site() -> Site {
    let points = signals("production_power:kW declared_stop declared_work");
    site_with("power_profile", &points, "", CALENDAR)
}

impl Line {
    /// At a midnight after two weeks, and after a restart of the gateway.
    fn new() -> Self {
        let (memories, ms) = LEARNT.get_or_init(|| {
            let mut learnt = Self::taught();
            let memories = std::mem::take(&mut learnt.run.out.memories).into_iter();
            (memories.map(|memory| (memory.key.clone(), memory)).collect(), learnt.run.ms)
        });
        let memories = memories.values().cloned().collect();
        let mut run = Run::resume(site(), Standing { memories, ..Standing::default() }, *ms);
        run.link(DeviceId::new(0), LinkState::Up);
        Self { run }
    }

    /// At a midnight after two weeks.
    fn taught() -> Self {
        let mut line = Self { run: start(site()) };
        // It begins on a Saturday at 20:00.
        line.go(4 * 4 + 14 * 96, [0.0, 0.0], ordinary);
        let at = line.local();
        assert_eq!((at.weekday(), at.hour()), (Weekday::Sunday, 0));
        let raised: Vec<Transition> =
            line.run.transitions().into_iter().filter(|t| t.event == EventKind::Raised).collect();
        assert!(raised.is_empty(), "{raised:?}");
        line
    }

    fn local(&self) -> DateTime {
        self.run.now().wall.local(&self.run.site.identity.zone)
    }

    /// Lets quarters of an hour pass, in which a stop and work are declared or not.
    fn go(&mut self, quarters: u32, declared: [f64; 2], load: impl Fn(DateTime) -> f64) {
        for _ in 0..quarters {
            let load = load(self.local());
            self.run.read_all(&[(POWER, good(load)), (STOP, good(declared[0])), (WORK, good(declared[1]))]);
            self.run.wait(QUARTER_S);
        }
    }
}

fn number(word: &str) -> f64 {
    word.parse().expect("a number")
}

#[test]
fn p1_each_rule_that_learns_is_raised_when_the_load_is_not_what_it_was_and_not_when_it_is() {
    for line in STORIES.lines().filter(|line| !line.is_empty()) {
        let [head, hour, turn, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let [rule, level, class] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let turn: Vec<f64> = turn.split(' ').map(number).collect();
        let mut it = Line::new();
        let alarm = alarm_of(&it.run.site, rule);
        let basis = it.run.site.rules.iter().find(|one| one.name == alarm).and_then(|one| one.basis.clone());
        assert_is_a_basis(rule, basis.as_deref());
        it.go((number(hour) * 4.0) as u32, [0.0, 0.0], ordinary);
        assert!(of_alarm(&mut it.run, &alarm).is_empty(), "{line}: before");
        let begin = it.run.now().wall;
        it.go(turn[0] as u32, [turn[2], turn[3]], |_| turn[1]);
        it.go(8, [0.0, 0.0], ordinary);
        let told = of_alarm(&mut it.run, &alarm);
        let raised: Vec<_> = told.iter().filter(|t| t.event == EventKind::Raised).collect();
        if expected == "-" {
            assert!(raised.is_empty(), "{line}: {raised:?}");
            continue;
        }
        let [one] = raised[..] else { panic!("{line}: {told:?}") };
        let due = Wall(begin.0 + (number(expected) * 60_000.0) as i64);
        assert_eq!(one.at, due.stamp(&it.run.site.identity.zone), "{line}");
        let (is_level, is_class) = (serde_json::json!(one.level), serde_json::json!(one.class));
        assert_eq!((is_level.to_string(), is_class), (level.to_owned(), serde_json::json!(class)), "{line}");
        it.go(2 * 96, [0.0, 0.0], ordinary);
        let mut after = told.iter().cloned().chain(of_alarm(&mut it.run, &alarm));
        assert!(after.any(|t| t.event == EventKind::Cleared), "{line}: it ends");
    }
}

#[test]
fn p1_a_resumption_after_three_days_of_standstill_is_told_unless_it_is_declared() {
    for (declared, after, expected) in [(0.0, 100, true), (1.0, 100, false), (0.0, 60, false)] {
        let mut line = Line::taught();
        let alarm = alarm_of(&line.run.site, "resumption");
        line.go(after * 4, [0.0, 0.0], |_| 12.0);
        assert!(of_alarm(&mut line.run, &alarm).is_empty());
        let begin = line.run.now().wall;
        line.go(4, [0.0, declared], |_| 200.0);
        let raised: Vec<_> =
            of_alarm(&mut line.run, &alarm).into_iter().filter(|t| t.event == EventKind::Raised).collect();
        let due = Wall(begin.0 + 35 * 60_000).stamp(&line.run.site.identity.zone);
        let stamps: Vec<_> = raised.iter().map(|t| t.at).collect();
        assert_eq!(stamps, if expected { vec![due] } else { Vec::new() }, "{declared} after {after} h");
    }
}

#[test]
fn p2_before_a_line_has_learnt_nothing_is_said_of_it() {
    let mut line = Line { run: start(site()) };
    line.go(4 * 96, [1.0, 0.0], |at| if at.hour() % 2 == 0 { 500.0 } else { 10.0 });
    let told: Vec<_> = line.run.transitions().into_iter().filter(|t| t.event == EventKind::Raised).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn p1_a_counter_that_stands_while_power_flows_is_told_after_an_hour_and_a_half() {
    for (power, is_told) in [(11.0, true), (9.0, false)] {
        let site = site_of("power_meter", &signals("energy_import:kWh active_power:kW"), "contract_demand");
        let alarm = alarm_of(&site, "counter_stands");
        let basis = site.rules.iter().find(|one| one.name == alarm).and_then(|one| one.basis.clone());
        assert_is_a_basis("counter_stands", basis.as_deref());
        let mut run = start(site);
        let mut energy = 5000.0;
        let mut minutes = |run: &mut Run, minutes: u32, step: f64| {
            for _ in 0..minutes {
                energy += step;
                run.read_all(&[(PointId::new(0), good(energy)), (PointId::new(1), good(power))]);
                run.wait(60.0);
            }
            of_alarm(run, &alarm).into_iter().map(|t| (t.event, t.level)).collect::<Vec<_>>()
        };
        assert_eq!(minutes(&mut run, 180, 0.2), []);
        assert_eq!(minutes(&mut run, 85, 0.0), []);
        let raised = if is_told { vec![(EventKind::Raised, Level::Yellow)] } else { Vec::new() };
        assert_eq!(minutes(&mut run, 15, 0.0), raised);
        let ended = minutes(&mut run, 5, 0.2).into_iter().map(|(event, _)| event).collect::<Vec<_>>();
        assert_eq!(ended, if is_told { vec![EventKind::Cleared] } else { Vec::new() });
    }
}

/// Pack, rule, and the roles of each row.
pub(super) fn covered() -> Vec<(String, String, Vec<String>)> {
    let roles = |text: &str| signals(text).iter().map(|signal| signal.role.to_owned()).collect::<Vec<_>>();
    let told = STORIES.lines().filter_map(|line| line.split(' ').next()).filter(|rule| !rule.is_empty());
    let line = roles("production_power declared_stop declared_work");
    let learnt = told.map(|rule| ("power_profile".to_owned(), rule.to_owned(), line.clone()));
    let stands = ("power_meter".to_owned(), "counter_stands".to_owned(), roles("energy_import active_power"));
    learnt.chain([stands]).collect()
}
