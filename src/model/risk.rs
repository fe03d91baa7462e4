//! The risk picture: the gravest standing alarm of the site and of each hazard, with the alarms behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::level::Level;
use super::time::Stamp;

/// A hazard's risk: a level, or none. On the wire 1 to 4, or `normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RiskLevel(pub Option<Level>);

impl Serialize for RiskLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(level) => level.serialize(serializer),
            None => serializer.serialize_str("normal"),
        }
    }
}

impl<'de> Deserialize<'de> for RiskLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Level(u8),
            Word(String),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Level(number) => Level::from_number(number).map(|level| Self(Some(level))),
            Wire::Word(word) => (word == "normal").then_some(Self(None)),
        }
        .ok_or_else(|| serde::de::Error::custom("a risk level is 1 (red) to 4 (blue), or \"normal\""))
    }
}

/// The risk of the site or of one hazard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiskItem {
    /// The gravest level among the alarms.
    pub level: RiskLevel,
    /// The active alarms behind it, gravest first, then by name.
    pub alarms: Vec<String>,
}

/// The risk of the site and of every hazard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// When it was last judged.
    pub at: Stamp,
    /// The whole site: every hazard, and the gateway's own health.
    pub site: RiskItem,
    /// Each hazard by its id.
    pub hazards: BTreeMap<String, RiskItem>,
}
