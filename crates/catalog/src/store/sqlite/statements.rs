//! Statements of SQLite.

use super::errors::explain;
use crate::Error;
use crate::store::database::{Each, Numbered, Row, Statements, Value};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::path::Path;

/// Statements within a transaction of SQLite.
pub(super) struct SqliteStatements<'c> {
    connection: &'c rusqlite::Connection,
    path: &'c Path,
}

impl<'c> SqliteStatements<'c> {
    pub(super) fn new(connection: &'c rusqlite::Connection, path: &'c Path) -> Self {
        Self { connection, path }
    }

    fn run(&self, sql: &str, rows: &[&[Value<'_>]]) -> rusqlite::Result<Vec<Row>> {
        #[cfg(test)]
        super::plans::check(self.connection, sql);
        let mut statement = self.connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut found = Vec::new();
        for parameters in rows {
            for (index, parameter) in parameters.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, parameter)?;
            }
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                let values: rusqlite::Result<Vec<_>> =
                    (0..columns).map(|column| row.get_ref(column).map(owned)).collect();
                found.push(Row::new(values?));
            }
        }
        Ok(found)
    }
}

impl Statements for SqliteStatements<'_> {
    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        self.run(&sql.replace('$', "?"), &[parameters])
            .map(|_| self.connection.changes())
            .map_err(|error| explain(self.path, &error))
    }

    fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.run(&sql.replace('$', "?"), &[parameters]).map_err(|error| explain(self.path, &error))
    }

    fn each(&mut self, each: &Each<'_>, rows: &[Vec<Value<'_>>]) -> Result<Vec<Row>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; each.columns.len()].join(", ");
        let sql = format!("WITH v({}) AS (VALUES ({marks})) {}", each.names(), each.sql);
        let rows: Vec<&[Value<'_>]> = rows.iter().map(Vec::as_slice).collect();
        self.run(&sql, &rows).map_err(|error| explain(self.path, &error))
    }

    fn new_ids(&mut self, table: Numbered, count: usize) -> Result<Vec<i64>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let rows = self.query(
            "UPDATE last_id SET id = id + $1 WHERE name = $2 RETURNING id",
            &[count.into(), table.name().into()],
        )?;
        let mut row = rows.into_iter().next().ok_or_else(|| {
            Error::Statement(format!("the table last_id has no row for {}", table.name()))
        })?;
        let last = row.integer()?;
        Ok((last - count + 1..=last).collect())
    }

    fn lock_order(&mut self, _destination: i64) -> Result<(), Error> {
        // One transaction writes at a time.
        Ok(())
    }

    fn lock_instances(&mut self, _deliveries: &[i64]) -> Result<(), Error> {
        Ok(())
    }

    fn skip_locked(&self) -> &'static str {
        ""
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        // No column is one.
        ValueRef::Real(value) => Value::Integer(value as i64),
        ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned().into()),
        ValueRef::Blob(value) => Value::Bytes(value.to_vec().into()),
    }
}
