//! What is wrong with a message, and where in it: for people.

use crate::model::Text;
use crate::model::limits::{MQTT_PAYLOAD_BYTES_MAX, MQTT_SAMPLES_MAX};

/// Why a message said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Longer than anyone needs.
    TooLong,
    /// More samples or values than anyone needs.
    TooMany,
    /// Nested beyond all bounds, from this line and column on.
    TooDeep(usize, usize),
    /// Not JSON, from this line and column on: lines from 1, columns in bytes from 1, 0 before the first.
    NotJson(usize, usize),
    /// Not a plain value, from this byte on.
    NotPlain(usize),
    /// Not a Sparkplug payload, from this byte on.
    NotSparkplug(usize),
    /// Well formed, but with none of the device's points in it.
    Nothing,
}

impl Malformed {
    /// What serde finds wrong.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // The library has no other sign of it.
        if error.to_string().starts_with("recursion limit") {
            return Self::TooDeep(line, column);
        }
        Self::NotJson(line, column)
    }

    /// For people, with the place.
    pub(super) fn words(&self) -> Text {
        let line = |zh, en, (line, column): (&usize, &usize)| {
            Text::new(
                format!("{zh}（第 {line} 行第 {column} 列）"),
                format!("{en} at line {line} column {column}"),
            )
        };
        let byte =
            |zh, en, at| Text::new(format!("{zh}（第 {at} 字节起）"), format!("{en} from byte {at} on"));
        Text::new("报文格式错误", "malformed message").because(&match self {
            Self::TooLong => Text::new(
                format!("长度超过 {MQTT_PAYLOAD_BYTES_MAX} 字节"),
                format!("longer than {MQTT_PAYLOAD_BYTES_MAX} bytes"),
            ),
            Self::TooMany => Text::new(
                format!("数据条数过多（最多 {MQTT_SAMPLES_MAX} 条）"),
                format!("too many samples or values in it (at most {MQTT_SAMPLES_MAX} samples)"),
            ),
            Self::TooDeep(l, c) => line("嵌套过深", "nested too deeply", (l, c)),
            Self::NotJson(l, c) => line("不是 JSON", "not JSON", (l, c)),
            Self::NotPlain(at) => byte("不是数值", "not a plain number", at),
            Self::NotSparkplug(at) => byte("不是 Sparkplug B 报文", "not a Sparkplug B payload", at),
            Self::Nothing => Text::new("不含该设备的任何测点", "none of the device's points is in it"),
        })
    }
}
