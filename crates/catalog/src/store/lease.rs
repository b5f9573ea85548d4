//! Leases: who delivers what, for how long.

use super::database::{Each, Row, Statements, Type};
use super::encoding::{from_duration, from_time, text, to_time};
use super::rows::{self, DELIVERY_JOINS, INSTANCE_COLUMNS};
use super::totals::{self, ids};
use crate::limits::PAGE_ROWS;
use crate::{Delivery, DeliveryId, Error, Lease, LeaseOrder, StoredInstance};
use std::collections::HashMap;
use std::time::SystemTime;

/// See [`Catalog::lease`](crate::Catalog::lease).
pub(super) fn lease(
    statements: &mut dyn Statements,
    lease: &Lease,
) -> Result<Vec<Delivery>, Error> {
    const LEASE: Each<'_> = Each::new(
        &[("id", Type::Integer), ("until", Type::Integer), ("owner", Type::Text)],
        "UPDATE delivery SET state = 1, at = v.until, owner = v.owner FROM v \
         WHERE delivery.id = v.id",
    );
    let most = lease.most.min(PAGE_ROWS);
    let rows = statements.query(
        "SELECT id FROM destination WHERE name = $1 AND paused = 0",
        &[text(&lease.destination).into()],
    )?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(Vec::new()) };
    let destination = row.integer()?;
    let now = from_time(lease.now);
    let chosen = match lease.order {
        LeaseOrder::None => due(statements, destination, now, most)?,
        LeaseOrder::Study => {
            statements.lock_order(destination)?;
            first_of_lanes(statements, destination, now, most)?
        }
    };
    let until = now.saturating_add(from_duration(lease.duration));
    let rows: Vec<_> = chosen
        .iter()
        .map(|id| vec![(*id).into(), until.into(), text(&lease.owner).into()])
        .collect();
    statements.each(&LEASE, &rows)?;
    read(statements, &lease.destination, &chosen)
}

/// Those that can be leased: first those whose lease has run out, then by the time from which on they can be.
fn due(
    statements: &mut dyn Statements,
    destination: i64,
    now: i64,
    most: usize,
) -> Result<Vec<i64>, Error> {
    let mut chosen = Vec::new();
    for state in [1, 0] {
        let sql = format!(
            "SELECT id FROM delivery WHERE destination = $1 AND state = $2 AND at <= $3 \
             ORDER BY at, id LIMIT $4{}",
            statements.skip_locked()
        );
        let rest = (most - chosen.len()) as i64;
        let parameters = [destination.into(), i64::from(state).into(), now.into(), rest.into()];
        for mut row in statements.query(&sql, &parameters)? {
            chosen.push(row.integer()?);
        }
    }
    Ok(chosen)
}

/// Of each lane those from its first on that can be leased. Steps from lane to lane by the index, so that lanes that
/// wait cost one step each, however much is in them.
fn first_of_lanes(
    statements: &mut dyn Statements,
    destination: i64,
    now: i64,
    most: usize,
) -> Result<Vec<i64>, Error> {
    const LANES: &str = "WITH RECURSIVE lanes(lane) AS ( \
        SELECT min(open_lane) FROM delivery WHERE destination = $1 AND open_lane > 0 \
        UNION ALL \
        SELECT (SELECT min(d.open_lane) FROM delivery d \
                WHERE d.destination = $1 AND d.open_lane > lanes.lane) \
        FROM lanes WHERE lanes.lane IS NOT NULL) \
        SELECT lane FROM lanes WHERE lane IS NOT NULL AND \
        (SELECT d.at FROM delivery d WHERE d.destination = $1 AND d.open_lane = lanes.lane \
         ORDER BY d.id LIMIT 1) <= $2 LIMIT $3";
    const OF_LANE: &str = "SELECT id, at FROM delivery \
        WHERE destination = $1 AND open_lane = $2 ORDER BY id LIMIT $3";

    let parameters = [destination.into(), now.into(), (most as i64).into()];
    let mut chosen = Vec::new();
    for mut row in statements.query(LANES, &parameters)? {
        let lane = row.integer()?;
        let rest = (most - chosen.len()) as i64;
        if rest == 0 {
            break;
        }
        let parameters = [destination.into(), lane.into(), rest.into()];
        for mut row in statements.query(OF_LANE, &parameters)? {
            let (id, at) = (row.integer()?, row.integer()?);
            if at > now {
                break;
            }
            chosen.push(id);
        }
    }
    Ok(chosen)
}

/// Deliveries with all that is needed to deliver them, in the order of `chosen`.
fn read(
    statements: &mut dyn Statements,
    destination: &str,
    chosen: &[i64],
) -> Result<Vec<Delivery>, Error> {
    let sql = format!(
        "SELECT d.id, d.attempts, d.since, s.uid, e.key, e.kind, e.time, e.data, {INSTANCE_COLUMNS} \
         FROM v JOIN delivery d ON d.id = v.id LEFT JOIN event e ON e.id = d.event {DELIVERY_JOINS}"
    );
    let each = Each { columns: &[("id", Type::Integer)], sql: sql.into() };
    let mut found = HashMap::with_capacity(chosen.len());
    for row in statements.each(&each, &ids(chosen.iter().copied()))? {
        let delivery = read_delivery(row, destination)?;
        found.insert(delivery.id.0, delivery);
    }
    Ok(chosen.iter().filter_map(|id| found.remove(id)).collect())
}

fn read_delivery(mut row: Row, destination: &str) -> Result<Delivery, Error> {
    let id = DeliveryId(row.integer()?);
    let attempts = rows::small(row.integer()?);
    let since = to_time(row.integer()?);
    let study = row.optional_text()?;
    let event = rows::event(&mut row)?;
    let (event, instance) = match event {
        Some(event) => (event, None),
        None => {
            let instance = rows::instance(&mut row)?;
            (
                rows::stored(&instance),
                Some(StoredInstance { id: instance.id, object: instance.object }),
            )
        }
    };
    let destination = destination.to_owned();
    Ok(Delivery { id, destination, event, instance, study, attempts, since })
}

/// See [`Catalog::renew`](crate::Catalog::renew).
pub(super) fn renew(
    statements: &mut dyn Statements,
    owner: &str,
    deliveries: &[DeliveryId],
    until: SystemTime,
) -> Result<u64, Error> {
    const RENEW: Each<'_> = Each::new(
        &[("id", Type::Integer), ("until", Type::Integer), ("owner", Type::Text)],
        "UPDATE delivery SET at = v.until FROM v WHERE delivery.id = v.id \
         AND delivery.state = 1 AND delivery.owner = v.owner RETURNING delivery.id",
    );
    let until = from_time(until);
    let rows: Vec<_> =
        deliveries.iter().map(|id| vec![id.0.into(), until.into(), text(owner).into()]).collect();
    statements.each(&RENEW, &rows).map(|rows| rows.len() as u64)
}

/// See [`Catalog::next_attempt`](crate::Catalog::next_attempt).
pub(super) fn next_attempt(
    statements: &mut dyn Statements,
    destination: &str,
    now: SystemTime,
) -> Result<Option<SystemTime>, Error> {
    let Some(key) = totals::destination(statements, destination)? else { return Ok(None) };
    let mut first: Option<i64> = None;
    for state in [0, 1] {
        let rows = statements.query(
            "SELECT at FROM delivery WHERE destination = $1 AND state = $2 AND at > $3 \
             ORDER BY at, id LIMIT 1",
            &[key.into(), i64::from(state).into(), from_time(now).into()],
        )?;
        for mut row in rows {
            let at = row.integer()?;
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    Ok(first.map(to_time))
}

/// See [`Catalog::release_leases`](crate::Catalog::release_leases).
pub(super) fn release(statements: &mut dyn Statements, owner: &str) -> Result<u64, Error> {
    let mut released = 0;
    for destination in totals::all_destinations(statements)? {
        released += statements.execute(
            "UPDATE delivery SET state = 0, at = since, owner = NULL \
             WHERE destination = $1 AND state = 1 AND owner <> $2",
            &[destination.into(), text(owner).into()],
        )?;
    }
    Ok(released)
}
