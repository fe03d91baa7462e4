//! A sensor: what stands between a process and a register. It adds noise, keeps to what it can show, and can be
//! faulty by itself while the process is well.

use crate::bench::SignalRef;
use crate::fault::SensorFault;
use crate::models::{Grade, STEP_S, Wave};
use crate::noise;

/// Drift per second, and its end, as shares of the range.
const DRIFT_PER_S: f64 = 0.02;
const DRIFT_MAX: f64 = 0.5;
/// A spike comes every so many steps and lasts so many.
const SPIKE_EVERY: u64 = 20;
const SPIKE_STEPS: u64 = 3;

/// What a sensor looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// A channel of a model.
    Model {
        /// Which model of the plant.
        model: usize,
        /// Which of its channels.
        channel: usize,
    },
    /// A wave of its own.
    Wave(Wave),
    /// A contact that is always closed.
    Closed,
}

/// One sensor.
#[derive(Debug)]
pub(crate) struct Sensor {
    pub(crate) source: Source,
    grade: Grade,
    key: u64,
    range: Option<(f64, f64)>,
    fault: Option<Standing>,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    fault: SensorFault,
    since_step: u64,
    then: f64,
}

impl Sensor {
    /// A sensor of this signal, under its own noise key.
    pub(crate) fn new(signal: &SignalRef, source: Source, grade: Grade, key: u64) -> Self {
        Self { source, grade, key, range: signal.range, fault: None }
    }

    /// Whether it shows a switch.
    pub(crate) fn is_switch(&self) -> bool {
        self.grade.switch
    }

    /// What it shows in `step`, when the process stands at `truth`; none if it is dead.
    pub(crate) fn show(&self, truth: f64, step: u64) -> Option<f64> {
        let Some(Standing { fault, since_step, then }) = self.fault else {
            return Some(self.sense(truth, step));
        };
        match fault {
            SensorFault::Dead => None,
            SensorFault::Stuck => Some(then),
            SensorFault::Drift => {
                let age_s = (step - since_step) as f64 * STEP_S;
                Some(self.sense(truth, step) + self.span() * (DRIFT_PER_S * age_s).min(DRIFT_MAX))
            }
            SensorFault::Spike if (step - since_step) % SPIKE_EVERY < SPIKE_STEPS => Some(self.spike(truth)),
            SensorFault::Spike => Some(self.sense(truth, step)),
        }
    }

    /// Lets a fault begin, in place of one that stands.
    pub(crate) fn inject(&mut self, fault: SensorFault, truth: f64, step: u64) {
        self.fault = Some(Standing { fault, since_step: step, then: self.sense(truth, step) });
    }

    /// Lets this fault end, or whichever stands.
    pub(crate) fn clear(&mut self, fault: Option<SensorFault>) {
        if fault.is_none_or(|fault| self.fault.is_some_and(|standing| standing.fault == fault)) {
            self.fault = None;
        }
    }

    fn sense(&self, truth: f64, step: u64) -> f64 {
        let Grade { noise, noise_share, floor, switch } = self.grade;
        if switch {
            return truth;
        }
        let deviation = noise + noise_share * truth.abs();
        (truth + deviation * noise::at(self.key, step)).max(floor)
    }

    fn span(&self) -> f64 {
        match self.range {
            _ if self.grade.switch => 0.0,
            Some((low, high)) => high - low,
            None => 100.0,
        }
    }

    /// Beyond the range by its tenth; a switch shows the opposite.
    fn spike(&self, truth: f64) -> f64 {
        if self.grade.switch {
            return 1.0 - truth;
        }
        self.range.map_or(truth, |(_, high)| high) + 0.1 * self.span()
    }
}
