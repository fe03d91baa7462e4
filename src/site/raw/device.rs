//! The tables of the field: devices and their points. A template gives defaults for all of it, so that almost every
//! field may be missing here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::derived::{RawKeep, RawStuck};
use super::helper::{RawRatio, RawStatus};
use super::rule::RawLimits;
use super::service::{RawSecret, RawTls};
use crate::model::limits::{MODBUS_REGISTERS_PER_READ_MAX, TEXT_REGISTERS_MAX};
use crate::site::addresses::{HostPort, Packet, Socket};
use crate::site::defaults;
use crate::site::values::{EdgeName, Grade, Id, Period, Pointer, RegisterAt, TopicFilter, Words};

/// `[[device]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawDevice {
    /// Its id.
    #[schemars(required)]
    pub(in crate::site) id: Option<Id>,
    /// What people call it. Default: the template's name, else the id.
    pub(in crate::site) name: Option<Words>,
    /// The hazard that it serves.
    pub(in crate::site) hazard: Option<Id>,
    /// How it is reached.
    #[schemars(extend("default" = "modbus-tcp"))]
    pub(in crate::site) protocol: Option<ProtocolWord>,
    /// The device template that gives what is not said here, such as `acrel-adw300`.
    pub(in crate::site) template: Option<Id>,
    /// Modbus: where it or its serial server answers, `host:port`. Required where it does not dial in.
    pub(in crate::site) address: Option<HostPort>,
    /// Modbus: where it, or the 4G DTU that it is behind, dials in: an address of this machine, such as `0.0.0.0:9000`. Instead of
    /// `address`. Many may dial in at one address; whoever reaches it and knows a registration is taken for the device.
    pub(in crate::site) listen: Option<Socket>,
    /// Modbus, with `listen`: its registration packet, the first that it says after dialling in: a text, or bytes as `hex:68 01 FF`.
    /// Required there. Devices of one registration are behind one DTU.
    pub(in crate::site) registration: Option<Packet>,
    /// Modbus, with `listen`: its heartbeat packet, written like `registration`. Default: it has none.
    pub(in crate::site) heartbeat: Option<Packet>,
    /// Modbus: the serial port of `modbus-rtu`, such as `/dev/ttyS1`, and required there.
    pub(in crate::site) port: Option<String>,
    /// Modbus: speed of the serial line.
    #[schemars(range(min = 300, max = 4_000_000), extend("default" = defaults::BAUD, "x-unit" = "bit/s"))]
    pub(in crate::site) baud: Option<u32>,
    /// Modbus: parity bit on the serial line. There are always eight data bits.
    #[schemars(extend("default" = "none"))]
    pub(in crate::site) parity: Option<ParityWord>,
    /// Modbus: stop bits on the serial line.
    #[schemars(range(min = 1, max = 2), extend("default" = defaults::STOP_BITS))]
    pub(in crate::site) stop_bits: Option<u8>,
    /// The encryption of `modbus-tls`, and required there; of an `mqtts` broker, where it needs more than its public name.
    pub(in crate::site) tls: Option<RawTls>,
    /// Modbus: unit id; 0 to 255 over TCP, 1 to 247 on a bus.
    #[schemars(extend("default" = defaults::UNIT))]
    pub(in crate::site) unit: Option<u8>,
    /// Modbus: from one poll to the next; at least 50 ms.
    #[schemars(extend("default" = defaults::POLL))]
    pub(in crate::site) poll: Option<Period>,
    /// Modbus: least time from the end of an answer to the next question on the device's connection, for converters that
    /// need one; shorter than `poll`.
    #[schemars(extend("default" = defaults::PAUSE))]
    pub(in crate::site) pause: Option<Period>,
    /// Modbus: longest wait for one answer; on a serial port, beside the time that question and answer take on the line. At most `poll`, which is the default where it is shorter.
    #[schemars(extend("default" = defaults::TIMEOUT))]
    pub(in crate::site) timeout: Option<Period>,
    /// Modbus: registers that one request may ask for.
    #[schemars(range(min = 1, max = MODBUS_REGISTERS_PER_READ_MAX), extend("default" = defaults::REGISTERS_MAX, "x-unit" = "registers"))]
    pub(in crate::site) registers_max: Option<u16>,
    /// Modbus: unwanted registers that one request may read over to save another request.
    #[schemars(range(min = 0, max = 124), extend("default" = defaults::GAP_MAX, "x-unit" = "registers"))]
    pub(in crate::site) gap_max: Option<u16>,
    /// Modbus: the number that the manual gives to the first register; addresses are written as the manual does.
    #[schemars(range(min = 0, max = 1), extend("default" = defaults::ADDRESS_BASE))]
    pub(in crate::site) address_base: Option<u8>,
    /// Modbus: whether outputs are written with functions 15 and 16 even where 5 and 6 would do.
    #[schemars(extend("default" = false))]
    pub(in crate::site) write_multiple: Option<bool>,
    /// Modbus: order of bytes and words, unless a point says otherwise.
    #[schemars(extend("default" = "ABCD"))]
    pub(in crate::site) byte_order: Option<OrderWord>,
    /// Modbus: registers that say how far the device's values can be trusted: for every point but those that stand in such a
    /// register themselves.
    pub(in crate::site) status: Option<Vec<RawStatus>>,
    /// MQTT: the broker that it publishes to, such as `mqtt://10.0.0.9:1883`, or `mqtts://broker.plant:8883` to encrypt. Required.
    pub(in crate::site) url: Option<String>,
    /// MQTT: the topic filter that its messages match. Required, except with `format = "sparkplug"`.
    pub(in crate::site) topic: Option<TopicFilter>,
    /// MQTT: user name.
    pub(in crate::site) username: Option<String>,
    /// MQTT: password.
    pub(in crate::site) password: Option<RawSecret>,
    /// MQTT: how its messages are written.
    #[schemars(extend("default" = "json"))]
    pub(in crate::site) format: Option<FormatWord>,
    /// MQTT, `json`: where a list of samples stands, each read as if it were a message of its own; `""` where the message
    /// itself is the list.
    pub(in crate::site) samples: Option<Pointer>,
    /// MQTT, `json`: where the time of the values stands, from the root of the message or of each sample. Default: none,
    /// values are stamped when they arrive.
    pub(in crate::site) time: Option<Pointer>,
    /// MQTT, `json`: how the time is written.
    #[schemars(extend("default" = "auto"))]
    pub(in crate::site) time_format: Option<TimeWord>,
    /// MQTT: how far the time in a message may be from the gateway's; beyond that the value is stamped when it arrives and is
    /// uncertain, for its age is unknown. Our default.
    #[schemars(extend("default" = defaults::SKEW_MAX))]
    pub(in crate::site) skew_max: Option<Period>,
    /// MQTT, `sparkplug`: whose metrics its points are, `group/node` or `group/node/device`. Required there.
    pub(in crate::site) edge: Option<EdgeName>,
    /// MQTT, `sparkplug`: whether the gateway may send the edge node a rebirth request (a write to `Node Control/Rebirth`) when it
    /// has missed what its metrics are.
    #[schemars(extend("default" = false))]
    pub(in crate::site) rebirth: Option<bool>,
    /// MQTT: the topic of its Last Will, without wildcards. Default: none, only silence tells that it is gone.
    pub(in crate::site) will_topic: Option<TopicFilter>,
    /// MQTT: what stands there when it is gone; upper and lower case are one.
    #[schemars(extend("default" = defaults::WILL_OFFLINE))]
    pub(in crate::site) will_offline: Option<String>,
    /// MQTT: what stands there while it is there. Default: anything else.
    pub(in crate::site) will_online: Option<String>,
    /// MQTT: where in the JSON on the `will_topic` the word stands. Default: it is the whole message.
    pub(in crate::site) will_pointer: Option<Pointer>,
    /// MQTT: silence after which it is down.
    #[schemars(extend("default" = defaults::SILENCE))]
    pub(in crate::site) silence: Option<Period>,
    /// Level of the alarms `<point>.signal`: a value that can't be trusted or has not come.
    #[schemars(extend("default" = defaults::SIGNAL_LEVEL))]
    pub(in crate::site) signal_level: Option<Grade>,
    /// Level of the alarm `<device>.lost`: no answer at all.
    #[schemars(extend("default" = defaults::LOST_LEVEL))]
    pub(in crate::site) lost_level: Option<Grade>,
    /// On-delay of the alarm `<device>.lost`.
    #[schemars(extend("default" = defaults::LOST_AFTER))]
    pub(in crate::site) lost_after: Option<Period>,
}

/// How a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::site) enum ProtocolWord {
    /// Modbus TCP.
    ModbusTcp,
    /// Modbus RTU frames through a serial server.
    ModbusRtuOverTcp,
    /// Modbus/TCP Security: Modbus TCP through TLS, commonly on port 802.
    ModbusTls,
    /// Modbus RTU on a serial port of this machine.
    ModbusRtu,
    /// Messages from a broker.
    Mqtt,
}

/// The parity bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum ParityWord {
    /// There is none.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum FormatWord {
    /// JSON, each value at its point's `pointer`.
    Json,
    /// Nothing but a number, or `true` or `false`: one point.
    Plain,
    /// ThingsBoard's telemetry: `{"ts":…,"values":{…}}`, a list of them, or `{"key":[{"ts":…,"value":…}]}`.
    ThingsBoard,
    /// Sparkplug B.
    Sparkplug,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum TimeWord {
    /// Any of the others; told apart by their look.
    Auto,
    /// Seconds since 1970, whole or not.
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// Microseconds since 1970.
    EpochUs,
    /// RFC 3339 with an offset, such as `2026-11-21T20:15:03+08:00`.
    Rfc3339,
    /// `yyyy-MM-dd HH:mm:ss` in the site's time zone.
    Local,
}

/// `[[point]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPoint {
    /// The device that it belongs to.
    #[schemars(required)]
    pub(in crate::site) device: Option<Id>,
    /// Its name on the device: the point's id is `device.signal`. Where the device's template has the same signal,
    /// what is said here overrides it.
    pub(in crate::site) signal: Id,
    /// What people call it. Required, unless from a template.
    pub(in crate::site) name: Option<Words>,
    /// The hazard that it belongs to. Default: its device's.
    pub(in crate::site) hazard: Option<Id>,
    /// Engineering unit, such as `kPa`.
    #[schemars(extend("default" = ""))]
    pub(in crate::site) unit: Option<String>,
    /// Decimal places to show.
    #[schemars(range(min = 0, max = 9), extend("default" = defaults::DECIMALS))]
    pub(in crate::site) decimals: Option<u8>,
    /// What it means to packs and process models, such as `level` or `fan_power`.
    pub(in crate::site) role: Option<Id>,
    /// What the instrument can measure, `[low, high]`; a value outside is uncertain. In the point's unit.
    pub(in crate::site) range: Option<[f64; 2]>,
    /// Modbus: table (`coil`, `discrete`, `input`, `holding`) and address of the first register. Required, unless from a template.
    pub(in crate::site) register: Option<RegisterAt>,
    /// Modbus: how the value is written there. Default: `bit` in coils and discrete inputs and where `bit` is said, else `u16`.
    #[serde(rename = "type")]
    pub(in crate::site) encoding: Option<TypeWord>,
    /// Modbus: which bit of a register, 0 the least significant.
    #[schemars(range(min = 0, max = 15))]
    pub(in crate::site) bit: Option<u8>,
    /// Modbus: how many registers a text takes, two characters in each. Required with `type = "ascii"`.
    #[schemars(range(min = 1, max = TEXT_REGISTERS_MAX))]
    pub(in crate::site) length: Option<u8>,
    /// Modbus: order of bytes and words, as vendors' manuals write it. Default: the device's.
    pub(in crate::site) byte_order: Option<OrderWord>,
    /// MQTT: where in the JSON message the value stands, such as `/data/level`; `/data/[name=h2s]/value` picks the item of a
    /// list whose `name` is `h2s`. With `thingsboard` the key, such as `/h2s`. Required, except with `plain` and `sparkplug`.
    pub(in crate::site) pointer: Option<Pointer>,
    /// MQTT, `sparkplug`: the metric's name. Required there.
    pub(in crate::site) metric: Option<String>,
    /// Modbus: from one poll to the next, where it differs from the device's; at least 50 ms. Points of one device with the
    /// same interval are read together, each interval on its own.
    pub(in crate::site) poll: Option<Period>,
    /// Value = raw × scale + offset.
    #[schemars(extend("default" = defaults::SCALE))]
    pub(in crate::site) scale: Option<f64>,
    /// See `scale`. In the point's unit.
    #[schemars(extend("default" = defaults::OFFSET))]
    pub(in crate::site) offset: Option<f64>,
    /// What the device says at either end of `span`: the value is drawn on the line through both. Instead of `scale` and `offset`.
    pub(in crate::site) raw: Option<[f64; 2]>,
    /// The values at either end of `raw`; the first may be the greater. In the point's unit. Default: `range`.
    pub(in crate::site) span: Option<[f64; 2]>,
    /// The number is the current of a loop, and `raw` what the device says at 4 mA and at 20 mA: at most 3.6 mA or at least
    /// 21 mA is a fault, from 3.8 to 20.5 mA a measurement (NAMUR NE 43), and what lies between is uncertain.
    #[serde(rename = "loop")]
    pub(in crate::site) current_loop: Option<LoopWord>,
    /// Numbers by which the device says that it has no value, as it says them, such as `[0x7FFF]`. Not-a-number always is one.
    pub(in crate::site) invalid: Option<Vec<f64>>,
    /// What each code of an enumeration means, such as `{ 0 = "stopped", 1 = { zh = "运行", en = "running" } }`. A code that is
    /// not here is uncertain.
    pub(in crate::site) codes: Option<BTreeMap<String, Words>>,
    /// The code meant by each word of a device that says words, such as `{ RUN = 1 }`. Any other word is a fault, unless it is a
    /// number in a register.
    pub(in crate::site) words: Option<BTreeMap<String, i64>>,
    /// Modbus: registers that the number is multiplied with before `scale`: value = raw × ratios × scale + offset. Read in the
    /// same poll; without one of them there is no value.
    pub(in crate::site) scale_by: Option<Vec<RawRatio>>,
    /// Modbus: registers of the same device that say how far this value can be trusted; beside those of the device.
    pub(in crate::site) status: Option<Vec<RawStatus>>,
    /// Age after which the value is stale; longer than `poll`. Default: three of its polls and a timeout, at least 3 s; on MQTT the device's `silence`.
    pub(in crate::site) max_age: Option<Period>,
    /// When a value that does not move is in doubt, such as `{ after = "30min" }`: for signals that always move a little. Default: never.
    pub(in crate::site) stuck: Option<RawStuck>,
    /// Which readings are kept and sent, such as `{ deadband = 0.2 }`: those that differ from the last that was, and one now and then. Alarms and the console see every reading. Default: all.
    pub(in crate::site) keep: Option<RawKeep>,
    /// Limits: short for a `[[rule]]` of the same name as the point.
    pub(in crate::site) limits: Option<RawLimits>,
}

/// How a value is written in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum TypeWord {
    /// A coil, a discrete input, or one bit of a register.
    Bit,
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned.
    U32,
    /// Two registers, two's complement.
    I32,
    /// Four registers, unsigned.
    U64,
    /// Four registers, two's complement.
    I64,
    /// Two registers, IEEE 754 single.
    F32,
    /// Four registers, IEEE 754 double.
    F64,
    /// One register, four decimal digits of four bits each.
    Bcd16,
    /// Two registers, eight decimal digits of four bits each.
    Bcd32,
    /// Text: a number, or one of `words`; `length` says how long. Characters stand in the order of their registers, whatever the
    /// byte order; in `BADC` and `DCBA` the low byte comes first.
    Ascii,
}

/// Kinds of current loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::site) enum LoopWord {
    /// 4 to 20 mA.
    #[serde(rename = "4-20ma")]
    Ma4To20,
}

/// Order of bytes and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(in crate::site) enum OrderWord {
    /// High word first, high byte first: Modbus's own.
    Abcd,
    /// Low word first, high byte first.
    Cdab,
    /// High word first, low byte first.
    Badc,
    /// Low word first, low byte first.
    Dcba,
}
