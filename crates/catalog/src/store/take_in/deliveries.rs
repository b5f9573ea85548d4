//! Deliveries that are made.

use crate::Error;
use crate::store::database::{Each, Numbered, Statements, Type};
use crate::store::totals::Totals;

/// Lanes of deliveries that are in no order: behind those of all studies.
const LONE: i64 = 1 << 62;

/// A delivery that is made.
#[derive(Debug)]
pub(in crate::store) struct NewDelivery {
    pub(in crate::store) destination: i64,
    pub(in crate::store) instance: Option<i64>,
    pub(in crate::store) event: Option<i64>,
    pub(in crate::store) study: Option<i64>,
    pub(in crate::store) size: i64,
}

/// Makes deliveries, which wait from now on.
pub(in crate::store) fn insert_deliveries(
    statements: &mut dyn Statements,
    deliveries: &[NewDelivery],
    now: i64,
    totals: &mut Totals,
) -> Result<(), Error> {
    const INSERT: Each<'_> = Each::new(
        &[
            ("id", Type::Integer),
            ("destination", Type::Integer),
            ("instance", Type::Integer),
            ("event", Type::Integer),
            ("study", Type::Integer),
            ("lane", Type::Integer),
            ("now", Type::Integer),
            ("size", Type::Integer),
        ],
        "INSERT INTO delivery (id, destination, instance, event, study, lane, open_lane, state, at, \
         since, size, attempts) SELECT id, destination, instance, event, study, lane, lane, 0, now, \
         now, size, 0 FROM v WHERE TRUE",
    );
    let ids = statements.new_ids(Numbered::Delivery, deliveries.len())?;
    let mut rows = Vec::with_capacity(deliveries.len());
    for (delivery, id) in deliveries.iter().zip(ids) {
        totals.waiting(delivery.destination, 1, delivery.size);
        rows.push(vec![
            id.into(),
            delivery.destination.into(),
            delivery.instance.into(),
            delivery.event.into(),
            delivery.study.into(),
            delivery.study.unwrap_or(LONE + id).into(),
            now.into(),
            delivery.size.into(),
        ]);
    }
    statements.each(&INSERT, &rows).map(|_| ())
}
