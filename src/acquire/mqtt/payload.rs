//! From a message to samples. What publishers send is as good as they are: whatever arrives, the answer is
//! samples with a quality, or words that say what is wrong with it.

use serde_json::Value as Json;

use super::super::conversion::{Conversion, Raw};
use crate::model::limits::MQTT_PAYLOAD_BYTES_MAX;
use crate::model::{PointId, Reason, Sample, Text};

/// A point and where it stands in the messages of its device.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The point.
    pub(super) point: PointId,
    /// JSON Pointer; empty for the whole payload.
    pub(super) pointer: String,
    /// What its number means.
    pub(super) conversion: Conversion,
}

/// What a message said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// The points that it spoke of; at least one.
    pub(super) samples: Vec<(PointId, Sample)>,
    /// What was no value, if anything was.
    pub(super) fault: Option<Text>,
}

/// Why a message said nothing. Shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Longer than anyone needs.
    TooLong,
    /// Not JSON, from this line and column on.
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 before the first.
        column: usize,
    },
    /// JSON, but with none of the device's points in it.
    Nothing,
}

impl Malformed {
    /// For people.
    pub(super) fn words(&self) -> Text {
        Text::new("报文格式错误", "malformed message").because(&match self {
            Self::TooLong => Text::new(
                format!("长度超过 {MQTT_PAYLOAD_BYTES_MAX} 字节"),
                format!("longer than {MQTT_PAYLOAD_BYTES_MAX} bytes"),
            ),
            Self::NotJson { .. } => Text::new("不是 JSON", "not JSON"),
            Self::Nothing => Text::new("不含该设备的任何测点", "none of the device's points is in it"),
        })
    }

    /// With the place, for the log.
    pub(super) fn in_detail(&self) -> String {
        let words = self.words().en;
        match self {
            Self::NotJson { line, column } => format!("{words} at line {line} column {column}"),
            Self::TooLong | Self::Nothing => words,
        }
    }
}

/// What `payload` says of the points `wanted`.
pub(super) fn read(payload: &[u8], wanted: &[Wanted]) -> Result<Said, Malformed> {
    if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let json: Json = serde_json::from_slice(payload)
        .map_err(|error| Malformed::NotJson { line: error.line(), column: error.column() })?;
    let mut said = Said::default();
    for want in wanted {
        if let Some(found) = json.pointer(&want.pointer) {
            let sample = sample(found, &want.conversion).unwrap_or_else(|found| {
                said.fault.get_or_insert_with(|| no_value(found, &want.pointer));
                Sample::Bad(Reason::SensorFault)
            });
            said.samples.push((want.point, sample));
        }
    }
    if said.samples.is_empty() { Err(Malformed::Nothing) } else { Ok(said) }
}

fn no_value((zh, en): (&str, &str), pointer: &str) -> Text {
    Text::new(format!("`{pointer}` 处是{zh}，不是数值"), format!("{en} instead of a value at `{pointer}`"))
}

/// The sample, or what was found instead of one. Text is read as a word of the point's, never as a number: nobody knows
/// what else the publisher writes there.
fn sample(found: &Json, conversion: &Conversion) -> Result<Sample, (&'static str, &'static str)> {
    match found {
        Json::Bool(on) => Ok(conversion.sample(Raw::Switch(*on), None)),
        Json::Number(number) => {
            let real = || Raw::Real(number.as_f64().unwrap_or(f64::NAN));
            Ok(conversion.sample(number.as_i64().map_or_else(real, Raw::Whole), None))
        }
        // How a publisher says that its instrument has no value.
        Json::Null => Ok(Sample::Bad(Reason::SensorFault)),
        Json::String(text) => {
            conversion.word(text).map(|code| conversion.sample(code, None)).ok_or(("文本", "text"))
        }
        Json::Array(_) => Err(("数组", "a list")),
        Json::Object(_) => Err(("对象", "an object")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Value;
    use crate::site;

    fn wanted(pointers: &[&str]) -> Vec<Wanted> {
        let want = |(n, pointer): (usize, &&str)| Wanted {
            point: PointId::new(n),
            pointer: (*pointer).to_owned(),
            conversion: Conversion::new(&site::Conversion::default()),
        };
        pointers.iter().enumerate().map(want).collect()
    }

    fn samples(payload: &str, pointers: &[&str]) -> Vec<(usize, Sample)> {
        let said = read(payload.as_bytes(), &wanted(pointers)).unwrap();
        said.samples.into_iter().map(|(point, sample)| (point.index(), sample)).collect()
    }

    #[test]
    fn values_are_found_by_their_pointers() {
        let payload = r#"{"gas":{"h2s":3.5,"alarm":true},"codes":[0,17],"a/b":1}"#;
        let found = samples(payload, &["/gas/h2s", "/gas/alarm", "/codes/1", "/a~1b"]);
        let good = |n, value| (n, Sample::Good(value));
        assert_eq!(
            found,
            [
                good(0, Value::Float(3.5)),
                good(1, Value::Bool(true)),
                good(2, Value::Int(17)),
                good(3, Value::Int(1))
            ]
        );
    }

    #[test]
    fn a_bare_number_or_switch_is_a_payload_too() {
        assert_eq!(samples("12.5", &[""]), [(0, Sample::Good(Value::Float(12.5)))]);
        assert_eq!(samples(" false\n", &[""]), [(0, Sample::Good(Value::Bool(false)))]);
    }

    #[test]
    fn p2_what_is_no_value_has_a_quality_and_no_number() {
        let bad = |n| (n, Sample::Bad(Reason::SensorFault));
        let payload = r#"{"a":"12.5","b":null,"c":[1],"d":{"x":1},"e":2}"#;
        let found = samples(payload, &["/a", "/b", "/c", "/d", "/e", "/missing"]);
        assert_eq!(found, [bad(0), bad(1), bad(2), bad(3), (4, Sample::Good(Value::Int(2)))]);
        let said = read(payload.as_bytes(), &wanted(&["/b", "/c", "/a"])).unwrap();
        assert_eq!(
            said.fault,
            Some(Text::new("`/c` 处是数组，不是数值", "a list instead of a value at `/c`"))
        );
    }

    #[test]
    fn malformed_messages_are_told_apart() {
        let points = wanted(&["/a"]);
        assert_eq!(read(b"{\"a\":1", &points), Err(Malformed::NotJson { line: 1, column: 6 }));
        assert_eq!(read(b"", &points), Err(Malformed::NotJson { line: 1, column: 0 }));
        assert_eq!(read(b"{\"b\":1}", &points), Err(Malformed::Nothing));
        assert_eq!(read(b"{\"a\":NaN}", &points), Err(Malformed::NotJson { line: 1, column: 6 }));
        assert_eq!(read(&vec![b' '; MQTT_PAYLOAD_BYTES_MAX + 1], &points), Err(Malformed::TooLong));
    }

    proptest! {
        #[test]
        fn p2_arbitrary_bytes_never_panic_and_never_give_a_value_that_is_not_finite(
            bytes in proptest::collection::vec(any::<u8>(), 0..256),
        ) {
            check(&bytes);
        }

        #[test]
        fn p2_nearly_right_messages_never_panic(
            text in r#"[{\["\]}:,0-9.eE+\-a-c/ ntrufals\\]{0,64}"#,
        ) {
            check(text.as_bytes());
        }
    }

    fn check(payload: &[u8]) {
        let Ok(said) = read(payload, &wanted(&["", "/a", "/a/b", "/0"])) else { return };
        assert!(!said.samples.is_empty());
        for (_, sample) in said.samples {
            assert!(sample.value().is_none_or(|value| value.as_f64().is_finite()), "{payload:?}");
        }
    }
}
