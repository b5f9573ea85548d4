//! A connection to a file of SQLite.

use super::errors::{damaged, explain};
use super::migrations::{migrate, version};
use super::statements::SqliteStatements;
use crate::Error;
use crate::limits::{
    LOCK_WAIT, PREPARED_STATEMENTS, SQLITE_LOG_PAGES, SQLITE_READER_CACHE_KIB,
    SQLITE_WRITER_CACHE_KIB,
};
use crate::store::database::Work;
use rusqlite::{ErrorCode, OpenFlags};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A connection to a file of SQLite.
pub(super) struct Connection {
    inner: rusqlite::Connection,
    path: PathBuf,
    /// The file that was opened.
    identity: FileId,
}

/// Tells a file from another one: device and inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// That of the file at a path.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self(metadata.dev(), metadata.ino()))
    }
}

impl Connection {
    /// Opens a file to write to, makes it if there is none, and brings its tables up to date.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let unavailable = |error: io::Error| {
            Error::Unavailable(format!("cannot open {}: {error}", path.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unavailable)?;
        let is_new = make(path).map_err(unavailable)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let this = Self::with(path, flags, SQLITE_WRITER_CACHE_KIB)?;
        this.use_log()?;
        migrate(&this.inner, path)?;
        if is_new {
            // SQLite does so for its logs only.
            fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unavailable)?;
        }
        Ok(this)
    }

    /// Opens a file only to read.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, Error> {
        // Without SQLITE_OPEN_READ_ONLY: who reads a log may have to recover its index.
        let this = Self::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE, SQLITE_READER_CACHE_KIB)?;
        this.set("query_only", 1)?;
        Ok(this)
    }

    /// Looks at a file, if there is one.
    pub(super) fn check(path: &Path) -> Result<(), Error> {
        if !path.exists() {
            return Ok(());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        version(&Self::with(path, flags, SQLITE_READER_CACHE_KIB)?.inner, path).map(|_| ())
    }

    fn with(path: &Path, flags: OpenFlags, cache_kib: i64) -> Result<Self, Error> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(path, flags);
        let inner = inner.map_err(|error| explain(path, &error))?;
        inner.busy_timeout(LOCK_WAIT).map_err(|error| explain(path, &error))?;
        inner.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        let identity = FileId::at(path)
            .map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))?;
        let this = Self { inner, path: path.to_owned(), identity };
        this.set("cache_size", -cache_kib)?;
        this.set("cell_size_check", 1)?;
        this.set("trusted_schema", 0)?;
        Ok(this)
    }

    fn set(&self, pragma: &str, value: i64) -> Result<(), Error> {
        // Some say what they were set to.
        let set = self.inner.pragma_update(None, pragma, value);
        set.map_err(|error| explain(&self.path, &error))
    }

    /// Switches to WAL mode. Another process that does the same, or recovers the log, is waited for: SQLite itself does
    /// not wait here.
    fn use_log(&self) -> Result<(), Error> {
        const PAUSE: Duration = Duration::from_millis(10);

        let since = Instant::now();
        loop {
            let mode = self
                .inner
                .query_row("PRAGMA journal_mode = wal", [], |row| row.get::<_, String>(0));
            match mode {
                Ok(mode) if mode == "wal" => break,
                Ok(mode) => {
                    let path = self.path.display();
                    let reason = format!("{path}: SQLite has no WAL mode there, but {mode}");
                    return Err(Error::Unavailable(reason));
                }
                Err(error) if is_busy(&error) && since.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(explain(&self.path, &error)),
            }
        }
        self.set("synchronous", 1)?;
        self.inner
            .query_row(&format!("PRAGMA wal_autocheckpoint = {SQLITE_LOG_PAGES}"), [], |_| Ok(()))
            .map_err(|error| explain(&self.path, &error))
    }

    /// The file that was opened.
    pub(super) fn identity(&self) -> FileId {
        self.identity
    }

    /// Whether the file at the path is still the one that was opened: what is written to another would be lost.
    pub(super) fn check_identity(&self) -> Result<(), Error> {
        match FileId::at(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Unavailable(format!("{}: {error}", self.path.display())))
            }
            _ => {
                let reason = "it was removed or replaced while it was in use".to_owned();
                Err(damaged(&self.path, reason))
            }
        }
    }

    /// Does something in a transaction that writes.
    pub(super) fn write(&self, durable: bool, work: &mut Work<'_>) -> Result<(), Error> {
        if durable {
            self.set("synchronous", 2)?;
        }
        let result = self.transaction("BEGIN IMMEDIATE", work);
        if durable {
            self.set("synchronous", 1)?;
        }
        result
    }

    /// Does something in a transaction that reads.
    pub(super) fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.transaction("BEGIN", work)
    }

    fn transaction(&self, begin: &str, work: &mut Work<'_>) -> Result<(), Error> {
        self.batch(begin)?;
        let result = work(&mut SqliteStatements::new(&self.inner, &self.path))
            .and_then(|()| self.batch("COMMIT"));
        if result.is_err() && !self.inner.is_autocommit() {
            // If that fails too, the connection is given up.
            let _ = self.batch("ROLLBACK");
        }
        result
    }

    fn batch(&self, sql: &str) -> Result<(), Error> {
        let mut statement =
            self.inner.prepare_cached(sql).map_err(|error| explain(&self.path, &error))?;
        statement.raw_execute().map(|_| ()).map_err(|error| explain(&self.path, &error))
    }

    /// Whether a transaction could not be ended.
    pub(super) fn is_stuck(&self) -> bool {
        !self.inner.is_autocommit()
    }
}

/// Makes an empty file, which only its owner can read, since patients are named in it: SQLite gives its logs the same
/// permissions. False if there is a file.
fn make(path: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
