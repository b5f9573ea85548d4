//! Files made ahead of their objects.

#[cfg(test)]
mod tests;

use crate::limits::PREPARED_FILES;
use crate::{Folder, StagedFile, Storage};
use platform::permits::{Permit, Permits};
use std::io;
use std::sync::Arc;

/// Objects that come before the first file is made ahead: who has sent two sends a third.
const OBJECTS_BEFORE: usize = 2;

/// A file that is made while the sender prepares its next object, so that the object need not wait
/// for it. It has no name that anybody could see.
///
/// Holds at most one file, a descriptor; all of them together hold [`PREPARED_FILES`]. Dropping it
/// discards the file.
#[derive(Default)]
pub struct PreparedFile {
    objects: usize,
    /// Where the last object went.
    folder: Option<Arc<dyn Folder>>,
    made: Option<Made>,
}

struct Made {
    folder: Arc<dyn Folder>,
    file: Box<dyn StagedFile>,
    _place: Permit,
}

impl PreparedFile {
    /// An object has come, and the next one is to be expected.
    pub fn prepare(&mut self) {
        self.objects = self.objects.saturating_add(1);
        let folder = self.folder.take();
        if self.objects >= OBJECTS_BEFORE {
            self.made = folder.and_then(Made::new);
        }
    }

    /// The file that was made ahead, if the folder is still the same, or else a new one.
    ///
    /// # Errors
    /// As [`Storage::folder`] and [`Folder::stage`].
    pub fn take(
        &mut self,
        storage: &dyn Storage,
    ) -> io::Result<(Arc<dyn Folder>, Box<dyn StagedFile>)> {
        let folder = storage.folder()?;
        let file = match self.made.take() {
            Some(made) if Arc::ptr_eq(&made.folder, &folder) => made.file,
            _ => Arc::clone(&folder).stage()?,
        };
        self.folder = Some(Arc::clone(&folder));
        Ok((folder, file))
    }

    /// Gives the file back: no object has come for a while, or one has failed.
    pub fn discard(&mut self) {
        self.folder = None;
        self.made = None;
    }

    #[cfg(test)]
    pub(crate) fn is_ready(&self) -> bool {
        self.made.is_some()
    }
}

impl Made {
    fn new(folder: Arc<dyn Folder>) -> Option<Self> {
        let place = PERMITS.take(PREPARED_FILES)?;
        let file = Arc::clone(&folder).stage_unnamed()?;
        Some(Self { folder, file, _place: place })
    }
}

/// Of all files made ahead.
static PERMITS: Permits = Permits::new();
