//! Statements of PostgreSQL.

use super::connection::Connection;
use crate::Error;
use crate::limits::PREPARED_STATEMENTS;
use crate::store::database::{Each, Numbered, Row, Statements, Type, Value};
use std::error::Error as StdError;
use tokio_postgres::Statement;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type as SqlType, to_sql_checked};

/// Statements within a transaction of PostgreSQL.
pub(super) struct PostgresStatements<'c> {
    connection: &'c Connection,
}

impl<'c> PostgresStatements<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection }
    }

    fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        let mut prepared = self.connection.prepared.borrow_mut();
        if let Some(statement) = prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.connection.wait(self.connection.client.prepare(sql))?;
        // Searches differ in what they ask for; all others are few.
        if prepared.len() >= PREPARED_STATEMENTS {
            prepared.clear();
        }
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql)?;
        let rows = self.connection.wait(self.connection.client.query(&statement, parameters))?;
        rows.iter().map(read).collect()
    }
}

impl Statements for PostgresStatements<'_> {
    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.connection.wait(self.connection.client.execute(&statement, &references(parameters)))
    }

    fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.rows(sql, &references(parameters))
    }

    /// One statement for all rows: each column is an array.
    fn each(&mut self, each: &Each<'_>, rows: &[Vec<Value<'_>>]) -> Result<Vec<Row>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let arrays: Vec<String> = (1..)
            .zip(each.columns)
            .map(|(number, (_, kind))| format!("${number}::{}[]", sql_name(*kind)))
            .collect();
        let sql = format!(
            "WITH v({}) AS (SELECT * FROM unnest({})) {}",
            each.names(),
            arrays.join(", "),
            each.sql
        );
        let columns: Vec<Box<dyn ToSql + Sync + '_>> =
            (0..).zip(each.columns).map(|(place, (_, kind))| column(rows, place, *kind)).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect();
        self.rows(&sql, &parameters)
    }

    fn new_ids(&mut self, table: Numbered, count: usize) -> Result<Vec<i64>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let sql = match table {
            Numbered::Instance => {
                "SELECT nextval('instance_id') FROM generate_series(1, $1::bigint)"
            }
            Numbered::Delivery => {
                "SELECT nextval('delivery_id') FROM generate_series(1, $1::bigint)"
            }
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let rows = self.query(sql, &[count.into()])?;
        let mut ids =
            rows.into_iter().map(|mut row| row.integer()).collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        Ok(ids)
    }

    fn lock_order(&mut self, destination: i64) -> Result<(), Error> {
        // `STSC`, and the destination.
        let key = 0x5354_5343 << 32 | destination;
        self.execute("SELECT pg_advisory_xact_lock($1)", &[key.into()]).map(|_| ())
    }

    fn lock_instances(&mut self, deliveries: &[i64]) -> Result<(), Error> {
        const LOCK: Each<'_> = Each::new(
            &[("id", Type::Integer)],
            "SELECT i.id FROM v JOIN delivery d ON d.id = v.id JOIN instance i \
             ON i.id = d.instance ORDER BY i.id FOR NO KEY UPDATE OF i",
        );
        let rows: Vec<_> = deliveries.iter().map(|id| vec![(*id).into()]).collect();
        self.each(&LOCK, &rows).map(|_| ())
    }

    fn skip_locked(&self) -> &'static str {
        " FOR NO KEY UPDATE SKIP LOCKED"
    }
}

fn references<'p>(parameters: &'p [Value<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect()
}

fn sql_name(kind: Type) -> &'static str {
    match kind {
        Type::Integer => "bigint",
        Type::Text => "text",
        Type::Bytes => "bytea",
    }
}

/// A column of rows, as an array.
fn column<'r>(rows: &'r [Vec<Value<'_>>], place: usize, kind: Type) -> Box<dyn ToSql + Sync + 'r> {
    let values = rows.iter().map(move |row| row.get(place).unwrap_or(&Value::Null));
    match kind {
        Type::Integer => Box::new(
            values
                .map(|value| if let Value::Integer(number) = value { Some(*number) } else { None })
                .collect::<Vec<Option<i64>>>(),
        ),
        Type::Text => Box::new(
            values
                .map(|value| if let Value::Text(text) = value { Some(&**text) } else { None })
                .collect::<Vec<Option<&str>>>(),
        ),
        Type::Bytes => Box::new(
            values
                .map(|value| if let Value::Bytes(bytes) = value { Some(&**bytes) } else { None })
                .collect::<Vec<Option<&[u8]>>>(),
        ),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &SqlType,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) if *kind == SqlType::INT2 => {
                i16::try_from(*number)?.to_sql(kind, out)
            }
            Value::Integer(number) if *kind == SqlType::INT4 => {
                i32::try_from(*number)?.to_sql(kind, out)
            }
            Value::Integer(number) => number.to_sql_checked(kind, out),
            Value::Text(text) => (&**text).to_sql_checked(kind, out),
            Value::Bytes(bytes) => (&**bytes).to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &SqlType) -> bool {
        // What does not fit is found when it is written.
        true
    }

    to_sql_checked!();
}

fn read(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let values = row.columns().iter().enumerate().map(|(place, column)| {
        let value = match *column.type_() {
            SqlType::INT2 => {
                row.try_get::<_, Option<i16>>(place).map(|it| it.map(i64::from).into())
            }
            SqlType::INT4 => {
                row.try_get::<_, Option<i32>>(place).map(|it| it.map(i64::from).into())
            }
            SqlType::INT8 => row.try_get::<_, Option<i64>>(place).map(Value::from),
            SqlType::BYTEA => row
                .try_get::<_, Option<Vec<u8>>>(place)
                .map(|it| it.map_or(Value::Null, |bytes| Value::Bytes(bytes.into()))),
            SqlType::VOID => Ok(Value::Null),
            _ => row.try_get::<_, Option<String>>(place).map(Value::from),
        };
        value.map_err(|error| Error::Statement(format!("column {}: {error}", column.name())))
    });
    values.collect::<Result<Vec<_>, _>>().map(Row::new)
}
