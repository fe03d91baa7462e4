//! What can go wrong with the database, in words that say what and where.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Text;

/// The database cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be created or used.
    #[error("the data directory {path} cannot be used: {source}", path = .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "the data directory {path} is in use by another hazgate: stop that one, or give this one its own",
        path = .path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the database {path} has format {found}; this hazgate knows formats up to {known}: a newer one wrote it",
        path = .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// An older program wrote it, and nobody has opened it for writing since.
    #[error(
        "the database {path} has format {found}, of an older hazgate: let this one run on it once",
        path = .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format; 0 where it has none.
        found: u32,
    },
    /// `SQLite` says no.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database file cannot be used, and setting it aside does not help.
    #[error("the database {path} cannot be used: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<StoreError>,
    },
    /// A row cannot be understood.
    #[error("the database holds {what} that cannot be read: {why}")]
    Unreadable {
        /// What, and where.
        what: String,
        /// Why.
        why: String,
    },
    /// The reading thread failed.
    #[error("reading the database failed: {0}")]
    Reader(String),
}

impl StoreError {
    /// The error with the file named, where it does not name one yet.
    pub(super) fn of(self, path: &Path) -> Self {
        match self {
            Self::Database(_) | Self::Unreadable { .. } => {
                Self::File { path: path.to_owned(), source: Box::new(self) }
            }
            named => named,
        }
    }

    /// For an operator. What `SQLite` and the operating system say stands as it is.
    pub fn words(&self) -> Text {
        let zh = match self {
            Self::Directory { path, source } => format!("数据目录 {} 无法使用：{source}", path.display()),
            Self::InUse { path } => {
                format!("数据目录 {} 正被另一个 hazgate 使用，请停止它，或另设数据目录", path.display())
            }
            Self::Newer { path, found, known } => format!(
                "数据库 {} 的格式为 {found}，本程序最高支持 {known}：它由更新版本的 hazgate 写成",
                path.display()
            ),
            Self::Older { path, found } => format!(
                "数据库 {} 的格式为 {found}，由较旧版本的 hazgate 写成：请先用本版本运行一次",
                path.display()
            ),
            Self::File { path, source } => {
                format!("数据库 {} 无法使用：{}", path.display(), source.words().zh)
            }
            Self::Database(error) => format!("数据库：{error}"),
            Self::Unreadable { what, why } => format!("数据库中的 {what} 无法读取：{why}"),
            Self::Reader(why) => format!("读取数据库失败：{why}"),
        };
        Text::new(zh, self.to_string())
    }
}

/// The writer has stopped: nothing more will be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store has stopped")]
pub struct Stopped;
