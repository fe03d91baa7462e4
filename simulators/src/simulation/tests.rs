//! The built-in story on a small plant: in time, in turn, again and again, and the same from the same seed.

use std::time::Duration;

use super::*;
use crate::bench::{
    ByteOrder, Cell, Encoding, Framing, HazardKind, HazardSpec, LinkSpec, SignalRef, Table, UnitSpec,
};
use crate::fault::{DeviceFault, Target};

/// One unit for each device, each with one signal.
pub(crate) fn demo_bench() -> Bench {
    let cell = |hazard: &str, device: &str, role: &str| Cell {
        table: Table::Holding,
        address: 0,
        encoding: Encoding::F64,
        order: ByteOrder::Abcd,
        scale: 1.0,
        offset: 0.0,
        codes: Vec::new(),
        broken: None,
        signal: SignalRef {
            hazard: Some(hazard.to_owned()),
            device: device.to_owned(),
            role: Some(role.to_owned()),
            range: None,
            point: format!("{device}.{role}"),
        },
    };
    let units = [
        ("tank1", "gas1", "gas_1"),
        ("dust1", "plc1", "diff_pressure"),
        ("casting1", "plc2", "cooling_flow"),
        ("power1", "meter_casting", "cable_temperature"),
        ("power1", "meter_office", "power"),
    ];
    let unit = |(unit, (hazard, device, role)): (u8, (&str, &str, &str))| UnitSpec {
        outputs: Vec::new(),
        unit,
        device: device.to_owned(),
        cells: vec![cell(hazard, device, role)],
        constants: Vec::new(),
    };
    let hazard = |(id, kind): (&str, HazardKind)| HazardSpec { id: id.to_owned(), kind };
    let kinds = [
        ("tank1", HazardKind::TankFarm),
        ("dust1", HazardKind::Dust),
        ("casting1", HazardKind::Casting),
        ("power1", HazardKind::Power),
    ];
    let listen = "127.0.0.1:0".to_owned();
    let units = (1..).zip(units).map(unit).collect();
    Bench {
        hazards: kinds.map(hazard).into(),
        links: vec![LinkSpec { listen, line: None, framing: Framing::Tcp, units }],
        publishers: Vec::new(),
        edges: Vec::new(),
    }
}

fn demo() -> Simulation {
    Simulation::new(&demo_bench(), 1, Some(Scenario::demo())).unwrap()
}

fn value(simulation: &Simulation, point: &str) -> f64 {
    let plant = simulation.plant();
    plant.value(plant.signal(point).unwrap()).unwrap()
}

#[test]
fn the_first_alarm_is_within_eight_seconds() {
    let mut simulation = demo();
    simulation.advance(3.0);
    assert!(value(&simulation, "gas1.gas_1") < 2.0);
    simulation.advance(5.0);
    assert!(value(&simulation, "gas1.gas_1") >= 25.0);
}

#[test]
fn each_step_comes_in_its_time_and_the_story_repeats() {
    for tick_s in [0.1, 0.25, 7.0, 1000.0] {
        let mut simulation = demo();
        let mut times = Vec::new();
        while simulation.plant().now_s() < 150.0 {
            times.extend(simulation.advance(tick_s).into_iter().map(|line| line.at_s));
        }
        let two_rounds = [3.0, 16.0, 27.0, 38.0, 48.0, 56.0, 78.0, 91.0, 102.0, 113.0, 123.0, 131.0];
        assert_eq!(times[..12], two_rounds, "ticks of {tick_s} s");
    }
}

#[test]
fn something_goes_wrong_at_each_hazard_and_all_ends_well() {
    let mut simulation = demo();
    simulation.advance(22.0);
    assert!(value(&simulation, "plc1.diff_pressure") > 2000.0);
    simulation.advance(9.0);
    assert!(value(&simulation, "plc2.cooling_flow") < 20.0);
    simulation.advance(17.5);
    assert!(value(&simulation, "meter_casting.cable_temperature") > 80.0);
    assert_eq!(simulation.plant().device_fault("meter_office"), Some(DeviceFault::Dead));
    simulation.advance(20.0);
    assert!(value(&simulation, "gas1.gas_1") < 2.0);
    assert!(value(&simulation, "plc1.diff_pressure") < 1200.0);
    assert!(value(&simulation, "plc2.cooling_flow") > 110.0);
    assert!(value(&simulation, "meter_casting.cable_temperature") < 43.0);
    assert_eq!(simulation.plant().device_fault("meter_office"), None);
}

#[test]
fn a_scenario_that_does_not_fit_names_every_misfit() {
    let mut bench = demo_bench();
    bench.hazards.remove(1);
    bench.links[0].units.retain(|unit| unit.device != "plc1" && unit.device != "meter_office");
    let error = Simulation::new(&bench, 1, Some(Scenario::demo())).unwrap_err();
    let BenchError::Scenario(misfits) = &error else { panic!("{error}") };
    assert_eq!(misfits.len(), 2, "{error}");
    let text = error.to_string();
    assert!(text.contains("dust1") && text.contains("meter_office") && text.contains("line "), "{text}");
}

#[test]
fn a_scenario_seed_goes_before_the_callers() {
    let run = |seed, scenario| {
        let mut simulation = Simulation::new(&demo_bench(), seed, scenario).unwrap();
        simulation.advance(1.0);
        value(&simulation, "plc1.diff_pressure")
    };
    assert_eq!(run(1, Some(Scenario::demo())), run(2, Some(Scenario::demo())));
    assert_ne!(run(1, None), run(2, None));
}

#[test]
fn a_command_from_outside_is_told_too() {
    let mut simulation = Simulation::new(&demo_bench(), 1, None).unwrap();
    simulation.advance(2.0);
    let command = FaultCommand::Inject {
        target: Target::Hazard("tank1".to_owned()),
        fault: "leak".to_owned(),
        delay: None,
    };
    let line = simulation.inject(&command).unwrap();
    assert_eq!(line.at_s, 2.0);
    assert!(line.text.zh.contains("tank1") && line.text.en.contains("leak"));
    assert_eq!(simulation.advance(Duration::from_secs(60).as_secs_f64()), []);
}
