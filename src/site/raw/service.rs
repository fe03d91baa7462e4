//! The tables of the gateway itself: who it is, its database, console, broker, and where it forwards to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::alarms::RawAlarms;
use super::calendar::RawCalendar;
use crate::site::addresses::Listen;
use crate::site::defaults;
use crate::site::values::{Id, Words, Zone};

/// The tables that the environment may override.
#[derive(Debug, Deserialize)]
pub(in crate::site) struct RawServices {
    pub(in crate::site) site: Option<RawIdentity>,
    #[serde(default)]
    pub(in crate::site) clock: RawClock,
    #[serde(default)]
    pub(in crate::site) alarms: RawAlarms,
    #[serde(default)]
    pub(in crate::site) calendar: RawCalendar,
    #[serde(default)]
    pub(in crate::site) store: RawStore,
    #[serde(default)]
    pub(in crate::site) console: RawConsole,
    pub(in crate::site) broker: Option<RawBroker>,
}

/// `[site]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawIdentity {
    /// The enterprise's id, second level of every topic.
    pub(in crate::site) enterprise: Id,
    /// The gateway's id, unique within the enterprise.
    pub(in crate::site) gateway: Id,
    /// What people call the site.
    pub(in crate::site) name: Words,
    /// Time zone of the IANA database, for the stamps that people read.
    #[serde(default = "defaults::timezone")]
    #[schemars(extend("default" = defaults::TIMEZONE))]
    pub(in crate::site) timezone: Zone,
}

/// `[clock]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawClock {
    /// Whether a time server must keep it. Where it is required, `gateway.clock` is raised while none does.
    #[schemars(extend("default" = "required"))]
    pub(in crate::site) sync: ClockWord,
}

/// What is asked of the computer's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum ClockWord {
    /// A time server must keep it.
    #[default]
    Required,
    /// Nobody minds: a site without a time server, or a demonstration.
    Ignored,
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawStore {
    /// The directory that holds the database, relative to the site file.
    #[schemars(extend("default" = defaults::DIRECTORY))]
    pub(in crate::site) directory: String,
    /// What telemetry may take on disk; at the bound the oldest goes first. Alarms are never given up.
    #[schemars(range(min = 1, max = 1_048_576), extend("default" = defaults::TELEMETRY_MB_MAX, "x-unit" = "MB"))]
    pub(in crate::site) telemetry_mb_max: u64,
    /// How old telemetry may become; what is older goes, delivered or not. Default: as old as `telemetry_mb_max` lets it.
    #[schemars(range(min = 1, max = 3650), extend("x-unit" = "d"))]
    pub(in crate::site) telemetry_days_max: Option<u64>,
}

impl Default for RawStore {
    fn default() -> Self {
        Self {
            directory: defaults::DIRECTORY.to_owned(),
            telemetry_mb_max: defaults::TELEMETRY_MB_MAX,
            telemetry_days_max: None,
        }
    }
}

/// `[console]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawConsole {
    /// Whether there is a console.
    #[schemars(extend("default" = true))]
    pub(in crate::site) enabled: bool,
    /// Where it listens: an address of this machine's loopback.
    #[schemars(extend("default" = defaults::CONSOLE_LISTEN))]
    pub(in crate::site) listen: Listen,
}

impl Default for RawConsole {
    fn default() -> Self {
        Self { enabled: true, listen: defaults::console_listen() }
    }
}

/// `[broker]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawBroker {
    /// Where it listens: an address of this machine's loopback.
    #[serde(default = "defaults::broker_listen")]
    #[schemars(extend("default" = defaults::BROKER_LISTEN))]
    pub(in crate::site) listen: Listen,
}

/// A password or token: where it is to be found, never what it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-hint" = "secrets never stand in the site file: write { env = \"NAME\" } or { file = \"path\" }"))]
pub(in crate::site) struct RawSecret {
    /// The environment variable that holds it.
    pub(in crate::site) env: Option<String>,
    /// The file that holds it, relative to the site file; white space around it is dropped.
    pub(in crate::site) file: Option<String>,
}

/// An encrypted connection: files in PEM form, relative to the site file. The key never stands in the site file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawTls {
    /// The file of the certificates that vouch for the far end: its authority's, or its own if it signed itself.
    /// Required on `modbus-tls`; elsewhere, without it, those that the operating system trusts.
    pub(in crate::site) ca: Option<String>,
    /// The file of the certificate that the gateway shows, and of those between it and its authority.
    pub(in crate::site) certificate: Option<String>,
    /// The file of that certificate's private key, not under a passphrase.
    pub(in crate::site) key: Option<String>,
    /// The name that the far end's certificate must hold. Default: the host that is connected to. Not for brokers, whose `url`
    /// must have the name.
    pub(in crate::site) server_name: Option<String>,
}

/// `[[forward]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(in crate::site) enum RawForward {
    /// A broker, by the contract of docs/mqtt.md.
    Mqtt(RawMqtt),
    /// An `InfluxDB` v2 write endpoint.
    Influx(RawInflux),
}

/// `[[forward]]` with `kind = "mqtt"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawMqtt {
    /// Its id.
    pub(in crate::site) id: Id,
    /// The broker, such as `mqtt://10.0.0.9:1883`, or `mqtts://broker.centre:8883` to encrypt.
    pub(in crate::site) url: String,
    /// Brokers that stand by for it, in the order in which they are tried while it is not there; the same user name, password
    /// and `tls` hold for them.
    #[serde(default)]
    pub(in crate::site) standby: Vec<String>,
    /// The version of MQTT that is spoken with them.
    #[serde(default)]
    #[schemars(extend("default" = "3.1.1"))]
    pub(in crate::site) version: MqttVersionWord,
    /// What is said: `contract` (docs/mqtt.md), or `sparkplug`: Sparkplug B (docs/sparkplug.md).
    #[serde(default)]
    #[schemars(extend("default" = "contract"))]
    pub(in crate::site) profile: ProfileWord,
    /// With `sparkplug`: the group of the edge node that the gateway is. Default: `site.enterprise`.
    pub(in crate::site) group: Option<Id>,
    /// With `sparkplug`: its id in the group. Default: `site.gateway`.
    pub(in crate::site) node: Option<Id>,
    /// With `sparkplug`: the id of the primary host; nothing is published while it is not there. Default: none is waited for.
    pub(in crate::site) primary_host: Option<Id>,
    /// User name.
    pub(in crate::site) username: Option<String>,
    /// Password.
    pub(in crate::site) password: Option<RawSecret>,
    /// The encryption of an `mqtts` broker, where it needs more than its public name.
    pub(in crate::site) tls: Option<RawTls>,
}

/// What is said over MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum ProfileWord {
    /// The gateway's own contract.
    #[default]
    Contract,
    /// Sparkplug B.
    Sparkplug,
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::site) enum MqttVersionWord {
    /// MQTT 3.1.1.
    #[default]
    #[serde(rename = "3.1.1")]
    V3_1_1,
    /// MQTT 5.
    #[serde(rename = "5")]
    V5,
}

/// `[[forward]]` with `kind = "influx"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawInflux {
    /// Its id.
    pub(in crate::site) id: Id,
    /// The server, such as `http://10.0.0.9:8086`.
    pub(in crate::site) url: String,
    /// Organisation.
    pub(in crate::site) org: String,
    /// Bucket.
    pub(in crate::site) bucket: String,
    /// Token.
    pub(in crate::site) token: Option<RawSecret>,
}
