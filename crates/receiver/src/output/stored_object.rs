//! A stored object, as passed to [`Observer::stored`](crate::Observer::stored).

use super::log_path::LogPath;
use crate::peer::Peer;
use crate::treatment::Treatment;
use dataset::Uid;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use storage::FileName;

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
    /// The file that it is in; `None` where objects are not stored ([`Treatment::output`] is `None`).
    ///
    /// [`Treatment::output`]: crate::Treatment::output
    pub file: Option<StoredFile<'a>>,
}

/// The file of a [`StoredObject`].
#[derive(Clone, Copy, Debug)]
pub struct StoredFile<'a> {
    /// Where it is, for the log: what a data set says of a patient is left out.
    pub path: LogPath<'a>,
    /// The subdirectory of the output directory; `None` unless objects are sorted.
    pub folder: Option<&'a FileName>,
    /// Its name in there.
    pub name: &'a FileName,
    /// Whether it replaced an older file of the same name.
    pub replaced: bool,
    /// Whether it was there before, and was kept instead of the one that came
    /// ([`OutputSettings::duplicates`](crate::OutputSettings::duplicates)).
    pub kept: bool,
    /// Its length in bytes, with preamble and file meta information.
    pub size: u64,
    /// Study Instance UID as it was sent, with padding, or the first
    /// [`ATTRIBUTE_BYTES`](dataset::limits::ATTRIBUTE_BYTES) of it; `None` if none was found.
    pub study: Option<&'a [u8]>,
    /// UID of the transfer syntax of the file, which may differ from the one received.
    pub transfer_syntax: &'static str,
}

impl StoredObject<'_> {
    /// Says that it is stored, to programs that read the log: text has a line about that already.
    pub(crate) fn log(&self) {
        let file = self.file.as_ref();
        let study = file.and_then(StoredFile::study_uid);
        tracing::info!(
            onlyFields = true,
            sopInstanceUid = %self.sop_instance,
            sopClassUid = %self.sop_class,
            studyInstanceUid = study.map(tracing::field::display),
            file = file.map(|file| tracing::field::display(file.path)),
            receivedBytes = self.received_bytes,
            fileBytes = file.map(|file| file.size),
            replaced = file.map(|file| file.replaced),
            kept = file.map(|file| file.kept),
            receiveSeconds = self.receive.as_secs_f64(),
            commitSeconds = self.commit.as_secs_f64(),
            "stored"
        );
    }
}

impl StoredFile<'_> {
    /// Study Instance UID; `None` if what was sent is none, and may be anything.
    #[must_use]
    pub fn study_uid(&self) -> Option<Uid> {
        Uid::parse(self.study?).ok().filter(Uid::is_conformant)
    }

    /// Where the file is, beneath the output directory as it was given. This may name a patient, so it is not
    /// for the log; [`StoredFile::path`] is.
    #[must_use]
    pub fn real_path(&self) -> PathBuf {
        let mut path = self.path.directory().to_owned();
        path.extend(self.folder.map(FileName::as_str));
        path.push(self.name.as_str());
        path
    }
}
