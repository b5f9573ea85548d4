//! Deliveries, for people.

use super::{Conditions, most, study};
use crate::store::database::{Row, Statements};
use crate::store::encoding::{text, to_time};
use crate::store::rows::{from_state, small, to_kind, to_state};
use crate::store::totals;
use crate::{DeliveryFilter, DeliveryId, DeliveryRow, DeliveryState, Error, EventKind, Page};

const COLUMNS: &str = "d.id, n.name, d.state, e.kind, COALESCE(e.key, i.key), s.uid, \
    i.sop_instance, d.size, d.attempts, d.since, d.at, d.reason";

const FROM: &str = "FROM delivery d JOIN destination n ON n.id = d.destination \
    LEFT JOIN event e ON e.id = d.event LEFT JOIN instance i ON i.id = d.instance \
    LEFT JOIN study s ON s.id = d.study";

/// See [`Catalog::deliveries`](crate::Catalog::deliveries).
pub(in crate::store) fn deliveries(
    statements: &mut dyn Statements,
    filter: &DeliveryFilter,
    page: Page,
) -> Result<Vec<DeliveryRow>, Error> {
    let destinations = match &filter.destination {
        Some(name) => totals::destination(statements, name)?.into_iter().collect(),
        None => totals::all_destinations(statements)?,
    };
    let states = match filter.state {
        Some(state) => vec![state],
        None => vec![DeliveryState::Waiting, DeliveryState::Leased, DeliveryState::Parked],
    };
    if filter.study.is_some() || filter.sop_instance.is_some() {
        return of_objects(statements, filter, &destinations, &states, page);
    }
    // One list for each destination and state, each by an index; the first of all of them are the page.
    let mut found = Vec::new();
    for destination in destinations {
        for state in &states {
            let mut conditions = Conditions::default();
            conditions.add("d.destination = ?", destination);
            conditions.add("d.state = ?", from_state(*state));
            if let Some(after) = page.after {
                conditions.add("d.id > ?", after);
            }
            let limit = conditions.parameter(most(page));
            let sql = format!(
                "SELECT {COLUMNS} {FROM} WHERE {} ORDER BY d.id LIMIT {limit}",
                conditions.all()
            );
            for row in statements.query(&sql, &conditions.parameters)? {
                found.push(read(row)?);
            }
        }
    }
    found.sort_by_key(|row| row.id);
    found.truncate(page.most);
    Ok(found)
}

/// Those of a study or of an SOP instance: there are few, so all of them are looked at.
fn of_objects(
    statements: &mut dyn Statements,
    filter: &DeliveryFilter,
    destinations: &[i64],
    states: &[DeliveryState],
    page: Page,
) -> Result<Vec<DeliveryRow>, Error> {
    const OF_STUDY: &str = "d.id IN (SELECT o.id FROM instance i JOIN delivery o \
        ON o.instance = i.id WHERE i.study = ? UNION ALL SELECT o.id FROM event e \
        JOIN delivery o ON o.event = e.id WHERE e.study = ?)";
    const OF_INSTANCE: &str = "d.id IN (SELECT o.id FROM instance i JOIN delivery o \
        ON o.instance = i.id WHERE i.sop_instance = ?)";

    let mut conditions = Conditions::default();
    if let Some(uid) = &filter.study {
        let Some(study) = study(statements, uid)? else { return Ok(Vec::new()) };
        conditions.add(OF_STUDY, study);
    }
    if let Some(uid) = &filter.sop_instance {
        conditions.add(OF_INSTANCE, text(uid));
    }
    let list = |numbers: &mut dyn Iterator<Item = i64>| {
        numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
    };
    let states = list(&mut states.iter().map(|state| from_state(*state)));
    conditions.fixed(&format!("d.state IN ({states})"));
    if filter.destination.is_some() {
        let Some(destination) = destinations.first() else { return Ok(Vec::new()) };
        conditions.add("d.destination = ?", *destination);
    }
    if let Some(after) = page.after {
        conditions.add("d.id > ?", after);
    }
    let limit = conditions.parameter(most(page));
    let sql =
        format!("SELECT {COLUMNS} {FROM} WHERE {} ORDER BY d.id LIMIT {limit}", conditions.all());
    statements.query(&sql, &conditions.parameters)?.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<DeliveryRow, Error> {
    Ok(DeliveryRow {
        id: DeliveryId(row.integer()?),
        destination: row.text()?,
        state: to_state(row.integer()?)?,
        event: row.optional_integer()?.map_or(Ok(EventKind::ObjectStored), to_kind)?,
        event_key: row.optional_text()?.unwrap_or_default(),
        study: row.optional_text()?,
        sop_instance: row.optional_text()?,
        size: row.count()?,
        attempts: small(row.integer()?),
        since: to_time(row.integer()?),
        at: to_time(row.integer()?),
        reason: row.optional_text()?,
    })
}
