//! The task that makes each day's reports shortly after local midnight, and has the store keep them; the destinations find them there. Which days are due is asked of
//! the store, so that a restart, a stopped gateway or a failed disk costs no day and makes none twice: there is one report for each day and
//! line, and the first stands.

use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, ReportError};
use super::document::{LineDay, POWER};
use crate::clock::Clock;
use crate::model::limits::{REPORT_BYTES_MAX, REPORT_LOOK_INTERVAL, REPORT_REST};
use crate::model::{ClockSync, Wall};
use crate::store::{Report, Stopped, Store, Turn};

/// Why a look did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the store has stopped")]
    Stopped,
    #[error("the work was broken off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Makes reports until `stop`.
pub async fn run(desk: Arc<Desk>, store: Store, clock: Clock, stop: CancellationToken) {
    if desk.plan().lines.is_empty() {
        return stop.cancelled().await;
    }
    loop {
        let look = look(&desk, &store, clock, &stop);
        let looked = tokio::select! {
            looked = look => looked,
            () = stop.cancelled() => return,
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "the reports of power were not brought up to date; tried again in a minute");
        }
        tokio::select! {
            () = tokio::time::sleep(REPORT_LOOK_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Makes what is due, a day at a time, and reads on of today.
async fn look(
    desk: &Arc<Desk>,
    store: &Store,
    clock: Clock,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    // A clock that nothing has set yet may say any day; what it stamped is put right once it is known.
    if clock.sync() == ClockSync::Unsynced && clock.now().wall < EARLIEST {
        return Ok(());
    }
    let now = clock.now().wall;
    let at_work = Arc::clone(desk);
    let due = tokio::task::spawn_blocking(move || at_work.due(now)).await??;
    for day in due {
        if stop.is_cancelled() {
            return Ok(());
        }
        let at_work = Arc::clone(desk);
        let lines = tokio::task::spawn_blocking(move || at_work.make(day, now)).await??;
        keep(store, day, &lines).await?;
        tracing::info!(%day, lines = lines.len(), "power reported");
    }
    let at_work = Arc::clone(desk);
    tokio::task::spawn_blocking(move || at_work.catch_up(now, REPORT_REST)).await??;
    Ok(())
}

/// The first of January 2020, UTC: no gateway is older, and a clock that shows an earlier time has not been set.
const EARLIEST: Wall = Wall(1_577_836_800_000);

/// Has the store keep the reports of a day, and waits until they are on disk.
async fn keep(store: &Store, day: Date, lines: &[LineDay]) -> Result<(), Failure> {
    let report = |line: &LineDay| {
        let body = body(line);
        Report { kind: POWER.to_owned(), day: day.to_string(), subject: line.line.clone(), body }
    };
    let (reply, kept) = oneshot::channel();
    let turn = Turn {
        reports: lines.iter().map(report).collect(),
        replies: vec![(reply, Ok(()))],
        ..Turn::default()
    };
    store.commit(turn).await?;
    kept.await.map_err(|_| Failure::Stopped)?.map_err(|_| Failure::Stopped)
}

/// The message; one that would be too large for a broker loses its evidence.
fn body(line: &LineDay) -> String {
    let text =
        |line: &LineDay| serde_json::to_string(line).expect("plain data with text keys always serializes");
    let whole = text(line);
    if whole.len() <= REPORT_BYTES_MAX {
        return whole;
    }
    let mut less = line.clone();
    for anomaly in &mut less.anomalies {
        anomaly.evidence = None;
    }
    text(&less)
}
