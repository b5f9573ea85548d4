//! The objects themselves.

use super::series::SeriesKeys;
use super::{series_of, study_of};
use crate::store::database::{Each, Numbered, Statements, Type, Value};
use crate::store::encoding::{
    file_key, from_bits, from_size, from_time, optional_text, text, whole,
};
use crate::store::totals::Totals;
use crate::{Error, TakenObject};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The keys of what objects belong to.
pub(super) struct Context<'c> {
    pub(super) directories: &'c HashMap<&'c Path, i64>,
    pub(super) studies: &'c HashMap<String, i64>,
    pub(super) series: &'c SeriesKeys,
}

const INSERT: Each<'_> = Each::new(
    &[
        ("id", Type::Integer),
        ("key", Type::Text),
        ("directory", Type::Integer),
        ("file", Type::Text),
        ("file_key", Type::Text),
        ("spool", Type::Text),
        ("study", Type::Integer),
        ("series", Type::Integer),
        ("sop_class", Type::Text),
        ("sop_instance", Type::Text),
        ("transfer_syntax", Type::Text),
        ("size", Type::Integer),
        ("digest", Type::Bytes),
        ("received", Type::Integer),
        ("association", Type::Integer),
        ("calling", Type::Text),
        ("called", Type::Text),
        ("peer", Type::Text),
        ("rule", Type::Text),
        ("replaced", Type::Integer),
        ("kept", Type::Integer),
        ("gone", Type::Integer),
        ("instance_number", Type::Text),
        ("number_of_frames", Type::Text),
        ("owed", Type::Integer),
    ],
    "INSERT INTO instance (id, key, directory, file, file_key, spool, study, series, sop_class, \
     sop_instance, transfer_syntax, size, digest, received, association, calling, called, peer, \
     rule, replaced, kept, gone, instance_number, number_of_frames, owed) \
     SELECT id, key, directory, file, file_key, spool, study, series, sop_class, \
     sop_instance, transfer_syntax, size, digest, received, association, calling, called, peer, \
     rule, replaced, kept, gone, instance_number, number_of_frames, owed FROM v WHERE TRUE",
);

/// Writes objects, in place of those that had their files. Their keys are put into `ids`.
pub(super) fn insert(
    statements: &mut dyn Statements,
    new: &[&TakenObject],
    context: &Context<'_>,
    totals: &mut Totals,
    ids: &mut Vec<i64>,
) -> Result<(), Error> {
    let directory = |taken: &TakenObject| {
        context.directories.get(taken.object.directory.as_path()).copied().unwrap_or_default()
    };
    // Of several objects of one file the last has it.
    let mut files = BTreeMap::new();
    for (place, taken) in new.iter().enumerate() {
        if let Some(file) = &taken.object.file {
            files.insert((directory(taken), file_key(file)), place);
        }
    }
    let places: Vec<Vec<Value<'_>>> = files
        .keys()
        .map(|(directory, file)| vec![(*directory).into(), file.clone().into()])
        .collect();
    let mut replaced = replace(statements, &places, totals)?;
    *ids = statements.new_ids(Numbered::Instance, new.len())?;
    let mut rows = Vec::with_capacity(new.len());
    for (place, (taken, id)) in new.iter().zip(ids.iter()).enumerate() {
        let object = &taken.object;
        let study = study_of(taken).and_then(|uid| context.studies.get(&*uid)).copied();
        let key = object.file.as_ref().map(|file| (directory(taken), file_key(file)));
        let gone = key.as_ref().is_some_and(|key| files.get(key) != Some(&place));
        let size = from_size(object.size);
        if gone {
            replaced.push((study, size));
        } else if object.file.is_some() {
            totals.files(1, size);
        }
        rows.push(row(taken, *id, directory(taken), context, gone));
    }
    statements.each(&INSERT, &rows)?;
    subtract(statements, &replaced)
}

/// Parts instances from their files, which others have from now on. Returns the study and the size of each.
fn replace(
    statements: &mut dyn Statements,
    places: &[Vec<Value<'_>>],
    totals: &mut Totals,
) -> Result<Vec<(Option<i64>, i64)>, Error> {
    const REPLACE: Each<'_> = Each::new(
        &[("directory", Type::Integer), ("file_key", Type::Text)],
        "UPDATE instance SET file = NULL, file_key = NULL, gone = 1 FROM v \
         WHERE instance.directory = v.directory AND instance.file_key = v.file_key \
         RETURNING instance.study, instance.size",
    );
    let mut replaced = Vec::new();
    for mut row in statements.each(&REPLACE, places)? {
        let (study, size) = (row.optional_integer()?, row.integer()?);
        totals.files(-1, -size);
        replaced.push((study, size));
    }
    Ok(replaced)
}

/// Takes objects that were replaced out of the numbers of their studies.
fn subtract(statements: &mut dyn Statements, replaced: &[(Option<i64>, i64)]) -> Result<(), Error> {
    const SUBTRACT: Each<'_> = Each::new(
        &[("id", Type::Integer), ("objects", Type::Integer), ("bytes", Type::Integer)],
        "UPDATE study SET objects = study.objects - v.objects, bytes = study.bytes - v.bytes \
         FROM v WHERE study.id = v.id",
    );
    let mut studies: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (study, size) in replaced {
        if let Some(study) = study {
            let (objects, bytes) = studies.entry(*study).or_default();
            *objects += 1;
            *bytes = bytes.saturating_add(*size);
        }
    }
    let rows: Vec<_> = studies
        .into_iter()
        .map(|(study, (objects, bytes))| vec![study.into(), objects.into(), bytes.into()])
        .collect();
    statements.each(&SUBTRACT, &rows).map(|_| ())
}

fn row<'b>(
    taken: &'b TakenObject,
    id: i64,
    directory: i64,
    context: &Context<'_>,
    gone: bool,
) -> Vec<Value<'b>> {
    let object = &taken.object;
    let study = study_of(taken).and_then(|uid| context.studies.get(&*uid)).copied();
    let series = study
        .zip(series_of(taken))
        .and_then(|(study, uid)| context.series.get(&(study, uid.into_owned())).copied());
    let file = object.file.as_deref().filter(|_| !gone);
    vec![
        id.into(),
        text(&object.key).into(),
        directory.into(),
        file.map(whole).into(),
        file.map(file_key).into(),
        object.spool.as_deref().map(whole).into(),
        study.into(),
        series.into(),
        text(&object.sop_class).into(),
        text(&object.sop_instance).into(),
        text(&object.transfer_syntax).into(),
        from_size(object.size).into(),
        object.digest.as_ref().map(<[u8; 32]>::as_slice).into(),
        from_time(object.received).into(),
        from_bits(object.association).into(),
        text(&object.calling).into(),
        text(&object.called).into(),
        text(&object.peer).into(),
        text(object.rule.as_deref().unwrap_or_default()).into(),
        object.replaced.into(),
        object.kept.into(),
        gone.into(),
        optional_text(object.attributes.instance_number.as_deref()),
        optional_text(object.attributes.number_of_frames.as_deref()),
        i64::from(!taken.destinations.is_empty()).into(),
    ]
}
