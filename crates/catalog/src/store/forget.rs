//! Forgetting what is over.

use super::database::{Each, Row, Statements, Type};
use super::encoding::from_time;
use super::totals::{self, ids};
use crate::Error;
use crate::limits::HISTORY_ROWS;
use std::collections::BTreeSet;
use std::time::SystemTime;

/// Rows that one call forgets, at most: the transaction stays short.
const AT_ONCE: usize = 10_000;

/// See [`Catalog::forget_done`](crate::Catalog::forget_done).
pub(super) fn forget_done(
    statements: &mut dyn Statements,
    destination: Option<&str>,
    before: SystemTime,
    most: usize,
) -> Result<u64, Error> {
    const OVER: &str = "SELECT id FROM delivery WHERE destination = $1 AND state = $2 \
        AND at < $3 ORDER BY at, id LIMIT $4";
    const DELETE: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "DELETE FROM delivery WHERE id IN (SELECT v.id FROM v) RETURNING event",
    );
    let destinations = match destination {
        Some(name) => totals::destination(statements, name)?.into_iter().collect(),
        None => totals::all_destinations(statements)?,
    };
    let most = most.min(AT_ONCE);
    let mut over = BTreeSet::new();
    for destination in destinations {
        for state in [2_i64, 4] {
            let rest = (most - over.len()) as i64;
            let parameters =
                [destination.into(), state.into(), from_time(before).into(), rest.into()];
            for mut row in statements.query(OVER, &parameters)? {
                over.insert(row.integer()?);
            }
        }
    }
    let mut events = BTreeSet::new();
    let count = over.len() as u64;
    for mut row in statements.each(&DELETE, &ids(over))? {
        events.extend(row.optional_integer()?);
    }
    const EVENTS: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "DELETE FROM event WHERE id IN (SELECT v.id FROM v) \
         AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.id)",
    );
    statements.each(&EVENTS, &ids(events))?;
    Ok(count)
}

/// See [`Catalog::forget_history`](crate::Catalog::forget_history).
pub(super) fn forget_history(
    statements: &mut dyn Statements,
    before: SystemTime,
    most: usize,
) -> Result<u64, Error> {
    const EVENT: &str = "DELETE FROM event WHERE id IN (SELECT v.id FROM v)";
    const ASSOCIATION: &str = "DELETE FROM association WHERE id IN (SELECT v.id FROM v)";
    const REFUSAL: &str = "DELETE FROM refusal WHERE id IN (SELECT v.id FROM v)";

    let (before, kept) = (from_time(before), i64::from(HISTORY_ROWS));
    let over: [(&str, i64, &'static str); 5] = [
        (
            "SELECT id FROM event WHERE delivered = 0 AND time < $1 ORDER BY time LIMIT $2",
            before,
            EVENT,
        ),
        (
            "SELECT id FROM association WHERE ended < $1 ORDER BY ended LIMIT $2",
            before,
            ASSOCIATION,
        ),
        ("SELECT id FROM refusal WHERE time < $1 ORDER BY time LIMIT $2", before, REFUSAL),
        // Later ones have greater keys.
        (
            "SELECT id FROM association WHERE id <= (SELECT max(id) FROM association) - $1 \
             ORDER BY id LIMIT $2",
            kept,
            ASSOCIATION,
        ),
        (
            "SELECT id FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - $1 \
             ORDER BY id LIMIT $2",
            kept,
            REFUSAL,
        ),
    ];
    let most = most.min(AT_ONCE);
    let mut count = 0;
    for (select, bound, delete) in over {
        let rest = (most - count) as i64;
        let mut rows = statements.query(select, &[bound.into(), rest.into()])?;
        let over: Result<Vec<i64>, Error> = rows.iter_mut().map(Row::integer).collect();
        let over = over?;
        count += over.len();
        let delete = Each { columns: &[("id", Type::Integer)], sql: delete.into() };
        statements.each(&delete, &ids(over))?;
    }
    Ok(count as u64)
}
