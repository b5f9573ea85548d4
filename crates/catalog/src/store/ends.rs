//! Ends of studies: each written once, with its deliveries, in the transaction that ends the study.

use super::database::{Each, Row, Statements, Type};
use super::encoding::{from_duration, from_time, to_path, to_time};
use super::rows::{self, to_bits};
use super::take_in::{NewDelivery, insert_deliveries};
use super::totals::{Totals, ids};
use crate::limits::PAGE_ROWS;
use crate::{EndedStudy, Error, EventKind};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// See [`Catalog::end_studies`](crate::Catalog::end_studies).
pub(super) fn end_studies(
    statements: &mut dyn Statements,
    now: SystemTime,
    most: usize,
) -> Result<Vec<EndedStudy>, Error> {
    const CLOSE: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "UPDATE study SET due = NULL FROM v WHERE study.id = v.id",
    );
    let now = from_time(now);
    let most = most.min(PAGE_ROWS) as i64;
    let sql = format!(
        "SELECT id FROM study WHERE due <= $1 ORDER BY due LIMIT $2{}",
        statements.skip_locked()
    );
    let due: Result<Vec<i64>, Error> =
        statements.query(&sql, &[now.into(), most.into()])?.iter_mut().map(Row::integer).collect();
    let due = due?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let mut ends = HashMap::with_capacity(due.len());
    for row in statements.each(&END, &ids(due.iter().copied()))? {
        let end = End::read(row)?;
        ends.insert(end.study, end);
    }
    let ends: Vec<End> = due.iter().filter_map(|id| ends.remove(id)).collect();
    statements.each(&CLOSE, &ids(due.iter().copied()))?;
    let mut wanted = destinations(statements, &due)?;
    let events = insert_events(statements, &ends, &wanted, now)?;
    let mut deliveries = Vec::new();
    for (end, event) in ends.iter().zip(events) {
        for destination in wanted.remove(&end.study).unwrap_or_default() {
            deliveries.push(NewDelivery {
                destination,
                instance: None,
                event: Some(event),
                study: Some(end.study),
                size: 0,
            });
        }
    }
    let mut totals = Totals::default();
    insert_deliveries(statements, &deliveries, now, &mut totals)?;
    totals.write(statements)?;
    Ok(ends.into_iter().map(|end| end.ended).collect())
}

const END: Each<'_> = Each::new(
    &[("id", Type::Integer)],
    "SELECT s.id, s.uid, s.epoch, s.objects, s.bytes, s.first, s.last, \
     (SELECT count(*) FROM series r WHERE r.study = s.id), d.path, s.association, s.calling, \
     s.called, s.peer, s.patient_name, s.patient_id, s.patient_birth_date, s.patient_sex, \
     s.accession_number, s.study_id, s.study_date, s.study_time, s.description, \
     s.referring_physician_name, s.modalities \
     FROM v JOIN study s ON s.id = v.id JOIN directory d ON d.id = s.directory",
);

/// A study that ends.
struct End {
    study: i64,
    ended: EndedStudy,
    last: i64,
    data: Json,
}

impl End {
    fn read(mut row: Row) -> Result<Self, Error> {
        let study = row.integer()?;
        let (uid, epoch, objects) = (row.text()?, row.count()?, row.count()?);
        let (bytes, first, last) = (row.count()?, row.integer()?, row.integer()?);
        let series = row.count()?;
        let mut data = Map::new();
        data.insert("studyInstanceUid".to_owned(), uid.as_str().into());
        data.insert("epoch".to_owned(), epoch.into());
        data.insert("objects".to_owned(), objects.into());
        data.insert("series".to_owned(), series.into());
        data.insert("bytes".to_owned(), bytes.into());
        data.insert("complete".to_owned(), true.into());
        data.insert("first".to_owned(), rows::rfc3339(first).into());
        data.insert("last".to_owned(), rows::rfc3339(last).into());
        let directory = to_path(&row.text()?);
        data.insert("directory".to_owned(), directory.to_string_lossy().into());
        data.insert("association".to_owned(), to_bits(row.integer()?).into());
        for name in ["callingAeTitle", "calledAeTitle", "peer"] {
            data.insert(name.to_owned(), row.text()?.into());
        }
        data.insert("attributes".to_owned(), attributes(&mut row)?);
        let ended = EndedStudy { study_instance_uid: uid, epoch, objects, last: to_time(last) };
        Ok(Self { study, ended, last, data: Json::Object(data) })
    }

    /// The key of the event: of this end and no other, also if the catalogue is rebuilt and counts anew.
    fn key(&self) -> String {
        format!("{}/{}/{:x}", self.ended.study_instance_uid, self.ended.epoch, self.last)
    }

    fn kind(&self) -> EventKind {
        if self.ended.epoch == 1 { EventKind::StudyEnded } else { EventKind::StudyUpdated }
    }
}

fn attributes(row: &mut Row) -> Result<Json, Error> {
    const NAMES: [&str; 10] = [
        "patientName",
        "patientId",
        "patientBirthDate",
        "patientSex",
        "accessionNumber",
        "studyId",
        "studyDate",
        "studyTime",
        "studyDescription",
        "referringPhysicianName",
    ];
    let mut attributes = Map::new();
    for name in NAMES {
        if let Some(value) = row.optional_text()? {
            attributes.insert(name.to_owned(), value.into());
        }
    }
    let modalities = rows::modalities(&row.text()?);
    attributes.insert("modalities".to_owned(), json!(modalities));
    Ok(Json::Object(attributes))
}

/// Who is told of the ends of these studies.
fn destinations(
    statements: &mut dyn Statements,
    studies: &[i64],
) -> Result<HashMap<i64, Vec<i64>>, Error> {
    const WANTED: Each<'_> = Each::new(
        &[("id", Type::Integer)],
        "SELECT w.study, w.destination FROM v JOIN study_destination w ON w.study = v.id",
    );
    let mut wanted: HashMap<i64, Vec<i64>> = HashMap::new();
    for mut row in statements.each(&WANTED, &ids(studies.iter().copied()))? {
        wanted.entry(row.integer()?).or_default().push(row.integer()?);
    }
    for destinations in wanted.values_mut() {
        destinations.sort_unstable();
    }
    Ok(wanted)
}

/// Writes the events of ends, and returns their keys.
fn insert_events(
    statements: &mut dyn Statements,
    ends: &[End],
    wanted: &HashMap<i64, Vec<i64>>,
    now: i64,
) -> Result<Vec<i64>, Error> {
    const EVENT: Each<'_> = Each::new(
        &[
            ("key", Type::Text),
            ("kind", Type::Integer),
            ("time", Type::Integer),
            ("study", Type::Integer),
            ("data", Type::Text),
            ("delivered", Type::Integer),
        ],
        "INSERT INTO event (key, kind, time, study, data, delivered) \
         SELECT key, kind, time, study, data, delivered FROM v WHERE TRUE RETURNING id, study",
    );
    let rows: Vec<_> = ends
        .iter()
        .map(|end| {
            vec![
                end.key().into(),
                rows::from_kind(end.kind()).into(),
                now.into(),
                end.study.into(),
                end.data.to_string().into(),
                wanted.contains_key(&end.study).into(),
            ]
        })
        .collect();
    let mut events = HashMap::with_capacity(ends.len());
    for mut row in statements.each(&EVENT, &rows)? {
        let event = row.integer()?;
        events.insert(row.integer()?, event);
    }
    let missing = || Error::Statement("an event was not written".to_owned());
    ends.iter().map(|end| events.get(&end.study).copied().ok_or_else(missing)).collect()
}

/// See [`Catalog::next_end_of_study`](crate::Catalog::next_end_of_study).
pub(super) fn next(statements: &mut dyn Statements) -> Result<Option<SystemTime>, Error> {
    let rows = statements
        .query("SELECT due FROM study WHERE due IS NOT NULL ORDER BY due LIMIT 1", &[])?;
    rows.into_iter().next().map(|mut row| row.integer().map(to_time)).transpose()
}

/// See [`Catalog::shift_ends_of_studies`](crate::Catalog::shift_ends_of_studies).
pub(super) fn shift(
    statements: &mut dyn Statements,
    by: Duration,
    forwards: bool,
) -> Result<(), Error> {
    let by = if forwards { from_duration(by) } else { -from_duration(by) };
    statements
        .execute("UPDATE study SET due = due + $1 WHERE due IS NOT NULL", &[by.into()])
        .map(|_| ())
}
