//! What is on a simulated disk, and what programs see of it.

use crate::{FileId, FileIdentity, FolderSync, SubfolderName};
use platform::sync::Arc;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// All temporary names begin with this.
pub const TEMPORARY: &str = ".temporary-";

/// The output directory, and the hidden folder that temporary names are in.
pub(super) const TOP: usize = 0;
pub(super) const HIDDEN: usize = 1;
/// The folders of intents.
pub(super) const PENDING: usize = 2;
pub(super) const SPOOL: usize = 3;

#[derive(Default)]
pub(super) struct State {
    pub(super) steps: usize,
    pub(super) steps_left: Option<usize>,
    pub(super) syncs_left: Option<usize>,
    /// See [`Disk::forget_intent_syncs`](super::Disk::forget_intent_syncs).
    pub(super) forgets_intent_syncs: bool,
    pub(super) files: Vec<File>,
    /// The first ones are [`TOP`], [`HIDDEN`], [`PENDING`] and [`SPOOL`].
    pub(super) folders: Vec<FolderState>,
    /// The intents of files that are being received.
    pub(super) in_progress: BTreeSet<String>,
    /// What was moved aside: its temporary name, and where it was.
    pub(super) aside: BTreeMap<String, (usize, String)>,
}

/// What the programs see, and what is on the disk.
#[derive(Default)]
pub(super) struct File {
    pub(super) seen: Vec<u8>,
    pub(super) synced: Vec<u8>,
    /// Of what was synced, what is in the log on the disk: see [`DiskKind::Ordered`](super::DiskKind::Ordered).
    pub(super) committed: Vec<u8>,
    pub(super) synced_with_name: bool,
    pub(super) lost: bool,
}

#[derive(Default)]
pub(super) struct FolderState {
    pub(super) seen: BTreeMap<String, Entry>,
    pub(super) synced: BTreeMap<String, Entry>,
    /// Names whose last change is on no disk and will be on none, though the kernel takes it for
    /// written.
    pub(super) lost: BTreeSet<String>,
    pub(super) syncs: Arc<FolderSync>,
    pub(super) names: BTreeMap<String, Arc<SubfolderName>>,
    /// Nothing is named in it any more.
    pub(super) removed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(usize),
    Folder(usize),
}

impl File {
    /// A sync of the file, which fails or not, while it has a name or none.
    pub(super) fn sync(&mut self, fails: bool, has_name: bool) -> io::Result<()> {
        self.lost |= fails;
        if fails {
            return Err(lost_write());
        }
        if !self.lost {
            self.synced.clone_from(&self.seen);
            self.synced_with_name = has_name;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) {
        self.committed.clone_from(&self.synced);
    }
}

impl FolderState {
    pub(super) fn set(&mut self, name: &str, entry: Option<Entry>) -> Option<Entry> {
        self.lost.remove(name);
        match entry {
            Some(entry) => self.seen.insert(name.to_owned(), entry),
            None => self.seen.remove(name),
        }
    }

    pub(super) fn changed(&self) -> BTreeSet<String> {
        let names = self.seen.keys().chain(self.synced.keys()).cloned();
        names.filter(|name| self.seen.get(name) != self.synced.get(name)).collect()
    }

    pub(super) fn write(&mut self) {
        for name in self.changed() {
            if self.lost.contains(&name) {
                continue;
            }
            match self.seen.get(&name) {
                Some(entry) => self.synced.insert(name, *entry),
                None => self.synced.remove(&name),
            };
        }
    }
}

impl State {
    pub(super) fn name_temporarily(&mut self, file: usize) -> String {
        let name = format!("{TEMPORARY}{file}");
        self.folders[HIDDEN].set(&name, Some(Entry::File(file)));
        name
    }
}

pub(super) fn id(file: usize) -> FileIdentity {
    FileIdentity { id: FileId { device: 0, inode: file as u64 }, created: None }
}

pub(super) fn lost_write() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}
