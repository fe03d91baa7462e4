//! Process models: small systems of differential equations, stepped at a fixed rate, that answer for signals by role.
//! Faults act on causes (a valve, a motor, a joint), and their consequences follow by the model.

mod casting;
mod dust;
mod generic;
mod power;
mod tank;

use std::fmt;

use crate::bench::HazardKind;
use crate::fault::FaultSet;

pub(crate) use generic::Wave;
pub(crate) use power::{Feeder, rating_of};

/// Plant seconds of one step of every model.
pub(crate) const STEP_S: f64 = 0.1;

/// What a sensor of one role looks at, and how well.
pub(crate) struct Channel<M> {
    role: &'static str,
    read: fn(&M) -> f64,
    grade: Grade,
}

/// How a sensor shows what it looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grade {
    /// Standard deviation of its noise, in its unit.
    pub(crate) noise: f64,
    /// The same as a share of its value, added.
    pub(crate) noise_share: f64,
    /// The lowest value that it can show.
    pub(crate) floor: f64,
    /// Whether it is a switch: 0 or 1, without noise.
    pub(crate) switch: bool,
}

impl<M> Channel<M> {
    /// A measurement that can't be negative, with noise in its own unit.
    const fn measured(role: &'static str, noise: f64, read: fn(&M) -> f64) -> Self {
        Self { role, read, grade: Grade { noise, noise_share: 0.0, floor: 0.0, switch: false } }
    }

    /// A measurement that may be negative.
    const fn signed(role: &'static str, noise: f64, read: fn(&M) -> f64) -> Self {
        Self { role, read, grade: Grade { noise, noise_share: 0.0, floor: f64::NEG_INFINITY, switch: false } }
    }

    /// A measurement whose noise is a share of its value.
    const fn scaled(role: &'static str, noise_share: f64, read: fn(&M) -> f64) -> Self {
        Self { role, read, grade: Grade { noise: 0.0, noise_share, floor: 0.0, switch: false } }
    }

    /// A counter or a set value: exact.
    const fn exact(role: &'static str, read: fn(&M) -> f64) -> Self {
        Self::measured(role, 0.0, read)
    }

    /// A switch: above 0 is on.
    const fn switch(role: &'static str, read: fn(&M) -> f64) -> Self {
        Self { role, read, grade: Grade { noise: 0.0, noise_share: 0.0, floor: 0.0, switch: true } }
    }
}

/// A model as it is written: a table of channels and a step.
trait Process: fmt::Debug + Send + Sized + 'static {
    const CHANNELS: &'static [Channel<Self>];

    /// Moves on by `dt_s` under the faults that stand.
    fn advance(&mut self, dt_s: f64, faults: FaultSet);
}

/// A model as the plant holds it.
pub(crate) trait Model: fmt::Debug + Send {
    /// Moves on by [`STEP_S`] under the faults that stand.
    fn step(&mut self, faults: FaultSet);
    /// The channel of a role, if the model knows it.
    fn channel(&self, role: &str) -> Option<(usize, Grade)>;
    /// What a channel would show without noise.
    fn read(&self, channel: usize) -> f64;
}

impl<P: Process> Model for P {
    fn step(&mut self, faults: FaultSet) {
        self.advance(STEP_S, faults);
    }

    fn channel(&self, role: &str) -> Option<(usize, Grade)> {
        let index = P::CHANNELS.iter().position(|channel| channel.role == role)?;
        Some((index, P::CHANNELS[index].grade))
    }

    fn read(&self, channel: usize) -> f64 {
        (P::CHANNELS[channel].read)(self)
    }
}

/// The model of a hazard; none for power, whose feeders belong to devices, and for what no model knows.
pub(crate) fn of_hazard(kind: HazardKind, seed: u64) -> Option<Box<dyn Model>> {
    Some(match kind {
        HazardKind::TankFarm => Box::new(tank::Tank::new(seed)),
        HazardKind::Dust => Box::new(dust::Collector::new(seed)),
        HazardKind::Casting => Box::new(casting::Line::new(seed)),
        HazardKind::Power | HazardKind::Other => return None,
    })
}

/// Draws `value` toward `target` as a first-order lag does, by the implicit Euler step, which is stable for any `tau_s`.
fn draw(value: &mut f64, target: f64, tau_s: f64, dt_s: f64) {
    *value += (target - *value) * dt_s / (tau_s + dt_s);
}

/// A fault's time constant while it stands, and a short one once it is cleared: clearing a fault stands for a
/// repair, and a story has no time to watch a tank farm air for an hour.
fn tau(stands: bool, rise_s: f64, fall_s: f64) -> f64 {
    if stands { rise_s } else { fall_s }
}

/// 1 for on, 0 for off.
fn contact(on: bool) -> f64 {
    f64::from(u8::from(on))
}

#[cfg(test)]
mod tests;
