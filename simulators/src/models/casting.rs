//! A deep-well casting line: a water loop that carries off the heat of the metal, the mould above it, and a pit that
//! the ingot sinks into. It shows what happens; its own interlocks are left out, so that a fault stays to be seen.

use fastrand::Rng;

use super::{Channel, Process, contact, draw, tau};
use crate::fault::{FaultSet, ProcessFault};
use crate::noise::Wander;

const FLOW_M3H: f64 = 120.0;
const HEADER_MPA: f64 = 0.30;
const WATER_IN_C: f64 = 28.0;
/// Heat that one cubic metre of water takes up per kelvin.
const WATER_KWH_PER_M3K: f64 = 1.163;
/// Heat of the metal at full speed: 14 K at full flow.
const METAL_KW: f64 = 14.0 * FLOW_M3H * WATER_KWH_PER_M3K;
/// Water in the mould's jacket, which sets how fast its temperature answers.
const JACKET_M3: f64 = 0.10;
/// Above this, steam carries the heat away.
const STEAM_C: f64 = 97.0;
const SPEED_MM_MIN: f64 = 90.0;
const INGOT_MM: f64 = 6000.0;
/// From one drop to the next.
const PAUSE_S: f64 = 300.0;

/// One casting line.
#[derive(Debug)]
pub(super) struct Line {
    rng: Rng,
    pause_s: f64,
    length_mm: f64,
    speed_mm_min: f64,
    pump_fails: bool,
    pump_speed: f64,
    supply: Wander,
    outlet_c: f64,
    furnace: Wander,
    ripple: Wander,
    mould_sag_mm: f64,
    pit: Wander,
    emergency_mpa: f64,
}

impl Line {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            pause_s: 0.0,
            length_mm: 500.0 + rng.f64() * 2500.0,
            speed_mm_min: SPEED_MM_MIN,
            pump_fails: false,
            pump_speed: 1.0,
            supply: Wander::new(0.006, 10.0),
            outlet_c: WATER_IN_C + 14.0,
            furnace: Wander::new(1.5, 40.0),
            ripple: Wander::new(0.8, 3.0),
            mould_sag_mm: 0.0,
            pit: Wander::new(0.02, 60.0),
            emergency_mpa: 0.35,
            rng,
        }
    }

    fn casting(&self) -> bool {
        self.pause_s <= 0.0
    }

    /// The pump curve meets a loop of fixed valves: flow goes with the pump's speed, pressure with its square.
    fn flow_m3h(&self) -> f64 {
        FLOW_M3H * self.pump_speed * (1.0 + self.supply.value())
    }

    fn header_mpa(&self) -> f64 {
        HEADER_MPA * (self.flow_m3h() / FLOW_M3H).powi(2)
    }

    fn inlet_c(&self) -> f64 {
        WATER_IN_C + 40.0 * self.supply.value()
    }

    /// Energy balance of the jacket: what the metal gives and the water does not carry off heats it.
    fn cool(&mut self, dt_s: f64) {
        let exchange = self.flow_m3h() / 3600.0 / JACKET_M3;
        let heat_kw = METAL_KW * self.speed_mm_min / SPEED_MM_MIN;
        let gain = heat_kw / 3600.0 / WATER_KWH_PER_M3K / JACKET_M3;
        let next = (self.outlet_c + dt_s * (gain + exchange * self.inlet_c())) / (1.0 + dt_s * exchange);
        self.outlet_c = next.min(STEAM_C);
    }

    fn cast(&mut self, dt_s: f64) {
        let wanted = if self.casting() { SPEED_MM_MIN } else { 0.0 };
        draw(&mut self.speed_mm_min, wanted, 2.0, dt_s);
        if self.casting() {
            self.length_mm += self.speed_mm_min / 60.0 * dt_s;
            if self.length_mm >= INGOT_MM {
                self.pause_s = PAUSE_S;
            }
        } else {
            self.pause_s -= dt_s;
            if self.casting() {
                self.length_mm = 0.0;
            }
        }
    }

    fn mould_mm(&self) -> f64 {
        self.ripple.value() - self.mould_sag_mm
    }
}

impl Process for Line {
    const CHANNELS: &'static [Channel<Self>] = &[
        Channel::switch("casting", |line| contact(line.casting())),
        Channel::scaled("cooling_flow", 0.003, Self::flow_m3h),
        Channel::measured("cooling_pressure", 0.001, Self::header_mpa),
        Channel::measured("inlet_water_temperature", 0.05, Self::inlet_c),
        Channel::measured("outlet_water_temperature", 0.08, |line| line.outlet_c),
        Channel::measured("melt_temperature", 0.4, |line| 705.0 + line.furnace.value()),
        Channel::signed("mould_level", 0.1, Self::mould_mm),
        Channel::measured("launder_level", 0.3, |line| 80.0 + line.ripple.value() - 0.4 * line.mould_sag_mm),
        Channel::scaled("casting_speed", 0.002, |line| line.speed_mm_min),
        Channel::exact("casting_length", |line| line.length_mm),
        Channel::measured("pit_water_level", 0.004, |line| 1.2 + line.pit.value()),
        Channel::measured("emergency_water_pressure", 0.001, |line| line.emergency_mpa),
        Channel::switch("pump_running", |line| contact(!line.pump_fails)),
        Channel::switch("quick_cut_closed", |line| contact(!line.casting())),
        Channel::switch("drain_valve_open", |_| 0.0),
    ];

    fn advance(&mut self, dt_s: f64, faults: FaultSet) {
        for wander in [&mut self.supply, &mut self.furnace, &mut self.ripple, &mut self.pit] {
            wander.step(dt_s, &mut self.rng);
        }
        self.pump_fails = faults.has(ProcessFault::PumpFailure);
        draw(&mut self.pump_speed, contact(!self.pump_fails), 0.8, dt_s);
        self.cool(dt_s);
        self.cast(dt_s);
        let leaks = faults.has(ProcessFault::MeltLeak);
        draw(&mut self.mould_sag_mm, if leaks { 42.0 } else { 0.0 }, tau(leaks, 6.5, 1.3), dt_s);
        let low = faults.has(ProcessFault::LowEmergencyWater);
        draw(&mut self.emergency_mpa, if low { 0.10 } else { 0.35 }, tau(low, 2.5, 1.0), dt_s);
    }
}
