//! The JSON API under `/api/v1`: what the receiver is doing, has done and refused, and its settings.
//!
//! [`routes`] is the list of all resources, from which the router and the OpenAPI document are made. Each resource has a
//! file of its own with the types of its answers: their fields and comments are those of the document and of
//! `docs/api.md`.

mod associations;
mod catalog;
mod counters;
mod forms;
mod openapi;
mod outbox;
mod refusals;
mod route;
mod routes;
mod settings;
mod status;
mod studies;
#[cfg(test)]
mod tests;

use crate::problem::Problem;
use crate::state::State;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn;
use route::PREFIX;

/// The resources of the API beneath `/api/v1`; whatever else is asked for beneath it is answered with a [`Problem`].
pub(crate) fn router(state: State) -> Router {
    let mut resources = Router::new();
    for route in routes::ROUTES {
        resources = resources.route(route.path, (route.handler)());
    }
    let resources = resources
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(forms::negotiation::accepts_json))
        .with_state(state);
    Router::new().nest(PREFIX, resources)
}

async fn not_found(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let detail =
        format!("there is nothing at {PREFIX}{path}; {PREFIX}/openapi.json lists what there is");
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let detail = format!("{method} is not possible at {PREFIX}{path}; Allow says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
