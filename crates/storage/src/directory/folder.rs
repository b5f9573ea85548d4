//! A directory that is held open, as a [`Folder`].

use super::directory_file::DirectoryFile;
use super::open_directory::OpenDirectory;
use super::strategy::Staging;
use crate::{FileIdentity, FileName, Folder, Space, StagedFile, SyncMark};
use platform::sync::{Arc, rustix};
use rustix::fs::AtFlags;
use std::io;

impl Folder for OpenDirectory {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        Ok(Box::new(DirectoryFile::make(self)?))
    }

    fn stage_unnamed(self: Arc<Self>) -> Option<Box<dyn StagedFile>> {
        if self.strategy.staging == Staging::Temporary { None } else { self.stage().ok() }
    }

    fn subfolder(self: Arc<Self>, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        Ok(self.existing_subfolder(name)?)
    }

    fn rename(&self, file: FileIdentity, from: &FileName, to: &FileName) -> io::Result<()> {
        // Neither may be one that a commit may still take back. In order, so that no two of us wait
        // for each other.
        let _first = self.claims.claim(from.min(to));
        let _second = (from != to).then(|| self.claims.claim(from.max(to)));
        self.final_name(from, false).rename(file, to)
    }

    fn remove(&self, file: FileIdentity, name: &FileName) -> io::Result<()> {
        let _claim = self.claims.claim(name);
        self.final_name(name, false).remove(file)
    }

    fn mark(&self) -> SyncMark {
        self.shared_sync.mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.shared_sync.run(since, || {
            self.handle.sync_all()?;
            if self.strategy.hides_a_lost_log { platform::check_log(&self.handle) } else { Ok(()) }
        })
    }

    fn remove_empty(&self, name: &FileName) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name.as_str(), AtFlags::REMOVEDIR)?)
    }

    fn space(&self) -> io::Result<Space> {
        let status = rustix::fs::fstatvfs(&self.handle)?;
        Ok(Space {
            free_bytes: status.f_bavail.saturating_mul(status.f_frsize),
            total_bytes: status.f_blocks.saturating_mul(status.f_frsize),
        })
    }
}
