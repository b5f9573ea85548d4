//! Studies and series.

use super::{Conditions, most, study};
use crate::store::database::{Row, Statements};
use crate::store::encoding::{Pattern, pattern, text, to_time};
use crate::store::rows;
use crate::{Error, Page, SeriesRow, StudyFilter, StudyRow};

/// See [`Catalog::studies`](crate::Catalog::studies).
pub(in crate::store) fn studies(
    statements: &mut dyn Statements,
    filter: &StudyFilter,
    page: Page,
) -> Result<Vec<StudyRow>, Error> {
    let mut conditions = conditions(filter);
    if let Some(after) = page.after {
        conditions.add("s.id < ?", after);
    }
    let limit = conditions.parameter(most(page));
    let sql = format!(
        "SELECT s.id, s.uid, s.patient_name, s.patient_id, s.patient_birth_date, s.patient_sex, \
         s.accession_number, s.study_id, s.study_date, s.study_time, s.description, \
         s.referring_physician_name, s.modalities, \
         (SELECT count(*) FROM series r WHERE r.study = s.id), s.objects, s.bytes, s.first, \
         s.last, s.calling, s.epoch, s.due FROM study s WHERE {} ORDER BY s.id DESC LIMIT {limit}",
        conditions.all()
    );
    statements.query(&sql, &conditions.parameters)?.into_iter().map(read).collect()
}

fn conditions(filter: &StudyFilter) -> Conditions<'_> {
    let mut conditions = Conditions::default();
    if let Some(uid) = &filter.study_instance_uid {
        conditions.add("s.uid = ?", text(uid));
    }
    let columns = [
        (&filter.patient_name, "s.search_name"),
        (&filter.patient_id, "s.search_id"),
        (&filter.accession_number, "s.search_accession"),
        (&filter.description, "s.search_description"),
    ];
    for (wanted, column) in columns {
        matches(&mut conditions, wanted.as_deref(), |comparison| format!("{column} {comparison}"));
    }
    // As strings: dates are YYYYMMDD.
    if let Some(date) = &filter.from_date {
        conditions.add("s.study_date >= ?", text(date));
    }
    if let Some(date) = &filter.to_date {
        conditions.add("s.study_date <= ?", text(date));
    }
    matches(&mut conditions, filter.modality.as_deref(), |comparison| {
        format!(
            "EXISTS (SELECT 1 FROM series r WHERE r.study = s.id AND lower(r.modality) {comparison})"
        )
    });
    matches(&mut conditions, filter.calling.as_deref(), |comparison| {
        format!(
            "EXISTS (SELECT 1 FROM study_sender c WHERE c.study = s.id AND c.calling {comparison})"
        )
    });
    match filter.open {
        Some(true) => conditions.fixed("s.due IS NOT NULL"),
        Some(false) => conditions.fixed("s.due IS NULL"),
        None => {}
    }
    conditions
}

/// Adds the condition that `condition` makes from the comparison with what is wanted.
fn matches(
    conditions: &mut Conditions<'_>,
    wanted: Option<&str>,
    condition: impl Fn(&str) -> String,
) {
    match wanted.map_or(Pattern::Anything, pattern) {
        Pattern::Anything => {}
        Pattern::Exactly(text) => {
            let mark = conditions.parameter(text);
            conditions.fixed(&condition(&format!("= {mark}")));
        }
        Pattern::Like(text) => {
            let mark = conditions.parameter(text);
            conditions.fixed(&condition(&format!("LIKE {mark} ESCAPE '!'")));
        }
    }
}

fn read(mut row: Row) -> Result<StudyRow, Error> {
    Ok(StudyRow {
        id: row.integer()?,
        study_instance_uid: row.text()?,
        patient_name: row.optional_text()?,
        patient_id: row.optional_text()?,
        patient_birth_date: row.optional_text()?,
        patient_sex: row.optional_text()?,
        accession_number: row.optional_text()?,
        study_id: row.optional_text()?,
        study_date: row.optional_text()?,
        study_time: row.optional_text()?,
        description: row.optional_text()?,
        referring_physician_name: row.optional_text()?,
        modalities: rows::modalities(&row.text()?),
        series: row.count()?,
        objects: row.count()?,
        bytes: row.count()?,
        first: Some(to_time(row.integer()?)),
        last: Some(to_time(row.integer()?)),
        calling: row.text()?,
        epoch: row.count()?,
        open: row.optional_integer()?.is_some(),
    })
}

/// See [`Catalog::series`](crate::Catalog::series).
pub(in crate::store) fn series(
    statements: &mut dyn Statements,
    of: Option<&str>,
    page: Page,
) -> Result<Vec<SeriesRow>, Error> {
    let mut conditions = Conditions::default();
    if let Some(uid) = of {
        let Some(study) = study(statements, uid)? else { return Ok(Vec::new()) };
        conditions.add("r.study = ?", study);
    }
    if let Some(after) = page.after {
        conditions.add("r.id > ?", after);
    }
    let limit = conditions.parameter(most(page));
    let sql = format!(
        "SELECT r.id, s.uid, r.uid, r.modality, r.number, r.description, r.body_part_examined, \
         r.station_name, r.institution_name FROM series r JOIN study s ON s.id = r.study \
         WHERE {} ORDER BY r.id LIMIT {limit}",
        conditions.all()
    );
    statements.query(&sql, &conditions.parameters)?.into_iter().map(read_series).collect()
}

fn read_series(mut row: Row) -> Result<SeriesRow, Error> {
    Ok(SeriesRow {
        id: row.integer()?,
        study_instance_uid: row.text()?,
        series_instance_uid: row.text()?,
        modality: row.optional_text()?,
        number: row.optional_text()?,
        description: row.optional_text()?,
        body_part_examined: row.optional_text()?,
        station_name: row.optional_text()?,
        institution_name: row.optional_text()?,
    })
}
