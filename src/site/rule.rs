//! The checked rules: conditions, each of which raises the alarm of its name, and how that is handled.

use std::time::Duration;

use super::defaults;
use super::expression::Condition;
use super::schedule::Schedule;
use crate::model::{Class, DeviceId, HazardId, HealthSource, Level, LinkId, OutputId, PointId, Text};

/// A condition that raises the alarm of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The alarm's name.
    pub name: String,
    /// The hazard that it counts for; none for the gateway's own health.
    pub hazard: Option<HazardId>,
    /// The condition.
    pub kind: RuleKind,
    /// Whether it raises an alarm or a warning.
    pub class: Class,
    /// How long the condition must hold before the alarm is raised or becomes graver.
    pub on_delay: Duration,
    /// How long it must be gone before the alarm clears or becomes less grave.
    pub off_delay: Duration,
    /// What an operator reads; none for what the engine says of itself.
    pub message: Option<Text>,
    /// What the limits rest on.
    pub basis: Option<String>,
    /// How its alarm is handled.
    pub handling: Handling,
    /// When it is active; always, where there is none.
    pub binding: Option<Box<Binding>>,
}

impl Rule {
    /// Always active, without delays, with nothing to say but what it is about; its alarm handled as by default.
    pub fn new(name: impl Into<String>, hazard: Option<HazardId>, kind: RuleKind) -> Self {
        Self {
            name: name.into(),
            hazard,
            kind,
            class: Class::Alarm,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
            message: None,
            basis: None,
            handling: Handling::default(),
            binding: None,
        }
    }
}

/// When a rule is active.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Only while this holds.
    pub only_when: Option<Condition>,
    /// Only at these times.
    pub only_during: Option<Schedule>,
    /// Not at these times.
    pub not_during: Option<Schedule>,
}

impl Binding {
    /// Whether the time of the week matters.
    pub const fn has_times(&self) -> bool {
        self.only_during.is_some() || self.not_during.is_some()
    }
}

/// How an alarm is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    /// Whether somebody must take note of it.
    pub acknowledge: bool,
    /// Whether it stays until it is reset, once its condition is gone.
    pub latch: bool,
    /// The group of which the first to be raised is marked, by its place among the site's groups.
    pub group: Option<u32>,
}

impl Default for Handling {
    /// To be acknowledged, not latched, in no group.
    fn default() -> Self {
        Self { acknowledge: true, latch: false, group: None }
    }
}

/// What the site asks of its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmOptions {
    /// Longest time for which an alarm may be shelved.
    pub shelve_max: Duration,
    /// Time after which an alarm that nobody has acknowledged becomes graver by one level; by level, red first.
    pub escalate_after: [Option<Duration>; 4],
    /// Time after which an acknowledged alarm that still stands asks again; by level, red first.
    pub remind_after: [Option<Duration>; 4],
}

impl Default for AlarmOptions {
    /// A shift of shelving at most; nobody is pressed.
    fn default() -> Self {
        Self { shelve_max: defaults::SHELVE_MAX.0, escalate_after: [None; 4], remind_after: [None; 4] }
    }
}

impl AlarmOptions {
    /// Of a table by level, the time for this one.
    pub fn of(table: &[Option<Duration>; 4], level: Level) -> Option<Duration> {
        table[usize::from(level.number()?) - 1]
    }
}

/// The condition of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// A point beyond its limits.
    Limits(Limits),
    /// Points that stand to each other as they must not.
    Condition(ConditionRule),
    /// A point that can't be trusted or has not been renewed, while its device answers. One for each point.
    Signal {
        /// The point.
        point: PointId,
        /// The alarm's level.
        level: Level,
    },
    /// A device that does not answer, while others of its link do. One for each device.
    DeviceLost {
        /// The device.
        device: DeviceId,
        /// The alarm's level.
        level: Level,
    },
    /// A link behind which nobody answers: one alarm for those of its devices that serve the same hazard, instead of one for each of
    /// them. One for each link and hazard with two such devices or more.
    LinkLost {
        /// The link.
        link: LinkId,
        /// Those that it speaks for, at least two.
        devices: Vec<DeviceId>,
        /// The alarm's level.
        level: Level,
    },
    /// A device that answers in part, or not every time. One for each device, at level [`Level::Journal`].
    DeviceDegraded {
        /// The device.
        device: DeviceId,
    },
    /// An output that is not as it is wanted. One for each output that is enabled.
    OutputFailed {
        /// The output.
        output: OutputId,
        /// The alarm's level.
        level: Level,
    },
    /// More alarms than people can take, at level [`Level::Journal`]. One for the site.
    Flood,
    /// The hazard of the rule, or without one the whole site, is ordered to stand still. One for each of which a derived point asks, at level
    /// [`Level::Journal`].
    StopOrder,
    /// A stop of the hazard of the rule, or without one of the whole site, that the site file declares is in force. One for each of which there is one, at level
    /// [`Level::Journal`].
    DeclaredStop,
    /// A part of the gateway that does not work. One for each part.
    Health {
        /// The part.
        source: HealthSource,
        /// The alarm's level.
        level: Level,
    },
}

/// A condition over any points, and how grave it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionRule {
    /// What raises the alarm.
    pub when: Condition,
    /// What keeps it: `when`, or that what is to end it has not come.
    pub stays: Condition,
    /// Every point that either looks at, each once, in the order of their ids.
    pub points: Vec<PointId>,
    /// The alarm's level.
    pub level: Level,
}

/// Up to four limits on one point; those present are in order `ll < l < h < hh`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The point.
    pub point: PointId,
    /// Low-low.
    pub ll: Option<Limit>,
    /// Low.
    pub l: Option<Limit>,
    /// High.
    pub h: Option<Limit>,
    /// High-high.
    pub hh: Option<Limit>,
    /// How far back past a limit the value must come before it counts as gone; not negative, and so small that the
    /// bands of a low and a high limit never meet.
    pub deadband: f64,
}

/// One limit and how grave it is to cross it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// In the point's unit.
    pub value: f64,
    /// The level while it is crossed.
    pub level: Level,
}
