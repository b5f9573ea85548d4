//! `POST /outbox/deliveries/{id}/…`, `POST /outbox/destinations/{name}/…`: what an operator decides. That it is an operator
//! who asks, and no page of another site, is decided by `access`.

use super::deliveries::{find, not_found, parse};
use crate::access::Caller;
use crate::api::catalog;
use crate::api::forms::body;
use crate::api::forms::query::{NoParameters, Query};
use crate::api::forms::text::Text;
use crate::problem::Problem;
use crate::program::Program;
use crate::state::State;
use ::catalog::{DeliveryId, DeliveryRow, DeliveryState, Error};
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// What became of a delivery.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DeliveryChanged {
    /// Its key.
    id: u64,
    /// What it is now: `waiting`, `parked` or `dropped`.
    state: String,
}

/// What became of a destination.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DestinationChanged {
    /// Its name.
    name: String,
    /// Whether it is paused now.
    paused: bool,
}

/// An empty object, or nothing at all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Nothing {}

/// Why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Why {
    /// Why, for whoever looks at the delivery later.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Text")]
    reason: Option<Text>,
}

/// A text that is there, so not null.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Text>, D::Error> {
    Text::deserialize(value).map(Some)
}

/// Who asks; without the guard around all routes, as in tests, nobody.
type Asker = Option<Extension<Caller>>;

/// Tries a delivery now.
pub(in crate::api) async fn retry(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
    caller: Asker,
    content: Bytes,
) -> Result<Json<DeliveryChanged>, Problem> {
    body::read::<Nothing>(&content)?;
    let change = Change {
        done: "retried",
        becomes: "waiting",
        of: &[DeliveryState::Waiting, DeliveryState::Parked, DeliveryState::Dropped],
        make: |program, id, _| program.retry(&[id]).map(|_| ()),
    };
    change.make(&state, &id, &caller, None).await
}

/// Parks a delivery.
pub(in crate::api) async fn park(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
    caller: Asker,
    content: Bytes,
) -> Result<Json<DeliveryChanged>, Problem> {
    let Why { reason } = body::read(&content)?;
    let change = Change {
        done: "parked",
        becomes: "parked",
        of: &[DeliveryState::Waiting],
        make: |program, id, reason| program.park(&[id], reason).map(|_| ()),
    };
    change.make(&state, &id, &caller, reason).await
}

/// Gives up a delivery.
pub(in crate::api) async fn give_up(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
    caller: Asker,
    content: Bytes,
) -> Result<Json<DeliveryChanged>, Problem> {
    let Why { reason } = body::read(&content)?;
    let change = Change {
        done: "dropped",
        becomes: "dropped",
        of: &[DeliveryState::Waiting, DeliveryState::Parked],
        make: |program, id, reason| program.drop_deliveries(&[id], reason),
    };
    change.make(&state, &id, &caller, reason).await
}

/// What can be done with a delivery.
struct Change {
    /// In the past tense.
    done: &'static str,
    /// The state that it comes to.
    becomes: &'static str,
    /// The states that it can be done in.
    of: &'static [DeliveryState],
    make: fn(&dyn Program, DeliveryId, &str) -> Result<(), Error>,
}

impl Change {
    async fn make(
        self,
        state: &State,
        id: &str,
        caller: &Asker,
        reason: Option<Text>,
    ) -> Result<Json<DeliveryChanged>, Problem> {
        let id = parse(id)?;
        let who = name(caller);
        let reason = match reason {
            Some(Text(reason)) => format!("{} by {who}: {reason}", self.done),
            None => format!("{} by {who}", self.done),
        };
        let Self { done, becomes, of, make } = self;
        let told = reason.clone();
        let ask = state.ask(move |program| {
            let Some(catalog) = program.catalog() else { return Err(catalog::missing()) };
            let found = find(&*catalog, id).map_err(|error| catalog::problem(&error))?;
            check(found.as_ref(), of, done)?;
            make(program, DeliveryId(id), &told).map_err(|error| catalog::problem(&error))?;
            // Whether it was under way by then, only the catalogue knows.
            find(&*catalog, id).map_err(|error| catalog::problem(&error))
        });
        let after = ask.await??;
        if becomes != "waiting" {
            let is = |state| after.as_ref().is_some_and(|row| row.state == state);
            let has_become = is(DeliveryState::Parked) || is(DeliveryState::Dropped);
            if !has_become {
                return Err(conflict("it is under way by now: try again"));
            }
        }
        tracing::info!("HTTP: delivery {id} was {reason}");
        Ok(Json(DeliveryChanged { id: id.unsigned_abs(), state: becomes.to_owned() }))
    }
}

fn check(found: Option<&DeliveryRow>, of: &[DeliveryState], done: &str) -> Result<(), Problem> {
    let row = found.ok_or_else(not_found)?;
    if of.contains(&row.state) {
        return Ok(());
    }
    let stands = match row.state {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Leased => "under way",
        DeliveryState::Done => "done",
        DeliveryState::Parked => "parked",
        DeliveryState::Dropped => "dropped",
    };
    Err(conflict(&format!("it is {stands}, so it cannot be {done}")))
}

fn conflict(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}

/// Pauses a destination.
pub(in crate::api) async fn pause(
    extract::State(state): extract::State<State>,
    Path(destination): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
    caller: Asker,
    content: Bytes,
) -> Result<Json<DestinationChanged>, Problem> {
    body::read::<Nothing>(&content)?;
    set_paused(&state, destination, true, &caller).await
}

/// Resumes a destination.
pub(in crate::api) async fn resume(
    extract::State(state): extract::State<State>,
    Path(destination): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
    caller: Asker,
    content: Bytes,
) -> Result<Json<DestinationChanged>, Problem> {
    body::read::<Nothing>(&content)?;
    set_paused(&state, destination, false, &caller).await
}

async fn set_paused(
    state: &State,
    destination: String,
    paused: bool,
    caller: &Asker,
) -> Result<Json<DestinationChanged>, Problem> {
    let name_of_it = destination.clone();
    let ask = state.ask(move |program| {
        if program.catalog().is_none() {
            return Err(catalog::missing());
        }
        if program.destinations().iter().all(|it| it.name != name_of_it) {
            let detail =
                "there is no destination of this name; /api/v1/outbox lists those that there are";
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        }
        program.pause(&name_of_it, paused).map_err(|error| catalog::problem(&error))
    });
    ask.await??;
    let what = if paused { "paused" } else { "resumed" };
    tracing::info!("HTTP: destination {destination:?} was {what} by {}", name(caller));
    Ok(Json(DestinationChanged { name: destination, paused }))
}

fn name(caller: &Asker) -> String {
    caller.as_ref().map_or_else(|| "an operator".to_owned(), |caller| caller.name.to_string())
}
