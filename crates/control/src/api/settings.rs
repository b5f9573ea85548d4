//! `GET /settings`, `POST /settings/reload`: the settings in effect, and reading them again.

use super::Shared;
use super::problem::Problem;
use super::query::{NoParameters, Query};
use super::time::Time;
use crate::limits::REQUEST_BODY_BYTES;
use crate::program::{ReloadFailure, Reloaded};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
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
    State(shared): State<Shared>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Settings>, Problem> {
    let (status, settings) =
        shared.ask(|_, program| (program.status(), program.settings())).await?;
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

/// Reads the settings again.
pub(super) async fn reload(
    State(shared): State<Shared>,
    Query(NoParameters {}): Query<NoParameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Reload>, Problem> {
    refuse_other_sites(&headers)?;
    read_request(&headers, body).await?;
    match shared.ask(|_, program| program.reload()).await? {
        Ok(Reloaded { generation, done, needs_restart }) => {
            Ok(Json(Reload { generation, done, needs_restart }))
        }
        Err(ReloadFailure { faults }) => {
            let detail = "the settings are wrong, and nothing has changed";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_faults(faults))
        }
    }
}

/// A page that a browser shows must not reload our settings, even where a browser on this machine needs no password.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    let is_ours = match site {
        Some(site) => matches!(site, b"same-origin" | b"none"),
        None => headers
            .get(header::ORIGIN)
            .is_none_or(|origin| is_same_host(origin.as_bytes(), headers)),
    };
    match is_ours {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::FORBIDDEN, "not from a page of another site")),
    }
}

fn is_same_host(origin: &[u8], headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return false };
    let origin = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    origin == Some(host.as_bytes())
}

async fn read_request(headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    let body = to_bytes(body, REQUEST_BODY_BYTES).await.map_err(|_| {
        let detail = format!("the body is longer than the {REQUEST_BODY_BYTES} bytes allowed");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    if body.is_empty() {
        return Ok(());
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        let detail = "a body has to be application/json, or leave it out";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let value: serde_json::Value = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))
    })?;
    match serde_json::from_value(value) {
        Ok(ReloadRequest {}) => Ok(()),
        Err(error) => {
            let detail = format!("the body has to be an empty object, {{}}: {error}");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
        }
    }
}
