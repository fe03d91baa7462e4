//! Each condition of each built-in pack: quiet at its brink, raised past it and after its delay, held where it must be, over where it ends.

use super::bench::{Signal, alarm_of, of_alarm, signals, site_of, start};
use super::*;

/// Pack, rule, level and class; set-points of 40; the points; and what they say in turn: while all is well, when the alarm is raised, when it still
/// stands, and when it is over. `b` is a bad reading.
const CONDITIONS: &str = "
casting self_test 1 alarm | | casting self_test_passed | 1 1 | 1 0 | - | 1 1
casting self_test 1 alarm | | casting self_test_passed | 0 0 | 1 0 | 1 b | 0 0
casting self_test_old 2 alarm | | casting self_test_age:h | 1 24 | 1 24.1 | - | 1 24
casting interlock_flow 1 warning | cooling_flow | casting cooling_flow:m³/h drain_valve_open quick_cut_closed | 1 32 0 0 | 1 31.9 0 1 | 1 32.7 1 0 | 1 32.9 0 0
casting interlock_flow 1 warning | cooling_flow | casting cooling_flow:m³/h drain_valve_open quick_cut_closed | 1 0 1 1 | 1 0 1 0 | 1 0 0 1 | 1 0 1 1
casting interlock_flow 1 warning | cooling_flow | casting cooling_flow:m³/h drain_valve_open quick_cut_closed | 0 0 0 0 | 1 0 0 0 | 1 b 0 0 | 0 0 0 0
casting interlock_pressure 1 warning | cooling_pressure | casting cooling_pressure:MPa drain_valve_open quick_cut_closed | 1 30 0 0 | 1 29.9 0 1 | 1 30.7 1 0 | 1 30.9 0 0
casting interlock_flow 1 warning | cooling_flow | casting cooling_flow:m³/h drain_valve_open | 1 0 1 | 1 31.9 0 | 1 32.7 0 | 1 32.9 0
casting interlock_pressure 1 warning | cooling_pressure | casting cooling_pressure:MPa drain_valve_open | 1 0 1 | 1 29.9 0 | 1 30.7 0 | 1 0 1
casting drain_valve 1 alarm | | casting drain_valve_fault | 1 0 | 1 1 | 1 b | 1 0
casting drain_valve 1 alarm | | casting drain_valve_fault | 0 1 | 1 b | - | 0 b
casting quick_cut_valve 1 alarm | | casting quick_cut_fault | 1 0 | 1 1 | 1 b | 1 0
casting drain_trough 1 alarm | | casting drain_trough_blocked | 1 0 | 1 1 | - | 1 0
casting rope 1 alarm | | rope_break | 0 | 1 | b | 0
casting sensors 2 alarm | mould_level cooling_flow cooling_pressure | casting cooling_flow:m³/h cooling_pressure:MPa mould_level:mm | 1 40 40 40 | 1 b 40 40 | 1 40 b 40 | 1 40 40 40
casting sensors 2 alarm | mould_level cooling_flow cooling_pressure | casting cooling_flow:m³/h cooling_pressure:MPa mould_level:mm | 0 b 40 40 | 1 40 40 b | - | 0 40 40 b
sensor_health fault 3 alarm | | sensor_fault | 0 | 1 | b | 0
sensor_health warm_up 4 alarm | | sensor_warm_up | 0 | 1 | b | 0
sensor_health zero_drift 3 alarm | | gas_3:%LEL | -3 | -3.1 | -1.6 | -1.4
gas_vote gas_vote 1 alarm | | gas_1:%LEL gas:%LEL gas_7:%LEL | 90 49 49 | 50 0 50 | 48.1 50 0 | 90 48 48
dust_dry fan_linkage 1 alarm | | production_running fan_running | 1 1 | 1 0 | - | 0 0
dust_dry fan_linkage 1 alarm | production_power | production_power:kW fan_running | 40 0 | 41 0 | 32 0 | 31 0
dust_dry fan_linkage 1 alarm | fan_power | production_running fan_power:kW | 1 40 | 1 39 | 1 48 | 1 49
dust_dry fan_linkage 1 alarm | production_power fan_power | production_power:kW fan_power:kW | 40 0 | 41 39 | 32 48 | 41 49
dust_wet fan_linkage 1 alarm | | production_running fan_running | 1 1 | 1 0 | - | 0 0
dust_wet fan_linkage 1 alarm | production_power | production_power:kW fan_running | 40 0 | 41 0 | 32 0 | 31 0
dust_wet fan_linkage 1 alarm | fan_power | production_running fan_power:kW | 1 40 | 1 39 | 1 48 | 1 49
dust_wet fan_linkage 1 alarm | production_power fan_power | production_power:kW fan_power:kW | 40 0 | 41 39 | 32 48 | 41 49
dust_dry discharge 2 alarm | | fan_running airlock_running | 1 1 | 1 0 | - | 0 0
dust_dry discharge 2 alarm | fan_power | fan_power:kW airlock_running | 40 0 | 41 0 | 32 0 | 31 0
dust_dry airlock 2 alarm | | airlock_fault | 0 | 1 | b | 0
power_safety production_in_stop 2 warning | rated_power production_power | declared_stop production_power:kW | 1 40 | 1 41 | 1 32 | 1 31
power_safety production_in_stop 2 warning | rated_power production_power | declared_stop production_power:kW | 0 99 | 1 99 | 1 b | 0 99
power_safety production_on_rest_day 3 warning | rated_power production_power | rest_day production_power:kW | 1 40 | 1 41 | 1 32 | 0 41
power_safety cooling_linkage 1 alarm | rated_power production_power cooling_power | production_power:kW cooling_power:kW | 40 0 | 41 39 | 32 48 | 41 49
power_safety cooling_idle 4 warning | rated_power production_power cooling_power | production_power:kW cooling_power:kW | 31 48 | 31 49 | 40 40 | 41 49
power_safety ventilation_linkage 2 alarm | rated_power production_power ventilation_power | production_power:kW ventilation_power:kW | 41 40 | 41 39 | 41 b | 31 0
power_safety ventilation_idle 4 warning | rated_power production_power ventilation_power | production_power:kW ventilation_power:kW | 32 90 | 31 90 | 40 40 | 31 39
power_safety treatment_linkage 2 alarm | rated_power production_power treatment_power | production_power:kW treatment_power:kW | 40 0 | 41 39 | 32 48 | 31 0
power_safety treatment_idle 4 warning | rated_power production_power treatment_power | production_power:kW treatment_power:kW | 31 48 | 31 49 | 40 40 | 31 39
power_safety phase 2 alarm | phase_current | current_a:A current_b:A current_c:A | 50 5 50 | 50 50 4.9 | 50 50 9.9 | 50 50 10.1
power_safety phase 2 alarm | phase_current | current_a:A current_b:A current_c:A | 0 0 40 | 0 0 41 | 0 b 41 | 0 0 31
power_tree unmetered 3 alarm | | feeder_balance_error_percent:% feeder_balance_error:kW | 10 50 | 10.1 50 | 8.1 50 | 7.9 50
power_tree unmetered 3 alarm | balance_least | feeder_balance_error_percent:% feeder_balance_error:kW | 90 40 | 90 41 | b 33 | 90 31
power_tree overcounted 3 alarm | | feeder_balance_error_percent:% feeder_balance_error:kW | -5 -50 | -5.1 -50 | -4.1 -50 | -3.9 -50
power_tree overcounted 3 alarm | | feeder_balance_error_percent:% feeder_balance_error:kW | -90 -5 | -90 -5.1 | -90 b | -90 -3.9
power_tree production_in_stop 2 warning | | declared_stop production_runs | 1 0 | 1 1 | 1 b | 0 1
power_tree production_on_rest_day 3 warning | | rest_day production_runs | 0 1 | 1 1 | b 1 | 1 0
power_tree protection_missing 1 alarm | | cooling_wanted cooling_runs | 1 1 | 1 0 | 1 b | 0 0
power_tree protection_missing 1 alarm | | dust_removal_wanted dust_removal_runs | 0 0 | 1 0 | b 0 | 1 1
power_tree protection_missing 2 alarm | | protection_wanted protection_runs | 1 1 | 1 0 | - | 0 0
power_tree protection_idle 4 warning | | cooling_wanted cooling_runs | 1 1 | 0 1 | b 1 | 1 1
power_tree protection_idle 4 warning | | dust_removal_wanted dust_removal_runs | 0 0 | 0 1 | 0 b | 0 0
power_tree protection_idle 4 warning | | protection_wanted protection_runs | 1 0 | 0 1 | - | 1 1
power_tree phase 2 alarm | phase_current | current_a:A current_b:A current_c:A | 50 5 50 | 50 50 4.9 | 50 50 9.9 | 50 50 10.1
power_meter reversed 3 alarm | contract_demand reverse_power | active_power:kW | -40 | -41 | -20 | -19
power_meter phase_reversed 3 warning | reverse_power | power_a:kW power_b:kW power_c:kW | 41 -40 41 | 41 -41 41 | 41 -20 41 | 41 -19 41
power_meter phase_reversed 3 warning | reverse_power | power_a:kW power_b:kW power_c:kW | -41 -41 40 | -41 -41 41 | -41 b 20 | -41 -41 19
melting_furnace flame 1 alarm | | burner_running flame | 1 1 | 1 0 | 1 b | 0 0
melting_furnace exhaust 2 alarm | | burner_running exhaust_running | 1 1 | 1 0 | 1 b | 0 0
melting_furnace gas_valve 1 alarm | | gas_valve_open burner_running | 1 1 | 1 0 | b 0 | 0 0
";

struct Row<'t> {
    pack: &'t str,
    rule: &'t str,
    level: u8,
    class: &'t str,
    setpoints: &'t str,
    signals: Vec<Signal<'t>>,
    /// What they say in turn; nothing where there is no such turn.
    turns: [Option<Vec<Sample>>; 4],
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    CONDITIONS.lines().filter(|line| !line.is_empty()).map(|line| {
        let [head, setpoints, points, turns @ ..] = &line.split('|').map(str::trim).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let [pack, rule, level, class] = head.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let turn = |text: &str| (text != "-").then(|| text.split_whitespace().map(sample).collect());
        let turns: Vec<_> = turns.iter().map(|text| turn(text)).collect();
        let turns = turns.try_into().unwrap_or_else(|_| panic!("{line}: four turns"));
        let level = level.parse().expect("a level");
        Row { pack, rule, level, class, setpoints, signals: signals(points), turns }
    })
}

fn sample(word: &str) -> Sample {
    if word == "b" { BAD } else { good(word.parse().expect("a number")) }
}

#[test]
fn p1_each_condition_of_each_pack_raises_after_its_delay_holds_and_ends() {
    for row in rows() {
        run(&row);
    }
}

fn run(row: &Row<'_>) {
    let site = site_of(row.pack, &row.signals, row.setpoints);
    let alarm = alarm_of(&site, row.rule);
    let rule = site.rules.iter().find(|rule| rule.name == alarm).expect("the alarm's rule");
    let RuleKind::Condition(condition) = &rule.kind else { panic!("{alarm} is no condition") };
    assert_eq!(
        serde_json::to_value(condition.level).expect("a level"),
        serde_json::json!(row.level),
        "{alarm}"
    );
    assert_eq!(serde_json::to_value(rule.class).expect("a class"), row.class, "{alarm}");
    let message = rule.message.as_ref().expect("a message");
    assert!(!message.zh.contains('{') && !message.en.contains('{'), "{message:?}");
    assert_is_a_basis(&format!("{} {}", row.pack, row.rule), rule.basis.as_deref());
    let (on, off) = (rule.on_delay.as_secs_f64(), rule.off_delay.as_secs_f64());
    let name = format!("{} {} {:?}", row.pack, row.rule, row.turns);
    let mut run = start(site);
    let say = |run: &mut Run, turn: &[Sample]| {
        let points: Vec<_> =
            turn.iter().enumerate().map(|(index, one)| (PointId::new(index), *one)).collect();
        assert_eq!(points.len(), row.signals.len(), "{name}");
        run.read_all(&points);
    };
    let [Some(well), Some(raise), hold, Some(end)] = &row.turns else { panic!("{name}") };
    say(&mut run, well);
    run.wait(on + 1.0);
    assert!(of_alarm(&mut run, &alarm).is_empty(), "{name}: while all is well");
    say(&mut run, raise);
    run.wait(on - 0.001);
    assert!(of_alarm(&mut run, &alarm).is_empty(), "{name}: before its delay");
    run.wait(0.001);
    let raised: Vec<_> = of_alarm(&mut run, &alarm).into_iter().map(|t| t.event).collect();
    assert_eq!(raised, [EventKind::Raised], "{name}");
    if let Some(hold) = hold {
        say(&mut run, hold);
        run.wait(off + 1.0);
        assert!(of_alarm(&mut run, &alarm).is_empty(), "{name}: it must hold");
    }
    say(&mut run, end);
    run.wait(off - 0.001);
    assert!(of_alarm(&mut run, &alarm).is_empty(), "{name}: before its off-delay");
    run.wait(0.001);
    let ended: Vec<_> = of_alarm(&mut run, &alarm).into_iter().map(|t| t.event).collect();
    assert_eq!(ended, [EventKind::Cleared], "{name}");
}

/// Pack, rule, and the roles of each row.
pub(super) fn covered() -> Vec<(String, String, Vec<String>)> {
    let roles = |row: &Row<'_>| row.signals.iter().map(|signal| signal.role.to_owned()).collect();
    rows().map(|row| (row.pack.to_owned(), row.rule.to_owned(), roles(&row))).collect()
}
