//! Mending: a damaged database is set aside and what can be read of it goes into a new one; events of databases that were set aside
//! before come back into the journal. Only while no gateway runs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, params_from_iter};

use super::error::StoreError;
use super::{ledger, schema, verify};
use crate::model::{Event, Text, Wall};

/// Numbers, between the first and the last entry that cannot be passed over, that are asked for one by one.
const ASKED_MAX: i64 = 1_000_000;

/// What was mended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mended {
    /// What was wrong with the database.
    pub damages: Vec<Text>,
    /// The databases from which entries came back. They lie there under another name, and can be deleted.
    pub from: Vec<PathBuf>,
    /// Events that came back.
    pub events: u64,
    /// Rows of telemetry that came back.
    pub rows: u64,
}

/// Mends what can be mended in a data directory that no gateway uses; `tell` hears how many entries of the database have been checked.
pub fn repair(directory: &Path, now: Wall, tell: impl FnMut(u64)) -> Result<Mended, StoreError> {
    let unusable = |source| StoreError::Directory { path: directory.to_owned(), source };
    let _lock = schema::take(directory)?;
    let path = schema::database(directory);
    let mut mended = Mended { damages: verify(directory, tell)?, ..Mended::default() };
    if !mended.damages.is_empty() {
        schema::set_aside(&path, now).map_err(unusable)?;
    }
    let mut asides: Vec<PathBuf> = schema::set_asides(directory).into_iter().map(|(path, _)| path).collect();
    if asides.is_empty() {
        return Ok(mended);
    }
    // The newest first: with it the present state comes back, where there is none.
    asides.reverse();
    let mut connection = schema::open(&path, now)?;
    for aside in asides {
        let source = schema::reader(&aside)?;
        let transaction = connection.transaction()?;
        let is_new = is_empty(&transaction)?;
        let rescue = Rescue { source: &source, target: &transaction };
        mended.events += rescue.events()?;
        if is_new {
            mended.rows += rescue.state()?;
            rescue.go_on()?;
        }
        rescue.cursors()?;
        transaction.commit()?;
        drop(source);
        mended.from.push(schema::put_away(&aside).map_err(unusable)?);
    }
    Ok(mended)
}

/// Whether no gateway has ever kept anything there.
fn is_empty(target: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM journal) AND NOT EXISTS (SELECT 1 FROM name)";
    target.query_row(query, [], |row| row.get(0))
}

/// From a database that may be damaged anywhere into one that is whole.
struct Rescue<'a> {
    source: &'a Connection,
    target: &'a Transaction<'a>,
}

impl Rescue<'_> {
    /// The events that can be read. How many the target did not have.
    fn events(&self) -> rusqlite::Result<u64> {
        self.copy(
            "restamp",
            "rowid",
            "event_after, event_upto, telemetry_after, telemetry_upto, by_ms, settles",
            |_| true,
        )?;
        self.copy("journal", "seq", "seq, id, at, alarm, body", |values| {
            matches!((&values[0], &values[4]), (Value::Integer(seq), Value::Text(body))
                if serde_json::from_str::<Event>(body).is_ok_and(|event| event.seq == *seq as u64))
        })
    }

    /// Everything else that can be read: how things stand, what the engine remembers, telemetry. How many rows of telemetry.
    fn state(&self) -> rusqlite::Result<u64> {
        self.copy_all("alarm", "name, body")?;
        self.copy_all("memory", "key, body")?;
        // One of an older format has no reports.
        if !self.copy_all("cursor", "forwarder, event, telemetry, given_up, report")? {
            self.copy_all("cursor", "forwarder, event, telemetry, given_up")?;
        }
        self.copy_all("report", "id, kind, day, subject, body")?;
        self.copy_all("gap", "forwarder, after, upto")?;
        self.copy_all("refused", "forwarder, event, why")?;
        if !self.copy_all("name", "id, text, seq")? {
            // Without names telemetry says nothing.
            return Ok(0);
        }
        self.copy("telemetry", "id", "id, device, seq, at, body, clock", |values| {
            matches!((&values[0], &values[4]), (Value::Integer(id), Value::Blob(body))
                if super::row::unpack(*id as u64, body).is_ok())
        })
    }

    /// Sees to it that rows to come are numbered behind all that were ever acknowledged, given up or stamped anew, whether they came back or not: or
    /// what is new would count as acknowledged.
    fn go_on(&self) -> rusqlite::Result<()> {
        let through = "SELECT max(coalesce((SELECT max(id) FROM telemetry), 0), coalesce((SELECT max(telemetry) FROM cursor), 0),
            coalesce((SELECT max(upto) FROM gap), 0), coalesce((SELECT max(telemetry_upto) FROM restamp), 0))";
        let through: i64 = self.target.query_row(through, [], |row| row.get(0))?;
        let bytes = "SELECT coalesce(sum(length(body) + ?1), 0) FROM telemetry";
        let bytes: i64 = self.target.query_row(bytes, [ledger::row_bytes(0) as i64], |row| row.get(0))?;
        for (key, number) in [("telemetry_through", through), ("telemetry_bytes", bytes)] {
            self.target.execute(
                "INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)",
                (key, number.to_string()),
            )?;
        }
        let counted = "UPDATE name SET seq = max(seq, coalesce((SELECT max(seq) FROM telemetry WHERE device = name.id), 0))";
        self.target.execute(counted, []).map(|_| ())
    }

    /// What a destination had yet to be told there, it has yet to be told.
    fn cursors(&self) -> rusqlite::Result<()> {
        let Ok(mut statement) = self.source.prepare("SELECT forwarder, event FROM cursor") else {
            return Ok(());
        };
        let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        for (forwarder, event) in found?.flatten() {
            let back = "UPDATE cursor SET event = min(event, ?2) WHERE forwarder = ?1";
            self.target.execute(back, (forwarder, event))?;
        }
        Ok(())
    }

    /// A small table, whole; says whether it could be read.
    fn copy_all(&self, table: &str, columns: &str) -> rusqlite::Result<bool> {
        let query = format!("SELECT {columns} FROM {table}");
        let mut is_whole = true;
        self.each(&query, &[], &mut is_whole, |values| self.put(table, columns, &values))?;
        Ok(is_whole)
    }

    /// A large table: from its beginning as far as can be read, from its end as far as can be read, and what lies between one by one.
    fn copy(
        &self,
        table: &str,
        key: &str,
        columns: &str,
        is_sound: impl Fn(&[Value]) -> bool,
    ) -> rusqlite::Result<u64> {
        let mut copied = 0;
        let mut keep = |values: Vec<Value>| -> rusqlite::Result<bool> {
            let is_new = is_sound(&values) && self.put(table, columns, &values)?;
            copied += u64::from(is_new);
            Ok(is_new)
        };
        let (mut low, mut high, mut is_whole) = (i64::MIN, i64::MAX, true);
        for (order, end) in [("ASC", &mut low), ("DESC", &mut high)] {
            let query = format!("SELECT {columns}, {key} FROM {table} ORDER BY {key} {order}");
            is_whole = true;
            self.each(&query, &[], &mut is_whole, |mut values| {
                if let Some(Value::Integer(place)) = values.pop() {
                    *end = place;
                }
                keep(values)
            })?;
            if is_whole {
                return Ok(copied);
            }
        }
        let one = format!("SELECT {columns} FROM {table} WHERE {key} = ?1");
        if low > i64::MIN && high < i64::MAX && high.saturating_sub(low) <= ASKED_MAX {
            for place in low + 1..high {
                self.each(&one, &[Value::Integer(place)], &mut is_whole, &mut keep)?;
            }
        }
        Ok(copied)
    }

    /// Each row that `query` finds, up to the first that cannot be read; then it is not whole.
    fn each(
        &self,
        query: &str,
        bounds: &[Value],
        is_whole: &mut bool,
        mut take: impl FnMut(Vec<Value>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let Ok(mut statement) = self.source.prepare_cached(query) else {
            *is_whole = false;
            return Ok(());
        };
        let columns = statement.column_count();
        let Ok(mut rows) = statement.query(params_from_iter(bounds)) else {
            *is_whole = false;
            return Ok(());
        };
        while let ControlFlow::Continue(values) = next(rows.next(), columns, is_whole) {
            take(values)?;
        }
        Ok(())
    }

    /// Puts a row into the target; says whether it had none in its place.
    fn put(&self, table: &str, columns: &str, values: &[Value]) -> rusqlite::Result<bool> {
        let places = vec!["?"; values.len()].join(", ");
        let mut insert = self
            .target
            .prepare_cached(&format!("INSERT OR IGNORE INTO {table}({columns}) VALUES ({places})"))?;
        Ok(insert.execute(params_from_iter(values))? > 0)
    }
}

fn next(
    row: rusqlite::Result<Option<&Row<'_>>>,
    columns: usize,
    is_whole: &mut bool,
) -> ControlFlow<(), Vec<Value>> {
    let values = match row {
        Ok(None) => return ControlFlow::Break(()),
        Ok(Some(row)) => (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>(),
        Err(error) => Err(error),
    };
    let Ok(values) = values else {
        *is_whole = false;
        return ControlFlow::Break(());
    };
    ControlFlow::Continue(values)
}
