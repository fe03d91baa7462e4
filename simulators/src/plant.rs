//! The plant: models, sensors and the faults that stand in them. It is pure: it moves when it is told by how much,
//! draws chance from its seed, and knows no socket and no clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::bench::{Bench, HazardKind, SignalRef};
use crate::error::{BenchError, FaultError};
use crate::fault::{DeviceFault, FaultCommand, FaultSet};
use crate::models::{self, Feeder, Grade, Model, STEP_S, Wave};
use crate::noise;
use crate::sensor::{Sensor, Source};

mod command;

use command::Effect;

/// One signal of a plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalId(usize);

/// Models, sensors and faults.
#[derive(Debug)]
pub struct Plant {
    seed: u64,
    steps: u64,
    owed_us: u64,
    models: Vec<Running>,
    hazards: BTreeMap<String, (HazardKind, Option<usize>)>,
    devices: BTreeSet<String>,
    feeders: BTreeMap<String, usize>,
    points: BTreeMap<String, SignalId>,
    sensors: Vec<Sensor>,
    device_faults: BTreeMap<String, DeviceFault>,
}

#[derive(Debug)]
struct Running {
    model: Box<dyn Model>,
    faults: FaultSet,
}

impl Plant {
    /// The plant behind a bench, at rest, with no fault.
    pub fn new(bench: &Bench, seed: u64) -> Result<Self, BenchError> {
        let mut plant = Self {
            seed,
            steps: 0,
            owed_us: 0,
            models: Vec::new(),
            hazards: BTreeMap::new(),
            devices: bench.devices().map(str::to_owned).collect(),
            feeders: BTreeMap::new(),
            points: BTreeMap::new(),
            sensors: Vec::new(),
            device_faults: BTreeMap::new(),
        };
        plant.build_hazards(bench)?;
        let ratings = ratings(bench);
        for (signal, switch) in bench.signals() {
            plant.wire(signal, switch, &ratings)?;
        }
        Ok(plant)
    }

    /// Moves on by `dt_s` plant seconds, in whole steps; what is left over counts next time. Nothing and less than
    /// nothing move nothing.
    pub fn advance(&mut self, dt_s: f64) {
        for _ in 0..self.owe(dt_s) {
            self.step();
        }
    }

    /// Takes `dt_s` on account and says how many whole steps it makes. Whole microseconds keep the count exact however
    /// time is cut.
    pub(crate) fn owe(&mut self, dt_s: f64) -> u64 {
        let step_us = (STEP_S * 1e6) as u64;
        self.owed_us = self.owed_us.saturating_add((dt_s * 1e6).round() as u64);
        let steps = self.owed_us / step_us;
        self.owed_us %= step_us;
        steps
    }

    /// Moves on by one step.
    pub(crate) fn step(&mut self) {
        self.steps += 1;
        for Running { model, faults } in &mut self.models {
            model.step(*faults);
        }
    }

    /// Plant time since the start, in seconds.
    pub fn now_s(&self) -> f64 {
        // Divided, not multiplied: 30 steps are 3 s to the last bit, so that a story's time is met on its step.
        self.steps as f64 / (1.0 / STEP_S).round()
    }

    /// The signal of a point.
    pub fn signal(&self, point: &str) -> Option<SignalId> {
        self.points.get(point).copied()
    }

    /// What a signal's sensor shows now, in its engineering unit; a switch shows 0 or 1; none if the sensor is dead.
    pub fn value(&self, signal: SignalId) -> Option<f64> {
        self.sensors[signal.0].show(self.truth(signal), self.steps)
    }

    /// Whether a signal is a switch.
    pub fn is_switch(&self, signal: SignalId) -> bool {
        self.sensors[signal.0].is_switch()
    }

    /// The fault that stands in a device.
    pub fn device_fault(&self, device: &str) -> Option<DeviceFault> {
        self.device_faults.get(device).copied()
    }

    /// Whether a command names only what is there.
    pub fn check(&self, command: &FaultCommand) -> Result<(), FaultError> {
        self.effect(command).map(|_| ())
    }

    /// Does what a command says, or nothing if it names what is not there.
    pub fn apply(&mut self, command: &FaultCommand) -> Result<(), FaultError> {
        match self.effect(command)? {
            Effect::Process { model, fault, on } => self.models[model].faults.set(fault, on),
            Effect::Sensor { signal, fault, on: true } => {
                let (truth, step) = (self.truth(signal), self.steps);
                self.sensors[signal.0].inject(fault, truth, step);
            }
            Effect::Sensor { signal, fault, on: false } => self.sensors[signal.0].clear(Some(fault)),
            Effect::Device { device, fault, on: true } => {
                self.device_faults.insert(device, fault);
            }
            Effect::Device { device, fault, on: false } => {
                self.device_faults.retain(|name, standing| *name != device || !standing.is_like(fault));
            }
            Effect::Everything => self.heal(),
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.models.iter_mut().for_each(|running| running.faults = FaultSet::default());
        self.sensors.iter_mut().for_each(|sensor| sensor.clear(None));
        self.device_faults.clear();
    }

    fn truth(&self, signal: SignalId) -> f64 {
        match self.sensors[signal.0].source {
            Source::Model { model, channel } => self.models[model].model.read(channel),
            Source::Wave(wave) => wave.at(self.now_s()),
            Source::Closed => 1.0,
        }
    }

    fn build_hazards(&mut self, bench: &Bench) -> Result<(), BenchError> {
        for hazard in &bench.hazards {
            let model = models::of_hazard(hazard.kind, noise::key(self.seed, &hazard.id));
            let index = model.map(|model| self.add(model));
            if self.hazards.insert(hazard.id.clone(), (hazard.kind, index)).is_some() {
                return Err(BenchError::HazardTwice(hazard.id.clone()));
            }
        }
        Ok(())
    }

    fn add(&mut self, model: Box<dyn Model>) -> usize {
        self.models.push(Running { model, faults: FaultSet::default() });
        self.models.len() - 1
    }

    /// Finds or makes what a signal looks at, and puts a sensor there, once for each point.
    fn wire(&mut self, signal: &SignalRef, switch: bool, ratings: &Ratings) -> Result<(), BenchError> {
        if let Some((low, high)) = signal.range
            && !(low < high && low.is_finite() && high.is_finite())
        {
            let problem = "the range must be finite, its low end below its high one";
            return Err(BenchError::Signal { point: signal.point.clone(), problem });
        }
        let (source, grade) = self.source(signal, switch, ratings)?;
        if !self.points.contains_key(&signal.point) {
            self.points.insert(signal.point.clone(), SignalId(self.sensors.len()));
            let key = noise::key(self.seed, &signal.point);
            self.sensors.push(Sensor::new(signal, source, grade, key));
        }
        Ok(())
    }

    fn source(
        &mut self,
        signal: &SignalRef,
        switch: bool,
        ratings: &Ratings,
    ) -> Result<(Source, Grade), BenchError> {
        let of_hazard = self.hazard_model(signal)?;
        let role = signal.role.as_deref().unwrap_or_default();
        let found = of_hazard.and_then(|model| self.channel(model, role)).or_else(|| {
            let model = self.feeder(&signal.device, role, ratings)?;
            self.channel(model, role)
        });
        Ok(found.unwrap_or_else(|| generic(switch, noise::key(self.seed, &signal.point), signal.range)))
    }

    fn hazard_model(&self, signal: &SignalRef) -> Result<Option<usize>, BenchError> {
        let Some(hazard) = &signal.hazard else { return Ok(None) };
        let unknown = || BenchError::UnknownHazard { point: signal.point.clone(), hazard: hazard.clone() };
        self.hazards.get(hazard).map(|(_, model)| *model).ok_or_else(unknown)
    }

    fn channel(&self, model: usize, role: &str) -> Option<(Source, Grade)> {
        let (channel, grade) = self.models[model].model.channel(role)?;
        Some((Source::Model { model, channel }, grade))
    }

    /// The feeder of a device, made on the first electrical role that it shows.
    fn feeder(&mut self, device: &str, role: &str, ratings: &Ratings) -> Option<usize> {
        if let Some(&feeder) = self.feeders.get(device) {
            return Some(feeder);
        }
        let feeder = Feeder::new(noise::key(self.seed, device), ratings.get(device).copied());
        feeder.channel(role)?;
        let index = self.add(Box::new(feeder));
        self.feeders.insert(device.to_owned(), index);
        Some(index)
    }
}

fn generic(switch: bool, key: u64, range: Option<(f64, f64)>) -> (Source, Grade) {
    let wave = Wave::new(key, range);
    if switch {
        (Source::Closed, Grade { switch: true, ..wave.grade() })
    } else {
        (Source::Wave(wave), wave.grade())
    }
}

type Ratings = BTreeMap<String, f64>;

/// Each device's rating in kW, by its power signal, or else by its current.
fn ratings(bench: &Bench) -> Ratings {
    let mut ratings = Ratings::new();
    for wanted in ["current_a", "power"] {
        for (signal, _) in bench.signals() {
            if signal.role.as_deref() == Some(wanted)
                && let Some(kw) = signal.range.and_then(|(_, high)| models::rating_of(wanted, high))
            {
                ratings.insert(signal.device.clone(), kw);
            }
        }
    }
    ratings
}

#[cfg(test)]
mod tests;
