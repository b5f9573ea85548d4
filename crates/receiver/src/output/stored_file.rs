//! The file of a stored object.

use super::log_path::LogPath;
use dataset::Uid;
use std::path::PathBuf;
use storage::{FileIdentity, FileName};

/// The file of a [`StoredObject`](crate::StoredObject).
#[derive(Clone, Copy, Debug)]
pub struct StoredFile<'a> {
    /// Where it is, for the log: what a data set says of a patient is left out.
    pub path: LogPath<'a>,
    /// The subdirectories of the output directory that it is in, one in the other, the outermost first; none unless
    /// objects are sorted, or have paths by a template.
    pub folders: &'a [FileName],
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
    /// The number of its study, where objects are sorted: that of the [`EndedStudy`](crate::output::studies::EndedStudy)
    /// that it ends with.
    pub open_study: Option<u64>,
    /// Which file it is, if that is wanted at the end of its study.
    pub identity: Option<FileIdentity>,
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
        path.extend(self.folders.iter().map(FileName::as_str));
        path.push(self.name.as_str());
        path
    }
}
