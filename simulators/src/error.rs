//! What can be wrong with a bench, a scenario or a command, each said in one line that names the culprit and what
//! would be right.

use std::fmt;
use std::io;

use crate::fault::Target;

/// A bench can't be started.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A listening address can't be had: in use, not allowed, or not an address.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address as asked for.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The speed is not above 0 and at most 1000.
    #[error("speed {0} is out of range: it must be above 0 and at most 1000")]
    Speed(f64),
    /// Two hazards of one id.
    #[error("hazard `{0}` is given twice")]
    HazardTwice(String),
    /// A signal of a hazard that the bench does not have.
    #[error("point `{point}` belongs to hazard `{hazard}`, which is not on the bench")]
    UnknownHazard {
        /// The signal's point.
        point: String,
        /// The hazard that is missing.
        hazard: String,
    },
    /// Two units of one id on one link.
    #[error("{listen}: unit {unit} is given twice")]
    UnitTwice {
        /// The link.
        listen: String,
        /// The unit's id.
        unit: u8,
    },
    /// A register or field that can't hold its point.
    #[error("point `{point}`: {problem}")]
    Signal {
        /// The point.
        point: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A publisher that can't publish.
    #[error("publisher of device `{device}`: {problem}")]
    Publisher {
        /// The device.
        device: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A scenario that names what the bench does not have.
    #[error("the scenario does not fit the bench:\n{}", Lines(.0))]
    Scenario(Vec<Mistake>),
}

/// A fault command names what the plant does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such hazard, device or point.
    #[error("there is no {target}; known: {}", list(.known))]
    UnknownTarget {
        /// What was named.
        target: Target,
        /// What there is.
        known: Vec<String>,
    },
    /// No such fault there.
    #[error("{target} knows no fault `{fault}`; known: {}", list(.known))]
    UnknownFault {
        /// Where.
        target: Target,
        /// What was named.
        fault: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A delay for a fault that takes none, or one too long.
    #[error("{target}: only `slow` takes a delay, of at most 60 s")]
    Delay {
        /// Where.
        target: Target,
    },
}

/// A scenario can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, or not of the right form.
    #[error("line {line}, column {column}: {message}")]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Of the right form, and yet without sense.
    #[error("{}", Lines(.0))]
    Sense(Vec<Mistake>),
}

/// One mistake in a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

struct Lines<'a>(&'a [Mistake]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

fn list(known: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
