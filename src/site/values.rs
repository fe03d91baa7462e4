//! Values that are written as text and have a form of their own: ids, durations, addresses. Each is parsed by one function
//! here, which the structural pass calls to say what is wrong and serde calls to get the value, so that the two agree.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::addresses::{HostPort, Listen, Packet, Socket};
use super::dates::{Days, LocalTime, TimeOfDay};
use super::signal::Table;
use super::suggest::did_you_mean;
use crate::model::limits::SITE_DURATION_MAX;
use crate::model::{Level, Quality, Reason, Text};

/// Why a text is not what it should be, and what would be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// What is wrong with `text` as a value of the schema's `format`; nothing for a format that has no rule.
pub(super) fn complaint(format: &str, text: &str) -> Option<Complaint> {
    match format {
        "id" => Id::read(text).err(),
        "feeder" => FeederChoice::read(text).err(),
        "alarm" => Name::read(text).err(),
        "duration" => Period::read(text).err(),
        "days" => Days::read(text).err(),
        "local-time" => LocalTime::read(text).err(),
        "time-of-day" => TimeOfDay::read(text).err(),
        "register" => RegisterAt::read(text).err(),
        "host-port" => HostPort::read(text).err(),
        "listen" => Listen::read(text).err(),
        "socket" => Socket::read(text).err(),
        "packet" => Packet::read(text).err(),
        "time-zone" => Zone::read(text).err(),
        "json-pointer" => Pointer::read(text).err(),
        "quality" => Doubt::read(text).err(),
        "topic-filter" => TopicFilter::read(text).err(),
        "sparkplug-edge" => EdgeName::read(text).err(),
        NOT_EMPTY => Words::read(text).err(),
        _ => None,
    }
}

/// A type that is written as a text of one format.
macro_rules! text_value {
    ($name:ident, $format:literal, $pattern:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::read(&text).map_err(|complaint| serde::de::Error::custom(complaint.message))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "pattern": $pattern })
            }
        }
    };
}

pub(super) use text_value;

/// An id: one MQTT topic level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(pub(super) String);
text_value!(Id, "id", "^[A-Za-z0-9_-]{1,64}$");

impl Id {
    fn read(text: &str) -> Result<Self, Complaint> {
        let hint = "use 1 to 64 ASCII letters, digits, `_` and `-`: an id is one level of an MQTT topic";
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.is_empty() {
            return Err(Complaint::new("an id can't be empty", hint));
        }
        if text.len() > ID_BYTES_MAX {
            return Err(Complaint::new(format!("an id of {} bytes is too long", text.len()), hint));
        }
        match text.chars().find(|c| !allowed(*c)) {
            Some(c) => Err(Complaint::new(format!("`{text}` can't be an id: `{c}` is not allowed"), hint)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Feeders that something is applied to: one by its id, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FeederChoice {
    /// `*`.
    All,
    /// The one of this id.
    One(Id),
}
text_value!(FeederChoice, "feeder", r"^(\*|[A-Za-z0-9_-]{1,64})$");

impl FeederChoice {
    fn read(text: &str) -> Result<Self, Complaint> {
        if text == "*" { Ok(Self::All) } else { Id::read(text).map(Self::One) }
    }
}

/// The name of an alarm: ids with dots between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);
text_value!(Name, "alarm", r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,3}$");

impl Name {
    fn read(text: &str) -> Result<Self, Complaint> {
        if text.split('.').count() > 4 {
            return Err(Complaint::new(format!("`{text}` has more than four parts"), "shorten it"));
        }
        text.split('.').try_for_each(|part| Id::read(part).map(drop))?;
        Ok(Self(text.to_owned()))
    }
}

/// A duration such as `500ms`, `5s`, `10min` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(pub(super) Duration);
text_value!(Period, "duration", r"^[0-9]{1,9}(ms|s|min|h)$");

impl Period {
    fn read(text: &str) -> Result<Self, Complaint> {
        const HINT: &str = "write a whole number and a unit: \"500ms\", \"5s\", \"10min\" or \"1h\"";
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let milliseconds = match &text[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(Complaint::new(format!("`{text}` is not a duration"), HINT)),
        };
        let count: u64 = text[..digits]
            .parse()
            .map_err(|_| Complaint::new(format!("`{text}` is not a duration"), HINT))?;
        let period = Duration::from_millis(count.saturating_mul(milliseconds));
        if period > SITE_DURATION_MAX {
            let max = Self(SITE_DURATION_MAX);
            return Err(Complaint::new(
                format!("`{text}` is longer than a site may ask for"),
                format!("use at most {max}"),
            ));
        }
        Ok(Self(period))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, name) in [(3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
            if milliseconds.is_multiple_of(unit) && (milliseconds != 0 || name == "s") {
                return write!(f, "{}{name}", milliseconds / unit);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a value begins, such as `holding:40`. The address is as written: 0- or 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RegisterAt {
    /// The table.
    pub(super) table: Table,
    /// 0 to 65536.
    pub(super) address: u32,
}
text_value!(RegisterAt, "register", r"^(coil|discrete|input|holding):[0-9]{1,5}$");

impl RegisterAt {
    fn read(text: &str) -> Result<Self, Complaint> {
        const HINT: &str =
            "write the table and the address: \"holding:40\"; tables are coil, discrete, input, holding";
        let wrong = || {
            Complaint::new(format!("`{text}` is not a register"), modicon(text).unwrap_or(HINT.to_owned()))
        };
        let (table, address) = text.split_once(':').ok_or_else(wrong)?;
        let table = match table {
            "coil" => Table::Coil,
            "discrete" => Table::Discrete,
            "input" => Table::Input,
            "holding" => Table::Holding,
            other => {
                let hint = did_you_mean(other, ["coil", "discrete", "input", "holding"]);
                let message = format!("`{other}` is not a table of registers");
                return Err(Complaint::new(message, hint.as_deref().unwrap_or(HINT)));
            }
        };
        if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        match address.parse() {
            Ok(address @ 0..=65_536) => Ok(Self { table, address }),
            _ => Err(Complaint::new(
                format!("register address {address} is out of range"),
                "a Modbus table has addresses 0 to 65535 (1 to 65536 with address_base = 1)",
            )),
        }
    }
}

/// What a number of Modicon's means, whose first digit is the table and whose rest counts from 1.
fn modicon(text: &str) -> Option<String> {
    let all_digits = matches!(text.len(), 5 | 6) && text.bytes().all(|byte| byte.is_ascii_digit());
    let (table, number) = text.split_at_checked(1).filter(|_| all_digits)?;
    let number: u32 = number.parse().ok().filter(|number| (1..=65_536).contains(number))?;
    let table = match table {
        "0" => "coil",
        "1" => "discrete",
        "3" => "input",
        "4" => "holding",
        _ => return None,
    };
    let first = number - 1;
    Some(format!(
        "write the table by its name: \"{table}:{first}\", or \"{table}:{number}\" with address_base = 1"
    ))
}

/// A time zone of the IANA database.
#[derive(Debug, Clone)]
pub(super) struct Zone(pub(super) TimeZone);
text_value!(Zone, "time-zone", "^.+$");

impl Zone {
    fn read(text: &str) -> Result<Self, Complaint> {
        TimeZone::get(text).map(Self).map_err(|_| {
            let message = format!("`{text}` is not a time zone");
            Complaint::new(message, "use a name of the IANA database, such as \"Asia/Shanghai\"")
        })
    }
}

/// A JSON Pointer (RFC 6901), some of whose levels may be `[key=value]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer(pub(super) String);
text_value!(Pointer, "json-pointer", "^(/([^~]|~[01])*)?$");

impl Pointer {
    fn read(text: &str) -> Result<Self, Complaint> {
        let message = || format!("`{text}` is not a JSON Pointer");
        if !text.is_empty() && !text.starts_with('/') {
            return Err(Complaint::new(
                message(),
                "begin with `/`, such as \"/data/value\"; \"\" is the whole message",
            ));
        }
        let escaped = text.split('~').skip(1).all(|part| part.starts_with(['0', '1']));
        if !escaped {
            return Err(Complaint::new(message(), "write `~0` for `~` and `~1` for `/` inside a name"));
        }
        if text.split('/').any(|level| level.starts_with('[') && !picks(level)) {
            let hint = "write the item of a list as /[key=value], such as \"/data/[name=h2s]/value\"";
            return Err(Complaint::new(message(), hint));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a level of a pointer picks an item of a list: `[key=value]`.
fn picks(level: &str) -> bool {
    let inside = level.strip_prefix('[').and_then(|level| level.strip_suffix(']'));
    inside
        .and_then(|inside| inside.split_once('='))
        .is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
}

/// A quality that is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt(pub(super) Quality);
text_value!(Doubt, "quality", "^(uncertain|bad):[a-z_]+$");

impl Doubt {
    fn read(text: &str) -> Result<Self, Complaint> {
        let reasons = Reason::ALL.map(Reason::as_str).join(", ");
        let hint = format!("write `uncertain:` or `bad:` and a reason: {reasons}");
        match text.parse() {
            Ok(Quality::Good) => Err(Complaint::new("a status can only take trust away", hint)),
            Ok(quality) => Ok(Self(quality)),
            Err(_) => Err(Complaint::new(format!("`{text}` is not a quality"), hint)),
        }
    }
}

/// An MQTT topic filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicFilter(pub(super) String);
text_value!(TopicFilter, "topic-filter", "^.+$");

impl TopicFilter {
    fn read(text: &str) -> Result<Self, Complaint> {
        let message = || format!("`{text}` is not an MQTT topic filter");
        if text.is_empty() || text.len() > usize::from(u16::MAX) || text.contains('\0') {
            return Err(Complaint::new(message(), "a topic has 1 to 65535 bytes and no null character"));
        }
        let levels: Vec<&str> = text.split('/').collect();
        let last = levels.len() - 1;
        let fits = |(at, level): (usize, &&str)| match *level {
            "#" => at == last,
            "+" => true,
            other => !other.contains(['#', '+']),
        };
        if !levels.iter().enumerate().all(fits) {
            return Err(Complaint::new(
                message(),
                "`+` and `#` stand for whole levels, and `#` only for the last ones",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A Sparkplug edge node, or a device behind one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EdgeName {
    /// The group.
    pub(super) group: String,
    /// The edge node.
    pub(super) node: String,
    /// The device behind it.
    pub(super) device: Option<String>,
}
text_value!(EdgeName, "sparkplug-edge", "^[^/+#]+/[^/+#]+(/[^/+#]+)?$");

impl EdgeName {
    fn read(text: &str) -> Result<Self, Complaint> {
        let wrong = || {
            let hint = "write group/node, or group/node/device, without `+` and `#`";
            Complaint::new(format!("`{text}` is not a Sparkplug edge node"), hint)
        };
        let levels: Vec<&str> = text.split('/').collect();
        if text.contains(['+', '#', '\0']) || levels.iter().any(|level| level.is_empty()) {
            return Err(wrong());
        }
        match levels[..] {
            [group, node] => Ok(Self { group: group.into(), node: node.into(), device: None }),
            [group, node, device] => {
                Ok(Self { group: group.into(), node: node.into(), device: Some(device.into()) })
            }
            _ => Err(wrong()),
        }
    }
}

/// A name: one text for both languages, or one for each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    /// The same in both languages.
    Same(String),
    /// `{ zh = "…", en = "…" }`.
    Both(Text),
}

/// The format of each text of [`Words`].
const NOT_EMPTY: &str = "not-empty";

impl Default for Words {
    /// Nothing yet.
    fn default() -> Self {
        Self::Same(String::new())
    }
}

impl Words {
    fn read(text: &str) -> Result<(), Complaint> {
        if text.trim().is_empty() {
            return Err(Complaint::new(
                "this text is empty",
                "people are to read it: write what they call it",
            ));
        }
        Ok(())
    }
}

impl JsonSchema for Words {
    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = |about: &str| json_schema!({ "description": about, "type": "string", "format": NOT_EMPTY, "pattern": r"\S" });
        json_schema!({
            "description": "A name: one text for both languages, or one for each.",
            "anyOf": [
                text("The same in both languages."),
                {
                    "description": "A text in Chinese and English.",
                    "type": "object",
                    "properties": { "zh": text("Simplified Chinese."), "en": text("English.") },
                    "required": ["zh", "en"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

impl From<Words> for Text {
    fn from(words: Words) -> Self {
        match words {
            Words::Same(text) => Self::same(text),
            Words::Both(text) => text,
        }
    }
}

/// 1 (red, the gravest) to 4 (blue), or `"journal"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Grade(pub(super) Level);

impl JsonSchema for Grade {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 4 },
            { "type": "string", "enum": ["journal"] },
        ] })
    }
}
