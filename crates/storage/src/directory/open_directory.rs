//! A directory that is held open.

use super::intent_folders::IntentFolders;
use super::names::abilities::Abilities;
use super::names::final_name::FinalName;
use super::names::name_claims::NameClaims;
use super::names::temporary_files::Temporaries;
use super::names::turns::Turns;
#[cfg(test)]
use super::strategy::Staging;
use super::strategy::Strategy;
use super::subfolders::Subfolders;
use crate::{Durability, FileId, FileName, Folder, FolderSync, SubfolderName, SyncMark};
use platform::sync::{Arc, Weak, rustix};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::path::Path;

/// Directories get the permissions that the process's file mode creation mask leaves of this.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// A directory that is held open, so that a file is named in the directory in which it was made.
pub(crate) struct OpenDirectory {
    pub(crate) handle: Arc<File>,
    pub(crate) identity: FileId,
    pub(crate) strategy: Strategy,
    /// The names that lead to it from the output directory, the outermost first.
    pub(crate) path: Box<[FileName]>,
    /// How durable that is; see [`Subfolder`](crate::Subfolder).
    pub(crate) own_name: Arc<SubfolderName>,
    /// Those of the output directory.
    pub(crate) temporaries: Arc<Temporaries>,
    pub(crate) intents: Arc<IntentFolders>,
    pub(crate) claims: Arc<NameClaims>,
    /// At giving names here to files that have none.
    pub(crate) turns: Turns,
    pub(crate) shared_sync: FolderSync,
    /// All folders that are open in the output directory, at any depth.
    subfolders: Weak<Subfolders<Self>>,
    /// The output directory itself keeps them.
    _kept: Option<Arc<Subfolders<Self>>>,
}

impl OpenDirectory {
    pub(crate) fn open_handle(path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
    }

    /// An output directory; finds out how files are made and named there, unless that is known.
    ///
    /// # Errors
    /// No files can be made there.
    pub(crate) fn on(
        handle: File,
        known: Option<Strategy>,
        durability: Durability,
    ) -> io::Result<Self> {
        let handle = Arc::new(handle);
        let temporaries = Arc::new(Temporaries::new(Arc::clone(&handle)));
        let strategy = match known {
            Some(strategy) => strategy,
            None => Strategy::probe(&handle, &temporaries, durability)?,
        };
        let subfolders = Arc::new(Subfolders::default());
        Ok(Self {
            identity: FileId::of(&handle)?,
            handle,
            strategy,
            path: Box::default(),
            own_name: Arc::new(SubfolderName::given(SyncMark::default())),
            intents: Arc::new(IntentFolders::new(Arc::clone(&temporaries), &strategy)),
            temporaries,
            claims: Arc::default(),
            turns: Turns::default(),
            shared_sync: FolderSync::default(),
            subfolders: Arc::downgrade(&subfolders),
            _kept: Some(subfolders),
        })
    }

    #[cfg(test)]
    pub(crate) fn set_strategy(&mut self, staging: Staging, abilities: Abilities) {
        self.strategy.staging = staging;
        self.strategy.abilities = abilities;
    }

    #[cfg(test)]
    pub(crate) fn set_orders_names(&mut self, orders_names: bool) {
        self.strategy.orders_names = orders_names;
        self.intents = Arc::new(IntentFolders::new(Arc::clone(&self.temporaries), &self.strategy));
    }

    pub(crate) fn abilities(&self) -> Abilities {
        self.strategy.abilities
    }

    /// Whether files can have intents.
    pub(crate) fn supports_intents(&self) -> bool {
        let Abilities { links, locks, .. } = self.abilities();
        links && locks && !self.temporaries.are_in_top()
    }

    /// Removes the hidden folder, if nothing is in it.
    pub(crate) fn remove_hidden_folder(&self) {
        self.temporaries.remove_hidden_folder();
    }

    /// A name in this directory, to be given to a file or taken from it.
    pub(crate) fn final_name<'a>(&'a self, name: &'a FileName, is_locked: bool) -> FinalName<'a> {
        FinalName {
            folder: &self.handle,
            folder_path: &self.path,
            name,
            note: None,
            temporaries: &self.temporaries,
            abilities: self.strategy.abilities,
            is_locked,
        }
    }

    fn subfolders(&self) -> io::Result<Arc<Subfolders<Self>>> {
        let closed = || io::Error::new(io::ErrorKind::NotFound, "the output directory was closed");
        self.subfolders.upgrade().ok_or_else(closed)
    }

    /// The subfolder `name`, made if there is none, and whether it was; never what a symbolic link
    /// leads to.
    pub(crate) fn enter(self: &Arc<Self>, name: &FileName) -> io::Result<(Arc<Self>, bool)> {
        let subfolders = self.subfolders()?;
        let there = match rustix::fs::statat(&self.handle, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(now) => match subfolders.find((&now).into()) {
                Some(open) => return Ok((open, false)),
                None => true,
            },
            Err(Errno::NOENT) => false,
            Err(error) => return Err(error.into()),
        };
        // A thread that finds it while another one creates it needs to know since when it exists.
        let _one_at_a_time = subfolders.opening();
        let since = self.mark();
        let made = !there
            && match rustix::fs::mkdirat(&self.handle, name.as_str(), FOLDER_MODE) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error.into()),
            };
        #[cfg(test)]
        subfolders.do_meanwhile();
        Ok((self.open_subfolder(&subfolders, name, since)?, made))
    }

    /// The subfolder `name`, which is there; never what a symbolic link leads to.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn existing_subfolder(self: &Arc<Self>, name: &FileName) -> io::Result<Arc<Self>> {
        let subfolders = self.subfolders()?;
        let _one_at_a_time = subfolders.opening();
        self.open_subfolder(&subfolders, name, self.mark())
    }

    /// The folder to which these names lead, the outermost first; never through a symbolic link.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn existing_folder(self: &Arc<Self>, path: &[FileName]) -> io::Result<Arc<Self>> {
        path.iter().try_fold(Arc::clone(self), |folder, name| folder.existing_subfolder(name))
    }

    /// The same; to be called under [`Subfolders::opening`].
    fn open_subfolder(
        self: &Arc<Self>,
        subfolders: &Arc<Subfolders<Self>>,
        name: &FileName,
        since: SyncMark,
    ) -> io::Result<Arc<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, name.as_str(), flags, Mode::empty())?;
        // The process that created it may have ended before its name was durable.
        let handle = Arc::new(File::from(handle));
        let open = Self {
            identity: FileId::of(&handle)?,
            handle,
            strategy: self.strategy,
            path: self.path.iter().chain([name]).cloned().collect(),
            own_name: Arc::new(self.name_given(since)),
            temporaries: Arc::clone(&self.temporaries),
            intents: Arc::clone(&self.intents),
            claims: Arc::default(),
            turns: Turns::default(),
            shared_sync: FolderSync::default(),
            subfolders: Arc::downgrade(subfolders),
            _kept: None,
        };
        Ok(subfolders.add(open.identity, Arc::new(open)))
    }

    /// The name of a subfolder of this one. As long as that is not durable, its mark is one of this very folder, which
    /// therefore stays open; the output directory does anyway.
    fn name_given(self: &Arc<Self>, since: SyncMark) -> SubfolderName {
        if self.path.is_empty() || !self.strategy.durability.survives_power_loss() {
            return SubfolderName::given(since);
        }
        SubfolderName::given_in(since, Arc::clone(self) as Arc<dyn Folder>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;
    use crate::directory::testing::Scratch;
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
        *parent.subfolders().unwrap().meanwhile.lock().unwrap() = Some(Box::new(meanwhile));
        let (maker, made) = parent.enter(&name).unwrap();
        let finder = entered.recv().unwrap();
        assert!(made && Arc::ptr_eq(&maker, &finder), "one subfolder, open once");
        let durable = maker.own_name.make_durable(parent.as_ref(), &name);
        assert!(durable.is_err(), "the failed sync was after the name was given");
    }
}
