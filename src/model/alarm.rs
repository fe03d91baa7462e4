//! The alarm life cycle's closed lists (ISA-18.2 / IEC 62682) and the transition: what the engine says when
//! an alarm changes. A transition holds the alarm's whole present state, so the last one is the alarm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::ClockSync;
use super::habit::Habit;
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
    /// The condition is gone, nobody has acknowledged that it was there, and the rule wants a reset besides.
    LatchedUnacknowledged,
    /// The condition is gone and somebody has acknowledged it; the rule wants a reset.
    LatchedAcknowledged,
    /// A person has set the alarm aside for a while.
    Shelved,
    /// The site's design sets the alarm aside: what it is about does not run, or a graver fault explains it.
    Suppressed,
    /// A person has taken the alarm out of service, until it is put back.
    OutOfService,
}

impl AlarmState {
    /// Whether the condition itself is present.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }

    /// Whether the condition is gone and a reset is wanted.
    pub const fn is_latched(self) -> bool {
        matches!(self, Self::LatchedUnacknowledged | Self::LatchedAcknowledged)
    }

    /// Whether the alarm is set aside: it goes on beneath, and nobody is called.
    pub const fn is_aside(self) -> bool {
        matches!(self, Self::Shelved | Self::Suppressed | Self::OutOfService)
    }
}

/// What an alarm turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// There was a danger.
    Real,
    /// There was none: the sensor, the rule or the limit was wrong.
    False,
    /// It was made on purpose.
    Test,
}

/// What was found and done about an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What it turned out to be.
    pub nature: Nature,
    /// Why it came.
    pub cause: String,
    /// What was done.
    pub measure: String,
    /// Who did it.
    pub handler: String,
    /// The entry of the hazard ledger that follows from it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
}

/// What was found and done about one instance of an alarm: the closed loop behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposal {
    /// Which instance it is about, as its `raised_at`.
    pub raised_at: Stamp,
    /// What is on record of it.
    #[serde(flatten)]
    pub finding: Finding,
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
    /// It was latched, and a person has reset it.
    Reset,
    /// It was acknowledged long ago and still stands: it asks for acknowledgement again.
    Reminded,
    /// A person has set it aside for a while.
    Shelved,
    /// It is no longer shelved: by a person, because the time is over, or because it became graver.
    Unshelved,
    /// The site's design sets it aside.
    Suppressed,
    /// The site's design no longer sets it aside.
    Unsuppressed,
    /// A person has taken it out of service.
    OutOfService,
    /// A person has put it back into service.
    InService,
    /// What it turned out to be, and what was done, is on record.
    Disposed,
    /// Of no alarm: an output is to be on or off from now on. `alarm` is the output's name, `value` what it is to be.
    Switched,
    /// Of no alarm: production has gone over to another state. `alarm` is the name of the point that says so, `value` the state.
    StateChanged,
    /// Of no alarm: the wall clock was put forward or back.
    ClockStepped,
    /// Of no alarm: the computer slept, and nothing was watched.
    Slept,
}

impl EventKind {
    /// Whether it is a change of an alarm, and not something that the journal alone tells of.
    pub const fn is_of_alarm(self) -> bool {
        !matches!(self, Self::Switched | Self::StateChanged | Self::ClockStepped | Self::Slept)
    }
}

/// Whether something is an alarm or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// 报警: one limit on one signal, crossed.
    #[default]
    Alarm,
    /// 预警: what several signals say together, or a trend.
    Warning,
}

impl Class {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    const fn is_alarm(&self) -> bool {
        matches!(self, Self::Alarm)
    }
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
    /// Whether it is an alarm or a warning.
    #[serde(default, skip_serializing_if = "Class::is_alarm")]
    pub class: Class,
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
    /// While it is set aside: where it stands beneath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneath: Option<AlarmState>,
    /// While it is shelved: until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelved_until: Option<Stamp>,
    /// While it is shelved: how grave it was when that was done, if its condition was present then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelved_level: Option<Level>,
    /// Since when it has waited for somebody to take note of it, or for its end; from `at` on, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Stamp>,
    /// By how many levels it is graver than its condition, because nobody acknowledged it in time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overdue_levels: u8,
    /// Whether it was the first of its group to be raised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_out: bool,
    /// What it does that serves nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub habit: Option<Habit>,
    /// What it turned out to be, where the event is `disposed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposal: Option<Disposal>,
}

impl Transition {
    /// Of nothing but itself: normal, of level `journal`, its instance begun now, and all that can be left out left out.
    pub fn new(at: Stamp, event: EventKind, alarm: impl Into<String>, message: Text) -> Self {
        Self {
            at,
            event,
            alarm: alarm.into(),
            point: None,
            device: None,
            hazard: None,
            state: AlarmState::Normal,
            level: Level::Journal,
            class: Class::Alarm,
            value: None,
            limit: None,
            unit: None,
            quality: None,
            message,
            basis: None,
            raised_at: at,
            by: None,
            reason: None,
            acknowledged_by: None,
            beneath: None,
            shelved_until: None,
            shelved_level: None,
            waits_since: None,
            overdue_levels: 0,
            first_out: false,
            habit: None,
            disposal: None,
        }
    }

    /// Whether it calls somebody: a new instance of an alarm that is neither only for the record nor set aside.
    pub fn calls(&self) -> bool {
        self.event == EventKind::Raised && self.level != Level::Journal && !self.state.is_aside()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(levels: &u8) -> bool {
    *levels == 0
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
