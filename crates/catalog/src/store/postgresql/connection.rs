//! A connection to PostgreSQL.

use super::address::Address;
use super::errors::{explain, is_conflict};
use crate::Error;
use crate::limits::{CONNECT_WAIT, LOCK_WAIT, STATEMENT_WAIT};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Statement};

/// A connection, with the thread of its own that the library needs: whoever uses it lends it theirs.
pub(super) struct Connection {
    runtime: Runtime,
    pub(super) client: Client,
    /// Statements that were prepared.
    pub(super) prepared: RefCell<HashMap<String, Statement>>,
    /// It is of no use any more.
    broken: Cell<bool>,
    /// The last error was that another transaction got in the way.
    conflicted: Cell<bool>,
}

impl Connection {
    /// Connects.
    pub(super) fn connect(address: &Address) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Unavailable(error.to_string()))?;
        let connector = address.connector()?;
        let connecting = async {
            let (client, connection) = address.config.connect(connector).await?;
            tokio::spawn(async move {
                // Its error is that of the statement that waits for it.
                let _ = connection.await;
            });
            Ok(client)
        };
        let client =
            runtime.block_on(async { tokio::time::timeout(CONNECT_WAIT, connecting).await });
        let client = client.map_err(|_| too_slow("connecting", CONNECT_WAIT))?;
        let client = client.map_err(|error| explain(&error))?;
        let this = Self {
            runtime,
            client,
            prepared: RefCell::default(),
            broken: Cell::new(false),
            conflicted: Cell::new(false),
        };
        this.batch(&settings())?;
        Ok(this)
    }

    /// Waits for an answer of the server, but not for ever.
    pub(super) fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let answer =
            self.runtime.block_on(async { tokio::time::timeout(STATEMENT_WAIT, answer).await });
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.conflicted.set(is_conflict(&error));
                if error.as_db_error().is_none() || self.client.is_closed() {
                    self.broken.set(true);
                }
                Err(explain(&error))
            }
            Err(_) => {
                self.broken.set(true);
                Err(too_slow("a statement", STATEMENT_WAIT))
            }
        }
    }

    /// Does statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Begins a transaction. It has no effect if it fails.
    pub(super) fn begin(&self, sql: &str) -> Result<(), Error> {
        self.conflicted.set(false);
        self.batch(sql)
    }

    /// Ends the transaction that was begun. It has no effect if what was done in it failed, or this does.
    pub(super) fn end(&self, done: Result<(), Error>) -> Result<(), Error> {
        let result = done.and_then(|()| self.batch("COMMIT"));
        if result.is_err() && !self.broken.get() {
            let conflicted = self.conflicted.get();
            if self.batch("ROLLBACK").is_err() {
                self.broken.set(true);
            }
            self.conflicted.set(conflicted);
        }
        result
    }

    /// Whether it is of no use any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get() || self.client.is_closed()
    }

    /// Whether another transaction got in the way of the last one.
    pub(super) fn is_conflicted(&self) -> bool {
        self.conflicted.get()
    }
}

fn too_slow(what: &str, wait: Duration) -> Error {
    Error::Unavailable(format!("{what} took longer than {} s", wait.as_secs()))
}

/// Bounds of time; and plans that only follow indexes. What the planner takes from statistics is of no use for a
/// queue: they say that it is empty when it was so at the last ANALYZE, and a million rows are read for each lease.
fn settings() -> String {
    let statement = STATEMENT_WAIT.as_millis() * 2 / 3;
    let lock = LOCK_WAIT.as_millis();
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {}; SET client_min_messages = warning; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; \
         SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
         SET enable_sort = off",
        STATEMENT_WAIT.as_millis()
    )
}
