//! The numbers that must go on where they stopped: event sequence, telemetry ids, each device's sequence, interned
//! names, and the bytes that telemetry takes. They are counted in memory and saved now and then; at opening the rows
//! written since the last save are counted again.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::StoreError;
use super::restamp::Start;
use super::thin::Thinner;
use crate::model::{ClockSync, DeviceId, PointId};
use crate::site::Site;

/// Bytes that a row takes beside its body: keys, header, share of the tree.
const ROW_OVERHEAD_BYTES: u64 = 32;
/// By how much each device's numbers leap after a power cut: more than any device has rows in the second that it may cost.
pub(super) const SEQ_LEAP: u64 = 1_000_000;

/// What a telemetry row with a body of this length counts for in the budget.
pub(super) const fn row_bytes(body_len: u64) -> u64 {
    body_len + ROW_OVERHEAD_BYTES
}

/// The running numbers.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The last event's sequence number.
    pub(super) event: u64,
    /// The last telemetry row's id.
    pub(super) telemetry: u64,
    /// The id below which telemetry has been given up.
    pub(super) floor: u64,
    /// The last report's number.
    pub(super) report: u64,
    /// What telemetry counts for in the budget.
    pub(super) bytes: u64,
    /// What vouches for the stamps of what is numbered now.
    pub(super) clock: ClockSync,
    /// Which stamps may yet be put right.
    pub(super) start: Start,
    /// Which readings need no number, as they are not kept.
    pub(super) thinner: Thinner,
    names: HashMap<Box<str>, u32>,
    name_last: u32,
    /// Interned names by place in the site's tables, so that no string is hashed per reading; 0 until first used.
    points: Vec<u32>,
    devices: Vec<u32>,
    seqs: HashMap<u32, u64>,
    touched: BTreeSet<u32>,
    /// The last telemetry row of which the database has saved numbers.
    saved: u64,
}

impl Ledger {
    /// The numbers as the database has them.
    pub(super) fn load(connection: &Connection, site: &Site) -> Result<Self, StoreError> {
        let mut ledger = Self {
            points: vec![0; site.points.len()],
            devices: vec![0; site.devices.len()],
            thinner: Thinner::new(site),
            event: last_event(connection)?.max(saved(connection, "event_through")?),
            telemetry: saved(connection, "telemetry_through")?,
            bytes: saved(connection, "telemetry_bytes")?,
            saved: saved(connection, "telemetry_through")?,
            ..Self::default()
        };
        // A number that was given to a report that had been there before counts as given.
        let query = "SELECT max(coalesce((SELECT max(id) FROM report), 0), coalesce((SELECT max(report) FROM cursor), 0))";
        let report: Option<i64> = connection.query_row(query, [], |row| row.get(0))?;
        ledger.report = report.unwrap_or(0) as u64;
        ledger.load_names(connection)?;
        ledger.count_unsaved(connection)?;
        let oldest: Option<i64> = connection.query_row("SELECT min(id) FROM telemetry", [], |r| r.get(0))?;
        ledger.floor = oldest.map_or(ledger.telemetry, |id| id as u64 - 1);
        Ok(ledger)
    }

    fn load_names(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare("SELECT id, text, seq FROM name")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, text, seq): (u32, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            self.name_last = self.name_last.max(id);
            self.names.insert(text.into(), id);
            if seq > 0 {
                self.seqs.insert(id, seq as u64);
            }
        }
        Ok(())
    }

    fn count_unsaved(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement =
            connection.prepare("SELECT id, device, seq, length(body) FROM telemetry WHERE id > ?1")?;
        let mut rows = statement.query([self.telemetry as i64])?;
        while let Some(row) = rows.next()? {
            let (id, device, seq, len): (i64, u32, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            self.telemetry = id as u64;
            self.bytes += row_bytes(len as u64);
            self.seqs.insert(device, seq as u64);
            self.touched.insert(device);
        }
        Ok(())
    }

    /// The interned name of a point. A name that is new is added to `new`, to be written.
    pub(super) fn point(&mut self, id: PointId, site: &Site, new: &mut Vec<(u32, String)>) -> u32 {
        match self.points[id.index()] {
            0 => {
                let name = self.intern(&site.point(id).name, new);
                self.points[id.index()] = name;
                name
            }
            name => name,
        }
    }

    /// The interned name of a device. A name that is new is added to `new`, to be written.
    pub(super) fn device(&mut self, id: DeviceId, site: &Site, new: &mut Vec<(u32, String)>) -> u32 {
        match self.devices[id.index()] {
            0 => {
                let name = self.intern(&site.device(id).name, new);
                self.devices[id.index()] = name;
                name
            }
            name => name,
        }
    }

    fn intern(&mut self, text: &str, new: &mut Vec<(u32, String)>) -> u32 {
        if let Some(&name) = self.names.get(text) {
            return name;
        }
        self.name_last += 1;
        self.names.insert(text.into(), self.name_last);
        new.push((self.name_last, text.to_owned()));
        self.name_last
    }

    /// The next event's sequence number.
    pub(super) fn next_event(&mut self) -> u64 {
        self.event += 1;
        self.event
    }

    /// The next report's number.
    pub(super) fn next_report(&mut self) -> u64 {
        self.report += 1;
        self.report
    }

    /// The next telemetry row's id and the device's sequence number, for a row with a body of `body_len` bytes.
    pub(super) fn next_row(&mut self, device: u32, body_len: usize) -> (u64, u64) {
        self.telemetry += 1;
        self.bytes += row_bytes(body_len as u64);
        self.touched.insert(device);
        let seq = self.seqs.entry(device).or_default();
        *seq += 1;
        (self.telemetry, *seq)
    }

    /// Leaves out a sequence number of the device: readings that it had were given up.
    pub(super) fn skip_row(&mut self, device: u32) {
        self.touched.insert(device);
        *self.seqs.entry(device).or_default() += 1;
    }

    /// Leaves out so many numbers of each device that one which was given to a row that a power cut took is not given again.
    pub(super) fn leap(&mut self) {
        for (device, seq) in &mut self.seqs {
            *seq += SEQ_LEAP;
            self.touched.insert(*device);
        }
    }

    /// Writes down what cannot be counted again cheaply. `freed` bytes are about to go with the same transaction.
    pub(super) fn save(&self, transaction: &Transaction<'_>, freed: u64) -> rusqlite::Result<()> {
        let mut upsert =
            transaction.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)")?;
        upsert.execute(params!["telemetry_through", self.telemetry.to_string()])?;
        upsert.execute(params!["telemetry_bytes", self.bytes.saturating_sub(freed).to_string()])?;
        let mut update = transaction.prepare_cached("UPDATE name SET seq = ?2 WHERE id = ?1")?;
        for device in &self.touched {
            update.execute(params![device, self.seqs[device] as i64])?;
        }
        Ok(())
    }

    /// Rows that an opening would have to count again, as things stand.
    pub(super) const fn unsaved(&self) -> u64 {
        self.telemetry.saturating_sub(self.saved)
    }

    /// The save is on its way to the disk.
    pub(super) fn saved(&mut self) {
        self.touched.clear();
        self.saved = self.telemetry;
    }
}

/// The last event in the journal; 0 when it is empty.
pub(super) fn last_event(connection: &Connection) -> Result<u64, StoreError> {
    let last: Option<i64> = connection.query_row("SELECT max(seq) FROM journal", [], |row| row.get(0))?;
    Ok(last.unwrap_or(0) as u64)
}

/// A running number as it was last saved; 0 if it never was.
pub(super) fn saved(connection: &Connection, key: &str) -> Result<u64, StoreError> {
    let text: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?;
    text.map_or(Ok(0), |text| text.parse()).map_err(|_| StoreError::Unreadable {
        what: format!("`{key}`"),
        why: "it is not a number".to_owned(),
    })
}
