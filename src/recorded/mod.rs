//! Recorded data, read moment by moment for replay: CSV files of historians (`csv.rs`), the telemetry that a gateway has kept itself (`history.rs`).
//! Whatever its length, it takes the memory of one moment of each file; what can't be read is told with its place, and passed over.

mod cells;
mod csv;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod history;
mod merged;
mod mistake;
mod names;
mod source;
mod stamps;

use std::path::PathBuf;

use crate::model::{Reading, Wall};

pub use history::History;
pub use merged::Merged;
pub use mistake::{Mistake, RecordedError};
pub use stamps::TimeFormat;

/// What was said at one moment.
#[derive(Debug, Default, PartialEq)]
pub struct Row {
    /// When.
    pub at: Wall,
    /// By whom, and what.
    pub readings: Vec<Reading>,
}

/// Data from wherever it comes.
pub enum Data {
    /// CSV files.
    Files(Merged),
    /// A gateway's own.
    History(Box<History>),
}

impl Data {
    /// When the next moment is; none at the end.
    pub fn begin(&self) -> Option<Wall> {
        match self {
            Self::Files(files) => files.begin(),
            Self::History(history) => history.begin(),
        }
    }

    /// The next moment into `row`; whether there was one.
    pub fn next(&mut self, row: &mut Row) -> Result<bool, RecordedError> {
        match self {
            Self::Files(files) => files.next(row),
            Self::History(history) => history.next(row),
        }
    }

    /// What was read so far, and what could not be.
    pub fn tally(&self) -> Tally {
        match self {
            Self::Files(files) => files.tally(),
            Self::History(history) => history.tally(),
        }
    }
}

/// How CSV files are to be read, where they do not say it themselves.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// The column of times.
    pub time_column: Option<String>,
    /// How times are written.
    pub time_format: Option<TimeFormat>,
    /// 00:00 is the end of the day that it is dated with, and not the beginning.
    pub midnight_ends_day: bool,
    /// Which point a column, or a name in the column `point`, is.
    pub mappings: Vec<Mapping>,
}

/// A column, or a name in the column `point`, that is a point of another name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The name in the data.
    pub column: String,
    /// The point's name.
    pub point: String,
    /// What a number in the data is multiplied by to be in the point's unit.
    pub factor: f64,
}

/// What was read, and what could not be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Readings taken.
    pub readings: u64,
    /// What could not be read: the first few.
    pub mistakes: Vec<Mistake>,
    /// How many there were.
    pub mistakes_count: u64,
    /// Columns and names, the first few, that the site has no point for.
    pub unknown: Vec<String>,
    /// Derived points whose data was left aside: they are worked out anew.
    pub derived: Vec<String>,
}

impl Tally {
    fn complain(&mut self, path: &std::path::Path, line: u64, what: mistake::What) {
        self.mistakes_count += 1;
        if self.mistakes.len() < crate::model::limits::RECORDED_MISTAKES_TOLD_MAX {
            self.mistakes.push(Mistake { path: PathBuf::from(path), line, what });
        }
    }

    /// Remembers a name that the site has no point for.
    fn stranger(&mut self, name: &str) {
        note(&mut self.unknown, name);
    }

    fn worked_out(&mut self, name: &str) {
        note(&mut self.derived, name);
    }
}

fn note(list: &mut Vec<String>, name: &str) {
    if list.len() < crate::model::limits::RECORDED_MISTAKES_TOLD_MAX
        && !list.iter().any(|known| known == name)
    {
        list.push(name.to_owned());
    }
}
