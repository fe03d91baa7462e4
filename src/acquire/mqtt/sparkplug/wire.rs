//! Sparkplug payloads as a listener takes them: bounded, and with the place of what is wrong.

use prost::Message;
use prost::bytes::Bytes;

use super::super::malformed::Malformed;
use crate::model::limits::SPARKPLUG_METRICS_MAX;
use crate::sparkplug::{Metric, Number, Payload, REBIRTH, datatype, decode};

/// The payload that these bytes are.
pub(super) fn read(bytes: &Bytes) -> Result<Payload, Malformed> {
    let payload: Payload = decode(bytes.clone()).map_err(Malformed::NotSparkplug)?;
    if payload.metrics.len() > SPARKPLUG_METRICS_MAX {
        return Err(Malformed::TooMany);
    }
    Ok(payload)
}

/// Its metrics; `whole` is what it was read from.
pub(super) fn metrics(payload: &Payload, whole: &Bytes) -> Result<Vec<Metric>, Malformed> {
    let offset =
        |metric: &Bytes| (metric.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize).min(whole.len());
    let one =
        |metric: &Bytes| decode(metric.clone()).map_err(|at| Malformed::NotSparkplug(offset(metric) + at));
    payload.metrics.iter().map(one).collect()
}

/// The bytes of a request to the edge node to say again what it has (6.4.25).
pub(super) fn rebirth(at_ms: u64) -> Vec<u8> {
    let metric = Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp: Some(at_ms),
        datatype: Some(datatype::BOOLEAN),
        value: Some(Number::Boolean(true)),
        ..Metric::default()
    };
    Payload::of([metric], at_ms, None).encode_to_vec()
}
