//! Sparkplug B on the wire: the parts of its protobuf messages (Sparkplug 3.0, 6.4) that a listener needs. Metrics are kept as the
//! bytes that they are until they are looked at, so that a message of a hundred thousand empty ones costs little, and what
//! is wrong has a place.

use prost::Message;
use prost::bytes::{Buf, Bytes};

use super::super::malformed::Malformed;
use crate::model::limits::SPARKPLUG_METRICS_MAX;

/// Types of a metric's value that say how its number is to be read (6.4.16).
pub(super) mod datatype {
    pub(in super::super) const INT8: u32 = 1;
    pub(in super::super) const INT16: u32 = 2;
    pub(in super::super) const INT32: u32 = 3;
    pub(in super::super) const INT64: u32 = 4;
    pub(in super::super) const UINT8: u32 = 5;
    pub(in super::super) const UINT16: u32 = 6;
    pub(in super::super) const UINT32: u32 = 7;
    pub(in super::super) const UINT64: u32 = 8;
    pub(in super::super) const BOOLEAN: u32 = 11;
    pub(in super::super) const DATE_TIME: u32 = 13;
}

/// A payload.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    /// [`Metric`]s.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) metrics: Vec<Bytes>,
    /// 0 to 255, then 0 again; over all messages of an edge node but its death.
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

/// A metric.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(super) properties: Option<PropertySet>,
    #[prost(oneof = "Number", tags = "10, 11, 12, 13, 14, 15")]
    pub(super) value: Option<Number>,
}

/// What a metric says; of the kinds that are no number only text, so that it can be named.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Number {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

/// A metric's properties.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<PropertyValue>,
}

/// A property, as far as it is a whole number.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct PropertyValue {
    #[prost(uint32, optional, tag = "3")]
    pub(super) int: Option<u32>,
    #[prost(uint64, optional, tag = "4")]
    pub(super) long: Option<u64>,
}

impl Payload {
    /// The payload that these bytes are.
    pub(super) fn read(bytes: &Bytes) -> Result<Self, Malformed> {
        let payload: Self = decode(bytes.clone()).map_err(Malformed::NotSparkplug)?;
        if payload.metrics.len() > SPARKPLUG_METRICS_MAX {
            return Err(Malformed::TooMany);
        }
        Ok(payload)
    }

    /// Its metrics; `whole` is what it was read from.
    pub(super) fn metrics(&self, whole: &Bytes) -> Result<Vec<Metric>, Malformed> {
        let offset = |metric: &Bytes| {
            (metric.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize).min(whole.len())
        };
        let one = |metric: &Bytes| {
            decode(metric.clone()).map_err(|at| Malformed::NotSparkplug(offset(metric) + at))
        };
        self.metrics.iter().map(one).collect()
    }

    /// The bytes of a request to the edge node to say again what it has (6.4.25).
    pub(super) fn rebirth(at_ms: u64) -> Vec<u8> {
        let metric = Metric {
            name: Some("Node Control/Rebirth".to_owned()),
            timestamp: Some(at_ms),
            datatype: Some(datatype::BOOLEAN),
            value: Some(Number::Boolean(true)),
            ..Metric::default()
        };
        let metrics = vec![Bytes::from(metric.encode_to_vec())];
        Self { timestamp: Some(at_ms), metrics, seq: None }.encode_to_vec()
    }
}

/// The message, or the byte from which it is none.
fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, usize> {
    let (whole, mut rest) = (bytes.len(), bytes);
    let mut message = M::default();
    match message.merge(&mut rest) {
        Ok(()) => Ok(message),
        Err(_) => Err(whole - rest.remaining().min(whole)),
    }
}
