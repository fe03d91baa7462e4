//! The embedded database: event journal, alarm state, outbox and local history, in one `SQLite` file with one writer.
//!
//! # Format
//! `hazgate.db` in the data directory, in write-ahead mode, beside `hazgate.lock`, which one process at a time may hold.
//! - `meta`: the format's version; running numbers as last saved; the last risk picture.
//! - `journal`: every event, for ever. `seq` is gap-free over the gateway's life; `body` is the event as JSON.
//! - `alarm`: the last event of each alarm that is not normal. Written with the event, so the two cannot disagree.
//! - `name`: device and point names, interned; for devices also the last sequence number of their telemetry.
//! - `telemetry`: batches of readings; `id` is gap-free over all, `seq` over each device; `body` is postcard.
//! - `cursor`, `gap`: what each destination has acknowledged.
//!
//! The journal and the telemetry *are* the outbox: a destination is a cursor over them, so an event, the alarm's state and
//! the duty to deliver it are one row each in one transaction.
//!
//! # When something is kept
//! Turns that wait are written as one transaction. One with events waits for the disk (`synchronous=FULL`) before anyone
//! hears of it. One with telemetry alone does not; the disk has it at most a second later. So a crash costs nothing, and a
//! power cut at most one second of readings and never an event. Cursors may be a little behind after a power cut: what lies between
//! is sent twice.
//!
//! # Limits
//! Telemetry takes at most `telemetry_bytes_max` (bodies plus a flat share per row); beyond that the oldest rows go, in
//! bounded steps, and readings that a destination had yet to acknowledge are counted in its cursor. Events never go.
//! The queue to the writer has [`STORE_QUEUE_LEN_MAX`](crate::model::limits::STORE_QUEUE_LEN_MAX) places.
//!
//! # Recovery
//! A transaction is whole or absent: `SQLite` folds its log in at the next opening. Telemetry written since the running
//! numbers were last saved is counted again. A file that is not a readable database is set aside under another name and a
//! new one begun. A disk that refuses to write is reported by [`Store::fault`]; what it refused stays in memory, nobody hears of it,
//! and it is tried again until it is kept.

mod error;
#[cfg(test)]
pub(crate) mod fixtures;
mod gate;
mod group;
mod ledger;
mod progress;
mod publish;
mod reader;
mod row;
mod schema;
mod sql;
#[cfg(test)]
mod tests;
mod turn;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{broadcast, watch};
use uuid::ContextV7;

pub use error::{Stopped, StoreError};
pub use progress::{Progress, Span};
pub use publish::Heads;
pub use reader::{History, Outbox};
pub use row::{Row, RowReading};
pub use turn::Turn;

use crate::clock::Clock;
use crate::model::limits::STORE_QUEUE_LEN_MAX;
use crate::model::{Board, Event, Text, Transition};
use crate::site::{Site, StoreOptions};
use gate::{Entry, Exit, gate};
use ledger::Ledger;
use publish::Publisher;
use writer::{Job, Writer};

/// A handle to the database; cheap to clone. When the last is gone, what is queued is committed and the writer ends.
#[derive(Clone)]
pub struct Store {
    jobs: Entry<Job>,
    publisher: Publisher,
    path: Arc<Path>,
    closing: Arc<AtomicBool>,
    ended: watch::Receiver<()>,
}

/// An opened database.
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// The last transition of each alarm that was not normal.
    pub standing: Vec<Transition>,
    /// Where a database that could not be read was put; the one in use is then new and empty.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens or creates the database and starts its writer. The directory is created if need be (for its owner alone)
    /// and is ours until the writer has ended.
    pub fn open(options: &StoreOptions, site: Arc<Site>, clock: Clock) -> Result<Opened, StoreError> {
        let now = clock.now().wall;
        let mut held = schema::hold(&options.directory, now)?;
        let ledger = Ledger::load(&held.connection, &site)?;
        let forwarders = site.forwarders.iter().map(|forwarder| forwarder.name.as_str());
        let cursors = sql::register(&mut held.connection, forwarders, &ledger)?;
        let board = publish::load_board(&held.connection, &site, now.stamp(&site.identity.zone))?;
        let standing = board.alarms.values().map(|event| event.transition.clone()).collect();

        let heads = Heads { event: ledger.event, telemetry: ledger.telemetry, floor: ledger.floor };
        let publisher = Publisher::new(board, heads);
        let closing = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            connection: held.connection,
            ledger,
            cursors,
            bytes_max: options.telemetry_bytes_max,
            site,
            clock,
            publisher: publisher.clone(),
            closing: Arc::clone(&closing),
            ids: ContextV7::new(),
            unsynced_since: None,
            _lock: held.lock,
        };
        let (entry, exit) = gate(STORE_QUEUE_LEN_MAX);
        let ended = start(writer, exit, publisher.clone())
            .map_err(|source| StoreError::Directory { path: options.directory.clone(), source })?;
        let store = Self { jobs: entry, publisher, path: held.path.into(), closing, ended };
        Ok(Opened { store, standing, set_aside: held.set_aside })
    }

    /// Hands over what a turn decided. Waits for a place in the queue, not for the disk.
    pub async fn commit(&self, turn: Turn) -> Result<(), Stopped> {
        self.jobs.put(Job::Turn(Box::new(turn))).await
    }

    /// Hands over how far a destination has acknowledged, if the queue has a place; says whether it had.
    pub fn try_advance(&self, forwarder: &str, progress: Progress) -> Result<bool, Stopped> {
        self.jobs.try_put(Job::Progress(forwarder.to_owned(), progress))
    }

    /// Hands over how far a destination has acknowledged; waits for a place in the queue.
    pub async fn advance(&self, forwarder: &str, progress: Progress) -> Result<(), Stopped> {
        self.jobs.put(Job::Progress(forwarder.to_owned(), progress)).await
    }

    /// The committed state, renewed after each commit that changes it.
    pub fn board(&self) -> watch::Receiver<Arc<Board>> {
        self.publisher.board.subscribe()
    }

    /// Committed events from now on. Who lags too far is told so, and finds what was missed in the history.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.publisher.events.subscribe()
    }

    /// How far the outbox goes.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.publisher.heads.subscribe()
    }

    /// What is wrong with the disk; none when nothing is.
    pub fn fault(&self) -> watch::Receiver<Option<Text>> {
        self.publisher.fault.subscribe()
    }

    /// What the destination of this name, one of the site's, has yet to be told.
    pub fn outbox(&self, forwarder: &str) -> Result<Outbox, StoreError> {
        Outbox::open(&self.path, forwarder)
    }

    /// The journal, for people.
    pub fn history(&self) -> Result<History, StoreError> {
        History::open(&self.path)
    }

    /// Commits what is queued, folds the log into the database and ends the writer. Other handles find it stopped.
    pub async fn close(self) {
        self.closing.store(true, Ordering::Relaxed);
        if self.jobs.put(Job::Close).await.is_err() {
            tracing::debug!("the store had stopped before it was closed");
        }
        let mut ended = self.ended;
        // The sender sends nothing: that it is gone says that the thread is.
        while ended.changed().await.is_ok() {}
    }
}

/// Starts the writer's thread. The receiver's sender is gone once the thread has ended.
fn start(writer: Writer, jobs: Exit<Job>, publisher: Publisher) -> std::io::Result<watch::Receiver<()>> {
    let (alive, ended) = watch::channel(());
    let work = move || {
        let _alive = alive;
        let _watchdog = Watchdog(publisher);
        writer.run(&jobs);
    };
    std::thread::Builder::new().name("store".to_owned()).spawn(work)?;
    Ok(ended)
}

/// Reports a writer that panicked.
struct Watchdog(Publisher);

impl Drop for Watchdog {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        tracing::error!("the database's writer failed: nothing more is kept until the gateway is restarted");
        self.0.fault(Some(Text::new(
            "数据库写入线程异常终止，请重启网关",
            "the database's writer failed; restart the gateway",
        )));
    }
}
