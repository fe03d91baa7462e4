//! Derived points: what is not measured but worked out from other points, and then used like any of them. A number or a condition over several
//! points, or a function of one point's recent past, or of a stretch of the clock. Rates, forecasts, deviations, demand, energy, shares and counts
//! are all this, with limits.

use std::sync::LazyLock;
use std::time::Duration;

use super::calendar::Question;
use super::clock_period::ClockPeriod;
use super::expression::{Condition, Number};
use super::signal::Code;
use crate::model::{PointId, Text};

/// How a derived point's value is worked out.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// A number from the latest of other points.
    Number(Number),
    /// A switch from the latest of other points.
    Condition(Condition),
    /// A function of one point's recent past.
    Window(Window),
    /// A function of one point over stretches of the clock.
    Clocked(Clocked),
    /// What is ordinary for a point in each quarter of an hour, from its own last days.
    Baseline(Baseline),
    /// Something that rests on what is ordinary.
    OfBaseline {
        /// The point that is a [`Formula::Baseline`].
        of: PointId,
        /// What of it.
        aspect: Aspect,
    },
    /// A code: the state of production.
    Production(Production),
    /// A figure of a feeder, from several points.
    Joint(Joint),
    /// From which load on a line runs: what a point that is a [`Formula::Production`] was given, or has learnt.
    RunningFrom(PointId),
    /// A switch: what the calendar says.
    Calendar(Question),
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

/// A figure that is kept for each stretch of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clocked {
    /// The point.
    pub of: PointId,
    /// For which stretches.
    pub period: ClockPeriod,
    /// Of which of them it tells.
    pub which: Which,
    /// What it is.
    pub figure: Figure,
    /// What the point's values are.
    pub gauge: Gauge,
}

/// Of which stretch of the clock a figure tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Of the last that is over.
    Last,
    /// Of the present one, as far as it has come.
    Present,
}

/// A figure that is kept for a stretch of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The mean over time.
    Mean,
    /// The mean over time; of the present stretch, what has come so far spread over the whole of it.
    Demand,
    /// What has come together: the value times the hours in which it stood, or by how much the counter went up.
    Amount,
    /// The least of the readings.
    Least,
    /// The greatest of the readings.
    Greatest,
}

/// What the values of a point are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gauge {
    /// What is at the moment: each value counts until the next.
    Level,
    /// What has come together since some time: what counts is by how much it goes up.
    Counter {
        /// The value at which it begins again with 0, if it does; greater than 0.
        modulus: Option<f64>,
    },
    /// 1 while the value is at least this, otherwise 0: what is counted is time.
    While {
        /// In the point's unit.
        least: f64,
    },
}

/// What is ordinary for a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// The point.
    pub of: PointId,
    /// What its values are.
    pub gauge: Gauge,
    /// Of how many days of a kind a quarter of an hour must be known; at least 1.
    pub days_min: u8,
    /// How far outside of the ordinary range is one margin, in percent of its edge; not negative.
    pub percent: f64,
}

/// What can be told of what is ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// The median.
    Median,
    /// The lower edge of the ordinary range.
    Low,
    /// Its upper edge.
    High,
    /// By how many margins the last quarter of an hour was outside of it; 0 inside.
    Deviation,
}

/// How many bounds part the states of production.
pub const PRODUCTION_BOUNDS: usize = 3;

/// The state of production of a line, by its load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Production {
    /// The point: a power or a current.
    pub of: PointId,
    /// From which value on it is idle, runs, is overloaded; in order. There is the second, or it is learnt.
    pub bounds: [Option<f64>; PRODUCTION_BOUNDS],
    /// After how many days of known load the second of them is learnt from it; none: it is given.
    pub learnt_after: Option<u8>,
    /// How far below a bound it must come to be under it again; not negative. None: a tenth of the bound that is learnt.
    pub deadband: Option<f64>,
    /// How long it must be beyond a bound: no state is shorter.
    pub least: Duration,
}

/// The state that runs, among those of a [`Production`]: 0 stopped, 1 idle, 2 running, 3 overload.
pub const PRODUCTION_RUNNING: usize = 2;

/// What the states of production are called.
pub(super) static PRODUCTION_CODES: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let words = [("停机", "stopped"), ("空载", "idle"), ("运行", "running"), ("过载", "overload")];
    words.into_iter().zip(0..).map(|((zh, en), code)| Code { code, label: Text::new(zh, en) }).collect()
});

/// A figure of the power tree that comes of several points.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// The points, in the order that the figure asks for; not empty.
    pub of: Vec<PointId>,
    /// What is made of them.
    pub figure: JointFigure,
}

/// What is made of several points. Of those that tell of stretches of the clock it is worked out once all of them have told of the same one: meters are not read
/// at the same moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JointFigure {
    /// All of them together, of the same stretch.
    Sum,
    /// The first in percent of the second, of the same stretch.
    Percent,
    /// The first by the second, of the same stretch.
    Ratio,
    /// The first less all others, of the same stretch.
    Rest,
    /// The same in percent of the first.
    RestPercent,
    /// How far they are apart, in percent of the greatest, at present: what is common practice for the currents of three phases (最大相与最小相之差 / 最大相).
    Spread {
        /// Where the greatest is below this, there is none; not negative, in the points' unit.
        least: f64,
    },
    /// How far one is off the mean of all, in percent of it, at present: for the voltages of three phases, which it puts near to the negative-sequence unbalance
    /// that standards speak of (NEMA MG 1 asks for it of line voltages).
    OffMean,
}

impl JointFigure {
    /// Whether the points must tell of the same stretch of the clock.
    pub const fn is_of_a_stretch(self) -> bool {
        !matches!(self, Self::Spread { .. } | Self::OffMean)
    }
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
            Self::Clocked(clocked) => vec![clocked.of],
            Self::Baseline(baseline) => vec![baseline.of],
            Self::OfBaseline { of, .. } | Self::RunningFrom(of) => vec![*of],
            Self::Production(production) => vec![production.of],
            Self::Joint(joint) => {
                let mut points = joint.of.clone();
                points.sort_unstable();
                points.dedup();
                points
            }
            Self::Calendar(_) => Vec::new(),
        }
    }
}
