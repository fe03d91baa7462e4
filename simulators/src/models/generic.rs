//! A signal that no model knows: a slow wave in the middle of its range, or a contact that is closed.

use super::Grade;
use crate::noise;

/// A slow wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wave {
    middle: f64,
    swing: f64,
    period_s: f64,
    phase: f64,
}

impl Wave {
    /// A wave of a tenth of the range (0 to 100 if none) about its middle, in a rhythm of the key's own.
    pub(crate) fn new(key: u64, range: Option<(f64, f64)>) -> Self {
        let (low, high) = range.unwrap_or((0.0, 100.0));
        Self {
            middle: f64::midpoint(low, high),
            swing: (high - low) * 0.1,
            period_s: 60.0 + 120.0 * noise::unit(key),
            phase: noise::unit(!key),
        }
    }

    /// Where it stands at a time.
    pub(crate) fn at(&self, time_s: f64) -> f64 {
        self.middle + self.swing * ((time_s / self.period_s + self.phase) * std::f64::consts::TAU).sin()
    }

    /// Its noise: half a percent of the range.
    pub(crate) fn grade(&self) -> Grade {
        Grade { noise: self.swing * 0.05, noise_share: 0.0, floor: f64::NEG_INFINITY, switch: false }
    }
}
