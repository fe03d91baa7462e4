//! The gateway stops at any moment and starts again with nothing but the last transition of each standing alarm and what its engine
//! asked to be told again.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::scenario::{DEVICES, Event, POINTS, Scenario, derived, input, scenario};
use super::*;
use crate::site::{ModbusDevice, Protocol};

/// The last transition of every alarm that is not normal.
fn standing(transitions: &[Transition]) -> Vec<Transition> {
    let last: BTreeMap<&str, &Transition> = transitions.iter().map(|t| (t.alarm.as_str(), t)).collect();
    last.into_values().filter(|t| t.state != AlarmState::Normal).cloned().collect()
}

fn play(run: &mut Run, events: &[(u64, Event)]) {
    for (wait, event) in events {
        run.wait(*wait as f64 / 1000.0);
        let input = input(&run.site, run.now(), event);
        run.apply(input);
    }
}

/// What those that talk to devices and parts say again after a restart.
fn reports(events: &[(u64, Event)]) -> Vec<(u64, Event)> {
    let mut links = [None; DEVICES];
    let mut store = true;
    for (_, event) in events {
        match event {
            Event::Link(device, state) => links[*device] = Some(*state),
            Event::Store(works) => store = *works,
            Event::Read(..) | Event::Acknowledge(_) => {}
        }
    }
    let links = links.into_iter().enumerate().filter_map(|(d, state)| Some((0, Event::Link(d, state?))));
    links.chain([(0, Event::Store(store))]).collect()
}

/// What is on disk once all of `out` is: the last transition of each standing alarm, the newest memory of each key.
fn kept(out: &Output) -> Standing {
    let newest: BTreeMap<_, _> = out.memories.iter().map(|memory| (&memory.key, memory)).collect();
    let memories = newest.into_values().filter(|memory| memory.body.is_some()).cloned().collect();
    Standing { alarms: standing(&out.transitions), memories, outputs: Vec::new() }
}

/// The keys of what is kept beside the alarms.
fn keys(out: &Output) -> Vec<String> {
    kept(out).memories.into_iter().map(|memory| memory.key).collect()
}

/// A minute in which every device answers and every point says the same good value each second.
fn plateau(values: [f64; POINTS]) -> Vec<(u64, Event)> {
    let up = (0..DEVICES).map(|device| (0, Event::Link(device, LinkState::Up)));
    let second = (0..DEVICES).map(|device| {
        let samples = [Some(good(values[2 * device])), Some(good(values[2 * device + 1]))];
        (if device == 0 { 1000 } else { 0 }, Event::Read(device, samples))
    });
    let minute = second.cycle().take(60 * DEVICES);
    up.chain([(0, Event::Store(true))]).chain(minute).collect()
}

/// The uninterrupted engine and the one that was restarted before event number `cut`, both at that moment, with
/// everything that the first has said so far.
fn cut_at(scenario: &Scenario, cut: usize) -> (Run, Run, Vec<Transition>) {
    let (before, _) = scenario.events.split_at(cut);
    let mut whole = Run::start(scenario.site.clone());
    play(&mut whole, before);
    let history = whole.transitions();
    whole.out.transitions.clone_from(&history);
    let mut resumed = Run::resume(scenario.site.clone(), kept(&whole.out), whole.ms);
    whole.out.transitions.clear();
    play(&mut resumed, &reports(before));
    (whole, resumed, history)
}

/// Active alarms with their levels.
fn active(history: &[Transition]) -> BTreeMap<String, Level> {
    let standing = standing(history).into_iter().filter(|t| t.state.is_active());
    standing.map(|t| (t.alarm, t.level)).collect()
}

/// Values that lie in nobody's deadband, so that what they mean does not hang on what was before.
fn values() -> impl Strategy<Value = [f64; POINTS]> {
    prop::array::uniform4((0..5_u8).prop_map(|n| f64::from(n) * 20.0 + 10.0))
}

proptest! {
    #[test]
    fn p1_a_restart_raises_nothing_twice_and_forgets_nothing(
        scenario in derived(), cut in 0_usize..60, values in values(),
    ) {
        let cut = cut.min(scenario.events.len());
        let (mut whole, mut resumed, before) = cut_at(&scenario, cut);
        prop_assert_eq!(resumed.transitions(), vec![], "a restart is no event");
        let after: Vec<_> = scenario.events[cut..].iter().cloned().chain(plateau(values)).collect();
        play(&mut whole, &after);
        play(&mut resumed, &after);
        let whole_after = whole.transitions();
        let resumed_after = resumed.transitions();

        let mut states: BTreeMap<&str, AlarmState> = BTreeMap::new();
        for t in before.iter().chain(&resumed_after) {
            let was = states.insert(&t.alarm, t.state).unwrap_or(AlarmState::Normal);
            prop_assert!(t.event != EventKind::Raised || !was.is_active(), "raised twice: {:?}", t);
            let acknowledged = was == AlarmState::Acknowledged || t.event == EventKind::Acknowledged;
            prop_assert!(t.state != AlarmState::Normal || acknowledged, "forgotten: {:?}", t);
        }
        let whole_history: Vec<_> = before.iter().chain(&whole_after).cloned().collect();
        let resumed_history: Vec<_> = before.iter().chain(&resumed_after).cloned().collect();
        prop_assert_eq!(active(&whole_history), active(&resumed_history));
    }

    /// An alarm that simply stands through a restart says nothing because of it.
    #[test]
    fn p1_an_alarm_that_stands_through_a_restart_is_silent(scenario in scenario(), cut in 0_usize..60) {
        let mut scenario = scenario;
        scenario.site.rules.iter_mut().for_each(|rule| {
            if let RuleKind::Limits(limits) = &mut rule.kind {
                (limits.l, limits.ll) = (None, None);
            }
        });
        let cut = cut.min(scenario.events.len());
        let (mut whole, mut resumed, before) = cut_at(&scenario, cut);
        play(&mut whole, &scenario.events[cut..]);
        play(&mut resumed, &scenario.events[cut..]);
        let (whole_after, resumed_after) = (whole.transitions(), resumed.transitions());
        for alarm in active(&before).keys() {
            if whole_after.iter().all(|t| t.alarm != *alarm) {
                prop_assert!(resumed_after.iter().all(|t| t.alarm != *alarm), "{alarm}: {resumed_after:?}");
            }
        }
    }
}

/// One point with four limits of random levels, each on-delay a whole number of readings long.
fn delayed(on: u64) -> (Site, PointId) {
    let (mut site, point) = site();
    site.rules[0].on_delay = Duration::from_millis(100 * on);
    site.rules[0].off_delay = Duration::ZERO;
    if let RuleKind::Limits(limits) = &mut site.rules[0].kind {
        (limits.ll, limits.l) = (limit(5.0, Level::Red), limit(10.0, Level::Yellow));
    }
    (site, point)
}

proptest! {
    /// Where readings come all the time and nothing has to be gone for a while, nobody can tell from the events that there was a restart.
    #[test]
    fn p1_delays_go_on_over_a_restart_as_if_there_had_been_none(
        on in 0_u64..20, values in prop::collection::vec(0_u8..12, 1..80), cut in 0_usize..80,
    ) {
        let (site, point) = delayed(on);
        let mut whole = Run::start(site.clone());
        let mut resumed = Run::start(site.clone());
        for (n, value) in values.iter().enumerate() {
            if n == cut {
                resumed = Run { out: resumed.out, ..Run::resume(site.clone(), kept(&whole.out), whole.ms) };
            }
            for run in [&mut whole, &mut resumed] {
                run.read(point, good(f64::from(*value) * 5.0 + 2.5));
                run.wait(0.1);
            }
        }
        prop_assert_eq!(told(&mut whole), told(&mut resumed));
    }
}

/// What was told, but for habits: they are counted within one run.
fn told(run: &mut Run) -> Vec<Transition> {
    run.transitions().into_iter().map(|transition| Transition { habit: None, ..transition }).collect()
}

#[test]
fn p1_a_delay_that_ends_while_the_gateway_is_down_ends_at_the_first_reading_that_confirms_it() {
    let (site, point) = delayed(50);
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    run.wait(3.0);
    assert_eq!(keys(&run.out), ["delay.gas"]);
    for (value, events) in [(30.0, vec![EventKind::Raised]), (0.0, vec![])] {
        let mut run = Run::resume(site.clone(), kept(&run.out), 60_000);
        run.wait(60.0);
        assert_eq!(run.kinds(), [], "nothing has been heard of it");
        run.read(point, good(value));
        let low = if value < 10.0 { vec!["delay.gas".to_owned()] } else { vec![] };
        assert_eq!((run.kinds(), keys(&run.out)), (events, low));
    }
}

#[test]
fn a_delay_that_has_ended_or_come_to_nothing_is_not_kept() {
    let (site, point) = delayed(50);
    let mut run = Run::start(site);
    for value in [30.0, 60.0] {
        run.read(point, good(value));
        run.wait(1.0);
        assert_eq!(keys(&run.out), ["delay.gas"]);
    }
    run.read(point, good(20.0));
    assert_eq!(keys(&run.out), [] as [String; 0]);
    run.read(point, good(30.0));
    run.wait(5.0);
    assert_eq!((run.kinds(), keys(&run.out)), (vec![EventKind::Raised], vec![]));
}

#[test]
fn a_computer_that_starts_with_its_clock_behind_makes_no_delay_longer_than_itself() {
    let (site, point) = delayed(50);
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    let behind = |ms| Now { wall: Wall(1_000 + ms as i64), ..at(ms) };
    let mut out = Output::default();
    let mut engine = Engine::new(Arc::new(site), kept(&run.out), behind(0), &mut out);
    let reading = Reading { point, at: behind(0).wall, sample: good(30.0) };
    let batch = Batch { device: DeviceId::new(0), at: behind(0).wall, readings: vec![reading] };
    engine.apply(behind(0), Input::Readings(batch), &mut out);
    assert_eq!(engine.next_deadline(), Some(at(5000).mono));
}

#[test]
fn what_is_kept_follows_the_clock() {
    let (site, point) = delayed(50);
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    run.wait(1.0);
    run.put_ms = -3_600_000;
    run.apply(Input::Clock(stepped(run.now(), -3_600_000)));
    let at = Now { wall: Wall(run.now().wall.0 + 1000), ..at(2000) };
    let mut out = Output::default();
    let mut engine = Engine::new(Arc::new(site), kept(&run.out), at, &mut out);
    let reading = Reading { point, at: at.wall, sample: good(30.0) };
    let batch = Batch { device: DeviceId::new(0), at: at.wall, readings: vec![reading] };
    engine.apply(at, Input::Readings(batch), &mut out);
    // Two of the five seconds are over.
    assert_eq!(engine.next_deadline(), Some(super::at(5000).mono));
}

fn stepped(at: Now, by_ms: i64) -> ClockChange {
    ClockChange { at, by_ms, slept: Duration::ZERO, sync: ClockSync::Synced, restamps: false }
}

#[test]
fn p2_a_device_that_was_being_lost_has_a_moment_to_be_heard_and_no_more() {
    let mut plant = Plant::new();
    let device = plant.device("meter", Text::same("meter"), None);
    plant.site.devices[device.index()].protocol = Protocol::Modbus(ModbusDevice {
        unit: 1,
        poll: Duration::from_secs(1),
        pause: Duration::ZERO,
        timeout: Duration::from_secs(1),
        registers_max: 125,
        gap_max: 0,
    });
    plant.lost("meter.lost", device, 10.0);
    let mut run = Run::start(plant.site.clone());
    run.wait(9.0);
    assert_eq!(keys(&run.out), ["delay.meter.lost"]);
    let start = || Run::resume(plant.site.clone(), kept(&run.out), 3_600_000);
    let (mut heard, mut silent) = (start(), start());
    for run in [&mut heard, &mut silent] {
        run.wait(2.0);
        assert_eq!(run.kinds(), []);
    }
    heard.link(device, LinkState::Up);
    for (mut run, events) in [(heard, vec![]), (silent, vec![EventKind::Raised])] {
        run.wait(1.0);
        assert_eq!((run.kinds(), keys(&run.out)), (events, vec![]));
    }
}

#[test]
fn p2_a_sensor_that_was_being_lost_is_lost_when_the_delay_is_over() {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::same("gas"));
    plant.signal("gds.lel.signal", point, 10.0);
    let mut run = Run::start(plant.site.clone());
    run.link(device, LinkState::Up);
    run.read(point, BAD);
    run.wait(8.0);
    let mut run = Run::resume(plant.site, kept(&run.out), run.ms);
    run.link(device, LinkState::Up);
    run.wait(1.0);
    run.read(point, BAD);
    run.wait(0.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.1);
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn what_the_site_has_no_use_for_any_more_is_forgotten() {
    let (site, _) = site();
    let memory = |key: &str, body: &str| Memory { key: key.to_owned(), body: Some(body.to_owned()) };
    let kept = vec![memory("delay.gone", r#"{"h":1}"#), memory("delay.gas", "?"), memory("what", "{}")];
    let forgotten: Vec<_> = kept.iter().map(|kept| Memory { body: None, ..kept.clone() }).collect();
    let run = Run::resume(site, Standing { memories: kept, ..Standing::default() }, 0);
    assert_eq!(run.out.memories, forgotten);
}

#[test]
fn a_degradation_stands_through_a_restart_until_its_device_answers_in_full() {
    let mut plant = Plant::new();
    let device = plant.device("meter", Text::same("meter"), None);
    plant.degraded("meter.degraded", device, 3.0, 10.0);
    let mut run = Run::start(plant.site.clone());
    run.link(device, LinkState::Degraded);
    run.wait(3.0);
    let standing = standing(&run.transitions());
    assert_eq!(standing.len(), 1);
    let mut run = Run::resume(plant.site, standing, 3_600_000);
    run.wait(60.0);
    run.link(device, LinkState::Degraded);
    run.wait(60.0);
    assert_eq!(run.kinds(), []);
    run.link(device, LinkState::Up);
    run.wait(10.0);
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.event, cleared.state), (EventKind::Cleared, AlarmState::Normal));
    assert_eq!(cleared.raised_at.wall, Wall(EPOCH + 3000));
}

/// H 25 orange, HH 50 red, deadband 2, 5 s and 10 s.
fn site() -> (Site, PointId) {
    let mut plant = Plant::new();
    let device = plant.device("gds", Text::same("gds"), None);
    let point = plant.point(device, "lel", Text::same("gas"));
    let limits =
        Limits { h: limit(25.0, Level::Orange), hh: limit(50.0, Level::Red), ..no_limits(point, 2.0) };
    plant.rule("gas", RuleKind::Limits(limits), 5.0, 10.0);
    (plant.site, point)
}

#[test]
fn p1_a_limit_that_was_crossed_over_a_restart_implies_those_further_inside() {
    let (mut site, point) = site();
    site.rules[0].off_delay = Duration::ZERO;
    let mut run = Run::start(site.clone());
    run.read(point, good(60.0));
    run.wait(5.0);
    let standing = standing(&run.transitions());
    let mut run = Run::resume(site, standing, 3_600_000);
    run.read(point, good(30.0));
    assert_eq!(run.events(), [(EventKind::Deescalated, "gas".into(), Level::Orange)]);
}

#[test]
fn p2_a_level_that_the_site_file_changed_waits_for_data_that_can_be_trusted() {
    let (mut site, point) = site();
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    run.wait(5.0);
    let standing = standing(&run.transitions());
    if let RuleKind::Limits(limits) = &mut site.rules[0].kind {
        limits.h = limit(25.0, Level::Red);
    }
    let mut run = Run::resume(site, standing, 3_600_000);
    for silent in [BAD, uncertain(0.0)] {
        run.read(point, silent);
        assert_eq!(run.kinds(), []);
    }
    run.read(point, good(30.0));
    assert_eq!(run.events(), [(EventKind::Escalated, "gas".into(), Level::Red)]);
}

/// The alarm `gas` raised at HH and acknowledged, in an engine that has been restarted since.
fn resumed() -> (Run, PointId) {
    let (site, point) = site();
    let mut run = Run::start(site.clone());
    run.read(point, good(60.0));
    run.wait(5.0);
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    let standing = standing(&run.transitions());
    (Run::resume(site, standing, 3_600_000), point)
}

#[test]
fn p1_an_acknowledged_alarm_is_still_acknowledged_after_a_restart() {
    let (mut run, point) = resumed();
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    run.read(point, good(48.0));
    run.wait(9.0);
    assert_eq!(run.kinds(), [], "within the deadband of the limit that decided");
    run.read(point, good(0.0));
    run.wait(10.0);
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.event, cleared.state), (EventKind::Cleared, AlarmState::Normal));
    assert_eq!(cleared.raised_at.wall, Wall(EPOCH + 5000));
    assert_eq!(cleared.acknowledged_by.as_deref(), Some("li"));
    assert_eq!(cleared.limit, Some(50.0));
}

#[test]
fn p1_a_level_that_changed_over_a_restart_is_held_against_the_restored_one() {
    let (mut run, point) = resumed();
    run.read(point, good(30.0));
    run.wait(10.0);
    assert_eq!(run.events(), [(EventKind::Deescalated, "gas".into(), Level::Orange)]);
}

#[test]
fn p2_nothing_clears_after_a_restart_before_good_data_says_so() {
    let (mut run, point) = resumed();
    run.wait(10.0);
    for silent in [BAD, uncertain(0.0)] {
        run.read(point, silent);
        run.wait(1000.0);
    }
    assert_eq!(run.kinds(), []);
}

#[test]
fn p1_the_risk_after_a_restart_is_that_of_the_alarms_that_stand() {
    let (run, _) = resumed();
    let risk = run.out.risk.expect("shown at the start");
    assert_eq!((risk.site.level.0, risk.site.alarms), (Some(Level::Red), vec!["gas".to_owned()]));
}

#[test]
fn p1_limits_that_were_moved_over_a_restart_leave_the_alarm_standing() {
    let (mut site, point) = site();
    let mut run = Run::start(site.clone());
    run.read(point, good(60.0));
    run.wait(5.0);
    let standing = standing(&run.transitions());
    if let RuleKind::Limits(limits) = &mut site.rules[0].kind {
        limits.hh = limit(70.0, Level::Red);
    }
    let mut run = Run::resume(site, standing, 3_600_000);
    run.read(point, good(69.0));
    run.wait(1000.0);
    assert_eq!(run.kinds(), [], "within the deadband of the limit at that level");
    run.read(point, good(60.0));
    run.wait(10.0);
    assert_eq!(run.events(), [(EventKind::Deescalated, "gas".into(), Level::Orange)]);
}

#[test]
fn p1_an_alarm_that_had_gone_unseen_still_waits_for_its_acknowledgement() {
    let (site, point) = site();
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    run.wait(5.0);
    run.read(point, good(0.0));
    run.wait(10.0);
    let standing = standing(&run.transitions());
    let mut run = Run::resume(site, standing, 3_600_000);
    run.read(point, good(0.0));
    run.wait(100.0);
    assert_eq!(run.kinds(), []);
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    assert_eq!(run.transitions().pop().map(|t| t.state), Some(AlarmState::Normal));
}

#[test]
fn an_alarm_whose_rule_is_gone_ends_and_says_why() {
    let (mut site, point) = site();
    let mut run = Run::start(site.clone());
    run.read(point, good(30.0));
    run.wait(5.0);
    let standing = standing(&run.transitions());
    site.rules.clear();
    let mut run = Run::resume(site, standing, 3_600_000);
    let ended = run.transitions().remove(0);
    assert_eq!((ended.event, ended.state), (EventKind::Cleared, AlarmState::Normal));
    assert_eq!(ended.by.as_deref(), Some("gateway"));
    assert_eq!(ended.reason.as_deref(), Some("no longer in the site file / 站点文件中已无此规则"));
    assert_eq!(ended.at.wall, Wall(EPOCH + 3_600_000));
    assert_eq!(ended.raised_at.wall, Wall(EPOCH + 5000));
}

#[test]
fn p2_a_lost_device_is_still_lost_after_a_restart_until_it_answers() {
    let mut plant = Plant::new();
    let device = plant.device("meter", Text::same("meter"), None);
    plant.lost("meter.lost", device, 5.0);
    plant.health("store", HealthSource::Store);
    let mut run = Run::start(plant.site.clone());
    run.health(HealthSource::Store, Some("disk full"));
    run.wait(5.0);
    let standing = standing(&run.transitions());
    assert_eq!(standing.len(), 2);
    let mut run = Run::resume(plant.site, standing, 3_600_000);
    run.wait(1000.0);
    run.link(device, LinkState::Down);
    run.health(HealthSource::Store, Some("disk full"));
    assert_eq!(run.kinds(), []);
    run.link(device, LinkState::Up);
    run.health(HealthSource::Store, None);
    assert_eq!(run.kinds(), [EventKind::Cleared, EventKind::Cleared]);
}

#[test]
fn p1_what_was_counted_by_the_clock_goes_on_over_a_restart_and_not_for_another_meter() {
    let site = |of: &str| {
        let meter = |id: &str| {
            format!(
                "[[device]]\nid = \"{id}\"\naddress = \"{id}:502\"\n[[point]]\ndevice = \"{id}\"\nsignal = \"energy\"\nname = \"n\"\nunit = \"kWh\"\nregister = \"holding:0\"\n"
            )
        };
        let head = "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"n\"\n[clock]\nsync = \"ignored\"\n";
        let derived = format!(
            "[[derived]]\nid = \"today\"\nname = \"n\"\nfunction = \"energy\"\nof = \"{of}\"\nperiod = \"day\"\n"
        );
        crate::site::parse("site", &[head, &meter("a"), &meter("b"), &derived].concat(), &BTreeMap::new())
            .expect("a site")
    };
    let energy = |run: &mut Run, kwh: f64| {
        let samples = [(PointId::new(0), good(kwh)), (PointId::new(1), good(kwh))];
        for (point, sample) in samples {
            run.read(point, sample);
        }
        let latest = run.engine.snapshot(run.now()).points[2].expect("it is worked out").sample;
        latest.value().map(Value::as_f64)
    };
    let mut before = Run::start(site("a.energy"));
    energy(&mut before, 1000.0);
    before.wait(400.0);
    energy(&mut before, 1007.0);
    let standing = kept(&before.out);
    let mut same = Run::resume(site("a.energy"), standing.clone(), before.ms + 60_000);
    assert_eq!(energy(&mut same, 1009.0), Some(9.0));
    let mut other = Run::resume(site("b.energy"), standing, before.ms + 60_000);
    assert_eq!(energy(&mut other, 1009.0), Some(0.0));
    assert!(keys(&other.out).contains(&"point.today".to_owned()), "what is of no use is overwritten");
}

#[test]
fn p1_what_is_ordinary_is_remembered_by_its_day_and_told_to_those_that_rest_on_it() {
    let head = "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"n\"\n[clock]\nsync = \"ignored\"\n";
    let meter = "[[device]]\nid = \"m\"\naddress = \"m:502\"\n[[point]]\ndevice = \"m\"\nsignal = \"power\"\nname = \"n\"\nunit = \"kW\"\nregister = \"holding:0\"\nmax_age = \"1h\"\n";
    let derived = |id: &str, function: &str, of: &str| {
        format!("[[derived]]\nid = \"{id}\"\nname = \"n\"\nfunction = \"{function}\"\nof = \"{of}\"\n")
    };
    let points = [
        &derived("base", "baseline", "m.power"),
        "days = 1\n",
        &derived("high", "baseline_high", "base"),
        &derived("off", "deviation", "base"),
    ]
    .concat();
    let text = [head, meter, &points].concat();
    let site = || crate::site::parse("site", &text, &BTreeMap::new()).expect("a site");
    let says = |run: &Run| {
        [1, 2, 3].map(|place| run.engine.snapshot(run.now()).points[place].map(|state| state.sample))
    };
    let quarters = |run: &mut Run, count: u32, kw: f64| {
        for _ in 0..count {
            run.wait(900.0);
            run.read(PointId::new(0), good(kw));
        }
    };
    let mut run = Run::start(site());
    run.read(PointId::new(0), good(100.0));
    // From Saturday 20:00 to Sunday's end: one whole day.
    quarters(&mut run, 16 + 96 + 1, 100.0);
    assert_eq!(says(&run), [Some(good(100.0)), Some(good(100.0)), Some(good(0.0))]);
    assert!(
        keys(&run.out).contains(&"point.base/today".to_owned())
            && keys(&run.out).contains(&"point.base/0".to_owned())
    );
    let mut next = Run::resume(site(), kept(&run.out), run.ms + 1000);
    next.read(PointId::new(0), good(190.0));
    quarters(&mut next, 3, 190.0);
    assert_eq!(says(&next), [Some(good(100.0)), Some(good(100.0)), Some(good(3.0))]);
}
