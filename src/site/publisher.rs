//! A checked MQTT device: where its messages come, how they are written, and how its death is told.

use std::time::Duration;

/// How far the time in a message may be from the gateway's before it is no longer believed (our default).
pub(super) const SKEW_MAX: Duration = Duration::from_secs(300);

/// An MQTT publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttDevice {
    /// Topic filter, may hold wildcards. Of a Sparkplug device: everything that its edge node says.
    pub topic: String,
    /// Silence after which it is down.
    pub silence: Duration,
    /// How its messages are written.
    pub format: Format,
    /// How far the time in a message may be from the gateway's before it is no longer believed.
    pub skew_max: Duration,
    /// How its death is told; none where silence must tell.
    pub will: Option<Will>,
}

impl MqttDevice {
    /// A publisher of JSON that bears no time, and whose death only its silence tells.
    pub fn json(topic: impl Into<String>, silence: Duration) -> Self {
        let format = Format::Json { samples: None, time: None };
        Self { topic: topic.into(), silence, format, skew_max: SKEW_MAX, will: None }
    }
}

/// How a publisher's messages are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// JSON, each value at its point's path.
    Json {
        /// Where a list of samples stands, each of which is read as if it were a message of its own.
        samples: Option<String>,
        /// Where the time stands, from the root of the message or of each sample.
        time: Option<TimeAt>,
    },
    /// Nothing but a number, or `true` or `false`.
    Plain,
    /// ThingsBoard's telemetry: `{"ts":…,"values":{…}}`, a list of them, or `{"key":[{"ts":…,"value":…}]}`.
    ThingsBoard,
    /// Sparkplug B.
    Sparkplug(Edge),
}

/// Where a time stands, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeAt {
    /// The path.
    pub path: String,
    /// The form.
    pub form: TimeForm,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeForm {
    /// Any of the others; told apart by their look, which is unambiguous from 2001 to 2100.
    #[default]
    Auto,
    /// Seconds since 1970, whole or not.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// RFC 3339, with an offset.
    Rfc3339,
    /// `yyyy-MM-dd HH:mm:ss` in the site's time zone.
    Local,
}

/// Whose Sparkplug metrics are a device's points.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The group.
    pub group: String,
    /// The edge node.
    pub node: String,
    /// The device behind it; none for the node itself.
    pub device: Option<String>,
    /// Whether the node may be asked to say again what it has.
    pub rebirth: bool,
}

/// How a publisher's death is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// The topic of its Last Will.
    pub topic: String,
    /// Where in a JSON payload the word stands; none where it is the payload.
    pub path: Option<String>,
    /// The word that says that it is gone.
    pub offline: String,
    /// The word that says that it is there; none where every other word does.
    pub online: Option<String>,
}
