//! Complaints that a bad device could repeat for ever: every one is counted, few are logged.

use crate::model::Mono;
use crate::model::limits::COMPLAINT_INTERVAL_MIN;

/// Complaints of one kind about one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaints {
    total: u64,
    unsaid: u64,
    said: Option<Mono>,
}

/// Leave to log a complaint, with what has been kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    /// Complaints since the start, this one included.
    pub(super) total: u64,
    /// Of those, kept back since the last one that was logged.
    pub(super) unsaid: u64,
}

impl Complaints {
    /// Counts `count` more, and says whether this one may be logged.
    pub(super) fn add(&mut self, count: u64, now: Mono) -> Option<Leave> {
        self.total = self.total.saturating_add(count);
        if self.said.is_some_and(|said| now - said < COMPLAINT_INTERVAL_MIN) {
            self.unsaid = self.unsaid.saturating_add(count);
            return None;
        }
        self.said = Some(now);
        Some(Leave { total: self.total, unsaid: std::mem::take(&mut self.unsaid) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_and_the_rest_are_counted_until_the_time_is_over() {
        let mut complaints = Complaints::default();
        let now = Mono::ZERO;
        assert_eq!(complaints.add(1, now), Some(Leave { total: 1, unsaid: 0 }));
        assert_eq!(complaints.add(1, now), None);
        assert_eq!(complaints.add(3, now), None);
        assert_eq!(complaints.add(1, now + COMPLAINT_INTERVAL_MIN), Some(Leave { total: 6, unsaid: 4 }));
    }
}
