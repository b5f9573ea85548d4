//! A disk whose power goes, or one of whose syncs fails.

use super::state::{Entry, File, FolderState, HIDDEN, PENDING, SPOOL, State, TOP, id};
use super::{DiskKind, Fault, Survives};
use crate::FileIdentity;
use platform::sync::{Arc, Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::io;

/// A disk with an output directory and a hidden folder in it, and subfolders.
pub struct Disk {
    pub(super) kind: DiskKind,
    pub(super) state: Mutex<State>,
}

impl Disk {
    /// An empty one, on which this goes wrong.
    #[must_use]
    pub fn new(kind: DiskKind, fault: Fault) -> Arc<Self> {
        let folders = [TOP, HIDDEN, PENDING, SPOOL].map(|_| FolderState::default());
        let mut state = State { folders: folders.into(), ..State::default() };
        match fault {
            Fault::Never => {}
            Fault::PowerLoss(steps) => state.steps_left = Some(steps),
            Fault::LostWrite(syncs) => state.syncs_left = Some(syncs),
        }
        Arc::new(Self { kind, state: Mutex::new(state) })
    }

    /// From now on, folders of intents are never synced: a wrong variant that tests have to find.
    pub fn forget_intent_syncs(&self) {
        self.state().forgets_intent_syncs = true;
    }

    /// How many steps were taken so far.
    pub fn steps(&self) -> usize {
        self.state().steps
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a step, if the power is still there for it.
    pub(super) fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if let Some(left) = &mut state.steps_left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        }
        state.steps += 1;
        Ok(state)
    }

    /// The same for a sync, and whether it fails.
    pub(super) fn sync_step(&self) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.step()?;
        let fails = state.syncs_left == Some(0);
        state.syncs_left = state.syncs_left.and_then(|left| left.checked_sub(1));
        Ok((state, fails))
    }

    /// Which file has a name, in a folder of the output directory.
    pub fn id_of(&self, folder: &str, name: &str) -> Option<FileIdentity> {
        let state = self.state();
        let Some(Entry::Folder(folder)) = state.folders[TOP].seen.get(folder) else { return None };
        match state.folders[*folder].seen.get(name) {
            Some(Entry::File(file)) => Some(id(*file)),
            _ => None,
        }
    }

    /// A log is on the disk as a whole or up to the last sync. Since the power goes at each step, it goes with each
    /// length of the log.
    fn with_log(&self, survives: Survives) -> Survives {
        match survives {
            Survives::ShownNames | Survives::HiddenNames | Survives::PendingNames
                if self.kind == DiskKind::Ordered =>
            {
                Survives::Names
            }
            survives => survives,
        }
    }

    /// Paths and contents of all files that are found afterwards, once the receiver has started again.
    pub fn after_power_loss(&self, survives: Survives) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let survives = self.with_log(survives);
        let entries = |folder: usize| self.entries(&state, folder, survives);
        let read = |file: usize| self.read(&state.files[file], survives);
        let mut found = BTreeMap::new();
        let mut folders = vec![(String::new(), TOP)];
        while let Some((path, folder)) = folders.pop() {
            for (name, entry) in entries(folder) {
                match *entry {
                    Entry::Folder(folder) => folders.push((format!("{path}{name}/"), folder)),
                    Entry::File(file) => {
                        found.extend(read(file).map(|bytes| (format!("{path}{name}"), bytes)));
                    }
                }
            }
            for (name, entry) in entries(HIDDEN) {
                if let (Some((place, free)), Entry::File(file)) = (state.aside.get(name), entry)
                    && *place == folder
                    && !entries(folder).contains_key(free)
                {
                    found.extend(read(*file).map(|bytes| (format!("{path}{free}"), bytes)));
                }
            }
        }
        found
    }

    /// Names and contents of all intents that are found then, pending or in the spool.
    pub fn intents_after_power_loss(&self, survives: Survives) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let survives = self.with_log(survives);
        let entries = [PENDING, SPOOL].map(|folder| self.entries(&state, folder, survives));
        let files = entries.into_iter().flatten().filter_map(|(name, entry)| match entry {
            Entry::File(file) => {
                Some((name.clone(), self.read(&state.files[*file], survives).unwrap_or_default()))
            }
            Entry::Folder(_) => None,
        });
        files.collect()
    }

    /// The names in a folder afterwards.
    fn entries<'s>(
        &self,
        state: &'s State,
        folder: usize,
        survives: Survives,
    ) -> &'s BTreeMap<String, Entry> {
        let found = &state.folders[folder];
        // Where renames are written in their order, one is in both folders or in neither.
        let survives = match survives {
            Survives::ShownNames | Survives::HiddenNames | Survives::PendingNames
                if self.kind == DiskKind::MovedAside =>
            {
                Survives::Nothing
            }
            survives => survives,
        };
        if survives.names_in(folder) { &found.seen } else { &found.synced }
    }

    /// What is in a file afterwards; `None` if the disk forgets it.
    fn read(&self, file: &File, survives: Survives) -> Option<Vec<u8>> {
        let content = matches!(survives, Survives::Content | Survives::Everything);
        let forgotten = self.kind == DiskKind::UnnamedUntilSynced && !file.synced_with_name;
        let bytes = match survives {
            _ if content => &file.seen,
            Survives::Nothing if self.kind == DiskKind::Ordered => &file.committed,
            _ => &file.synced,
        };
        (content || !forgotten).then(|| bytes.clone())
    }
}
