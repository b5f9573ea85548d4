//! The one fact that is handed on: an object is stored.

use super::log_path::LogPath;
use crate::peer::Peer;
use dataset::Uid;
use std::path::PathBuf;
use std::time::SystemTime;
use storage::FileName;

/// An object that is stored as durably as was asked for, or one that was received and dropped on purpose.
///
/// Borrows from the association that received it; whoever keeps it copies what it needs.
#[derive(Clone, Copy, Debug)]
pub struct StoredObject<'a> {
    /// Affected SOP Class UID of the C-STORE-RQ, which the data set agrees with.
    pub sop_class: &'a Uid,
    /// Affected SOP Instance UID, likewise.
    pub sop_instance: &'a Uid,
    /// Who sent it.
    pub peer: &'a Peer,
    /// When the C-STORE-RQ had come.
    pub requested: SystemTime,
    /// What there is of it on disk; `None` where objects are not stored ([`Treatment::output`] is `None`).
    ///
    /// [`Treatment::output`]: crate::Treatment::output
    pub file: Option<StoredFile<'a>>,
}

/// The file of a [`StoredObject`].
#[derive(Clone, Copy, Debug)]
pub struct StoredFile<'a> {
    /// The output directory, its subdirectory and the name, as a person may see them.
    pub path: LogPath<'a>,
    /// The subdirectory of the output directory, if objects are sorted.
    pub folder: Option<&'a FileName>,
    /// Its name.
    pub name: &'a FileName,
    /// Whether it replaced another one.
    pub replaced: bool,
    /// Its length in bytes.
    pub size: u64,
    /// Study Instance UID as it was sent, with padding; `None` if the data set has none.
    pub study: Option<&'a [u8]>,
    /// UID of the transfer syntax of the file, which may differ from the one received.
    pub transfer_syntax: &'static str,
}

impl StoredFile<'_> {
    /// Where the file is: this may name a patient, so it is not for the log ([`StoredFile::path`] is).
    #[must_use]
    pub fn real_path(&self) -> PathBuf {
        let mut path = self.path.directory().to_owned();
        path.extend(self.folder.map(FileName::as_str));
        path.push(self.name.as_str());
        path
    }
}
