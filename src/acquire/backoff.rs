//! How long to wait before trying again: twice as long each time, within [`BACKOFF_MIN`] and [`BACKOFF_MAX`],
//! with jitter so that devices and gateways that lost the same far end do not come back in step.

use std::time::Duration;

use crate::model::limits::{BACKOFF_MAX, BACKOFF_MIN};

/// The waits between attempts of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: between half and the whole of the present step.
    pub(super) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let doubled = BACKOFF_MIN.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        doubled.min(BACKOFF_MAX).mul_f64(0.5 + rng.f64() / 2.0)
    }

    /// It worked: the next wait is short again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_start_again_after_a_success() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..100).map(|_| backoff.next(&mut rng)).collect();
        assert!(waits.iter().all(|wait| (BACKOFF_MIN..=BACKOFF_MAX).contains(wait)), "{waits:?}");
        assert!(waits[0] <= 2 * BACKOFF_MIN);
        assert!(waits[50..].iter().all(|wait| *wait >= BACKOFF_MAX / 2));
        backoff.reset();
        assert!(backoff.next(&mut rng) <= 2 * BACKOFF_MIN);
    }

    #[test]
    fn two_that_failed_together_do_not_come_back_together() {
        let waits = |seed| {
            let (mut rng, mut backoff) = (fastrand::Rng::with_seed(seed), Backoff::default());
            (0..5).map(|_| backoff.next(&mut rng)).collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
    }
}
