//! `storescp catalog export`: all studies, series or objects, as JSON lines or as comma-separated values, page by page.

use crate::tools::place::Place;
use crate::tools::terminal::{print, shown};
use catalog::{Catalog, Error, InstanceRow, Page, SeriesRow, StudyFilter, StudyRow};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Rows that are asked for at once.
const ROWS: usize = 1000;

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    JsonLines,
    Csv,
}

pub(super) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    let (mut what, mut form, mut study) = (None, Form::JsonLines, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "studies" | "series" | "objects" if what.is_none() => what = Some(word.as_str()),
            "--csv" => form = Form::Csv,
            "--json" => form = Form::JsonLines,
            "--study" => study = Some(words.next().ok_or("--study needs a value")?.as_str()),
            other => {
                return Err(format!(
                    "'{other}' is none of studies, series, objects and the options"
                ));
            }
        }
    }
    let catalog = place.open()?;
    let mut writer = Writer { form, header: None };
    match what {
        Some("studies") => studies(&*catalog, study, &mut writer),
        Some("series") => {
            pages(|page| catalog.series(study, page), |row| row.id, series, &mut writer)
        }
        Some(_) => {
            pages(|page| catalog.instances(study, page), |row| row.id.0, object, &mut writer)
        }
        None => Err("say what to export: studies, series or objects".to_owned()),
    }
}

fn studies(catalog: &dyn Catalog, uid: Option<&str>, writer: &mut Writer) -> Result<(), String> {
    let filter =
        StudyFilter { study_instance_uid: uid.map(str::to_owned), ..StudyFilter::default() };
    pages(|page| catalog.studies(&filter, page), |row| row.id, study, writer)
}

/// Writes all pages, one after the other: so no more than one is in memory.
fn pages<R>(
    read: impl Fn(Page) -> Result<Vec<R>, Error>,
    key: impl Fn(&R) -> i64,
    row: impl Fn(&R) -> Value,
    writer: &mut Writer,
) -> Result<(), String> {
    let mut after = None;
    loop {
        let rows = read(Page { after, most: ROWS }).map_err(|error| error.to_string())?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(key(last));
        let values: Vec<Value> = rows.iter().map(&row).collect();
        writer.write(&values)?;
    }
}

/// Writes rows to standard output.
struct Writer {
    form: Form,
    /// The columns, once they were written.
    header: Option<Vec<String>>,
}

impl Writer {
    fn write(&mut self, rows: &[Value]) -> Result<(), String> {
        let mut text = String::new();
        for row in rows {
            match (self.form, row) {
                (Form::Csv, Value::Object(row)) => {
                    if self.header.is_none() {
                        let names: Vec<String> = row.keys().cloned().collect();
                        let _ = writeln!(text, "{}\r", names.join(","));
                        self.header = Some(names);
                    }
                    text.push_str(&comma_separated(row));
                }
                _ => {
                    let _ = writeln!(text, "{row}");
                }
            }
        }
        print(&text)
    }
}

/// A line of RFC 4180. Values that a spreadsheet would take for a formula get an apostrophe in front.
fn comma_separated(row: &Map<String, Value>) -> String {
    let fields = row.values().map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let text = if is_formula { format!("'{text}") } else { text.clone() };
            if text.contains(['"', ',', '\r', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        }
        other => other.to_string(),
    });
    format!("{}\r\n", fields.collect::<Vec<_>>().join(","))
}

fn study(row: &StudyRow) -> Value {
    json!({
        "studyInstanceUid": row.study_instance_uid,
        "patientName": row.patient_name,
        "patientId": row.patient_id,
        "patientBirthDate": row.patient_birth_date,
        "patientSex": row.patient_sex,
        "accessionNumber": row.accession_number,
        "studyId": row.study_id,
        "studyDate": row.study_date,
        "studyTime": row.study_time,
        "description": row.description,
        "referringPhysicianName": row.referring_physician_name,
        "modalities": row.modalities.join("\\"),
        "series": row.series,
        "objects": row.objects,
        "bytes": row.bytes,
        "first": row.first.map(shown),
        "last": row.last.map(shown),
        "callingAeTitle": row.calling,
        "epoch": row.epoch,
        "open": row.open,
    })
}

fn series(row: &SeriesRow) -> Value {
    json!({
        "studyInstanceUid": row.study_instance_uid,
        "seriesInstanceUid": row.series_instance_uid,
        "modality": row.modality,
        "seriesNumber": row.number,
        "description": row.description,
        "bodyPartExamined": row.body_part_examined,
        "stationName": row.station_name,
        "institutionName": row.institution_name,
    })
}

fn object(row: &InstanceRow) -> Value {
    let object = &row.object;
    let digest = object.digest.map(|digest| {
        digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    });
    json!({
        "sopInstanceUid": object.sop_instance,
        "sopClassUid": object.sop_class,
        "studyInstanceUid": object.attributes.study_instance_uid,
        "seriesInstanceUid": object.attributes.series_instance_uid,
        "modality": object.attributes.modality,
        "instanceNumber": object.attributes.instance_number,
        "transferSyntaxUid": object.transfer_syntax,
        "size": object.size,
        "digest": digest,
        "directory": object.directory.to_string_lossy(),
        "file": object.file,
        "gone": row.gone,
        "received": shown(object.received),
        "callingAeTitle": object.calling,
        "calledAeTitle": object.called,
        "peer": object.peer,
        "association": object.association,
        "rule": object.rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_spreadsheets() {
        let row = json!({"a": "x,\"y\"", "b": null, "c": 7, "d": "=1+1", "e": "Müller^A"});
        let line = comma_separated(row.as_object().unwrap());
        assert_eq!(line, "\"x,\"\"y\"\"\",,7,'=1+1,Müller^A\r\n");
    }
}
