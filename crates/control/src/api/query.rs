//! Query parameters: only those that a resource knows, each once, and pages of lists.

use crate::limits::{DEFAULT_PAGE, PAGE};
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Query parameters as `T` has them; `T` refuses unknown ones.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| {
            let why =
                std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
            Problem::new(StatusCode::BAD_REQUEST, format!("query parameters: {why}"))
        })
    }
}

/// No parameters at all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// A page of a list.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    pub(super) limit: Limit,
    /// Only entries that are older: with keys less than this. `next` of the page before has it.
    pub(super) before: Option<u64>,
}

/// How many entries.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u16")]
pub(super) struct Limit(#[schemars(range(min = 1, max = PAGE))] u16);

impl Limit {
    pub(super) fn count(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_PAGE)
    }
}

impl TryFrom<u16> for Limit {
    type Error = String;

    fn try_from(limit: u16) -> Result<Self, String> {
        match limit {
            1..=PAGE => Ok(Self(limit)),
            _ => Err(format!("{limit} is not a number from 1 to {PAGE}")),
        }
    }
}

/// The `before` of the page behind this one: the key of its last entry, if it is full.
pub(super) fn next(keys: impl ExactSizeIterator<Item = u64>, limit: Limit) -> Option<u64> {
    if keys.len() < limit.count() { None } else { keys.last() }
}
