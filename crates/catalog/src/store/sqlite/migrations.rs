//! Tables of SQLite, from one version to the next.

use super::errors::{damaged, explain};
use crate::Error;
use std::path::Path;

/// What makes each version from the one before.
const MIGRATIONS: &[&str] =
    &[include_str!("../../../migrations/sqlite/0001_catalogue_and_outbox.sql")];

/// Says in the header of the file that it is a catalogue of this program: `STSC`.
const APPLICATION: i64 = 0x5354_5343;

/// Brings the tables up to date, in one transaction.
pub(super) fn migrate(connection: &rusqlite::Connection, path: &Path) -> Result<(), Error> {
    let explain = |error: rusqlite::Error| explain(path, &error);
    if version(connection, path)? == known() {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(explain)?;
    let result = advance(connection, path);
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(explain);
    result.and(ended)
}

fn advance(connection: &rusqlite::Connection, path: &Path) -> Result<(), Error> {
    let explain = |error: rusqlite::Error| explain(path, &error);
    // Another process may have done it meanwhile.
    let found = version(connection, path)?;
    for migration in &MIGRATIONS[found as usize..] {
        connection.execute_batch(migration).map_err(explain)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION).map_err(explain)?;
    connection.pragma_update(None, "user_version", known()).map_err(explain)
}

/// The version of the tables; 0 if there are none.
pub(super) fn version(connection: &rusqlite::Connection, path: &Path) -> Result<u32, Error> {
    let integer = |sql: &str| {
        let value = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        value.map_err(|error| explain(path, &error))
    };
    let application = integer("PRAGMA application_id")?;
    let found = integer("PRAGMA user_version")?;
    if application == APPLICATION {
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        if found > known() {
            return Err(Error::Newer { found, known: known() });
        }
        return Ok(found);
    }
    let tables = integer("SELECT count(*) FROM sqlite_schema")?;
    if application != 0 || found != 0 || tables != 0 {
        return Err(damaged(path, "it is the database of another program".to_owned()));
    }
    Ok(0)
}

/// The version that this program knows.
pub(super) const fn known() -> u32 {
    MIGRATIONS.len() as u32
}
