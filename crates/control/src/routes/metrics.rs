//! `/metrics`: for Prometheus and whatever reads its formats.

use crate::metrics::Answer;
use crate::problem::Problem;
use crate::state::State;
use axum::extract;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use std::sync::Arc;

/// The metrics, in the format that is asked for.
///
/// # Errors
/// 503 if the program does not answer.
pub(super) async fn read(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    // Several lines of a header are one list.
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let accept = accept.collect::<Vec<_>>().join(",");
    let monitor = Arc::clone(&state.monitor);
    let Answer { content_type, text } =
        state.ask(move |program| monitor.metrics().answer(program, Some(&accept))).await?;
    Ok(([(header::CONTENT_TYPE, content_type)], text))
}
