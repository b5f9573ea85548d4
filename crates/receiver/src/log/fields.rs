//! The fields of events: what an event says in words, for programs that read the log.

/// The fields that events of the receiver may have beside their message, which says the same in words. A
/// subscriber that writes text leaves them out. UIDs and paths are those that the message may show; of a Study
/// Instance UID, one that is none, so that it may be anything, is left out.
pub const FIELDS: [&str; 17] = [
    "sopInstanceUid",
    "sopClassUid",
    "studyInstanceUid",
    "file",
    "status",
    "receivedBytes",
    "fileBytes",
    "replaced",
    "kept",
    "receiveSeconds",
    "commitSeconds",
    "stored",
    "refused",
    "brokenOff",
    "seconds",
    "end",
    ONLY_FIELDS,
];

/// An event with this field is there for its fields only: a subscriber that writes text leaves all of it out.
pub const ONLY_FIELDS: &str = "onlyFields";
