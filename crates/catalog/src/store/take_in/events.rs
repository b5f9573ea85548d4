//! Events that are about neither an object nor a study, associations and refusals.

use super::deliveries::{NewDelivery, insert_deliveries};
use crate::store::database::{Each, Statements, Type, Value};
use crate::store::encoding::{
    from_bits, from_duration, from_size, from_time, optional_text, reason, text,
};
use crate::store::rows::from_kind;
use crate::store::totals::{Totals, destinations};
use crate::{Batch, EndedAssociation, Error, NewEvent, Refusal};
use std::collections::{BTreeSet, HashMap};

/// Writes them; those whose keys are known change nothing.
pub(super) fn insert(
    statements: &mut dyn Statements,
    batch: &Batch,
    totals: &mut Totals,
) -> Result<(), Error> {
    insert_events(statements, batch, totals)?;
    let rows: Vec<_> = batch.associations.iter().map(association).collect();
    statements.each(&ASSOCIATION, &rows)?;
    let rows: Vec<_> = batch.refusals.iter().map(refusal).collect();
    statements.each(&REFUSAL, &rows).map(|_| ())
}

fn insert_events(
    statements: &mut dyn Statements,
    batch: &Batch,
    totals: &mut Totals,
) -> Result<(), Error> {
    const EVENT: Each<'_> = Each::new(
        &[
            ("key", Type::Text),
            ("kind", Type::Integer),
            ("time", Type::Integer),
            ("data", Type::Text),
            ("delivered", Type::Integer),
        ],
        "INSERT INTO event (key, kind, time, data, delivered) \
         SELECT key, kind, time, data, delivered FROM v WHERE TRUE \
         ON CONFLICT (key) DO NOTHING RETURNING id, key",
    );
    if batch.events.is_empty() {
        return Ok(());
    }
    let names = batch.events.iter().flat_map(|event| &event.destinations).map(String::as_str);
    let keys = destinations(statements, names)?;
    let rows: Vec<_> = batch.events.iter().map(event).collect();
    let mut new: HashMap<String, i64> = HashMap::new();
    for mut row in statements.each(&EVENT, &rows)? {
        let id = row.integer()?;
        new.insert(row.text()?, id);
    }
    let mut deliveries = Vec::new();
    for event in &batch.events {
        // Taken out: of two with the same key, the first was written.
        let Some(id) = new.remove(&*text(&event.key)) else { continue };
        let owed: BTreeSet<_> =
            event.destinations.iter().filter_map(|name| keys.get(name.as_str())).collect();
        deliveries.extend(owed.into_iter().map(|destination| NewDelivery {
            destination: *destination,
            instance: None,
            event: Some(id),
            study: None,
            size: 0,
        }));
    }
    let latest = batch.events.iter().map(|event| event.time).max();
    let now = batch.now.or(latest).map_or(0, from_time);
    insert_deliveries(statements, &deliveries, now, totals)
}

fn event(event: &NewEvent) -> Vec<Value<'_>> {
    vec![
        text(&event.key).into(),
        from_kind(event.kind).into(),
        from_time(event.time).into(),
        event.data.to_string().into(),
        (!event.destinations.is_empty()).into(),
    ]
}

const ASSOCIATION: Each<'_> = Each::new(
    &[
        ("key", Type::Text),
        ("number", Type::Integer),
        ("ended", Type::Integer),
        ("duration", Type::Integer),
        ("calling", Type::Text),
        ("called", Type::Text),
        ("peer", Type::Text),
        ("rule", Type::Text),
        ("objects", Type::Integer),
        ("refused", Type::Integer),
        ("bytes", Type::Integer),
        ("ending", Type::Text),
    ],
    "INSERT INTO association (key, number, ended, duration, calling, called, peer, rule, objects, \
     refused, bytes, ending) SELECT key, number, ended, duration, calling, called, peer, rule, \
     objects, refused, bytes, ending FROM v WHERE TRUE ON CONFLICT (key) DO NOTHING",
);

fn association(ended: &EndedAssociation) -> Vec<Value<'_>> {
    vec![
        text(&ended.key).into(),
        from_bits(ended.number).into(),
        from_time(ended.ended).into(),
        from_duration(ended.duration).into(),
        text(&ended.calling).into(),
        text(&ended.called).into(),
        text(&ended.peer).into(),
        optional_text(ended.rule.as_deref()),
        from_size(ended.objects).into(),
        from_size(ended.refused).into(),
        from_size(ended.bytes).into(),
        reason(&ended.end).into(),
    ]
}

const REFUSAL: Each<'_> = Each::new(
    &[
        ("key", Type::Text),
        ("time", Type::Integer),
        ("what", Type::Text),
        ("association", Type::Integer),
        ("calling", Type::Text),
        ("called", Type::Text),
        ("peer", Type::Text),
        ("rule", Type::Text),
        ("status", Type::Integer),
        ("sop_class", Type::Text),
        ("sop_instance", Type::Text),
        ("reason", Type::Text),
    ],
    "INSERT INTO refusal (key, time, what, association, calling, called, peer, rule, status, \
     sop_class, sop_instance, reason) SELECT key, time, what, association, calling, called, peer, \
     rule, status, sop_class, sop_instance, reason FROM v WHERE TRUE \
     ON CONFLICT (key) DO NOTHING",
);

fn refusal(refusal: &Refusal) -> Vec<Value<'_>> {
    vec![
        text(&refusal.key).into(),
        from_time(refusal.time).into(),
        text(&refusal.what).into(),
        refusal.association.map(from_bits).into(),
        optional_text(refusal.calling.as_deref()),
        optional_text(refusal.called.as_deref()),
        text(&refusal.peer).into(),
        optional_text(refusal.rule.as_deref()),
        refusal.status.map(i64::from).into(),
        optional_text(refusal.sop_class.as_deref()),
        optional_text(refusal.sop_instance.as_deref()),
        reason(&refusal.reason).into(),
    ]
}
