//! A tank farm: one tank that is filled and drawn from, its vapour space, and eight gas detectors downwind.

use fastrand::Rng;

use super::{Channel, Process, contact, draw, tau};
use crate::fault::{FaultSet, ProcessFault};
use crate::noise::Wander;

/// Cross-section of the tank.
pub(super) const AREA_M2: f64 = 5.0;
/// Tank seconds per plant second. A tank this size takes a quarter of an hour to fill by a metre; nobody who tests a
/// high-level alarm waits that long. Flows are shown in true cubic metres per hour, only their effect is hastened.
pub(super) const HASTE: f64 = 60.0;

const HEIGHT_M: f64 = 12.0;
const SET_LEVEL_M: f64 = 7.0;
const INLET_M3H: f64 = 60.0;
const PUMP_M3H: f64 = 118.0;
/// Outlet opening at the set level, which balances the inlet.
const BALANCE_OPENING: f64 = INLET_M3H / PUMP_M3H;
/// Outlet opening per metre above the set level.
const CONTROL_GAIN: f64 = 0.35;
const INLET_OPENING: f64 = 0.6;
/// Above this the inlet valve begins to close, over half a metre.
const HIGH_LEVEL_M: f64 = 8.0;
/// Depth over which a nearly full or nearly empty tank chokes its flow.
const CHOKE_M: f64 = 0.3;

const DETECTORS: usize = 8;
/// Distance from the first detector to the leak, and from each detector to the next.
const SPACING_M: f64 = 3.0;
/// What the first detector would show in the end.
const PLUME_LEL: f64 = 96.0;
const CLEAN_AIR_LEL: f64 = 0.4;
const PLUME_H2S_PPM: f64 = 4.0;

/// One tank and the air around it.
#[derive(Debug)]
pub(super) struct Tank {
    rng: Rng,
    time_s: f64,
    supply: Wander,
    breeze: Wander,
    feed_m3h: f64,
    inlet_opening: f64,
    opening: f64,
    inlet_m3h: f64,
    outlet_m3h: f64,
    level_m: f64,
    heat_c: f64,
    vapour_kpa: f64,
    release: f64,
    front: [f64; DETECTORS],
    gas_lel: [f64; DETECTORS],
    h2s_ppm: f64,
}

impl Tank {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            time_s: rng.f64() * 600.0,
            supply: Wander::new(5.0, 8.0),
            breeze: Wander::new(0.3, 6.0),
            feed_m3h: INLET_M3H,
            inlet_opening: INLET_OPENING,
            opening: BALANCE_OPENING,
            inlet_m3h: INLET_M3H,
            outlet_m3h: INLET_M3H,
            level_m: SET_LEVEL_M,
            heat_c: 0.0,
            vapour_kpa: 1.5,
            release: 0.0,
            front: [0.0; DETECTORS],
            gas_lel: [CLEAN_AIR_LEL; DETECTORS],
            h2s_ppm: 0.0,
            rng,
        }
    }

    fn temperature_c(&self) -> f64 {
        27.5 + 1.5 * (self.time_s * std::f64::consts::TAU / 3600.0).sin() + self.heat_c
    }

    fn wind_ms(&self) -> f64 {
        (2.5 + self.breeze.value()).max(0.2)
    }

    /// Mass balance: what comes in and does not go out raises the level. Two valves keep it in its band, unless the
    /// outlet is shut and the inlet held open.
    fn fill(&mut self, dt_s: f64, overfilling: bool) {
        let wanted = BALANCE_OPENING + CONTROL_GAIN * (self.level_m - SET_LEVEL_M);
        let throttle = 1.0 - ((self.level_m - HIGH_LEVEL_M) / 0.5).clamp(0.0, 1.0);
        self.opening = if overfilling { 0.0 } else { wanted.clamp(0.0, 1.0) };
        self.inlet_opening = if overfilling { INLET_OPENING } else { INLET_OPENING * throttle };
        draw(&mut self.feed_m3h, INLET_M3H + self.supply.value(), 0.5, dt_s);
        let room = ((HEIGHT_M - self.level_m) / CHOKE_M).clamp(0.0, 1.0);
        self.inlet_m3h = self.feed_m3h * self.inlet_opening / INLET_OPENING * room;
        self.outlet_m3h = PUMP_M3H * self.opening * (self.level_m / CHOKE_M).clamp(0.0, 1.0);
        self.level_m += (self.inlet_m3h - self.outlet_m3h) / 3600.0 * HASTE * dt_s / AREA_M2;
    }

    /// The vapour space breathes with temperature and filling, and vents through a leak.
    fn breathe(&mut self, dt_s: f64) {
        let warmth = 0.08 * (self.temperature_c() - 27.5);
        let filling = 0.004 * (self.inlet_m3h - self.outlet_m3h) + 0.1 * (self.level_m - SET_LEVEL_M);
        let target = (1.5 + warmth + filling - 0.9 * self.release).max(0.0);
        draw(&mut self.vapour_kpa, target, 1.0, dt_s);
    }

    /// The plume reaches each detector later and thinner; a fresh wind dilutes it, and sweeps it away once it ends.
    fn spread(&mut self, dt_s: f64, leaking: bool) {
        draw(&mut self.release, contact(leaking), 0.1, dt_s);
        let wind_ms = self.wind_ms();
        let dilution = (2.5 / wind_ms).sqrt().clamp(0.95, 1.05);
        for (i, (front, gas)) in self.front.iter_mut().zip(&mut self.gas_lel).enumerate() {
            let distance_m = SPACING_M * (i + 1) as f64;
            draw(front, self.release, distance_m / wind_ms, dt_s);
            let strength = PLUME_LEL * SPACING_M / distance_m * dilution;
            draw(gas, CLEAN_AIR_LEL + strength * *front, tau(leaking, 7.8, 1.5), dt_s);
        }
        draw(&mut self.h2s_ppm, PLUME_H2S_PPM * self.front[0], tau(leaking, 6.0, 1.5), dt_s);
    }

    fn gas<const N: usize>(&self) -> f64 {
        self.gas_lel[N - 1]
    }
}

impl Process for Tank {
    const CHANNELS: &'static [Channel<Self>] = &[
        Channel::measured("level", 0.004, |tank| tank.level_m),
        Channel::measured("temperature", 0.04, Self::temperature_c),
        Channel::measured("pressure", 0.01, |tank| tank.vapour_kpa),
        Channel::measured("inlet_flow", 0.3, |tank| tank.inlet_m3h),
        Channel::measured("outlet_flow", 0.3, |tank| tank.outlet_m3h),
        Channel::exact("inlet_valve", |tank| tank.inlet_opening * 100.0),
        Channel::exact("outlet_valve", |tank| tank.opening * 100.0),
        Channel::switch("pump_running", |tank| contact(tank.outlet_m3h > 0.5)),
        Channel::measured("gas_1", 0.1, Self::gas::<1>),
        Channel::measured("gas_2", 0.1, Self::gas::<2>),
        Channel::measured("gas_3", 0.1, Self::gas::<3>),
        Channel::measured("gas_4", 0.1, Self::gas::<4>),
        Channel::measured("gas_5", 0.1, Self::gas::<5>),
        Channel::measured("gas_6", 0.1, Self::gas::<6>),
        Channel::measured("gas_7", 0.1, Self::gas::<7>),
        Channel::measured("gas_8", 0.1, Self::gas::<8>),
        Channel::measured("h2s", 0.05, |tank| tank.h2s_ppm),
        Channel::measured("wind_speed", 0.05, Self::wind_ms),
    ];

    fn advance(&mut self, dt_s: f64, faults: FaultSet) {
        self.time_s += dt_s;
        self.supply.step(dt_s, &mut self.rng);
        self.breeze.step(dt_s, &mut self.rng);
        let heating = faults.has(ProcessFault::Overheat);
        draw(&mut self.heat_c, if heating { 45.0 } else { 0.0 }, tau(heating, 8.0, 1.5), dt_s);
        self.fill(dt_s, faults.has(ProcessFault::Overfill));
        self.breathe(dt_s);
        self.spread(dt_s, faults.has(ProcessFault::Leak));
    }
}
