//! A dry dust collector: a fan that draws air through filter bags, pulses of air that clean them, and a hopper below.

use fastrand::Rng;

use super::{Channel, Process, contact, draw, tau};
use crate::fault::{FaultSet, ProcessFault};
use crate::noise::Wander;

/// Pressure drop over clean bags at full air flow.
const BAGS_PA: f64 = 900.0;
/// Share of the whole system's resistance that clean bags make up; ducts and cyclone are the rest.
const BAGS_SHARE: f64 = 0.3;
const DUCT_MS: f64 = 24.2;
const FAN_KW: f64 = 22.0;
/// From one cleaning pulse to the next, and how much of the cake it knocks off.
const PULSE_EVERY_S: f64 = 20.0;
const PULSE_CAKE: f64 = 0.2;
/// How fast the cake grows between pulses, and on clogging bags.
const CAKE_PER_S: f64 = PULSE_CAKE / PULSE_EVERY_S;
const CLOG_PER_S: f64 = 0.78;
const CAKE_MAX: f64 = 10.0;

/// One collector.
#[derive(Debug)]
pub(super) struct Collector {
    rng: Rng,
    time_s: f64,
    pulse_in_s: f64,
    shop: Wander,
    speed: f64,
    drive: f64,
    /// Resistance of the bags, 1 when clean.
    cake: f64,
    hopper_rise_c: f64,
    pulse_air_mpa: f64,
    sparks: f64,
    jammed: bool,
    tripped: bool,
}

impl Collector {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            time_s: rng.f64() * 600.0,
            pulse_in_s: rng.f64() * PULSE_EVERY_S,
            shop: Wander::new(0.6, 60.0),
            speed: 1.0,
            drive: 1.0,
            cake: 1.0,
            hopper_rise_c: 0.0,
            pulse_air_mpa: 0.5,
            sparks: 0.0,
            jammed: false,
            tripped: false,
            rng,
        }
    }

    /// Air flow as a share of the full one: the fan law against the resistance of ducts and bags.
    fn flow(&self) -> f64 {
        self.speed / (1.0 - BAGS_SHARE + BAGS_SHARE * self.cake).sqrt()
    }

    fn diff_pressure_pa(&self) -> f64 {
        BAGS_PA * self.cake * self.flow().powi(2)
    }

    /// A centrifugal fan draws less when it moves less air, and nothing once its motor is off.
    fn fan_kw(&self) -> f64 {
        let slip = if self.speed > 0.01 { self.flow() / self.speed } else { 0.0 };
        FAN_KW * self.drive * self.speed.powi(2) * (0.5 + 0.5 * slip)
    }

    /// Active current and the motor's magnetising current, at right angles.
    fn fan_a(&self) -> f64 {
        (self.fan_kw() * 1.65).hypot(14.0 * self.drive)
    }

    fn hopper_c(&self) -> f64 {
        35.0 + self.shop.value() + self.hopper_rise_c
    }

    fn run(&mut self, dt_s: f64) {
        let wanted = contact(!self.tripped);
        draw(&mut self.speed, wanted, 1.0, dt_s);
        draw(&mut self.drive, wanted, 0.2, dt_s);
    }

    /// The cake grows with the air that passes and is knocked off by pulses, which clogged bags no longer feel.
    fn clean(&mut self, dt_s: f64, clogging: bool) {
        draw(&mut self.pulse_air_mpa, 0.5, 1.5, dt_s);
        self.pulse_in_s -= dt_s;
        if self.pulse_in_s <= 0.0 {
            self.pulse_in_s += PULSE_EVERY_S;
            self.pulse_air_mpa -= 0.06;
            if !clogging {
                self.cake -= PULSE_CAKE;
            }
        }
        if clogging {
            self.cake = (self.cake + CLOG_PER_S * dt_s).min(CAKE_MAX);
        } else {
            self.cake += CAKE_PER_S * self.flow() * dt_s;
            let clean = self.cake.clamp(0.9, 1.1);
            draw(&mut self.cake, clean, 0.8, dt_s);
        }
    }

    fn count_sparks(&mut self, dt_s: f64, sparking: bool) {
        if sparking && self.rng.f64() < 2.0 * dt_s {
            self.sparks += 1.0;
        }
    }
}

impl Process for Collector {
    const CHANNELS: &'static [Channel<Self>] = &[
        Channel::measured("diff_pressure", 8.0, Self::diff_pressure_pa),
        Channel::measured("hopper_temperature", 0.1, Self::hopper_c),
        Channel::measured("inlet_temperature", 0.1, |dust| 41.0 + 1.5 * dust.shop.value()),
        Channel::measured("outlet_temperature", 0.1, |dust| {
            38.0 + dust.shop.value() + 0.15 * dust.hopper_rise_c
        }),
        Channel::scaled("fan_power", 0.005, Self::fan_kw),
        Channel::scaled("fan_current", 0.004, Self::fan_a),
        Channel::switch("fan_running", |dust| contact(!dust.tripped)),
        Channel::scaled("duct_speed", 0.003, |dust| DUCT_MS * dust.flow()),
        Channel::measured("dust_concentration", 0.3, |dust| (8.0 + 2.0 * dust.shop.value()) * dust.flow()),
        Channel::switch("airlock_running", |dust| contact(!dust.jammed)),
        Channel::exact("spark_count", |dust| dust.sparks),
        Channel::measured("pulse_air_pressure", 0.002, |dust| dust.pulse_air_mpa),
        Channel::measured("hydrogen", 0.02, |_| 0.0),
    ];

    fn advance(&mut self, dt_s: f64, faults: FaultSet) {
        self.time_s += dt_s;
        self.shop.step(dt_s, &mut self.rng);
        self.tripped = faults.has(ProcessFault::FanTrip);
        self.jammed = faults.has(ProcessFault::AirlockJam);
        self.run(dt_s);
        self.clean(dt_s, faults.has(ProcessFault::Clog));
        let smoulders = faults.has(ProcessFault::Smoulder);
        // Dust that the airlock does not carry off piles up warm, but far from a fire.
        let rise = if smoulders { 48.0 } else { 4.0 * contact(self.jammed) };
        draw(&mut self.hopper_rise_c, rise, tau(smoulders || self.jammed, 6.3, 1.3), dt_s);
        self.count_sparks(dt_s, faults.has(ProcessFault::Spark));
    }
}
