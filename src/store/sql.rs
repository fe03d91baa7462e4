//! The statements that write: one transaction for one group, the trimming of old telemetry, the cursors.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::StoreError;
use super::group::{Group, NewRow};
use super::ledger::{Ledger, row_bytes};
use super::progress::{Progress, Span};
use super::reader::Refusals;
use super::restamp;
use super::row;
use super::turn::Report;
use crate::model::limits::{REPORTS_KEPT_MAX, STORE_UNSAVED_ROWS_MAX};
use crate::model::{AlarmState, ClockSync, Event, Memory};

/// Rows that one transaction trims beyond as many as it adds.
const TRIM_STEP_ROWS: usize = 1000;
/// The part of the budget that is freed at a time, and as many bytes of it at most: a little with each commit would write the same pages
/// over and over.
const TRIM_PARTS: u64 = 64;
const TRIM_BYTES_MAX: u64 = 256 * 1024;
/// The same of the age that telemetry may reach.
const TRIM_AGE_PARTS: u32 = 256;
const TRIM_AGE_MAX: Duration = Duration::from_secs(600);
/// Rows that one transaction gives up at most to find room on a full disk.
const ROOM_ROWS_MAX: usize = 64 * TRIM_STEP_ROWS;

/// How much old telemetry may go so that a group finds room on a full disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: u64,
    pub(super) rows: usize,
}

impl Room {
    /// The first step.
    pub(super) const FIRST: Self = Self { bytes: 1024 * 1024, rows: TRIM_STEP_ROWS };

    /// What to try when this was not enough; none when more would not help.
    pub(super) fn wider(self) -> Option<Self> {
        let wider = Self { bytes: self.bytes * 4, rows: self.rows * 4 };
        (wider.rows <= ROOM_ROWS_MAX).then_some(wider)
    }
}

/// What was given up to stay within the budget or the disk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trimmed {
    /// The last id given up.
    pub(super) floor: u64,
    /// What the rows counted for.
    pub(super) bytes: u64,
    /// Readings given up that a destination had yet to acknowledge, by destination.
    pub(super) given_up: BTreeMap<String, u64>,
}

/// What telemetry may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) bytes: u64,
    /// How old it may be, and what time it is, ms; none where nothing goes by age.
    pub(super) age: Option<(Duration, i64)>,
}

impl Budget {
    /// Bytes that must go where telemetry takes so many.
    fn excess(&self, bytes: u64) -> u64 {
        let excess = bytes.saturating_sub(self.bytes);
        if excess == 0 { 0 } else { excess + (self.bytes / TRIM_PARTS).min(TRIM_BYTES_MAX) }
    }

    /// The last row that is too old, or will be soon, if one is too old.
    fn aged(&self, transaction: &Transaction<'_>, rows_max: usize) -> rusqlite::Result<u64> {
        let Some((age, now)) = self.age else { return Ok(0) };
        let before = |age: Duration| now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        match aged(transaction, before(age), rows_max)? {
            0 => Ok(0),
            _ => aged(
                transaction,
                before(age.saturating_sub((age / TRIM_AGE_PARTS).min(TRIM_AGE_MAX))),
                rows_max,
            ),
        }
    }
}

/// What a transaction did beside writing its group.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What was given up, if anything had to be.
    pub(super) trimmed: Option<Trimmed>,
    /// The running numbers were saved.
    pub(super) has_saved: bool,
}

/// Writes a group. After an error nothing of it is in the database, and no telemetry has been given up for it.
pub(super) fn write(
    connection: &mut Connection,
    group: &Group,
    ledger: &Ledger,
    cursors: &BTreeMap<String, Progress>,
    budget: Budget,
    room: Option<Room>,
) -> rusqlite::Result<Done> {
    let transaction = connection.transaction()?;
    // Room is made first: what goes leaves its pages to what comes.
    let made_room = room.map(|room| trim(&transaction, room.bytes, 0, room.rows, cursors)).transpose()?;
    write_names(&transaction, &group.names)?;
    for event in &group.events {
        write_event(&transaction, event)?;
    }
    if group.given_up > 0 {
        transaction.execute("UPDATE cursor SET given_up = given_up + ?1", [group.given_up as i64])?;
    }
    write_rows(&transaction, &group.rows)?;
    for restamp in &group.restamps {
        restamp.write(&transaction)?;
    }
    if let Some(start) = &group.start {
        put_meta(&transaction, "start", &start.text())?;
    }
    if let Some(risk) = &group.risk {
        let text = serde_json::to_string(risk).expect("plain data always serializes");
        put_meta(&transaction, "risk", &text)?;
    }
    for output in &group.outputs {
        let text = serde_json::to_string(output).expect("plain data always serializes");
        put_meta(&transaction, &output_key(&output.output), &text)?;
    }
    write_memories(&transaction, &group.memories)?;
    write_refusals(&transaction, &group.refusals)?;
    write_reports(&transaction, &group.reports)?;
    for (forwarder, progress) in &group.progress {
        write_progress(&transaction, forwarder, progress)?;
    }
    for (forwarder, report) in &group.reported {
        let acknowledged = "UPDATE cursor SET report = ?2 WHERE forwarder = ?1";
        transaction.prepare_cached(acknowledged)?.execute(params![forwarder, *report as i64])?;
    }
    let trimmed = match made_room {
        None => {
            let rows_max = group.rows.len() + TRIM_STEP_ROWS;
            let (excess, aged) = (budget.excess(ledger.bytes), budget.aged(&transaction, rows_max)?);
            (excess > 0 || aged > 0)
                .then(|| trim(&transaction, excess, aged, rows_max, cursors))
                .transpose()?
        }
        made_room => made_room,
    };
    let has_saved = trimmed.is_some() || ledger.unsaved() >= STORE_UNSAVED_ROWS_MAX;
    if has_saved {
        ledger.save(&transaction, trimmed.as_ref().map_or(0, |trimmed| trimmed.bytes))?;
    }
    transaction.commit()?;
    Ok(Done { trimmed, has_saved })
}

/// Says that the database is in use from now on, and saves what was counted again. Where the computer has started anew and the database had not
/// been closed before, it may have lost its newest telemetry: numbers leap, for good, before the first of them is given.
pub(super) fn begin(connection: &mut Connection, ledger: &mut Ledger) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let was_closed = transaction.execute("DELETE FROM meta WHERE key = 'closed'", [])? > 0;
    if ledger.start.is_new && !was_closed {
        ledger.leap();
    }
    ledger.save(&transaction, 0)?;
    put_meta(&transaction, "start", &ledger.start.text())?;
    transaction.commit()?;
    ledger.saved();
    Ok(())
}

/// Saves the running numbers, and that nothing comes after them.
pub(super) fn close(connection: &mut Connection, ledger: &Ledger) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    ledger.save(&transaction, 0)?;
    put_meta(&transaction, "closed", "yes")?;
    transaction.commit()
}

fn write_names(transaction: &Transaction<'_>, names: &[(u32, String)]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO name(id, text) VALUES (?1, ?2)")?;
    for (id, text) in names {
        insert.execute(params![id, text])?;
    }
    Ok(())
}

fn write_event(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let body = serde_json::to_string(event).expect("plain data always serializes");
    let what = &event.transition;
    transaction
        .prepare_cached("INSERT INTO journal(seq, id, at, alarm, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![event.seq as i64, event.id.to_string(), what.at.wall.0, what.alarm, body])?;
    if what.state == AlarmState::Normal {
        transaction.prepare_cached("DELETE FROM alarm WHERE name = ?1")?.execute([&what.alarm])?;
    } else {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO alarm(name, body) VALUES (?1, ?2)")?
            .execute(params![what.alarm, body])?;
    }
    Ok(())
}

fn write_rows(transaction: &Transaction<'_>, rows: &[NewRow]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO telemetry(id, device, seq, at, body, clock) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for row in rows {
        let clock = restamp::code(row.clock);
        insert.execute(params![row.id as i64, row.device, row.seq as i64, row.at, row.body, clock])?;
    }
    Ok(())
}

fn write_memories(
    transaction: &Transaction<'_>,
    memories: &BTreeMap<String, Option<String>>,
) -> rusqlite::Result<()> {
    let mut keep = transaction.prepare_cached("INSERT OR REPLACE INTO memory(key, body) VALUES (?1, ?2)")?;
    let mut forget = transaction.prepare_cached("DELETE FROM memory WHERE key = ?1")?;
    for (key, body) in memories {
        match body {
            Some(body) => keep.execute([key, body])?,
            None => forget.execute([key])?,
        };
    }
    Ok(())
}

/// Keeps reports, each of which stands as it was first made, and lets the oldest go beyond the bound.
fn write_reports(transaction: &Transaction<'_>, reports: &[(u64, Report)]) -> rusqlite::Result<()> {
    let Some((last, _)) = reports.last() else { return Ok(()) };
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO report(id, kind, day, subject, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (id, report) in reports {
        insert.execute(params![*id as i64, report.kind, report.day, report.subject, report.body])?;
    }
    let gone = last.saturating_sub(REPORTS_KEPT_MAX);
    transaction.prepare_cached("DELETE FROM report WHERE id <= ?1")?.execute([gone as i64])?;
    Ok(())
}

/// Everything that the engine put out to be told again.
pub(super) fn memories(connection: &Connection) -> Result<Vec<Memory>, StoreError> {
    let mut statement = connection.prepare("SELECT key, body FROM memory ORDER BY key")?;
    let rows = statement.query_map([], |row| Ok(Memory { key: row.get(0)?, body: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where the state of an output is kept.
pub(super) fn output_key(output: &str) -> String {
    format!("output.{output}")
}

fn put_meta(transaction: &Transaction<'_>, key: &str, value: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)")?
        .execute([key, value])?;
    Ok(())
}

fn write_refusals(
    transaction: &Transaction<'_>,
    refusals: &BTreeMap<(String, u64), Option<String>>,
) -> rusqlite::Result<()> {
    let mut keep = transaction
        .prepare_cached("INSERT OR REPLACE INTO refused(forwarder, event, why) VALUES (?1, ?2, ?3)")?;
    let mut forget = transaction.prepare_cached("DELETE FROM refused WHERE forwarder = ?1 AND event = ?2")?;
    for ((forwarder, event), why) in refusals {
        match why {
            Some(why) => keep.execute(params![forwarder, *event as i64, why])?,
            None => forget.execute(params![forwarder, *event as i64])?,
        };
    }
    Ok(())
}

fn write_progress(
    transaction: &Transaction<'_>,
    forwarder: &str,
    progress: &Progress,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO cursor(forwarder, event, telemetry) VALUES (?1, ?2, ?3)
             ON CONFLICT(forwarder) DO UPDATE SET event = ?2, telemetry = ?3",
        )?
        .execute(params![forwarder, progress.event as i64, progress.telemetry as i64])?;
    transaction.prepare_cached("DELETE FROM gap WHERE forwarder = ?1")?.execute([forwarder])?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO gap(forwarder, after, upto) VALUES (?1, ?2, ?3)")?;
    for gap in &progress.gaps {
        insert.execute(params![forwarder, gap.after as i64, gap.upto as i64])?;
    }
    Ok(())
}

/// Deletes the oldest rows until `excess` bytes are freed and those up to `aged` are gone, or `rows_max` are; the newest row always stays, so that
/// ids go on where they stopped.
fn trim(
    transaction: &Transaction<'_>,
    excess: u64,
    aged: u64,
    rows_max: usize,
    cursors: &BTreeMap<String, Progress>,
) -> rusqlite::Result<Trimmed> {
    let trimmed = oldest(transaction, excess, aged, rows_max, cursors)?;
    transaction.prepare_cached("DELETE FROM telemetry WHERE id <= ?1")?.execute([trimmed.floor as i64])?;
    let mut add =
        transaction.prepare_cached("UPDATE cursor SET given_up = given_up + ?2 WHERE forwarder = ?1")?;
    for (forwarder, readings) in &trimmed.given_up {
        add.execute(params![forwarder, *readings as i64])?;
    }
    Ok(trimmed)
}

/// The last row, of the oldest `rows_max`, up to which all are stamped before `time`; 0 if none is. What nothing vouched for when it was
/// stamped says nothing of its age: it goes with what came after it.
fn aged(transaction: &Transaction<'_>, time: i64, rows_max: usize) -> rusqlite::Result<u64> {
    let unsynced = restamp::code(ClockSync::Unsynced);
    let mut oldest =
        transaction.prepare_cached("SELECT id, at, clock FROM telemetry ORDER BY id LIMIT ?1")?;
    let mut rows = oldest.query([rows_max as i64])?;
    let mut aged = 0;
    while let Some(row) = rows.next()? {
        let (id, at, clock): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match clock {
            clock if clock == unsynced => {}
            _ if at < time => aged = id as u64,
            _ => break,
        }
    }
    Ok(aged)
}

/// The oldest rows that make up `excess` bytes, and those up to `aged`, at most `rows_max`, and who had yet to acknowledge what of them.
fn oldest(
    transaction: &Transaction<'_>,
    excess: u64,
    aged: u64,
    rows_max: usize,
    cursors: &BTreeMap<String, Progress>,
) -> rusqlite::Result<Trimmed> {
    let mut trimmed = Trimmed::default();
    let mut oldest = transaction.prepare_cached(
        "SELECT id, body FROM telemetry WHERE id < (SELECT max(id) FROM telemetry) ORDER BY id LIMIT ?1",
    )?;
    let mut rows = oldest.query([rows_max as i64])?;
    while trimmed.bytes < excess || trimmed.floor < aged {
        let Some(row) = rows.next()? else { break };
        let (id, body) = (row.get::<_, i64>(0)? as u64, row.get_ref(1)?.as_bytes()?);
        trimmed.floor = id;
        trimmed.bytes += row_bytes(body.len() as u64);
        for (forwarder, progress) in cursors {
            if progress.owes(id) {
                *trimmed.given_up.entry(forwarder.clone()).or_default() += row::count(body);
            }
        }
    }
    Ok(trimmed)
}

/// Gives each of `forwarders` a cursor; a new one starts at the newest, because what was before it was not promised to it.
pub(super) fn register<'a>(
    connection: &mut Connection,
    forwarders: impl Iterator<Item = &'a str>,
    ledger: &Ledger,
) -> Result<BTreeMap<String, Progress>, StoreError> {
    let transaction = connection.transaction()?;
    let mut cursors = BTreeMap::new();
    for forwarder in forwarders {
        transaction.execute(
            "INSERT OR IGNORE INTO cursor(forwarder, event, telemetry, report) VALUES (?1, ?2, ?3, ?4)",
            params![forwarder, ledger.event as i64, ledger.telemetry as i64, ledger.report as i64],
        )?;
        cursors.insert(forwarder.to_owned(), progress(&transaction, forwarder)?);
    }
    transaction.commit()?;
    Ok(cursors)
}

/// What a destination has acknowledged.
pub(super) fn progress(connection: &Connection, forwarder: &str) -> Result<Progress, StoreError> {
    let (event, telemetry): (i64, i64) = connection
        .prepare_cached("SELECT event, telemetry FROM cursor WHERE forwarder = ?1")?
        .query_row([forwarder], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement =
        connection.prepare_cached("SELECT after, upto FROM gap WHERE forwarder = ?1 ORDER BY after")?;
    let gaps = statement
        .query_map([forwarder], |row| {
            Ok(Span { after: row.get::<_, i64>(0)? as u64, upto: row.get::<_, i64>(1)? as u64 })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Progress { event: event as u64, telemetry: telemetry as u64, gaps })
}

/// The events that a destination would not take, in brief. A format that knew none has none.
pub(super) fn refusals(connection: &Connection, forwarder: &str) -> Result<Refusals, StoreError> {
    let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'refused'";
    if connection.query_row(known, [], |row| row.get::<_, u32>(0))? == 0 {
        return Ok(Refusals::default());
    }
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM refused WHERE forwarder = ?1")?
        .query_row([forwarder], |row| row.get(0))?;
    let first = connection
        .prepare_cached("SELECT event, why FROM refused WHERE forwarder = ?1 ORDER BY event LIMIT 1")?
        .query_row([forwarder], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
        .optional()?;
    Ok(Refusals { count: count as u64, first })
}
