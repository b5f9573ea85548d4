//! Bodies of requests: a JSON object, or nothing at all.

use crate::problem::Problem;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a body. An empty one is an empty object.
///
/// # Errors
/// 400 if it is no JSON, 422 if it is no object, or one with fields that `T` does not have.
pub(in crate::api) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))
    })?;
    let wrong = |why: String| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body has to be an object{why}"))
    };
    if !value.is_object() {
        return Err(wrong(String::new()));
    }
    serde_json::from_value(value).map_err(|error| wrong(format!(" as described: {error}")))
}
