//! Changes of deliveries and of files.

use super::database::{Each, Row, Statements, Type};
use super::encoding::{file_key, from_time, reason, text, to_path, whole};
use super::totals::{Totals, ids};
use crate::{DeliveryId, Error, InstanceId, Settlement, SpooledObject, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

const WAITING: i64 = 0;
const LEASED: i64 = 1;
const DONE: i64 = 2;
const PARKED: i64 = 3;
const DROPPED: i64 = 4;

/// See [`Catalog::settle`](crate::Catalog::settle).
pub(super) fn settle(
    statements: &mut dyn Statements,
    owner: &str,
    settlements: &[Settlement],
    now: SystemTime,
) -> Result<Vec<SpooledObject>, Error> {
    const SETTLE: Each<'_> = Each::new(
        &[
            ("id", Type::Integer),
            ("owner", Type::Text),
            ("state", Type::Integer),
            ("at", Type::Integer),
            ("attempts", Type::Integer),
            ("reason", Type::Text),
        ],
        "UPDATE delivery SET state = v.state, at = v.at, \
         open_lane = CASE WHEN v.state < 2 THEN delivery.lane END, \
         attempts = delivery.attempts + v.attempts, owner = NULL, reason = v.reason FROM v \
         WHERE delivery.id = v.id AND delivery.state = 1 AND delivery.owner = v.owner \
         RETURNING delivery.id, delivery.destination, delivery.instance, delivery.size, \
         delivery.state",
    );
    let now = from_time(now);
    // Of several for one delivery the first counts.
    let mut verdicts: BTreeMap<i64, &Verdict> = BTreeMap::new();
    for settlement in settlements {
        verdicts.entry(settlement.id.0).or_insert(&settlement.verdict);
    }
    let keys: Vec<i64> = verdicts.keys().copied().collect();
    statements.lock_instances(&keys)?;
    let rows: Vec<_> = verdicts
        .iter()
        .map(|(id, verdict)| {
            let (state, at, attempts, why) = match verdict {
                Verdict::Done => (DONE, now, 1, None),
                Verdict::Again { at, reason, attempted } => {
                    (WAITING, from_time(*at), i64::from(*attempted), Some(reason))
                }
                Verdict::Park { reason } => (PARKED, now, 1, Some(reason)),
            };
            let why = why.map(|why| reason(why));
            vec![
                (*id).into(),
                text(owner).into(),
                state.into(),
                at.into(),
                attempts.into(),
                why.into(),
            ]
        })
        .collect();
    let mut totals = Totals::default();
    let mut delivered = BTreeSet::new();
    for row in statements.each(&SETTLE, &rows)? {
        let changed = Changed::read(row)?;
        if changed.state == WAITING {
            continue;
        }
        totals.waiting(changed.destination, -1, changed.size);
        if changed.state == PARKED {
            totals.parked(changed.destination, 1);
        } else {
            delivered.extend(changed.instance);
        }
    }
    let released = release(statements, &delivered)?;
    totals.write(statements)?;
    Ok(released)
}

/// A delivery whose state was changed.
struct Changed {
    destination: i64,
    instance: Option<i64>,
    size: i64,
    state: i64,
}

impl Changed {
    fn read(mut row: Row) -> Result<Self, Error> {
        row.integer()?;
        Ok(Self {
            destination: row.integer()?,
            instance: row.optional_integer()?,
            size: row.integer()?,
            state: row.integer()?,
        })
    }
}

/// Those of these instances that nobody is owed any more: their spooled bytes may go.
fn release(
    statements: &mut dyn Statements,
    instances: &BTreeSet<i64>,
) -> Result<Vec<SpooledObject>, Error> {
    const RELEASE: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "UPDATE instance SET spool = NULL, owed = CASE WHEN EXISTS (SELECT 1 FROM delivery d \
         WHERE d.instance = instance.id AND d.state = 2) THEN 2 ELSE 0 END FROM v \
         WHERE instance.id = v.id AND instance.owed = 1 AND NOT EXISTS (SELECT 1 FROM delivery d \
         WHERE d.instance = instance.id AND d.state IN (0, 1, 3)) \
         RETURNING instance.key, instance.directory",
    );
    const PATHS: &str = "SELECT path FROM directory WHERE id = $1";

    let mut released = Vec::new();
    let mut paths = BTreeMap::new();
    for mut row in statements.each(&RELEASE, &ids(instances.iter().copied()))? {
        let (key, directory) = (row.text()?, row.integer()?);
        if let std::collections::btree_map::Entry::Vacant(entry) = paths.entry(directory) {
            let rows = statements.query(PATHS, &[directory.into()])?;
            let path = rows.into_iter().next().as_mut().map(Row::text).transpose()?;
            entry.insert(to_path(&path.unwrap_or_default()));
        }
        released.push(SpooledObject { key, directory: paths[&directory].clone() });
    }
    Ok(released)
}

const MOVE: Each<'_> = Each::new(
    &[
        ("id", Type::Integer),
        ("before", Type::Integer),
        ("behind", Type::Integer),
        ("at", Type::Integer),
        ("keeps_attempts", Type::Integer),
        ("reason", Type::Text),
    ],
    "UPDATE delivery SET state = v.behind, at = v.at, owner = NULL, \
     open_lane = CASE WHEN v.behind < 2 THEN delivery.lane END, \
     attempts = delivery.attempts * v.keeps_attempts, \
     reason = COALESCE(v.reason, delivery.reason) FROM v \
     WHERE delivery.id = v.id AND delivery.state = v.before \
     RETURNING delivery.id, delivery.destination, delivery.instance, delivery.size, delivery.state",
);

/// Brings deliveries that are in a state into another one.
struct Move<'m> {
    deliveries: &'m [DeliveryId],
    behind: i64,
    now: SystemTime,
    reason: Option<&'m str>,
}

impl Move<'_> {
    fn from(
        &self,
        statements: &mut dyn Statements,
        before: i64,
        keeps_attempts: bool,
        totals: &mut Totals,
    ) -> Result<Vec<Changed>, Error> {
        let deliveries: BTreeSet<i64> = self.deliveries.iter().map(|id| id.0).collect();
        let rows: Vec<_> = deliveries
            .into_iter()
            .map(|id| {
                vec![
                    id.into(),
                    before.into(),
                    self.behind.into(),
                    from_time(self.now).into(),
                    keeps_attempts.into(),
                    self.reason.map(reason).into(),
                ]
            })
            .collect();
        let changed: Result<Vec<_>, Error> =
            statements.each(&MOVE, &rows)?.into_iter().map(Changed::read).collect();
        let changed = changed?;
        for one in &changed {
            for (state, by) in [(before, -1), (self.behind, 1)] {
                match state {
                    WAITING | LEASED => totals.waiting(one.destination, by, one.size),
                    PARKED => totals.parked(one.destination, by),
                    _ => {}
                }
            }
        }
        Ok(changed)
    }
}

/// See [`Catalog::retry`](crate::Catalog::retry).
pub(super) fn retry(
    statements: &mut dyn Statements,
    deliveries: &[DeliveryId],
    now: SystemTime,
) -> Result<u64, Error> {
    const OWE: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "UPDATE instance SET owed = 1 FROM v WHERE instance.id = v.id AND instance.owed <> 1",
    );
    lock(statements, deliveries)?;
    let mut totals = Totals::default();
    let step = Move { deliveries, behind: WAITING, now, reason: None };
    let mut count = 0;
    // First those that wait, so that none is counted twice.
    for (before, keeps_attempts) in [(WAITING, true), (PARKED, false), (DROPPED, false)] {
        let changed = step.from(statements, before, keeps_attempts, &mut totals)?;
        count += changed.len() as u64;
        let owed: BTreeSet<i64> = changed.iter().filter_map(|one| one.instance).collect();
        statements.each(&OWE, &ids(owed))?;
    }
    totals.write(statements)?;
    Ok(count)
}

/// See [`Catalog::park`](crate::Catalog::park).
pub(super) fn park(
    statements: &mut dyn Statements,
    deliveries: &[DeliveryId],
    reason: &str,
    now: SystemTime,
) -> Result<u64, Error> {
    let mut totals = Totals::default();
    let step = Move { deliveries, behind: PARKED, now, reason: Some(reason) };
    let mut count = 0;
    for before in [WAITING, LEASED] {
        count += step.from(statements, before, true, &mut totals)?.len() as u64;
    }
    totals.write(statements)?;
    Ok(count)
}

/// See [`Catalog::drop_deliveries`](crate::Catalog::drop_deliveries).
pub(super) fn drop_deliveries(
    statements: &mut dyn Statements,
    deliveries: &[DeliveryId],
    reason: &str,
    now: SystemTime,
) -> Result<Vec<SpooledObject>, Error> {
    lock(statements, deliveries)?;
    let mut totals = Totals::default();
    let step = Move { deliveries, behind: DROPPED, now, reason: Some(reason) };
    let mut instances = BTreeSet::new();
    for before in [WAITING, LEASED, PARKED] {
        let changed = step.from(statements, before, true, &mut totals)?;
        instances.extend(changed.iter().filter_map(|one| one.instance));
    }
    let released = release(statements, &instances)?;
    totals.write(statements)?;
    Ok(released)
}

fn lock(statements: &mut dyn Statements, deliveries: &[DeliveryId]) -> Result<(), Error> {
    let keys: Vec<i64> = deliveries.iter().map(|id| id.0).collect();
    statements.lock_instances(&keys)
}

/// See [`Catalog::set_digests`](crate::Catalog::set_digests).
pub(super) fn set_digests(
    statements: &mut dyn Statements,
    digests: &[(InstanceId, [u8; 32])],
) -> Result<(), Error> {
    const SET: Each<'_> = Each::new(
        &[("id", Type::Integer), ("digest", Type::Bytes)],
        "UPDATE instance SET digest = v.digest FROM v WHERE instance.id = v.id",
    );
    let digests: BTreeMap<i64, &[u8]> =
        digests.iter().map(|(id, digest)| (id.0, digest.as_slice())).collect();
    let rows: Vec<_> =
        digests.into_iter().map(|(id, digest)| vec![id.into(), digest.into()]).collect();
    statements.each(&SET, &rows).map(|_| ())
}

/// See [`Catalog::set_files`](crate::Catalog::set_files).
pub(super) fn set_files(
    statements: &mut dyn Statements,
    files: &[(InstanceId, Option<String>)],
) -> Result<(), Error> {
    const CLEAR: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "UPDATE instance SET file = NULL, file_key = NULL, gone = 1 FROM v \
         WHERE instance.id = v.id AND instance.file_key IS NOT NULL RETURNING instance.size",
    );
    const TAKE: Each<'_> = Each::new(
        &[("id", Type::Integer), ("file_key", Type::Text)],
        "UPDATE instance SET file = NULL, file_key = NULL, gone = 1 FROM v \
         WHERE instance.directory = (SELECT t.directory FROM instance t WHERE t.id = v.id) \
         AND instance.file_key = v.file_key RETURNING instance.size",
    );
    const SET: Each<'_> = Each::new(
        &[("id", Type::Integer), ("file", Type::Text), ("file_key", Type::Text)],
        "UPDATE instance SET file = v.file, file_key = v.file_key, gone = 0 FROM v \
         WHERE instance.id = v.id RETURNING instance.size",
    );
    let mut totals = Totals::default();
    // One after the other, since one may take the place of another.
    for (id, file) in files {
        let mut left = statements.each(&CLEAR, &ids([id.0]))?;
        let mut came = Vec::new();
        if let Some(file) = file {
            left.extend(statements.each(&TAKE, &[vec![id.0.into(), file_key(file).into()]])?);
            let row = vec![id.0.into(), whole(file).into(), file_key(file).into()];
            came = statements.each(&SET, &[row])?;
        }
        for (rows, by) in [(left, -1), (came, 1)] {
            for mut row in rows {
                totals.files(by, by * row.integer()?);
            }
        }
    }
    totals.write(statements)
}
