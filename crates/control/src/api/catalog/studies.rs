//! `GET /catalog/studies`: studies, by what people search for.

use crate::api::forms::query::{Key, Limit, Query};
use crate::api::forms::text::{Date, Text};
use crate::api::forms::time::Time;
use crate::problem::Problem;
use crate::state::State;
use ::catalog::{StudyFilter, StudyRow};
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of studies, the latest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CatalogStudies {
    /// The studies.
    studies: Vec<CatalogStudy>,
    /// The value of `after` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// A study, as its objects describe it. Texts may be anything that a peer has sent, in UTF-8.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CatalogStudy {
    /// Study Instance UID (0020,000D).
    study_instance_uid: String,
    /// Patient's Name (0010,0010), component groups with `=`.
    patient_name: Option<String>,
    /// Patient ID (0010,0020).
    patient_id: Option<String>,
    /// Patient's Birth Date (0010,0030).
    patient_birth_date: Option<String>,
    /// Patient's Sex (0010,0040).
    patient_sex: Option<String>,
    /// Accession Number (0008,0050).
    accession_number: Option<String>,
    /// Study ID (0020,0010).
    study_id: Option<String>,
    /// Study Date (0008,0020).
    study_date: Option<String>,
    /// Study Time (0008,0030).
    study_time: Option<String>,
    /// Study Description (0008,1030).
    description: Option<String>,
    /// Referring Physician's Name (0008,0090).
    referring_physician_name: Option<String>,
    /// Modalities of its series, each once.
    modalities: Vec<String>,
    /// How many series it has.
    series: u64,
    /// How many objects.
    objects: u64,
    /// Bytes of their files.
    bytes: u64,
    /// When the first object came.
    first: Option<Time>,
    /// When the last object came.
    last: Option<Time>,
    /// The calling AE title of the last object.
    calling_ae_title: String,
    /// Which end is the next one, or was the last: 1 for the first, one more after objects that came late.
    epoch: u64,
    /// Whether it has not ended yet, or objects have come since.
    open: bool,
}

impl CatalogStudy {
    pub(super) fn new(row: StudyRow) -> Self {
        Self {
            study_instance_uid: row.study_instance_uid,
            patient_name: row.patient_name,
            patient_id: row.patient_id,
            patient_birth_date: row.patient_birth_date,
            patient_sex: row.patient_sex,
            accession_number: row.accession_number,
            study_id: row.study_id,
            study_date: row.study_date,
            study_time: row.study_time,
            description: row.description,
            referring_physician_name: row.referring_physician_name,
            modalities: row.modalities,
            series: row.series,
            objects: row.objects,
            bytes: row.bytes,
            first: row.first.map(Time),
            last: row.last.map(Time),
            calling_ae_title: row.calling,
            epoch: row.epoch,
            open: row.open,
        }
    }
}

/// Which studies are wanted: those that match all of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    limit: Limit,
    /// Only entries behind the one with this key. `next` of the page before has it.
    #[schemars(with = "Key")]
    after: Option<Key>,
    /// Study Instance UID.
    #[schemars(with = "Text")]
    study_instance_uid: Option<Text>,
    /// Patient's name, as a whole and whatever its case, with `*` and `?` as wildcards; likewise the texts that follow.
    #[schemars(with = "Text")]
    patient_name: Option<Text>,
    /// Patient ID.
    #[schemars(with = "Text")]
    patient_id: Option<Text>,
    /// Accession number.
    #[schemars(with = "Text")]
    accession_number: Option<Text>,
    /// Study description.
    #[schemars(with = "Text")]
    description: Option<Text>,
    /// One of its series has this modality.
    #[schemars(with = "Text")]
    modality: Option<Text>,
    /// One of its objects came from this calling AE title.
    #[schemars(with = "Text")]
    calling_ae_title: Option<Text>,
    /// Study dates from this one on: `YYYYMMDD`.
    #[schemars(with = "Date")]
    from_date: Option<Date>,
    /// Study dates up to this one.
    #[schemars(with = "Date")]
    to_date: Option<Date>,
    /// Whether it has not ended yet.
    #[schemars(with = "bool")]
    open: Option<bool>,
}

/// The answer.
pub(in crate::api) async fn get(
    extract::State(state): extract::State<State>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<CatalogStudies>, Problem> {
    let (page, most) = (super::page(wanted.after, wanted.limit.count()), wanted.limit.count());
    let filter = wanted.filter();
    let rows = super::ask(&state, move |catalog| catalog.studies(&filter, page)).await?;
    let next = super::next(rows.iter().map(|row| row.id), most);
    Ok(Json(CatalogStudies { studies: rows.into_iter().map(CatalogStudy::new).collect(), next }))
}

impl Wanted {
    fn filter(self) -> StudyFilter {
        let text = |text: Option<Text>| text.map(|Text(text)| text);
        StudyFilter {
            study_instance_uid: text(self.study_instance_uid),
            patient_name: text(self.patient_name),
            patient_id: text(self.patient_id),
            accession_number: text(self.accession_number),
            from_date: self.from_date.map(|Date(date)| date),
            to_date: self.to_date.map(|Date(date)| date),
            modality: text(self.modality),
            description: text(self.description),
            calling: text(self.calling_ae_title),
            open: self.open,
        }
    }
}
