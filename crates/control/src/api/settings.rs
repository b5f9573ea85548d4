//! `GET /settings`, `POST /settings/reload`: the settings in effect, and reading them again.

use super::forms::query::{NoParameters, Query};
use super::forms::time::Time;
use crate::problem::Problem;
use crate::program::{ReloadFailure, Reloaded};
use crate::state::State;
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The settings in effect.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    /// 1 at the start, one more after each reload.
    generation: u64,
    /// Since when they are in effect.
    since: Time,
    /// The file that they come from, if there is one.
    file: Option<String>,
    /// The settings under the names that the settings file has for them, without secrets.
    settings: BTreeMap<String, serde_json::Value>,
}

/// What a reload has done.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reload {
    /// The generation that is in effect now.
    generation: u64,
    /// What was done, for people.
    done: Vec<String>,
    /// What has changed in the file and needs a restart.
    needs_restart: Vec<String>,
}

/// What a reload is asked for with: an empty object, or nothing at all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadRequest {}

/// The settings.
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Settings>, Problem> {
    let (status, settings) = state.ask(|program| (program.status(), program.settings())).await?;
    let settings = match settings {
        serde_json::Value::Object(settings) => settings.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    Ok(Json(Settings {
        generation: status.generation,
        since: Time(status.settings_since),
        file: status.settings_file.map(|file| file.display().to_string()),
        settings,
    }))
}

/// Reads the settings again. That it is an operator who asks, and no page of another site, is decided by `access`.
pub(super) async fn reload(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
    body: Bytes,
) -> Result<Json<Reload>, Problem> {
    check_request(&body)?;
    match state.ask(|program| program.reload()).await? {
        Ok(Reloaded { generation, done, needs_restart }) => {
            Ok(Json(Reload { generation, done, needs_restart }))
        }
        Err(ReloadFailure { faults }) => {
            let detail = "the settings are wrong, and nothing has changed";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).faults(faults))
        }
    }
}

/// # Errors
/// 400 if the body is no JSON, 422 if it is anything but an empty object.
fn check_request(body: &[u8]) -> Result<(), Problem> {
    if body.is_empty() {
        return Ok(());
    }
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))
    })?;
    let why = match serde_json::from_value(value.clone()) {
        Ok(ReloadRequest {}) if value.is_object() => return Ok(()),
        Ok(ReloadRequest {}) => String::new(),
        Err(error) => format!(": {error}"),
    };
    let detail = format!("the body has to be an empty object, {{}}{why}");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}
