//! Putting right stamps that were made before anything vouched for the clock. Journal and telemetry are never rewritten: what is
//! found out later stands beside them, as spans of entries and by how much their stamps are off, and is applied when they are read.
//!
//! A step of the clock moves the stamps of all that was written, since the computer started, while nothing vouched for the clock. The
//! first synchronisation settles them. The id, the number and the instance's name of an event stay as they are: they are
//! names, and others may know them.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::StoreError;
use super::ledger::Ledger;
use super::progress::Span;
use super::row::Row;
use crate::model::{ClockSync, Event, Wall};

/// How far a reading's stamp may be from its batch's and be ours. A source's own stamp is further away from one of a clock that
/// nothing vouched for, and stays.
const OURS_WITHIN_MS: u64 = 120_000;

/// The present start of the computer: what was kept since, and whether its stamps may yet be put right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Start {
    /// The kernel's id of it; none where it has none.
    pub(super) id: Option<String>,
    /// The last entries from before it.
    pub(super) event: u64,
    pub(super) telemetry: u64,
    /// Something has vouched for the clock since: stamps are left as they are from then on.
    pub(super) settled: bool,
    /// How often stamps were put right in this run.
    pub(super) restamps: usize,
    /// The computer has started since the database was last in use.
    pub(super) is_new: bool,
}

impl Start {
    /// One of which nothing is known yet, in a database with these numbers.
    pub(super) fn new(id: Option<String>, ledger: &Ledger) -> Self {
        let settled = ledger.clock == ClockSync::Synced;
        Self { id, event: ledger.event, telemetry: ledger.telemetry, settled, restamps: 0, is_new: true }
    }

    /// As kept, if the computer has not started anew since; else `new`, which begins at the last entries.
    pub(super) fn load(connection: &Connection, new: Self) -> Result<Self, StoreError> {
        let kept: Option<String> = connection
            .query_row("SELECT value FROM meta WHERE key = 'start'", [], |row| row.get(0))
            .optional()?;
        let kept = kept.as_deref().and_then(Self::parse);
        Ok(match kept.filter(|kept| new.id.is_some() && kept.id == new.id) {
            Some(kept) => Self { settled: kept.settled || new.settled, is_new: false, ..kept },
            None => new,
        })
    }

    /// As it is kept.
    pub(super) fn text(&self) -> String {
        let Self { id, event, telemetry, settled, .. } = self;
        format!("{event} {telemetry} {} {}", u8::from(*settled), id.as_deref().unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (event, telemetry, settled) = (number()?, number()?, number()? != 0);
        let id = words.next().map(str::to_owned);
        Some(Self { id, event, telemetry, settled, restamps: 0, is_new: false })
    }
}

/// By how much the stamps of some entries are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restamp {
    pub(super) events: Span,
    pub(super) rows: Span,
    pub(super) by_ms: i64,
    /// The stamps are right after this.
    pub(super) settles: bool,
}

impl Restamp {
    /// Whether it changes anything.
    pub(super) fn is_needed(&self) -> bool {
        let concerns = |span: Span| span.after < span.upto;
        (self.by_ms != 0 || self.settles) && (concerns(self.events) || concerns(self.rows))
    }

    /// Whether it changes this event.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        event.clock == ClockSync::Unsynced && self.events.contains(event.seq)
    }

    /// Puts an event that it concerns right.
    pub(super) fn put_right(&self, event: &mut Event) {
        let at = &mut event.transition.at;
        *at = at.moved(self.by_ms);
        event.clock = self.trust();
    }

    fn put_row_right(&self, row: &mut Row) {
        for at in row.readings.iter_mut().map(|reading| &mut reading.at) {
            if at.0.abs_diff(row.at.0) <= OURS_WITHIN_MS {
                *at = Wall(at.0.saturating_add(self.by_ms));
            }
        }
        row.at = Wall(row.at.0.saturating_add(self.by_ms));
        row.clock = self.trust();
    }

    const fn trust(&self) -> ClockSync {
        if self.settles { ClockSync::Restamped } else { ClockSync::Unsynced }
    }

    /// Keeps it.
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Self { events, rows, by_ms, settles } = *self;
        transaction
            .prepare_cached(
                "INSERT INTO restamp(event_after, event_upto, telemetry_after, telemetry_upto, by_ms, settles)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                events.after as i64,
                events.upto as i64,
                rows.after as i64,
                rows.upto as i64,
                by_ms,
                settles
            ])?;
        Ok(())
    }
}

/// Puts right what of these events was stamped too early to be right, as far as it is known by now.
pub(super) fn events(connection: &Connection, events: &mut [Event]) -> Result<(), StoreError> {
    let doubtful = events.iter().filter(|event| event.clock == ClockSync::Unsynced);
    let Some(span) = around(doubtful.map(|event| event.seq)) else { return Ok(()) };
    let query = "SELECT * FROM restamp WHERE event_after < ?2 AND event_upto > ?1 ORDER BY rowid";
    for restamp in load(connection, query, span)? {
        for event in events.iter_mut().filter(|event| restamp.concerns(event)) {
            restamp.put_right(event);
        }
    }
    Ok(())
}

/// The same for rows.
pub(super) fn rows(connection: &Connection, rows: &mut [Row]) -> Result<(), StoreError> {
    let doubtful = rows.iter().filter(|row| row.clock == ClockSync::Unsynced);
    let Some(span) = around(doubtful.map(|row| row.id)) else { return Ok(()) };
    let query = "SELECT * FROM restamp WHERE telemetry_after < ?2 AND telemetry_upto > ?1 ORDER BY rowid";
    for restamp in load(connection, query, span)? {
        let concerns = |row: &&mut Row| row.clock == ClockSync::Unsynced && restamp.rows.contains(row.id);
        rows.iter_mut().filter(concerns).for_each(|row| restamp.put_row_right(row));
    }
    Ok(())
}

/// The span that holds all of these places; none if there are none.
fn around(places: impl Iterator<Item = u64>) -> Option<Span> {
    places.fold(None, |span: Option<Span>, place| {
        let span = span.unwrap_or(Span { after: place - 1, upto: place });
        Some(Span { after: span.after.min(place - 1), upto: span.upto.max(place) })
    })
}

fn load(connection: &Connection, query: &str, span: Span) -> Result<Vec<Restamp>, StoreError> {
    let mut statement = connection.prepare_cached(query)?;
    let found = statement.query_map([span.after as i64, span.upto as i64], |row| {
        let place = |column: usize| row.get::<_, i64>(column).map(|place| place as u64);
        Ok(Restamp {
            events: Span { after: place(0)?, upto: place(1)? },
            rows: Span { after: place(2)?, upto: place(3)? },
            by_ms: row.get(4)?,
            settles: row.get(5)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What vouches for a row's stamps, as it lies on disk.
pub(super) const fn code(clock: ClockSync) -> i64 {
    match clock {
        ClockSync::Unknown => 0,
        ClockSync::Synced => 1,
        ClockSync::Unsynced => 2,
        ClockSync::Restamped => 3,
    }
}

/// What that number stands for.
pub(super) const fn from_code(code: i64) -> ClockSync {
    match code {
        1 => ClockSync::Synced,
        2 => ClockSync::Unsynced,
        3 => ClockSync::Restamped,
        _ => ClockSync::Unknown,
    }
}
