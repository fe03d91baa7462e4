//! What an edge node's messages hold: which metrics there are, of which types, and what they say.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::forward::contract::AlarmEventMessage;
use crate::forward::feed::Feed;
use crate::model::limits::SPARKPLUG_PRIMING_ROWS_MAX;
use crate::model::{AlarmState, Board, Event, Level, Quality, Reason, Sample, Value, Wall};
use crate::site::Site;
use crate::sparkplug::{
    BD_SEQ, Metric, Number, PropertySet, PropertyValue, QUALITY, REBIRTH, datatype, quality,
};
use crate::store::{Row, RowReading, StoreError};

/// The metric that holds each alarm event as the contract writes it.
const EVENT: &str = "Events/Alarm";
/// The property that says what is wrong with a value, in the contract's words.
const REASON: &str = "Reason";
/// What `Level` says of an alarm that asks for no one's action.
const JOURNAL: u32 = 5;

/// The type of a point's metric, from narrow to wide: what is narrower can be said in what is wider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Switch,
    Whole,
    Real,
}

impl Kind {
    const fn of(value: Value) -> Self {
        match value {
            Value::Bool(_) => Self::Switch,
            Value::Int(_) => Self::Whole,
            Value::Float(_) => Self::Real,
        }
    }

    const fn datatype(self) -> u32 {
        match self {
            Self::Switch => datatype::BOOLEAN,
            Self::Whole => datatype::INT64,
            Self::Real => datatype::DOUBLE,
        }
    }

    fn number(self, value: Value) -> Number {
        match (self, value) {
            (Self::Switch, Value::Bool(on)) => Number::Boolean(on),
            (Self::Whole, Value::Int(number)) => Number::Long(number as u64),
            (Self::Whole, Value::Bool(on)) => Number::Long(u64::from(on)),
            (_, value) => Number::Double(value.as_f64()),
        }
    }
}

/// What is known of one point.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    kind: Option<Kind>,
    last: Option<(Sample, Wall)>,
}

/// What is known of the points, over all connections.
#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<Arc<str>, Known>);

impl Memory {
    /// Looks back over what the points last said, unless something is known already.
    pub(in super::super) async fn prime(&mut self, feed: &Feed) -> Result<(), StoreError> {
        if self.0.is_empty() {
            for row in feed.latest(SPARKPLUG_PRIMING_ROWS_MAX).await? {
                self.learn_row(&row);
            }
        }
        Ok(())
    }

    /// Takes in the readings of a row. Whether the type of one is wider now than it was, so that the device must be born anew.
    pub(super) fn learn_row(&mut self, row: &Row) -> bool {
        let wider = row.readings.iter().filter(|reading| self.learn(reading)).count();
        wider > 0
    }

    /// Takes in a reading. Whether its metric's type is wider now than it was, so that it must be born anew.
    fn learn(&mut self, reading: &RowReading) -> bool {
        let known = self.0.entry(Arc::clone(&reading.point)).or_default();
        if known.last.is_none_or(|(_, at)| at <= reading.at) {
            known.last = Some((reading.sample, reading.at));
        }
        let Some(value) = reading.sample.value() else { return false };
        let kind = known.kind.max(Some(Kind::of(value)));
        std::mem::replace(&mut known.kind, kind) != kind
    }

    /// The type of a point's metric: the widest until something is known.
    fn kind(&self, point: &str) -> Kind {
        self.0.get(point).and_then(|known| known.kind).unwrap_or(Kind::Real)
    }

    /// The metrics of a device's birth: all of its points.
    pub(super) fn device_birth(&self, site: &Site, device: &str, now: Wall) -> Vec<Metric> {
        let Some(device) = site.devices.iter().find(|other| other.name == device) else { return Vec::new() };
        let points = device.points.iter().map(|id| site.point(*id).name.as_str());
        points
            .map(|point| {
                let unknown = (Sample::Bad(Reason::Stale), now);
                let (sample, at) = self.0.get(point).and_then(|known| known.last).unwrap_or(unknown);
                let kind = self.kind(point);
                let metric = said(signal(point, &device.name), kind, sample, at, false);
                Metric {
                    datatype: Some(kind.datatype()),
                    properties: Some(rated(sample.quality())),
                    ..metric
                }
            })
            .collect()
    }

    /// The metric of a reading.
    pub(super) fn reading(&self, reading: &RowReading, device: &str, is_historical: bool) -> Metric {
        let name = signal(&reading.point, device);
        said(name, self.kind(&reading.point), reading.sample, reading.at, is_historical)
    }
}

/// The metrics of the node's own birth: its session, the way to ask for another birth, and every alarm that there can be.
pub(super) fn node_birth(site: &Site, board: &Board, bd_seq: u64, now: Wall) -> Vec<Metric> {
    let rebirth = Number::Boolean(false);
    let version = Number::Text(env!("CARGO_PKG_VERSION").to_owned());
    let mut metrics = vec![
        born(BD_SEQ, datatype::INT64, Some(Number::Long(bd_seq)), now),
        born(REBIRTH, datatype::BOOLEAN, Some(rebirth), now),
        born("Properties/Version", datatype::STRING, Some(version), now),
        born(EVENT, datatype::STRING, None, now),
    ];
    for alarm in alarms(site) {
        let standing = board.alarms.get(alarm);
        let state = standing.map_or(AlarmState::Normal, |event| event.transition.state);
        let level = standing.map_or(0, |event| level(event.transition.level, state));
        metrics.push(born(&state_name(alarm), datatype::STRING, Some(word(state)), now));
        metrics.push(born(&level_name(alarm), datatype::INT32, Some(Number::Int(level)), now));
    }
    metrics
}

/// The session that a birth or a death is of.
pub(super) fn session(bd_seq: u64, now: Wall) -> Metric {
    born(BD_SEQ, datatype::INT64, Some(Number::Long(bd_seq)), now)
}

/// Names of the alarms that a birth tells of.
pub(super) fn alarms(site: &Site) -> BTreeSet<&str> {
    site.rules.iter().map(|rule| rule.name.as_str()).collect()
}

/// The metrics of an event. `is_known` says that the birth told of its alarm.
pub(super) fn event(event: &Event, is_known: bool, is_late: bool) -> Vec<Metric> {
    let at = event.transition.at.wall;
    let text = serde_json::to_string(&AlarmEventMessage::new(event, is_late));
    let text = text.expect("plain data with text keys always serializes");
    let short = |name: String, value| Metric {
        name: Some(name),
        timestamp: Some(milliseconds(at)),
        is_historical: is_late.then_some(true),
        value: Some(value),
        ..Metric::default()
    };
    let mut metrics = vec![short(EVENT.to_owned(), Number::Text(text))];
    if is_known && event.transition.event.is_of_alarm() {
        let (alarm, state) = (&event.transition.alarm, event.transition.state);
        metrics.push(short(state_name(alarm), word(state)));
        metrics.push(short(level_name(alarm), Number::Int(level(event.transition.level, state))));
    }
    metrics
}

fn state_name(alarm: &str) -> String {
    format!("Alarms/{alarm}/State")
}

fn level_name(alarm: &str) -> String {
    format!("Alarms/{alarm}/Level")
}

fn level(level: Level, state: AlarmState) -> u32 {
    if state == AlarmState::Normal {
        return 0;
    }
    serde_json::to_value(level).ok().and_then(|level| level.as_u64()).map_or(JOURNAL, |level| level as u32)
}

fn word(state: AlarmState) -> Number {
    let word = serde_json::to_value(state).ok();
    Number::Text(word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default())
}

fn born(name: &str, datatype: u32, value: Option<Number>, at: Wall) -> Metric {
    Metric {
        name: Some(name.to_owned()),
        timestamp: Some(milliseconds(at)),
        datatype: Some(datatype),
        is_null: value.is_none().then_some(true),
        value,
        ..Metric::default()
    }
}

fn said(name: String, kind: Kind, sample: Sample, at: Wall, is_historical: bool) -> Metric {
    let value = sample.value().map(|value| kind.number(value));
    let quality = sample.quality();
    Metric {
        name: Some(name),
        timestamp: Some(milliseconds(at)),
        is_historical: is_historical.then_some(true),
        is_null: value.is_none().then_some(true),
        properties: (quality != Quality::Good).then(|| rated(quality)),
        value,
        ..Metric::default()
    }
}

/// The properties that rate a value. Sparkplug knows good, bad and stale; what is wrong is said beside it.
fn rated(rating: Quality) -> PropertySet {
    let code = match rating {
        Quality::Good => quality::GOOD,
        Quality::Uncertain(Reason::Stale) | Quality::Bad(Reason::Stale) => quality::STALE,
        Quality::Uncertain(_) | Quality::Bad(_) => quality::BAD,
    };
    let code = PropertyValue { kind: Some(datatype::INT32), int: Some(code), ..PropertyValue::default() };
    let (mut keys, mut values) = (vec![QUALITY.to_owned()], vec![code]);
    if rating != Quality::Good {
        keys.push(REASON.to_owned());
        let text = Some(rating.to_string());
        values.push(PropertyValue { kind: Some(datatype::STRING), text, ..PropertyValue::default() });
    }
    PropertySet { keys, values }
}

/// The name of a point's metric below its device: levels stand between slashes.
fn signal(point: &str, device: &str) -> String {
    let signal = point.strip_prefix(device).and_then(|rest| rest.strip_prefix('.')).unwrap_or(point);
    signal.replace('.', "/")
}

pub(super) fn milliseconds(at: Wall) -> u64 {
    u64::try_from(at.0).unwrap_or_default()
}
