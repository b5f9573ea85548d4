//! What the statements of the catalogue need of a database, so that they are written once.
//!
//! Statements are SQL that SQLite and PostgreSQL both know, with `$1`, `$2`, … in place of parameters.

use crate::Error;
use std::borrow::Cow;

/// A database.
pub(crate) trait Database: Send + Sync {
    /// Opens it and brings its tables up to date, where that is not done yet.
    fn prepare(&self) -> Result<(), Error>;

    /// Looks whether it could be opened, and changes nothing.
    fn check(&self) -> Result<(), Error>;

    /// Does `work` in one transaction, which is committed if it succeeds; `durable` as
    /// [`Batch::durable`](crate::Batch::durable). May do it again, after another transaction got in its way.
    fn write(&self, durable: bool, work: &mut Work<'_>) -> Result<(), Error>;

    /// Does `work`, which only reads, on one state of the database.
    fn read(&self, work: &mut Work<'_>) -> Result<(), Error>;

    /// Makes all transactions durable that were committed before.
    fn make_durable(&self) -> Result<(), Error>;

    /// Bytes of the database, if they can be known.
    fn bytes(&self) -> Option<u64>;

    /// The version of the tables.
    fn schema(&self) -> u32;
}

/// What is done within a transaction.
pub(crate) type Work<'w> = dyn FnMut(&mut dyn Statements) -> Result<(), Error> + 'w;

/// Statements within a transaction.
pub(crate) trait Statements {
    /// Returns how many rows were changed.
    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error>;

    /// Returns the rows that a statement gives.
    fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error>;

    /// Does a statement for each of many rows, and returns the rows that it gives: in any order.
    fn each(&mut self, each: &Each<'_>, rows: &[Vec<Value<'_>>]) -> Result<Vec<Row>, Error>;

    /// Keys of new rows of a table, ascending.
    fn new_ids(&mut self, table: Numbered, count: usize) -> Result<Vec<i64>, Error>;

    /// Waits until no other transaction holds the lock for leasing from this destination in order.
    fn lock_order(&mut self, destination: i64) -> Result<(), Error>;

    /// Keeps other transactions from settling deliveries of the same instances as these.
    fn lock_instances(&mut self, deliveries: &[i64]) -> Result<(), Error>;

    /// What a `SELECT` ends with whose rows are changed next: rows that other transactions change are left out.
    fn skip_locked(&self) -> &'static str;
}

/// Tables whose keys are given before the rows are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbered {
    Instance,
    Delivery,
}

impl Numbered {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Delivery => "delivery",
        }
    }
}

/// A statement that is done for each of many rows: they are the table `v`.
#[derive(Debug)]
pub(crate) struct Each<'a> {
    /// The columns of `v`.
    pub(crate) columns: &'a [(&'static str, Type)],
    /// The statement, without the `WITH` that makes `v`.
    pub(crate) sql: Cow<'static, str>,
}

impl<'a> Each<'a> {
    pub(crate) const fn new(columns: &'a [(&'static str, Type)], sql: &'static str) -> Self {
        Self { columns, sql: Cow::Borrowed(sql) }
    }

    /// The names of the columns, with commas.
    pub(crate) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Integer,
    Text,
    Bytes,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that a statement gives, read from the left to the right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value<'static>>);

impl Row {
    pub(crate) fn new(values: Vec<Value<'static>>) -> Self {
        Self(values.into_iter())
    }

    /// The next column, an integer.
    pub(crate) fn integer(&mut self) -> Result<i64, Error> {
        self.optional_integer()?.ok_or_else(unexpected)
    }

    /// The next column, an integer or `NULL`.
    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, Error> {
        match self.0.next() {
            Some(Value::Integer(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected()),
        }
    }

    /// The next column, a number that is never negative.
    pub(crate) fn count(&mut self) -> Result<u64, Error> {
        Ok(u64::try_from(self.integer()?).unwrap_or(0))
    }

    /// The next column, a text.
    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.optional_text()?.ok_or_else(unexpected)
    }

    /// The next column, a text or `NULL`.
    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, Error> {
        match self.0.next() {
            Some(Value::Text(value)) => Ok(Some(value.into_owned())),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected()),
        }
    }

    /// The next column, bytes or `NULL`.
    pub(crate) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.0.next() {
            Some(Value::Bytes(value)) => Ok(Some(value.into_owned())),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected()),
        }
    }
}

fn unexpected() -> Error {
    Error::Statement("a column has another type than expected".to_owned())
}
