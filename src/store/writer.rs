//! The one writer, on its own thread: takes what waits, makes one transaction of it, and tells others once it is
//! committed. On a full disk old telemetry makes room. A disk that refuses all the same is reported and tried again; what
//! it refused is kept meanwhile, in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use uuid::ContextV7;

use super::gate::{Came, Exit};
use super::group::Group;
use super::ledger::Ledger;
use super::log::Log;
use super::progress::Progress;
use super::publish::{Heads, Publisher};
use super::reserve::{GROWTH_BYTES, Reserve};
use super::sql::{self, Budget, Room, Trimmed};
use super::turn::Turn;
use crate::clock::Clock;
use crate::model::limits::{STORE_QUEUE_LEN_MAX, STORE_SYNC_AFTER_MAX};
use crate::model::{ClockSync, Mono, Now, Text, Wall};
use crate::site::Site;

/// First and longest wait before a refused transaction is tried again.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(50);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(2);

/// As many pages as `SQLite` knows to count.
const PAGES_MAX: u32 = 4_294_967_294;

/// What the writer is asked to do.
pub(super) enum Job {
    /// Keep what a turn decided.
    Turn(Box<Turn>),
    /// Keep how far a destination has acknowledged.
    Progress(String, Progress),
    /// Keep that a destination will not take an event, for this reason; or, without one, that it has taken it after all.
    Refusal(String, u64, Option<String>),
    /// Keep up to which number a destination has acknowledged reports.
    Reported(String, u64),
    /// Keep what is queued, and end.
    Close,
}

/// Owner of the database.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) ledger: Ledger,
    pub(super) cursors: BTreeMap<String, Progress>,
    pub(super) bytes_max: u64,
    pub(super) age_max: Option<Duration>,
    pub(super) site: Arc<Site>,
    pub(super) clock: Clock,
    pub(super) publisher: Publisher,
    /// Set when the store is closing: a refused transaction is then tried once more and no longer.
    pub(super) closing: Arc<AtomicBool>,
    pub(super) ids: ContextV7,
    /// Readings that the loop gave up since the start.
    pub(super) given_up: u64,
    pub(super) log: Log,
    pub(super) reserve: Reserve,
    /// When the oldest commit that is not yet surely on disk was made.
    pub(super) unsynced_since: Option<Mono>,
    /// Since when acknowledgements have waited to be kept.
    pub(super) held_since: Option<Mono>,
    /// Held until the thread ends.
    pub(super) _lock: File,
}

impl Writer {
    /// Writes until the store is closed or nobody is left who could send.
    pub(super) fn run(mut self, jobs: &Exit<Job>) {
        let (mut open, mut held) = (true, Group::default());
        while open {
            match jobs.next(self.due()) {
                Came::Job(job) => {
                    let mut group = std::mem::take(&mut held);
                    let is_urgent;
                    (open, is_urgent) = self.gather(&mut group, job, jobs);
                    if is_urgent || !open {
                        self.settle(group);
                    } else {
                        self.held_since = self.held_since.or(Some(self.clock.now().mono));
                        held = group;
                    }
                }
                Came::Nothing if held.writes() => self.settle(std::mem::take(&mut held)),
                Came::Nothing => self.sync(),
                Came::End => open = false,
            }
        }
        self.settle(held);
        let closed = self.log.mend().and_then(|()| self.set_durable(true));
        let closed = closed.and_then(|()| sql::close(&mut self.connection, &self.ledger));
        if let Err(error) = closed {
            tracing::warn!(%error, "the database was not closed in order: what came last is not surely on the disk");
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the database's log was not folded in at the end; the next start does it");
        }
    }

    /// Puts `first` and all that waits behind it into one group. Returns whether the store stays open, and whether the group holds more than
    /// acknowledgements, which can wait for the next turn: a transaction of their own would cost as many pages again.
    fn gather(&mut self, group: &mut Group, first: Job, jobs: &Exit<Job>) -> (bool, bool) {
        let (mut job, mut is_urgent) = (first, false);
        for taken in 1.. {
            match job {
                Job::Close => return (false, true),
                Job::Turn(turn) => {
                    is_urgent = true;
                    group.add(*turn, &mut self.ledger, &self.ids, &self.site);
                }
                Job::Progress(forwarder, progress) => {
                    group.progress.insert(forwarder, progress);
                }
                Job::Refusal(forwarder, event, why) => {
                    group.refusals.insert((forwarder, event), why);
                }
                Job::Reported(forwarder, report) => {
                    group.reported.insert(forwarder, report);
                }
            }
            // A job that is taken out must go into the group: only as many are taken as it has places.
            if taken == STORE_QUEUE_LEN_MAX {
                break;
            }
            match jobs.waiting() {
                Some(next) => job = next,
                None => break,
            }
        }
        (true, is_urgent)
    }

    /// Commits the group, however often that must be tried, and tells of it.
    fn settle(&mut self, group: Group) {
        let mut wait = RETRY_AFTER_MIN;
        self.held_since = None;
        self.publisher.working(Some(self.clock.now().mono));
        while group.writes() {
            let is_last = self.closing.load(Ordering::Relaxed);
            match self.commit_in_any_room(&group) {
                Ok(()) => {
                    self.publisher.working(None);
                    self.publisher.fault(None);
                    break;
                }
                Err(error) => {
                    self.publisher.fault(Some(unwritable(&error)));
                    if is_last {
                        tracing::error!(%error, events = group.events.len(), rows = group.rows.len(), "not kept");
                        return;
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(RETRY_AFTER_MAX);
                }
            }
        }
        self.publisher.working(None);
        self.given_up += group.given_up;
        let heads = self.heads();
        self.publisher.tell(group, heads);
    }

    /// Commits the group; on a full disk with as much of the oldest telemetry given up as it takes.
    fn commit_in_any_room(&mut self, group: &Group) -> rusqlite::Result<()> {
        let mut outcome = self.commit(group, None);
        if is_full(&outcome) {
            let was_held = self.release_reserve();
            if was_held {
                outcome = self.commit(group, None);
            }
        }
        let mut room = Some(Room::FIRST);
        while let Some(some) = room
            && is_full(&outcome)
        {
            outcome = self.commit(group, room);
            room = some.wider();
        }
        self.log.fold_if_long(&self.connection);
        if outcome.is_ok() && self.reserve.restore(self.clock.now().mono) {
            self.limit_pages(PAGES_MAX);
            self.publisher.shortage(None);
            tracing::info!("the disk has room again: the database may grow");
        }
        outcome
    }

    /// Lets the reserve go, if it is held, and folds the log in, so that what comes next is written over it and needs no
    /// room of its own. From then on the database grows within the reserve only: what is in the log beyond the file's
    /// end could not be folded in, and the log would grow until nothing can be written at all.
    fn release_reserve(&mut self) -> bool {
        let was_held = self.reserve.release(self.clock.now().mono);
        let number = |pragma: &str| self.connection.query_row(pragma, [], |row| row.get::<_, u32>(0));
        let (pages, page_bytes) = (number("PRAGMA page_count"), number("PRAGMA page_size"));
        let growth = if was_held { GROWTH_BYTES / page_bytes.unwrap_or(4096).max(1) } else { 0 };
        self.limit_pages(pages.unwrap_or(1).saturating_add(growth));
        if was_held {
            tracing::warn!(
                "the disk is full: the reserve is let go, and old telemetry makes room from now on"
            );
        }
        self.publisher.shortage(Some(short()));
        let folded = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
        if let Err(error) = self.log.note(folded) {
            tracing::debug!(%error, "the log of the full disk's database was not folded in");
        }
        was_held
    }

    /// Keeps the database from growing beyond so many pages; it is not cut when it has more.
    fn limit_pages(&self, pages: u32) {
        let limited = self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()));
        if let Err(error) = limited {
            tracing::debug!(%error, pages, "the database's growth was not limited");
        }
    }

    fn commit(&mut self, group: &Group, room: Option<Room>) -> rusqlite::Result<()> {
        self.log.mend()?;
        let committed = self.try_commit(group, room);
        self.log.note(committed)
    }

    fn try_commit(&mut self, group: &Group, room: Option<Room>) -> rusqlite::Result<()> {
        let Now { mono: now, wall } = self.clock.now();
        let due = self.unsynced_since.is_some_and(|since| now - since >= STORE_SYNC_AFTER_MAX);
        let durable = group.is_durable() || due;
        self.set_durable(durable)?;
        let budget = Budget { bytes: self.bytes_max, age: self.age(wall) };
        let done = sql::write(&mut self.connection, group, &self.ledger, &self.cursors, budget, room)?;
        self.unsynced_since = if durable { None } else { self.unsynced_since.or(Some(now)) };
        self.cursors.extend(group.progress.iter().map(|(name, progress)| (name.clone(), progress.clone())));
        if let Some(trimmed) = done.trimmed {
            self.account(&trimmed, room);
        }
        if done.has_saved {
            self.ledger.saved();
        }
        Ok(())
    }

    /// How old telemetry may be at this time; none where it may be of any age, or the clock is not to be believed.
    fn age(&self, now: Wall) -> Option<(Duration, i64)> {
        (self.ledger.clock != ClockSync::Unsynced).then_some((self.age_max?, now.0))
    }

    /// A commit with `synchronous=FULL` waits for the disk, and takes every earlier commit there with it.
    fn set_durable(&self, durable: bool) -> rusqlite::Result<()> {
        let level = if durable { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=NORMAL" };
        self.connection.execute_batch(level)
    }

    fn account(&mut self, trimmed: &Trimmed, room: Option<Room>) {
        self.ledger.bytes = self.ledger.bytes.saturating_sub(trimmed.bytes);
        self.ledger.floor = self.ledger.floor.max(trimmed.floor);
        let why = if room.is_some() { "the disk is full" } else { "the disk budget or its age is spent" };
        for (forwarder, readings) in &trimmed.given_up {
            tracing::warn!(forwarder, readings, "telemetry given up: {why}");
        }
    }

    /// How long the writer may wait for a job before the last commits must be taken to the disk, or what is held must be kept.
    fn due(&self) -> Option<Duration> {
        let since = self.unsynced_since.into_iter().chain(self.held_since).min()?;
        Some((since + STORE_SYNC_AFTER_MAX) - self.clock.now().mono)
    }

    /// Takes what was committed to the disk.
    fn sync(&mut self) {
        self.publisher.working(Some(self.clock.now().mono));
        let synced = self.log.sync();
        self.publisher.working(None);
        match synced {
            Ok(()) => {
                self.unsynced_since = None;
                self.publisher.fault(None);
            }
            Err(error) => {
                self.publisher.fault(Some(unwritable(&error)));
                self.unsynced_since = Some(self.clock.now().mono);
            }
        }
    }

    /// How far the outbox goes.
    pub(super) fn heads(&self) -> Heads {
        let Ledger { event, telemetry, floor, report, .. } = self.ledger;
        Heads { event, telemetry, floor, report, given_up: self.given_up }
    }
}

fn is_full(outcome: &rusqlite::Result<()>) -> bool {
    outcome.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DiskFull))
}

/// That the disk has room for little more than alarms, for an operator.
pub(super) fn short() -> Text {
    Text::new(
        "磁盘空间不足：报警照常记录，监测数据将按从旧到新的顺序舍弃",
        "the disk is short of room: alarms are kept, and the oldest readings are given up for what is new",
    )
}

/// What is wrong with the disk or the file, for an operator.
fn unwritable(error: &rusqlite::Error) -> Text {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return Text::new("磁盘已满，数据库无法写入", "the disk is full, the database cannot be written");
    }
    Text::new("数据库无法写入", "the database cannot be written").because(&Text::same(error.to_string()))
}
