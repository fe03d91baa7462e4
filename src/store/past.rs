//! What is kept of a span of time: telemetry of some devices, and events. Rows and events are numbered in the order in which they were kept, and stamps go
//! up with the numbers but where the clock was put back: so the place of a moment is found by halving, and what is stamped otherwise is left
//! to whoever reads. It writes nothing and holds nothing up: the gateway may run, write and trim meanwhile.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::error::StoreError;
use super::reader::Source;
use super::row::Row;
use super::schema;
use crate::model::limits::{ARCHIVE_EVENTS_MAX, REPORT_ROWS_MAX};
use crate::model::{Event, Wall};

/// A data directory, by time.
#[derive(Debug)]
pub struct Past {
    source: Source,
}

impl Past {
    /// Opens what is there; a database of another format is refused.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self { source: Source { connection: schema::look(directory)?, names: HashMap::new() } })
    }

    /// The number of the newest row of telemetry; 0 if there is none.
    pub fn newest_row(&self) -> Result<u64, StoreError> {
        self.number("SELECT max(id) FROM telemetry")
    }

    /// When the oldest row of telemetry was stamped; none if there is none.
    pub fn begin(&mut self) -> Result<Option<Wall>, StoreError> {
        Ok(self.source.telemetry(0, i64::MAX as u64, 1)?.first().map(|row| row.at))
    }

    /// The number after which rows are stamped at `at` or later.
    pub fn row_before(&mut self, at: Wall) -> Result<u64, StoreError> {
        let (mut low, mut high) =
            (self.number("SELECT min(id) FROM telemetry")?.saturating_sub(1), self.newest_row()?);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.source.telemetry(middle, high, 1)?.first() {
                Some(row) if row.at < at => low = row.id,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The next rows of these devices with numbers in `(after, upto]`, in order, at most [`REPORT_ROWS_MAX`]. Where there are fewer, that was all.
    /// Between two calls no transaction is open: a long one would keep the writer's log from being folded in.
    pub fn rows<'a>(
        &mut self,
        devices: impl Iterator<Item = &'a str>,
        after: u64,
        upto: u64,
    ) -> Result<Vec<Row>, StoreError> {
        let mut ids = Vec::new();
        for device in devices {
            let id: Option<u32> = self
                .source
                .connection
                .prepare_cached("SELECT id FROM name WHERE text = ?1")?
                .query_row([device], |row| row.get(0))
                .optional()?;
            ids.extend(id.map(|id| id.to_string()));
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.source.telemetry_of(&format!("AND device IN ({})", ids.join(",")), after, upto, REPORT_ROWS_MAX)
    }

    /// Events stamped from `from` on and before `to`, each handed to `take`, in order.
    pub fn events(&mut self, from: Wall, to: Wall, mut take: impl FnMut(Event)) -> Result<(), StoreError> {
        let mut after = self.event_before(from)?;
        let query = "SELECT seq, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        loop {
            let page = self.source.events(query, params![after as i64, ARCHIVE_EVENTS_MAX as i64])?;
            let Some(last) = page.last().map(|event| event.seq) else { return Ok(()) };
            for event in page {
                if event.transition.at.wall >= to {
                    return Ok(());
                }
                if event.transition.at.wall >= from {
                    take(event);
                }
            }
            after = last;
        }
    }

    /// The last event of every alarm that is not normal.
    pub fn standing(&mut self) -> Result<Vec<Event>, StoreError> {
        self.source.events(
            "SELECT json_extract(body, '$.seq'), body FROM alarm ORDER BY json_extract(body, '$.seq')",
            [],
        )
    }

    fn event_before(&mut self, at: Wall) -> Result<u64, StoreError> {
        let query = "SELECT seq, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1";
        let mut low = self.number("SELECT min(seq) FROM journal")?.saturating_sub(1);
        let mut high = self.number("SELECT max(seq) FROM journal")?;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.source.events(query, [middle as i64])?.first() {
                Some(event) if event.transition.at.wall < at => low = event.seq,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn number(&self, query: &str) -> Result<u64, StoreError> {
        let number: Option<i64> = self.source.connection.query_row(query, [], |row| row.get(0))?;
        Ok(number.unwrap_or(0) as u64)
    }
}
