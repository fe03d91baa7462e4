//! The MQTT contract's payloads, version 1: what a gateway says under `hazgate/v1/{enterprise}/{gateway}` and what it
//! understands. The JSON Schemas of `docs/schemas` are made from these types. Receivers ignore fields that they do not
//! know; a gateway refuses a command that has one.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::model::{
    AlarmState, Class, ClockSync, DeviceStatus, Event, EventKind, Finding, Habit, Level, LinkCounters,
    LinkState, OutputStatus, Quality, Risk, RiskItem, RiskLevel, Stamp, Text, Value,
};

/// The version of the contract that a payload follows: `1`, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => {
                Err(serde::de::Error::custom(format_args!("`v` is {other}; only version 1 is understood")))
            }
        }
    }
}

impl JsonSchema for V1 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "V1".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": 1 })
    }
}

/// `status`, retained, and the Last Will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusMessage {
    /// Version of the contract.
    pub v: V1,
    /// Whether the gateway is connected.
    pub online: bool,
    /// Since when; where the Last Will says `online: false`, when the lost connection was made.
    #[schemars(schema_with = "stamp_schema")]
    pub since: Stamp,
    /// Version of the program.
    pub version: String,
    /// Id of this run: another one means that the gateway was restarted.
    #[schemars(schema_with = "uuid_schema")]
    pub boot: Uuid,
    /// Hex SHA-256 of the site file: another one means that the configuration changed.
    pub config: String,
    /// Readings that the disk budget made the gateway give up before they could be delivered here.
    pub given_up: u64,
    /// What is wrong with the gateway itself, so that it cannot journal: no alarm can be told until it is null again.
    pub fault: Option<Text>,
}

/// `alarm/event`: one change of one alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmEventMessage {
    /// Version of the contract.
    pub v: V1,
    /// `UUIDv7`; the same in every copy of this event.
    #[schemars(schema_with = "uuid_schema")]
    pub id: Uuid,
    /// Counts the events of this gateway, from 1. A gap means that the gateway lost its database.
    pub seq: u64,
    /// When it happened.
    #[schemars(schema_with = "stamp_schema")]
    pub at: Stamp,
    /// What vouches for `at`.
    pub clock: ClockSync,
    /// What happened.
    pub event: EventKind,
    /// The alarm's name; where `event` is `switched`, the output's; where it is `state_changed`, the point's.
    pub alarm: String,
    /// The point whose value decided, if one did.
    pub point: Option<String>,
    /// The device concerned, if one is.
    pub device: Option<String>,
    /// The hazard concerned; none where the device or the part belongs to none.
    pub hazard: Option<String>,
    /// The alarm's state after it.
    pub state: AlarmState,
    /// 1 red (gravest), 2 orange, 3 yellow, 4 blue, or `journal`.
    #[schemars(schema_with = "level_schema")]
    pub level: Level,
    /// `alarm` (one limit on one signal) or `warning` (several signals, or a trend); none where the event is of no alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The value that decided; where `event` is `switched`, whether the output is to be on; where it is
    /// `state_changed`, the state: 0 stopped, 1 idle, 2 running, 3 overload.
    #[schemars(schema_with = "optional_value_schema")]
    pub value: Option<Value>,
    /// The limit that it was held against.
    pub limit: Option<f64>,
    /// Unit of value and limit.
    pub unit: Option<String>,
    /// Quality of the value.
    #[schemars(schema_with = "optional_quality_schema")]
    pub quality: Option<Quality>,
    /// What an operator reads.
    pub message: Text,
    /// What the limit rests on.
    pub basis: Option<String>,
    /// When this instance of the alarm was raised: with `alarm`, its name for good.
    #[schemars(schema_with = "stamp_schema")]
    pub raised_at: Stamp,
    /// Who, where a person or a centre acted.
    pub by: Option<String>,
    /// Why, in their words; where `event` is `switched` and nobody acted, the alarm that decided.
    pub reason: Option<String>,
    /// While the alarm is set aside (`shelved`, `suppressed`, `out_of_service`): the state that it has beneath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneath: Option<AlarmState>,
    /// While it is shelved: until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "stamp_schema")]
    pub shelved_until: Option<Stamp>,
    /// By how many levels it is graver than its condition, because nobody acknowledged it in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_levels: Option<u8>,
    /// Whether it was the first of its group to be raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_out: Option<bool>,
    /// What it does that serves nobody: raised three times within a minute, or gone within ten seconds before anybody had acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub habit: Option<Habit>,
    /// Where `event` is `disposed`: what an instance of it turned out to be, and what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposal: Option<DisposalPart>,
    /// Whether it is sent late.
    pub backfill: bool,
}

impl AlarmEventMessage {
    /// The message for an event.
    pub fn new(event: &Event, backfill: bool) -> Self {
        let what = event.transition.clone();
        Self {
            v: V1,
            id: event.id,
            seq: event.seq,
            at: what.at,
            clock: event.clock,
            event: what.event,
            alarm: what.alarm,
            point: what.point,
            device: what.device,
            hazard: what.hazard,
            state: what.state,
            level: what.level,
            class: what.event.is_of_alarm().then_some(what.class),
            value: what.value,
            limit: what.limit,
            unit: what.unit,
            quality: what.quality,
            message: what.message,
            basis: what.basis,
            raised_at: what.raised_at,
            by: what.by,
            reason: what.reason,
            beneath: what.beneath,
            shelved_until: what.shelved_until,
            overdue_levels: (what.overdue_levels > 0).then_some(what.overdue_levels),
            first_out: what.first_out.then_some(true),
            habit: what.habit,
            disposal: what.disposal.map(|it| DisposalPart { raised_at: it.raised_at, finding: it.finding }),
            backfill,
        }
    }
}

/// `alarm/current/{alarm}`, retained: the alarm's whole present state. An empty payload says that it is normal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmCurrent {
    /// The alarm's last event.
    #[serde(flatten)]
    pub last: AlarmEventMessage,
    /// Who acknowledged this instance, once somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

impl AlarmCurrent {
    /// The state that an alarm's last event left it in.
    pub fn new(event: &Event) -> Self {
        let acknowledged_by = event.transition.acknowledged_by.clone();
        Self { last: AlarmEventMessage::new(event, false), acknowledged_by }
    }
}

/// `risk`, retained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskMessage {
    /// Version of the contract.
    pub v: V1,
    /// When it was last judged.
    #[schemars(schema_with = "stamp_schema")]
    pub at: Stamp,
    /// The whole site.
    pub site: RiskPart,
    /// Each hazard by its id.
    pub hazards: BTreeMap<String, RiskPart>,
}

/// The risk of the site or of one hazard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskPart {
    /// 1 red (gravest) to 4 blue, or `normal`.
    #[schemars(schema_with = "risk_level_schema")]
    pub level: RiskLevel,
    /// The alarms behind it, gravest first.
    pub alarms: Vec<String>,
}

impl RiskMessage {
    /// The message for a risk picture.
    pub fn new(risk: &Risk) -> Self {
        let part = |item: &RiskItem| RiskPart { level: item.level, alarms: item.alarms.clone() };
        let hazards = risk.hazards.iter().map(|(name, item)| (name.clone(), part(item))).collect();
        Self { v: V1, at: risk.at, site: part(&risk.site), hazards }
    }
}

/// `device/{device}`, retained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceMessage {
    /// Version of the contract.
    pub v: V1,
    /// When this was said.
    #[schemars(schema_with = "stamp_schema")]
    pub at: Stamp,
    /// The device.
    pub device: String,
    /// How its link is.
    pub state: LinkState,
    /// Since when.
    #[schemars(schema_with = "stamp_schema")]
    pub since: Stamp,
    /// What went wrong, in words.
    pub error: Option<Text>,
    /// What has been counted of it.
    pub counters: LinkCounters,
}

impl DeviceMessage {
    /// The message for a device's state.
    pub fn new(status: &DeviceStatus) -> Self {
        let DeviceStatus { at, device, state, since, error, counters } = status.clone();
        Self { v: V1, at, device, state, since, error, counters }
    }
}

/// `output/{output}`, retained: something that the gateway may switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputMessage {
    /// Version of the contract.
    pub v: V1,
    /// When this was said.
    #[schemars(schema_with = "stamp_schema")]
    pub at: Stamp,
    /// The output.
    pub output: String,
    /// What was last read back from its device; null while that is not known.
    pub on: Option<bool>,
    /// What it is to be.
    pub wanted: bool,
    /// Since when it is to be so.
    #[schemars(schema_with = "stamp_schema")]
    pub since: Stamp,
    /// Who commanded it, while a command holds; null while the alarms behind it decide.
    pub by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Why it is not as wanted, or may not be, in words.
    pub error: Option<Text>,
}

impl OutputMessage {
    /// The message for an output's state.
    pub fn new(status: &OutputStatus) -> Self {
        let OutputStatus { at, output, on, wanted, since, by, reason, error, confirmed: _ } = status.clone();
        Self { v: V1, at, output, on, wanted, since, by, reason, error }
    }
}

/// `report/power/{day}/{line}`: one day of one line.
pub use crate::report::LineDay as PowerReportMessage;

/// `data/{device}`: readings of one device at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataMessage {
    /// Version of the contract.
    pub v: V1,
    /// Counts the messages of this device over the gateway's life; a gap means that readings were given up.
    pub seq: u64,
    /// When they were read, by the gateway's clock or by a source that is trusted: the newest of them. Milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub ts: i64,
    /// When the gateway had them, in the same way, where that is more than a second from `ts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<i64>,
    /// What vouches for the gateway's clock, and so for both.
    pub clock: ClockSync,
    /// The device.
    pub device: String,
    /// Values by signal: those that are good, and those that are uncertain.
    #[schemars(schema_with = "values_schema")]
    pub values: BTreeMap<String, Value>,
    /// Qualities by signal: those that are not good.
    #[schemars(schema_with = "qualities_schema")]
    pub quality: BTreeMap<String, Quality>,
    /// Whether they are sent late.
    pub backfill: bool,
}

/// What an instance of an alarm turned out to be, and what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisposalPart {
    /// Which instance, as its `raised_at`.
    #[schemars(schema_with = "stamp_schema")]
    pub raised_at: Stamp,
    /// What is on record of it.
    #[serde(flatten)]
    pub finding: Finding,
}

/// `cmd`: what a centre wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandMessage {
    /// Version of the contract.
    pub v: V1,
    /// The centre's name for this command; the reply carries it.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What is wanted.
    pub cmd: CommandKind,
    /// `ack`, `shelve`, `unshelve`, `out_of_service`, `in_service`, `reset`, `dispose`: the alarm's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub alarm: Option<String>,
    /// `ack`, `dispose`: which instance of the alarm; the present one if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "stamp_schema")]
    pub raised_at: Option<Stamp>,
    /// `ack_all`: the hazard whose alarms are meant; with neither this nor `alarms`, the whole site. `stop_order`: the hazard that is to stand still;
    /// without it, the whole site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub hazard: Option<String>,
    /// `ack_all`: the alarms that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<String>>,
    /// `shelve`: for how many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub seconds: Option<u32>,
    /// `dispose`: what the alarm turned out to be, and what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// `switch`: the output's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub output: Option<String>,
    /// `switch`: when it was given. One given more than 10 s ago is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "stamp_schema")]
    pub at: Option<Stamp>,
    /// `switch`: on or off. `stop_order`: whether the order stands (`true`) or is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// `resend`: the number of the first event that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub from: Option<u64>,
    /// `resend`: the number of the last; the newest if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub to: Option<u64>,
    /// Who wants it; needed for all but `snapshot` and `resend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub by: Option<String>,
    /// Why, in their words; needed for `shelve`, `out_of_service` and `stop_order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub reason: Option<String>,
}

/// What a centre can want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Acknowledge an alarm.
    Ack,
    /// Acknowledge every alarm that stands unacknowledged: of the site, of a hazard, or of a list.
    AckAll,
    /// Set an alarm aside for a while.
    Shelve,
    /// End that before its time.
    Unshelve,
    /// Take an alarm out of service, until it is put back.
    OutOfService,
    /// Put it back.
    InService,
    /// Reset an alarm that is latched.
    Reset,
    /// Put on record what an alarm turned out to be and what was done.
    Dispose,
    /// Send the retained state again: risk, devices, outputs, standing alarms.
    Snapshot,
    /// Order a hazard, or the whole site, to stand still, or lift that order.
    StopOrder,
    /// Send the events `from` to `to` again, both included: the centre has found a gap in their numbers.
    Resend,
    /// Switch an output on or off, until the alarms behind it call for something new. The answer says that the order is
    /// journalled; whether the device has done it, `output/{output}` says.
    Switch,
}

/// `cmd/reply`: what became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyMessage {
    /// Version of the contract.
    pub v: V1,
    /// The command's `id`; null if it could not be read.
    pub id: Option<String>,
    /// Whether it was done, and its effects are on disk.
    pub ok: bool,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn stamp_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "date-time",
        "description": "RFC 3339 with offset and milliseconds",
        "examples": ["2026-11-21T20:15:03.214+08:00"]
    })
}

fn uuid_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "uuid" })
}

fn level_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [1, 2, 3, 4, "journal"], "description": "1 red (gravest), 2 orange, 3 yellow, 4 blue" })
}

fn risk_level_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [1, 2, 3, 4, "normal"], "description": "1 red (gravest), 2 orange, 3 yellow, 4 blue" })
}

fn optional_value_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["boolean", "number", "null"] })
}

fn values_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["boolean", "number"] } })
}

const QUALITY_PATTERN: &str =
    "^(good|(uncertain|bad):(comm|range|sensor_fault|stuck|stale|maintenance|substituted|no_data))$";

fn optional_quality_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": QUALITY_PATTERN })
}

fn qualities_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "pattern": QUALITY_PATTERN }
    })
}
