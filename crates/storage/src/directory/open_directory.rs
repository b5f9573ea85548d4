//! A directory that is held open.

use super::abilities::Abilities;
use super::directory_file::DirectoryFile;
use super::manner::{Manner, Way};
use super::name_claims::NameClaims;
use super::steps::FinalName;
use super::subfolders::Subfolders;
use super::temporary::Temporaries;
use super::{
    Durability, FileId, FileName, Folder, FolderSync, LastingId, Space, StagedFile, SubfolderName,
    SyncMark,
};
use platform::sync::{Arc, rustix};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::path::Path;

/// Directories get the permissions that the process's file mode creation mask leaves of this.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// A directory that is held open, so that a file is named in the directory in which it was made.
pub(super) struct OpenDirectory {
    pub(super) handle: Arc<File>,
    pub(super) identity: FileId,
    pub(super) manner: Manner,
    /// What it is called, if it is a subfolder.
    pub(super) name: Option<FileName>,
    /// How durable that is; see [`Subfolder`](super::Subfolder).
    pub(super) own_name: Arc<SubfolderName>,
    /// Those of the output directory.
    pub(super) temporaries: Arc<Temporaries>,
    pub(super) claims: Arc<NameClaims>,
    shared_sync: FolderSync,
    subfolders: Subfolders,
}

impl OpenDirectory {
    pub(super) fn open_handle(path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
    }

    /// An output directory; finds out how files are made and named there, unless that is known.
    ///
    /// # Errors
    /// No files can be made there.
    pub(super) fn on(
        handle: File,
        known: Option<Manner>,
        durability: Durability,
    ) -> io::Result<Self> {
        let handle = Arc::new(handle);
        let temporaries = Arc::new(Temporaries::new(Arc::clone(&handle)));
        let manner = match known {
            Some(manner) => manner,
            None => Manner::of(&handle, &temporaries, durability)?,
        };
        Self::held(handle, temporaries, manner, None, SyncMark::default())
    }

    fn held(
        handle: Arc<File>,
        temporaries: Arc<Temporaries>,
        manner: Manner,
        name: Option<FileName>,
        since: SyncMark,
    ) -> io::Result<Self> {
        Ok(Self {
            identity: FileId::of(&handle)?,
            handle,
            manner,
            name,
            own_name: Arc::new(SubfolderName::given(since)),
            temporaries,
            claims: Arc::default(),
            shared_sync: FolderSync::default(),
            subfolders: Subfolders::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn set_manner(&mut self, way: Way, abilities: Abilities) {
        self.manner.way = way;
        self.manner.abilities = abilities;
    }

    pub(super) fn abilities(&self) -> Abilities {
        self.manner.abilities
    }

    /// Removes the hidden folder, if nothing is in it.
    pub(super) fn leave(&self) {
        self.temporaries.leave();
    }

    /// A name in this directory, to be given to a file or taken from it.
    pub(super) fn final_name<'a>(&'a self, name: &'a FileName, is_locked: bool) -> FinalName<'a> {
        FinalName {
            folder: &self.handle,
            folder_name: self.name.as_ref(),
            name,
            temporaries: &self.temporaries,
            abilities: self.manner.abilities,
            is_locked,
        }
    }

    /// The subfolder `name`, made if there is none, and whether it was; never what a symbolic link
    /// leads to.
    pub(super) fn enter(&self, name: &FileName) -> io::Result<(Arc<Self>, bool)> {
        let there = match rustix::fs::statat(&self.handle, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(now) => match self.subfolders.find((&now).into()) {
                Some(open) => return Ok((open, false)),
                None => true,
            },
            Err(Errno::NOENT) => false,
            Err(error) => return Err(error.into()),
        };
        // Whoever finds it there while another thread makes it has to know since when it is.
        let _one_at_a_time = self.subfolders.opening();
        let since = self.mark();
        let made = !there
            && match rustix::fs::mkdirat(&self.handle, name.as_str(), FOLDER_MODE) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error.into()),
            };
        #[cfg(test)]
        self.subfolders.do_meanwhile();
        Ok((self.open_subfolder(name, since)?, made))
    }

    /// The subfolder `name`, which is there; never what a symbolic link leads to.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(super) fn existing_subfolder(&self, name: &FileName) -> io::Result<Arc<Self>> {
        let _one_at_a_time = self.subfolders.opening();
        self.open_subfolder(name, self.mark())
    }

    /// The same; to be called under [`Subfolders::opening`].
    fn open_subfolder(&self, name: &FileName, since: SyncMark) -> io::Result<Arc<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, name.as_str(), flags, Mode::empty())?;
        // Whoever made it, now or earlier, may have ended before its name was durable.
        let handle = Arc::new(File::from(handle));
        let temporaries = Arc::clone(&self.temporaries);
        let open = Self::held(handle, temporaries, self.manner, Some(name.clone()), since)?;
        Ok(self.subfolders.add(Arc::new(open)))
    }
}

impl Folder for OpenDirectory {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        Ok(Box::new(DirectoryFile::make(self)?))
    }

    fn stage_unseen(self: Arc<Self>) -> Option<Box<dyn StagedFile>> {
        if self.manner.way == Way::Temporary { None } else { self.stage().ok() }
    }

    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        Ok(self.existing_subfolder(name)?)
    }

    fn rename(&self, file: LastingId, from: &FileName, to: &FileName) -> io::Result<()> {
        // Neither may be one that a commit may still take back. In order, so that no two of us wait
        // for each other.
        let _first = self.claims.claim(from.min(to));
        let _second = (from != to).then(|| self.claims.claim(from.max(to)));
        self.final_name(from, false).rename(file, to)
    }

    fn mark(&self) -> SyncMark {
        self.shared_sync.mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.shared_sync.run(since, || self.handle.sync_all())
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

#[cfg(test)]
mod tests {
    use super::super::Directory;
    use super::super::doubles::Scratch;
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    /// A thread that finds a subfolder there before the one that made it has opened it: meanwhile a
    /// sync of the folder around it has failed, and the name may be on no disk.
    #[test]
    fn who_meets_at_a_new_subfolder_relies_on_the_same_name() {
        let scratch = Scratch::new("subfolder-met");
        let directory = Directory::open(&scratch.0, Durability::Full).unwrap();
        let parent = directory.current().unwrap();
        let name = FileName::new("study".to_owned()).unwrap();

        let (send, entered) = mpsc::channel();
        let (other, called) = (Arc::clone(&parent), name.clone());
        let meanwhile = move || {
            let failed = || Err(Errno::IO.into());
            other.shared_sync.run(other.mark(), failed).unwrap_err();
            let entering = thread::spawn(move || send.send(other.enter(&called).unwrap().0));
            // Long enough to come in, were it let in.
            thread::sleep(Duration::from_millis(200));
            drop(entering);
        };
        *parent.subfolders.meanwhile.lock().unwrap() = Some(Box::new(meanwhile));
        let (maker, made) = parent.enter(&name).unwrap();
        let finder = entered.recv().unwrap();
        assert!(made && Arc::ptr_eq(&maker, &finder), "one subfolder, open once");
        let durable = maker.own_name.make_durable(parent.as_ref(), &name);
        assert!(durable.is_err(), "the failed sync was after the name was given");
    }
}
