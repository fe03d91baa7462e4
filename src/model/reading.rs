//! A reading: what one point said, how far it can be trusted, and when. A bad reading has a quality and
//! no number, so that nobody downstream can mistake it for a measurement.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::{DeviceId, PointId};
use super::time::Wall;

/// The value of a point, in its engineering unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A switch, a contact, a run signal.
    Bool(bool),
    /// A counter, a code, an enumeration.
    Int(i64),
    /// A measurement; always finite.
    Float(f64),
}

impl Value {
    /// The value as a number for comparison with limits: `false` is 0, `true` is 1.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Bool(on) => f64::from(u8::from(on)),
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(on) => on.fmt(f),
            Self::Int(n) => n.fmt(f),
            Self::Float(x) => x.fmt(f),
        }
    }
}

/// Why a reading is less than good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It could not be read: no connection, no answer, an exception.
    Comm,
    /// Outside what the instrument can measure.
    Range,
    /// The instrument itself says that it is faulty.
    SensorFault,
    /// It has not moved for longer than such a signal can stand still.
    Stuck,
    /// It has not been renewed in time.
    Stale,
    /// Under calibration or maintenance.
    Maintenance,
    /// Put in by hand.
    Substituted,
    /// It is worked out from the recent past, of which too little is known yet.
    NoData,
}

impl Reason {
    /// Every reason, in the order of the vocabulary.
    pub const ALL: [Self; 8] = [
        Self::Comm,
        Self::Range,
        Self::SensorFault,
        Self::Stuck,
        Self::Stale,
        Self::Maintenance,
        Self::Substituted,
        Self::NoData,
    ];

    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Comm => "comm",
            Self::Range => "range",
            Self::SensorFault => "sensor_fault",
            Self::Stuck => "stuck",
            Self::Stale => "stale",
            Self::Maintenance => "maintenance",
            Self::Substituted => "substituted",
            Self::NoData => "no_data",
        }
    }
}

/// How far a reading can be trusted (OPC UA's good, uncertain, bad). On the wire `good`,
/// `uncertain:range`, `bad:comm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// To be taken as it stands.
    Good,
    /// There is a value, but with a doubt: it may raise an alarm and never clears one.
    Uncertain(Reason),
    /// There is no value.
    Bad(Reason),
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Uncertain(reason) => write!(f, "uncertain:{}", reason.as_str()),
            Self::Bad(reason) => write!(f, "bad:{}", reason.as_str()),
        }
    }
}

/// The text is not a quality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quality: expected `good`, `uncertain:<reason>` or `bad:<reason>`")]
pub struct NotAQuality(String);

impl FromStr for Quality {
    type Err = NotAQuality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reason = |word: &str| Reason::ALL.into_iter().find(|r| r.as_str() == word);
        match text.split_once(':') {
            None if text == "good" => Some(Self::Good),
            Some(("uncertain", word)) => reason(word).map(Self::Uncertain),
            Some(("bad", word)) => reason(word).map(Self::Bad),
            _ => None,
        }
        .ok_or_else(|| NotAQuality(text.to_owned()))
    }
}

impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Value and quality in one: a bad sample cannot carry a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Sample {
    /// A value to be taken as it stands.
    Good(Value),
    /// A value with a doubt.
    Uncertain(Value, Reason),
    /// No value.
    Bad(Reason),
}

impl Sample {
    /// The value, unless the sample is bad.
    pub const fn value(self) -> Option<Value> {
        match self {
            Self::Good(value) | Self::Uncertain(value, _) => Some(value),
            Self::Bad(_) => None,
        }
    }

    /// The quality.
    pub const fn quality(self) -> Quality {
        match self {
            Self::Good(_) => Quality::Good,
            Self::Uncertain(_, reason) => Quality::Uncertain(reason),
            Self::Bad(reason) => Quality::Bad(reason),
        }
    }
}

/// What one point said at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The point.
    pub point: PointId,
    /// When: the arrival of the answer, or the source's own stamp where it is trusted.
    pub at: Wall,
    /// What.
    pub sample: Sample,
}

/// The readings that one answer, message or poll of a device gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The device.
    pub device: DeviceId,
    /// When the batch was complete.
    pub at: Wall,
    /// At least one reading, each of a point of that device, each point at most once.
    pub readings: Vec<Reading>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_reads_back_as_it_was_written() {
        let mut all = vec![Quality::Good];
        for reason in Reason::ALL {
            all.extend([Quality::Uncertain(reason), Quality::Bad(reason)]);
        }
        for quality in all {
            assert_eq!(quality.to_string().parse(), Ok(quality));
        }
        assert!("bad".parse::<Quality>().is_err());
        assert!("bad:weather".parse::<Quality>().is_err());
    }
}
