//! The catalogue in a database: statements that SQLite and PostgreSQL both know, and what differs between the two.

mod changes;
mod database;
mod encoding;
mod ends;
mod forget;
mod lease;
mod lists;
mod postgresql;
mod rows;
mod sqlite;
mod take_in;
#[cfg(test)]
mod tests;
mod totals;

use self::database::{Database, Statements};
use self::postgresql::Postgresql;
use self::sqlite::Sqlite;
use crate::{
    Batch, Catalog, Delivery, DeliveryFilter, DeliveryId, DeliveryRow, DestinationCounts,
    EndedStudy, Error, InstanceId, InstanceRow, Lease, Page, Removable, SeriesRow, Settlement,
    SpooledObject, Statistics, StudyFilter, StudyRow, TakenIn,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Opens the catalogue at `url`, made or brought up to date where it is not: `sqlite:PATH`, or
/// `postgres://user@host/database` (also with `postgresql:`), with the parameters of libpq that say how to connect:
/// `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `application_name`, `connect_timeout`, `options`, `password`.
///
/// # Errors
/// [`Error`].
pub fn open(url: &str) -> Result<Arc<dyn Catalog>, Error> {
    let store = Store::new(url)?;
    store.database.prepare()?;
    Ok(Arc::new(store))
}

/// Likewise, but only when it is used for the first time: until it can be, each call is [`Error::Unavailable`].
///
/// # Errors
/// [`Error::Url`].
pub fn open_later(url: &str) -> Result<Arc<dyn Catalog>, Error> {
    Ok(Arc::new(Store::new(url)?))
}

/// Looks whether the catalogue at `url` could be opened, and changes nothing: it may still have to be made or brought up to
/// date.
///
/// # Errors
/// As [`open`].
pub fn check(url: &str) -> Result<(), Error> {
    Store::new(url)?.database.check()
}

/// Renames the file of a damaged catalogue, with its logs, and returns the new name: the old one with
/// `.damaged-<seconds since 1970>` at its end. A catalogue that was open there makes a new file at the next call.
///
/// # Errors
/// [`Error::Url`] if it is no file, [`Error::Unavailable`] if it cannot be renamed.
pub fn set_aside(url: &str) -> Result<PathBuf, Error> {
    let path = sqlite_path(url).ok_or_else(|| Error::url(url, "only a file can be set aside"))?;
    sqlite::set_aside(path).map_err(|error| {
        Error::Unavailable(format!("cannot set aside {}: {error}", path.display()))
    })
}

fn sqlite_path(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite:").filter(|path| !path.is_empty()).map(Path::new)
}

/// A catalogue in a database.
struct Store {
    database: Box<dyn Database>,
}

impl Store {
    fn new(url: &str) -> Result<Self, Error> {
        if let Some(path) = sqlite_path(url) {
            return Ok(Self { database: Box::new(Sqlite::new(path.to_owned())) });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { database: Box::new(Postgresql::new(url)?) });
        }
        Err(Error::url(url, "expected sqlite:PATH or postgres://user@host/database"))
    }

    /// Does something in a transaction that writes. It need not be durable: after a power loss it is as if it had not been
    /// done yet, and is done again.
    fn write<T>(
        &self,
        work: impl FnMut(&mut dyn Statements) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.write_as(false, work)
    }

    /// Likewise, for what operators do: durable.
    fn write_durably<T>(
        &self,
        work: impl FnMut(&mut dyn Statements) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.write_as(true, work)
    }

    fn write_as<T>(
        &self,
        durable: bool,
        mut work: impl FnMut(&mut dyn Statements) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut result = None;
        self.database.write(durable, &mut |statements| {
            result = Some(work(statements)?);
            Ok(())
        })?;
        result.ok_or_else(not_done)
    }

    /// Does something in a transaction that only reads.
    fn read<T>(
        &self,
        mut work: impl FnMut(&mut dyn Statements) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut result = None;
        self.database.read(&mut |statements| {
            result = Some(work(statements)?);
            Ok(())
        })?;
        result.ok_or_else(not_done)
    }
}

fn not_done() -> Error {
    Error::Statement("a transaction was not done".to_owned())
}

impl Catalog for Store {
    fn take_in(&self, batch: &Batch) -> Result<TakenIn, Error> {
        self.write_as(batch.durable, |statements| take_in::take_in(statements, batch))
    }

    fn make_durable(&self) -> Result<(), Error> {
        self.database.make_durable()
    }

    fn end_studies(&self, now: SystemTime, most: usize) -> Result<Vec<EndedStudy>, Error> {
        self.write(|statements| ends::end_studies(statements, now, most))
    }

    fn next_end_of_study(&self) -> Result<Option<SystemTime>, Error> {
        self.read(ends::next)
    }

    fn shift_ends_of_studies(&self, by: Duration, forwards: bool) -> Result<(), Error> {
        self.write(|statements| ends::shift(statements, by, forwards))
    }

    fn lease(&self, lease: &Lease) -> Result<Vec<Delivery>, Error> {
        self.write(|statements| lease::lease(statements, lease))
    }

    fn renew(
        &self,
        owner: &str,
        deliveries: &[DeliveryId],
        until: SystemTime,
    ) -> Result<u64, Error> {
        self.write(|statements| lease::renew(statements, owner, deliveries, until))
    }

    fn next_attempt(
        &self,
        destination: &str,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Error> {
        self.read(|statements| lease::next_attempt(statements, destination, now))
    }

    fn settle(
        &self,
        owner: &str,
        settlements: &[Settlement],
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        self.write(|statements| changes::settle(statements, owner, settlements, now))
    }

    fn owed(&self, keys: &[String]) -> Result<Vec<Option<bool>>, Error> {
        self.read(|statements| lists::owed(statements, keys))
    }

    fn release_leases(&self, owner: &str) -> Result<u64, Error> {
        self.write(|statements| lease::release(statements, owner))
    }

    fn counts(&self, names: &[String]) -> Result<Vec<DestinationCounts>, Error> {
        self.read(|statements| totals::counts(statements, names))
    }

    fn pause(&self, destination: &str, paused: bool) -> Result<(), Error> {
        self.write_durably(|statements| totals::pause(statements, destination, paused))
    }

    fn retry(&self, deliveries: &[DeliveryId], now: SystemTime) -> Result<u64, Error> {
        self.write_durably(|statements| changes::retry(statements, deliveries, now))
    }

    fn park(&self, deliveries: &[DeliveryId], reason: &str, now: SystemTime) -> Result<u64, Error> {
        self.write_durably(|statements| changes::park(statements, deliveries, reason, now))
    }

    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        self.write_durably(|statements| {
            changes::drop_deliveries(statements, deliveries, reason, now)
        })
    }

    fn forget_done(
        &self,
        destination: Option<&str>,
        before: SystemTime,
        most: usize,
    ) -> Result<u64, Error> {
        self.write(|statements| forget::forget_done(statements, destination, before, most))
    }

    fn forget_history(&self, before: SystemTime, most: usize) -> Result<u64, Error> {
        self.write(|statements| forget::forget_history(statements, before, most))
    }

    fn deliveries(&self, filter: &DeliveryFilter, page: Page) -> Result<Vec<DeliveryRow>, Error> {
        self.read(|statements| lists::deliveries(statements, filter, page))
    }

    fn studies(&self, filter: &StudyFilter, page: Page) -> Result<Vec<StudyRow>, Error> {
        self.read(|statements| lists::studies(statements, filter, page))
    }

    fn series(&self, study: Option<&str>, page: Page) -> Result<Vec<SeriesRow>, Error> {
        self.read(|statements| lists::series(statements, study, page))
    }

    fn instances(&self, study: Option<&str>, page: Page) -> Result<Vec<InstanceRow>, Error> {
        self.read(|statements| lists::instances(statements, study, page))
    }

    fn instance_at(&self, directory: &Path, file: &str) -> Result<Option<InstanceRow>, Error> {
        self.read(|statements| lists::instance_at(statements, directory, file))
    }

    fn set_digests(&self, digests: &[(InstanceId, [u8; 32])]) -> Result<(), Error> {
        self.write(|statements| changes::set_digests(statements, digests))
    }

    fn set_files(&self, files: &[(InstanceId, Option<String>)]) -> Result<(), Error> {
        self.write(|statements| changes::set_files(statements, files))
    }

    fn removable(&self, which: &Removable) -> Result<Vec<InstanceRow>, Error> {
        self.read(|statements| lists::removable(statements, which))
    }

    fn identity(&self) -> Result<String, Error> {
        self.read(totals::identity)
    }

    fn statistics(&self) -> Result<Statistics, Error> {
        let mut statistics = self.read(totals::statistics)?;
        statistics.database_bytes = self.database.bytes();
        statistics.schema = self.database.schema();
        Ok(statistics)
    }
}
