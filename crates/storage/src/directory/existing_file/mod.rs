//! A file that has the name which another one was to get.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use super::names::inode_lock::{Seen, look_at};
use super::names::name_claims::NameClaim;
use super::names::temporary_files::Temporaries;
use super::open_directory::OpenDirectory;
use crate::file_id::Stamp;
use crate::limits::NAME_ATTEMPTS;
use crate::{ExistingFile, FileIdentity, FileName, Holder};
use platform::sync::Arc;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A file in an [`OpenDirectory`] that has its final name.
pub(crate) struct DirectoryFileThere {
    /// Holds the lock; given back before the claim.
    file: File,
    _claim: NameClaim,
    temporaries: Arc<Temporaries>,
}

/// What has the name in `folder`, once no thread of this process commits it any more.
///
/// # Errors
/// As [`look_at`].
pub(crate) fn holder(folder: &OpenDirectory, name: &FileName) -> io::Result<Holder> {
    let claim = folder.claims.claim(name);
    let location = (folder.handle.as_ref(), name.as_str());
    for _ in 0..NAME_ATTEMPTS {
        match look_at(location, folder.strategy.abilities.locks)? {
            Seen::Nothing => return Ok(Holder::Nothing),
            Seen::Other => return Ok(Holder::Other),
            Seen::File(file) => {
                let temporaries = Arc::clone(&folder.temporaries);
                let there = DirectoryFileThere { file, _claim: claim, temporaries };
                return Ok(Holder::File(Box::new(there)));
            }
            Seen::Changed => {}
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "other processes keep changing the name"))
}

impl ExistingFile for DirectoryFileThere {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn is_provisional(&self) -> io::Result<bool> {
        self.temporaries.has_replaced_by(Stamp::of(&self.file)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        FileIdentity::of(&self.file)
    }
}
