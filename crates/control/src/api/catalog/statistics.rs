//! `GET /catalog/statistics`: what the catalogue holds, in numbers, and how it is kept.

use crate::api::forms::query::{NoParameters, Query};
use crate::problem::Problem;
use crate::program::{CatalogStatus, VERIFICATION_FINDINGS};
use crate::state::State;
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the catalogue holds, in numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CatalogStatistics {
    /// Studies.
    studies: u64,
    /// Series.
    series: u64,
    /// Objects with a file.
    objects: u64,
    /// Bytes of their files.
    bytes: u64,
    /// Studies that have not ended.
    open_studies: u64,
    /// Bytes of the database; null if they cannot be found out.
    database_bytes: Option<u64>,
    /// The version of its schema.
    schema: u32,
    /// How it is kept, since the start of the program.
    upkeep: CatalogUpkeep,
}

/// How the catalogue is kept, since the start of the program.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CatalogUpkeep {
    /// Objects and events that wait in memory to be taken in.
    waiting: u64,
    /// Whether it could be used when that was last tried.
    is_available: bool,
    /// How old the oldest object is that is not taken in; null while that is not known, after a crash or an outage.
    lag_seconds: Option<f64>,
    /// Objects that were taken in.
    taken_in: u64,
    /// Of these, objects that were read from their files: after a crash, or since the catalogue was unavailable.
    recovered: u64,
    /// How often reception has waited for the catalogue.
    waits: u64,
    /// Objects that cannot be taken in; the log has each of them.
    refused: u64,
    /// Studies that have ended.
    ended_studies: u64,
    /// Files that were verified.
    verified_files: u64,
    /// What verification has found: files that the catalogue does not have (`unknown`), objects whose files are not there
    /// (`missing`), files with another content (`changed`), and files that cannot be read (`unreadable`).
    findings: BTreeMap<String, u64>,
    /// Files that were removed since they are kept no longer.
    removed_files: u64,
    /// Their bytes.
    removed_bytes: u64,
    /// How often a damaged catalogue was set aside, and begun anew.
    set_aside: u64,
}

impl CatalogUpkeep {
    fn new(status: &CatalogStatus) -> Self {
        let findings = VERIFICATION_FINDINGS.iter().zip(status.findings);
        Self {
            waiting: status.waiting,
            lag_seconds: status.lag.map(|lag| lag.as_secs_f64()),
            is_available: status.is_available,
            taken_in: status.taken_in,
            recovered: status.recovered,
            waits: status.waits,
            refused: status.refused,
            ended_studies: status.ended_studies,
            verified_files: status.verified_files,
            findings: findings.map(|(name, count)| ((*name).to_owned(), count)).collect(),
            removed_files: status.removed_files,
            removed_bytes: status.removed_bytes,
            set_aside: status.set_aside,
        }
    }
}

/// The answer.
pub(in crate::api) async fn get(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<CatalogStatistics>, Problem> {
    let found = super::ask(&state, |catalog| catalog.statistics()).await?;
    let status = state.ask(|program| program.catalog_status()).await?.unwrap_or_default();
    Ok(Json(CatalogStatistics {
        studies: found.studies,
        series: found.series,
        objects: found.instances,
        bytes: found.bytes,
        open_studies: found.open_studies,
        database_bytes: found.database_bytes,
        schema: found.schema,
        upkeep: CatalogUpkeep::new(&status),
    }))
}
