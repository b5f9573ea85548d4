//! The folders that intents are in.
//!
//! ```text
//!   .storescp/pending/k/aeabc…k…      k: the eighth character of the name, by which files are spread
//!   .storescp/spool/k/aeabc…k…
//! ```
//!
//! The eighth character of an [`Envelope`](crate::Envelope)'s name changes every 4.3 seconds. So those who store at the
//! same time use the same folder, and share its syncs, and a backlog is spread over 32 folders.
//!
//! Where one log has the changes of all folders in their order, the sync of the folder of the final name makes the link
//! durable too, and all folders above it. Elsewhere each is synced.

mod in_spool;
mod links;

use crate::directory::names::syscalls::{self, Location};
use crate::directory::names::temporary_files::Temporaries;
use crate::directory::names::turns::Turns;
use crate::directory::strategy::Strategy;
use crate::limits::{NAME_ATTEMPTS, WIDE_FOLDER_BYTES, WIDE_FOLDER_NAMES};
use crate::{FolderSync, IntentName, SyncMark};
use links::{move_link, names_in};
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, rustix};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// No other program writes there.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);

/// The folders of one output directory. Holds a descriptor for each that was used: at most
/// [`INTENT_FOLDERS`](crate::limits::INTENT_FOLDERS).
pub(crate) struct IntentFolders {
    temporaries: Arc<Temporaries>,
    /// Each folder has to be synced, for a link in it to be durable.
    syncs: bool,
    /// A folder has to be [widened](widen).
    widens: bool,
    hides_a_lost_log: bool,
    open: Mutex<HashMap<Place, Arc<IntentFolder>>>,
}

/// What the links in a folder are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Pending,
    Spool,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Pending, Self::Spool];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Spool => "spool",
        }
    }
}

/// Which folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The hidden folder around it.
    hidden: Arc<str>,
    pub(super) kind: Kind,
    shard: char,
}

impl Place {
    /// The one of the spool beside it.
    fn in_spool(&self) -> Self {
        Self { kind: Kind::Spool, ..self.clone() }
    }

    /// Beneath the output directory.
    pub(super) fn path(&self) -> String {
        format!("{}/{}/{}", self.hidden, self.kind.name(), self.shard)
    }
}

/// A folder with links, which is held open.
pub(crate) struct IntentFolder {
    pub(super) place: Place,
    pub(super) handle: File,
    /// At changing its names.
    turns: Turns,
    shared_sync: FolderSync,
    hides_a_lost_log: bool,
}

impl IntentFolder {
    /// A name in it.
    pub(super) fn location<'a>(&'a self, name: &'a IntentName) -> Location<'a> {
        (&self.handle, name.as_str())
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.shared_sync.run(since, || {
            syscalls::sync_folder(&self.handle)?;
            if self.hides_a_lost_log { platform::check_log(&self.handle) } else { Ok(()) }
        })
    }

    /// Whether another process has removed it, since it was empty.
    fn is_removed(&self) -> bool {
        rustix::fs::fstat(&self.handle).is_ok_and(|status| status.st_nlink == 0)
    }
}

/// The intent that a file has.
pub(crate) struct Intent {
    name: IntentName,
    folder: Arc<IntentFolder>,
    /// From before the file was linked there.
    since: SyncMark,
}

impl Intent {
    /// Makes it durable, whatever other names the file gets.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.folder.sync(self.since)
    }

    /// Removes it. Should that fail, an object is taken in that was never acknowledged, which is told.
    pub(crate) fn remove(&self) {
        let _turn = self.folder.turns.take();
        if let Err(error) = syscalls::unlink(self.folder.location(&self.name)) {
            tracing::error!(
                "cannot remove the intent {} of an object that is not stored: {error}",
                self.name
            );
        }
    }
}

impl IntentFolders {
    pub(crate) fn new(temporaries: Arc<Temporaries>, strategy: &Strategy) -> Self {
        let durable = strategy.durability.survives_power_loss();
        Self {
            temporaries,
            syncs: durable && !strategy.orders_names,
            widens: durable && strategy.loses_grown_folders,
            hides_a_lost_log: strategy.hides_a_lost_log,
            open: Mutex::default(),
        }
    }

    /// Whether a link is durable only once its folder is synced, whatever else is.
    pub(crate) fn need_syncs(&self) -> bool {
        self.syncs
    }

    /// Has `link` give a file the name in its pending folder, which is made if there is none.
    ///
    /// # Errors
    /// Those of the operating system; the file has no intent.
    pub(crate) fn link(
        &self,
        name: &IntentName,
        link: impl Fn(Location<'_>) -> io::Result<()>,
    ) -> io::Result<Intent> {
        for _ in 0..NAME_ATTEMPTS {
            let hidden = self.temporaries.hidden_folder()?;
            let place = Place { hidden, kind: Kind::Pending, shard: shard(name) };
            let folder = match self.made(place) {
                // Another process has removed one around it in that moment, which was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.temporaries.find_hidden_folder_anew()?;
                    continue;
                }
                result => result?,
            };
            let since = folder.shared_sync.mark();
            let linked = {
                let _turn = folder.turns.take();
                link(folder.location(name))
            };
            match linked {
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_removed() => {
                    self.forget(&folder);
                }
                result => return result.map(|()| Intent { name: name.clone(), folder, since }),
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Moves links from the pending folders into the spool, if something is owed, or removes them. Where the folders
    /// have to be synced, each is once.
    ///
    /// # Errors
    /// Those of the operating system; each link is in one of the folders, or in both.
    pub(crate) fn settle(&self, names: &[(&IntentName, bool)]) -> io::Result<()> {
        let mut spools: HashMap<Place, (Arc<IntentFolder>, SyncMark)> = HashMap::new();
        let mut linked = Vec::new();
        for &(name, owed) in names {
            for folder in self.existing_with(Kind::Pending, name)? {
                if !owed {
                    folder.unlink(name)?;
                } else if self.syncs {
                    let given = self.give_to_spool(&folder, name, syscalls::link)?;
                    if let Some((spool, since)) = given {
                        spools.entry(spool.place.clone()).or_insert((spool, since));
                        linked.push((folder, name));
                    }
                } else {
                    self.give_to_spool(&folder, name, move_link)?;
                }
            }
        }
        for (folder, since) in spools.values() {
            if let Err(error) = folder.sync(*since) {
                // The kernel would not try again to write these names: the next attempt is to give new ones.
                for spool in spools.values().map(|(spool, _)| spool) {
                    self.take_back(spool);
                }
                return Err(error);
            }
        }
        linked.iter().try_for_each(|(folder, name)| folder.unlink(name))
    }

    /// Has `step` give a file that is pending its name in the spool. Returns the folder, and its mark from before; `None`
    /// if nothing is pending any more.
    pub(super) fn give_to_spool(
        &self,
        from: &IntentFolder,
        name: &IntentName,
        step: fn(Location<'_>, Location<'_>) -> io::Result<()>,
    ) -> io::Result<Option<(Arc<IntentFolder>, SyncMark)>> {
        for _ in 0..NAME_ATTEMPTS {
            let spool = match self.made(from.place.in_spool()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !from.is_removed() => {
                    continue;
                }
                result => result?,
            };
            let since = spool.shared_sync.mark();
            let moved = {
                let _turn = spool.turns.take();
                step(from.location(name), spool.location(name))
            };
            match moved {
                Err(error) if error.kind() == io::ErrorKind::NotFound && spool.is_removed() => {
                    self.forget(&spool);
                }
                // A link of before a crash, which may be on no disk.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => spool.unlink(name)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                result => return result.map(|()| Some((spool, since))),
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Removes a link, wherever it is.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn release(&self, name: &IntentName) -> io::Result<()> {
        for kind in Kind::ALL {
            for folder in self.existing_with(kind, name)? {
                folder.unlink(name)?;
            }
        }
        Ok(())
    }

    /// The folder that has the link, and its path beneath the output directory: the spool's if both have.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(super) fn find(
        &self,
        name: &IntentName,
    ) -> io::Result<Option<(Arc<IntentFolder>, PathBuf)>> {
        // What is moved meanwhile was pending before, and is in the spool after.
        for kind in [Kind::Spool, Kind::Pending, Kind::Spool] {
            for folder in self.existing_with(kind, name)? {
                if syscalls::id_at(folder.location(name))?.is_some() {
                    let path = PathBuf::from(folder.place.path()).join(name.as_str());
                    return Ok(Some((folder, path)));
                }
            }
        }
        Ok(None)
    }

    /// Calls `found` for each name in the folders of this kind, until it returns false. Holds no lock meanwhile.
    ///
    /// # Errors
    /// Those of the operating system, and of `found`.
    pub(super) fn each(
        &self,
        kind: Kind,
        found: &mut dyn FnMut(&IntentFolder, IntentName) -> io::Result<bool>,
    ) -> io::Result<()> {
        for hidden in self.temporaries.own_hidden_folders() {
            for shard in IntentName::CHARACTERS {
                let hidden = Arc::clone(&hidden);
                let Some(folder) = self.existing(Place { hidden, kind, shard })? else { continue };
                for name in names_in(&folder.handle)? {
                    if !found(&folder, name?)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The folders of this kind that may have the name: one, unless there are several hidden folders.
    pub(super) fn existing_with(
        &self,
        kind: Kind,
        name: &IntentName,
    ) -> io::Result<Vec<Arc<IntentFolder>>> {
        let shard = shard(name);
        let hidden = self.temporaries.own_hidden_folders();
        let folders = hidden.into_iter().map(|hidden| self.existing(Place { hidden, kind, shard }));
        folders.filter_map(io::Result::transpose).collect()
    }

    /// The folder, if there is one.
    fn existing(&self, place: Place) -> io::Result<Option<Arc<IntentFolder>>> {
        let mut open = self.open();
        if let Some(folder) = open.get(&place).filter(|folder| !folder.is_removed()) {
            return Ok(Some(Arc::clone(folder)));
        }
        match self.open_folder(place) {
            Ok(folder) => Ok(Some(keep(&mut open, folder))),
            Err(error) if is_none(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The folder, made if there is none, and those around it.
    fn made(&self, place: Place) -> io::Result<Arc<IntentFolder>> {
        let mut open = self.open();
        if let Some(folder) = open.get(&place) {
            return Ok(Arc::clone(folder));
        }
        let (top, kind) =
            (self.temporaries.top(), format!("{}/{}", place.hidden, place.kind.name()));
        for path in [kind, place.path()] {
            match syscalls::make_folder((top, &path), FOLDER_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let folder = self.open_folder(place)?;
        if self.widens {
            widen(&folder.handle)?;
        }
        // Whoever made one of them may have ended before its name was durable.
        if self.syncs
            && let Err(error) = self.sync_around(&folder.place)
        {
            // The kernel would not try again to write the old name.
            let _ = rustix::fs::unlinkat(top, folder.place.path(), AtFlags::REMOVEDIR);
            return Err(error);
        }
        Ok(keep(&mut open, folder))
    }

    /// Syncs the folders around one, from the inside out.
    fn sync_around(&self, place: &Place) -> io::Result<()> {
        let top = self.temporaries.top();
        let hidden = syscalls::open_folder((top, &place.hidden))?;
        syscalls::sync_folder(&syscalls::open_folder((&hidden, place.kind.name()))?)?;
        syscalls::sync_folder(&hidden)?;
        syscalls::sync_folder(top)
    }

    /// Opens it, never through a symbolic link.
    fn open_folder(&self, place: Place) -> io::Result<IntentFolder> {
        let hidden = syscalls::open_folder((self.temporaries.top(), &place.hidden))?;
        let kind = syscalls::open_folder((&hidden, place.kind.name()))?;
        let mut text = [0; 4];
        let handle = syscalls::open_folder((&kind, place.shard.encode_utf8(&mut text)))?;
        let hides_a_lost_log = self.hides_a_lost_log;
        let (turns, shared_sync) = (Turns::default(), FolderSync::default());
        Ok(IntentFolder { place, handle, turns, shared_sync, hides_a_lost_log })
    }

    fn forget(&self, folder: &Arc<IntentFolder>) {
        let mut open = self.open();
        if open.get(&folder.place).is_some_and(|known| Arc::ptr_eq(known, folder)) {
            open.remove(&folder.place);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Place, Arc<IntentFolder>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes those in which nothing is, unless this process uses some.
    pub(crate) fn remove_unused(&self) {
        if self.open().is_empty() {
            self.remove_empty();
        }
    }

    fn remove_empty(&self) {
        let top = self.temporaries.top();
        let remove = |path: &str| rustix::fs::unlinkat(top, path, AtFlags::REMOVEDIR).is_ok();
        for hidden in self.temporaries.own_hidden_folders() {
            for kind in Kind::ALL {
                // Most times there is none.
                let around = format!("{hidden}/{}", kind.name());
                if matches!(syscalls::id_at((top, &around)), Ok(Some(_))) {
                    for shard in IntentName::CHARACTERS {
                        let hidden = Arc::clone(&hidden);
                        remove(&Place { hidden, kind, shard }.path());
                    }
                    remove(&around);
                }
            }
        }
    }
}

impl IntentFolder {
    pub(super) fn unlink(&self, name: &IntentName) -> io::Result<()> {
        let _turn = self.turns.take();
        syscalls::unlink(self.location(name))
    }
}

impl Drop for IntentFolders {
    fn drop(&mut self) {
        if !self.open().is_empty() {
            self.remove_empty();
        }
    }
}

fn keep(open: &mut HashMap<Place, Arc<IntentFolder>>, folder: IntentFolder) -> Arc<IntentFolder> {
    let folder = Arc::new(folder);
    open.insert(folder.place.clone(), Arc::clone(&folder));
    folder
}

/// Has a folder grow to [`WIDE_FOLDER_BYTES`] before anything is in it, by names that are removed again: ext4 does not make
/// folders smaller. Without a journal, what is in a folder that grows is lost if the power goes between the writes of its
/// blocks: most of all where its first block is divided, which happens after some thirty names.
///
/// # Errors
/// Those of its sync. If there is no room for so many names, it grows later.
fn widen(folder: &File) -> io::Result<()> {
    let is_wide = || rustix::fs::fstat(folder).map(|it| it.st_size >= WIDE_FOLDER_BYTES);
    if is_wide()? {
        return Ok(());
    }
    // As long as the names of intents, and none of them.
    let names: Vec<_> = (0..WIDE_FOLDER_NAMES).map(|number| format!("{number:~>113}")).collect();
    let remove = || names.iter().for_each(|name| drop(syscalls::unlink((folder, name))));
    // Those that a crash left.
    remove();
    let first = (folder, names[0].as_str());
    if syscalls::create(first, Mode::RUSR).is_ok() {
        let mut others = names[1..].iter();
        while !is_wide()?
            && others.next().is_some_and(|it| syscalls::link(first, (folder, it)).is_ok())
        {}
    }
    remove();
    syscalls::sync_folder(folder)
}

/// By which files are spread over folders: names have at least eight characters.
fn shard(name: &IntentName) -> char {
    name.as_str().chars().nth(7).unwrap_or('a')
}

/// Whether the error says that there is no such folder.
fn is_none(error: &io::Error) -> bool {
    let lacking = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];
    lacking.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
