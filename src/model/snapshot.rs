//! What others see of the gateway's state. The [`Board`] is what the journal already holds, published by the store after
//! each commit; the [`Snapshot`] is the latest of every point, published by the gateway's loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alarm::Event;
use super::device::DeviceStatus;
use super::id::ForwarderId;
use super::output::OutputStatus;
use super::reading::Sample;
use super::risk::Risk;
use super::text::Text;
use super::time::{Stamp, Wall};

/// The committed state: nobody is shown an alarm that the journal does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// Standing alarms (every state but normal) by name, each as its last event.
    pub alarms: BTreeMap<String, Arc<Event>>,
    /// Each device, by name.
    pub devices: BTreeMap<String, Arc<DeviceStatus>>,
    /// Each output that is enabled, by name.
    pub outputs: BTreeMap<String, Arc<OutputStatus>>,
    /// The risk picture.
    pub risk: Arc<Risk>,
}

/// The latest of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointState {
    /// When it was read.
    pub at: Wall,
    /// What it said.
    pub sample: Sample,
}

/// The state of one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkStatus {
    /// Which.
    pub forwarder: ForwarderId,
    /// Whether it is connected.
    pub connected: bool,
    /// Since when.
    pub since: Stamp,
    /// What is wrong with it, in words.
    pub error: Option<Text>,
}

/// The latest of everything that moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Stamp,
    /// The latest of each point, indexed by its id; none until it was heard of.
    pub points: Vec<Option<PointState>>,
    /// Each destination, indexed by its id.
    pub uplinks: Vec<UplinkStatus>,
}
