//! The physics holds, normal values are normal, and every fault crosses its limit in time and can be cleared.

use super::casting::Line;
use super::dust::Collector;
use super::tank::{self, Tank};
use super::*;
use crate::fault::ProcessFault;

const SEEDS: [u64; 6] = [1, 2, 3, 42, 20_261_121, u64::MAX];

/// A model being watched, without sensor noise.
struct Watched {
    model: Box<dyn Model>,
    faults: FaultSet,
    steps: u32,
}

impl Watched {
    fn new(model: impl Process) -> Self {
        Self { model: Box::new(model), faults: FaultSet::default(), steps: 0 }
    }

    fn read(&self, role: &str) -> f64 {
        let (channel, _) = self.model.channel(role).unwrap_or_else(|| panic!("no role {role}"));
        self.model.read(channel)
    }

    fn set(&mut self, fault: ProcessFault, on: bool) {
        self.faults.set(fault, on);
        self.steps = 0;
    }

    fn run(&mut self, seconds: f64) {
        self.until(seconds, |_| false);
    }

    /// Seconds since the last fault was set when `arrived` first holds, or none within `seconds`.
    fn until(&mut self, seconds: f64, arrived: impl Fn(&Self) -> bool) -> Option<f64> {
        for _ in 0..(seconds / STEP_S).round() as u32 {
            self.model.step(self.faults);
            self.steps += 1;
            if arrived(self) {
                return Some(f64::from(self.steps) * STEP_S);
            }
        }
        None
    }
}

fn feeder(seed: u64) -> Watched {
    Watched::new(Feeder::new(seed, Some(80.0)))
}

/// The fault begins after half a minute of peace, `arrived` holds between `from_s` and `to_s` after that, and `well`
/// holds ten seconds after it is cleared and stays so for a minute.
fn check_fault(
    mut watched: Watched,
    fault: ProcessFault,
    milestones: &[(&str, f64, [f64; 2])],
    normal: &[(&str, f64, f64)],
) {
    let healthy = |watched: &Watched| {
        normal.iter().all(|(role, low, high)| (*low..=*high).contains(&watched.read(role)))
    };
    watched.run(30.0);
    assert!(healthy(&watched), "{fault:?}: not well before it begins");
    watched.set(fault, true);
    for &(role, limit, [from_s, to_s]) in milestones {
        let rises = watched.read(role) < limit;
        let at_s = watched.until(to_s + 5.0, |watched| (watched.read(role) >= limit) == rises);
        let at_s = at_s.unwrap_or_else(|| panic!("{fault:?}: {role} never passed {limit}"));
        assert!((from_s..=to_s).contains(&at_s), "{fault:?}: {role} passed {limit} after {at_s} s");
    }
    watched.run(10.0);
    watched.set(fault, false);
    let shown: Vec<_> = normal.iter().map(|(role, ..)| *role).collect();
    let well_s = watched.until(12.0, healthy);
    let now: Vec<f64> = shown.iter().map(|role| watched.read(role)).collect();
    assert!(well_s.is_some(), "{fault:?}: not well again: {shown:?} {now:?}");
    assert_eq!(watched.until(60.0, |watched| !healthy(watched)), None, "{fault:?}: unwell again");
}

#[test]
fn a_tank_keeps_its_mass() {
    for seed in SEEDS {
        for fault in [None, Some(ProcessFault::Overfill), Some(ProcessFault::Leak)] {
            let mut tank = Watched::new(Tank::new(seed));
            let before_m = tank.read("level");
            let mut inflow_m3 = 0.0;
            if let Some(fault) = fault {
                tank.set(fault, true);
            }
            for step in 0..3000 {
                if step == 1500 {
                    tank.faults = FaultSet::default();
                }
                tank.model.step(tank.faults);
                let net_m3h = tank.read("inlet_flow") - tank.read("outlet_flow");
                inflow_m3 += net_m3h / 3600.0 * tank::HASTE * STEP_S;
            }
            let rise_m3 = (tank.read("level") - before_m) * tank::AREA_M2;
            assert!(
                (rise_m3 - inflow_m3).abs() < 1e-6,
                "seed {seed}, {fault:?}: {rise_m3} m³ against {inflow_m3}"
            );
        }
    }
}

#[test]
fn a_full_tank_takes_no_more() {
    let mut tank = Watched::new(Tank::new(5));
    tank.set(ProcessFault::Overfill, true);
    tank.run(300.0);
    assert!(tank.read("level") <= 12.0);
    assert!(tank.read("level") > 11.5);
    assert!(tank.read("inlet_flow") < 10.0);
}

#[test]
fn a_tank_in_peace_is_normal() {
    for seed in SEEDS {
        let mut tank = Watched::new(Tank::new(seed));
        for _ in 0..600 {
            tank.run(1.0);
            assert!((6.0..8.0).contains(&tank.read("level")), "seed {seed}");
            assert!((25.0..30.0).contains(&tank.read("temperature")), "seed {seed}");
            assert!((1.0..2.0).contains(&tank.read("pressure")), "seed {seed}");
            assert!((40.0..80.0).contains(&tank.read("inlet_flow")), "seed {seed}");
            assert!((40.0..80.0).contains(&tank.read("outlet_flow")), "seed {seed}");
            assert!((1..=8).all(|n| tank.read(&format!("gas_{n}")) < 1.0), "seed {seed}");
            assert_eq!(tank.read("pump_running"), 1.0);
        }
    }
}

#[test]
fn tank_faults_come_and_go_in_time() {
    for seed in SEEDS {
        let leak = [("gas_1", 25.0, [3.0, 5.0]), ("gas_1", 50.0, [6.5, 9.5]), ("gas_2", 25.0, [6.0, 15.0])];
        let normal = [("gas_1", 0.0, 5.0), ("gas_2", 0.0, 5.0), ("h2s", 0.0, 1.0), ("pressure", 1.0, 2.0)];
        check_fault(Watched::new(Tank::new(seed)), ProcessFault::Leak, &leak, &normal);
        let overfill = [("level", 9.0, [5.0, 15.0]), ("level", 10.0, [8.0, 22.0])];
        check_fault(Watched::new(Tank::new(seed)), ProcessFault::Overfill, &overfill, &[("level", 6.0, 8.2)]);
        let overheat = [("temperature", 45.0, [3.0, 8.0])];
        check_fault(
            Watched::new(Tank::new(seed)),
            ProcessFault::Overheat,
            &overheat,
            &[("temperature", 25.0, 31.0)],
        );
    }
}

#[test]
fn gas_reaches_far_detectors_later_and_thinner() {
    let mut tank = Watched::new(Tank::new(9));
    tank.set(ProcessFault::Leak, true);
    tank.run(12.0);
    let gas: Vec<f64> = (1..=8).map(|n| tank.read(&format!("gas_{n}"))).collect();
    assert!(gas.windows(2).all(|pair| pair[0] > pair[1]), "{gas:?}");
    assert!(tank.read("pressure") < 1.2);
    assert!((0.5..5.0).contains(&tank.read("h2s")));
}

#[test]
fn a_collector_in_peace_is_normal() {
    for seed in SEEDS {
        let mut dust = Watched::new(Collector::new(seed));
        for _ in 0..600 {
            dust.run(1.0);
            assert!((700.0..1100.0).contains(&dust.read("diff_pressure")), "seed {seed}");
            assert!((32.0..38.0).contains(&dust.read("hopper_temperature")), "seed {seed}");
            assert!((20.0..24.0).contains(&dust.read("fan_power")), "seed {seed}");
            assert!((22.0..26.0).contains(&dust.read("duct_speed")), "seed {seed}");
            assert!((0.4..0.55).contains(&dust.read("pulse_air_pressure")), "seed {seed}");
        }
    }
}

#[test]
fn pulses_make_a_sawtooth() {
    let mut dust = Watched::new(Collector::new(4));
    let samples: Vec<f64> = (0..2000)
        .map(|_| {
            dust.run(STEP_S);
            dust.read("diff_pressure")
        })
        .collect();
    let falls = samples.windows(2).filter(|pair| pair[0] - pair[1] > 30.0).count();
    assert!((9..=11).contains(&falls), "{falls} pulses in 200 s");
}

#[test]
fn dust_faults_come_and_go_in_time() {
    for seed in SEEDS {
        let collector = || Watched::new(Collector::new(seed));
        let normal =
            [("diff_pressure", 700.0, 1200.0), ("duct_speed", 22.0, 26.0), ("fan_power", 20.0, 24.0)];
        let clog = [("duct_speed", 18.0, [2.0, 5.0]), ("diff_pressure", 2000.0, [3.5, 6.0])];
        check_fault(collector(), ProcessFault::Clog, &clog, &normal);
        let trip = [("fan_power", 1.0, [0.1, 2.0]), ("duct_speed", 2.0, [1.5, 3.2])];
        check_fault(collector(), ProcessFault::FanTrip, &trip, &normal);
        let smoulder = [("hopper_temperature", 60.0, [4.0, 6.0]), ("hopper_temperature", 70.0, [7.0, 10.5])];
        check_fault(collector(), ProcessFault::Smoulder, &smoulder, &[("hopper_temperature", 32.0, 39.0)]);
        let jam = [("airlock_running", 0.5, [0.0, 0.2])];
        check_fault(collector(), ProcessFault::AirlockJam, &jam, &[("airlock_running", 1.0, 1.0)]);
        let spark = [("spark_count", 1.0, [0.0, 5.0]), ("spark_count", 3.0, [0.0, 10.0])];
        check_fault(collector(), ProcessFault::Spark, &spark, &[]);
    }
}

#[test]
fn a_casting_line_in_peace_is_normal() {
    for seed in SEEDS {
        let mut line = Watched::new(Line::new(seed));
        let start_mm = line.read("casting_length");
        for _ in 0..600 {
            line.run(1.0);
            assert!((115.0..125.0).contains(&line.read("cooling_flow")), "seed {seed}");
            assert!((0.27..0.33).contains(&line.read("cooling_pressure")), "seed {seed}");
            assert!((40.0..44.0).contains(&line.read("outlet_water_temperature")), "seed {seed}");
            assert!((-3.0..3.0).contains(&line.read("mould_level")), "seed {seed}");
            assert!((700.0..710.0).contains(&line.read("melt_temperature")), "seed {seed}");
        }
        // Ten minutes at 90 mm a minute.
        assert!((line.read("casting_length") - start_mm - 900.0).abs() < 1.0, "seed {seed}");
    }
}

#[test]
fn an_ingot_ends_and_the_next_begins() {
    let mut line = Watched::new(Line::new(8));
    assert!(line.until(4500.0, |line| line.read("casting") == 0.0).is_some());
    assert_eq!(line.read("quick_cut_closed"), 1.0);
    line.run(120.0);
    assert!(line.read("casting_speed") < 1.0);
    assert!(line.read("outlet_water_temperature") < 30.0);
    assert!(line.until(400.0, |line| line.read("casting") == 1.0).is_some());
    assert!(line.read("casting_length") < 10.0);
}

#[test]
fn casting_faults_come_and_go_in_time() {
    for seed in SEEDS {
        let line = || Watched::new(Line::new(seed));
        let normal = [
            ("cooling_flow", 115.0, 125.0),
            ("cooling_pressure", 0.27, 0.33),
            ("outlet_water_temperature", 38.0, 46.0),
        ];
        let pump = [
            ("cooling_flow", 96.0, [0.1, 1.0]),
            ("cooling_flow", 10.0, [0.5, 3.0]),
            ("outlet_water_temperature", 55.0, [2.0, 9.0]),
        ];
        check_fault(line(), ProcessFault::PumpFailure, &pump, &normal);
        let leak = [("mould_level", -20.0, [3.5, 6.0])];
        check_fault(line(), ProcessFault::MeltLeak, &leak, &[("mould_level", -3.0, 3.0)]);
        let low = [("emergency_water_pressure", 0.2, [1.0, 4.0])];
        let full = [("emergency_water_pressure", 0.33, 0.36)];
        check_fault(line(), ProcessFault::LowEmergencyWater, &low, &full);
    }
}

#[test]
fn a_feeder_in_peace_is_normal() {
    for seed in SEEDS {
        let mut feeder = feeder(seed);
        for _ in 0..600 {
            feeder.run(1.0);
            assert!((34.0..46.0).contains(&feeder.read("power")), "seed {seed}");
            assert!((0.9..0.94).contains(&feeder.read("power_factor")), "seed {seed}");
            assert!(feeder.read("imbalance") < 3.0, "seed {seed}");
            assert!((38.0..42.0).contains(&feeder.read("cable_temperature")), "seed {seed}");
            for phase in ["a", "b", "c"] {
                assert!((225.0..235.0).contains(&feeder.read(&format!("voltage_{phase}"))), "seed {seed}");
            }
        }
    }
}

#[test]
fn powers_make_a_triangle_and_energy_only_grows() {
    for seed in SEEDS {
        let mut feeder = feeder(seed);
        let start_kwh = feeder.read("energy");
        let mut last_kwh = start_kwh;
        let mut sum_kwh = 0.0;
        for step in 0..9000 {
            if step == 4500 {
                feeder.faults.set(ProcessFault::PhaseLoss, true);
            }
            feeder.model.step(feeder.faults);
            assert!(feeder.read("energy") >= last_kwh, "seed {seed}");
            last_kwh = feeder.read("energy");
            sum_kwh += feeder.read("power") * STEP_S / 3600.0;
            let sides = feeder.read("power").hypot(feeder.read("reactive_power"));
            assert!((sides - feeder.read("apparent_power")).abs() < 1e-6, "seed {seed}");
        }
        assert!((last_kwh - start_kwh - sum_kwh).abs() < 1e-6, "seed {seed}");
    }
}

#[test]
fn feeder_faults_come_and_go_in_time() {
    for seed in SEEDS {
        let normal = [("power", 34.0, 50.0), ("current_c", 45.0, 80.0), ("residual_current", 50.0, 70.0)];
        let overload = [("power", 80.0, [0.5, 3.0]), ("power", 92.0, [1.0, 4.5])];
        check_fault(feeder(seed), ProcessFault::Overload, &overload, &normal);
        let hot = [("cable_temperature", 70.0, [4.0, 6.0]), ("cable_temperature", 80.0, [7.0, 10.5])];
        check_fault(feeder(seed), ProcessFault::CableHeating, &hot, &[("cable_temperature", 38.0, 43.0)]);
        let leak = [("residual_current", 300.0, [2.0, 4.0]), ("residual_current", 500.0, [5.5, 8.0])];
        check_fault(feeder(seed), ProcessFault::Leakage, &leak, &normal);
        let lost = [("imbalance", 90.0, [0.2, 2.0]), ("current_c", 1.0, [0.5, 3.0])];
        check_fault(feeder(seed), ProcessFault::PhaseLoss, &lost, &normal);
    }
}

#[test]
fn the_range_of_a_signal_rates_its_feeder() {
    assert_eq!(rating_of("power", 80.0), Some(80.0));
    let kw = rating_of("current_a", 100.0).unwrap();
    let mut by_current = Watched::new(Feeder::new(1, Some(kw)));
    by_current.run(20.0);
    assert!((45.0..56.0).contains(&by_current.read("current_a")));
    assert_eq!(rating_of("voltage_a", 250.0), None);
}

#[test]
fn a_wave_stays_in_the_middle_of_its_range() {
    let wave = Wave::new(7, Some((-10.0, 30.0)));
    let values: Vec<f64> = (0..400).map(|second| wave.at(f64::from(second))).collect();
    assert!(values.iter().all(|value| (6.0..14.0).contains(value)));
    let spread =
        values.iter().copied().fold(f64::MIN, f64::max) - values.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread > 7.0, "it moved by {spread} only");
}
