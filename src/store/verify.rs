//! Whether a database is whole: its pages, and what each room of it must say of the others. Reads only; the gateway may run meanwhile.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::row::unpack;
use super::{ledger, schema};
use crate::model::limits::DAMAGES_TOLD_MAX;
use crate::model::{Event, Text};

/// Entries that are read at a time; between two reads the writer's log may be folded in.
const PAGE_ENTRIES: i64 = 1000;

/// Checks all that the database of a data directory holds; `tell` hears how many entries have been read. What is wrong, in words, at
/// most [`DAMAGES_TOLD_MAX`] of it.
pub fn verify(directory: &Path, mut tell: impl FnMut(u64)) -> Result<Vec<Text>, StoreError> {
    let mut check = Check { damages: Vec::new(), read: 0, tell: &mut tell };
    match schema::look(directory).and_then(|connection| check.all(&connection)) {
        Err(error) if schema::is_corrupt(&error) => check.damages.push(error.words()),
        other => other?,
    }
    check.damages.truncate(DAMAGES_TOLD_MAX);
    Ok(check.damages)
}

struct Check<'a> {
    damages: Vec<Text>,
    read: u64,
    tell: &'a mut dyn FnMut(u64),
}

impl Check<'_> {
    fn all(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.pages(connection)?;
        let last = self.journal(connection)?;
        self.alarms(connection)?;
        let row = self.telemetry(connection)?;
        self.reports(connection)?;
        self.cursors(connection, last, row)
    }

    fn damaged(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        if self.damages.len() < DAMAGES_TOLD_MAX {
            self.damages.push(Text::new(zh, en));
        }
    }

    fn count(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(PAGE_ENTRIES as u64) {
            (self.tell)(self.read);
        }
    }

    fn pages(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let verdict: String = row.get(0)?;
            if verdict != "ok" {
                self.damaged(format!("数据库页面损坏：{verdict}"), format!("damaged pages: {verdict}"));
            }
        }
        Ok(())
    }

    /// Every event can be read, is under its own number, and follows the one before. The last number.
    fn journal(&mut self, connection: &Connection) -> Result<u64, StoreError> {
        // Where a database was begun anew, numbers leap once.
        let begun = ledger::saved(connection, "event_through")? + 1;
        let mut statement =
            connection.prepare("SELECT seq, id, body FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut last: Option<i64> = None;
        loop {
            let mut rows = statement.query([last.unwrap_or(0), PAGE_ENTRIES])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let (seq, id, body): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let expected = last.map_or(seq, |last| last + 1);
                if seq != expected && seq as u64 != begun {
                    self.damaged(
                        format!("事件日志缺少第 {expected} 至 {} 号", seq - 1),
                        format!("the journal lacks events {expected} to {}", seq - 1),
                    );
                }
                match serde_json::from_str::<Event>(&body) {
                    Ok(event) if event.seq == seq as u64 && event.id.to_string() == id => {}
                    Ok(event) => self.damaged(
                        format!("第 {seq} 号事件的内容属于第 {} 号", event.seq),
                        format!("event {seq} holds what belongs to {} ({})", event.seq, event.id),
                    ),
                    Err(error) => self.damaged(
                        format!("第 {seq} 号事件无法读取：{error}"),
                        format!("event {seq} cannot be read: {error}"),
                    ),
                }
                last = Some(seq);
                count += 1;
                self.count();
            }
            if count < PAGE_ENTRIES {
                return Ok(last.unwrap_or(0) as u64);
            }
        }
    }

    /// Each standing alarm is as its last event says.
    fn alarms(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare(
            "SELECT name FROM alarm WHERE body IS NOT
                (SELECT body FROM journal WHERE journal.alarm = alarm.name AND seq = json_extract(alarm.body, '$.seq'))",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            self.damaged(
                format!("报警 {name} 的状态与事件日志不符"),
                format!("alarm `{name}` stands as no event of the journal says"),
            );
        }
        Ok(())
    }

    /// Every row can be read, has its place, and its device's numbers go up. The last row's id.
    fn telemetry(&mut self, connection: &Connection) -> Result<u64, StoreError> {
        let mut statement = connection.prepare(
            "SELECT telemetry.id, telemetry.seq, body, device, text FROM telemetry LEFT JOIN name ON name.id = device
             WHERE telemetry.id > ?1 ORDER BY telemetry.id LIMIT ?2",
        )?;
        let (mut last, mut seqs) = (0, HashMap::<u32, i64>::new());
        loop {
            let mut rows = statement.query([last, PAGE_ENTRIES])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let (id, seq, device): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(3)?);
                let body = row.get_ref(2)?.as_bytes().map_err(rusqlite::Error::from)?;
                if let Err(error) = unpack(id as u64, body) {
                    self.damages.push(error.words());
                }
                let Some(name) = row.get::<_, Option<String>>(4)? else {
                    self.damaged(
                        format!("第 {id} 行数据的设备未知"),
                        format!("row {id} is of a device without a name"),
                    );
                    continue;
                };
                if seqs.insert(device, seq).is_some_and(|before| before >= seq) {
                    self.damaged(
                        format!("设备 {name} 的第 {seq} 号数据重复或乱序"),
                        format!("number {seq} of device `{name}` is not above the one before"),
                    );
                }
                last = id;
                count += 1;
                self.count();
            }
            if count < PAGE_ENTRIES || self.damages.len() >= DAMAGES_TOLD_MAX {
                return Ok(last as u64);
            }
        }
    }

    /// Each report can be read. A database of an older format has none.
    fn reports(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Ok(mut statement) = connection.prepare("SELECT id FROM report WHERE NOT json_valid(body)") else {
            return Ok(());
        };
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.damaged(format!("第 {id} 号报表无法读取"), format!("report {id} cannot be read"));
        }
        Ok(())
    }

    /// Nobody has acknowledged what there is not.
    fn cursors(&mut self, connection: &Connection, event: u64, row: u64) -> Result<(), StoreError> {
        let (event, row) = (
            event.max(ledger::saved(connection, "event_through")?),
            row.max(ledger::saved(connection, "telemetry_through")?),
        );
        let mut statement =
            connection.prepare("SELECT forwarder FROM cursor WHERE event > ?1 OR telemetry > ?2")?;
        let mut rows = statement.query(params![event as i64, row as i64])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            self.damaged(
                format!("目的地 {name} 的游标超出已有数据"),
                format!("destination `{name}` has acknowledged more than there is"),
            );
        }
        Ok(())
    }
}
