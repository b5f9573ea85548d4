//! The folders and files of a simulated disk, as the traits of the crate have them.

use super::DiskKind;
use super::disk::Disk;
use super::intents::SimulatedIntent;
use super::state::{Entry, File, FolderState, HIDDEN, PENDING, TEMPORARY, id};
use crate::{
    ExistingFile, FileIdentity, FileName, Folder, FolderSync, Holder, IfExists, IntentName,
    Intents, Space, StagedFile, Storage, Subfolder, SubfolderName, SyncMark,
};
use platform::sync::Arc;
use std::io::{self, IoSlice};

impl Storage for Arc<Disk> {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        drop(self.step()?);
        Ok(Arc::new(SimulatedFolder { disk: Arc::clone(self), folder: 0 }))
    }

    fn intents(&self) -> Option<Arc<dyn Intents>> {
        Some(Arc::new(Arc::clone(self)))
    }

    fn close_unused(&self) {}
}

struct SimulatedFolder {
    disk: Arc<Disk>,
    folder: usize,
}

impl SimulatedFolder {
    fn syncs(&self) -> Arc<FolderSync> {
        Arc::clone(&self.disk.state().folders[self.folder].syncs)
    }
}

impl Folder for SimulatedFolder {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        let mut state = self.disk.step()?;
        state.files.push(File::default());
        let file = state.files.len() - 1;
        let temporary = match self.disk.kind {
            DiskKind::Unnamed | DiskKind::UnnamedUntilSynced | DiskKind::Ordered => None,
            DiskKind::Temporary | DiskKind::MovedAside => Some(state.name_temporarily(file)),
        };
        Ok(Box::new(SimulatedFile {
            disk: Arc::clone(&self.disk),
            file,
            home: self.folder,
            folder: self.folder,
            temporary,
            published: None,
            intent: None,
        }))
    }

    fn mark(&self) -> SyncMark {
        self.syncs().mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.syncs().run(since, || self.disk.sync_folder(self.folder))
    }

    fn remove_empty(&self, name: &FileName) -> io::Result<()> {
        let mut state = self.disk.step()?;
        match state.folders[self.folder].seen.get(name.as_str()) {
            Some(&Entry::Folder(inner)) if state.folders[inner].seen.is_empty() => {
                state.folders[inner].removed = true;
                let folder = &mut state.folders[self.folder];
                folder.set(name.as_str(), None);
                folder.names.remove(name.as_str());
                Ok(())
            }
            _ => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    fn subfolder(self: Arc<Self>, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        let state = self.disk.step()?;
        match state.folders[self.folder].seen.get(name.as_str()) {
            Some(Entry::Folder(folder)) => {
                Ok(Arc::new(Self { disk: Arc::clone(&self.disk), folder: *folder }))
            }
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, file: FileIdentity, from: &FileName, to: &FileName) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let folder = &mut state.folders[self.folder];
        match folder.seen.get(from.as_str()) {
            Some(Entry::File(found)) if id(*found) == file => {}
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        if folder.seen.contains_key(to.as_str()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let entry = folder.set(from.as_str(), None).ok_or(io::ErrorKind::NotFound)?;
        folder.set(to.as_str(), Some(entry));
        Ok(())
    }

    fn space(&self) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct SimulatedFile {
    disk: Arc<Disk>,
    file: usize,
    home: usize,
    folder: usize,
    /// A name to be removed in the end: of this file, or of the one that it replaced.
    temporary: Option<String>,
    /// The name, and what had it before.
    published: Option<(String, Option<Entry>)>,
    intent: Option<SimulatedIntent>,
}

impl SimulatedFile {
    fn content<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        Ok(change(&mut self.disk.step()?.files[self.file].seen))
    }
}

impl StagedFile for SimulatedFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        self.content(|content| slices.iter().for_each(|slice| content.extend_from_slice(slice)))
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.content(|content| content[offset..offset + bytes.len()].copy_from_slice(bytes))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.content(|content| bytes.copy_from_slice(&content[offset..offset + bytes.len()]))
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.content(|content| content.truncate(usize::try_from(length).unwrap()))
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.kind == DiskKind::UnnamedUntilSynced && self.temporary.is_none() {
            let name = self.disk.step()?.name_temporarily(self.file);
            self.temporary = Some(name);
        }
        let (mut state, fails) = self.disk.sync_step()?;
        state.files[self.file].sync(fails, self.temporary.is_some())
    }

    fn intend(&mut self, name: &IntentName) -> io::Result<()> {
        let intent = self.disk.intend(name, self.file)?;
        self.intent = Some(intent);
        if self.disk.kind.orders_names() { Ok(()) } else { self.sync_intent() }
    }

    fn sync_intent(&mut self) -> io::Result<()> {
        let intent = self.intent.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        self.disk.sync_intent(intent)
    }

    fn check_writes(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        let mut state = self.disk.step()?;
        let parent = self.folder;
        if state.folders[parent].removed {
            return Err(io::ErrorKind::NotFound.into());
        }
        let existing = state.folders[parent].seen.get(name.as_str()).copied();
        let made = existing.is_none();
        let folder = match existing {
            Some(Entry::Folder(folder)) => folder,
            Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => {
                state.folders.push(FolderState::default());
                let folder = state.folders.len() - 1;
                state.folders[parent].set(name.as_str(), Some(Entry::Folder(folder)));
                folder
            }
        };
        let parent = &mut state.folders[parent];
        let since = parent.syncs.mark();
        let own_name = parent.names.entry(name.as_str().to_owned());
        let name = own_name.or_insert_with(|| Arc::new(SubfolderName::given(since)));
        let name = Arc::clone(name);
        self.folder = folder;
        let folder = Arc::new(SimulatedFolder { disk: Arc::clone(&self.disk), folder });
        Ok(Subfolder { folder, made, name })
    }

    fn leave(&mut self) {
        self.folder = self.home;
    }

    fn publish(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool> {
        let before = self.disk.state().folders[self.folder].seen.get(name.as_str()).copied();
        let may_replace = match (before, if_exists) {
            (None, _) | (_, IfExists::Replace) => true,
            (_, IfExists::Refuse) => false,
            (Some(Entry::File(older)), IfExists::ReplaceOnly(only)) => id(older) == only,
            (Some(Entry::Folder(_)), IfExists::ReplaceOnly(_)) => false,
        };
        if !may_replace {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut state = self.disk.step()?;
        if state.folders[self.folder].removed {
            return Err(io::ErrorKind::NotFound.into());
        }
        if let (DiskKind::MovedAside, Some(older)) = (self.disk.kind, before) {
            let kept = format!("{TEMPORARY}older-of-{}", self.file);
            state.folders[HIDDEN].set(&kept, Some(older));
            state.folders[self.folder].set(name.as_str(), None);
            state.aside.insert(kept.clone(), (self.folder, name.as_str().to_owned()));
            drop(state);
            self.published = Some((name.as_str().to_owned(), before));
            let temporary = self.temporary.replace(kept);
            state = self.disk.step()?;
            state.folders[self.folder].set(name.as_str(), Some(Entry::File(self.file)));
            state.folders[HIDDEN].set(&temporary.unwrap_or_default(), None);
            return Ok(true);
        }
        // One rename. A disk may write it in one folder and not in the other.
        state.folders[self.folder].set(name.as_str(), Some(Entry::File(self.file)));
        if before.is_some() && self.temporary.is_none() {
            self.temporary = Some(format!("{TEMPORARY}{}", self.file));
        }
        if let Some(temporary) = &self.temporary {
            state.folders[HIDDEN].set(temporary, before);
        }
        if before.is_none() {
            self.temporary = None;
        }
        self.published = Some((name.as_str().to_owned(), before));
        Ok(before.is_some())
    }

    fn holder(&self, name: &FileName) -> io::Result<Holder> {
        let state = self.disk.step()?;
        Ok(match state.folders[self.folder].seen.get(name.as_str()) {
            None => Holder::Nothing,
            Some(Entry::Folder(_)) => Holder::Other,
            Some(Entry::File(file)) => Holder::File(Box::new(SimulatedExisting {
                disk: Arc::clone(&self.disk),
                file: *file,
            })),
        })
    }

    fn confirm(&mut self) -> io::Result<()> {
        if let Some(temporary) = &self.temporary {
            self.disk.step()?.folders[HIDDEN].set(temporary, None);
        }
        self.temporary = None;
        self.published = None;
        if let Some(intent) = &mut self.intent {
            intent.is_kept = true;
        }
        Ok(())
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(id(self.file))
    }
}

/// A file that has a name on the disk.
struct SimulatedExisting {
    disk: Arc<Disk>,
    file: usize,
}

impl ExistingFile for SimulatedExisting {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.step()?.files[self.file].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.step()?;
        let offset = usize::try_from(offset).unwrap();
        let found = state.files[self.file].seen.get(offset..offset + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Programs do not crash on it.
    fn is_provisional(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, fails) = self.disk.sync_step()?;
        state.files[self.file].sync(fails, true)
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(id(self.file))
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let intent = self.intent.take();
        if let Some(intent) = &intent {
            self.disk.state().in_progress.remove(&intent.name);
        }
        let Ok(mut state) = self.disk.step() else { return };
        if let Some(SimulatedIntent { name, is_kept: false, .. }) = intent {
            state.folders[PENDING].set(&name, None);
        }
        if let Some((name, before)) = self.published.take() {
            state.folders[self.folder].set(&name, before);
        }
        if let Some(temporary) = self.temporary.take() {
            state.folders[HIDDEN].set(&temporary, None);
        }
    }
}
