//! Subfolders that stay open between objects.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::FileId;
use crate::limits::OPEN_SUBFOLDERS;
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::collections::{HashMap, VecDeque};

/// The folders in an output directory that are open, at any depth, found by device and inode.
///
/// Keeps those used last open, at most [`OPEN_SUBFOLDERS`], and knows of the others as long as a file being
/// received needs them. So all threads that use a subfolder at a time share its syncs and its name claims.
pub(crate) struct Subfolders<F> {
    known: Mutex<Known<F>>,
    opening: Mutex<()>,
    /// What a test does between the making of a subfolder and its opening.
    #[cfg(test)]
    pub(crate) meanwhile: Mutex<Option<Meanwhile>>,
}

#[cfg(test)]
pub(crate) type Meanwhile = Box<dyn FnOnce() + Send>;

struct Known<F> {
    open: HashMap<FileId, Weak<F>>,
    /// The one used last stands last.
    recent: VecDeque<Arc<F>>,
}

impl<F> Default for Subfolders<F> {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known { open: HashMap::new(), recent: VecDeque::new() }),
            opening: Mutex::default(),
            #[cfg(test)]
            meanwhile: Mutex::default(),
        }
    }
}

impl<F> Subfolders<F> {
    /// To be held from before a subfolder is created or opened until it is [added](Self::add).
    pub(crate) fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn do_meanwhile(&self) {
        // Others are not to wait for this lock.
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
    }

    /// The subfolder that is this directory, if it is open.
    pub(crate) fn find(&self, identity: FileId) -> Option<Arc<F>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.open.get(&identity)?.upgrade()?;
        known.used(&found);
        Some(found)
    }

    /// Keeps `opened` open, which has this identity. Returns the one to be used: another thread may have opened
    /// it before.
    pub(crate) fn add(&self, identity: FileId, opened: Arc<F>) -> Arc<F> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = known.open.get(&identity).and_then(Weak::upgrade);
        let open = earlier.unwrap_or(opened);
        if known.open.len() >= 2 * OPEN_SUBFOLDERS {
            known.open.retain(|_, open| open.strong_count() > 0);
        }
        known.open.insert(identity, Arc::downgrade(&open));
        known.used(&open);
        open
    }
}

impl<F> Known<F> {
    fn used(&mut self, folder: &Arc<F>) {
        let is_it = |known: &Arc<F>| Arc::ptr_eq(known, folder);
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
