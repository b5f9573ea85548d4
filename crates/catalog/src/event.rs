//! Events: what happened, once and for all.

use crate::InstanceId;
use std::time::{Duration, SystemTime};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An object was stored: `storescp.object.stored`.
    ObjectStored,
    /// A study has ended for the first time: `storescp.study.ended`.
    StudyEnded,
    /// A study has ended again, after objects that came late: `storescp.study.updated`.
    StudyUpdated,
    /// An association has ended: `storescp.association.ended`.
    AssociationEnded,
    /// An object, an association or a connection was refused: `storescp.object.refused`,
    /// `storescp.association.refused`, `storescp.connection.refused`, as the data says.
    Refused,
}

/// An event that concerns no object and no study, to be taken in: the others come from
/// [`Catalog::take_in`](crate::Catalog::take_in) and [`Catalog::end_studies`](crate::Catalog::end_studies).
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// By which receivers drop repeats: no other event has it. Taking in the same key again changes nothing.
    pub key: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub time: SystemTime,
    /// The `data` of the event, as JSON.
    pub data: serde_json::Value,
    /// To whom it is delivered, by name.
    pub destinations: Vec<String>,
}

/// An event as a delivery needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// By which receivers drop repeats: the `id` of the CloudEvent.
    pub key: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub time: SystemTime,
    /// The object, of [`EventKind::ObjectStored`].
    pub instance: Option<InstanceId>,
    /// The `data`, of events that are about no object: as JSON.
    pub data: Option<serde_json::Value>,
}

/// An association that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedAssociation {
    /// By which it is known: taking in the same key again changes nothing.
    pub key: String,
    /// Its number, unique within a run of the receiver.
    pub number: u64,
    /// When it ended.
    pub ended: SystemTime,
    /// How long it lasted.
    pub duration: Duration,
    /// Calling AE title, without padding.
    pub calling: String,
    /// Called AE title, without padding.
    pub called: String,
    /// Address of the peer.
    pub peer: String,
    /// The rule that decided about it.
    pub rule: Option<String>,
    /// Objects that were stored.
    pub objects: u64,
    /// Objects that were refused.
    pub refused: u64,
    /// Bytes of data sets that came.
    pub bytes: u64,
    /// How it ended, in words.
    pub end: String,
}

/// An object, an association or a connection that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// By which it is known: taking in the same key again changes nothing.
    pub key: String,
    /// When.
    pub time: SystemTime,
    /// What was refused: `object`, `association` or `connection`.
    pub what: String,
    /// The number of the association, if there was one.
    pub association: Option<u64>,
    /// Calling AE title, if it was known.
    pub calling: Option<String>,
    /// Called AE title, if it was known.
    pub called: Option<String>,
    /// Address of the peer.
    pub peer: String,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The status that an object was answered with (PS3.7 Annex C).
    pub status: Option<u16>,
    /// SOP Class UID of an object.
    pub sop_class: Option<String>,
    /// SOP Instance UID of an object.
    pub sop_instance: Option<String>,
    /// Why, for people.
    pub reason: String,
}
