//! What is said once in each quarter of an hour, such as what is ordinary in it.

use crate::site::ClockSpan;

/// One such point over a day.
#[derive(Debug, Clone)]
pub(super) struct Held {
    quarters: Vec<ClockSpan>,
    values: Vec<Option<f64>>,
}

impl Held {
    pub(super) fn new(quarters: Vec<ClockSpan>) -> Self {
        let values = vec![None; quarters.len()];
        Self { quarters, values }
    }

    /// Takes a reading: it is of the quarter in which it was made.
    pub(super) fn take(&mut self, at: i64, value: Option<f64>) {
        let place = self.quarters.partition_point(|quarter| quarter.to.0 <= at);
        let is_in = self.quarters.get(place).is_some_and(|quarter| quarter.from.0 <= at);
        if is_in && let (Some(slot), Some(value)) = (self.values.get_mut(place), value) {
            *slot = Some(value);
        }
    }

    /// By quarter.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<f64>> {
        self.values.iter().copied()
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}
