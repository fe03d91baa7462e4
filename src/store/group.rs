//! A group commit in the making: the turns of one transaction, numbered once. What has been numbered is written again
//! and again until it is on disk, so numbers are never taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::{ContextV7, Uuid};

use super::ledger::Ledger;
use super::progress::{Progress, Span};
use super::restamp::{Restamp, Start};
use super::row::{Packed, pack};
use super::turn::{Report, Turn};
use crate::model::limits::{CLOCK_RESTAMPS_MAX, ROW_READINGS_MAX, ROW_SPREAD_MAX};
use crate::model::{
    Batch, ClockChange, ClockSync, CommandResult, DeviceStatus, Event, OutputStatus, Reading, Risk,
    Transition,
};
use crate::site::Site;

/// One stored batch, ready to be written.
pub(super) struct NewRow {
    pub(super) id: u64,
    pub(super) device: u32,
    pub(super) seq: u64,
    pub(super) at: i64,
    pub(super) clock: ClockSync,
    pub(super) body: Vec<u8>,
}

/// What one transaction writes, and what is said after it.
#[derive(Default)]
pub(super) struct Group {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) restamps: Vec<Restamp>,
    /// What is settled of the stamps, if that changed.
    pub(super) start: Option<Start>,
    /// Steps of the clock after which older stamps are left as they are.
    pub(super) steps: Vec<Step>,
    pub(super) rows: Vec<NewRow>,
    /// Readings that were given up before they had a row.
    pub(super) given_up: u64,
    pub(super) names: Vec<(u32, String)>,
    pub(super) devices: Vec<DeviceStatus>,
    pub(super) outputs: Vec<OutputStatus>,
    pub(super) risk: Option<Risk>,
    /// What the engine must know again, by key; none to forget it.
    pub(super) memories: BTreeMap<String, Option<String>>,
    /// Reports, each with its number.
    pub(super) reports: Vec<(u64, Report)>,
    pub(super) progress: BTreeMap<String, Progress>,
    /// Why a destination will not take an event; none where it has taken it after all.
    pub(super) refusals: BTreeMap<(String, u64), Option<String>>,
    /// The last report that a destination has acknowledged.
    pub(super) reported: BTreeMap<String, u64>,
    pub(super) replies: Vec<(oneshot::Sender<CommandResult>, CommandResult)>,
}

impl Group {
    /// Adds what a turn decided, and numbers it.
    pub(super) fn add(&mut self, turn: Turn, ledger: &mut Ledger, ids: &ContextV7, site: &Site) {
        if let Some(change) = turn.clock {
            self.follow_clock(&change, ledger);
        }
        for transition in turn.transitions {
            let (id, seq) = (event_id(ids, &transition), ledger.next_event());
            self.events.push(Arc::new(Event { id, seq, clock: ledger.clock, transition }));
        }
        for (&device, readings) in &turn.given_up {
            let device = ledger.device(device, site, &mut self.names);
            ledger.skip_row(device);
            self.given_up += readings;
        }
        for mut batch in turn.batches {
            if ledger.thinner.is_needed() {
                batch.readings.retain(|reading| ledger.thinner.keeps(reading, site));
            }
            let moments = batch.readings.chunk_by(is_of_one_moment);
            for readings in moments.flat_map(|moment| moment.chunks(ROW_READINGS_MAX)) {
                self.add_row(&batch, readings, ledger, site);
            }
        }
        self.devices.extend(turn.devices);
        self.outputs.extend(turn.outputs);
        self.risk = turn.risk.or(self.risk.take());
        self.memories.extend(turn.memories);
        for report in turn.reports {
            self.reports.push((ledger.next_report(), report));
        }
        self.replies.extend(turn.replies);
    }

    fn follow_clock(&mut self, change: &ClockChange, ledger: &mut Ledger) {
        ledger.clock = change.sync;
        if !change.restamps || ledger.start.settled {
            let heads = (ledger.event, ledger.telemetry);
            let step = Step { event: heads.0, telemetry: heads.1, by_ms: change.by_ms };
            self.steps.extend((change.by_ms != 0).then_some(step));
            return;
        }
        let (start, settles) = (&mut ledger.start, change.settles());
        let events = Span { after: start.event, upto: ledger.event };
        let rows = Span { after: start.telemetry, upto: ledger.telemetry };
        let restamp = Restamp { events, rows, by_ms: change.by_ms, settles };
        if restamp.is_needed() && (settles || start.restamps < CLOCK_RESTAMPS_MAX) {
            start.restamps += 1;
            self.restamps.push(restamp);
        }
        if settles {
            start.settled = true;
            self.start = Some(start.clone());
        }
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
        self.rows.push(NewRow { id, device, seq, at: batch.at.0, clock: ledger.clock, body });
    }

    /// Whether it must be on disk before anyone hears of it.
    pub(super) fn is_durable(&self) -> bool {
        !self.events.is_empty()
            || self.risk.is_some()
            || !self.restamps.is_empty()
            || !self.reports.is_empty()
    }

    /// Whether there is anything to write.
    pub(super) fn writes(&self) -> bool {
        let states = !self.outputs.is_empty() || self.start.is_some() || !self.memories.is_empty();
        let progress = !self.progress.is_empty() || !self.refusals.is_empty() || !self.reported.is_empty();
        self.is_durable() || states || self.given_up > 0 || !self.rows.is_empty() || progress
    }
}

/// A step of the clock, and how far the outbox went when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) event: u64,
    pub(super) telemetry: u64,
    pub(super) by_ms: i64,
}

fn is_of_one_moment(a: &Reading, b: &Reading) -> bool {
    u128::from(a.at.0.abs_diff(b.at.0)) <= ROW_SPREAD_MAX.as_millis()
}

fn event_id(ids: &ContextV7, transition: &Transition) -> Uuid {
    let ms = u64::try_from(transition.at.wall.0).unwrap_or(0);
    let nanos = (ms % 1000) as u32 * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(ids, ms / 1000, nanos))
}
