//! The write-ahead log: when it is folded into the database, and what is done about a disk that has failed.
//!
//! After a failed fsync the kernel calls clean what it could not write: it is in memory, nobody writes it again, and the next fsync says that
//! all is well. Commits of telemetry do not wait for the disk and lie in the log before those that do; were one of them forgotten so, the log
//! would end there after a power cut, whatever was promised behind it. So once the disk has failed, and where a log is found that another
//! process left, the log is written once more over itself, as memory has it, and synced, before anything is promised. `SQLite` would fold the
//! log in by itself, but keeps quiet about it where that fails.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ErrorCode, ffi};

/// Bytes of log from which on it is folded in.
const FOLDED_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes that are written over themselves at a time.
const BLOCK_BYTES: usize = 64 * 1024;

/// The log of the writer's connection.
pub(super) struct Log {
    path: PathBuf,
    /// Pages in it after the last commit.
    pages: Arc<AtomicU32>,
    pages_max: u32,
    /// The disk may have forgotten some of it.
    is_doubtful: bool,
}

impl Log {
    /// Looks after the log at `path` of this connection; `SQLite` no longer does.
    pub(super) fn watch(connection: &mut Connection, path: PathBuf) -> rusqlite::Result<Self> {
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = Arc::<AtomicU32>::default();
        let counted = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            counted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { path, pages, pages_max: FOLDED_BYTES / page_bytes.max(1), is_doubtful: false })
    }

    /// Takes note of what the disk said.
    pub(super) fn note<T>(&mut self, outcome: rusqlite::Result<T>) -> rusqlite::Result<T> {
        let code = outcome.as_ref().err().and_then(rusqlite::Error::sqlite_error_code);
        self.is_doubtful |= code == Some(ErrorCode::SystemIoFailure);
        outcome
    }

    /// Before anything is promised: sees to it that the disk has what was written before it failed.
    pub(super) fn mend(&mut self) -> rusqlite::Result<()> {
        if self.is_doubtful {
            rewrite(&self.path).map_err(|error| refused(&error))?;
            self.is_doubtful = false;
            tracing::info!("the disk takes the database's log again: it was written anew");
        }
        Ok(())
    }

    /// Waits until the disk has all that was committed. No page is written for that.
    pub(super) fn sync(&mut self) -> rusqlite::Result<()> {
        self.mend()?;
        let synced = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            file => file.and_then(|file| file.sync_data()),
        };
        self.note(synced.map_err(|error| refused(&error)))
    }

    /// Folds it in if it is long, as far as readers let it.
    pub(super) fn fold_if_long(&mut self, connection: &Connection) {
        if self.pages.load(Ordering::Relaxed) < self.pages_max || self.is_doubtful {
            return;
        }
        let folded = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = self.note(folded) {
            tracing::warn!(%error, "the database's log was not folded in: it grows until that succeeds");
        }
    }
}

/// That the disk failed, as `SQLite` would have said it.
fn refused(error: &io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), Some(error.to_string()))
}

/// Writes the log at `path` over itself and waits for the disk. Whoever reads it meanwhile reads the same.
pub(super) fn rewrite(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let (mut block, mut place) = (vec![0; BLOCK_BYTES], 0);
    loop {
        match file.read_at(&mut block, place)? {
            0 => return file.sync_data(),
            read => {
                file.write_all_at(&block[..read], place)?;
                place += read as u64;
            }
        }
    }
}
