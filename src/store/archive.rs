//! A data directory looked at from outside: what it holds, for whom, since when. Nothing is written and nothing held up: the gateway may
//! run meanwhile.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::reader::{Refusals, Source};
use super::{ledger, schema, sql};
use crate::model::limits::ARCHIVE_EVENTS_MAX;
use crate::model::{Event, Wall};

/// What is kept of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// How many entries.
    pub count: u64,
    /// The number of the last.
    pub last: u64,
    /// When the first and the last were stamped; none where there are none.
    pub span: Option<(Wall, Wall)>,
}

/// What a destination has yet to acknowledge of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// How many entries.
    pub count: u64,
    /// When the oldest was stamped.
    pub since: Option<Wall>,
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The forwarder's name. It may have gone from the site file since.
    pub name: String,
    /// Events.
    pub events: Owed,
    /// Rows of telemetry.
    pub telemetry: Owed,
    /// Readings given up before they were acknowledged.
    pub given_up: u64,
    /// Events that it would not take.
    pub refused: Refusals,
}

/// What a data directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The journal.
    pub events: Extent,
    /// Alarms that are not normal.
    pub standing: u64,
    /// Telemetry, in rows.
    pub telemetry: Extent,
    /// What telemetry counts for in the disk budget, bytes, as last saved.
    pub telemetry_bytes: u64,
    /// What the database takes on disk with its log, bytes.
    pub disk_bytes: u64,
    /// Each destination, by name.
    pub destinations: Vec<Destination>,
    /// Databases that could not be read and were set aside, oldest first, with their bytes.
    pub set_aside: Vec<(PathBuf, u64)>,
}

/// An opened data directory.
#[derive(Debug)]
pub struct Archive {
    source: Source,
    directory: PathBuf,
}

impl Archive {
    /// Opens what is there; a database of another format is refused.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let source = Source { connection: schema::look(directory)?, names: HashMap::new() };
        Ok(Self { source, directory: directory.to_owned() })
    }

    /// At most [`ARCHIVE_EVENTS_MAX`] events with numbers above `after`, in order.
    pub fn events(&mut self, after: u64) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT seq, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.source.events(query, params![after as i64, ARCHIVE_EVENTS_MAX as i64])
    }

    /// All of it in brief.
    pub fn summary(&mut self) -> Result<Summary, StoreError> {
        let destinations =
            self.names()?.into_iter().map(|name| self.destination(name)).collect::<Result<_, _>>()?;
        let connection = &self.source.connection;
        let (events, rows) = (count(connection, "journal")?, count(connection, "telemetry")?);
        let (standing, telemetry_bytes) =
            (count(connection, "alarm")?, ledger::saved(connection, "telemetry_bytes")?);
        let last = ledger::last_event(connection)?;
        let (first_row, last_row): (Option<i64>, Option<i64>) =
            connection.query_row("SELECT min(id), max(id) FROM telemetry", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let ends = (self.event_after(0)?, self.event_after(last.saturating_sub(1))?);
        let (first_row, last_row) = (first_row.unwrap_or(0) as u64, last_row.unwrap_or(0) as u64);
        let row_ends =
            (self.row_after(first_row.saturating_sub(1))?, self.row_after(last_row.saturating_sub(1))?);
        Ok(Summary {
            events: Extent { count: events, last, span: ends.0.zip(ends.1) },
            standing,
            telemetry: Extent { count: rows, last: last_row, span: row_ends.0.zip(row_ends.1) },
            telemetry_bytes,
            disk_bytes: schema::disk_bytes(&self.directory),
            destinations,
            set_aside: schema::set_asides(&self.directory),
        })
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.source.connection.prepare("SELECT forwarder FROM cursor ORDER BY forwarder")?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }

    fn destination(&mut self, name: String) -> Result<Destination, StoreError> {
        let connection = &self.source.connection;
        let progress = sql::progress(connection, &name)?;
        let given_up: i64 =
            connection
                .query_row("SELECT given_up FROM cursor WHERE forwarder = ?1", [&name], |row| row.get(0))?;
        let events: i64 = connection.query_row(
            "SELECT count(*) FROM journal WHERE seq > ?1",
            [progress.event as i64],
            |row| row.get(0),
        )?;
        let mut spans: Vec<(u64, u64)> = progress.gaps.iter().map(|gap| (gap.after, gap.upto)).collect();
        spans.push((progress.telemetry, i64::MAX as u64));
        let (mut telemetry, mut first) = (0, None);
        for (after, upto) in spans {
            let (rows, oldest): (i64, Option<i64>) = connection.query_row(
                "SELECT count(*), min(id) FROM telemetry WHERE id > ?1 AND id <= ?2",
                params![after as i64, upto as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            telemetry += rows as u64;
            first = first.or(oldest);
        }
        let refused = sql::refusals(connection, &name)?;
        let events = Owed { count: events as u64, since: self.event_after(progress.event)? };
        let since = first.map_or(Ok(None), |id| self.row_after(id as u64 - 1))?;
        Ok(Destination {
            name,
            events,
            telemetry: Owed { count: telemetry, since },
            given_up: given_up as u64,
            refused,
        })
    }

    /// The stamp of the first event above this number, put right as far as it is known.
    fn event_after(&mut self, seq: u64) -> Result<Option<Wall>, StoreError> {
        let query = "SELECT seq, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1";
        let events = self.source.events(query, [seq as i64])?;
        Ok(events.first().map(|event| event.transition.at.wall))
    }

    fn row_after(&mut self, id: u64) -> Result<Option<Wall>, StoreError> {
        Ok(self.source.telemetry(id, i64::MAX as u64, 1)?.first().map(|row| row.at))
    }
}

fn count(connection: &Connection, table: &str) -> Result<u64, StoreError> {
    let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
    Ok(rows as u64)
}
