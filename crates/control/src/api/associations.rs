//! `GET /associations`, `/associations/recent`, `/associations/{number}`: who sends, and who has sent.

use super::forms::query::{Key, NoParameters, Page, Query, next};
use super::forms::time::Time;
use super::refusals::DimseStatus;
use super::status::seconds_since;
use crate::monitor::{self, Entry, Facts, Monitor, Progress, text};
use crate::problem::Problem;
use crate::state::State;
use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use dataset::{Uid, uid_names};
use proto::ContextResult;
use receiver::{AssociationEnd, Peer};
use schemars::JsonSchema;
use serde::Serialize;

/// A page of the associations that are being served, the latest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveAssociations {
    /// How many there are on all pages.
    total: u64,
    /// The associations.
    associations: Vec<Association>,
    /// The value of `before` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// A page of the associations that have ended, the latest first; the last 1,000 are kept.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndedAssociations {
    /// The associations.
    associations: Vec<Association>,
    /// The value of `before` for the next page; null if this is the last one.
    next: Option<u64>,
}

/// An association with its presentation contexts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssociationDetails {
    /// The association.
    association: Association,
    /// The presentation contexts that were proposed, in the order proposed.
    presentation_contexts: Vec<PresentationContext>,
    /// How many are missing, since only so many are kept.
    presentation_contexts_left_out: u64,
}

/// An association.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Association {
    /// Its number, which the log has too.
    number: u64,
    /// What it is doing.
    state: Activity,
    /// Calling AE title, as the peer named itself. Characters that cannot be shown are `\x1b`, a backslash is `\x5c`.
    calling_ae_title: String,
    /// Called AE title, likewise.
    called_ae_title: String,
    /// Where the peer connected from.
    address: String,
    /// The rule of the settings that decided how it is treated; null if none did.
    rule: Option<String>,
    /// What TLS agreed on; null without TLS.
    tls: Option<Tls>,
    /// Implementation class UID of the peer, if it named one of digits and dots.
    implementation_class_uid: Option<String>,
    /// Implementation version name of the peer.
    implementation_version_name: Option<String>,
    /// The longest PDU that the peer takes, in bytes; 0 for any length, null if unknown.
    max_pdu_bytes: Option<u32>,
    /// When it was accepted.
    since: Option<Time>,
    /// For how long it has been served; of one that has ended, from the connection to its end.
    duration_seconds: f64,
    /// When something last came from the peer; null once it has ended.
    last_activity: Option<Time>,
    /// Objects that were stored, or received to be dropped.
    objects_stored: u64,
    /// Objects that were refused.
    objects_refused: u64,
    /// Requests that were refused and named no object.
    requests_refused: u64,
    /// Bytes of data sets that have come.
    bytes: u64,
    /// How it ended; null while it is served.
    ended: Option<Ended>,
}

/// What an association is doing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Activity {
    /// It is waiting for the peer.
    Idle,
    /// A data set is coming in.
    Receiving,
    /// It has ended.
    Ended,
}

/// What TLS agreed on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Tls {
    /// Such as `TLSv1.3`.
    version: String,
    /// The cipher suite by OpenSSL's name.
    cipher_suite: String,
}

/// How an association ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Ended {
    /// Grows from one that ends to the next, with gaps: see `before`.
    key: u64,
    /// When it ended.
    at: Time,
    /// How it ended.
    how: How,
    /// More of that, in words.
    reason: String,
    /// Objects whose data set did not come to its end.
    objects_broken_off: u64,
    /// How many objects were refused with which status.
    statuses: Vec<StatusCount>,
    /// How many were refused with statuses that are not listed.
    other_statuses: u64,
}

/// How associations end.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum How {
    /// The peer released it.
    Released,
    /// The peer aborted it.
    AbortedByPeer,
    /// The receiver aborted it, since the peer broke a rule of the protocol.
    Fault,
    /// The connection was closed without a release, or broke.
    ConnectionLost,
    /// The peer was silent for too long.
    TimedOut,
    /// The receiver was stopped.
    Stopped,
    /// The receiver aborted it on purpose, or by an internal error.
    Other,
}

/// How many objects were refused with a status.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StatusCount {
    /// The status.
    status: DimseStatus,
    /// How many.
    count: u64,
}

/// A presentation context (PS3.8 §9.3.2.2).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PresentationContext {
    /// Its ID.
    id: u8,
    /// The answer.
    result: Answer,
    /// The abstract syntax, that is the SOP class; null if the peer named none that is a UID.
    abstract_syntax: Option<NamedUid>,
    /// The transfer syntax that was accepted.
    accepted: Option<NamedUid>,
    /// The transfer syntaxes that were proposed.
    proposed: Vec<NamedUid>,
    /// How many others were proposed.
    others_proposed: u64,
}

/// The answer to a presentation context (PS3.8 Table 9-18).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Answer {
    /// It is accepted.
    Accepted,
    /// User rejection.
    UserRejection,
    /// Provider rejection, no reason: mostly for the role.
    ProviderRejection,
    /// The SOP class is not supported.
    AbstractSyntaxNotSupported,
    /// None of its transfer syntaxes is supported.
    TransferSyntaxesNotSupported,
}

/// A UID with its name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamedUid {
    /// The UID; null if it has characters other than digits and dots.
    uid: Option<String>,
    /// Its name, if it is a registered one.
    name: Option<String>,
}

/// Those that are being served.
pub(super) async fn live(
    extract::State(state): extract::State<State>,
    Query(Page { limit, before }): Query<Page>,
) -> Result<Json<LiveAssociations>, Problem> {
    let (total, live) =
        (state.monitor.live_count(), state.monitor.live(before.map(|Key(key)| key), limit.count()));
    let associations = live.iter().map(|(facts, progress)| Association::live(facts, *progress));
    let next = next(live.iter().map(|(facts, _)| facts.peer.association), limit);
    Ok(Json(LiveAssociations { total: total as u64, associations: associations.collect(), next }))
}

/// Those that have ended.
pub(super) async fn recent(
    extract::State(state): extract::State<State>,
    Query(Page { limit, before }): Query<Page>,
) -> Result<Json<EndedAssociations>, Problem> {
    let ended = state.monitor.ended(before.map(|Key(key)| key), limit.count());
    let next = next(ended.iter().map(|entry| entry.key), limit);
    Ok(Json(EndedAssociations {
        associations: ended.iter().map(Association::ended).collect(),
        next,
    }))
}

/// One of them.
pub(super) async fn one(
    extract::State(state): extract::State<State>,
    Path(number): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<AssociationDetails>, Problem> {
    let not_found = || {
        let detail =
            "no association of this number is being served or among the last that have ended";
        Problem::new(StatusCode::NOT_FOUND, detail)
    };
    let number: u64 = number.parse().map_err(|_| not_found())?;
    AssociationDetails::find(&state.monitor, number).map(Json).ok_or_else(not_found)
}

impl AssociationDetails {
    fn find(monitor: &Monitor, number: u64) -> Option<Self> {
        if let Some((facts, progress)) = monitor.live_association(number) {
            return Some(Self::new(Association::live(&facts, progress), Some(&facts)));
        }
        let ended = monitor.ended_association(number)?;
        Some(Self::new(Association::ended(&ended), ended.value.facts.as_deref()))
    }

    fn new(association: Association, facts: Option<&Facts>) -> Self {
        let contexts = facts.map(|facts| &facts.contexts);
        let shown = contexts.into_iter().flat_map(|it| it.iter().map(PresentationContext::from));
        Self {
            association,
            presentation_contexts: shown.collect(),
            presentation_contexts_left_out: contexts.map_or(0, |it| u64::from(it.left_out())),
        }
    }
}

impl Association {
    fn live(facts: &Facts, progress: Progress) -> Self {
        Self {
            state: if progress.is_receiving { Activity::Receiving } else { Activity::Idle },
            duration_seconds: seconds_since(facts.since),
            last_activity: Some(Time(progress.last_activity)),
            objects_stored: progress.objects,
            objects_refused: progress.objects_refused,
            requests_refused: progress.requests_refused,
            bytes: progress.bytes,
            ..Self::begun(&facts.peer, Some(facts))
        }
    }

    fn ended(entry: &Entry<monitor::Ended>) -> Self {
        let monitor::Ended { facts, summary, requests_refused, .. } = &*entry.value;
        Self {
            duration_seconds: summary.duration.as_secs_f64(),
            objects_stored: summary.objects,
            objects_refused: summary.refused.total(),
            requests_refused: *requests_refused,
            bytes: summary.bytes,
            ended: Some(Ended::new(entry)),
            ..Self::begun(&summary.peer, facts.as_deref())
        }
    }

    /// With what is known from the beginning on.
    fn begun(peer: &Peer, facts: Option<&Facts>) -> Self {
        let tls = facts.and_then(|facts| facts.tls).map(|tls| Tls {
            version: tls.version.to_owned(),
            cipher_suite: tls.cipher_suite.to_owned(),
        });
        let class_uid = facts.and_then(|facts| facts.implementation_class_uid);
        let version_name = facts.and_then(|facts| facts.implementation_version_name.as_deref());
        Self {
            number: peer.association,
            state: Activity::Ended,
            calling_ae_title: text::title(&peer.calling_ae),
            called_ae_title: text::title(&peer.called_ae),
            address: peer.address.to_canonical().to_string(),
            rule: facts.and_then(|facts| facts.rule.as_deref()).map(str::to_owned),
            tls,
            implementation_class_uid: class_uid.as_ref().and_then(text::uid),
            implementation_version_name: version_name.map(str::to_owned),
            max_pdu_bytes: facts.map(|facts| facts.max_pdu_bytes),
            since: facts.map(|facts| Time(facts.since)),
            duration_seconds: 0.0,
            last_activity: None,
            objects_stored: 0,
            objects_refused: 0,
            requests_refused: 0,
            bytes: 0,
            ended: None,
        }
    }
}

impl Ended {
    fn new(entry: &Entry<monitor::Ended>) -> Self {
        let monitor::Ended { summary, at, .. } = &*entry.value;
        let statuses = summary.refused.iter();
        let statuses =
            statuses.map(|(status, count)| StatusCount { status: DimseStatus::new(status), count });
        Self {
            key: entry.key,
            at: Time(*at),
            how: How::from(summary.end),
            reason: summary.end.to_string(),
            objects_broken_off: summary.broken_off,
            statuses: statuses.collect(),
            other_statuses: summary.refused.others(),
        }
    }
}

impl From<AssociationEnd> for How {
    fn from(end: AssociationEnd) -> Self {
        match end {
            AssociationEnd::Released => Self::Released,
            AssociationEnd::AbortedByPeer(_) => Self::AbortedByPeer,
            AssociationEnd::Fault(_) | AssociationEnd::NoRequest => Self::Fault,
            AssociationEnd::ConnectionLost => Self::ConnectionLost,
            AssociationEnd::TimedOut(_) => Self::TimedOut,
            AssociationEnd::Stopped => Self::Stopped,
            _ => Self::Other,
        }
    }
}

impl From<monitor::Context> for PresentationContext {
    fn from(context: monitor::Context) -> Self {
        let monitor::Context { id, result, abstract_syntax, accepted, proposed, others } = context;
        Self {
            id,
            result: result.into(),
            abstract_syntax: abstract_syntax.as_ref().map(NamedUid::new),
            accepted: accepted.as_ref().map(NamedUid::new),
            proposed: proposed.iter().map(NamedUid::new).collect(),
            others_proposed: u64::from(others),
        }
    }
}

impl From<ContextResult> for Answer {
    fn from(result: ContextResult) -> Self {
        match result {
            ContextResult::Acceptance => Self::Accepted,
            ContextResult::UserRejection => Self::UserRejection,
            ContextResult::ProviderRejection => Self::ProviderRejection,
            ContextResult::AbstractSyntaxNotSupported => Self::AbstractSyntaxNotSupported,
            ContextResult::TransferSyntaxesNotSupported => Self::TransferSyntaxesNotSupported,
        }
    }
}

impl NamedUid {
    fn new(uid: &Uid) -> Self {
        Self { uid: text::uid(uid), name: uid_names::name_of(uid.as_str()).map(str::to_owned) }
    }
}
