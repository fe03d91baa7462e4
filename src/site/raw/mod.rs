//! The raw twin of the site file, table by table as it is written: what schema, reference and structural pass are made from.
//! Nothing here is checked against anything else. A field that is required in a site file but may be missing in a part
//! of it (an include, a template) is an `Option` that the schema calls required.

mod alarms;
mod calendar;
mod derived;
mod device;
mod feeder;
mod helper;
mod library;
mod output;
mod rule;
mod service;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use alarms::{RawAlarms, RawByLevel};
pub(super) use calendar::{RawCalendar, RawStop, RawWork};
pub(super) use derived::{
    CalendarWord, FunctionWord, PeriodWord, RawDerived, RawFormula, TowardWord, WhichWord,
};
pub(super) use device::{
    FormatWord, OrderWord, ParityWord, ProtocolWord, RawDevice, RawPoint, TimeWord, TypeWord,
};
pub(super) use feeder::{FeederWord, RawFeeder};
pub(super) use helper::{RatioWord, RawRatio, RawStatus};
pub(super) use library::{RawPackDerived, RawPackFile, RawPackRole, RawPackRule, RawTemplate};
pub(super) use output::{RawOutput, UntilWord};
pub(super) use rule::{
    ClassWord, RawCondition, RawConditionRule, RawHandling, RawLevels, RawLimits, RawPack, RawRule,
};
pub(super) use service::{
    ClockWord, MqttVersionWord, ProfileWord, RawBroker, RawClock, RawConsole, RawForward, RawIdentity,
    RawInflux, RawMqtt, RawSecret, RawServices, RawStore, RawTls,
};

use super::values::{Id, Words};

/// A site file, or a part of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSite {
    /// Version of this language. There is one: 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub(super) version: Option<u32>,
    /// More files, relative to this one, whose `[[…]]` tables are added to this file's. They may hold nothing else.
    #[serde(default)]
    pub(super) include: Vec<String>,
    /// Who the gateway is.
    #[schemars(required)]
    pub(super) site: Option<RawIdentity>,
    /// The computer's clock.
    #[serde(default)]
    pub(super) clock: RawClock,
    /// What the site asks of its people.
    #[serde(default)]
    pub(super) alarms: RawAlarms,
    /// When the site works.
    #[serde(default)]
    pub(super) calendar: RawCalendar,
    /// The database on disk.
    #[serde(default)]
    pub(super) store: RawStore,
    /// The console: a page on loopback.
    #[serde(default)]
    pub(super) console: RawConsole,
    /// An embedded MQTT broker, for demonstrations and small sites. Absent: none.
    pub(super) broker: Option<RawBroker>,
    /// Units of risk: a tank farm, a dust-removal system, a casting line, a power feeder.
    #[serde(default)]
    pub(super) hazard: Vec<RawHazard>,
    /// What answers on Modbus or publishes on MQTT.
    #[serde(default)]
    pub(super) device: Vec<RawDevice>,
    /// One signal of a device. Its id is `device.signal`.
    #[serde(default)]
    pub(super) point: Vec<RawPoint>,
    /// A point that is not measured but worked out from others.
    #[serde(default)]
    pub(super) derived: Vec<RawDerived>,
    /// A node of the power tree: the incomer, a feeder, a piece of equipment.
    #[serde(default)]
    pub(super) feeder: Vec<RawFeeder>,
    /// A time in which the site, or a part of it, is declared to stand still: an overhaul, a stop of production.
    #[serde(default)]
    pub(super) stop: Vec<RawStop>,
    /// A time for which work is declared outside of working hours, or after a standstill: a night shift, overtime, the resumption after a stop.
    #[serde(default)]
    pub(super) work: Vec<RawWork>,
    /// A condition that raises the alarm of its name.
    #[serde(default)]
    pub(super) rule: Vec<RawRule>,
    /// A pack of ready-made rules, applied to points.
    #[serde(default)]
    pub(super) pack: Vec<RawPack>,
    /// What the gateway may write: a siren, a beacon, a ventilator's start. Nothing else is ever written.
    #[serde(default)]
    pub(super) output: Vec<RawOutput>,
    /// A destination for alarms and readings.
    #[serde(default)]
    pub(super) forward: Vec<RawForward>,
}

/// `[[hazard]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHazard {
    /// Its id.
    pub(super) id: Id,
    /// What kind of hazard it is.
    pub(super) kind: HazardWord,
    /// What people call it.
    pub(super) name: Words,
}

/// Kinds of hazard.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HazardWord {
    /// 危化品重大危险源: a tank farm or another major hazard source of chemicals.
    TankFarm,
    /// 粉尘涉爆: a dust-removal system.
    Dust,
    /// 铝加工（深井铸造）: a casting line.
    Casting,
    /// 电力监测: power feeders.
    Power,
    /// Anything else.
    Other,
}
