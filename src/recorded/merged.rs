//! Several files as one, in the order of time. All that stands at one moment is one row, as what comes in one poll is one moment to the engine.

use std::path::PathBuf;

use super::csv::Recording;
use super::mistake::RecordedError;
use super::{CsvOptions, Row, Tally};
use crate::model::Wall;
use crate::site::Site;

/// CSV files, each in the order of time.
pub struct Merged {
    files: Vec<Recording>,
    /// What each file says next.
    heads: Vec<Option<Row>>,
}

impl Merged {
    /// Opens them all, and reads the first moment of each.
    pub fn open(paths: &[PathBuf], site: &Site, options: &CsvOptions) -> Result<Self, RecordedError> {
        let files = paths.iter().map(|path| Recording::open(path, site, options));
        Self::of(files.collect::<Result<_, _>>()?)
    }

    pub(super) fn of(files: Vec<Recording>) -> Result<Self, RecordedError> {
        let mut merged = Self { files, heads: Vec::new() };
        for file in &mut merged.files {
            let mut row = Row::default();
            merged.heads.push(file.next(&mut row)?.then_some(row));
        }
        Ok(merged)
    }

    /// When the next row was said; none at the end.
    pub fn begin(&self) -> Option<Wall> {
        self.heads.iter().flatten().map(|head| head.at).min()
    }

    /// The next row into `row`; whether there was one.
    pub fn next(&mut self, row: &mut Row) -> Result<bool, RecordedError> {
        let Some(at) = self.begin() else { return Ok(false) };
        row.at = at;
        row.readings.clear();
        for (file, head) in self.files.iter_mut().zip(&mut self.heads) {
            while let Some(same) = head.as_mut().filter(|head| head.at == at) {
                row.readings.append(&mut same.readings);
                if !file.next(same)? {
                    *head = None;
                }
            }
        }
        Ok(true)
    }

    /// What was read so far, and what could not be, over all files.
    pub fn tally(&self) -> Tally {
        let mut all = Tally::default();
        for tally in self.files.iter().map(|file| &file.tally) {
            all.readings += tally.readings;
            all.mistakes.extend(tally.mistakes.iter().cloned());
            all.mistakes_count += tally.mistakes_count;
            tally.unknown.iter().for_each(|name| all.stranger(name));
            tally.derived.iter().for_each(|name| all.worked_out(name));
        }
        all
    }
}
