//! Storage in a directory of the file system.

mod directory_file;
mod existing_file;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod folder;
mod intent_folders;
mod intents;
mod mounts;
mod names;
mod open_directory;
mod recovery;
mod strategy;
mod subfolders;
#[cfg(test)]
pub(crate) mod testing;

pub use recovery::Recovered;

use crate::{Durability, FileId, Folder, Intents, Storage};
use mounts::MountWatch;
use names::abilities::Abilities;
use names::system_errors::is_full;
use open_directory::OpenDirectory;
use platform::Journal;
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, rustix};
use std::io;
use std::path::{Path, PathBuf};
use strategy::Strategy;

/// An existing directory in which instances are stored.
///
/// Holds one descriptor, and one for each of the subfolders used last, at most
/// [`OPEN_SUBFOLDERS`](crate::limits::OPEN_SUBFOLDERS), until an object fails. Each file being received holds
/// another one, and two while it replaces an older file.
#[derive(Clone)]
pub struct Directory {
    path: PathBuf,
    durability: Durability,
    /// Shared by all copies.
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: Option<Arc<OpenDirectory>>,
    mounts: Option<MountWatch>,
    /// How files are written in the directory that was opened last.
    strategy: Option<(FileId, Strategy)>,
    /// Who asked for [`Durability::Ordered`] knows whether the first file system has it.
    is_checked: bool,
}

/// What a directory is used for, as far as not every file system supports it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// Files get names only if those are free.
    pub free_names: bool,
}

impl Directory {
    /// Opens the directory and finds out how files can be created and named there with this `durability`.
    ///
    /// # Errors
    /// `NotFound` or `NotADirectory` if the path leads to no directory, or another error of the operating
    /// system if no files can be created there. A full file system is not an error: objects are refused until
    /// there is space.
    pub fn open(path: &Path, durability: Durability) -> io::Result<Self> {
        let directory = Self { path: path.to_owned(), durability, state: Arc::default() };
        match directory.current() {
            Err(error) if is_full(&error) => {
                tracing::warn!("not enough free space in the output directory: {error}");
            }
            result => result.map(drop)?,
        }
        Ok(directory)
    }

    /// With this staging and these abilities on any file system, for tests.
    #[cfg(test)]
    pub(crate) fn open_with(
        path: &Path,
        staging: strategy::Staging,
        abilities: Abilities,
    ) -> io::Result<Self> {
        let directory = Self::open(path, Durability::Full)?;
        let mut open =
            OpenDirectory::on(OpenDirectory::open_handle(path)?, None, Durability::Full)?;
        open.set_strategy(staging, abilities);
        directory.state().open = Some(Arc::new(open));
        Ok(directory)
    }

    /// Has it rely on the order of names, or not.
    #[cfg(test)]
    pub(crate) fn set_orders_names(&self, orders_names: bool) {
        let mut state = self.state();
        let open = state.open.as_mut().and_then(Arc::get_mut).expect("no file is in use");
        open.set_orders_names(orders_names);
    }

    /// Checks that the file system supports what is needed. Logs a warning if it is less safe than others.
    ///
    /// # Errors
    /// What it does not support, and what to do about it.
    pub fn check(&self, needs: Needs) -> Result<(), String> {
        let open = {
            let mut state = self.state();
            state.is_checked = true;
            state.open.clone()
        };
        let Some(open) = open else { return Ok(()) };
        if open.strategy.durability != self.durability {
            platform::keeps_order(&open.handle).map_err(|found| {
                format!(
                    "--durability ordered needs ext4 with an ordinary journal, or XFS, on one device, but {found}: \
                     use --durability full"
                )
            })?;
        }
        let Abilities { no_replace, links, locks, .. } = open.abilities();
        if needs.free_names && !no_replace && !links {
            return Err(
                "its file system supports neither hard links nor RENAME_NOREPLACE, which \
                 --unique-filenames, --timenames, --rename-on-eostudy and duplicates other than \"replace\" need: \
                 leave these out, or store on another file system"
                    .to_owned(),
            );
        }
        if !locks {
            tracing::warn!(
                "the file system of the output directory does not support locks: only one receiver \
                 should store there at a time"
            );
        } else if !no_replace && !links {
            tracing::warn!(
                "the file system of the output directory supports neither hard links nor \
                 RENAME_NOREPLACE: only one receiver should store there at a time"
            );
        }
        Ok(())
    }

    /// Processes the temporary files that a crashed receiver left: deletes those that were never acknowledged,
    /// and gives files that were being replaced their names again. Those of a running receiver stay. To be
    /// called once the port is open. If no hidden folder can be created in the directory, they are looked for
    /// among all its files, but only with `lists_all`.
    ///
    /// # Errors
    /// Those of the operating system if the directory cannot be opened.
    pub fn recover(&self, lists_all: bool) -> io::Result<Recovered> {
        let open = self.current()?;
        Ok(recovery::recover(&open, &self.path, lists_all))
    }

    /// Removes the hidden folder, if nothing is in it.
    fn remove_hidden_folder(&self) {
        if let Some(open) = &self.state().open {
            open.remove_hidden_folder();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory that the path leads to now.
    ///
    /// # Errors
    /// Those of the operating system; or the path leads to another directory than before because the file
    /// system of that one is not mounted any more.
    pub(crate) fn current(&self) -> io::Result<Arc<OpenDirectory>> {
        let state = &mut *self.state();
        let now = FileId::from(&rustix::fs::stat(&self.path)?);
        // The same folder is the same, whichever mount it is seen through.
        if let Some(open) = &state.open
            && open.identity == now
        {
            return Ok(Arc::clone(open));
        }
        state.open = None;
        let handle = OpenDirectory::open_handle(&self.path)?;
        if let Some(mounts) = &state.mounts
            && mounts.is_lost(&handle)?
        {
            return Err(io::Error::other("the output directory is no longer mounted"));
        }
        let mounts = MountWatch::of(&self.path, &handle);
        // The same directory of the same mount can do what it could.
        let is_same = |one: &MountWatch, other: &MountWatch| one.is_same_mount(other);
        let is_same =
            state.mounts.as_ref().zip(mounts.as_ref()).is_some_and(|it| is_same(it.0, it.1));
        let known =
            state.strategy.filter(|(id, _)| is_same && *id == now).map(|(_, strategy)| strategy);
        let open = Arc::new(OpenDirectory::on(handle, known, self.durability)?);
        if FileId::from(&rustix::fs::stat(&self.path)?) != open.identity {
            return Err(io::Error::other("the directory was replaced during opening"));
        }
        if known.is_none() && state.is_checked && open.strategy.durability != self.durability {
            warn_of_disorder(&open);
        }
        state.mounts = mounts;
        state.strategy = Some((open.identity, open.strategy));
        state.open = Some(Arc::clone(&open));
        Ok(open)
    }
}

/// Not an error: [`Durability::Full`] is as safe.
fn warn_of_disorder(open: &OpenDirectory) {
    if let Err(found) = platform::keeps_order(&open.handle) {
        tracing::warn!(
            "--durability ordered cannot be used on the file system that is now mounted on the output directory, \
             since {found}: --durability full is used there"
        );
    }
}

impl Storage for Directory {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        Ok(self.current()?)
    }

    fn intents(&self) -> Option<Arc<dyn Intents>> {
        let open = self.state().open.clone();
        let lacks = open.is_some_and(|open| !open.supports_intents());
        (!lacks).then(|| Arc::new(self.clone()) as Arc<dyn Intents>)
    }

    fn close_unused(&self) {
        let mut state = self.state();
        // All who use it at a time have to share its syncs and its name claims.
        if state.open.as_ref().is_some_and(|open| Arc::strong_count(open) == 1) {
            state.open = None;
        }
    }

    fn recover(&self, lists_all: bool) {
        match Self::recover(self, lists_all) {
            Ok(recovered) => recovered.log(),
            Err(error) => {
                tracing::warn!("cannot look for temporary files of an earlier run: {error}");
            }
        }
    }

    /// Without durability, finding out would be the only sync.
    fn warn_of_damage(&self) {
        let open = self.state().open.clone().filter(|_| self.durability != Durability::None);
        let Some(open) = open else { return };
        if platform::may_not_check_log(&open.handle) {
            tracing::warn!(
                "the receiver may not ask ext4 whether its journal failed, and could answer success for an object \
                 that a failing disk loses, since the output directory has the sticky bit and belongs to another \
                 user. To avoid this, give it to the receiver's user (chown), or clear the bit (chmod -t)"
            );
        }
        if platform::journal(&open.handle) == Journal::FastCommit {
            tracing::warn!(
                "the ext4 file system of the output directory has the feature fast_commit: after a power loss it \
                 may not be mountable until it is repaired (e2fsck -fy), and may have lost objects. To turn the \
                 feature off, unmount it and run tune2fs -O ^fast_commit DEVICE"
            );
        }
    }

    fn clean_up(&self) {
        self.remove_hidden_folder();
    }
}
