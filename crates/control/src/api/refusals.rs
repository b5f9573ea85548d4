//! `GET /refusals`: what was refused, why, and what to do.

use super::forms::query::{Key, Limit, Query, next};
use super::forms::time::Time;
use crate::monitor::{Entry, Refusal as Noted, What as NotedWhat, text};
use crate::problem::Problem;
use crate::state::State;
use axum::Json;
use axum::extract;
use dataset::uid_names;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of refusals, the latest first; the last 10,000 are kept.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusals {
    /// The refusals.
    refusals: Vec<Refusal>,
    /// The value of `before` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    /// Grows from refusal to refusal, with gaps.
    key: u64,
    /// When it was refused.
    at: Time,
    /// What was refused.
    what: What,
    /// Where the peer connected from.
    address: String,
    /// Calling AE title; null if the peer had named none. Characters that cannot be shown are `\x1b`, a backslash is
    /// `\x5c`.
    calling_ae_title: Option<String>,
    /// Called AE title, likewise.
    called_ae_title: Option<String>,
    /// The number of the association, which the log has too; null if there was none.
    association: Option<u64>,
    /// What a peer was told whose association was rejected.
    rejection: Option<Rejection>,
    /// What a peer was told whose request or object was refused.
    status: Option<DimseStatus>,
    /// The SOP class of the object; null if it has characters other than digits and dots.
    sop_class_uid: Option<String>,
    /// Its name.
    sop_class: Option<String>,
    /// The object, likewise.
    sop_instance_uid: Option<String>,
    /// Why it was refused.
    reason: String,
    /// What an operator can do, if something is known to help.
    hint: Option<String>,
}

/// What can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum What {
    /// A connection, before an association was proposed.
    Connection,
    /// An association.
    Association,
    /// SOP classes that were proposed for an association that was accepted without them.
    Classes,
    /// A request that names no object.
    Request,
    /// An object.
    Object,
}

/// An A-ASSOCIATE-RJ (PS3.8 §9.3.4).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Rejection {
    /// 1: permanent; 2: transient.
    result: u8,
    /// 1: service user; 2 and 3: service provider.
    source: u8,
    /// Depends on the source.
    reason: u8,
    /// All of it in words.
    meaning: String,
}

/// A status of a response (PS3.7 Annex C, PS3.4 §B.2.3).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DimseStatus {
    /// In hexadecimal.
    #[schemars(regex(pattern = "^[0-9A-F]{4}H$"))]
    code: String,
    /// In words.
    meaning: String,
}

/// Which refusals are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How many entries there are at most: 100 unless this says otherwise.
    #[serde(default)]
    limit: Limit,
    /// Only entries that are older: with keys less than this. `next` of the page before has it.
    #[schemars(with = "Key")]
    before: Option<Key>,
    /// Only refusals of this kind.
    #[schemars(with = "What")]
    what: Option<What>,
}

/// The answer.
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Query(Wanted { limit, before, what }): Query<Wanted>,
) -> Result<Json<Refusals>, Problem> {
    let is_wanted = |noted: &Noted| what.is_none_or(|what| what == What::of(&noted.what));
    let noted = state.monitor.refusals(before.map(|Key(key)| key), limit.count(), is_wanted);
    let next = next(noted.iter().map(|entry| entry.key), limit);
    Ok(Json(Refusals { refusals: noted.iter().map(Refusal::new).collect(), next }))
}

impl Refusal {
    fn new(entry: &Entry<Noted>) -> Self {
        let noted = &entry.value;
        let (mut rejection, mut status, mut object) = (None, None, None);
        match &noted.what {
            NotedWhat::Connection | NotedWhat::Classes => {}
            NotedWhat::Association(told) => rejection = Some(Rejection::new(*told)),
            NotedWhat::Request(told) => status = Some(DimseStatus::new(*told)),
            NotedWhat::Object { class, instance, status: told } => {
                status = Some(DimseStatus::new(*told));
                object = Some((class, instance));
            }
        }
        let class = object.and_then(|(class, _)| text::uid(class));
        Self {
            key: entry.key,
            at: Time(noted.at),
            what: What::of(&noted.what),
            address: noted.address.to_string(),
            calling_ae_title: noted.titles.map(|titles| text::title(&titles.calling)),
            called_ae_title: noted.titles.map(|titles| text::title(&titles.called)),
            association: noted.association,
            rejection,
            status,
            sop_class: class.as_deref().and_then(uid_names::name_of).map(str::to_owned),
            sop_class_uid: class,
            sop_instance_uid: object.and_then(|(_, instance)| text::uid(instance)),
            reason: noted.reason.to_string(),
            hint: noted.hint.as_deref().map(str::to_owned),
        }
    }
}

impl What {
    fn of(noted: &NotedWhat) -> Self {
        match noted {
            NotedWhat::Connection => Self::Connection,
            NotedWhat::Association(_) => Self::Association,
            NotedWhat::Classes => Self::Classes,
            NotedWhat::Request(_) => Self::Request,
            NotedWhat::Object { .. } => Self::Object,
        }
    }
}

impl Rejection {
    fn new(told: proto::Rejection) -> Self {
        let proto::Rejection { result, source, reason } = told;
        Self { result, source, reason, meaning: told.to_string() }
    }
}

impl DimseStatus {
    pub(super) fn new(told: proto::Status) -> Self {
        Self { code: told.to_string(), meaning: told.meaning().to_owned() }
    }
}
