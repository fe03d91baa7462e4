//! Sparkplug B on the wire: the parts of its protobuf messages (Sparkplug 3.0, 6.4) that the gateway needs, for whoever listens to
//! edge nodes and whoever is one. Metrics are kept as the bytes that they are until they are looked at, so that a message of a
//! hundred thousand empty ones costs little, and what is wrong has a place.

use prost::Message;
use prost::bytes::{Buf, Bytes};

/// The first level of every topic.
pub(crate) const SPACE: &str = "spBv1.0";
/// The metric that says which session of an edge node a birth or a death is of.
pub(crate) const BD_SEQ: &str = "bdSeq";
/// The metric by which an edge node is asked to say again what it has (6.4.25).
pub(crate) const REBIRTH: &str = "Node Control/Rebirth";
/// The property that rates a metric's value (6.4.9).
pub(crate) const QUALITY: &str = "Quality";

/// What [`QUALITY`] says.
pub(crate) mod quality {
    pub(crate) const BAD: u32 = 0;
    pub(crate) const GOOD: u32 = 192;
    pub(crate) const STALE: u32 = 500;
}

/// Types of a metric's value that say how its number is to be read (6.4.16).
pub(crate) mod datatype {
    pub(crate) const INT8: u32 = 1;
    pub(crate) const INT16: u32 = 2;
    pub(crate) const INT32: u32 = 3;
    pub(crate) const INT64: u32 = 4;
    pub(crate) const UINT8: u32 = 5;
    pub(crate) const UINT16: u32 = 6;
    pub(crate) const UINT32: u32 = 7;
    pub(crate) const UINT64: u32 = 8;
    pub(crate) const DOUBLE: u32 = 10;
    pub(crate) const BOOLEAN: u32 = 11;
    pub(crate) const STRING: u32 = 12;
    pub(crate) const DATE_TIME: u32 = 13;
}

/// A payload.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Payload {
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub(crate) timestamp: Option<u64>,
    /// [`Metric`]s.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(crate) metrics: Vec<Bytes>,
    /// 0 to 255, then 0 again; over all messages of an edge node but its death.
    #[prost(uint64, optional, tag = "3")]
    pub(crate) seq: Option<u64>,
}

/// A metric.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(crate) alias: Option<u64>,
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub(crate) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(crate) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(crate) properties: Option<PropertySet>,
    #[prost(oneof = "Number", tags = "10, 11, 12, 13, 14, 15")]
    pub(crate) value: Option<Number>,
}

/// What a metric says; of the kinds that are no number only text.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Number {
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
pub(crate) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(crate) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) values: Vec<PropertyValue>,
}

/// A property, as far as it is a whole number or text.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PropertyValue {
    /// By [`datatype`].
    #[prost(uint32, optional, tag = "1")]
    pub(crate) kind: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) int: Option<u32>,
    #[prost(uint64, optional, tag = "4")]
    pub(crate) long: Option<u64>,
    #[prost(string, optional, tag = "8")]
    pub(crate) text: Option<String>,
}

impl Payload {
    /// One of these metrics, at this time.
    pub(crate) fn of(metrics: impl IntoIterator<Item = Metric>, at_ms: u64, seq: Option<u64>) -> Self {
        let metrics = metrics.into_iter().map(|metric| Bytes::from(metric.encode_to_vec())).collect();
        Self { timestamp: Some(at_ms), metrics, seq }
    }
}

/// The message, or the byte from which it is none.
pub(crate) fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, usize> {
    let (whole, mut rest) = (bytes.len(), bytes);
    let mut message = M::default();
    match message.merge(&mut rest) {
        Ok(()) => Ok(message),
        Err(_) => Err(whole - rest.remaining().min(whole)),
    }
}
