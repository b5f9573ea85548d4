//! Tables of PostgreSQL, from one version to the next.

use super::connection::Connection;
use crate::Error;

/// What makes each version from the one before.
const MIGRATIONS: &[&str] =
    &[include_str!("../../../migrations/postgresql/0001_catalogue_and_outbox.sql")];

/// The lock that who migrates holds: `STSC`.
const LOCK: i64 = 0x5354_5343;

/// Brings the tables up to date, in one transaction.
pub(super) fn migrate(connection: &Connection) -> Result<(), Error> {
    if version(connection)? == known() {
        return Ok(());
    }
    // Another process may be at it, or have done it meanwhile. The lock is taken before the transaction: within one, the
    // server may still take it that there are no tables.
    connection.batch(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    connection.begin("BEGIN")?;
    let result = connection.end(advance(connection));
    result.and_then(|()| connection.batch(&format!("SELECT pg_advisory_unlock({LOCK})")))
}

/// Looks at the version of the tables, if there are any.
pub(super) fn check(connection: &Connection) -> Result<(), Error> {
    version(connection).map(|_| ())
}

fn advance(connection: &Connection) -> Result<(), Error> {
    let found = version(connection)?;
    for migration in &MIGRATIONS[found as usize..] {
        connection.batch(migration)?;
    }
    if found == 0 {
        connection.batch("CREATE TABLE schema_version (version BIGINT NOT NULL)")?;
        connection.batch("INSERT INTO schema_version VALUES (0)")?;
    }
    connection.batch(&format!("UPDATE schema_version SET version = {}", known()))
}

/// The version of the tables; 0 if there are none.
fn version(connection: &Connection) -> Result<u32, Error> {
    let client = &connection.client;
    let there =
        connection.wait(client.query_one("SELECT to_regclass('schema_version') IS NULL", &[]))?;
    if there.get(0) {
        return Ok(0);
    }
    let row = connection.wait(client.query_one("SELECT version FROM schema_version", &[]))?;
    let found = u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX);
    if found > known() {
        return Err(Error::Newer { found, known: known() });
    }
    Ok(found)
}

/// The version that this program knows.
pub(super) const fn known() -> u32 {
    MIGRATIONS.len() as u32
}
