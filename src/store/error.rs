//! What can go wrong with the database, in words that say what and where.

use std::io;
use std::path::PathBuf;

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
    /// `SQLite` says no.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
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

/// The writer has stopped: nothing more will be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store has stopped")]
pub struct Stopped;
