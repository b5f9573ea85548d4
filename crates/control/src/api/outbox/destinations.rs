//! `GET /outbox`: the destinations, and how much is owed to each.

use crate::api::catalog;
use crate::api::forms::query::{NoParameters, Query};
use crate::api::forms::time::Time;
use crate::problem::Problem;
use crate::program::{DELIVERY_FAILURES, DestinationStatus, Outage};
use crate::state::State;
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The destinations.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Destinations {
    /// Those of the settings, in their order, then others that something is owed to.
    destinations: Vec<Destination>,
}

/// A destination. Its counts are since the start of the program, but for those of what waits and is parked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Destination {
    /// Its name in the settings.
    name: String,
    /// `exec`, `worker`, `webhook`, `dicom`, `folder`; `unknown` if the settings do not have it any more.
    kind: String,
    /// Deliveries that wait or are under way, as they were counted a second or so ago.
    waiting: u64,
    /// Bytes of their objects.
    waiting_bytes: u64,
    /// When the oldest of them was made; null if there is none.
    oldest: Option<Time>,
    /// Deliveries that are parked: an operator has to retry or drop them.
    parked: u64,
    /// Whether an operator has paused it.
    paused: bool,
    /// Whether too much waits for it, so that associations whose rule names it are rejected.
    over_bounds: bool,
    /// Deliveries that are under way.
    under_way: u64,
    /// Attempts that were made.
    attempts: u64,
    /// Deliveries that were done.
    delivered: u64,
    /// Bytes of their objects.
    delivered_bytes: u64,
    /// Attempts that failed: tried again (`again`), since it was not there (`unreachable`), parked since it says so
    /// (`parked`), parked after the last attempt (`exhausted`), parked since the file is gone (`missing`), or by a mistake
    /// of this program (`panicked`).
    failures: BTreeMap<String, u64>,
    /// Why it is tried with one delivery at a time for now; null if it is there, as far as is known.
    outage: Option<DestinationOutage>,
}

/// A destination is not there.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DestinationOutage {
    /// Since when.
    since: Time,
    /// What the last attempt said.
    reason: String,
    /// When it is tried next, or was tried.
    next: Time,
}

impl Destination {
    fn new(status: DestinationStatus) -> Self {
        let failures = DELIVERY_FAILURES.iter().zip(status.failures);
        Self {
            name: status.name,
            kind: status.kind.to_owned(),
            waiting: status.waiting,
            waiting_bytes: status.waiting_bytes,
            oldest: status.oldest.map(Time),
            parked: status.parked,
            paused: status.paused,
            over_bounds: status.over_bounds,
            under_way: status.under_way,
            attempts: status.attempts,
            delivered: status.delivered,
            delivered_bytes: status.delivered_bytes,
            failures: failures.map(|(name, count)| ((*name).to_owned(), count)).collect(),
            outage: status.outage.map(|Outage { since, reason, next }| DestinationOutage {
                since: Time(since),
                reason,
                next: Time(next),
            }),
        }
    }
}

/// The answer.
pub(in crate::api) async fn get(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Destinations>, Problem> {
    let ask = state.ask(|program| program.catalog().is_some().then(|| program.destinations()));
    let found = ask.await?.ok_or_else(catalog::missing)?;
    Ok(Json(Destinations { destinations: found.into_iter().map(Destination::new).collect() }))
}
