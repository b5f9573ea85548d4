//! Directories of all kinds, for the tests of this crate.

pub(crate) use super::names::abilities::Abilities;
pub(crate) use super::names::temporary_files::HIDDEN_FOLDER;
pub(crate) use super::strategy::Staging;
pub(crate) use platform::testing::Scratch;

use super::names::syscalls::hooks;
use crate::{Directory, Error, InstanceFile, PreparedFile, Storage};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(crate) const STAGINGS: [Staging; 3] =
    [Staging::Unnamed, Staging::UnnamedUntilSynced, Staging::Temporary];

/// What file systems can do, beside all: no swap of names (NFS), no hard links (exFAT, SMB), neither of
/// them nor renaming to a free name only, no locks, nothing at all.
pub(crate) const ABILITIES: [Abilities; 7] = [
    Abilities::ALL,
    Abilities { exchange: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, ..Abilities::ALL },
    Abilities { exchange: false, links: false, ..Abilities::ALL },
    Abilities { locks: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, locks: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, links: false, locks: false },
];

/// All that may be together.
pub(crate) fn combinations() -> impl Iterator<Item = (Staging, Abilities)> {
    let all =
        ABILITIES.into_iter().flat_map(|abilities| STAGINGS.map(|staging| (staging, abilities)));
    all.filter(|(staging, abilities)| *staging == Staging::Temporary || abilities.links)
}

/// The directory, with files on their way in each of [`combinations`].
pub(crate) fn all_kinds(path: &Path) -> impl Iterator<Item = Directory> {
    combinations()
        .map(|(staging, abilities)| Directory::open_with(path, staging, abilities).unwrap())
}

/// Runs `action`, in which the call of this number fails that gives, removes or looks up names; and which call that was.
pub(crate) fn failing_at<T>(number: usize, action: impl FnOnce() -> T) -> (T, Option<String>) {
    let failed = Arc::new(Mutex::new(None));
    let (seen, mut calls) = (Arc::clone(&failed), 0);
    let before = move |call: &str| {
        calls += 1;
        if calls != number + 1 {
            return Ok(());
        }
        *seen.lock().unwrap() = Some(call.to_owned());
        Err(rustix::io::Errno::IO.into())
    };
    let result = hooks::with(before, action);
    let failed = failed.lock().unwrap().take();
    (result, failed)
}

/// A file that was not made ahead.
pub(crate) fn create(storage: &dyn Storage) -> Result<InstanceFile, Error> {
    InstanceFile::create(storage, &mut PreparedFile::default(), b"head".to_vec())
}
