//! Files that are created before their objects come.

#[cfg(test)]
mod tests;

use crate::limits::PREPARED_FILES;
use crate::{Folder, StagedFile, Storage};
use platform::permits::{Permit, Permits};
use std::io;
use std::sync::Arc;

/// Objects of an association before its first file is prepared: after two, a third is likely.
const OBJECTS_BEFORE: usize = 2;

/// A file that is created while the sender prepares its next object, so that the object need not wait for it.
/// The file has no name.
///
/// Holds at most one file, hence one descriptor; all of them together at most [`PREPARED_FILES`]. Dropping it
/// discards the file.
#[derive(Default)]
pub struct PreparedFile {
    objects: usize,
    /// The folder of the last object.
    folder: Option<Arc<dyn Folder>>,
    made: Option<Made>,
}

struct Made {
    folder: Arc<dyn Folder>,
    file: Box<dyn StagedFile>,
    _place: Permit,
}

impl PreparedFile {
    /// Prepares a file for the next object, if one is likely to come. To be called after each object.
    pub fn prepare(&mut self) {
        self.objects = self.objects.saturating_add(1);
        let folder = self.folder.take();
        if self.objects >= OBJECTS_BEFORE {
            self.made = folder.and_then(Made::new);
        }
    }

    /// The prepared file, if the folder is still the same, and otherwise a new one.
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

    /// Discards the file. To be called if no object comes for a while, or if one has failed.
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

/// One for each prepared file of the process.
static PERMITS: Permits = Permits::new();
