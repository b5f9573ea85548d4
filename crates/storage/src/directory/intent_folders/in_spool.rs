//! Links in the spool beside those that are pending.

use super::links::names_in;
use super::{IntentFolder, IntentFolders, Kind};
use crate::IntentName;
use crate::directory::names::syscalls;
use std::io;
use std::path::PathBuf;

impl IntentFolders {
    /// Removes the names in a folder of the spool that are pending still. What fails is tried by the next attempt.
    pub(super) fn take_back(&self, spool: &IntentFolder) {
        for name in names_in(&spool.handle).into_iter().flatten().flatten() {
            let is_pending = self.existing_with(Kind::Pending, &name).is_ok_and(|folders| {
                folders.iter().any(|it| matches!(syscalls::id_at(it.location(&name)), Ok(Some(_))))
            });
            if is_pending {
                let _ = spool.unlink(&name);
            }
        }
    }

    /// The path in the spool, beneath the output directory, which stays until the link is [released](Self::release).
    /// What is pending gets it in advance, not durably: it stays pending, until it is [settled](Self::settle).
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn path_in_spool(&self, name: &IntentName) -> io::Result<Option<PathBuf>> {
        // Settled in between, it is in the spool the second time.
        for _ in 0..2 {
            let Some((folder, path)) = self.find(name)? else { return Ok(None) };
            if folder.place.kind == Kind::Spool {
                return Ok(Some(path));
            }
            if let Some((spool, _)) = self.give_to_spool(&folder, name, syscalls::link)? {
                return Ok(Some(PathBuf::from(spool.place.path()).join(name.as_str())));
            }
        }
        Ok(None)
    }
}
