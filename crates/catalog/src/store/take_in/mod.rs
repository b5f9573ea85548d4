//! Taking in what was stored and what happened.

mod deliveries;
mod events;
mod instances;
mod series;
mod studies;

pub(super) use self::deliveries::{NewDelivery, insert_deliveries};

use super::database::{Each, Row, Statements, Type, Value};
use super::encoding::{from_path, from_time, optional_text, text};
use super::totals::{self, Totals};
use crate::{Batch, Error, InstanceId, TakenIn, TakenObject};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

/// See [`Catalog::take_in`](crate::Catalog::take_in).
pub(super) fn take_in(statements: &mut dyn Statements, batch: &Batch) -> Result<TakenIn, Error> {
    let mut totals = Totals::default();
    let mut instances = known(statements, batch)?;
    let mut new = Vec::new();
    let mut keys = HashSet::new();
    for taken in &batch.objects {
        let key = taken.object.key.as_str();
        if !instances.contains_key(key) && keys.insert(key) {
            new.push(taken);
        }
    }
    if !new.is_empty() {
        for (taken, id) in new.iter().zip(insert(statements, batch, &new, &mut totals)?) {
            instances.insert(&taken.object.key, id);
        }
    }
    events::insert(statements, batch, &mut totals)?;
    totals.write(statements)?;
    let id = |taken: &TakenObject| instances.get(taken.object.key.as_str()).copied();
    let ids: Option<Vec<InstanceId>> =
        batch.objects.iter().map(|taken| id(taken).map(InstanceId)).collect();
    let instances = ids.ok_or_else(|| Error::Statement("an object was not taken in".to_owned()))?;
    Ok(TakenIn { instances })
}

/// Which objects of a batch are known already.
fn known<'b>(
    statements: &mut dyn Statements,
    batch: &'b Batch,
) -> Result<HashMap<&'b str, i64>, Error> {
    const KNOWN: Each<'_> = Each::new(
        &[("place", Type::Integer), ("key", Type::Text)],
        "SELECT v.place, i.id FROM v JOIN instance i ON i.key = v.key",
    );
    let rows: Vec<_> = batch
        .objects
        .iter()
        .zip(0_i64..)
        .map(|(taken, place)| vec![place.into(), text(&taken.object.key).into()])
        .collect();
    let mut known = HashMap::new();
    for mut row in statements.each(&KNOWN, &rows)? {
        let place = usize::try_from(row.integer()?).unwrap_or(usize::MAX);
        if let Some(taken) = batch.objects.get(place) {
            known.insert(taken.object.key.as_str(), row.integer()?);
        }
    }
    Ok(known)
}

/// Writes objects that are new, with all that belongs to them, and returns their keys.
fn insert(
    statements: &mut dyn Statements,
    batch: &Batch,
    new: &[&TakenObject],
    totals: &mut Totals,
) -> Result<Vec<i64>, Error> {
    let now = batch.now.or_else(|| new.iter().map(|taken| taken.object.received).max());
    let now = now.map_or(0, from_time);
    let directories = directories(statements, new)?;
    let names =
        new.iter().flat_map(|taken| taken.destinations.iter().chain(&taken.study_destinations));
    let destinations = totals::destinations(statements, names.map(String::as_str))?;
    let studies = studies::upsert(statements, batch, new, &directories, now)?;
    let series = series::upsert(statements, new, &studies)?;
    let mut ids = Vec::with_capacity(new.len());
    let context =
        instances::Context { directories: &directories, studies: &studies, series: &series };
    instances::insert(statements, new, &context, totals, &mut ids)?;
    let mut deliveries = Vec::new();
    for (taken, id) in new.iter().zip(&ids) {
        let study = study_of(taken).and_then(|uid| studies.get(&*uid)).copied();
        let owed: BTreeSet<_> =
            taken.destinations.iter().filter_map(|name| destinations.get(name.as_str())).collect();
        deliveries.extend(owed.into_iter().map(|destination| NewDelivery {
            destination: *destination,
            instance: Some(*id),
            event: None,
            study,
            size: totals::size(taken.object.size),
        }));
    }
    insert_deliveries(statements, &deliveries, now, totals)?;
    studies::remember(statements, new, &studies, &destinations)?;
    Ok(ids)
}

/// The Study Instance UID of an object, as it is kept.
fn study_of(taken: &TakenObject) -> Option<std::borrow::Cow<'_, str>> {
    let uid = taken.object.attributes.study_instance_uid.as_deref();
    uid.filter(|uid| !uid.is_empty()).map(text)
}

/// The Series Instance UID of an object, as it is kept.
fn series_of(taken: &TakenObject) -> Option<std::borrow::Cow<'_, str>> {
    let uid = taken.object.attributes.series_instance_uid.as_deref();
    uid.filter(|uid| !uid.is_empty()).map(text)
}

/// The keys of output directories, which are made if they are not there.
fn directories<'b>(
    statements: &mut dyn Statements,
    new: &[&'b TakenObject],
) -> Result<HashMap<&'b Path, i64>, Error> {
    let mut keys = HashMap::new();
    for taken in new {
        let path = taken.object.directory.as_path();
        if keys.contains_key(path) {
            continue;
        }
        let text = from_path(path);
        let key = match directory(statements, &text)? {
            Some(key) => key,
            None => {
                statements.execute(
                    "INSERT INTO directory (path) VALUES ($1) ON CONFLICT (path) DO NOTHING",
                    &[text.as_str().into()],
                )?;
                let missing = || Error::Statement("a directory was not written".to_owned());
                directory(statements, &text)?.ok_or_else(missing)?
            }
        };
        keys.insert(path, key);
    }
    Ok(keys)
}

/// The key of an output directory, as [`from_path`] has it.
pub(super) fn directory(statements: &mut dyn Statements, path: &str) -> Result<Option<i64>, Error> {
    let rows = statements.query("SELECT id FROM directory WHERE path = $1", &[path.into()])?;
    rows.into_iter().next().as_mut().map(Row::integer).transpose()
}

/// The later of two values; a value rather than none.
fn later<'v>(earlier: &mut Value<'v>, value: Option<&'v str>) {
    let value = optional_text(value);
    if value != Value::Null {
        *earlier = value;
    }
}
