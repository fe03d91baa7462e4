//! Which model answers for which signal, how time is cut, and what commands do.

use std::time::Duration;

use super::*;
use crate::bench::{ByteOrder, Cell, Encoding, Framing, HazardSpec, LinkSpec, Table, UnitSpec};
use crate::fault::Target;

fn signal(hazard: Option<&str>, device: &str, name: &str, role: Option<&str>) -> SignalRef {
    SignalRef {
        hazard: hazard.map(str::to_owned),
        device: device.to_owned(),
        role: role.map(str::to_owned),
        range: None,
        point: format!("{device}.{name}"),
    }
}

fn bench(signals: Vec<SignalRef>) -> Bench {
    let kinds = [
        ("tank1", HazardKind::TankFarm),
        ("dust1", HazardKind::Dust),
        ("power1", HazardKind::Power),
        ("other1", HazardKind::Other),
    ];
    let hazards = kinds.map(|(id, kind)| HazardSpec { id: id.to_owned(), kind });
    let units = signals.into_iter().zip(1..).map(|(signal, unit)| UnitSpec {
        outputs: Vec::new(),
        unit,
        device: signal.device.clone(),
        cells: vec![Cell {
            table: Table::Holding,
            address: 0,
            encoding: Encoding::F64,
            order: ByteOrder::Abcd,
            scale: 1.0,
            offset: 0.0,
            codes: Vec::new(),
            broken: None,
            signal,
        }],
        constants: Vec::new(),
    });
    let link = LinkSpec {
        listen: "127.0.0.1:0".to_owned(),
        line: None,
        framing: Framing::Tcp,
        units: units.collect(),
    };
    Bench { hazards: hazards.into(), links: vec![link], publishers: Vec::new(), edges: Vec::new() }
}

fn typical() -> Bench {
    let range = |low, high, signal| SignalRef { range: Some((low, high)), ..signal };
    bench(vec![
        signal(Some("tank1"), "gas", "one", Some("gas_1")),
        signal(Some("dust1"), "meter", "fan_power", Some("fan_power")),
        signal(Some("dust1"), "meter", "volts", Some("voltage_a")),
        range(0.0, 200.0, signal(Some("power1"), "feeder", "kw", Some("power"))),
        signal(Some("power1"), "feeder", "amps", Some("current_a")),
        signal(None, "lonely", "kw", Some("power")),
        range(10.0, 20.0, signal(Some("other1"), "misc", "ph", Some("acidity"))),
        signal(None, "misc", "plain", None),
    ])
}

fn value(plant: &Plant, point: &str) -> Option<f64> {
    plant.value(plant.signal(point).unwrap())
}

fn inject(target: Target, fault: &str) -> FaultCommand {
    FaultCommand::Inject { target, fault: fault.to_owned(), delay: None }
}

fn clear(target: Target, fault: &str) -> FaultCommand {
    FaultCommand::Clear { target, fault: fault.to_owned() }
}

fn point(name: &str) -> Target {
    Target::Point(name.to_owned())
}

#[test]
fn each_signal_finds_its_model() {
    let mut plant = Plant::new(&typical(), 1).unwrap();
    plant.advance(20.0);
    let within = |name, low, high| {
        let value = value(&plant, name).unwrap();
        assert!((low..high).contains(&value), "{name} = {value}");
    };
    within("gas.one", 0.0, 1.0);
    within("meter.fan_power", 20.0, 24.0);
    within("meter.volts", 225.0, 235.0);
    within("feeder.kw", 90.0, 110.0);
    within("feeder.amps", 130.0, 180.0);
    within("lonely.kw", 45.0, 55.0);
    within("misc.ph", 13.5, 16.5);
    within("misc.plain", 35.0, 65.0);
}

#[test]
fn time_may_be_cut_in_any_way() {
    let mut whole = Plant::new(&typical(), 5).unwrap();
    let mut sliced = Plant::new(&typical(), 5).unwrap();
    whole.advance(30.0);
    for _ in 0..3000 {
        sliced.advance(0.01);
    }
    assert_eq!(whole.now_s(), 30.0);
    assert_eq!(sliced.now_s(), 30.0);
    for name in ["gas.one", "meter.fan_power", "feeder.kw", "misc.plain"] {
        assert_eq!(value(&whole, name), value(&sliced, name), "{name}");
    }
    whole.advance(-5.0);
    whole.advance(f64::NAN);
    assert_eq!(whole.now_s(), 30.0);
}

#[test]
fn a_process_fault_acts_where_it_is_aimed() {
    let mut plant = Plant::new(&typical(), 3).unwrap();
    plant.advance(10.0);
    plant.apply(&inject(Target::Device("feeder".to_owned()), "overload")).unwrap();
    plant.advance(10.0);
    assert!(value(&plant, "feeder.kw").unwrap() > 220.0);
    assert!(value(&plant, "lonely.kw").unwrap() < 60.0);
    plant.apply(&clear(Target::Device("feeder".to_owned()), "overload")).unwrap();
    plant.advance(10.0);
    assert!(value(&plant, "feeder.kw").unwrap() < 120.0);
}

#[test]
fn sensors_fail_by_themselves() {
    let mut plant = Plant::new(&typical(), 3).unwrap();
    plant.advance(1.0);
    plant.apply(&inject(point("misc.ph"), "stuck")).unwrap();
    plant.apply(&inject(point("misc.plain"), "drift")).unwrap();
    plant.apply(&inject(point("gas.one"), "dead")).unwrap();
    plant.apply(&inject(point("feeder.kw"), "spike")).unwrap();
    let stuck = value(&plant, "misc.ph");
    assert!(value(&plant, "feeder.kw").unwrap() > 200.0);
    plant.advance(1.0);
    assert!(value(&plant, "feeder.kw").unwrap() < 120.0);
    plant.advance(29.0);
    assert_eq!(value(&plant, "misc.ph"), stuck);
    assert!(value(&plant, "misc.plain").unwrap() > 80.0);
    assert_eq!(value(&plant, "gas.one"), None);
    // Only the fault that stands can be cleared.
    plant.apply(&clear(point("gas.one"), "stuck")).unwrap();
    assert_eq!(value(&plant, "gas.one"), None);
    plant.apply(&clear(point("gas.one"), "dead")).unwrap();
    assert!(value(&plant, "gas.one").is_some());
    plant.apply(&FaultCommand::ClearAll).unwrap();
    assert_ne!(value(&plant, "misc.ph"), stuck);
    assert!(value(&plant, "misc.plain").unwrap() < 65.0);
}

#[test]
fn a_device_has_one_fault_at_a_time() {
    let mut plant = Plant::new(&typical(), 3).unwrap();
    let gas = || Target::Device("gas".to_owned());
    let slow = FaultCommand::Inject {
        target: gas(),
        fault: "slow".to_owned(),
        delay: Some(Duration::from_millis(300)),
    };
    plant.apply(&slow).unwrap();
    assert_eq!(plant.device_fault("gas"), Some(DeviceFault::Slow(Duration::from_millis(300))));
    plant.apply(&inject(gas(), "dead")).unwrap();
    assert_eq!(plant.device_fault("gas"), Some(DeviceFault::Dead));
    plant.apply(&clear(gas(), "slow")).unwrap();
    assert_eq!(plant.device_fault("gas"), Some(DeviceFault::Dead));
    plant.apply(&clear(gas(), "dead")).unwrap();
    assert_eq!(plant.device_fault("gas"), None);
}

#[test]
fn commands_that_name_what_is_not_there_do_nothing_and_say_why() {
    let mut plant = Plant::new(&typical(), 3).unwrap();
    let delayed = |target, fault: &str, delay| FaultCommand::Inject {
        target,
        fault: fault.to_owned(),
        delay: Some(delay),
    };
    let second = Duration::from_secs(1);
    for (command, words) in [
        (inject(Target::Hazard("tank9".to_owned()), "leak"), ["tank9", "tank1"]),
        (inject(Target::Hazard("tank1".to_owned()), "clog"), ["clog", "overfill"]),
        (inject(Target::Hazard("power1".to_owned()), "overload"), ["overload", "none"]),
        (clear(Target::Device("ghost".to_owned()), "dead"), ["ghost", "feeder"]),
        (inject(Target::Device("gas".to_owned()), "overload"), ["overload", "refuse"]),
        (inject(Target::Device("feeder".to_owned()), "leak"), ["leak", "leakage"]),
        (inject(point("gas.two"), "stuck"), ["gas.two", "gas.one"]),
        (inject(point("gas.one"), "tired"), ["tired", "drift"]),
        (delayed(Target::Device("gas".to_owned()), "dead", second), ["delay", "gas"]),
        (delayed(Target::Device("gas".to_owned()), "slow", second * 61), ["60 s", "gas"]),
    ] {
        let error = plant.apply(&command).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    assert_eq!(plant.device_fault("gas"), None);
}

#[test]
fn benches_that_contradict_themselves_are_refused() {
    let unknown = bench(vec![signal(Some("tank9"), "gas", "one", Some("gas_1"))]);
    let error = Plant::new(&unknown, 1).unwrap_err().to_string();
    assert!(error.contains("tank9") && error.contains("gas.one"), "{error}");
    let mut twice = bench(Vec::new());
    twice.hazards.push(twice.hazards[0].clone());
    assert!(matches!(Plant::new(&twice, 1), Err(BenchError::HazardTwice(id)) if id == "tank1"));
    for range in [(5.0, 5.0), (9.0, 1.0), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
        let mut odd = signal(None, "misc", "x", None);
        odd.range = Some(range);
        assert!(Plant::new(&bench(vec![odd]), 1).is_err(), "{range:?}");
    }
}
