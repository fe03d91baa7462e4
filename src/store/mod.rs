//! The embedded database: event journal, alarm state, outbox and local history, in one `SQLite` file with one writer.
//!
//! # Format
//! `hazgate.db` in the data directory, in write-ahead mode, beside `hazgate.lock`, which one process at a time may hold,
//! and `hazgate.reserve`, which holds back space for the day the disk is full.
//! - `meta`: the format's version; running numbers as last saved; the last risk picture.
//! - `journal`: every event, for ever. `seq` never goes back over the gateway's life, and is gap-free but for one leap when
//!   a database is set aside; `body` is the event as JSON.
//! - `alarm`: the last event of each alarm that is not normal. Written with the event, so the two cannot disagree.
//! - `name`: device and point names, interned; for devices also the last sequence number of their telemetry.
//! - `telemetry`: batches of readings; `id` is gap-free over all, `seq` over each device; `body` is postcard, `clock` what vouches
//!   for the stamps.
//! - `restamp`: by how much stamps are off that were made before anything vouched for the clock; applied when they are read.
//! - `report`: reports of days that are over, each as it was first made; the oldest go beyond a bound.
//! - `cursor`, `gap`: what each destination has acknowledged.
//! - `refused`: events that a destination would not take. They are set aside: its cursor goes on behind them, and they are tried again.
//!
//! The journal and the telemetry *are* the outbox: a destination is a cursor over them, so an event, the alarm's state and
//! the duty to deliver it are one row each in one transaction.
//!
//! # When something is kept
//! Turns that wait are written as one transaction. One with events waits for the disk (`synchronous=FULL`) before anyone
//! hears of it. One with telemetry alone does not; the disk has it at most a second later. So a crash costs nothing, and a
//! power cut at most one second of readings and never an event. Cursors may be a little behind after a power cut: what lies between
//! is sent twice. Readings that it took may have been sent: so that their numbers do not come to stand for others, each device's
//! leap by a million at the first opening after a start of the computer, unless the database had been closed (`meta.closed`).
//!
//! # Limits
//! Telemetry takes at most `telemetry_bytes_max` (bodies plus a flat share per row), and is at most `telemetry_age_max` old; beyond that the oldest rows go, in
//! bounded steps, and readings that a destination had yet to acknowledge are counted in its cursor. Events never go. On a
//! full disk (also at the opening) the reserve is let go, and then telemetry goes too, oldest first and only as far as what comes then fits.
//! The queue to the writer has [`STORE_QUEUE_LEN_MAX`](crate::model::limits::STORE_QUEUE_LEN_MAX) places. Readings that the
//! loop gave up because none came free ([`Turn::given_up`]) are counted in every cursor, and leave a gap in their device's numbers.
//!
//! # Recovery
//! A transaction is whole or absent: `SQLite` folds its log in at the next opening. Telemetry written since the running
//! numbers were last saved is counted again. A database whose running numbers, standing alarms, risk picture or cursors
//! cannot be read is set aside under another name and a new one begun; its events are numbered from the milliseconds since
//! 2020, or above the last number that can be read from those set aside if that is higher, so that no number is given twice.
//! A disk that refuses to write, and has no telemetry to give up, is reported by [`Store::fault`] and in the log; what it
//! refused stays in memory, nobody hears of it, and it is tried again until it is kept.

mod archive;
mod error;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod gate;
mod group;
mod ledger;
mod log;
mod past;
mod progress;
mod publish;
mod reader;
mod reports;
mod reserve;
mod restamp;
mod row;
mod salvage;
mod schema;
mod sql;
#[cfg(test)]
mod tests;
mod thin;
mod turn;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use tokio::sync::{broadcast, watch};
use uuid::ContextV7;

pub use archive::{Archive, Destination, Extent, Owed, Summary};
pub use error::{Stopped, StoreError};
pub use past::Past;
pub use progress::{Progress, Span};
pub use publish::Heads;
pub use reader::{History, Outbox, Recorded, Refusals};
pub use reports::Reports;
pub use row::{Row, RowReading};
pub use salvage::{Mended, repair};
pub use turn::{Report, Turn};
pub use verify::verify;

use crate::clock::{self, Clock};
use crate::model::limits::STORE_QUEUE_LEN_MAX;
use crate::model::{Board, Event, Mono, Now, OutputStatus, Standing, Text};
use crate::site::{Site, StoreOptions};
use gate::{Entry, Exit, Place, gate};
use ledger::Ledger;
use log::Log;
use publish::Publisher;
use reserve::Reserve;
use restamp::Start;
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

/// A place in the queue that is held for a turn; given back when it is dropped.
pub struct TurnPlace<'a>(Place<'a, Job>);

impl TurnPlace<'_> {
    /// Hands over what a turn decided.
    pub fn put(self, turn: Turn) -> Result<(), Stopped> {
        self.0.put(Job::Turn(Box::new(turn)))
    }
}

/// An opened database.
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// Where a database that could not be read was put; the one in use is then new and empty.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens or creates the database and starts its writer. The directory is created if need be (for its owner alone)
    /// and is ours until the writer has ended.
    pub fn open(options: &StoreOptions, site: Arc<Site>, clock: Clock) -> Result<Opened, StoreError> {
        let Prepared { writer, path, set_aside } = Prepared::new(options, site, clock)?;
        let store = Self::launch(writer, &path)
            .map_err(|source| StoreError::Directory { path: options.directory.clone(), source })?;
        Ok(Opened { store, set_aside })
    }

    /// Sets the writer of the database at `path` to work.
    fn launch(writer: Writer, path: &Path) -> std::io::Result<Self> {
        let (publisher, closing) = (writer.publisher.clone(), Arc::clone(&writer.closing));
        let (jobs, exit) = gate(STORE_QUEUE_LEN_MAX);
        let ended = start(writer, exit, publisher.clone())?;
        Ok(Self { jobs, publisher, path: path.into(), closing, ended })
    }

    /// Hands over what a turn decided. Waits for a place in the queue, not for the disk.
    pub async fn commit(&self, turn: Turn) -> Result<(), Stopped> {
        self.place().await?.put(turn)
    }

    /// Waits for a place in the queue.
    pub async fn place(&self) -> Result<TurnPlace<'_>, Stopped> {
        self.jobs.place().await.map(TurnPlace)
    }

    /// A place in the queue, if one is free.
    pub fn try_place(&self) -> Result<Option<TurnPlace<'_>>, Stopped> {
        Ok(self.jobs.try_place()?.map(TurnPlace))
    }

    /// Hands over how far a destination has acknowledged, if the queue has a place; says whether it had.
    pub fn try_advance(&self, forwarder: &str, progress: Progress) -> Result<bool, Stopped> {
        self.jobs.try_put(Job::Progress(forwarder.to_owned(), progress))
    }

    /// Hands over up to which number a destination has acknowledged reports, if the queue has a place; says whether it had.
    pub fn try_advance_reports(&self, forwarder: &str, report: u64) -> Result<bool, Stopped> {
        self.jobs.try_put(Job::Reported(forwarder.to_owned(), report))
    }

    /// Hands over how far a destination has acknowledged; waits for a place in the queue.
    pub async fn advance(&self, forwarder: &str, progress: Progress) -> Result<(), Stopped> {
        self.jobs.put(Job::Progress(forwarder.to_owned(), progress)).await
    }

    /// The destination will not take this event, for this reason: it is set aside. Kept no later than what is handed over after it.
    pub async fn refused(&self, forwarder: &str, event: u64, why: String) -> Result<(), Stopped> {
        self.jobs.put(Job::Refusal(forwarder.to_owned(), event, Some(why))).await
    }

    /// The destination has taken an event that was set aside.
    pub async fn taken(&self, forwarder: &str, event: u64) -> Result<(), Stopped> {
        self.jobs.put(Job::Refusal(forwarder.to_owned(), event, None)).await
    }

    /// The committed state, renewed after each commit that changes it.
    pub fn board(&self) -> watch::Receiver<Arc<Board>> {
        self.publisher.board.subscribe()
    }

    /// The alarms that are not normal, the outputs and what the engine remembers, as committed. Reads from the disk: for starts.
    pub fn standing(&self) -> Standing {
        let memories = schema::reader(&self.path).and_then(|connection| sql::memories(&connection));
        let memories = memories.unwrap_or_else(|error| {
            tracing::error!(%error, "what the engine remembers cannot be read: delays begin anew");
            Vec::new()
        });
        let board = self.publisher.board.borrow();
        Standing {
            alarms: board.alarms.values().map(|event| event.transition.clone()).collect(),
            outputs: board.outputs.values().map(|status| OutputStatus::clone(status)).collect(),
            memories,
        }
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

    /// Whether the disk is short of room: alarms are kept, and the oldest telemetry goes for what is new.
    pub fn shortage(&self) -> watch::Receiver<Option<Text>> {
        self.publisher.shortage.subscribe()
    }

    /// Has [`fault`](Self::fault) say of a disk that has taken too long by `now` that it does not answer.
    pub fn notice(&self, now: Mono) {
        self.publisher.notice(now);
    }

    /// By how much the clock has been put forward since this event was stamped, ms; negative if back.
    pub fn moved_since_event(&self, seq: u64) -> i64 {
        self.publisher.moved_since(|step| seq <= step.event)
    }

    /// The same for the telemetry row with this id.
    pub fn moved_since_row(&self, id: u64) -> i64 {
        self.publisher.moved_since(|step| id <= step.telemetry)
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

/// A database that is open and read, before its writer is set to work.
struct Prepared {
    writer: Writer,
    path: PathBuf,
    set_aside: Option<PathBuf>,
}

impl Prepared {
    fn new(options: &StoreOptions, site: Arc<Site>, clock: Clock) -> Result<Self, StoreError> {
        let Now { mono, wall: now } = clock.now();
        let load = |connection: &mut Connection| -> Result<_, StoreError> {
            let mut ledger = Ledger::load(connection, &site)?;
            ledger.clock = clock.sync();
            ledger.start = Start::load(connection, Start::new(clock::computer_start(), &ledger))?;
            sql::begin(connection, &mut ledger)?;
            let forwarders = site.forwarders.iter().map(|forwarder| forwarder.name.as_str());
            let cursors = sql::register(connection, forwarders, &ledger)?;
            let board = publish::load_board(connection, &site, now.stamp(&site.identity.zone))?;
            Ok((ledger, cursors, board))
        };
        let mut held = schema::hold(&options.directory, now, load)?;
        let (ledger, cursors, board) = held.loaded;
        let log = Log::watch(&mut held.connection, schema::log_of(&held.path))?;
        let heads = Heads {
            event: ledger.event,
            telemetry: ledger.telemetry,
            report: ledger.report,
            floor: ledger.floor,
            given_up: 0,
        };
        let writer = Writer {
            connection: held.connection,
            ledger,
            cursors,
            bytes_max: options.telemetry_bytes_max,
            age_max: options.telemetry_age_max,
            site,
            clock,
            publisher: Publisher::new(board, heads),
            closing: Arc::new(AtomicBool::new(false)),
            ids: ContextV7::new(),
            given_up: 0,
            log,
            reserve: Reserve::hold(&options.directory, mono),
            unsynced_since: None,
            held_since: None,
            _lock: held.lock,
        };
        if !writer.reserve.is_held() {
            writer.publisher.shortage(Some(writer::short()));
        }
        Ok(Self { writer, path: held.path, set_aside: held.set_aside })
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
