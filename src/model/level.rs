//! The four warning levels of Chinese emergency practice, and the fifth that asks nobody to act.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How grave an alarm is. Ordered by gravity: `Level::Red > Level::Orange`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For the record: needs no one's action.
    Journal,
    /// 4, 蓝 blue: general risk.
    Blue,
    /// 3, 黄 yellow: larger risk.
    Yellow,
    /// 2, 橙 orange: major risk.
    Orange,
    /// 1, 红 red: the gravest.
    Red,
}

impl Level {
    /// The number on the wire, 1 (red) to 4 (blue); none for `journal`.
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Red => Some(1),
            Self::Orange => Some(2),
            Self::Yellow => Some(3),
            Self::Blue => Some(4),
            Self::Journal => None,
        }
    }

    /// Graver by this many levels; red stays red, and what is only for the record stays so.
    #[must_use]
    pub const fn graver(self, levels: u8) -> Self {
        let mut level = self;
        let mut left = levels;
        while left > 0 {
            level = match level {
                Self::Journal => Self::Journal,
                Self::Blue => Self::Yellow,
                Self::Yellow => Self::Orange,
                Self::Orange | Self::Red => Self::Red,
            };
            left -= 1;
        }
        level
    }

    /// Less grave by this many levels, at the least blue; what is only for the record stays so.
    #[must_use]
    pub const fn eased(self, levels: u8) -> Self {
        let mut level = self;
        let mut left = levels;
        while left > 0 {
            level = match level {
                Self::Journal => Self::Journal,
                Self::Red => Self::Orange,
                Self::Orange => Self::Yellow,
                Self::Yellow | Self::Blue => Self::Blue,
            };
            left -= 1;
        }
        level
    }

    /// The level with this number, 1 (red) to 4 (blue).
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Red),
            2 => Some(Self::Orange),
            3 => Some(Self::Yellow),
            4 => Some(Self::Blue),
            _ => None,
        }
    }

    /// The English word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Journal => "journal",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.number() {
            Some(number) => serializer.serialize_u8(number),
            None => serializer.serialize_str("journal"),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(u8),
            Word(String),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Number(number) => Self::from_number(number),
            Wire::Word(word) => (word == "journal").then_some(Self::Journal),
        }
        .ok_or_else(|| serde::de::Error::custom("a level is 1 (red) to 4 (blue), or \"journal\""))
    }
}
