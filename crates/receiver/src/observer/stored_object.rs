//! A stored object, as passed to [`Observer::stored`](crate::Observer::stored).

use crate::output::StoredFile;
use crate::peer::Peer;
use crate::treatment::Treatment;
use dataset::{Attributes, Uid};
use std::time::{Duration, SystemTime};
use storage::IntentName;

/// An object that is stored as durably as [`OutputSettings::durability`](crate::OutputSettings::durability) says,
/// or one that was received and dropped on purpose.
///
/// Borrows from the association that received it, so nothing is copied; an observer copies what it keeps. What
/// comes from the peer is as it was sent and untrusted: escape it before use in a shell, a path or HTML.
#[derive(Clone, Copy, Debug)]
pub struct StoredObject<'a> {
    /// Affected SOP Class UID of the C-STORE-RQ (PS3.7 §9.3.1.1). Of an object that is stored, the data set says
    /// the same; where it is not taken apart, it may say nothing. Where they may differ
    /// ([`Leniency::mismatched_uids`](crate::Leniency::mismatched_uids)), the one that the file is called by.
    pub sop_class: &'a Uid,
    /// Affected SOP Instance UID of the C-STORE-RQ, likewise.
    pub sop_instance: &'a Uid,
    /// Who sent it.
    pub peer: &'a Peer,
    /// When the C-STORE-RQ was received, before its data set.
    pub requested: SystemTime,
    /// How its association is treated.
    pub treatment: &'a Treatment,
    /// From the C-STORE-RQ until the last fragment of the data set was received.
    pub receive: Duration,
    /// From then until it was stored: naming and, where success waits for that, sync.
    pub commit: Duration,
    /// Length of the data set as it was received, in bytes.
    pub received_bytes: u64,
    /// Length of its file in bytes, with preamble and file meta information, whatever name that has; 0 where objects are
    /// not stored.
    pub stored_bytes: u64,
    /// UID of the transfer syntax in which it is stored, which may differ from the one received; empty where objects are
    /// not stored.
    pub transfer_syntax: &'static str,
    /// The file that it is in; `None` where objects are not stored ([`Treatment::output`] is `None`), and where they get
    /// no final name ([`IntentSettings::final_names`](crate::IntentSettings::final_names)).
    pub file: Option<StoredFile<'a>>,
    /// Its intent, where something is owed for it ([`Treatment::intents`]).
    pub intent: Option<&'a IntentName>,
    /// What its data set says, with the attributes that are wanted; `None` where nothing is owed.
    pub attributes: Option<&'a Attributes>,
}

impl StoredObject<'_> {
    /// Study Instance UID; `None` if what was sent is none, which may be anything, and where objects are not stored.
    #[must_use]
    pub fn study_uid(&self) -> Option<Uid> {
        let sent = match &self.file {
            Some(file) => file.study,
            None => self.attributes.and_then(Attributes::study_instance_uid),
        };
        Uid::parse(sent?).ok().filter(Uid::is_conformant)
    }

    /// Says that it is stored, to programs that read the log: text has a line about that already.
    pub(crate) fn log(&self) {
        let file = self.file.as_ref();
        // What the fields need is found out only if they are wanted.
        tracing::info!(
            onlyFields = true,
            sopInstanceUid = %self.sop_instance,
            sopClassUid = %self.sop_class,
            studyInstanceUid = self.study_uid().map(tracing::field::display),
            file = file.map(|file| tracing::field::display(file.path)),
            receivedBytes = self.received_bytes,
            intent = self.intent.map(tracing::field::display),
            fileBytes = file.map(|file| file.size),
            replaced = file.map(|file| file.replaced),
            kept = file.map(|file| file.kept),
            receiveSeconds = self.receive.as_secs_f64(),
            commitSeconds = self.commit.as_secs_f64(),
            "stored"
        );
    }
}
