//! How much a counter went up, whatever it does: it goes on, begins again with 0 where it ends, starts anew because it was reset, or says less
//! than before, which a counter never should.
//!
//! | step | counts as |
//! | --- | --- |
//! | up | the difference |
//! | down, by so much that it has gone on by a tenth of its modulus at most | the difference over its end |
//! | down to a hundredth of what it said, or less | nothing: it starts anew |
//! | down otherwise | nothing, and it is in doubt |
//! | up past what it said before a step down, at once | what it is above that: the step down was a false reading |

use serde::{Deserialize, Serialize};

use crate::model::Reason;
use crate::model::limits::{RESET_PERCENT_MAX, ROLLOVER_PERCENT_MAX};

/// A counter, as it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counter {
    last: f64,
    /// The most that it has said since it last began again with 0.
    high: f64,
}

impl Counter {
    /// A counter that says this at first.
    pub(crate) const fn new(value: f64) -> Self {
        Self { last: value, high: value }
    }

    /// Takes what it says now. Returns by how much it went up, and the doubt about it.
    pub(crate) fn step(&mut self, value: f64, modulus: Option<f64>) -> (f64, Option<Reason>) {
        let Self { last, high } = *self;
        self.last = value;
        self.high = high.max(value);
        if value >= last {
            let from = if value >= high { high } else { last };
            return (value - from, None);
        }
        if let Some(modulus) = modulus
            && (0.0..=modulus * ROLLOVER_PERCENT_MAX / 100.0).contains(&(value + modulus - last))
        {
            self.high = value;
            return (value + modulus - last, None);
        }
        let starts_anew = value.abs() <= last.abs() * RESET_PERCENT_MAX / 100.0;
        (0.0, (!starts_anew).then_some(Reason::SensorFault))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOUBT: Option<Reason> = Some(Reason::SensorFault);

    fn steps(first: f64, modulus: Option<f64>, values: &[f64]) -> Vec<(f64, Option<Reason>)> {
        let mut counter = Counter::new(first);
        values.iter().map(|value| counter.step(*value, modulus)).collect()
    }

    #[test]
    fn a_counter_goes_on_over_its_end_if_it_is_known() {
        let values = [999_999.5, 3.5, 4.0];
        assert_eq!(steps(999_990.0, Some(1e6), &values), [(9.5, None), (4.0, None), (0.5, None)]);
        assert_eq!(
            steps(999_990.0, None, &values),
            [(9.5, None), (0.0, None), (0.5, None)],
            "it starts anew"
        );
    }

    #[test]
    fn a_reset_in_the_middle_is_no_rollover() {
        assert_eq!(steps(500_000.0, Some(1e6), &[0.0, 2.0]), [(0.0, None), (2.0, None)]);
    }

    #[test]
    fn p2_a_counter_that_says_less_is_in_doubt_and_loses_nothing_when_it_comes_back() {
        assert_eq!(steps(500.0, None, &[400.0, 401.0, 502.0]), [(0.0, DOUBT), (1.0, None), (2.0, None)]);
        assert_eq!(steps(500.0, None, &[0.0, 501.0]), [(0.0, None), (1.0, None)], "one false 0");
    }

    proptest! {
        /// A counter of a thousand that is read often enough comes to what was used, however often it begins again.
        #[test]
        fn over_any_number_of_ends_nothing_is_lost(used in prop::collection::vec(0_u32..100, 1..200)) {
            let mut counter = Counter::new(0.0);
            let (mut total, mut counted) = (0_u32, 0.0);
            for amount in used {
                total += amount;
                let (step, doubt) = counter.step(f64::from(total % 1000), Some(1000.0));
                counted += step;
                prop_assert_eq!(doubt, None);
            }
            prop_assert!((counted - f64::from(total)).abs() < 1e-6);
        }
    }
}
