//! The intents of files on a simulated disk.

use super::DiskKind;
use super::disk::Disk;
use super::state::{Entry, File, FolderState, PENDING, SPOOL, State, lost_write};
use crate::{FolderSync, IntentName, Intents, PendingIntent, SyncMark};
use platform::sync::Arc;
use rustix::fs::Mode;
use std::fs;
use std::io::{self, Seek, Write};
use std::path::PathBuf;

/// The intent of a file that is being received.
pub(super) struct SimulatedIntent {
    pub(super) name: String,
    /// Whether it stays once the file is closed.
    pub(super) is_kept: bool,
    since: SyncMark,
}

impl Disk {
    /// A link in the folder of pending intents.
    pub(super) fn intend(&self, name: &IntentName, file: usize) -> io::Result<SimulatedIntent> {
        let mut state = self.step()?;
        let name = name.as_str().to_owned();
        let since = state.folders[PENDING].syncs.mark();
        state.folders[PENDING].set(&name, Some(Entry::File(file)));
        state.in_progress.insert(name.clone());
        Ok(SimulatedIntent { name, is_kept: false, since })
    }

    pub(super) fn sync_intent(&self, intent: &SimulatedIntent) -> io::Result<()> {
        self.sync_intents(PENDING, intent.since)
    }

    fn sync_intents(&self, folder: usize, since: SyncMark) -> io::Result<()> {
        let state = self.state();
        if state.forgets_intent_syncs {
            return Ok(());
        }
        let syncs: Arc<FolderSync> = Arc::clone(&state.folders[folder].syncs);
        drop(state);
        syncs.run(since, || self.sync_folder(folder))
    }

    /// Writes the names of a folder, and of all, where they are in one log.
    pub(super) fn sync_folder(&self, folder: usize) -> io::Result<()> {
        let (mut state, fails) = self.sync_step()?;
        let folder = &mut state.folders[folder];
        if fails {
            let changed = folder.changed();
            folder.lost.extend(changed);
            if self.kind == DiskKind::Ordered {
                state.steps_left = Some(0);
            }
            return Err(lost_write());
        }
        folder.write();
        if matches!(self.kind, DiskKind::MovedAside | DiskKind::Ordered) {
            state.folders.iter_mut().for_each(FolderState::write);
        }
        state.files.iter_mut().for_each(File::commit);
        Ok(())
    }
}

fn file_in(state: &State, folder: usize, name: &IntentName) -> Option<usize> {
    match state.folders[folder].seen.get(name.as_str()) {
        Some(Entry::File(file)) => Some(*file),
        _ => None,
    }
}

fn names_in(state: &State, folder: usize) -> Vec<IntentName> {
    state.folders[folder].seen.keys().filter_map(|name| IntentName::parse(name)).collect()
}

impl Intents for Arc<Disk> {
    fn pending(&self, found: &mut dyn FnMut(PendingIntent) -> bool) -> io::Result<()> {
        let state = self.step()?;
        let intent = |name: IntentName| {
            let is_in_progress = state.in_progress.contains(name.as_str());
            PendingIntent { name, is_in_progress, file: None }
        };
        let intents: Vec<_> = names_in(&state, PENDING).into_iter().map(intent).collect();
        drop(state);
        let _ = intents.into_iter().all(found);
        Ok(())
    }

    fn spooled(&self, found: &mut dyn FnMut(IntentName) -> bool) -> io::Result<()> {
        let names = names_in(&*self.step()?, SPOOL);
        let _ = names.into_iter().all(found);
        Ok(())
    }

    fn settle(&self, name: &IntentName, owed: bool) -> io::Result<()> {
        let mut state = self.step()?;
        let Some(file) = file_in(&state, PENDING, name) else { return Ok(()) };
        if !owed {
            state.folders[PENDING].set(name.as_str(), None);
            return Ok(());
        }
        let since = state.folders[SPOOL].syncs.mark();
        state.folders[SPOOL].set(name.as_str(), Some(Entry::File(file)));
        if !self.kind.orders_names() {
            drop(state);
            let synced = self.sync_intents(SPOOL, since);
            state = self.step()?;
            if synced.is_err() {
                state.folders[SPOOL].set(name.as_str(), None);
                return synced;
            }
        }
        state.folders[PENDING].set(name.as_str(), None);
        Ok(())
    }

    fn release(&self, name: &IntentName) -> io::Result<()> {
        let mut state = self.step()?;
        for folder in [PENDING, SPOOL] {
            state.folders[folder].set(name.as_str(), None);
        }
        Ok(())
    }

    fn open(&self, name: &IntentName) -> io::Result<fs::File> {
        let state = self.step()?;
        let file = file_in(&state, SPOOL, name).or_else(|| file_in(&state, PENDING, name));
        let content = &state.files[file.ok_or(io::ErrorKind::NotFound)?].seen;
        let folder = fs::File::open(std::env::temp_dir())?;
        let mut opened = platform::create_unnamed(&folder, Mode::RUSR | Mode::WUSR)?;
        opened.write_all(content)?;
        opened.rewind()?;
        Ok(opened)
    }

    /// It has none: programs open it.
    fn path(&self, _name: &IntentName) -> io::Result<Option<PathBuf>> {
        Ok(None)
    }
}
