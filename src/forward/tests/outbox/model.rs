//! What must hold of a database after a death, whatever the disk did: it has the turns up to one of them and nothing else, at least those of
//! which it was said that they are kept; no number stands for two things; nobody is taken to have had what it did not acknowledge; and what
//! was given up is the oldest telemetry, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::life::{NEGLECTED, SERVED, value};
use super::mains::FILES;
use crate::store::{Archive, Progress, Recorded, Row, Span, verify};

/// Readings of a row.
const ROW_READINGS: u64 = 2;

/// A turn that the store was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    /// Whether it was of events, else of rows.
    pub(super) is_events: bool,
    pub(super) first: u64,
    pub(super) count: u64,
}

/// What was said, and what follows from it.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// The turns that the store has or may have, in their order.
    pub(super) given: Vec<Given>,
    /// So many of them survive a crash.
    written: usize,
    /// So many survive a power cut.
    durable: usize,
    /// What the destination heard, by number.
    events: BTreeMap<u64, u64>,
    rows: BTreeMap<(String, u64), u64>,
    /// What it acknowledged: numbers of events, values of rows.
    had_events: BTreeSet<u64>,
    had_rows: BTreeSet<u64>,
    /// What is wrong.
    pub(super) complaints: Vec<String>,
}

/// What a database holds.
struct Holds {
    /// The values of the journal, from the first event on.
    events: Vec<u64>,
    /// The rows that were not given up.
    rows: Vec<Row>,
    /// The number of the last row, whether it is there or not.
    last_row: u64,
    progress: Progress,
    /// Readings given up that the one destination was owed, and the other.
    given_up: [u64; 2],
}

impl Model {
    /// A turn is handed over; its number.
    pub(super) fn give(&mut self, given: Given) -> usize {
        self.given.push(given);
        self.given.len() - 1
    }

    /// The life says something.
    pub(super) fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |place: usize| words[place].parse::<u64>().unwrap();
        match words[..] {
            ["kept", _] => {
                let through = number(1) as usize + 1;
                self.written = self.written.max(through);
                if self.given[through - 1].is_events {
                    self.durable = self.durable.max(through);
                }
            }
            ["event", ..] => {
                let (seq, value) = (number(1), number(2));
                let is_next = self.events.last_key_value().map_or(1, |(last, _)| last + 1) == seq;
                match self.events.insert(seq, value) {
                    Some(before) => {
                        self.hold(before == value, || format!("event {seq} was {before} and is {value}"));
                    }
                    None => self.hold(is_next, || format!("event {seq} came before its forerunner")),
                }
            }
            ["row", device, ..] => {
                let (seq, value) = (number(2), number(3));
                let before = self.rows.insert((device.to_owned(), seq), value);
                self.hold(before.is_none_or(|before| before == value), || {
                    format!("row {seq} of {device} was {before:?} and is {value}")
                });
            }
            ["had", "event", _] => drop(self.had_events.insert(number(2))),
            ["had", "row", _] => drop(self.had_rows.insert(number(2))),
            ["open" | "calm" | "drained" | "closed"] => {}
            _ => self.complaints.push(format!("it said: {line}")),
        }
    }

    /// The life was closed in good order: all of it is on the disk.
    pub(super) fn closed(&mut self) {
        (self.written, self.durable) = (self.given.len(), self.given.len());
    }

    /// Holds what lies in `directory` against what was said. Turns that the disk has not are forgotten: nobody was promised them.
    pub(super) fn judge(&mut self, directory: &Path, was_power_cut: bool) {
        let required = if was_power_cut { self.durable } else { self.written };
        let copy = tempfile::tempdir().unwrap();
        for name in FILES.into_iter().filter(|name| directory.join(name).exists()) {
            fs::copy(directory.join(name), copy.path().join(name)).unwrap();
        }
        let Some(holds) = self.read(copy.path(), required == 0) else {
            return self.given.clear();
        };
        let Some(through) = self.through(&holds) else { return };
        self.hold(through >= required, || {
            format!("{required} turns were kept and the disk has {through} (power cut: {was_power_cut})")
        });
        self.given.truncate(through);
        (self.written, self.durable) = (through, through);
        for (seq, value) in self.events.clone() {
            let held = holds.events.get(seq as usize - 1);
            self.hold(held == Some(&value), || {
                format!("event {seq} was told as {value}, the journal has {held:?}")
            });
        }
        self.acknowledged(&holds);
        self.given_up(&holds);
    }

    /// What the disk holds; none where there is no database yet and none was promised.
    fn read(&mut self, directory: &Path, may_be_new: bool) -> Option<Holds> {
        let read = || -> Result<_, Box<dyn std::error::Error>> {
            let connection = Connection::open(directory.join(FILES[0]))?;
            let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'journal'";
            if connection.query_row(known, [], |row| row.get::<_, u32>(0))? == 0 {
                return Ok(None);
            }
            let damages = verify(directory, |_| ())?;
            if !damages.is_empty() {
                return Err(format!("{damages:?}").into());
            }
            Ok(Some(holds(directory, &connection)?))
        };
        let found = read();
        if let Err(error) = &found {
            self.complaints.push(format!("the database is damaged: {error}"));
        }
        let found = found.ok()?;
        self.hold(found.is_some() || may_be_new, || "there is no database".to_owned());
        found
    }

    /// The number of turns that the disk has: all of each up to one, and nothing of the others.
    fn through(&mut self, holds: &Holds) -> Option<usize> {
        let of = |is_events: bool, turns: usize| -> Vec<u64> {
            let turns = self.given[..turns].iter().filter(|given| given.is_events == is_events);
            turns.flat_map(|given| given.first..given.first + given.count).collect()
        };
        let fits = |turns: &usize| {
            of(true, *turns) == holds.events && of(false, *turns).len() as u64 == holds.last_row
        };
        let Some(through) = (0..=self.given.len()).rev().find(fits) else {
            let (events, row) = (&holds.events, holds.last_row);
            self.complaints.push(format!(
                "the disk has events {events:?} and rows to {row}, and was given {:?}",
                self.given
            ));
            return None;
        };
        let rows = of(false, through);
        for row in &holds.rows {
            let (id, is, was) = (row.id, value(row), rows[row.id as usize - 1]);
            self.hold(is == was, || format!("row {id} was {was} and is {is}"));
        }
        let first = holds.rows.first().map_or(holds.last_row + 1, |row| row.id);
        let ids: Vec<u64> = holds.rows.iter().map(|row| row.id).collect();
        self.hold(ids == (first..=holds.last_row).collect::<Vec<_>>(), || {
            format!("rows are missing: {ids:?}")
        });
        Some(through)
    }

    fn acknowledged(&mut self, holds: &Holds) {
        let progress = &holds.progress;
        for seq in 1..=progress.event {
            let had = self.had_events.contains(&seq);
            self.hold(had, || format!("event {seq} counts as acknowledged and was not"));
        }
        for row in holds.rows.iter().filter(|row| !progress.owes(row.id)) {
            let had = self.had_rows.contains(&value(row));
            self.hold(had, || format!("row {} counts as acknowledged and was not: {progress:?}", row.id));
        }
    }

    fn given_up(&mut self, holds: &Holds) {
        let turns = self.given.iter().filter(|given| !given.is_events);
        let values = turns.flat_map(|given| given.first..given.first + given.count);
        let floor = holds.rows.first().map_or(holds.last_row, |row| row.id - 1);
        let lost = values.take(floor as usize).filter(|value| !self.had_rows.contains(value)).count() as u64;
        let ([served, neglected], least, all) = (holds.given_up, lost * ROW_READINGS, floor * ROW_READINGS);
        self.hold(served >= least && served <= all, || {
            format!("{served} readings count as given up, of {all} that were {least} had not been delivered")
        });
        self.hold(neglected == all, || format!("{neglected} readings count as given up, {all} were"));
    }

    /// All was drained: what is there was told, and acknowledged.
    pub(super) fn delivered(&mut self, directory: &Path) {
        let holds =
            Connection::open(directory.join(FILES[0])).map(|connection| holds(directory, &connection));
        let holds = holds.unwrap().unwrap();
        let told: Vec<u64> = self.events.values().copied().collect();
        self.hold(told == holds.events, || format!("told of {told:?}, the journal has {:?}", holds.events));
        let owed: Vec<u64> =
            holds.rows.iter().map(value).filter(|value| !self.had_rows.contains(value)).collect();
        self.hold(owed.is_empty(), || format!("rows {owed:?} never came"));
        let done = Progress { event: holds.events.len() as u64, telemetry: holds.last_row, gaps: vec![] };
        self.hold(holds.progress == done, || format!("{:?} is kept of {done:?}", holds.progress));
    }

    /// The value that comes next.
    pub(super) fn next(&self) -> u64 {
        self.given.last().map_or(1, |given| given.first + given.count)
    }

    pub(super) fn hold(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds {
            self.complaints.push(complaint());
        }
    }
}

fn holds(directory: &Path, connection: &Connection) -> Result<Holds, Box<dyn std::error::Error>> {
    let mut archive = Archive::open(directory)?;
    let mut events = Vec::new();
    while let page = archive.events(events.len() as u64)?
        && !page.is_empty()
    {
        events.extend(page.iter().map(|event| event.transition.value.unwrap().as_f64() as u64));
    }
    let mut recorded = Recorded::open(directory, None)?;
    let (last_row, mut rows) = (recorded.upto(), Vec::new());
    while let page = recorded.next_rows()?
        && !page.is_empty()
    {
        rows.extend(page);
    }
    let cursor = |forwarder: &str| -> rusqlite::Result<(i64, i64, i64)> {
        let query =
            "SELECT event, telemetry, given_up FROM cursor WHERE forwarder = ?1 UNION ALL SELECT 0, 0, 0";
        connection.query_row(query, [forwarder], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    };
    let ((event, telemetry, served), (_, _, neglected)) = (cursor(SERVED)?, cursor(NEGLECTED)?);
    let mut gaps = connection.prepare("SELECT after, upto FROM gap WHERE forwarder = ?1 ORDER BY after")?;
    let span = |row: &rusqlite::Row<'_>| {
        Ok(Span { after: row.get::<_, i64>(0)? as u64, upto: row.get::<_, i64>(1)? as u64 })
    };
    let gaps = gaps.query_map([SERVED], span)?.collect::<Result<_, _>>()?;
    Ok(Holds {
        events,
        rows,
        last_row,
        progress: Progress { event: event as u64, telemetry: telemetry as u64, gaps },
        given_up: [served as u64, neglected as u64],
    })
}
