//! Intents in a directory of the file system.

mod final_path;
#[cfg(test)]
mod tests;

pub(crate) use final_path::note;

use super::intent_folders::{IntentFolder, Kind};
use super::names::inode_lock::is_locked_by_another;
use super::names::syscalls;
use super::open_directory::OpenDirectory;
use crate::{Directory, IntentName, Intents, PendingIntent};
use platform::sync::Arc;
use rustix::fs::{FileType, OFlags};
use std::fs::File;
use std::io;
use std::path::PathBuf;

impl Intents for Directory {
    fn pending(&self, found: &mut dyn FnMut(PendingIntent) -> bool) -> io::Result<()> {
        let open = self.current()?;
        let folders = &open.intents;
        folders.each(Kind::Pending, &mut |folder, name| {
            let intent = look_at(&open, folder, name)?;
            Ok(intent.is_none_or(&mut *found))
        })
    }

    fn spooled(&self, found: &mut dyn FnMut(IntentName) -> bool) -> io::Result<()> {
        let open = self.current()?;
        open.intents.each(Kind::Spool, &mut |_, name| Ok(found(name)))
    }

    fn settle(&self, name: &IntentName, owed: bool) -> io::Result<()> {
        self.current()?.intents.settle(&[(name, owed)])
    }

    fn settle_all(&self, names: &[(&IntentName, bool)]) -> io::Result<()> {
        self.current()?.intents.settle(names)
    }

    fn release(&self, name: &IntentName) -> io::Result<()> {
        let open = self.current()?;
        open.intents.release(name)
    }

    fn open(&self, name: &IntentName) -> io::Result<File> {
        let open = self.current()?;
        let (folder, _) = open.intents.find(name)?.ok_or(io::ErrorKind::NotFound)?;
        let file = syscalls::open(folder.location(name), OFlags::RDONLY)?;
        is_regular(&file)?.then_some(file).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn path(&self, name: &IntentName) -> io::Result<Option<PathBuf>> {
        let path = self.current()?.intents.path_in_spool(name)?;
        Ok(path.map(|path| self.path.join(path)))
    }
}

/// What a name in a pending folder stands for; `None` if it is gone, or no file.
fn look_at(
    open: &Arc<OpenDirectory>,
    folder: &IntentFolder,
    name: IntentName,
) -> io::Result<Option<PendingIntent>> {
    let file = match syscalls::open(folder.location(&name), OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A symbolic link, or something else that is none of ours.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !is_regular(&file)? {
        return Ok(None);
    }
    let is_in_progress = is_locked_by_another(&file);
    // One that is in progress may lose its name again.
    let file = if is_in_progress { None } else { final_path::of(open, &file) };
    Ok(Some(PendingIntent { name, is_in_progress, file }))
}

fn is_regular(file: &File) -> io::Result<bool> {
    let status = rustix::fs::fstat(file)?;
    Ok(FileType::from_raw_mode(status.st_mode) == FileType::RegularFile)
}
