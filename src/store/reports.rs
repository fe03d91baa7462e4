//! The reports that are kept, for whoever asks for one again. Reads only; the gateway may run meanwhile.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::error::StoreError;
use super::schema;

/// The reports of one kind in a data directory.
#[derive(Debug)]
pub struct Reports {
    /// None where the database is of a format that kept no reports.
    connection: Option<Connection>,
    kind: &'static str,
}

impl Reports {
    /// Opens what is there; a database of another format is refused.
    pub fn open(directory: &Path, kind: &'static str) -> Result<Self, StoreError> {
        let connection = schema::look(directory)?;
        let has_reports = connection
            .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'report'", [], |_| Ok(()))
            .optional()?
            .is_some();
        Ok(Self { connection: has_reports.then_some(connection), kind })
    }

    /// The bodies of all reports of days from `first` to `last`, as `2026-11-21`, by day and in the order in which they were made.
    pub fn between(&self, first: &str, last: &str) -> Result<Vec<String>, StoreError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        let mut statement = connection.prepare_cached(
            "SELECT body FROM report WHERE kind = ?1 AND day >= ?2 AND day <= ?3 ORDER BY day, id",
        )?;
        let bodies = statement.query_map(params![self.kind, first, last], |row| row.get(0))?;
        Ok(bodies.collect::<Result<_, _>>()?)
    }

    /// The last day of which there is a report.
    pub fn last_day(&self) -> Result<Option<String>, StoreError> {
        let Some(connection) = &self.connection else { return Ok(None) };
        let last =
            connection
                .query_row("SELECT max(day) FROM report WHERE kind = ?1", [self.kind], |row| row.get(0))?;
        Ok(last)
    }
}
