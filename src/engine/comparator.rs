//! One limit with hysteresis: the bare question whether a value is beyond it. A value *at* the limit is beyond
//! it, so that a detector set to alarm at 25 %LEL alarms at 25; coming back takes more than the deadband, so that
//! noise around the limit makes one alarm and not many.

/// The side of a limit on which values are beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Beyond is above: `value ≥ limit`.
    High,
    /// Beyond is below: `value ≤ limit`.
    Low,
}

impl Side {
    /// Whether `value` is beyond `limit`, given whether it `was`: once it is, it stays so until it has come back
    /// past the limit by more than `deadband` (not negative).
    pub(super) fn beyond(self, limit: f64, deadband: f64, was: bool, value: f64) -> bool {
        let slack = if was { deadband } else { 0.0 };
        match self {
            Self::High => value >= limit - slack,
            Self::Low => value <= limit + slack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Side::{High, Low};

    #[test]
    fn a_value_at_the_limit_is_beyond_it() {
        assert!(High.beyond(25.0, 2.0, false, 25.0));
        assert!(!High.beyond(25.0, 2.0, false, 24.999));
        assert!(Low.beyond(19.5, 0.5, false, 19.5));
        assert!(!Low.beyond(19.5, 0.5, false, 19.501));
    }

    #[test]
    fn coming_back_takes_more_than_the_deadband() {
        assert!(High.beyond(25.0, 2.0, true, 23.0));
        assert!(!High.beyond(25.0, 2.0, true, 22.999));
        assert!(Low.beyond(19.5, 0.5, true, 20.0));
        assert!(!Low.beyond(19.5, 0.5, true, 20.001));
    }

    #[test]
    fn without_a_deadband_the_limit_itself_divides() {
        assert!(High.beyond(25.0, 0.0, true, 25.0));
        assert!(!High.beyond(25.0, 0.0, true, 24.999));
    }
}
