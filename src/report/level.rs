//! A load over a day, quarter by quarter: each value counts until the next one comes, but no longer than it stands for. What lies beyond is not known.

use crate::site::ClockSpan;

/// What is known of one quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Quarter {
    /// Time for which it is known, in ms.
    pub(super) known_ms: i64,
    /// Value times ms.
    pub(super) amount: f64,
}

/// One load.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// How long a value stands for without being said again, in ms.
    stands_ms: i64,
    quarters: Vec<ClockSpan>,
    known: Vec<Quarter>,
    /// When the last reading was taken, and what it said; none if that was nothing.
    last: Option<(i64, Option<f64>)>,
}

impl Level {
    pub(super) fn new(stands_ms: i64, quarters: Vec<ClockSpan>) -> Self {
        let known = vec![Quarter::default(); quarters.len()];
        Self { stands_ms, quarters, known, last: None }
    }

    /// The same for another day, which begins with what stands.
    pub(super) fn next_day(&self, quarters: Vec<ClockSpan>) -> Self {
        Self { last: self.last, ..Self::new(self.stands_ms, quarters) }
    }

    /// Takes a reading. One that is older than the last is left aside.
    pub(super) fn take(&mut self, at: i64, value: Option<f64>) {
        if self.last.is_some_and(|(last, _)| at < last) {
            return;
        }
        self.settle(at);
        self.last = Some((at, value));
    }

    /// Lets what stands count up to a moment.
    pub(super) fn settle(&mut self, until: i64) {
        let Some((since, Some(value))) = self.last else { return };
        let end = until.min(since.saturating_add(self.stands_ms));
        let first = self.quarters.partition_point(|quarter| quarter.to.0 <= since);
        for (quarter, known) in self.quarters.iter().zip(&mut self.known).skip(first) {
            let inside = end.min(quarter.to.0) - since.max(quarter.from.0);
            if inside <= 0 {
                break;
            }
            known.known_ms += inside;
            known.amount += value * inside as f64;
        }
    }

    /// What is known of each quarter.
    pub(super) fn quarters(&self) -> impl Iterator<Item = (ClockSpan, Quarter)> {
        self.quarters.iter().copied().zip(self.known.iter().copied())
    }
}
