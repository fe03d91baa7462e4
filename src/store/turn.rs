//! One turn of the gateway's loop: what it decided, and who waits to hear that it is on disk.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::model::{
    Batch, ClockChange, CommandResult, DeviceId, DeviceStatus, Output, OutputStatus, Risk, Transition,
};

/// A report that is to be kept, and told to every destination that takes reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is about, such as `power`.
    pub kind: String,
    /// The day that it is of, such as `2026-11-21`.
    pub day: String,
    /// What it is of within that; there is one report for each kind, day and subject, and the first stands.
    pub subject: String,
    /// The report, as JSON.
    pub body: String,
}

/// What one turn of the gateway's loop decided: one group commit.
#[derive(Debug, Default)]
pub struct Turn {
    /// What has become of the wall clock: before all else in the turn, after all that was handed over before.
    pub clock: Option<ClockChange>,
    /// To be journalled, in order.
    pub transitions: Vec<Transition>,
    /// Readings that were given up before these, by device: no destination will have them.
    pub given_up: BTreeMap<DeviceId, u64>,
    /// To be kept for the destinations.
    pub batches: Vec<Batch>,
    /// Devices whose state changed.
    pub devices: Vec<DeviceStatus>,
    /// Outputs whose state changed.
    pub outputs: Vec<OutputStatus>,
    /// The risk picture, if it changed.
    pub risk: Option<Risk>,
    /// What the engine must know again after a restart, by key; none to forget it.
    pub memories: BTreeMap<String, Option<String>>,
    /// Reports that are made.
    pub reports: Vec<Report>,
    /// Whom to answer once all of it is on disk.
    pub replies: Vec<(oneshot::Sender<CommandResult>, CommandResult)>,
}

impl Turn {
    /// The turn with what the engine put out; `out` is empty afterwards. `waiting` holds whom to answer, one for each result.
    pub fn take(out: &mut Output, waiting: &mut Vec<Option<oneshot::Sender<CommandResult>>>) -> Self {
        let results = std::mem::take(&mut out.results);
        let replies = waiting.drain(..).zip(results).filter_map(|(to, result)| Some((to?, result))).collect();
        let memories = std::mem::take(&mut out.memories);
        Self {
            clock: None,
            given_up: BTreeMap::new(),
            transitions: std::mem::take(&mut out.transitions),
            batches: std::mem::take(&mut out.batches),
            devices: std::mem::take(&mut out.devices),
            outputs: std::mem::take(&mut out.outputs),
            risk: out.risk.take(),
            memories: memories.into_iter().map(|memory| (memory.key, memory.body)).collect(),
            reports: Vec::new(),
            replies,
        }
    }
}
