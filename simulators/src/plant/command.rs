//! From names to effects: what a fault command means in one plant, or what it should have said.

use std::time::Duration;

use super::{Plant, SignalId};
use crate::error::FaultError;
use crate::fault::{DeviceFault, FaultCommand, Home, ProcessFault, SensorFault, Target};
use crate::limits;

/// What a command does to a plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// In a model.
    Process { model: usize, fault: ProcessFault, on: bool },
    /// In a sensor.
    Sensor { signal: SignalId, fault: SensorFault, on: bool },
    /// In a device.
    Device { device: String, fault: DeviceFault, on: bool },
    /// Every fault ends.
    Everything,
}

impl Plant {
    /// What a command means here.
    pub(super) fn effect(&self, command: &FaultCommand) -> Result<Effect, FaultError> {
        let (target, fault, delay, on) = match command {
            FaultCommand::ClearAll => return Ok(Effect::Everything),
            FaultCommand::Inject { target, fault, delay } => (target, fault.as_str(), *delay, true),
            FaultCommand::Clear { target, fault } => (target, fault.as_str(), None, false),
        };
        let takes_delay = matches!(target, Target::Device(_)) && fault == "slow";
        if delay.is_some_and(|delay| !takes_delay || delay > limits::SLOW_MAX) {
            return Err(FaultError::Delay { target: target.clone() });
        }
        match target {
            Target::Hazard(hazard) => self.process_effect(target, hazard, fault, on),
            Target::Device(device) => {
                self.device_effect(target, device, fault, delay.unwrap_or(limits::SLOW_DEFAULT), on)
            }
            Target::Point(point) => self.sensor_effect(target, point, fault, on),
        }
    }

    fn process_effect(
        &self,
        target: &Target,
        hazard: &str,
        fault: &str,
        on: bool,
    ) -> Result<Effect, FaultError> {
        let Some(&(kind, model)) = self.hazards.get(hazard) else {
            return Err(unknown_target(target, self.hazards.keys()));
        };
        let home = Home::Hazard(kind);
        let found = ProcessFault::of(home).find(|process| process.name() == fault);
        match (found, model) {
            (Some(fault), Some(model)) => Ok(Effect::Process { model, fault, on }),
            _ => Err(unknown_fault(target, fault, ProcessFault::of(home).map(ProcessFault::name))),
        }
    }

    fn device_effect(
        &self,
        target: &Target,
        device: &str,
        fault: &str,
        delay: Duration,
        on: bool,
    ) -> Result<Effect, FaultError> {
        if !self.devices.contains(device) {
            return Err(unknown_target(target, &self.devices));
        }
        if let Some(fault) = DeviceFault::named(fault, delay) {
            return Ok(Effect::Device { device: device.to_owned(), fault, on });
        }
        let feeder = self.feeders.get(device).copied();
        let of_feeder = || ProcessFault::of(Home::Feeder).filter(|_| feeder.is_some());
        if let (Some(fault), Some(model)) = (of_feeder().find(|process| process.name() == fault), feeder) {
            return Ok(Effect::Process { model, fault, on });
        }
        let known = DeviceFault::NAMES.into_iter().chain(of_feeder().map(ProcessFault::name));
        Err(unknown_fault(target, fault, known))
    }

    fn sensor_effect(
        &self,
        target: &Target,
        point: &str,
        fault: &str,
        on: bool,
    ) -> Result<Effect, FaultError> {
        let Some(signal) = self.signal(point) else {
            return Err(unknown_target(target, self.points.keys()));
        };
        match SensorFault::ALL.into_iter().find(|sensor| sensor.name() == fault) {
            Some(fault) => Ok(Effect::Sensor { signal, fault, on }),
            None => Err(unknown_fault(target, fault, SensorFault::ALL.map(SensorFault::name))),
        }
    }
}

fn unknown_target<'a>(target: &Target, known: impl IntoIterator<Item = &'a String>) -> FaultError {
    FaultError::UnknownTarget { target: target.clone(), known: known.into_iter().cloned().collect() }
}

fn unknown_fault(target: &Target, fault: &str, known: impl IntoIterator<Item = &'static str>) -> FaultError {
    FaultError::UnknownFault {
        target: target.clone(),
        fault: fault.to_owned(),
        known: known.into_iter().collect(),
    }
}
