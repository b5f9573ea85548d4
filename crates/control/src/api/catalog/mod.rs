//! `GET /catalog/…`: what was received, as the catalogue has it. These answers have patient data.

pub(super) mod statistics;
pub(super) mod studies;
pub(super) mod study;

use super::forms::query::Key;
use crate::problem::Problem;
use crate::state::State;
use ::catalog::{Catalog, Error, Page};
use axum::http::StatusCode;
use std::time::Duration;

/// Asks the catalogue something.
///
/// # Errors
/// 404 if there is none, 503 if it is unavailable, 500 if it fails otherwise.
pub(super) async fn ask<T: Send + 'static>(
    state: &State,
    question: impl FnOnce(&dyn Catalog) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let answer = state.ask(|program| program.catalog().map(|catalog| question(&*catalog)));
    match answer.await? {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(problem(&error)),
        None => Err(missing()),
    }
}

/// What is answered if there is no catalogue.
pub(super) fn missing() -> Problem {
    let detail = "there is no catalogue: it takes [catalog] or a [[destination]] in the settings, and a restart";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// How a failure of the catalogue is answered. The log has the rest: it may quote data.
pub(super) fn problem(error: &Error) -> Problem {
    match error {
        Error::Unavailable(_) | Error::Damaged { .. } => {
            tracing::warn!("HTTP: {error}");
            let detail =
                "the catalogue is unavailable; objects are received all the same. The log says why";
            Problem::unavailable(detail).retry_after(Duration::from_secs(5))
        }
        _ => {
            tracing::error!("HTTP: {error}");
            Problem::internal()
        }
    }
}

/// A page behind the entry with this key.
pub(super) fn page(after: Option<Key>, most: usize) -> Page {
    Page { after: after.map(|Key(key)| i64::try_from(key).unwrap_or(i64::MAX)), most }
}

/// The `after` of the page behind this one: the key of its last entry, if it is full.
pub(super) fn next(keys: impl ExactSizeIterator<Item = i64>, most: usize) -> Option<u64> {
    let is_full = keys.len() >= most;
    keys.last().filter(|_| is_full).and_then(|key| u64::try_from(key).ok())
}
