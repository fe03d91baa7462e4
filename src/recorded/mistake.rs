//! What is wrong with recorded data, in words that say what would be right.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Text;
use crate::model::limits::RECORDED_ROW_BYTES_MAX;
use crate::store::StoreError;

/// Data that can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// The file can't be opened.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It can't be read to its end.
    #[error("{path} can't be read further: {source}", path = .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// Its first row names no columns.
    #[error("{path}: the header is empty, or no UTF-8: save the file as UTF-8", path = .path.display())]
    Header {
        /// The file.
        path: PathBuf,
    },
    /// It has no column of times.
    #[error("{path}: {sought}: say --time-column; columns: {columns}", path = .path.display())]
    NoTime {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        sought: String,
        /// What there is.
        columns: String,
    },
    /// None of its columns is a point.
    #[error(
        "{path}: no column is called like a point, and there are no columns `point` and `value`; columns: {columns}; points: {points} …; \
         say --map COLUMN=POINT", path = .path.display()
    )]
    NoPoint {
        /// The file.
        path: PathBuf,
        /// What there is.
        columns: String,
        /// Some points of the site.
        points: String,
    },
    /// A gateway's data directory can't be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A mapping to what does not exist, or is derived.
    #[error("--map {column}={point}: the site has no measured point `{point}`")]
    Mapping {
        /// The name in the data.
        column: String,
        /// The name that the site does not know.
        point: String,
    },
}

/// One thing that could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: PathBuf,
    /// Its line, from 1.
    pub line: u64,
    /// What.
    pub what: What,
}

impl Mistake {
    /// For people.
    pub fn words(&self) -> Text {
        let Text { zh, en } = self.what.words();
        let place = format!("{}:{}", Path::display(&self.path), self.line);
        Text::new(format!("{place}: {zh}"), format!("{place}: {en}"))
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// No time that is known without being told how.
    NoTime(String),
    /// Such as 01/02/2018: which of the two is the day?
    DayOrMonth(String),
    /// Not as `--time-format` says.
    OtherFormat(String),
    /// Earlier than the row before.
    Backwards,
    /// The same, since this 00:00 is the end of its day.
    MidnightAtEnd,
    /// The same, since 00:00 was moved to the end of its day, and is the beginning.
    MidnightAtBeginning,
    /// No value.
    NoValue(String),
    /// No quality.
    NoQuality(String),
}

impl What {
    fn words(&self) -> Text {
        match self {
            Self::NoTime(text) => Text::new(
                format!(
                    "“{text}”不是可识别的时间：请写成 2026-11-21T20:15:03+08:00、2026-11-21 20:15:03，或 1970 年以来的秒数、毫秒数；其他写法请用 --time-format 说明"
                ),
                format!(
                    "`{text}` is no time: write 2026-11-21T20:15:03+08:00, 2026-11-21 20:15:03, or seconds or milliseconds since 1970, or say --time-format"
                ),
            ),
            Self::DayOrMonth(text) => Text::new(
                format!(
                    "“{text}”日月顺序不明：日在前请加 --time-format \"%d/%m/%Y %H:%M\"，月在前请加 --time-format \"%m/%d/%Y %H:%M\""
                ),
                format!(
                    "`{text}` does not say which is the day: say --time-format \"%d/%m/%Y %H:%M\" if the day stands first, \
                     \"%m/%d/%Y %H:%M\" if the month does"
                ),
            ),
            Self::OtherFormat(text) => Text::new(
                format!("“{text}”与 --time-format 不符"),
                format!("`{text}` is not as --time-format says"),
            ),
            Self::Backwards => {
                Text::new("时间早于上一行：请按时间排序", "the time goes back: sort the file by time")
            }
            Self::MidnightAtEnd => Text::new(
                "时间退回到当天零点：若 00:00 表示当天结束（即次日零点），请加 --midnight-ends-day",
                "the time goes back to the beginning of its day: if 00:00 stands for the day's end, say --midnight-ends-day",
            ),
            Self::MidnightAtBeginning => Text::new(
                "时间早于上一行的 00:00：该文件的 00:00 是一天的开始，请去掉 --midnight-ends-day",
                "the time goes back behind 00:00: in this file it is the day's beginning, so leave out --midnight-ends-day",
            ),
            Self::NoValue(text) => Text::new(
                format!("“{text}”不是值：请写数字、true、false 或 bad"),
                format!("`{text}` is no value: write a number, true, false or bad"),
            ),
            Self::NoQuality(text) => Text::new(
                format!("“{text}”不是质量：请写 good、uncertain:<原因> 或 bad:<原因>"),
                format!("`{text}` is no quality: write good, uncertain:<reason> or bad:<reason>"),
            ),
        }
    }
}

/// A row that does not end.
pub(super) fn endless() -> io::Error {
    io::Error::other(format!(
        "a row is longer than {} MB: is a quotation mark missing?",
        RECORDED_ROW_BYTES_MAX / 1_000_000
    ))
}
