//! Each derived point with limits of each built-in pack, and each rule on one: deviations at each limit ± their deadband, trends on either side of
//! theirs.

use super::bench::{SETPOINT, Signal, alarm_of, of_alarm, signals, site_of, start};
use super::*;

/// Pack and point; set-points of 40; the other points and what they say all the time; the point that moves, and what it says where the derived one is 0 and by how
/// much more for each unit of it; then ll, l, h, hh and deadband with the levels of the four.
const DEVIATIONS: &str = "
casting deviation | mould_level | casting=1 | mould_level:mm 40 1 | -20 -10 10 20 2 | 1 2 2 1
casting deviation | | casting=1 mould_level_setpoint:mm=100 | mould_level:mm 100 1 | -20 -10 10 20 2 | 1 2 2 1
casting deviation | launder_level | casting=1 | launder_level:mm 40 1 | -20 -10 10 20 2 | 1 2 2 1
casting deviation | | casting=1 launder_level_setpoint:mm=100 | launder_level:mm 100 1 | -20 -10 10 20 2 | 1 2 2 1
casting speed_deviation | casting_speed | casting=1 | casting_speed:mm/min 40 0.4 | -10 -5 5 10 1 | 2 3 3 2
casting speed_deviation | | casting=1 casting_speed_setpoint:mm/min=80 | casting_speed:mm/min 80 0.8 | -10 -5 5 10 1 | 2 3 3 2
casting water_heating | | casting=1 inlet_water_temperature:℃=20 | outlet_water_temperature:℃ 20 1 | - - 15 - 1 | - - 2 -
casting water_loss | cooling_flow | casting=1 cooling_flow:m³/h=100 | return_flow:m³/h 100 -1 | - - 10 20 2 | - - 2 1
tank difference | level_full | level:m=20 | level_backup:m 20 0.4 | - - 2 5 0.5 | - - 4 3
";

/// Pack, rule and level; set-points of 40; the other points and what they say all the time; the point that moves and where it begins; by how much it moves a minute,
/// and for how many seconds: first without the alarm, then so that it comes. Then it rests until the alarm is over.
const TRENDS: &str = "
gas_trend rate 3 | | | gas:%LEL 0 | 4.8 300 | 5.2 180
gas_trend rising 3 | | | gas_2:%LEL 0 | 1 880 | 1 90
tank to_full 3 | level_full | | level:m 25 | 0.5 700 | 0.5 90
tank pressure_rise 3 | design_pressure | | pressure:kPa 0 | 0.78 300 | 0.82 200
tank pressure_rise 2 | design_pressure | | pressure:kPa 0 | 1.95 300 | 2.05 200
tank moves_shut 2 | level_full | inlet_valve_open=0 outlet_valve_open=0 | level:m 20 | -0.0016 500 | -0.0018 500
tank moves_shut 2 | level_full | inlet_valve:%=0.9 outlet_valve:%=0 | level:m 20 | 0.0016 500 | 0.0018 500
dust_dry to_clogged 4 | | | diff_pressure:Pa 1000 | 10 2600 | 10 250
";

/// `role:unit=value`.
fn constants(text: &str) -> (Vec<Signal<'_>>, Vec<f64>) {
    let constant = |word| -> Option<_> {
        let (name, value) = str::split_once(word, '=')?;
        Some((signals(name)[0], number(value)))
    };
    text.split_whitespace().map(|word| constant(word).expect("a value")).unzip()
}

fn fields(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn number(word: &str) -> f64 {
    word.parse().expect("a number")
}

/// The pack's site on which one point moves, which is the last, and the others have spoken.
struct Moved {
    run: Run,
    point: PointId,
    alarm: String,
    on: f64,
    off: f64,
}

fn moved(head: &str, setpoints: &str, others: &str, mover: &str) -> Moved {
    let (pack, id) = (words(head)[0], words(head)[1]);
    let (mut points, values) = constants(others);
    points.push(signals(mover)[0]);
    let site = site_of(pack, &points, setpoints);
    let alarm = alarm_of(&site, id);
    let rule = site.rules.iter().find(|rule| rule.name == alarm).expect("the alarm's rule");
    assert_is_a_basis(head, rule.basis.as_deref());
    let (on, off) = (rule.on_delay.as_secs_f64(), rule.off_delay.as_secs_f64());
    let mut run = start(site);
    for (index, value) in values.into_iter().enumerate() {
        run.read(PointId::new(index), good(value));
    }
    Moved { run, point: PointId::new(points.len() - 1), alarm, on, off }
}

#[test]
fn p1_each_deviation_of_each_pack_raises_past_each_limit_and_ends_past_its_deadband() {
    for line in DEVIATIONS.lines().filter(|line| !line.is_empty()) {
        let [head, setpoints, others, mover, limits, levels] = fields(line)[..] else { panic!("{line}") };
        let (limits, levels) = (words(limits), words(levels));
        for bound in 0..4 {
            if limits[bound] == "-" {
                continue;
            }
            let outward = if bound < 2 { -1.0 } else { 1.0 };
            let bench = moved(head, setpoints, others, words(mover)[0]);
            let place = (number(words(mover)[1]), number(words(mover)[2]));
            let level = levels[bound].parse().expect("a level");
            hold(bench, place, (number(limits[bound]), number(limits[4]), outward), level, line);
        }
    }
}

fn hold(
    moved: Moved,
    (base, each): (f64, f64),
    (limit, band, outward): (f64, f64, f64),
    level: u8,
    line: &str,
) {
    let Moved { mut run, point, alarm, on, off } = moved;
    let hair = limit.abs() * 1e-6;
    let say = |run: &mut Run, derived: f64| run.read(point, good(base + each * derived));
    let mine = |run: &mut Run| -> Vec<Transition> {
        let all = of_alarm(run, &alarm).into_iter();
        all.filter(|t| t.limit.is_none_or(|l| (l - limit).abs() < 1e-9)).collect()
    };
    say(&mut run, limit - outward * hair);
    run.wait(on + 1.0);
    assert!(mine(&mut run).is_empty(), "{line} at {limit}: inside");
    say(&mut run, limit + outward * hair);
    run.wait(on - 0.001);
    assert!(mine(&mut run).is_empty(), "{line} at {limit}: before its delay");
    run.wait(0.001);
    let raised = mine(&mut run);
    let [t] = &raised[..] else { panic!("{line} at {limit}: {raised:?}") };
    assert_eq!(t.class, Class::Alarm, "{line} at {limit}");
    assert_eq!(
        serde_json::to_value(t.level).expect("a level"),
        serde_json::json!(level),
        "{line} at {limit}"
    );
    say(&mut run, limit - outward * (band - hair));
    run.wait(off + 1.0);
    assert!(of_alarm(&mut run, &alarm).is_empty(), "{line} at {limit}: within the deadband");
    say(&mut run, limit - outward * (band + hair));
    run.wait(off);
    let ended: Vec<_> = of_alarm(&mut run, &alarm).into_iter().map(|t| t.event).collect();
    assert!(
        matches!(ended[..], [EventKind::Cleared | EventKind::Deescalated]),
        "{line} at {limit}: {ended:?}"
    );
}

/// Seconds from one reading to the next.
const STEP: f64 = 5.0;

#[test]
fn p1_each_trend_of_each_pack_is_told_on_one_side_of_its_limit_and_not_on_the_other() {
    for line in TRENDS.lines().filter(|line| !line.is_empty()) {
        let [head, setpoints, others, mover, quiet, loud] = fields(line)[..] else { panic!("{line}") };
        let Moved { mut run, point, alarm, off, .. } = moved(head, setpoints, others, words(mover)[0]);
        let level = serde_json::json!(words(head)[2].parse::<u8>().expect("a level"));
        let mut value = number(words(mover)[1]);
        let mut go = |run: &mut Run, a_minute: f64, seconds: f64| {
            for _ in 0..(seconds / STEP) as u32 {
                value += a_minute * STEP / 60.0;
                run.wait(STEP);
                run.read(point, good(value));
            }
            of_alarm(run, &alarm)
        };
        let told = |all: &[Transition]| {
            let raised = |t: &&Transition| matches!(t.event, EventKind::Raised | EventKind::Escalated);
            all.iter().filter(raised).any(|t| serde_json::to_value(t.level).expect("a level") == level)
        };
        let before = go(&mut run, number(words(quiet)[0]), number(words(quiet)[1]));
        assert!(!told(&before), "{line}: {before:?}");
        let then = go(&mut run, number(words(loud)[0]), number(words(loud)[1]));
        assert!(told(&then), "{line}: {then:?}");
        assert!(then.iter().all(|t| t.class == Class::Warning), "{line}: {then:?}");
        let rest = go(&mut run, 0.0, 4000.0 + off);
        assert_eq!(rest.last().map(|t| t.event), Some(EventKind::Cleared), "{line}: {rest:?}");
    }
}

#[test]
fn p1_one_spark_a_minute_is_told_and_five_are_graver() {
    for pack in ["dust_dry", "dust_wet"] {
        let Moved { mut run, point, alarm, off, .. } =
            moved(&format!("{pack} sparks"), "", "", "spark_count");
        let mut count = 7.0;
        let mut spark = |run: &mut Run, sparks: u32| {
            count += f64::from(sparks);
            run.wait(1.0);
            run.read(point, good(count));
            of_alarm(run, &alarm).into_iter().map(|t| (t.event, t.level)).collect::<Vec<_>>()
        };
        assert_eq!(spark(&mut run, 0), [], "{pack}");
        assert_eq!(spark(&mut run, 0), [], "{pack}");
        assert_eq!(spark(&mut run, 1), [(EventKind::Raised, Level::Orange)], "{pack}");
        assert_eq!(spark(&mut run, 3), [], "{pack}");
        assert_eq!(spark(&mut run, 1), [(EventKind::Escalated, Level::Red)], "{pack}");
        let mut ended = Vec::new();
        for _ in 0..(70.0 + off) as u32 {
            ended.extend(spark(&mut run, 0));
        }
        assert_eq!(ended.last().map(|(event, _)| *event), Some(EventKind::Cleared), "{pack}: {ended:?}");
    }
}

#[test]
fn a_level_that_moves_while_a_valve_is_open_leaks_nowhere() {
    let mut leak =
        moved("tank moves_shut", "level_full", "inlet_valve_open=0 outlet_valve_open=1", "level:m");
    let mut level = SETPOINT / 2.0;
    for _ in 0..300 {
        level -= 0.01;
        leak.run.wait(STEP);
        leak.run.read(leak.point, good(level));
    }
    assert!(of_alarm(&mut leak.run, &leak.alarm).is_empty());
}

#[test]
fn p1_a_feeder_that_takes_a_far_greater_share_than_it_ordinarily_does_is_told() {
    let Moved { mut run, point, alarm, .. } = moved("power_tree shift", "", "", "feeder_share:%");
    let mut go = |share: f64, quarters: u32| {
        for _ in 0..quarters * 3 {
            run.read(point, good(share));
            run.wait(300.0);
        }
        of_alarm(&mut run, &alarm).into_iter().map(|t| (t.event, t.level, t.class)).collect::<Vec<_>>()
    };
    assert_eq!(go(10.0, 6 * 96), [], "what it ordinarily is");
    assert_eq!(go(12.9, 8), [], "within 30 % of it");
    assert_eq!(go(13.1, 1), [], "one quarter alone");
    assert_eq!(go(10.0, 4), []);
    assert_eq!(go(13.1, 4), [(EventKind::Raised, Level::Blue, Class::Warning)]);
    assert_eq!(go(19.1, 4), [(EventKind::Escalated, Level::Yellow, Class::Warning)]);
    let ended = go(10.0, 8);
    assert_eq!(ended.last().map(|(event, ..)| *event), Some(EventKind::Cleared), "{ended:?}");
}

/// Pack, id, and the roles of each row.
pub(super) fn covered() -> Vec<(String, String, Vec<String>)> {
    let rows = DEVIATIONS.lines().chain(TRENDS.lines()).filter(|line| !line.is_empty()).map(|line| {
        let [head, _, others, mover, ..] = fields(line)[..] else { panic!("{line}") };
        let roles = constants(others).0.into_iter().chain(signals(words(mover)[0]));
        let roles = roles.map(|signal| signal.role.to_owned()).collect();
        (words(head)[0].to_owned(), words(head)[1].to_owned(), roles)
    });
    let sparks = ["dust_dry", "dust_wet"]
        .map(|pack| (pack.to_owned(), "sparks".to_owned(), vec!["spark_count".to_owned()]));
    let share = ("power_tree".to_owned(), "shift".to_owned(), vec!["feeder_share".to_owned()]);
    rows.chain(sparks).chain([share]).collect()
}
