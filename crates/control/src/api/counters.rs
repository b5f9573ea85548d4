//! `GET /counters`: what has happened since the start, in numbers.

use super::forms::query::{NoParameters, Query};
use super::forms::time::Time;
use crate::monitor::Monitor;
use crate::problem::Problem;
use crate::state::State;
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::Serialize;

/// What has happened since the start. Numbers only grow.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    /// Since when is counted.
    since: Time,
    /// Associations.
    associations: AssociationCounts,
    /// Objects, that is C-STORE requests.
    objects: ObjectCounts,
    /// What was refused.
    refused: RefusalCounts,
}

/// Associations, in numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AssociationCounts {
    /// Those that were accepted.
    accepted: u64,
    /// Those that their peer has released.
    released: u64,
    /// Those that their peer has aborted.
    aborted_by_peer: u64,
    /// Those whose connection was closed without a release, or broke.
    connection_lost: u64,
    /// Those whose peer was silent for too long.
    timed_out: u64,
    /// Those whose peer broke a rule of the protocol.
    faults: u64,
    /// Those that ended otherwise: the receiver was stopped, or aborted them on purpose.
    others: u64,
}

/// Objects, in numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ObjectCounts {
    /// Those that were stored, or received to be dropped.
    stored: u64,
    /// Those whose data set did not come to its end.
    broken_off: u64,
    /// Things that were wrong with objects that were stored all the same, as the settings allow.
    tolerated: u64,
    /// Bytes of data sets that have come.
    bytes: u64,
}

/// What was refused, in numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RefusalCounts {
    /// Connections.
    connections: u64,
    /// Associations.
    associations: u64,
    /// Associations that were accepted without some of the SOP classes that were proposed.
    classes: u64,
    /// Requests that name no object.
    requests: u64,
    /// Objects.
    objects: u64,
}

/// The answer.
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Counters>, Problem> {
    Ok(Json(counters(&state.monitor)))
}

fn counters(monitor: &Monitor) -> Counters {
    let totals = monitor.totals();
    Counters {
        since: Time(monitor.since()),
        associations: AssociationCounts {
            accepted: totals.accepted.value(),
            released: totals.released.value(),
            aborted_by_peer: totals.aborted_by_peer.value(),
            connection_lost: totals.connection_lost.value(),
            timed_out: totals.timed_out.value(),
            faults: totals.faults.value(),
            others: totals.other_ends.value(),
        },
        objects: ObjectCounts {
            stored: totals.objects_stored.value(),
            broken_off: totals.objects_broken_off.value(),
            tolerated: totals.objects_tolerated.value(),
            bytes: totals.bytes.value(),
        },
        refused: RefusalCounts {
            connections: totals.connections_refused.value(),
            associations: totals.associations_refused.value(),
            classes: totals.classes_refused.value(),
            requests: totals.requests_refused.value(),
            objects: totals.objects_refused.value(),
        },
    }
}
