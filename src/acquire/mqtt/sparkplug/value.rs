//! What a Sparkplug metric says: its number, read by its type, and how its edge node rates it.

use super::super::super::conversion::{Conversion, Raw};
use crate::model::{Reason, Sample, Text};
use crate::sparkplug::{Metric, Number, PropertySet, QUALITY, datatype, quality};

/// Why a metric says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoValue {
    /// A whole number that could mean several things, since its type is not known.
    Untyped,
    /// Something that is no number, or does not fit its type.
    Other,
}

/// The sample that a metric of this type says.
pub(super) fn sample(
    metric: &Metric,
    datatype: Option<u32>,
    conversion: &Conversion,
) -> Result<Sample, NoValue> {
    if metric.is_null == Some(true) {
        return Ok(Sample::Bad(Reason::SensorFault));
    }
    let sample = conversion.sample(raw(metric.value.as_ref(), datatype)?, None);
    Ok(match metric.properties.as_ref().and_then(rated) {
        // The words of Sparkplug's `Quality` (6.4.9): 0 bad, 192 good, 500 stale.
        Some(rated) if rated == u64::from(quality::BAD) => Sample::Bad(Reason::SensorFault),
        Some(rated) if rated == u64::from(quality::STALE) => doubted(sample, Reason::Stale),
        _ => sample,
    })
}

fn raw(value: Option<&Number>, datatype: Option<u32>) -> Result<Raw, NoValue> {
    match value {
        Some(Number::Int(n)) => whole(u64::from(*n), datatype),
        Some(Number::Long(n)) => whole(*n, datatype),
        Some(Number::Float(x)) => Ok(Raw::Real(f64::from(*x))),
        Some(Number::Double(x)) => Ok(Raw::Real(*x)),
        Some(Number::Boolean(on)) => Ok(Raw::Switch(*on)),
        Some(Number::Text(_)) | None => Err(NoValue::Other),
    }
}

/// A whole number: on the wire it has no sign, its type gives it one. Some encoders fill the upper bits of a narrow negative
/// number and some do not; cutting it to its width reads both.
fn whole(n: u64, datatype: Option<u32>) -> Result<Raw, NoValue> {
    Ok(match datatype {
        Some(datatype::INT8) => Raw::Whole(i64::from(n as i8)),
        Some(datatype::INT16) => Raw::Whole(i64::from(n as i16)),
        Some(datatype::INT32) => Raw::Whole(i64::from(n as i32)),
        Some(datatype::INT64) => Raw::Whole(n as i64),
        Some(datatype::UINT8 | datatype::UINT16 | datatype::UINT32) => Raw::Whole(i64::from(n as u32)),
        Some(datatype::UINT64 | datatype::DATE_TIME) => {
            i64::try_from(n).map_or(Raw::Real(n as f64), Raw::Whole)
        }
        Some(datatype::BOOLEAN) => Raw::Switch(n != 0),
        Some(_) => return Err(NoValue::Other),
        None => return Err(NoValue::Untyped),
    })
}

fn rated(properties: &PropertySet) -> Option<u64> {
    let at = properties.keys.iter().position(|key| key == QUALITY)?;
    let value = properties.values.get(at)?;
    value.int.map(u64::from).or(value.long)
}

/// The same with a doubt, unless there is one already.
pub(super) fn doubted(sample: Sample, reason: Reason) -> Sample {
    match sample {
        Sample::Good(value) => Sample::Uncertain(value, reason),
        other => other,
    }
}

/// That a metric is no number, in words.
pub(super) fn no_number(metric: &str) -> Text {
    Text::new(format!("度量 `{metric}` 不是数值"), format!("metric `{metric}` is no number"))
}
