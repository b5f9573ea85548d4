//! How many associations may be served at a time, and how much memory they may take.

use super::memory;
use crate::error::Error;
use crate::limits::{
    ACCESS_CACHE_BYTES, INTENT_ATTRIBUTES, LARGE_RECEIVE_BUFFER_BYTES, LARGE_RECEIVE_BUFFERS,
    LEAST_THREADS, RESERVED_DESCRIPTORS, RESERVED_THREADS,
};
use crate::node::NodeSettings;
use crate::output::OutputSettings;
use dataset::limits::WANTED_ATTRIBUTE_BYTES;
use std::collections::HashSet;
use std::io;
use storage::limits::{INTENT_FOLDERS, OPEN_SUBFOLDERS};

/// How many associations may be served at a time, as the limits of the process are at one moment, and the
/// memory that each of them takes at worst. More are rejected with "local limit exceeded" (PS3.8 §9.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    max_associations: usize,
    association_bytes: usize,
    large_buffers: usize,
    shared_bytes: usize,
}

/// What the program needs for itself, beside the receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgramNeeds {
    /// Threads.
    pub threads: usize,
    /// Descriptors, beyond a few.
    pub descriptors: usize,
    /// Bytes of memory.
    pub memory_bytes: usize,
    /// Something is owed for objects ([`Treatment::intents`](crate::Treatment::intents)), so their attributes are kept.
    pub intents: bool,
}

impl Capacity {
    /// What the settings ask for, or what the process's limits on descriptors, threads and memory leave. The
    /// limit on descriptors is raised as far as is allowed.
    ///
    /// To be called before threads are started, and once the log is set up: its level decides whether
    /// proposals are dumped. `outputs` are how objects are written, none where none are. `program` is what the program itself is going to need.
    ///
    /// Each association holds one descriptor, and one more while it stores. The default keeps a third
    /// as many for files as there are associations: should more than that store at once, those find no
    /// descriptor and are answered A700H.
    ///
    /// # Errors
    /// [`Error::Threads`] if not even one can be served, [`Error::TooManyAssociations`] if the settings ask for
    /// more than is allowed.
    pub fn find(
        settings: &NodeSettings,
        outputs: &[&OutputSettings],
        program: ProgramNeeds,
    ) -> Result<Self, Error> {
        let bytes = |output: &&OutputSettings| memory::of_association(settings, Some(output));
        let without = || memory::of_association(settings, None);
        let attributes =
            if program.intents { INTENT_ATTRIBUTES * WANTED_ATTRIBUTE_BYTES } else { 0 };
        let association_bytes =
            outputs.iter().map(bytes).max().unwrap_or_else(without) + attributes;
        let descriptors = raise_descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS);
        let folders = if program.intents { INTENT_FOLDERS } else { 0 };
        let descriptors = descriptors.saturating_sub(program.descriptors + folders);
        let descriptors = descriptors - folders_beyond_first(outputs).min(descriptors / 2);
        let threads = platform::threads_left().unwrap_or(usize::MAX);
        let needed = LEAST_THREADS + program.threads;
        if threads < needed {
            let what = format!("only {threads} threads available, {needed} needed");
            return Err(Error::Threads(io::Error::other(what)));
        }
        let threads = threads - RESERVED_THREADS.min(threads / 2);
        let kept = if settings.network.access_control { ACCESS_CACHE_BYTES } else { 0 };
        let kept = kept + program.memory_bytes;
        let memory_left = platform::memory_left().unwrap_or(usize::MAX).saturating_sub(kept);
        let memory = memory_left / association_bytes;
        let allowed = descriptors.min(threads).min(memory);
        let max_associations = match settings.limits.max_associations {
            Some(asked) if asked > allowed => {
                return Err(Error::TooManyAssociations { asked, allowed });
            }
            Some(asked) => asked,
            None => (descriptors / 4 * 3).min(threads).min(memory).max(1),
        };
        let left = memory_left.saturating_sub(max_associations.saturating_mul(association_bytes));
        // OpenSSL reads and decrypts by records, and gains nothing.
        let large_buffers =
            if settings.tls.is_some() { 0 } else { large_buffers(left, max_associations) };
        let shared_bytes = kept + large_buffers * LARGE_RECEIVE_BUFFER_BYTES;
        Ok(Self { max_associations, association_bytes, large_buffers, shared_bytes })
    }

    /// How many associations are served at a time, at least 1.
    #[must_use]
    pub fn max_associations(self) -> usize {
        self.max_associations
    }

    /// The most bytes of memory that one of them takes: the sum of the table in [`limits`](crate::limits).
    #[must_use]
    pub fn association_bytes(self) -> usize {
        self.association_bytes
    }

    /// How many of them have a large receive buffer at a time, which is not in
    /// [`association_bytes`](Self::association_bytes).
    pub(super) fn large_buffers(self) -> usize {
        self.large_buffers
    }

    /// Says what the worst case may take.
    pub(super) fn log(self) {
        let Self { max_associations, association_bytes, shared_bytes, .. } = self;
        let associations = max_associations.saturating_mul(association_bytes);
        tracing::debug!(
            "at most {max_associations} associations at a time, each of at most {} KiB: {} MiB with {} \
             MiB that they share",
            association_bytes / 1024,
            associations.saturating_add(shared_bytes).div_ceil(1024 * 1024),
            shared_bytes / (1024 * 1024)
        );
    }
}

/// How many large receive buffers fit into the memory that the associations leave: each of them costs less
/// time, but none costs an association.
fn large_buffers(bytes_left: usize, max_associations: usize) -> usize {
    (bytes_left / LARGE_RECEIVE_BUFFER_BYTES).min(LARGE_RECEIVE_BUFFERS).min(max_associations)
}

/// Descriptors for output directories and their subfolders, without those for which there is
/// [`RESERVED_DESCRIPTORS`].
fn folders_beyond_first(outputs: &[&OutputSettings]) -> usize {
    let places = outputs.iter().map(|output| (&output.directory, output.durability));
    let places = places.collect::<HashSet<_>>().len();
    places.saturating_sub(1).saturating_mul(1 + OPEN_SUBFOLDERS)
}

fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        limit.current = before;
    }
    limit.current.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_directory_needs_descriptors() {
        let output = |path: &str| OutputSettings::new(path.into());
        let (one, other) = (output("/data"), output("/data/ct"));
        let bit_preserving = OutputSettings { write_file_format: false, ..output("/data") };
        assert_eq!(folders_beyond_first(&[]), 0);
        assert_eq!(folders_beyond_first(&[&one, &bit_preserving]), 0);
        assert_eq!(folders_beyond_first(&[&one, &other, &one]), 1 + OPEN_SUBFOLDERS);
    }

    #[test]
    fn large_buffers_take_what_the_associations_leave() {
        assert_eq!(large_buffers(usize::MAX, 1000), LARGE_RECEIVE_BUFFERS);
        assert_eq!(large_buffers(usize::MAX, 3), 3, "none has two");
        assert_eq!(large_buffers(5 * LARGE_RECEIVE_BUFFER_BYTES + 1, 1000), 5);
        assert_eq!(large_buffers(LARGE_RECEIVE_BUFFER_BYTES - 1, 1000), 0);
    }
}
