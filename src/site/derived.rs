//! Derived points: what is not measured but worked out from other points, and then used like any of them. A number or a condition over several
//! points, or a function of one point's recent past. Rates, forecasts, deviations, demand, shares and counts are all this, with limits.

use std::time::Duration;

use super::expression::{Condition, Number};
use crate::model::PointId;

/// How a derived point's value is worked out.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// A number from the latest of other points.
    Number(Number),
    /// A switch from the latest of other points.
    Condition(Condition),
    /// A function of one point's recent past.
    Window(Window),
}

/// The recent past of one point, and what is made of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The point.
    pub of: PointId,
    /// How far back; not zero.
    pub over: Duration,
    /// What is made of it.
    pub function: Function,
}

/// What is made of the recent past of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// The mean of its readings.
    Mean,
    /// Its mean over time: each value counts for as long as it stood. The demand of a meter, the exposure of a shift.
    TimeWeighted,
    /// The least of its readings.
    Least,
    /// The greatest of its readings.
    Greatest,
    /// The sum of its readings.
    Sum,
    /// How often it went on (a switch), or by how much it went up (a counter); a step back counts as nothing.
    Count,
    /// The slope of the straight line that lies nearest to its readings (least squares), per this time.
    Rate {
        /// The unit of time.
        per: Duration,
    },
    /// Minutes until it reaches a value on that line, 0 once it is there or beyond, and at most [`FORECAST_SPANS_MAX`] windows.
    ///
    /// [`FORECAST_SPANS_MAX`]: crate::model::limits::FORECAST_SPANS_MAX
    Forecast {
        /// The value, in the point's unit.
        to: f64,
        /// Whether it is reached from below.
        rising: bool,
    },
}

/// When a value that does not move is in doubt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stuck {
    /// How long it has not moved.
    pub after: Duration,
    /// What counts as no movement, in the point's unit; not negative.
    pub band: f64,
}

impl Formula {
    /// Every point that it looks at, each once, in the order of their ids.
    pub fn points(&self) -> Vec<PointId> {
        match self {
            Self::Number(number) => number.points(),
            Self::Condition(condition) => condition.points(),
            Self::Window(window) => vec![window.of],
        }
    }
}
