//! The database file: who may have it, how it is laid out, and what is done with one that cannot be read.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use super::error::StoreError;
use super::{ledger, log, reserve};
use crate::model::Wall;

/// The database's name in the data directory.
const DATABASE: &str = "hazgate.db";
/// What stands between that name and a time in the name of one that was set aside.
const SET_ASIDE: &str = ".unreadable-";
/// The same for one whose entries have been brought back.
const SALVAGED: &str = ".salvaged-";
/// An event's number in a damaged database beyond which it is part of the damage.
const EVENT_CREDIBLE_MAX: u64 = 1 << 52;
/// From 1970 to the first of January 2020, UTC.
const MS_TO_2020: i64 = 1_577_836_800_000;
/// The format that this program writes, and the newest that it reads.
const SCHEMA_VERSION: u32 = 5;
/// The oldest format whose telemetry is laid out as it is today.
const TELEMETRY_SINCE: u32 = 2;
/// How long a statement waits for a lock of another connection.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Bytes of a page. A commit of a few readings changes one page, and the disk is given the whole of it.
const PAGE_BYTES: u32 = 1024;
/// Bytes of a database that is checked page by page at opening; a larger one is checked as it is read. Up to this size one with other pages is
/// written anew with ours.
const CHECKED_BYTES_MAX: u64 = 16 * 1024 * 1024;

const TABLES: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE journal(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, alarm TEXT NOT NULL,
        body TEXT NOT NULL) STRICT;
    CREATE TABLE alarm(name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE telemetry(id INTEGER PRIMARY KEY, device INTEGER NOT NULL, seq INTEGER NOT NULL,
        at INTEGER NOT NULL, body BLOB NOT NULL, clock INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE cursor(forwarder TEXT PRIMARY KEY, event INTEGER NOT NULL, telemetry INTEGER NOT NULL,
        given_up INTEGER NOT NULL DEFAULT 0, report INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
    CREATE TABLE gap(forwarder TEXT NOT NULL, after INTEGER NOT NULL, upto INTEGER NOT NULL,
        PRIMARY KEY(forwarder, after)) STRICT, WITHOUT ROWID;
    CREATE TABLE restamp(event_after INTEGER NOT NULL, event_upto INTEGER NOT NULL, telemetry_after INTEGER NOT NULL,
        telemetry_upto INTEGER NOT NULL, by_ms INTEGER NOT NULL, settles INTEGER NOT NULL) STRICT;
    CREATE TABLE memory(key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE refused(forwarder TEXT NOT NULL, event INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY(forwarder, event)) STRICT, WITHOUT ROWID;
    CREATE TABLE report(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, subject TEXT NOT NULL,
        body TEXT NOT NULL, UNIQUE(kind, day, subject)) STRICT;
";

/// From format 1, which knew nothing of what vouches for a stamp.
const FROM_1: &str = "
    ALTER TABLE telemetry ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE restamp(event_after INTEGER NOT NULL, event_upto INTEGER NOT NULL, telemetry_after INTEGER NOT NULL,
        telemetry_upto INTEGER NOT NULL, by_ms INTEGER NOT NULL, settles INTEGER NOT NULL) STRICT;
    UPDATE meta SET value = '2' WHERE key = 'schema_version';
";

/// From format 2, in which the engine had nothing to remember but alarms and outputs.
const FROM_2: &str = "
    CREATE TABLE memory(key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    UPDATE meta SET value = '3' WHERE key = 'schema_version';
";

/// From format 3, in which an event that was refused held up those behind it.
const FROM_3: &str = "
    CREATE TABLE refused(forwarder TEXT NOT NULL, event INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY(forwarder, event)) STRICT, WITHOUT ROWID;
    UPDATE meta SET value = '4' WHERE key = 'schema_version';
";

/// From format 4, which kept no reports.
const FROM_4: &str = "
    CREATE TABLE report(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, subject TEXT NOT NULL,
        body TEXT NOT NULL, UNIQUE(kind, day, subject)) STRICT;
    ALTER TABLE cursor ADD COLUMN report INTEGER NOT NULL DEFAULT 0;
    UPDATE meta SET value = '5' WHERE key = 'schema_version';
";

/// A data directory that is ours, with its database open for writing.
pub(super) struct Held<T> {
    /// What was loaded from the database.
    pub(super) loaded: T,
    /// For the writer.
    pub(super) connection: Connection,
    /// The database file.
    pub(super) path: PathBuf,
    /// The lock; the directory is ours for as long as it lives.
    pub(super) lock: File,
    /// Where an unreadable database was put, if there was one.
    pub(super) set_aside: Option<PathBuf>,
}

/// Takes `directory`, creating it if need be, opens its database and loads from it; one that cannot be read is set aside
/// and a new one begun, once.
pub(super) fn hold<T>(
    directory: &Path,
    now: Wall,
    load: impl Fn(&mut Connection) -> Result<T, StoreError>,
) -> Result<Held<T>, StoreError> {
    let unusable = |source| StoreError::Directory { path: directory.to_owned(), source };
    let lock = take(directory)?;
    let path = database(directory);
    let attempt = || {
        let mut connection = open(&path, now)?;
        let loaded = load(&mut connection)?;
        Ok((connection, loaded))
    };
    let (begun, set_aside) = match attempt() {
        Err(error) if is_corrupt(&error) => {
            let aside = set_aside(&path, now).map_err(unusable)?;
            tracing::error!(%error, aside = %aside.display(), "the database cannot be read: set aside, a new one begun");
            (attempt(), Some(aside))
        }
        // The reserve is for such a day. A disk without room shows itself in more than one way.
        Err(error) if is_refused(&error) && reserve::let_go(directory) => {
            tracing::warn!(%error, "the database cannot be written: the reserve is let go");
            (attempt(), None)
        }
        begun => (begun, None),
    };
    let (connection, loaded) = begun.map_err(|error| error.of(&path))?;
    Ok(Held { loaded, connection, path, lock, set_aside })
}

/// A connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// The same, of the database in a data directory that may be somebody else's: one whose telemetry can be read, or refused.
pub(super) fn look(directory: &Path) -> Result<Connection, StoreError> {
    let path = database(directory);
    let metadata = path.metadata();
    metadata.map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
    let attempt = || {
        let connection = reader(&path)?;
        match version(&connection)? {
            Some(found) if found > SCHEMA_VERSION => {
                Err(StoreError::Newer { path: path.clone(), found, known: SCHEMA_VERSION })
            }
            Some(TELEMETRY_SINCE..=SCHEMA_VERSION) => Ok(connection),
            found => Err(StoreError::Older { path: path.clone(), found: found.unwrap_or(0) }),
        }
    };
    attempt().map_err(|error: StoreError| error.of(&path))
}

pub(super) fn take(directory: &Path) -> Result<File, StoreError> {
    let unusable = |source| StoreError::Directory { path: directory.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join("hazgate.lock"))
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

pub(super) fn open(path: &Path, now: Wall) -> Result<Connection, StoreError> {
    let unusable = |source| StoreError::Directory { path: path.to_owned(), source };
    log::rewrite(&log_of(path)).map_err(unusable)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    check(&connection, path)?;
    match version(&connection)? {
        None => create(&mut connection, numbers_given(path, now))?,
        Some(found) if found > SCHEMA_VERSION => {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        Some(1) => bring_up(&mut connection, &[FROM_1, FROM_2, FROM_3, FROM_4])?,
        Some(2) => bring_up(&mut connection, &[FROM_2, FROM_3, FROM_4])?,
        Some(3) => bring_up(&mut connection, &[FROM_3, FROM_4])?,
        Some(4) => bring_up(&mut connection, &[FROM_4])?,
        Some(_) => {}
    }
    let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    if page_bytes != PAGE_BYTES && path.metadata().is_ok_and(|meta| meta.len() <= CHECKED_BYTES_MAX) {
        repage(&connection)?;
    }
    Ok(connection)
}

/// Writes the database anew with pages of our size. Where that cannot be, it stays as it is.
fn repage(connection: &Connection) -> Result<(), StoreError> {
    let change = format!("PRAGMA journal_mode = DELETE; PRAGMA page_size = {PAGE_BYTES}; VACUUM");
    if let Err(error) = connection.execute_batch(&change) {
        tracing::info!(%error, "the database keeps its pages, which the disk is given more of");
    }
    Ok(connection.pragma_update(None, "journal_mode", "WAL")?)
}

/// Brings an older format up to ours, all of it or nothing.
fn bring_up(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
    Ok(transaction.commit()?)
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let size = path.metadata().map_or(0, |meta| meta.len());
    if size > CHECKED_BYTES_MAX {
        return Ok(());
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Unreadable { what: "pages".to_owned(), why: verdict })
}

fn version(connection: &Connection) -> Result<Option<u32>, StoreError> {
    let has_meta = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", [], |_| Ok(()))
        .optional()?
        .is_some();
    if !has_meta {
        return Ok(None);
    }
    let text: String =
        connection.query_row("SELECT value FROM meta WHERE key = 'schema_version'", [], |row| row.get(0))?;
    let unreadable = |_| StoreError::Unreadable {
        what: "a schema version".to_owned(),
        why: format!("`{text}` is not a number"),
    };
    text.parse().map(Some).map_err(unreadable)
}

fn create(connection: &mut Connection, event_through: u64) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO meta(key, value) VALUES ('schema_version', ?1), ('event_through', ?2)",
        [SCHEMA_VERSION.to_string(), event_through.to_string()],
    )?;
    Ok(transaction.commit()?)
}

/// The number above which a new database at `path` numbers its events: 0, unless databases set aside lie beside it, in
/// which numbers were given. What a damaged one says may be too low, so the time counts as well; no gateway has had
/// more events than milliseconds. Found from what lies there, so that it holds after a crash in the middle too.
fn numbers_given(path: &Path, now: Wall) -> u64 {
    let since_2020 = u64::try_from(now.0 - MS_TO_2020).unwrap_or(0);
    let asides = path.parent().map(set_asides).unwrap_or_default().into_iter().map(|(path, _)| path);
    let last = |path: PathBuf| reader(&path).and_then(|aside| ledger::last_event(&aside)).unwrap_or(0);
    let credible = |last: u64| if last < EVENT_CREDIBLE_MAX { last } else { 0 };
    asides.map(|aside| credible(last(aside)).max(since_2020)).max().unwrap_or(0)
}

/// The log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// The database of a data directory.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

/// What the database and its log take on disk, bytes.
pub(super) fn disk_bytes(directory: &Path) -> u64 {
    let path = database(directory);
    ["", "-wal"]
        .iter()
        .filter_map(|suffix| with_suffix(&path, suffix).metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

/// The databases in a data directory that were set aside, oldest first, with their bytes.
pub(super) fn set_asides(directory: &Path) -> Vec<(PathBuf, u64)> {
    let listing = directory.read_dir().into_iter().flatten().flatten();
    let bytes = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
    let asides = listing.map(|entry| entry.path()).filter(|path| is_set_aside(path));
    let mut asides: Vec<_> = asides.map(|path| (path.clone(), bytes(&path))).collect();
    asides.sort();
    asides
}

/// Gives a database that was set aside a name by which it is no longer looked for.
pub(super) fn put_away(aside: &Path) -> std::io::Result<PathBuf> {
    let name = aside.to_string_lossy().replace(SET_ASIDE, SALVAGED);
    rename(aside, Path::new(&name))?;
    Ok(name.into())
}

fn is_set_aside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(&format!("{DATABASE}{SET_ASIDE}")) && !name.ends_with("-wal") && !name.ends_with("-shm")
}

pub(super) fn is_corrupt(error: &StoreError) -> bool {
    match error {
        StoreError::Unreadable { .. } => true,
        StoreError::Database(error) => {
            let is_damaged = matches!(
                error.sqlite_error_code(),
                // Unknown: a table or a column that the statement names is not there.
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
            );
            is_damaged || is_misread(error)
        }
        _ => false,
    }
}

/// Whether the disk would not take what had to be written.
fn is_refused(error: &StoreError) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, SystemIoFailure};
    let StoreError::Database(error) = error else { return false };
    matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure | CannotOpen))
}

/// Whether a row is missing or holds what its column never should.
fn is_misread(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

pub(super) fn set_aside(path: &Path, now: Wall) -> std::io::Result<PathBuf> {
    let aside = with_suffix(path, &format!("{SET_ASIDE}{}", now.0));
    rename(path, &aside)?;
    Ok(aside)
}

/// A database with its log.
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::rename(with_suffix(from, suffix), with_suffix(to, suffix)) {
            Err(error) if !suffix.is_empty() && error.kind() == std::io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
