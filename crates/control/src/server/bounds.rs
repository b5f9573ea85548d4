//! Bounds of each request: how long it may take, how long its body may be, how many there are at a time.

use super::answers::Answers;
use super::connections::Activity;
use crate::access::{self, Access};
use crate::limits::{BODY_BYTES, BODY_TIMEOUT, QUEUE_TIMEOUT, REQUEST_TIMEOUT, REQUESTS_AT_ONCE};
use crate::problem::Problem;
use crate::routes;
use crate::state::State;
use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{self, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// All routes with what is around them, from the outside to the inside: headers, time, access, body, requests at a
/// time.
pub(super) fn around(state: State, access: Arc<Access>) -> Router {
    let turns = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
    routes::router(state)
        .layer(from_fn_with_state((turns, Answers::new()), one_of_few))
        .layer(from_fn(with_body))
        .layer(from_fn_with_state(access, access::guard))
        .layer(from_fn(in_time))
        .layer(map_response(access::protect))
}

async fn in_time(request: Request, next: Next) -> Response {
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("there is no answer within {} s", REQUEST_TIMEOUT.as_secs());
            Problem::unavailable(detail).into_response()
        }
    }
}

/// Reads the whole body first, so that no route waits for a client.
async fn with_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let refusal = |status, detail: String| {
        // What follows is not read.
        let close = [(axum::http::header::CONNECTION, "close")];
        (close, Problem::new(status, detail)).into_response()
    };
    let too_long = || {
        let detail = format!("the body has more than {BODY_BYTES} bytes, or is malformed");
        refusal(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return too_long();
    }
    let body = match timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_long(),
        Err(_) => {
            let detail = format!("the body has not come within {} s", BODY_TIMEOUT.as_secs());
            return refusal(StatusCode::REQUEST_TIMEOUT, detail);
        }
    };
    next.run(Request::from_parts(head, Body::from(body))).await
}

async fn one_of_few(
    extract::State((turns, answers)): extract::State<(Arc<Semaphore>, Answers)>,
    request: Request,
    next: Next,
) -> Response {
    let _working = request.extensions().get::<Activity>().map(Activity::work);
    match timeout(QUEUE_TIMEOUT, turns.acquire()).await {
        Ok(Ok(_turn)) => answers.bounded(next.run(request).await).await,
        _ => {
            let detail = format!("{REQUESTS_AT_ONCE} requests are in progress; try again");
            Problem::unavailable(detail).into_response()
        }
    }
}
