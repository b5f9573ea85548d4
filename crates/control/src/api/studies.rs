//! `GET /studies/open`: the studies that objects are being received of.

use super::forms::query::{Limit, Query};
use crate::problem::Problem;
use crate::state::State;
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The studies that are open; none unless objects are sorted by study.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenStudies {
    /// How many there are.
    total: u64,
    /// The first of them, in the order in which they began.
    studies: Vec<OpenStudy>,
}

/// A study that is open.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OpenStudy {
    /// Its folder; of one that is named by its patient, only the time.
    folder: String,
}

/// How many are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    limit: Limit,
}

/// The answer.
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Query(Wanted { limit }): Query<Wanted>,
) -> Result<Json<OpenStudies>, Problem> {
    let ask =
        state.ask(move |program| (program.open_study_count(), program.open_studies(limit.count())));
    let (total, studies) = ask.await?;
    let studies = studies.into_iter().map(|study| OpenStudy { folder: study.folder });
    Ok(Json(OpenStudies { total: total as u64, studies: studies.collect() }))
}
