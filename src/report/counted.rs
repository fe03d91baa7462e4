//! What a counter went up by over a day. It goes on by itself, so a gap within the day costs nothing. What it went up by in a gap over midnight is shared out by time; if the
//! gap is longer than a part of the day, as much as lies on its shorter side counts as not known, as in the engine's own figures.

use crate::engine::Counter;
use crate::model::limits::STRADDLE_PERCENT_MAX;
use crate::site::ClockSpan;

/// One counter over one day.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    modulus: Option<f64>,
    span: ClockSpan,
    counter: Option<(i64, Counter)>,
    pub(super) amount: f64,
    pub(super) known_ms: i64,
    pub(super) is_doubtful: bool,
}

impl Counted {
    pub(super) const fn new(modulus: Option<f64>, span: ClockSpan) -> Self {
        Self { modulus, span, counter: None, amount: 0.0, known_ms: 0, is_doubtful: false }
    }

    /// The same for another day, which begins with what was read last.
    pub(super) const fn next_day(&self, span: ClockSpan) -> Self {
        Self { counter: self.counter, ..Self::new(self.modulus, span) }
    }

    /// Takes a reading; nothing where there was none to be had. One that is older than the last is left aside.
    pub(super) fn take(&mut self, at: i64, value: Option<f64>, is_doubtful: bool) {
        let Some(value) = value else { return };
        let Some((since, mut counter)) = self.counter else {
            self.counter = Some((at, Counter::new(value)));
            return;
        };
        if at < since {
            return;
        }
        let (amount, doubt) = counter.step(value, self.modulus);
        self.counter = Some((at, counter));
        let length = at - since;
        let inside = (at.min(self.span.to.0) - since.max(self.span.from.0)).max(0);
        let is_here = if length == 0 { self.span.from.0 <= at && at < self.span.to.0 } else { inside > 0 };
        if !is_here {
            return;
        }
        let is_far = length > self.span.length_ms() / 100 * STRADDLE_PERCENT_MAX;
        let unknown = if is_far { inside.min(length - inside) } else { 0 };
        self.known_ms += inside - unknown;
        self.amount += if length == 0 { amount } else { amount * inside as f64 / length as f64 };
        self.is_doubtful |= is_doubtful || doubt.is_some();
    }
}
