//! The one fact that is handed on: an object is stored.

use crate::store::LogPath;
use dataset::Uid;
use proto::AeTitle;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::SystemTime;
use storage::FileName;

/// Who sends, as it named itself: nothing of it is checked, or safe for a shell, a path or a page.
/// Whoever uses it makes it so at its own edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The calling AE title (PS3.8 §9.3.2).
    pub calling_ae: AeTitle,
    /// The called AE title.
    pub called_ae: AeTitle,
    /// Where it connected from.
    pub address: IpAddr,
}

impl Default for Peer {
    /// A peer that has not proposed an association: blank titles, and no address.
    fn default() -> Self {
        let blank = AeTitle::from_field([b' '; AeTitle::BYTES]);
        Self { calling_ae: blank, called_ae: blank, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
    }
}

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
