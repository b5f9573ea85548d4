//! Every bound of the catalogue.

use std::time::Duration;

/// Objects of a [`Batch`](crate::Batch), at most.
pub const BATCH_OBJECTS: usize = 256;

/// How long a statement waits for a lock of another process, and a call for a connection.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Rows of one answer to a query, at most.
pub const PAGE_ROWS: usize = 1000;

/// Bytes of a text from a data set that are kept, at most.
pub const TEXT_BYTES: usize = 1024;

/// Modalities that are kept of a study, at most.
pub const STUDY_MODALITIES: usize = 64;

/// Associations that are kept, and likewise refusals, whatever their age: peers that nobody knows can make as many as they
/// like.
pub const HISTORY_ROWS: u32 = 1_000_000;

/// Bytes of the key of an object, an event, an association or a refusal, at most.
pub const KEY_BYTES: usize = 1024;

/// Bytes of a reason that are kept, at most.
pub const REASON_BYTES: usize = 4096;

/// Bytes of a file's name that are compared as they are; of longer ones the rest is compared by a digest. PostgreSQL has
/// no index entries of more than some 2,700 bytes.
pub const FILE_KEY_BYTES: usize = 1024;

/// Wildcards in a text that is searched for, at most.
pub const WILDCARDS: usize = 16;

/// How often a transaction is tried again that another one got in the way of.
pub const TRANSACTION_ATTEMPTS: u32 = 5;

/// Connections for reading that SQLite keeps open, beside the one for writing.
pub const SQLITE_READERS: usize = 2;

/// KiB of pages that SQLite keeps in memory for writing.
pub const SQLITE_WRITER_CACHE_KIB: i64 = 4096;

/// KiB of pages that SQLite keeps in memory for each connection for reading.
pub const SQLITE_READER_CACHE_KIB: i64 = 512;

/// Pages of SQLite's log after which they are written to the database: 16 MiB.
pub const SQLITE_LOG_PAGES: i64 = 4096;

/// Prepared statements that a connection keeps, at most.
pub const PREPARED_STATEMENTS: usize = 64;

/// Connections to PostgreSQL, at most.
pub const POSTGRESQL_CONNECTIONS: usize = 4;

/// How long connecting to PostgreSQL takes, at most, with TLS and log-in.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// How long a statement of PostgreSQL takes, at most: past that its connection is closed.
pub const STATEMENT_WAIT: Duration = Duration::from_secs(30);
