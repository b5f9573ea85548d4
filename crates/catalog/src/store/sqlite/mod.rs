//! The catalogue in a file, by SQLite.
//!
//! The file is in WAL mode: readers never wait for the writer, nor it for them, also of other processes. A transaction is
//! appended to the log `-wal` without a sync, so a power loss may undo the last ones, in the reverse order, and
//! never a part of one. One that is to be durable syncs the log at its end, and with it all that were appended before.
//! Each [`SQLITE_LOG_PAGES`](crate::limits::SQLITE_LOG_PAGES) the log is synced and written to the file.

mod connection;
mod errors;
mod migrations;
#[cfg(test)]
mod plans;
mod statements;

use self::connection::{Connection, FileId};
use super::database::{Database, Work};
use crate::Error;
use crate::limits::SQLITE_READERS;
use platform::sync::{Mutex, MutexGuard, PoisonError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The version of the tables that this program makes.
const SCHEMA: u32 = migrations::known();

/// A file of SQLite, opened at its first use: one connection for writing, and some for reading.
pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    /// The file that `writer` has open: known to those who read without waiting for who writes.
    open: Mutex<Option<FileId>>,
}

impl Sqlite {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            writer: Mutex::new(None),
            readers: Mutex::new(Vec::new()),
            open: Mutex::new(None),
        }
    }

    /// Does something with the connection for writing, which is opened if it is not. After damage, all connections are
    /// closed: the next call opens what is at the path then.
    fn with_writer<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut writer = lock(&self.writer);
        if writer.is_none() {
            *lock(&self.open) = None;
            let opened = writer.insert(Connection::open(&self.path)?);
            *lock(&self.open) = Some(opened.identity());
        }
        let result = match writer.as_ref() {
            Some(connection) => connection.check_identity().and_then(|()| work(connection)),
            None => Err(Error::Unavailable("the catalogue is not open".to_owned())),
        };
        if let Err(Error::Damaged { .. }) = &result {
            *writer = None;
            *lock(&self.open) = None;
            lock(&self.readers).clear();
        } else if writer.as_ref().is_some_and(Connection::is_stuck) {
            *writer = None;
        }
        result
    }

    /// A connection for reading of the same file as that for writing.
    fn reader(&self) -> Result<Connection, Error> {
        // Not in the condition below: the lock would be held as long as what is in it.
        let pooled = lock(&self.readers).pop();
        if let Some(reader) = pooled {
            if reader.check_identity().is_ok() {
                return Ok(reader);
            }
            lock(&self.readers).clear();
        }
        let open = *lock(&self.open);
        if open.is_none() || FileId::at(&self.path).ok() != open {
            self.prepare()?;
        }
        Connection::open_to_read(&self.path)
    }
}

impl Database for Sqlite {
    fn prepare(&self) -> Result<(), Error> {
        self.with_writer(|_| Ok(()))
    }

    fn check(&self) -> Result<(), Error> {
        Connection::check(&self.path)
    }

    fn write(&self, durable: bool, work: &mut Work<'_>) -> Result<(), Error> {
        self.with_writer(|connection| connection.write(durable, work))
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let reader = self.reader()?;
        let result = reader.read(work);
        match &result {
            Err(Error::Damaged { .. }) => {
                lock(&self.readers).clear();
                *lock(&self.writer) = None;
                *lock(&self.open) = None;
            }
            _ if reader.is_stuck() => {}
            _ => {
                let mut readers = lock(&self.readers);
                if readers.len() < SQLITE_READERS {
                    readers.push(reader);
                }
            }
        }
        result
    }

    fn make_durable(&self) -> Result<(), Error> {
        self.write(true, &mut |statements| {
            statements.execute("UPDATE total SET durable = durable + 1", &[]).map(|_| ())
        })
    }

    fn bytes(&self) -> Option<u64> {
        let length = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
        let log = length(&beside(&self.path, "-wal")).unwrap_or(0);
        length(&self.path).ok().map(|bytes| bytes + log)
    }

    fn schema(&self) -> u32 {
        SCHEMA
    }
}

/// Renames a file of SQLite and what belongs to it, so that another one can be made in its place. Returns the new name,
/// with the time in seconds at its end.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut number = since.map_or(0, |time| time.as_secs());
    let aside = loop {
        let candidate = beside(path, &format!(".damaged-{number}"));
        if !candidate.try_exists()? {
            break candidate;
        }
        number += 1;
    };
    // The log first: a file without its log is older, a log without its file would be deleted, or worse, used.
    for end in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(aside)
}

/// The path with something at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
