//! A group commit in the making: the turns of one transaction, numbered once. What has been numbered is written again
//! and again until it is on disk, so numbers are never taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::{ContextV7, Uuid};

use super::ledger::Ledger;
use super::progress::Progress;
use super::row::{Packed, pack};
use super::turn::Turn;
use crate::model::limits::ROW_READINGS_MAX;
use crate::model::{Batch, CommandResult, DeviceStatus, Event, OutputStatus, Reading, Risk, Transition};
use crate::site::Site;

/// One stored batch, ready to be written.
pub(super) struct NewRow {
    pub(super) id: u64,
    pub(super) device: u32,
    pub(super) seq: u64,
    pub(super) at: i64,
    pub(super) body: Vec<u8>,
}

/// What one transaction writes, and what is said after it.
#[derive(Default)]
pub(super) struct Group {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) rows: Vec<NewRow>,
    pub(super) names: Vec<(u32, String)>,
    pub(super) devices: Vec<DeviceStatus>,
    pub(super) outputs: Vec<OutputStatus>,
    pub(super) risk: Option<Risk>,
    pub(super) progress: BTreeMap<String, Progress>,
    pub(super) replies: Vec<(oneshot::Sender<CommandResult>, CommandResult)>,
}

impl Group {
    /// Adds what a turn decided, and numbers it.
    pub(super) fn add(&mut self, turn: Turn, ledger: &mut Ledger, ids: &ContextV7, site: &Site) {
        for transition in turn.transitions {
            let (id, seq) = (event_id(ids, &transition), ledger.next_event());
            self.events.push(Arc::new(Event { id, seq, transition }));
        }
        for batch in &turn.batches {
            for readings in batch.readings.chunks(ROW_READINGS_MAX) {
                self.add_row(batch, readings, ledger, site);
            }
        }
        self.devices.extend(turn.devices);
        self.outputs.extend(turn.outputs);
        self.risk = turn.risk.or(self.risk.take());
        self.replies.extend(turn.replies);
    }

    fn add_row(&mut self, batch: &Batch, readings: &[Reading], ledger: &mut Ledger, site: &Site) {
        let device = ledger.device(batch.device, site, &mut self.names);
        let packed: Vec<Packed> = readings
            .iter()
            .map(|reading| {
                let name = ledger.point(reading.point, site, &mut self.names);
                Packed::new(name, batch.at.0.saturating_sub(reading.at.0), reading.sample)
            })
            .collect();
        let body = pack(&packed);
        let (id, seq) = ledger.next_row(device, body.len());
        self.rows.push(NewRow { id, device, seq, at: batch.at.0, body });
    }

    /// Whether it must be on disk before anyone hears of it.
    pub(super) fn is_durable(&self) -> bool {
        !self.events.is_empty() || self.risk.is_some()
    }

    /// Whether there is anything to write.
    pub(super) fn writes(&self) -> bool {
        self.is_durable() || !self.outputs.is_empty() || !self.rows.is_empty() || !self.progress.is_empty()
    }
}

fn event_id(ids: &ContextV7, transition: &Transition) -> Uuid {
    let ms = u64::try_from(transition.at.wall.0).unwrap_or(0);
    let nanos = (ms % 1000) as u32 * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(ids, ms / 1000, nanos))
}
