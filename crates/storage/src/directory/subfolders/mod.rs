//! The subfolders that are held open.

use super::FileId;
use super::open_directory::OpenDirectory;
use crate::limits::OPEN_SUBFOLDERS;
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::collections::{HashMap, VecDeque};

/// The subfolders of one folder that are open, found by device and inode.
///
/// The ones used last are held open here, up to [`OPEN_SUBFOLDERS`]; others only while a file is on
/// its way into them. So all who use a subfolder at a time share its syncs and its name claims.
#[derive(Default)]
pub(super) struct Subfolders {
    known: Mutex<Known>,
    opening: Mutex<()>,
    /// What a test does between the making of a subfolder and its opening.
    #[cfg(test)]
    pub(super) meanwhile: Mutex<Option<Meanwhile>>,
}

#[cfg(test)]
pub(super) type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Known {
    open: HashMap<FileId, Weak<OpenDirectory>>,
    /// The one used last stands last.
    recent: VecDeque<Arc<OpenDirectory>>,
}

impl Subfolders {
    /// To be held from before a subfolder is made or opened until it is [added](Self::add).
    pub(super) fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn do_meanwhile(&self) {
        // Others are not to wait for this lock.
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
    }

    /// The subfolder that is this directory, if it is open.
    pub(super) fn find(&self, identity: FileId) -> Option<Arc<OpenDirectory>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.open.get(&identity)?.upgrade()?;
        known.used(&found);
        Some(found)
    }

    /// Holds `opened` open; gives back the one to be used, which another thread may have opened
    /// before.
    pub(super) fn add(&self, opened: Arc<OpenDirectory>) -> Arc<OpenDirectory> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = known.open.get(&opened.identity).and_then(Weak::upgrade);
        let open = earlier.unwrap_or(opened);
        if known.open.len() >= 2 * OPEN_SUBFOLDERS {
            known.open.retain(|_, open| open.strong_count() > 0);
        }
        known.open.insert(open.identity, Arc::downgrade(&open));
        known.used(&open);
        open
    }
}

impl Known {
    fn used(&mut self, folder: &Arc<OpenDirectory>) {
        let is_it = |known: &Arc<OpenDirectory>| Arc::ptr_eq(known, folder);
        if self.recent.back().is_some_and(is_it) {
            return;
        }
        if let Some(place) = self.recent.iter().position(is_it) {
            self.recent.remove(place);
        }
        if self.recent.len() >= OPEN_SUBFOLDERS {
            self.recent.pop_front();
        }
        self.recent.push_back(Arc::clone(folder));
    }
}
