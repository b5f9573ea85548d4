//! What is told of the catalogue's upkeep: to the program around it, and in numbers.

use catalog::{EndedStudy, ReceivedObject};
use platform::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::path::Path;

/// Is told what happens. The calls come from the threads of this crate, which wait for them.
pub trait Listener: Send + Sync {
    /// Deliveries to these destinations were made.
    fn owed(&self, destinations: &BTreeSet<&str>) {
        let _ = destinations;
    }

    /// Studies have ended, and deliveries of that were made.
    fn studies_ended(&self, ended: &[EndedStudy]) {
        let _ = ended;
    }

    /// Files were removed, since they are kept no longer.
    fn removed(&self, removed: &[Removed]) {
        let _ = removed;
    }

    /// All files of an output directory were verified.
    fn verified(&self, directory: &Path, found: &Differences) {
        let _ = (directory, found);
    }
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaf;

impl Listener for Deaf {}

/// A file that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What is known of its object.
    pub object: ReceivedObject,
    /// Why, in words.
    pub reason: &'static str,
}

/// What verification has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    /// Files that were looked at.
    pub files: u64,
    /// DICOM files that the catalogue does not have.
    pub unknown_files: u64,
    /// Objects of the catalogue whose files are not there.
    pub missing_files: u64,
    /// Files with another content than they were stored with.
    pub changed_files: u64,
    /// Files that cannot be read.
    pub unreadable_files: u64,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self { unknown_files, missing_files, changed_files, unreadable_files, .. } = *self;
        [unknown_files, missing_files, changed_files, unreadable_files].iter().all(|&it| it == 0)
    }
}

/// What has happened since the start, for metrics. Counting waits for nobody.
#[derive(Debug, Default)]
pub struct Counters {
    /// Objects that were taken into the catalogue.
    pub taken_in: Counter,
    /// Of these, objects that were read from their intents: after a crash, or since the catalogue was unavailable.
    pub recovered: Counter,
    /// Transactions.
    pub batches: Counter,
    /// Times that reception had to wait for the catalogue.
    pub waits: Counter,
    /// Ends of associations and refusals that a destination is not told of, because the catalogue was unavailable, or too
    /// many deliveries already wait for that destination.
    pub dropped_events: Counter,
    /// Objects that the catalogue refuses, or whose files cannot be read: their intents stay.
    pub refused: Counter,
    /// Files that were removed since they are kept no longer.
    pub removed_files: Counter,
    /// Their bytes.
    pub removed_bytes: Counter,
    /// Files that were verified.
    pub verified_files: Counter,
    /// Files without a row that verification has found.
    pub unknown_files: Counter,
    /// Rows without a file.
    pub missing_files: Counter,
    /// Files whose content has changed.
    pub changed_files: Counter,
    /// Files that cannot be read.
    pub unreadable_files: Counter,
    /// Studies that have ended.
    pub ended_studies: Counter,
    /// Digests that were taken.
    pub digests: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
