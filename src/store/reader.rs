//! Reading while the writer writes: each reader has a connection of its own, and no query holds up a runtime thread.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::error::StoreError;
use super::progress::Progress;
use super::row::{Row, RowReading, unpack};
use super::turn::Report;
use super::{restamp, schema, sql};
use crate::model::limits::RECORDED_ROWS_MAX;
use crate::model::{Event, Wall};

/// A read-only connection, shared with the threads that run its queries.
#[derive(Debug, Clone)]
struct Reader(Arc<Mutex<Source>>);

/// A connection, and the names that it has met.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) connection: Connection,
    pub(super) names: HashMap<u32, Arc<str>>,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let source = Source { connection: schema::reader(path)?, names: HashMap::new() };
        Ok(Self(Arc::new(Mutex::new(source))))
    }

    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    {
        let source = Arc::clone(&self.0);
        let run = move || query(&mut source.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(run).await.map_err(|error| StoreError::Reader(error.to_string()))?
    }
}

/// What one destination has yet to be told: the journal and the telemetry, and its cursor over them.
#[derive(Debug, Clone)]
pub struct Outbox {
    reader: Reader,
    forwarder: Arc<str>,
}

impl Outbox {
    pub(super) fn open(path: &Path, forwarder: &str) -> Result<Self, StoreError> {
        Ok(Self { reader: Reader::open(path)?, forwarder: forwarder.into() })
    }

    /// How far the destination has acknowledged, as kept.
    pub async fn progress(&self) -> Result<Progress, StoreError> {
        let forwarder = Arc::clone(&self.forwarder);
        self.reader.read(move |source| sql::progress(&source.connection, &forwarder)).await
    }

    /// Readings given up to stay within the disk budget before the destination had acknowledged them.
    pub async fn given_up(&self) -> Result<u64, StoreError> {
        let forwarder = Arc::clone(&self.forwarder);
        let query = move |source: &mut Source| {
            let count: i64 = source
                .connection
                .prepare_cached("SELECT given_up FROM cursor WHERE forwarder = ?1")?
                .query_row([&*forwarder], |row| row.get(0))?;
            Ok(count as u64)
        };
        self.reader.read(query).await
    }

    /// Events that the destination would not take, in brief.
    pub async fn refusals(&self) -> Result<Refusals, StoreError> {
        let forwarder = Arc::clone(&self.forwarder);
        self.reader.read(move |source| sql::refusals(&source.connection, &forwarder)).await
    }

    /// At most `count` of those events, with sequence numbers above `after`, in order.
    pub async fn set_aside(&self, after: u64, count: usize) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT seq, body FROM journal JOIN refused ON event = seq
                     WHERE forwarder = ?1 AND event > ?2 ORDER BY event LIMIT ?3";
        let forwarder = Arc::clone(&self.forwarder);
        self.reader
            .read(move |source| source.events(query, params![&*forwarder, after as i64, count as i64]))
            .await
    }

    /// Up to which number the destination has acknowledged reports, as kept.
    pub async fn reported(&self) -> Result<u64, StoreError> {
        let forwarder = Arc::clone(&self.forwarder);
        let query = move |source: &mut Source| {
            let report: i64 = source
                .connection
                .prepare_cached("SELECT report FROM cursor WHERE forwarder = ?1")?
                .query_row([&*forwarder], |row| row.get(0))?;
            Ok(report as u64)
        };
        self.reader.read(query).await
    }

    /// The first report with a number above `after`, and its number.
    pub async fn report(&self, after: u64) -> Result<Option<(u64, Report)>, StoreError> {
        let query = move |source: &mut Source| {
            let found = source
                .connection
                .prepare_cached(
                    "SELECT id, kind, day, subject, body FROM report WHERE id > ?1 ORDER BY id LIMIT 1",
                )?
                .query_row([after as i64], |row| {
                    let report = Report {
                        kind: row.get(1)?,
                        day: row.get(2)?,
                        subject: row.get(3)?,
                        body: row.get(4)?,
                    };
                    Ok((row.get::<_, i64>(0)? as u64, report))
                })
                .optional()?;
            Ok(found)
        };
        self.reader.read(query).await
    }

    /// At most `count` events with sequence numbers in `(after, upto]`, in order.
    pub async fn events(&self, after: u64, upto: u64, count: usize) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT seq, body FROM journal WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
        self.reader.read(move |source| source.events(query, [after as i64, upto as i64, count as i64])).await
    }

    /// At most `count` telemetry rows with ids in `(after, upto]`, in order. Rows given up are not among them.
    pub async fn telemetry(&self, after: u64, upto: u64, count: usize) -> Result<Vec<Row>, StoreError> {
        self.reader.read(move |source| source.telemetry(after, upto, count)).await
    }
}

/// Events that a destination would not take and that are set aside, in brief.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// The number of the first, and why it would not take that one.
    pub first: Option<(u64, String)>,
}

/// The journal, for people.
#[derive(Debug, Clone)]
pub struct History(Reader);

impl History {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(Reader::open(path)?))
    }

    /// At most `count` events before sequence number `before` (or the newest), newest first.
    pub async fn events(&self, before: Option<u64>, count: usize) -> Result<Vec<Event>, StoreError> {
        let query = "SELECT seq, body FROM journal WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
        let before = before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        self.0.read(move |source| source.events(query, [before, count as i64])).await
    }
}

/// The telemetry that a data directory holds, from the oldest row to the newest, for whoever has time. It writes nothing and holds nothing up: the
/// gateway may run, write and trim meanwhile.
#[derive(Debug)]
pub struct Recorded {
    source: Source,
    after: u64,
    upto: u64,
}

impl Recorded {
    /// The telemetry up to the row `upto`, or to what is the newest now.
    pub fn open(directory: &Path, upto: Option<u64>) -> Result<Self, StoreError> {
        let connection = schema::look(directory)?;
        let newest: Option<i64> =
            connection.query_row("SELECT max(id) FROM telemetry", [], |row| row.get(0))?;
        let upto = upto.unwrap_or(newest.map_or(0, |id| id as u64));
        Ok(Self { source: Source { connection, names: HashMap::new() }, after: 0, upto })
    }

    /// The last row that is read.
    pub const fn upto(&self) -> u64 {
        self.upto
    }

    /// The next rows in the order in which they were written, at most [`RECORDED_ROWS_MAX`]; none at the end. Between two calls no transaction is
    /// open: a long one would keep the writer's log from being folded in, and the disk would fill.
    pub fn next_rows(&mut self) -> Result<Vec<Row>, StoreError> {
        let rows = self.source.telemetry(self.after, self.upto, RECORDED_ROWS_MAX)?;
        self.after = rows.last().map_or(self.upto, |row| row.id);
        Ok(rows)
    }
}

impl Source {
    /// The events that `query` finds, their stamps put right as far as it is known.
    pub(super) fn events(&mut self, query: &str, bounds: impl Params) -> Result<Vec<Event>, StoreError> {
        let mut statement = self.connection.prepare_cached(query)?;
        let mut rows = statement.query(bounds)?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let event = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
            events.push(event.map_err(|error| StoreError::Unreadable {
                what: format!("event {seq}"),
                why: error.to_string(),
            })?);
        }
        restamp::events(&self.connection, &mut events)?;
        Ok(events)
    }

    /// At most `count` rows with ids in `(after, upto]`, in order, their stamps put right as far as it is known.
    pub(super) fn telemetry(&mut self, after: u64, upto: u64, count: usize) -> Result<Vec<Row>, StoreError> {
        self.telemetry_of("", after, upto, count)
    }

    /// The same of those alone that meet a condition, which begins with `AND`.
    pub(super) fn telemetry_of(
        &mut self,
        only: &str,
        after: u64,
        upto: u64,
        count: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT id, device, seq, at, body, clock FROM telemetry WHERE id > ?1 AND id <= ?2 {only} ORDER BY id LIMIT ?3",
            ))?;
            let mut rows = statement.query(params![after as i64, upto as i64, count as i64])?;
            while let Some(row) = rows.next()? {
                let (id, device, seq, at): (i64, u32, i64, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                let body = row.get_ref(4)?.as_bytes().map_err(rusqlite::Error::from)?;
                let clock = restamp::from_code(row.get(5)?);
                found.push((id as u64, device, seq as u64, at, clock, unpack(id as u64, body)?));
            }
        }
        let mut rows = found
            .into_iter()
            .map(|(id, device, seq, at, clock, packed)| {
                let reading = |packed: super::row::Packed| -> Result<RowReading, StoreError> {
                    let point = self.name(packed.name)?;
                    let at = Wall(at.saturating_sub(packed.earlier_ms));
                    Ok(RowReading { point, at, sample: packed.sample() })
                };
                let readings = packed.into_iter().map(reading).collect::<Result<_, _>>()?;
                Ok(Row { id, device: self.name(device)?, seq, at: Wall(at), clock, readings })
            })
            .collect::<Result<Vec<Row>, StoreError>>()?;
        restamp::rows(&self.connection, &mut rows)?;
        Ok(rows)
    }

    fn name(&mut self, id: u32) -> Result<Arc<str>, StoreError> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let text: String = self
            .connection
            .prepare_cached("SELECT text FROM name WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        let name: Arc<str> = text.into();
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }
}
