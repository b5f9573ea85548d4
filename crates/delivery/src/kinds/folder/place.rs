//! The folder, and the folders in it: entered one by one, made where they are missing, and durable.

use super::fault::Fault;
use crate::limits::FOLDERS_REMEMBERED;
use rustix::fs::{Mode, OFlags, fstat, mkdirat, openat, statat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::FileName;

/// The folder as the settings name it; a symbolic link may lead to it.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// A file system was mounted there.
    was_mounted: AtomicBool,
}

impl Root {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, was_mounted: AtomicBool::new(false) }
    }

    pub(super) fn path_of(&self, folders: &[FileName]) -> PathBuf {
        let mut path = self.path.clone();
        path.extend(folders.iter().map(FileName::as_str));
        path
    }

    /// Opens it anew, since it may be mounted or replaced at any time.
    fn open(&self) -> Result<File, Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty());
        let wrong = |error: Errno| {
            let reason = platform::reason(&error.into());
            Fault::unreachable(format!("cannot open the folder {:?}: {reason}", self.path))
        };
        let folder: File = opened.map_err(wrong)?.into();
        let is_mounted = is_mount_point(&folder).map_err(wrong)?;
        if is_mounted {
            self.was_mounted.store(true, Ordering::Relaxed);
        } else if self.was_mounted.load(Ordering::Relaxed) {
            let reason = format!("nothing is mounted at {:?} any more", self.path);
            return Err(Fault::unreachable(reason));
        }
        Ok(folder)
    }
}

fn is_mount_point(folder: &File) -> Result<bool, Errno> {
    let around = statat(folder, "..", rustix::fs::AtFlags::empty())?;
    Ok(fstat(folder)?.st_dev != around.st_dev)
}

/// The folders whose names are known to be durable.
#[derive(Debug, Default)]
pub(super) struct Folders {
    durable: HashSet<PathBuf>,
}

impl Folders {
    /// Opens the folder beneath `root`, made where it is missing. All of its names are durable then.
    pub(super) fn enter(&mut self, root: &Root, names: &[FileName]) -> Result<File, Fault> {
        let mut folder = root.open()?;
        let mut path = root.path_of(&[]);
        for name in names {
            path.push(name.as_str());
            let (entered, is_new) =
                enter_one(&folder, name).map_err(|error| wrong(&path, error))?;
            if is_new || !self.durable.contains(&path) {
                folder.sync_all().map_err(|error| Fault::destination(&path, &error))?;
                self.remember(path.clone());
            }
            folder = entered;
        }
        Ok(folder)
    }

    fn remember(&mut self, path: PathBuf) {
        if self.durable.len() >= FOLDERS_REMEMBERED {
            self.durable.clear();
        }
        self.durable.insert(path);
    }
}

/// Returns the folder, and whether it was made just now.
fn enter_one(folder: &File, name: &FileName) -> Result<(File, bool), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(folder, name.as_str(), flags, Mode::empty()).map(File::from);
    match open() {
        Err(Errno::NOENT) => {}
        opened => return opened.map(|it| (it, false)),
    }
    match mkdirat(folder, name.as_str(), Mode::from_raw_mode(0o777)) {
        Ok(()) => open().map(|it| (it, true)),
        Err(Errno::EXIST) => open().map(|it| (it, true)),
        Err(error) => Err(error),
    }
}

fn wrong(path: &std::path::Path, error: Errno) -> Fault {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK => Fault::park(format!(
            "{path:?} is no folder, or a symbolic link, which is not followed: remove it, and retry"
        )),
        error => Fault::destination(path, &io::Error::from(error)),
    }
}
