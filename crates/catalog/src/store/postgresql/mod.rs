//! The catalogue in a database of its own, by PostgreSQL.
//!
//! Several processes may use it at once. A transaction that need not be durable is committed without waiting for the
//! server's log (`synchronous_commit = off`), one that is to be durable waits for it, and with it for all that were
//! committed before.

mod address;
mod connection;
mod errors;
mod migrations;
mod statements;

use self::address::Address;
use self::connection::Connection;
use self::statements::PostgresStatements;
use super::database::{Database, Work};
use crate::Error;
use crate::limits::{LOCK_WAIT, POSTGRESQL_CONNECTIONS, TRANSACTION_ATTEMPTS};
use platform::sync::{Condvar, Instant, Mutex, PoisonError};

/// A database of PostgreSQL, connected to as needed.
pub(crate) struct Postgresql {
    address: Address,
    pool: Mutex<Pool>,
    returned: Condvar,
}

/// The connections that nobody uses.
#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    /// How many there are, also those in use.
    open: usize,
}

/// The version of the tables that this program makes.
const SCHEMA: u32 = migrations::known();

impl Postgresql {
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            address: Address::parse(url)?,
            pool: Mutex::new(Pool::default()),
            returned: Condvar::new(),
        })
    }

    /// Does something with a connection in a transaction that `begin` begins.
    fn transact(&self, begin: &str, work: &mut Work<'_>) -> Result<(), Error> {
        let mut attempts = 0;
        loop {
            let connection = self.begin(begin)?;
            let done = work(&mut PostgresStatements::new(&connection));
            let result = connection.end(done);
            let conflicted = connection.is_conflicted();
            self.put_back(connection);
            attempts += 1;
            if result.is_ok() || !conflicted || attempts == TRANSACTION_ATTEMPTS {
                return result;
            }
        }
    }

    /// A connection on which a transaction has begun. One that was idle may have been lost meanwhile: then all idle ones
    /// are given up, and a new one is made.
    fn begin(&self, begin: &str) -> Result<Connection, Error> {
        let (connection, was_idle) = self.take()?;
        let begun = connection.begin(begin);
        let Err(error) = begun else { return Ok(connection) };
        let lost = connection.is_broken();
        self.put_back(connection);
        if !(lost && was_idle) {
            return Err(error);
        }
        let idle: Vec<Connection> = {
            let mut pool = self.lock();
            pool.open -= pool.idle.len();
            pool.idle.drain(..).collect()
        };
        drop(idle);
        let connection = self.take()?.0;
        match connection.begin(begin) {
            Ok(()) => Ok(connection),
            Err(error) => {
                self.put_back(connection);
                Err(error)
            }
        }
    }

    /// An idle connection, or a new one; waits for one if there are as many as there may be. Also returns whether it was
    /// idle.
    fn take(&self) -> Result<(Connection, bool), Error> {
        let until = Instant::now() + LOCK_WAIT;
        let mut pool = self.lock();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok((connection, true));
            }
            if pool.open < POSTGRESQL_CONNECTIONS {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!("all {POSTGRESQL_CONNECTIONS} connections to it are in use");
                return Err(Error::Unavailable(reason));
            }
            let waited = self.returned.wait_timeout(pool, left);
            pool = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        pool.open += 1;
        drop(pool);
        match self.open() {
            Ok(connection) => Ok((connection, false)),
            Err(error) => {
                self.lock().open -= 1;
                self.returned.notify_one();
                Err(error)
            }
        }
    }

    /// Connects, and brings the tables up to date.
    fn open(&self) -> Result<Connection, Error> {
        let connection = Connection::connect(&self.address)?;
        migrations::migrate(&connection)?;
        Ok(connection)
    }

    fn put_back(&self, connection: Connection) {
        let mut pool = self.lock();
        if connection.is_broken() {
            pool.open -= 1;
            drop(pool);
            drop(connection);
        } else {
            pool.idle.push(connection);
            drop(pool);
        }
        self.returned.notify_one();
    }

    fn lock(&self) -> platform::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Postgresql {
    fn prepare(&self) -> Result<(), Error> {
        let (connection, _) = self.take()?;
        self.put_back(connection);
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        Connection::connect(&self.address).and_then(|connection| migrations::check(&connection))
    }

    fn write(&self, durable: bool, work: &mut Work<'_>) -> Result<(), Error> {
        let begin = if durable {
            "BEGIN; SET LOCAL synchronous_commit = on"
        } else {
            "BEGIN; SET LOCAL synchronous_commit = off"
        };
        self.transact(begin, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.transact("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work)
    }

    fn make_durable(&self) -> Result<(), Error> {
        // Only a transaction that wrote something waits for the log.
        self.write(true, &mut |statements| {
            statements.execute("UPDATE total SET durable = durable + 1", &[]).map(|_| ())
        })
    }

    fn bytes(&self) -> Option<u64> {
        let mut bytes = None;
        let read = self.read(&mut |statements| {
            let rows = statements.query("SELECT pg_database_size(current_database())", &[])?;
            bytes = rows.into_iter().next().map(|mut row| row.count()).transpose()?;
            Ok(())
        });
        read.ok().and(bytes)
    }

    fn schema(&self) -> u32 {
        SCHEMA
    }
}
