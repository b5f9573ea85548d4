//! Events: what happened, once and for all.

use crate::InstanceId;
use std::time::SystemTime;

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
