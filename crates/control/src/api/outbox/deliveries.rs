//! `GET /outbox/deliveries`, `GET /outbox/deliveries/{id}`: what is owed.

use crate::api::catalog;
use crate::api::forms::query::{Key, Limit, NoParameters, Query};
use crate::api::forms::text::Text;
use crate::api::forms::time::Time;
use crate::monitor::text::is_plain_uid;
use crate::problem::Problem;
use crate::state::State;
use ::catalog::{
    Catalog, DeliveryFilter, DeliveryRow, DeliveryState as Stands, Error, EventKind, Page,
};
use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of deliveries, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Deliveries {
    /// The deliveries.
    deliveries: Vec<Delivery>,
    /// The value of `after` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// A delivery: what one destination is owed for one event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Delivery {
    /// Its key. Later ones have greater keys.
    id: u64,
    /// The destination.
    destination: String,
    /// Where it stands.
    state: DeliveryState,
    /// What happened.
    event: DeliveryEvent,
    /// The key of the event: the `id` that the destination gets.
    event_id: String,
    /// The study that it is about; null if its UID has characters other than digits and dots.
    study_instance_uid: Option<String>,
    /// The object that it is about; null likewise.
    sop_instance_uid: Option<String>,
    /// Bytes of the object.
    size: u64,
    /// How often it was tried.
    attempts: u32,
    /// When it was made.
    since: Time,
    /// When it is tried again, at the earliest; of one that is leased, when that runs out; of others, when they came to
    /// this state.
    at: Time,
    /// Why the last attempt failed, or it was parked or dropped. It may quote whatever a server sent, escaped.
    reason: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum DeliveryState {
    /// It waits, until its time has come or its destination is ready.
    Waiting,
    /// It is under way.
    Leased,
    /// It was delivered.
    Done,
    /// It cannot succeed by waiting: an operator decides.
    Parked,
    /// An operator has given it up.
    Dropped,
}

/// What happened.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum DeliveryEvent {
    /// An object was stored.
    ObjectStored,
    /// A study has ended.
    StudyEnded,
    /// A study has ended again, after objects that came late.
    StudyUpdated,
    /// An association has ended.
    AssociationEnded,
    /// An object, an association or a connection was refused.
    Refused,
}

impl Delivery {
    fn new(row: DeliveryRow) -> Self {
        Self {
            id: u64::try_from(row.id.0).unwrap_or_default(),
            destination: row.destination,
            state: DeliveryState::of(row.state),
            event: match row.event {
                EventKind::ObjectStored => DeliveryEvent::ObjectStored,
                EventKind::StudyEnded => DeliveryEvent::StudyEnded,
                EventKind::StudyUpdated => DeliveryEvent::StudyUpdated,
                EventKind::AssociationEnded => DeliveryEvent::AssociationEnded,
                EventKind::Refused => DeliveryEvent::Refused,
            },
            event_id: row.event_key,
            study_instance_uid: row.study.filter(|uid| is_plain_uid(uid)),
            sop_instance_uid: row.sop_instance.filter(|uid| is_plain_uid(uid)),
            size: row.size,
            attempts: row.attempts,
            since: Time(row.since),
            at: Time(row.at),
            reason: row.reason,
        }
    }
}

impl DeliveryState {
    fn of(state: Stands) -> Self {
        match state {
            Stands::Waiting => Self::Waiting,
            Stands::Leased => Self::Leased,
            Stands::Done => Self::Done,
            Stands::Parked => Self::Parked,
            Stands::Dropped => Self::Dropped,
        }
    }

    fn in_catalog(self) -> Stands {
        match self {
            Self::Waiting => Stands::Waiting,
            Self::Leased => Stands::Leased,
            Self::Done => Stands::Done,
            Self::Parked => Stands::Parked,
            Self::Dropped => Stands::Dropped,
        }
    }
}

/// Which deliveries are wanted: those that match all of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    limit: Limit,
    /// Only entries behind the one with this key. `next` of the page before has it.
    #[schemars(with = "Key")]
    after: Option<Key>,
    /// Of this destination.
    #[schemars(with = "Text")]
    destination: Option<Text>,
    /// In this state; without it, all but those that are done or dropped.
    #[schemars(with = "DeliveryState")]
    state: Option<DeliveryState>,
    /// For objects or the end of this study.
    #[schemars(with = "Text")]
    study_instance_uid: Option<Text>,
    /// For this object.
    #[schemars(with = "Text")]
    sop_instance_uid: Option<Text>,
}

/// The answer.
pub(in crate::api) async fn get(
    extract::State(state): extract::State<State>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Deliveries>, Problem> {
    let most = wanted.limit.count();
    let page = catalog::page(wanted.after, most);
    let text = |text: Option<Text>| text.map(|Text(text)| text);
    let filter = DeliveryFilter {
        destination: text(wanted.destination),
        state: wanted.state.map(DeliveryState::in_catalog),
        study: text(wanted.study_instance_uid),
        sop_instance: text(wanted.sop_instance_uid),
    };
    let rows = catalog::ask(&state, move |catalog| catalog.deliveries(&filter, page)).await?;
    let next = catalog::next(rows.iter().map(|row| row.id.0), most);
    Ok(Json(Deliveries { deliveries: rows.into_iter().map(Delivery::new).collect(), next }))
}

/// The answer about one.
pub(in crate::api) async fn one(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Delivery>, Problem> {
    let id = parse(&id)?;
    let row = catalog::ask(&state, move |catalog| find(catalog, id)).await?;
    row.map(|row| Json(Delivery::new(row))).ok_or_else(not_found)
}

/// What is answered about a delivery that there is not.
pub(super) fn not_found() -> Problem {
    let detail =
        "there is no delivery of this number, or it was done so long ago that it is forgotten";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// The key of a delivery, in a path.
pub(super) fn parse(id: &str) -> Result<i64, Problem> {
    id.parse().ok().filter(|id| *id >= 0).ok_or_else(not_found)
}

/// A delivery by its key.
pub(super) fn find(catalog: &dyn Catalog, id: i64) -> Result<Option<DeliveryRow>, Error> {
    let page = Page { after: Some(id.saturating_sub(1)), most: 1 };
    for state in [None, Some(Stands::Done), Some(Stands::Dropped)] {
        let filter = DeliveryFilter { state, ..DeliveryFilter::default() };
        let found = catalog.deliveries(&filter, page)?.into_iter().find(|row| row.id.0 == id);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
