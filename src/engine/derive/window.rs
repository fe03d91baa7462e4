//! What a function of a point's recent past comes to, and how far it can be trusted.
//!
//! | of the past is known | mean, time-weighted, sum, rate, forecast | min, max, count |
//! | --- | --- | --- |
//! | enough (three quarters) | good | good |
//! | less | `bad:no_data` | uncertain: there was so much at least; the rest is not known |
//! | something that is uncertain | uncertain | uncertain |
//! | enough, and the point itself is bad now | bad, for the same reason | uncertain |
//!
//! The last line is because nothing else would ever be heard of a point that was lost: what was known of its past must not stand for its present.
//! After a start nothing is known of the past, so the same holds until enough has been seen.

use std::time::Duration;

use crate::model::limits::{FORECAST_SPANS_MAX, WINDOW_KNOWN_PERCENT_MIN};
use crate::model::{Mono, PointId, Reason, Sample, Value};
use crate::site::{Function, Window};

use super::past::{Past, Stretch};

/// A window and its past.
#[derive(Debug)]
pub(super) struct Running {
    window: Window,
    /// So much of the past must be known, in seconds.
    known_min_s: f64,
    past: Past,
}

impl Running {
    pub(super) fn new(window: Window) -> Self {
        let known_min_s = window.over.as_secs_f64() * f64::from(WINDOW_KNOWN_PERCENT_MIN) / 100.0;
        Self { window, known_min_s, past: Past::new(window.over) }
    }

    /// The point whose past it is.
    pub(super) fn of(&self) -> PointId {
        self.window.of
    }

    /// Takes what the point says now, and says what the function comes to.
    pub(super) fn take(&mut self, now: Mono, sample: Sample) -> Sample {
        self.past.take(now, sample);
        let whole = self.past.whole();
        let is_known = whole.known_s >= self.known_min_s;
        let at_least = matches!(self.window.function, Function::Count | Function::Least | Function::Greatest);
        let lost = match sample {
            Sample::Bad(reason) => Some(reason),
            Sample::Good(_) | Sample::Uncertain(..) => None,
        };
        match (self.value(sample, &whole).filter(|value| value.is_finite()), lost) {
            (None, Some(reason)) => Sample::Bad(reason),
            (Some(_), Some(reason)) if !at_least => Sample::Bad(reason),
            (Some(value), Some(reason)) => Sample::Uncertain(Value::Float(value), reason),
            (Some(_), None) if !is_known && !at_least => Sample::Bad(Reason::NoData),
            (Some(value), None) => {
                let value = Value::Float(value);
                let unknown = (!is_known).then_some(Reason::NoData);
                whole.doubt.or(unknown).map_or(Sample::Good(value), |reason| Sample::Uncertain(value, reason))
            }
            (None, None) => Sample::Bad(Reason::NoData),
        }
    }

    fn value(&self, sample: Sample, whole: &Stretch) -> Option<f64> {
        if whole.count == 0.0 {
            return None;
        }
        Some(match self.window.function {
            Function::Mean => whole.sum / whole.count,
            Function::TimeWeighted => whole.integral / whole.known_s,
            Function::Least => whole.least,
            Function::Greatest => whole.greatest,
            Function::Sum => whole.sum,
            Function::Count => whole.pulses,
            Function::Rate { per } => slope(whole)? * per.as_secs_f64(),
            Function::Forecast { to, rising } => {
                let value = sample.value()?.as_f64();
                let far = FORECAST_SPANS_MAX * self.window.over.as_secs_f64();
                minutes_to(to, rising, value, slope(whole)?, far)
            }
        })
    }
}

/// The slope of the straight line that lies nearest to the readings, by the least squares of the distances in value; per second. None of fewer
/// than two moments.
fn slope(whole: &Stretch) -> Option<f64> {
    let Stretch { count, sum, t, tt, tv, .. } = *whole;
    let spread = count * tt - t * t;
    (count >= 2.0 && spread > 0.0).then(|| (count * tv - t * sum) / spread)
}

/// Minutes until `to` is reached from `value` at `slope` a second; `far`, in seconds, where it is not, or later.
fn minutes_to(to: f64, rising: bool, value: f64, slope: f64, far: f64) -> f64 {
    let (left, speed) = if rising { (to - value, slope) } else { (value - to, -slope) };
    let seconds = if left <= 0.0 {
        0.0
    } else if speed > 0.0 {
        (left / speed).min(far)
    } else {
        far
    };
    seconds / Duration::from_secs(60).as_secs_f64()
}
