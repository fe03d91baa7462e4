//! Sparkplug B on the wire: as much of its protobuf messages (Sparkplug 3.0, 6.4) as an edge node needs that says numbers,
//! switches and the loss of either.

use serde_json::Value;

/// Types of metrics (6.4.16).
const INT64: u64 = 4;
const UINT64: u64 = 8;
const DOUBLE: u64 = 10;
const BOOLEAN: u64 = 11;

/// Protobuf's ways of writing a field.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

/// A message with these metrics; a death has no number.
pub(super) fn payload(at_ms: u64, metrics: &[Vec<u8>], seq: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    number(&mut bytes, 1, at_ms);
    for metric in metrics {
        text(&mut bytes, 2, metric);
    }
    if let Some(seq) = seq {
        number(&mut bytes, 3, u64::from(seq));
    }
    bytes
}

/// A metric that says this.
pub(super) fn metric(name: &str, at_ms: u64, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    text(&mut bytes, 1, name.as_bytes());
    number(&mut bytes, 3, at_ms);
    match value {
        Value::Bool(on) => {
            number(&mut bytes, 4, BOOLEAN);
            number(&mut bytes, 14, u64::from(*on));
        }
        Value::Number(whole) if whole.is_i64() => {
            number(&mut bytes, 4, INT64);
            number(&mut bytes, 11, whole.as_i64().unwrap_or_default().cast_unsigned());
        }
        Value::Number(real) => {
            number(&mut bytes, 4, DOUBLE);
            key(&mut bytes, 13, FIXED64);
            bytes.extend(real.as_f64().unwrap_or(f64::NAN).to_le_bytes());
        }
        _ => {
            number(&mut bytes, 4, DOUBLE);
            number(&mut bytes, 7, 1);
        }
    }
    bytes
}

/// Which session of the node it is.
pub(super) fn session(at_ms: u64, session: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    text(&mut bytes, 1, b"bdSeq");
    number(&mut bytes, 3, at_ms);
    number(&mut bytes, 4, UINT64);
    number(&mut bytes, 11, session);
    bytes
}

fn key(bytes: &mut Vec<u8>, field: u64, way: u64) {
    varint(bytes, field << 3 | way);
}

fn number(bytes: &mut Vec<u8>, field: u64, number: u64) {
    key(bytes, field, VARINT);
    varint(bytes, number);
}

fn text(bytes: &mut Vec<u8>, field: u64, text: &[u8]) {
    key(bytes, field, BYTES);
    varint(bytes, text.len() as u64);
    bytes.extend(text);
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_are_written_as_the_specification_has_them() {
        let head = [0x0A, 1, b'T', 0x18, 0xAC, 0x02, 0x20];
        for (value, tail) in [
            (json!(true), vec![11, 0x70, 1]),
            (json!(300), vec![4, 0x58, 0xAC, 0x02]),
            (json!(1.5), vec![10, 0x69, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]),
            (json!(null), vec![10, 0x38, 1]),
        ] {
            assert_eq!(metric("T", 300, &value), [&head[..], &tail].concat(), "{value}");
        }
        assert_eq!(payload(1, &[vec![9]], Some(7)), [0x08, 1, 0x12, 1, 9, 0x18, 7]);
        assert_eq!(payload(1, &[], None), [0x08, 1]);
        assert_eq!(session(1, 2), [0x0A, 5, b'b', b'd', b'S', b'e', b'q', 0x18, 1, 0x20, 8, 0x58, 2]);
    }
}
