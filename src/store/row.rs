//! A stored batch of readings: its compact form on disk and its form for the destinations. Names are interned in the
//! database, because ids of the site file mean nothing after the next edit of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::model::{ClockSync, Quality, Reason, Sample, Value, Wall};

/// Readings of one device as stored, for the destinations.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its place in the outbox; gap-free as stored.
    pub id: u64,
    /// The device's name.
    pub device: Arc<str>,
    /// Counts the rows of this device, over the gateway's life.
    pub seq: u64,
    /// When the gateway had it.
    pub at: Wall,
    /// What vouches for `at`, and for the readings' stamps where they are ours.
    pub clock: ClockSync,
    /// At least one; all of about one moment.
    pub readings: Vec<RowReading>,
}

/// One reading of a stored batch.
#[derive(Debug, Clone, PartialEq)]
pub struct RowReading {
    /// The point's name, `device.signal`.
    pub point: Arc<str>,
    /// When it was read.
    pub at: Wall,
    /// What it said.
    pub sample: Sample,
}

/// One reading as it lies on disk. The order of fields and variants is the format.
#[derive(Serialize, Deserialize)]
pub(super) struct Packed {
    /// Interned name of the point.
    pub(super) name: u32,
    /// How much earlier than the batch it was read, ms.
    pub(super) earlier_ms: i64,
    sample: PackedSample,
}

#[derive(Serialize, Deserialize)]
enum PackedSample {
    Good(PackedValue),
    Uncertain(PackedValue, Reason),
    Bad(Reason),
}

#[derive(Serialize, Deserialize)]
enum PackedValue {
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl Packed {
    /// A reading of the point with the interned `name`.
    pub(super) fn new(name: u32, earlier_ms: i64, sample: Sample) -> Self {
        let pack = |value| match value {
            Value::Bool(on) => PackedValue::Bool(on),
            Value::Int(n) => PackedValue::Int(n),
            Value::Float(x) => PackedValue::Float(x),
        };
        let sample = match sample {
            Sample::Good(value) => PackedSample::Good(pack(value)),
            Sample::Uncertain(value, reason) => PackedSample::Uncertain(pack(value), reason),
            Sample::Bad(reason) => PackedSample::Bad(reason),
        };
        Self { name, earlier_ms, sample }
    }

    /// What it said.
    pub(super) fn sample(&self) -> Sample {
        let unpack = |value: &PackedValue| match *value {
            PackedValue::Bool(on) => Value::Bool(on),
            PackedValue::Int(n) => Value::Int(n),
            PackedValue::Float(x) => Value::Float(x),
        };
        match &self.sample {
            PackedSample::Good(value) => Sample::Good(unpack(value)),
            PackedSample::Uncertain(value, reason) => Sample::Uncertain(unpack(value), *reason),
            PackedSample::Bad(reason) => Sample::Bad(*reason),
        }
    }
}

/// The bytes of a batch.
pub(super) fn pack(readings: &[Packed]) -> Vec<u8> {
    postcard::to_allocvec(readings).expect("plain numbers always serialize into memory")
}

/// The batch in these bytes.
pub(super) fn unpack(id: u64, body: &[u8]) -> Result<Vec<Packed>, StoreError> {
    postcard::from_bytes(body).map_err(|error| StoreError::Unreadable {
        what: format!("telemetry row {id}"),
        why: error.to_string(),
    })
}

/// How many readings the batch in these bytes has; none if they cannot be understood.
pub(super) fn count(body: &[u8]) -> u64 {
    postcard::take_from_bytes::<u64>(body).map_or(0, |(count, _)| count)
}

impl Row {
    /// When they were read: the newest of them.
    pub fn taken(&self) -> Wall {
        self.readings.iter().map(|reading| reading.at).max().unwrap_or(self.at)
    }

    /// The qualities that are not good, by point.
    pub fn doubts(&self) -> impl Iterator<Item = (&str, Quality)> {
        self.readings
            .iter()
            .map(|reading| (&*reading.point, reading.sample.quality()))
            .filter(|(_, quality)| *quality != Quality::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_back_whole_and_the_bytes_never_change() {
        let samples = [
            Sample::Good(Value::Float(-12.75)),
            Sample::Good(Value::Int(i64::MIN)),
            Sample::Uncertain(Value::Bool(true), Reason::Range),
            Sample::Bad(Reason::Comm),
            Sample::Bad(Reason::Substituted),
        ];
        let packed: Vec<Packed> =
            samples.iter().zip(7..).map(|(sample, name)| Packed::new(name, -3, *sample)).collect();
        let bytes = pack(&packed);
        let read: Vec<Sample> = unpack(1, &bytes).unwrap().iter().map(Packed::sample).collect();
        assert_eq!(read, samples);
        assert_eq!(count(&bytes), 5);
        // The format on disk: a change here is a new schema version.
        assert_eq!(bytes[..6], [5, 7, 5, 0, 2, 0]);
        assert_eq!(bytes[bytes.len() - 4..], [11, 5, 2, 6]);
    }
}
