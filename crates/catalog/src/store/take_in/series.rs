//! Series of the objects that are taken in.

use super::{later, series_of, study_of};
use crate::store::database::{Each, Statements, Type, Value};
use crate::{Error, ObjectAttributes, TakenObject};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Where the values of the columns come from, in the order of [`UPSERT`].
const ATTRIBUTES: [fn(&ObjectAttributes) -> Option<&str>; 6] = [
    |it| it.modality.as_deref(),
    |it| it.series_number.as_deref(),
    |it| it.series_description.as_deref(),
    |it| it.body_part_examined.as_deref(),
    |it| it.station_name.as_deref(),
    |it| it.institution_name.as_deref(),
];

const UPSERT: Each<'_> = Each::new(
    &[
        ("study", Type::Integer),
        ("uid", Type::Text),
        ("modality", Type::Text),
        ("number", Type::Text),
        ("description", Type::Text),
        ("body_part_examined", Type::Text),
        ("station_name", Type::Text),
        ("institution_name", Type::Text),
    ],
    "INSERT INTO series (study, uid, modality, number, description, body_part_examined, \
     station_name, institution_name) SELECT study, uid, modality, number, description, \
     body_part_examined, station_name, institution_name FROM v WHERE TRUE \
     ON CONFLICT (study, uid) DO UPDATE SET \
     modality = COALESCE(excluded.modality, series.modality), \
     number = COALESCE(excluded.number, series.number), \
     description = COALESCE(excluded.description, series.description), \
     body_part_examined = COALESCE(excluded.body_part_examined, series.body_part_examined), \
     station_name = COALESCE(excluded.station_name, series.station_name), \
     institution_name = COALESCE(excluded.institution_name, series.institution_name) \
     RETURNING id, study, uid",
);

/// The keys of series, by the keys of their studies and their UIDs.
pub(super) type SeriesKeys = HashMap<(i64, String), i64>;

/// Writes what the objects say of their series, and returns the keys of these.
pub(super) fn upsert(
    statements: &mut dyn Statements,
    new: &[&TakenObject],
    studies: &HashMap<String, i64>,
) -> Result<SeriesKeys, Error> {
    type Values<'b> = [Value<'b>; ATTRIBUTES.len()];

    let mut series: BTreeMap<(i64, Cow<'_, str>), Values<'_>> = BTreeMap::new();
    for taken in new {
        let study = study_of(taken).and_then(|uid| studies.get(&*uid).copied());
        let (Some(study), Some(uid)) = (study, series_of(taken)) else { continue };
        let values =
            series.entry((study, uid)).or_insert([const { Value::Null }; ATTRIBUTES.len()]);
        for (value, read) in values.iter_mut().zip(ATTRIBUTES) {
            later(value, read(&taken.object.attributes));
        }
    }
    let rows: Vec<Vec<Value<'_>>> = series
        .into_iter()
        .map(|((study, uid), values)| {
            [study.into(), uid.into()].into_iter().chain(values).collect()
        })
        .collect();
    let mut keys = HashMap::with_capacity(rows.len());
    for mut row in statements.each(&UPSERT, &rows)? {
        let key = row.integer()?;
        keys.insert((row.integer()?, row.text()?), key);
    }
    Ok(keys)
}
