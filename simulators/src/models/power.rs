//! A three-phase feeder: a load that follows the day's shifts and its machines' cycles, the currents that it draws,
//! the cable that they heat, and the current that leaks to earth.

use fastrand::Rng;

use super::{Channel, Process, draw, tau};
use crate::fault::{FaultSet, ProcessFault};
use crate::noise::Wander;

const PHASE_V: f64 = 230.0;
const POWER_FACTOR: f64 = 0.92;
/// Rating of a feeder that is given none.
const RATING_KW: f64 = 100.0;
/// Share of the rating that a normal load takes.
const NORMAL: f64 = 0.5;
const DAY_S: f64 = 86_400.0;
/// A plant wakes at eight in the morning, with the day shift at its machines.
const START_OF_DAY_S: f64 = 8.0 * 3600.0;
const AMBIENT_C: f64 = 28.0;
/// Rise of the cable over ambient under normal load, and its thermal memory.
const CABLE_RISE_C: f64 = 12.0;
const CABLE_TAU_S: f64 = 120.0;
const NATURAL_LEAKAGE_MA: f64 = 60.0;
/// Meters work out their demand over a quarter of an hour.
const DEMAND_TAU_S: f64 = 900.0;

/// The rating, in kW, that the range of a signal of this role stands for.
pub(crate) fn rating_of(role: &str, range_high: f64) -> Option<f64> {
    match role {
        "power" => Some(range_high),
        "current_a" => Some(3.0 * PHASE_V * range_high * POWER_FACTOR / 1000.0),
        _ => None,
    }
}

/// One feeder.
#[derive(Debug)]
pub(crate) struct Feeder {
    rng: Rng,
    rating_kw: f64,
    time_s: f64,
    cycle_s: f64,
    cycle_on: f64,
    grid: Wander,
    hum: Wander,
    split: [f64; 3],
    load: f64,
    excess: f64,
    phases: [f64; 3],
    cable_c: f64,
    joint_c: f64,
    leak_ma: f64,
    demand_kw: f64,
    energy_kwh: f64,
}

impl Feeder {
    /// A feeder of this rating, in kW; 100 if none or not above 0.
    pub(crate) fn new(seed: u64, rating_kw: Option<f64>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rating_kw = rating_kw.filter(|kw| *kw > 0.0).unwrap_or(RATING_KW);
        Self {
            rating_kw,
            time_s: START_OF_DAY_S,
            cycle_s: 20.0 + rng.f64() * 20.0,
            cycle_on: 0.3 + rng.f64() * 0.4,
            grid: Wander::new(0.8, 20.0),
            hum: Wander::new(0.012, 5.0),
            split: uneven(&mut rng),
            load: NORMAL,
            excess: 0.0,
            phases: [1.0; 3],
            cable_c: AMBIENT_C + CABLE_RISE_C,
            joint_c: 0.0,
            leak_ma: 0.0,
            demand_kw: rating_kw * NORMAL,
            energy_kwh: (1000.0 + rng.f64() * 9000.0).floor(),
            rng,
        }
    }

    /// Active power: a machine that has lost a phase does less.
    fn power_kw(&self) -> f64 {
        self.rating_kw * (self.load + self.excess) * (0.7 + 0.3 * self.phases[2])
    }

    /// The grid sags a little under load.
    fn volts(&self, phase: usize) -> f64 {
        let spread = [0.3, -0.5, 0.2][phase];
        PHASE_V + spread + self.grid.value() - 4.0 * (self.load + self.excess - NORMAL)
    }

    fn amps(&self, phase: usize) -> f64 {
        let even = self.rating_kw * (self.load + self.excess) * 1000.0 / (3.0 * PHASE_V * POWER_FACTOR);
        even * self.split[phase] * self.phases[phase]
    }

    fn apparent_kva(&self) -> f64 {
        let volt_amps: f64 = (0..3).map(|phase| self.volts(phase) * self.amps(phase)).sum();
        (volt_amps / 1000.0).max(self.power_kw())
    }

    fn power_factor(&self) -> f64 {
        if self.apparent_kva() > 0.0 { self.power_kw() / self.apparent_kva() } else { 1.0 }
    }

    /// Largest departure of a phase's current from their mean, in percent of it.
    fn imbalance(&self) -> f64 {
        let amps = [self.amps(0), self.amps(1), self.amps(2)];
        let mean = amps.iter().sum::<f64>() / 3.0;
        let worst = amps.iter().map(|a| (a - mean).abs()).fold(0.0, f64::max);
        if mean > 0.0 { worst / mean * 100.0 } else { 0.0 }
    }

    /// Shifts hand over at 8, 16 and 24 o'clock; nights are slack, and a machine's cycle rides on top.
    fn wanted_load(&self) -> f64 {
        let hour = (self.time_s % DAY_S) / 3600.0;
        let shift = match hour {
            h if h < 8.0 => 0.82,
            h if (12.0..13.0).contains(&h) => 0.88,
            h if h < 16.0 => 1.0,
            _ => 0.94,
        };
        let working = (self.time_s % self.cycle_s) < self.cycle_s * self.cycle_on;
        NORMAL * shift * if working { 1.04 } else { 0.96 }
    }

    fn heat(&mut self, dt_s: f64, bad_joint: bool) {
        let relative = (self.load + self.excess) / NORMAL;
        draw(&mut self.cable_c, AMBIENT_C + CABLE_RISE_C * relative.powi(2), CABLE_TAU_S, dt_s);
        draw(&mut self.joint_c, if bad_joint { 50.0 } else { 0.0 }, tau(bad_joint, 4.9, 1.3), dt_s);
    }
}

/// Three shares around 1 that differ by less than 2 %, the same for one feeder for ever.
fn uneven(rng: &mut Rng) -> [f64; 3] {
    let raw = [(); 3].map(|()| 0.99 + 0.02 * rng.f64());
    let mean = raw.iter().sum::<f64>() / 3.0;
    raw.map(|share| share / mean)
}

impl Process for Feeder {
    const CHANNELS: &'static [Channel<Self>] = &[
        Channel::scaled("voltage_a", 0.0005, |feeder| feeder.volts(0)),
        Channel::scaled("voltage_b", 0.0005, |feeder| feeder.volts(1)),
        Channel::scaled("voltage_c", 0.0005, |feeder| feeder.volts(2)),
        Channel::scaled("current_a", 0.001, |feeder| feeder.amps(0)),
        Channel::scaled("current_b", 0.001, |feeder| feeder.amps(1)),
        Channel::scaled("current_c", 0.001, |feeder| feeder.amps(2)),
        Channel::scaled("power", 0.001, Self::power_kw),
        Channel::scaled("reactive_power", 0.001, |feeder| {
            (feeder.apparent_kva().powi(2) - feeder.power_kw().powi(2)).max(0.0).sqrt()
        }),
        Channel::scaled("apparent_power", 0.001, Self::apparent_kva),
        Channel::exact("power_factor", Self::power_factor),
        Channel::measured("frequency", 0.002, |feeder| 50.0 + feeder.hum.value()),
        Channel::exact("energy", |feeder| feeder.energy_kwh),
        Channel::measured("residual_current", 1.0, |feeder| NATURAL_LEAKAGE_MA + feeder.leak_ma),
        Channel::measured("cable_temperature", 0.1, |feeder| feeder.cable_c + feeder.joint_c),
        Channel::measured("imbalance", 0.02, Self::imbalance),
        Channel::exact("demand", |feeder| feeder.demand_kw),
    ];

    fn advance(&mut self, dt_s: f64, faults: FaultSet) {
        self.time_s += dt_s;
        self.grid.step(dt_s, &mut self.rng);
        self.hum.step(dt_s, &mut self.rng);
        let wanted = self.wanted_load();
        draw(&mut self.load, wanted, 1.0, dt_s);
        let overloaded = faults.has(ProcessFault::Overload);
        draw(&mut self.excess, if overloaded { 0.85 } else { 0.0 }, tau(overloaded, 2.0, 0.8), dt_s);
        let lost = faults.has(ProcessFault::PhaseLoss);
        let phases = if lost { [1.35, 1.35, 0.0] } else { [1.0; 3] };
        for (phase, target) in self.phases.iter_mut().zip(phases) {
            draw(phase, target, 0.3, dt_s);
        }
        self.heat(dt_s, faults.has(ProcessFault::CableHeating));
        let leaking = faults.has(ProcessFault::Leakage);
        draw(&mut self.leak_ma, if leaking { 720.0 } else { 0.0 }, tau(leaking, 6.9, 1.0), dt_s);
        let power_kw = self.power_kw();
        draw(&mut self.demand_kw, power_kw, DEMAND_TAU_S, dt_s);
        self.energy_kwh += power_kw * dt_s / 3600.0;
    }
}
