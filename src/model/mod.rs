//! Plain data that every room speaks in: points, readings, qualities, alarms, events, levels, time, and the
//! closed lists of what enters and leaves the engine. No behaviour beyond constructors; depends on nothing.

mod alarm;
mod clock;
mod device;
mod flow;
pub mod habit;
mod id;
mod level;
pub mod limits;
mod output;
mod reading;
mod risk;
mod snapshot;
mod text;
mod time;

pub use alarm::{AlarmState, Class, Disposal, Event, EventKind, Finding, Nature, Transition};
pub use clock::{ClockChange, ClockSync};
pub use device::{DeviceStatus, LinkCounters, LinkReport, LinkState};
pub use flow::{
    Action, Command, CommandError, CommandResult, HealthReport, HealthSource, Input, Memory, Output, Scope,
    Standing,
};
pub use habit::Habit;
pub use id::{AlarmId, DeviceId, FeederId, ForwarderId, HazardId, LinkId, OutputId, PointId};
pub use level::Level;
pub use output::{Orders, OutputOrder, OutputReport, OutputStatus};
pub use reading::{Batch, NotAQuality, Quality, Reading, Reason, Sample, Value};
pub use risk::{Risk, RiskItem, RiskLevel};
pub use snapshot::{Board, PointState, Snapshot, UplinkStatus};
pub use text::Text;
pub use time::{Mono, Now, Stamp, Wall};
