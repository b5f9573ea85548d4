//! The JSON API under `/api/v1`: what the receiver is doing, has done and refused, and its settings.
//!
//! [`routes`] is the list of all resources, from which the router and the OpenAPI document are made. Each resource has a
//! file of its own with the types of its answers, whose fields are also the document's and that of `docs/api.md`.

mod associations;
mod counters;
mod negotiation;
mod openapi;
mod problem;
mod query;
mod refusals;
mod routes;
mod settings;
mod status;
mod studies;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use problem::Problem;

use crate::limits::QUESTIONS_AT_ONCE;
use crate::monitor::Monitor;
use crate::program::Program;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Where the API is.
pub(crate) const PREFIX: &str = "/api/v1";

/// The resources of the API, with [`PREFIX`] before their paths; anything else beneath it is answered with a
/// [`Problem`].
pub(crate) fn router(monitor: Arc<Monitor>, program: Arc<dyn Program>) -> Router {
    let questions = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
    let shared = Shared { monitor, program, questions };
    let mut resources = Router::new();
    for route in routes::ROUTES {
        resources = resources.route(route.path, (route.handler)());
    }
    let resources = resources
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(negotiation::accepts_json))
        .with_state(shared);
    Router::new().nest(PREFIX, resources)
}

/// What the resources are made from.
#[derive(Clone)]
struct Shared {
    monitor: Arc<Monitor>,
    program: Arc<dyn Program>,
    questions: Arc<Semaphore>,
}

impl Shared {
    /// Asks in a thread that may wait, for a disk for instance; few at a time, whatever clients ask.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Monitor, &dyn Program) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.questions).acquire_owned().await;
        let permit = permit.map_err(|_| Problem::internal())?;
        let (monitor, program) = (Arc::clone(&self.monitor), Arc::clone(&self.program));
        let ask = move || {
            let answer = question(&monitor, &*program);
            drop(permit);
            answer
        };
        tokio::task::spawn_blocking(ask).await.map_err(|_| Problem::internal())
    }
}

async fn not_found(uri: Uri) -> Problem {
    let detail = format!("there is no {}{}; see {PREFIX}/openapi.json", PREFIX, uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail =
        format!("{method} is not possible for {}{}; see the field Allow", PREFIX, uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
