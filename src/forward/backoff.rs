//! How long to wait before the next attempt: twice as long each time, up to a bound, with jitter so that gateways cut off
//! together do not return together.

use std::time::Duration;

use crate::model::limits::{BACKOFF_MAX, BACKOFF_MIN};

/// The waits between attempts.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Waits whose jitter comes from `random`.
    pub(super) const fn new(random: fastrand::Rng) -> Self {
        Self { next: BACKOFF_MIN, random }
    }

    /// The wait before the next attempt: between half and all of the step.
    pub(super) fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(BACKOFF_MAX);
        step.mul_f64(0.5 + 0.5 * self.random.f64())
    }

    /// A connection is over. Only one that lasted, and on which something was acknowledged, counts as a success: a broker
    /// that lets us in and throws us out, or never answers, is left alone.
    pub(super) fn ended(&mut self, acknowledged: bool, lasted: Duration) {
        if acknowledged && lasted > BACKOFF_MAX {
            self.reset();
        }
    }

    /// An attempt has succeeded: the next failure waits briefly again.
    pub(super) const fn reset(&mut self) {
        self.next = BACKOFF_MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_bound_stay_within_their_step_and_start_over() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        let mut step = BACKOFF_MIN;
        for _ in 0..20 {
            let wait = backoff.wait();
            assert!(wait >= step / 2 && wait <= step, "{wait:?} for a step of {step:?}");
            step = (step * 2).min(BACKOFF_MAX);
        }
        assert_eq!(step, BACKOFF_MAX);
        backoff.reset();
        assert!(backoff.wait() <= BACKOFF_MIN);
    }

    #[test]
    fn a_connection_counts_once_it_lasted_and_something_was_acknowledged() {
        let long = BACKOFF_MAX + Duration::from_secs(1);
        for (acknowledged, lasted, counts) in
            [(false, long, false), (true, BACKOFF_MAX, false), (true, long, true)]
        {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
            while backoff.next < BACKOFF_MAX {
                backoff.wait();
            }
            backoff.ended(acknowledged, lasted);
            assert_eq!(backoff.next == BACKOFF_MIN, counts, "acknowledged {acknowledged}, lasted {lasted:?}");
        }
    }
}
