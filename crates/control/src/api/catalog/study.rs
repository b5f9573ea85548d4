//! `GET /catalog/studies/{uid}`: a study with its objects.

use super::studies::CatalogStudy;
use crate::api::forms::query::{Key, Limit, Query};
use crate::api::forms::text::Text;
use crate::api::forms::time::Time;
use crate::problem::Problem;
use crate::state::State;
use ::catalog::limits::PAGE_ROWS;
use ::catalog::{InstanceRow, Page, SeriesRow, StudyFilter};
use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A study with a page of its objects, in the order in which they came.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CatalogStudyDetails {
    /// The study.
    study: CatalogStudy,
    /// Its series, at most 1,000 of them.
    series: Vec<CatalogSeries>,
    /// Its objects.
    objects: Vec<CatalogObject>,
    /// The value of `after` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// A series, as its objects describe it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CatalogSeries {
    /// Series Instance UID (0020,000E).
    series_instance_uid: String,
    /// Modality (0008,0060).
    modality: Option<String>,
    /// Series Number (0020,0011).
    number: Option<String>,
    /// Series Description (0008,103E).
    description: Option<String>,
    /// Body Part Examined (0018,0015).
    body_part_examined: Option<String>,
    /// Station Name (0008,1010).
    station_name: Option<String>,
    /// Institution Name (0008,0080).
    institution_name: Option<String>,
}

impl CatalogSeries {
    fn new(row: SeriesRow) -> Self {
        Self {
            series_instance_uid: row.series_instance_uid,
            modality: row.modality,
            number: row.number,
            description: row.description,
            body_part_examined: row.body_part_examined,
            station_name: row.station_name,
            institution_name: row.institution_name,
        }
    }
}

/// An object, and where its file is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CatalogObject {
    /// SOP Instance UID.
    sop_instance_uid: String,
    /// SOP Class UID.
    sop_class_uid: String,
    /// Series Instance UID (0020,000E).
    series_instance_uid: Option<String>,
    /// Instance Number (0020,0013).
    instance_number: Option<String>,
    /// Transfer Syntax UID of the file.
    transfer_syntax_uid: String,
    /// Length of the file in bytes.
    size: u64,
    /// SHA-256 of the file, `sha256:` and hexadecimal digits; null until it is known.
    digest: Option<String>,
    /// The output directory.
    directory: String,
    /// The file beneath it; null if it has no name there.
    file: Option<String>,
    /// Whether the file is gone: another object has its place, or it was removed.
    gone: bool,
    /// When it began to come.
    received: Time,
    /// Calling AE title that it came from.
    calling_ae_title: String,
    /// Called AE title.
    called_ae_title: String,
    /// Address that it came from.
    peer: String,
    /// The number of its association, which the log has too.
    association: u64,
    /// The rule that decided about the association; null if none did.
    rule: Option<String>,
}

impl CatalogObject {
    fn new(row: InstanceRow) -> Self {
        let object = row.object;
        let attributes = object.attributes;
        Self {
            sop_instance_uid: object.sop_instance,
            sop_class_uid: object.sop_class,
            series_instance_uid: attributes.series_instance_uid,
            instance_number: attributes.instance_number,
            transfer_syntax_uid: object.transfer_syntax,
            size: object.size,
            digest: object.digest.map(|digest| hexadecimal(&digest)),
            directory: object.directory.to_string_lossy().into_owned(),
            file: object.file,
            gone: row.gone,
            received: Time(object.received),
            calling_ae_title: object.calling,
            called_ae_title: object.called,
            peer: object.peer,
            association: object.association,
            rule: object.rule,
        }
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Which objects are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WantedObjects {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    limit: Limit,
    /// Only entries behind the one with this key. `next` of the page before has it.
    #[schemars(with = "Key")]
    after: Option<Key>,
}

/// The answer.
pub(in crate::api) async fn get(
    extract::State(state): extract::State<State>,
    Path(uid): Path<String>,
    Query(wanted): Query<WantedObjects>,
) -> Result<Json<CatalogStudyDetails>, Problem> {
    let not_found =
        || Problem::new(StatusCode::NOT_FOUND, "the catalogue has no study with this UID");
    let Ok(Text(uid)) = Text::try_from(uid) else { return Err(not_found()) };
    let (page, most) = (super::page(wanted.after, wanted.limit.count()), wanted.limit.count());
    let ask = super::ask(&state, move |catalog| {
        let filter =
            StudyFilter { study_instance_uid: Some(uid.clone()), ..StudyFilter::default() };
        let study = catalog.studies(&filter, Page { after: None, most: 1 })?.pop();
        let Some(study) = study else { return Ok(None) };
        let series = catalog.series(Some(&uid), Page { after: None, most: PAGE_ROWS })?;
        Ok(Some((study, series, catalog.instances(Some(&uid), page)?)))
    });
    let (study, series, rows) = ask.await?.ok_or_else(not_found)?;
    let next = super::next(rows.iter().map(|row| row.id.0), most);
    let objects = rows.into_iter().map(CatalogObject::new).collect();
    let series = series.into_iter().map(CatalogSeries::new).collect();
    Ok(Json(CatalogStudyDetails { study: CatalogStudy::new(study), series, objects, next }))
}
