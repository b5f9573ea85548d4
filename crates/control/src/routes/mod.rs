//! The routes, as one list; each resource has a file of its own.

mod health;
mod metrics;

use crate::api;
use crate::problem::Problem;
use crate::state::State;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::get;

/// Every route, from top to bottom. Requests that come here are allowed: `access` is around this, as are the bounds
/// of `server`. HEAD goes with GET. A body is there whole. What asks the program goes through [`State::ask`]; who
/// asks is an `Extension<Caller>`.
pub(crate) fn router(state: State) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::read))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .with_state(state.clone())
        .merge(api::router(state))
}

/// What there is.
async fn index() -> &'static str {
    "storescp

/livez    200 while connections are accepted
/readyz   200 while objects are taken, else 503 and why
/metrics  for Prometheus
/api/v1   JSON: /api/v1/openapi.json describes it
"
}

async fn not_found(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {path}; / lists what there is"),
    )
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!("{method} is not possible here; Allow says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
