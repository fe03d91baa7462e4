//! What goes into one write: entries of the outbox, in batches of a bounded size, as compressed lines.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::forward::feed::Page;
use crate::forward::line::{Hazards, Lines};
use crate::forward::queue::{Lane, Ticket};
use crate::model::Event;
use crate::model::limits::INFLUX_WRITE_POINTS_MAX;
use crate::site::Site;
use crate::store::Row;

/// One entry of the outbox.
pub(super) enum Entry {
    /// An alarm event.
    Event(Box<Event>),
    /// Readings of one device at one moment.
    Row(Lane, Row),
}

impl Entry {
    /// By what it is acknowledged.
    pub(super) const fn ticket(&self) -> Ticket {
        match self {
            Self::Event(event) => Ticket { lane: Lane::Events, position: event.seq },
            Self::Row(lane, row) => Ticket { lane: *lane, position: row.id },
        }
    }
}

/// The entries of a page.
pub(super) fn entries(page: Page) -> Vec<Entry> {
    match page {
        Page::Events(events) => events.into_iter().map(|event| Entry::Event(Box::new(event))).collect(),
        Page::Rows(lane, rows) => rows.into_iter().map(|row| Entry::Row(lane, row)).collect(),
    }
}

/// The entries in batches of at most as many readings as one write may have. A row alone never has more.
pub(super) fn batches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut batches: Vec<Vec<Entry>> = Vec::new();
    let mut points = 0;
    for entry in entries {
        let more = match &entry {
            Entry::Event(_) => 1,
            Entry::Row(_, row) => row.readings.len(),
        };
        points += more;
        match batches.last_mut() {
            Some(batch) if points <= INFLUX_WRITE_POINTS_MAX => batch.push(entry),
            _ => {
                points = more;
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

/// The lines of these entries, compressed.
pub(super) fn compressed(site: &Site, hazards: &Hazards<'_>, batch: &[Entry]) -> std::io::Result<Vec<u8>> {
    let mut lines = Lines::default();
    for entry in batch {
        match entry {
            Entry::Event(event) => lines.event(site, event),
            Entry::Row(_, row) => lines.row(site, hazards, row),
        }
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines.as_bytes())?;
    encoder.finish()
}
