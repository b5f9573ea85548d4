//! Studies of the objects that are taken in.

use super::{later, study_of};
use crate::limits::STUDY_MODALITIES;
use crate::store::database::{Each, Statements, Type, Value};
use crate::store::encoding::{
    folded, from_bits, from_duration, from_size, from_time, optional_folded, text,
};
use crate::store::rows;
use crate::{Batch, Error, ObjectAttributes, TakenObject};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::LazyLock;

/// The attributes of a study: the column, and where its value comes from.
type Attribute = (&'static str, fn(&ObjectAttributes) -> Option<&str>);
const ATTRIBUTES: [Attribute; 10] = [
    ("patient_name", |it| it.patient_name.as_deref()),
    ("patient_id", |it| it.patient_id.as_deref()),
    ("patient_birth_date", |it| it.patient_birth_date.as_deref()),
    ("patient_sex", |it| it.patient_sex.as_deref()),
    ("accession_number", |it| it.accession_number.as_deref()),
    ("study_id", |it| it.study_id.as_deref()),
    ("study_date", |it| it.study_date.as_deref()),
    ("study_time", |it| it.study_time.as_deref()),
    ("description", |it| it.study_description.as_deref()),
    ("referring_physician_name", |it| it.referring_physician_name.as_deref()),
];

/// The attributes that are searched: the column, and the place in [`ATTRIBUTES`].
const SEARCHED: [(&str, usize); 4] =
    [("search_name", 0), ("search_id", 1), ("search_accession", 4), ("search_description", 8)];

/// The other columns.
const OTHERS: [(&str, Type); 11] = [
    ("objects", Type::Integer),
    ("bytes", Type::Integer),
    ("first", Type::Integer),
    ("last", Type::Integer),
    ("directory", Type::Integer),
    ("association", Type::Integer),
    ("calling", Type::Text),
    ("called", Type::Text),
    ("peer", Type::Text),
    ("modalities", Type::Text),
    ("due", Type::Integer),
];

static COLUMNS: LazyLock<Vec<(&'static str, Type)>> = LazyLock::new(|| {
    let attributes = ATTRIBUTES.iter().map(|(column, _)| (*column, Type::Text));
    let searched = SEARCHED.iter().map(|(column, _)| (*column, Type::Text));
    std::iter::once(("uid", Type::Text)).chain(attributes).chain(searched).chain(OTHERS).collect()
});

/// Writes a study, or what is new of it.
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let attributes = ATTRIBUTES.iter().map(|(column, _)| *column);
    let kept: Vec<String> = attributes
        .chain(SEARCHED.iter().map(|(column, _)| *column))
        .map(|column| format!("{column} = COALESCE(excluded.{column}, study.{column})"))
        .collect();
    format!(
        "INSERT INTO study ({names}) SELECT {names} FROM v WHERE TRUE \
         ON CONFLICT (uid) DO UPDATE SET {}, \
         objects = study.objects + excluded.objects, bytes = study.bytes + excluded.bytes, \
         first = CASE WHEN excluded.first < study.first THEN excluded.first ELSE study.first END, \
         last = CASE WHEN excluded.last > study.last THEN excluded.last ELSE study.last END, \
         directory = excluded.directory, association = excluded.association, \
         calling = excluded.calling, called = excluded.called, peer = excluded.peer, \
         epoch = CASE WHEN study.due IS NULL THEN study.epoch + 1 ELSE study.epoch END, \
         due = excluded.due \
         RETURNING id, uid, modalities",
        kept.join(", ")
    )
});

/// What a batch says of a study.
struct News<'b> {
    attributes: [Value<'b>; ATTRIBUTES.len()],
    objects: i64,
    bytes: i64,
    first: i64,
    last: i64,
    modalities: BTreeSet<Cow<'b, str>>,
    latest: &'b TakenObject,
}

impl<'b> News<'b> {
    fn new(taken: &'b TakenObject) -> Self {
        let received = from_time(taken.object.received);
        Self {
            attributes: [const { Value::Null }; ATTRIBUTES.len()],
            objects: 0,
            bytes: 0,
            first: received,
            last: received,
            modalities: BTreeSet::new(),
            latest: taken,
        }
    }

    fn add(&mut self, taken: &'b TakenObject) {
        let received = from_time(taken.object.received);
        let attributes = &taken.object.attributes;
        for (value, (_, read)) in self.attributes.iter_mut().zip(ATTRIBUTES) {
            later(value, read(attributes));
        }
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(from_size(taken.object.size));
        self.first = self.first.min(received);
        self.last = self.last.max(received);
        self.latest = taken;
        let modality = attributes.modality.as_deref();
        self.modalities.extend(modality.into_iter().flat_map(|it| it.split('\\')).map(text));
        self.modalities.remove("");
    }

    fn row(&self, uid: &'b str, directory: i64, due: i64) -> Vec<Value<'b>> {
        let object = &self.latest.object;
        let mut row = Vec::with_capacity(COLUMNS.len());
        row.push(uid.to_owned().into());
        row.extend(self.attributes.iter().cloned());
        row.extend(SEARCHED.iter().map(|(_, place)| match &self.attributes[*place] {
            Value::Text(text) => optional_folded(Some(text)),
            _ => Value::Null,
        }));
        row.extend([self.objects, self.bytes, self.first, self.last].map(Value::from));
        row.extend([directory.into(), from_bits(object.association).into()]);
        row.extend([&object.calling, &object.called, &object.peer].map(|it| text(it).into()));
        let modalities = self.modalities.iter().take(STUDY_MODALITIES);
        let modalities: Vec<&str> = modalities.map(AsRef::as_ref).collect();
        row.extend([modalities.join("\\").into(), due.into()]);
        row
    }
}

/// Writes what the objects say of their studies, and returns the keys of these.
pub(super) fn upsert<'b>(
    statements: &mut dyn Statements,
    batch: &'b Batch,
    new: &[&'b TakenObject],
    directories: &HashMap<&Path, i64>,
    now: i64,
) -> Result<HashMap<String, i64>, Error> {
    // In the order of their UIDs: so no two transactions wait for each other.
    let mut studies: BTreeMap<Cow<'b, str>, News<'b>> = BTreeMap::new();
    for taken in new {
        if let Some(uid) = study_of(taken) {
            studies.entry(uid).or_insert_with(|| News::new(taken)).add(taken);
        }
    }
    let due = now.saturating_add(from_duration(batch.quiet));
    let directory = |news: &News<'_>| {
        directories.get(news.latest.object.directory.as_path()).copied().unwrap_or_default()
    };
    let rows: Vec<_> =
        studies.iter().map(|(uid, news)| news.row(uid, directory(news), due)).collect();
    let each = Each { columns: &COLUMNS, sql: Cow::Borrowed(UPSERT.as_str()) };
    let mut keys = HashMap::with_capacity(studies.len());
    let mut changed = Vec::new();
    for mut row in statements.each(&each, &rows)? {
        let (key, uid, known) = (row.integer()?, row.text()?, row.text()?);
        if let Some(news) = studies.get(uid.as_str()) {
            let known: BTreeSet<Cow<'_, str>> =
                rows::modalities(&known).into_iter().map(Cow::Owned).collect();
            let more = news.modalities.difference(&known);
            let more = more.take(STUDY_MODALITIES.saturating_sub(known.len()));
            let more: BTreeSet<_> = more.cloned().collect();
            if !more.is_empty() {
                let all: Vec<&str> = known.union(&more).map(AsRef::as_ref).collect();
                changed.push(vec![key.into(), all.join("\\").into()]);
            }
        }
        keys.insert(uid, key);
    }
    const MODALITIES: Each<'_> = Each::new(
        &[("id", Type::Integer), ("modalities", Type::Text)],
        "UPDATE study SET modalities = v.modalities FROM v WHERE study.id = v.id",
    );
    statements.each(&MODALITIES, &changed)?;
    Ok(keys)
}

/// Writes who is told of the ends of the studies, and who sent their objects.
pub(super) fn remember(
    statements: &mut dyn Statements,
    new: &[&TakenObject],
    studies: &HashMap<String, i64>,
    destinations: &HashMap<&str, i64>,
) -> Result<(), Error> {
    const DESTINATIONS: Each<'_> = Each::new(
        &[("study", Type::Integer), ("destination", Type::Integer)],
        "INSERT INTO study_destination (study, destination) SELECT study, destination FROM v \
         WHERE TRUE ON CONFLICT DO NOTHING",
    );
    const SENDERS: Each<'_> = Each::new(
        &[("study", Type::Integer), ("calling", Type::Text)],
        "INSERT INTO study_sender (study, calling) SELECT study, calling FROM v \
         WHERE TRUE ON CONFLICT DO NOTHING",
    );
    let (mut told, mut senders) = (BTreeSet::new(), BTreeSet::new());
    for taken in new {
        let Some(study) = study_of(taken).and_then(|uid| studies.get(&*uid)) else { continue };
        let names = taken.study_destinations.iter();
        told.extend(
            names.filter_map(|name| destinations.get(name.as_str())).map(|it| (*study, *it)),
        );
        senders.insert((*study, taken.object.calling.as_str()));
    }
    let told: Vec<_> =
        told.into_iter().map(|(study, told)| vec![study.into(), told.into()]).collect();
    statements.each(&DESTINATIONS, &told)?;
    let senders: Vec<_> = senders
        .into_iter()
        .map(|(study, calling)| vec![study.into(), folded(calling).into()])
        .collect();
    statements.each(&SENDERS, &senders).map(|_| ())
}
