//! A folder of a simulated disk.

use super::DiskKind;
use super::disk::Disk;
use super::file::SimulatedFile;
use super::state::{Entry, File, FolderState, id, lost_write};
use crate::{FileIdentity, FileName, Folder, FolderSync, Space, StagedFile, SyncMark};
use platform::sync::Arc;
use std::io;

pub(super) struct SimulatedFolder {
    pub(super) disk: Arc<Disk>,
    pub(super) folder: usize,
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
            DiskKind::Unnamed | DiskKind::UnnamedUntilSynced => None,
            DiskKind::Temporary | DiskKind::MovedAside => Some(state.name_temporarily(file)),
        };
        Ok(Box::new(SimulatedFile {
            disk: Arc::clone(&self.disk),
            file,
            home: self.folder,
            folder: self.folder,
            temporary,
            published: None,
        }))
    }

    fn mark(&self) -> SyncMark {
        self.syncs().mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.syncs().run(since, || {
            let (mut state, fails) = self.disk.sync_step()?;
            let folder = &mut state.folders[self.folder];
            if fails {
                let changed = folder.changed();
                folder.lost.extend(changed);
                return Err(lost_write());
            }
            folder.write();
            if self.disk.kind == DiskKind::MovedAside {
                state.folders.iter_mut().for_each(FolderState::write);
            }
            Ok(())
        })
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

    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>> {
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
