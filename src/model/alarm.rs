//! The alarm life cycle's closed lists (ISA-18.2 / IEC 62682) and the transition: what the engine says when
//! an alarm changes. A transition holds the alarm's whole present state, so the last one is the alarm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::ClockSync;
use super::level::Level;
use super::reading::{Quality, Value};
use super::text::Text;
use super::time::Stamp;

/// Where an alarm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Nothing to say.
    Normal,
    /// The condition stands and nobody has acknowledged it.
    Unacknowledged,
    /// The condition stands and somebody has acknowledged it.
    Acknowledged,
    /// The condition is gone, but nobody has acknowledged that it was there.
    ReturnedUnacknowledged,
}

impl AlarmState {
    /// Whether the condition itself is present.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }
}

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Its condition has held for its on-delay.
    Raised,
    /// It has become graver.
    Escalated,
    /// It has become less grave, and stands.
    Deescalated,
    /// A person or a centre has taken note of it.
    Acknowledged,
    /// Its condition is gone.
    Cleared,
    /// Of no alarm: the wall clock was put forward or back.
    ClockStepped,
    /// Of no alarm: the computer slept, and nothing was watched.
    Slept,
}

/// One change of one alarm, with the alarm's whole state after it. The fields are those of the public
/// contract's alarm event (docs/mqtt.md) but `v`, `id`, `seq` and `backfill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// When it happened.
    pub at: Stamp,
    /// What happened.
    pub event: EventKind,
    /// The alarm's name, which is its rule's.
    pub alarm: String,
    /// The point whose value decided, if one did.
    pub point: Option<String>,
    /// The device concerned, if one is.
    pub device: Option<String>,
    /// The hazard that it belongs to; none for the gateway's own health.
    pub hazard: Option<String>,
    /// The state after this event.
    pub state: AlarmState,
    /// The level after this event.
    pub level: Level,
    /// The value that decided.
    pub value: Option<Value>,
    /// The limit that it was held against.
    pub limit: Option<f64>,
    /// Unit of value and limit.
    pub unit: Option<String>,
    /// Quality of the value.
    pub quality: Option<Quality>,
    /// What an operator reads.
    pub message: Text,
    /// What the limit rests on: a standard's clause, a common practice, or our default.
    pub basis: Option<String>,
    /// When this instance of the alarm was raised: with `alarm`, its name for good.
    pub raised_at: Stamp,
    /// Who, where a person or a centre acted.
    pub by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Who acknowledged this instance, once somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// A transition that the journal holds: from now on it has an identity. Serialized, it is the contract's alarm
/// event but for `v` and `backfill`, which belong to the message and not to the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `UUIDv7`; the same in every copy ever sent.
    pub id: Uuid,
    /// Gap-free over the gateway's whole life, from 1.
    pub seq: u64,
    /// What vouches for the transition's `at`.
    #[serde(default)]
    pub clock: ClockSync,
    /// What happened.
    #[serde(flatten)]
    pub transition: Transition,
}
