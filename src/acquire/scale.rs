//! From what a device says to engineering units: value = raw × scale + offset.

use crate::model::{Reason, Sample, Value};

/// A point's scale and offset, prepared for use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    factor: Factor,
    offset: f64,
}

/// A decimal scale such as 0.1 has no exact binary form, its inverse has: 2301 / 10 is 230.1, and 2301 × 0.1
/// is 230.10000000000002.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Factor {
    One,
    Times(f64),
    Over(f64),
}

impl Scale {
    /// The scale and offset of a point.
    pub(super) fn new(scale: f64, offset: f64) -> Self {
        let inverse = (1.0 / scale).round();
        let factor = if scale == 1.0 {
            Factor::One
        } else if inverse.abs() > 1.0 && 1.0 / inverse == scale {
            Factor::Over(inverse)
        } else {
            Factor::Times(scale)
        };
        Self { factor, offset }
    }

    /// A whole number: stays one if nothing is to be scaled, so that counters and codes read as such.
    pub(super) fn integer(self, raw: i64) -> Sample {
        if self.factor == Factor::One && self.offset == 0.0 {
            return Sample::Good(Value::Int(raw));
        }
        self.float(raw as f64)
    }

    /// A number. What is not finite is no measurement: the instrument says that it has none.
    pub(super) fn float(self, raw: f64) -> Sample {
        let scaled = match self.factor {
            Factor::One => raw,
            Factor::Times(scale) => raw * scale,
            Factor::Over(inverse) => raw / inverse,
        };
        let value = if self.offset == 0.0 { scaled } else { scaled + self.offset };
        if value.is_finite() { Sample::Good(Value::Float(value)) } else { Sample::Bad(Reason::SensorFault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_scales_give_the_decimal_that_a_person_expects() {
        assert_eq!(Scale::new(0.1, 0.0).integer(2301), Sample::Good(Value::Float(230.1)));
        assert_eq!(Scale::new(0.001, 0.0).integer(-1), Sample::Good(Value::Float(-0.001)));
        assert_eq!(Scale::new(0.1, -40.0).integer(650), Sample::Good(Value::Float(25.0)));
        assert_eq!(Scale::new(2.5, 1.0).integer(2), Sample::Good(Value::Float(6.0)));
        assert_eq!(Scale::new(-0.5, 0.0).integer(3), Sample::Good(Value::Float(-1.5)));
    }

    #[test]
    fn an_unscaled_integer_stays_one() {
        assert_eq!(Scale::new(1.0, 0.0).integer(7), Sample::Good(Value::Int(7)));
        assert_eq!(Scale::new(1.0, 0.5).integer(7), Sample::Good(Value::Float(7.5)));
    }

    #[test]
    fn what_is_not_finite_has_no_value() {
        for raw in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Scale::new(1.0, 0.0).float(raw), Sample::Bad(Reason::SensorFault));
        }
        assert_eq!(Scale::new(10.0, 0.0).float(f64::MAX), Sample::Bad(Reason::SensorFault));
    }
}
