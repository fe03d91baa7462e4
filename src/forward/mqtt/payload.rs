//! What is sent for an entry or a state: topic, retained or not, JSON.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::topics::Topics;
use crate::forward::contract::{
    AlarmCurrent, AlarmEventMessage, DeviceMessage, OutputMessage, ReplyMessage, RiskMessage, StatusMessage,
    V1,
};
use crate::model::limits::{BACKFILL_AFTER, ROW_SPREAD_MAX};
use crate::model::{AlarmState, DeviceStatus, Event, OutputStatus, Quality, Risk, Wall};
use crate::store::{Report, Row};

/// One message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) retain: bool,
    pub(super) payload: Vec<u8>,
}

impl Outgoing {
    fn new(topic: String, retain: bool, message: &impl Serialize) -> Self {
        let payload = serde_json::to_vec(message).expect("plain data with text keys always serializes");
        Self { topic, retain, payload }
    }

    pub(super) fn status(topics: &Topics, status: &StatusMessage) -> Self {
        Self::new(topics.status(), true, status)
    }

    pub(super) fn event(topics: &Topics, event: &Event, now: Wall) -> Self {
        let backfill = is_late(event.transition.at.wall, now);
        Self::new(topics.event(), false, &AlarmEventMessage::new(event, backfill))
    }

    /// The alarm's present state; nothing once it is normal, which takes the retained message away.
    pub(super) fn current(topics: &Topics, event: &Event) -> Self {
        let topic = topics.current(&event.transition.alarm);
        if event.transition.state == AlarmState::Normal {
            return Self { topic, retain: true, payload: Vec::new() };
        }
        Self::new(topic, true, &AlarmCurrent::new(event))
    }

    pub(super) fn risk(topics: &Topics, risk: &Risk) -> Self {
        Self::new(topics.risk(), true, &RiskMessage::new(risk))
    }

    pub(super) fn device(topics: &Topics, status: &DeviceStatus) -> Self {
        Self::new(topics.device(&status.device), true, &DeviceMessage::new(status))
    }

    pub(super) fn output(topics: &Topics, status: &OutputStatus) -> Self {
        Self::new(topics.output(&status.output), true, &OutputMessage::new(status))
    }

    pub(super) fn data(topics: &Topics, row: &Row, now: Wall) -> Self {
        let backfill = is_late(row.at, now);
        Self::new(topics.data(&row.device), false, &Data { row, backfill })
    }

    /// A report as it was kept.
    pub(super) fn report(topics: &Topics, report: Report) -> Self {
        Self { topic: topics.report(&report), retain: false, payload: report.body.into_bytes() }
    }

    pub(super) fn reply(topics: &Topics, reply: &ReplyMessage) -> Self {
        Self::new(topics.reply(), false, reply)
    }
}

/// Whether what happened `at` counts as back-fill when it goes out now.
pub(super) fn is_late(at: Wall, now: Wall) -> bool {
    u128::try_from(now.0.saturating_sub(at.0)).is_ok_and(|age_ms| age_ms > BACKFILL_AFTER.as_millis())
}

/// A row as a `DataMessage`, written without copying its names.
struct Data<'a> {
    row: &'a Row,
    backfill: bool,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (ts, received) = (self.row.taken(), self.row.at);
        let apart = u128::from(ts.0.abs_diff(received.0)) > ROW_SPREAD_MAX.as_millis();
        let mut map = serializer.serialize_map(Some(8 + usize::from(apart)))?;
        map.serialize_entry("v", &V1)?;
        map.serialize_entry("seq", &self.row.seq)?;
        map.serialize_entry("ts", &ts.0)?;
        if apart {
            map.serialize_entry("received", &received.0)?;
        }
        map.serialize_entry("clock", &self.row.clock)?;
        map.serialize_entry("device", &*self.row.device)?;
        map.serialize_entry("values", &Values(self.row))?;
        map.serialize_entry("quality", &Qualities(self.row))?;
        map.serialize_entry("backfill", &self.backfill)?;
        map.end()
    }
}

struct Values<'a>(&'a Row);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readings = self.0.readings.iter();
        serializer
            .collect_map(readings.filter_map(|r| Some((signal(&r.point, &self.0.device), r.sample.value()?))))
    }
}

struct Qualities<'a>(&'a Row);

impl Serialize for Qualities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let doubts = self.0.readings.iter().filter(|r| r.sample.quality() != Quality::Good);
        serializer.collect_map(doubts.map(|r| (signal(&r.point, &self.0.device), r.sample.quality())))
    }
}

/// The signal part of a point's name; the whole name where it does not begin with its device's.
fn signal<'a>(point: &'a str, device: &str) -> &'a str {
    point.strip_prefix(device).and_then(|rest| rest.strip_prefix('.')).unwrap_or(point)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::forward::contract::DataMessage;
    use crate::model::{ClockSync, Reason, Sample, Value};
    use crate::store::RowReading;

    #[test]
    fn p2_a_bad_reading_has_a_quality_and_no_value() {
        let reading = |point: &str, sample| RowReading { point: Arc::from(point), at: Wall(1000), sample };
        let row = Row {
            id: 1,
            device: Arc::from("meter2"),
            seq: 9,
            at: Wall(1000),
            clock: ClockSync::Synced,
            readings: vec![
                reading("meter2.power", Sample::Good(Value::Float(5.5))),
                reading("meter2.run", Sample::Uncertain(Value::Bool(true), Reason::Stale)),
                reading("meter2.temp", Sample::Bad(Reason::Comm)),
            ],
        };
        let topics = Topics::new(&crate::store::fixtures::site(std::path::Path::new("x"), vec![]));
        let message = Outgoing::data(&topics, &row, Wall(11_001));
        let data: DataMessage = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(data.values.keys().collect::<Vec<_>>(), ["power", "run"]);
        let qualities: Vec<_> = data.quality.iter().map(|(k, q)| format!("{k}={q}")).collect();
        assert_eq!(qualities, ["run=uncertain:stale", "temp=bad:comm"]);
        assert!(data.backfill, "11 s late");
        assert_eq!((data.ts, data.received, data.clock), (1000, None, ClockSync::Synced));
        let mut sources = row.clone();
        sources.at = Wall(61_000);
        let message = Outgoing::data(&topics, &sources, Wall(61_000));
        let data: DataMessage = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((data.ts, data.received), (1000, Some(61_000)), "both stamps travel");
        assert!(!is_late(Wall(1000), Wall(11_000)));
        assert!(!is_late(Wall(20_000), Wall(11_000)), "a clock that stepped back makes nothing late");
    }
}
