//! Fuzzing of this room: any bytes as a row of telemetry, as a damaged disk may hold them.

use super::row::{Packed, count, pack, unpack};

/// A row: understood, and then the same again when it is written and read once more, or refused.
pub(crate) fn row(data: &[u8]) {
    count(data);
    let Ok(readings) = unpack(1, data) else { return };
    let again = unpack(1, &pack(&readings)).expect("what was written can be read");
    let said = |readings: &[Packed]| readings.iter().map(|r| format!("{:?}", r.sample())).collect::<Vec<_>>();
    assert_eq!(said(&readings), said(&again));
}
