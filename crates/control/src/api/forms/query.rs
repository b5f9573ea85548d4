//! Query parameters: only those that a resource knows, each once, and pages of lists.

use crate::limits::{DEFAULT_PAGE, PAGE};
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Query parameters as `T` has them; `T` refuses unknown ones.
pub(in crate::api) struct Query<T>(pub(in crate::api) T);

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
pub(in crate::api) struct NoParameters {}

/// A page of a list.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Page {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    pub(in crate::api) limit: Limit,
    /// Only entries that are older: with keys less than this. `next` of the page before has it.
    #[schemars(with = "Key")]
    pub(in crate::api) before: Option<Key>,
}

/// The key of an entry: a number that all clients can count to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub(in crate::api) struct Key(pub(in crate::api) u64);

impl Key {
    const LARGEST: u64 = (1 << 53) - 1;
}

impl TryFrom<u64> for Key {
    type Error = String;

    fn try_from(key: u64) -> Result<Self, String> {
        match key {
            0..=Self::LARGEST => Ok(Self(key)),
            _ => Err(format!("{key} is not a number up to {}", Self::LARGEST)),
        }
    }
}

impl JsonSchema for Key {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": Self::LARGEST })
    }
}

/// How many entries.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub(in crate::api) struct Limit(u16);

impl Limit {
    pub(in crate::api) fn count(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_PAGE)
    }
}

impl TryFrom<u64> for Limit {
    type Error = String;

    fn try_from(limit: u64) -> Result<Self, String> {
        match u16::try_from(limit) {
            Ok(limit @ 1..=PAGE) => Ok(Self(limit)),
            _ => Err(format!("{limit} is not a number from 1 to {PAGE}")),
        }
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": PAGE })
    }
}

/// The `before` of the page behind this one: the key of its last entry, if it is full.
pub(in crate::api) fn next(keys: impl ExactSizeIterator<Item = u64>, limit: Limit) -> Option<u64> {
    if keys.len() < limit.count() { None } else { keys.last() }
}
