//! Ways in for whoever throws bytes at this room: each takes anything, and panics if a promise is broken.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::conversion::Conversion;
use super::path::Path;
use super::payload::Wanted;
use super::source::Source;
use super::topic;
use super::will::Will;
use crate::model::{DeviceId, Mono, Now, PointId, Wall};
use crate::site::{self, Edge, Format, Line, MqttDevice, TimeAt, TimeForm};

/// 2026-11-22T00:00:00Z.
const NOW: Wall = Wall(1_795_305_600_000);

/// Reads `bytes` as a message of every format, and as a Last Will.
pub fn payload(bytes: &[u8]) {
    let time = Some(TimeAt { path: "/ts".into(), form: TimeForm::Auto });
    for format in [
        Format::Json { samples: None, time: None },
        Format::Json { samples: Some(String::new()), time: time.clone() },
        Format::Json { samples: Some("/data".into()), time },
        Format::Plain,
        Format::ThingsBoard,
    ] {
        hear(format, &["", "/a", "/a/b", "/0", "/[name=a]/value"], &[("t", bytes)]);
    }
    for path in [None, Some("/a".to_owned())] {
        let will = site::Will { topic: "t".into(), path, offline: "offline".into(), online: None };
        drop(Will::new(&will).read(bytes));
    }
}

/// Reads `bytes` as each kind of Sparkplug message in turn, of a node and of a device behind it.
pub fn sparkplug(bytes: &[u8]) {
    let kinds =
        ["NDATA/n", "DDATA/n/d", "NBIRTH/n", "DBIRTH/n/d", "NDATA/n", "DDATA/n/d", "DDEATH/n/d", "NDEATH/n"];
    let topics = kinds.map(|kind| format!("spBv1.0/g/{kind}"));
    let messages = topics.each_ref().map(|topic| (topic.as_str(), bytes));
    for device in [None, Some("d".to_owned())] {
        let edge = Edge { group: "g".into(), node: "n".into(), device, rebirth: true };
        hear(Format::Sparkplug(edge), &["a", "b"], &messages);
    }
}

/// Matches the first line of `bytes` as a topic filter against the rest as a topic, and reads both as paths.
pub fn topic(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (filter, name) = text.split_once('\n').unwrap_or((&text, ""));
    let matched = topic::matches(filter, name);
    assert!(!matched || !filter.starts_with('#') || !name.starts_with('$'), "the broker's own topics");
    let json = serde_json::json!({"a": [{"name": "a", "value": 1}, 2, {"b": [null, true]}], "": 3});
    Path::new(filter).find(&json);
}

fn hear(format: Format, paths: &[&str], messages: &[(&str, &[u8])]) {
    let device = MqttDevice { format, ..MqttDevice::json("t", Duration::from_secs(60)) };
    let wanted = |(which, path): (usize, &&str)| Wanted {
        point: PointId::new(which),
        path: Path::new(path),
        conversion: Conversion::new(&site::Conversion {
            line: Line::Scale { scale: 0.1, offset: 1.0 },
            ..site::Conversion::default()
        }),
    };
    let wanted = paths.iter().enumerate().map(wanted).collect();
    let mut source = Source::new(DeviceId::new(0), &device, TimeZone::UTC, wanted);
    for (topic, bytes) in messages {
        let heard = source.hear(topic, Ok(bytes), Now { mono: Mono::ZERO, wall: NOW });
        for batch in heard.batches {
            assert!(!batch.readings.is_empty(), "a batch without readings");
            assert!(batch.readings.is_sorted_by(|a, b| a.point < b.point), "a point twice in a batch");
            for reading in batch.readings {
                let value = reading.sample.value();
                assert!(value.is_none_or(|value| value.as_f64().is_finite()), "{reading:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn p2_arbitrary_bytes_never_panic_and_never_give_a_value_that_is_not_finite(
            bytes in vec(any::<u8>(), 0..256),
        ) {
            super::payload(&bytes);
            super::sparkplug(&bytes);
            super::topic(&bytes);
        }

        #[test]
        fn p2_nearly_right_json_never_panics(
            text in r#"[{\["\]}:,0-9.eE+\-a-c/ ntrufalsvme\\]{0,64}"#,
        ) {
            super::payload(text.as_bytes());
        }

        #[test]
        fn p2_nearly_right_telemetry_never_panics(
            text in r#"\[?\{"(ts|a|values)":(-?[0-9]{0,20}|\[\{"ts":[0-9]{10,13},"value":[0-9.]{1,5}\}\]),"(values|a)":(\{"a":[0-9]{1,3}\}|1)\}\]?"#,
        ) {
            super::payload(text.as_bytes());
        }

        #[test]
        fn p2_nearly_right_metrics_never_panic(fields in vec((1_u8..16, vec(any::<u8>(), 0..12)), 0..8)) {
            super::sparkplug(&protobuf(&fields));
        }

        #[test]
        fn topics_never_panic(text in "[+#$/a\n]{0,24}") {
            super::topic(text.as_bytes());
        }
    }

    /// Metrics of arbitrary fields, each of which says how long it is.
    fn protobuf(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut metrics = Vec::new();
        for (tag, bytes) in fields {
            let mut metric = vec![0x0A, 1, b'a', tag << 3 | 2, bytes.len() as u8];
            metric.extend(bytes);
            metrics.extend([0x12, metric.len() as u8]);
            metrics.extend(metric);
        }
        metrics.extend([0x18, 3]);
        metrics
    }
}
