//! The temporary files of an output directory.
//!
//! They are in a hidden folder of it, so that to look for those that a crash left costs
//! as much as there are, whatever is stored. Their own names are hidden too, from programs that look through
//! all folders.

use super::syscalls;
use super::temporary_names::{ParsedKind, TemporaryKind, owner};
use super::turns::{Turn, Turns};
use crate::file_id::Stamp;
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, rustix};
use platform::{self, ProcessIdentity};
use rustix::fs::{Access, AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// The hidden folder; where that belongs to another user, `-` and our user ID follow.
pub(crate) const HIDDEN_FOLDER: &str = ".storescp";
/// The output directory itself, where no folder can be made in it.
pub(crate) const TOP: &str = ".";
/// No other program writes there.
const HIDDEN_FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);
/// Files get the permissions that the process's file mode creation mask leaves of this.
pub(crate) const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
/// A name is free at the first attempt, unless the folder vanishes, or what is to get it, or numbers are used
/// again.
const ATTEMPTS: usize = 16;

/// The temporary names of one output directory.
pub(crate) struct Temporaries {
    top: Arc<File>,
    /// The hidden folder that is used, once it is known to be there.
    chosen: Mutex<Option<Arc<str>>>,
    /// See [`platform::mount_generation`].
    mounted: Option<u64>,
    /// At giving temporary names, and at taking them away.
    turns: Turns,
}

impl Temporaries {
    pub(crate) fn new(top: Arc<File>) -> Self {
        let mounted = platform::mount_generation(&top);
        Self { top, chosen: Mutex::default(), mounted, turns: Turns::default() }
    }

    /// The mark of a process as temporary names have it, and the other way round: as if of another boot where
    /// the file system was mounted anew since. What was removed before may be back then.
    pub(crate) fn for_this_mount(&self, process: ProcessIdentity) -> ProcessIdentity {
        ProcessIdentity { boot: process.boot ^ self.mounted.unwrap_or_default(), ..process }
    }

    /// Whether [`for_this_mount`](Self::for_this_mount) tells of a file system that was mounted anew.
    pub(crate) fn detects_remounts(&self) -> bool {
        self.mounted.is_some()
    }

    /// The output directory, to which temporary names are relative.
    pub(crate) fn top(&self) -> &File {
        &self.top
    }

    /// Waits for a turn at giving temporary names and taking them away, also in exchange for final ones:
    /// such a call changes two folders, of which this one is the same for all.
    pub(crate) fn turn(&self) -> Turn<'_> {
        self.turns.take()
    }

    /// The hidden folders that may be there.
    pub(crate) fn folders() -> [String; 2] {
        let user = rustix::process::geteuid().as_raw();
        [HIDDEN_FOLDER.to_owned(), format!("{HIDDEN_FOLDER}-{user}")]
    }

    /// The hidden folders that are there and ours.
    pub(crate) fn own_hidden_folders(&self) -> Vec<Arc<str>> {
        if let Some(chosen) = &*self.chosen()
            && **chosen == *HIDDEN_FOLDER
        {
            let other = &Self::folders()[1];
            let other = self.is_ours(other).then(|| Arc::from(other.as_str()));
            return [Arc::clone(chosen)].into_iter().chain(other).collect();
        }
        Self::folders().into_iter().filter(|it| self.is_ours(it)).map(Arc::from).collect()
    }

    /// The hidden folder that is used, made if there is none.
    ///
    /// # Errors
    /// Those of the operating system; `Unsupported` if there can be none.
    pub(crate) fn hidden_folder(&self) -> io::Result<Arc<str>> {
        let folder = self.folder()?;
        if &*folder == TOP { Err(io::ErrorKind::Unsupported.into()) } else { Ok(folder) }
    }

    /// Whether temporary names are among the others, since there can be no hidden folder.
    pub(crate) fn are_in_top(&self) -> bool {
        self.chosen().as_deref() == Some(TOP)
    }

    /// Has `make` give something a name that nothing has, and returns the name.
    ///
    /// # Errors
    /// What `make` said, unless another name helped; or that there is no hidden folder and none can be made.
    pub(crate) fn with_new_name<T>(
        &self,
        kind: TemporaryKind<'_>,
        make: impl Fn(&str) -> io::Result<T>,
    ) -> io::Result<(String, T)> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..ATTEMPTS {
            let folder = self.folder()?;
            let path = format!("{folder}/{}", kind.file_name(self.for_this_mount(owner())));
            match make(&path) {
                Ok(made) => return Ok((path, made)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                // The folder may have been removed, which was empty, and made again since, any number of times:
                // by other processes, or by associations that have ended.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.find_hidden_folder_anew()?;
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Has the hidden folder be made again when it is needed, if it was removed.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn find_hidden_folder_anew(&self) -> io::Result<()> {
        let mut chosen = self.chosen();
        if let Some(folder) = &*chosen
            && syscalls::id_at((&self.top, folder))?.is_none()
        {
            *chosen = None;
        }
        Ok(())
    }

    /// Whether an older file is kept since `newer` was replacing it. Takes time in proportion to the number of
    /// temporary files; if there can be no hidden folder, to that of all files.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn has_replaced_by(&self, newer: Stamp) -> io::Result<bool> {
        let newer = (newer.id.inode, newer.modified);
        let top = self.are_in_top().then(|| TOP.to_owned());
        for folder in Self::folders().into_iter().chain(top) {
            let opened = match syscalls::open_folder((&self.top, &folder)) {
                Err(error) if is_none_of_ours(&error) => continue,
                result => result?,
            };
            for entry in Dir::read_from(&opened)? {
                let kind = entry?.file_name().to_str().ok().and_then(ParsedKind::parse);
                if let Some((_, ParsedKind::Replaced { newer: found, .. })) = kind
                    && found == newer
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Makes an empty file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn create(&self) -> io::Result<(String, File)> {
        let _turn = self.turn();
        self.with_new_name(TemporaryKind::Incoming, |path| {
            syscalls::create((&self.top, path), FILE_MODE)
        })
    }

    /// Removes a name that is ours alone; that it is gone already is as good.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn remove(&self, path: &str) -> io::Result<()> {
        syscalls::unlink((&self.top, path))
    }

    /// Removes hidden folders that another run left, if nothing is in them and this one has none.
    pub(crate) fn remove_unused_hidden_folders(&self) {
        let chosen = self.chosen();
        if chosen.is_none() {
            for folder in Self::folders() {
                let _ = rustix::fs::unlinkat(&self.top, folder, AtFlags::REMOVEDIR);
            }
        }
    }

    /// Removes the hidden folder, if nothing is in it.
    pub(crate) fn remove_hidden_folder(&self) {
        let mut chosen = self.chosen();
        if let Some(folder) = &*chosen {
            match rustix::fs::unlinkat(&self.top, &**folder, AtFlags::REMOVEDIR) {
                // It is made again when it is needed.
                Ok(()) | Err(Errno::NOENT) => *chosen = None,
                Err(_) => {}
            }
        }
    }

    fn chosen(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hidden folder, made if there is none.
    fn folder(&self) -> io::Result<Arc<str>> {
        let mut chosen = self.chosen();
        if let Some(folder) = &*chosen {
            return Ok(Arc::clone(folder));
        }
        for folder in Self::folders().into_iter().chain([TOP.to_owned()]) {
            let made = match &*folder {
                TOP => Err(Errno::EXIST),
                _ => syscalls::make_folder((&self.top, &folder), HIDDEN_FOLDER_MODE),
            };
            let usable = match made {
                Ok(()) => true,
                Err(Errno::EXIST) => self.is_ours(&folder),
                // There are folders in which only files may be made, or no more folders.
                Err(Errno::NOSYS | Errno::NOTSUP | Errno::PERM | Errno::ACCESS | Errno::MLINK) => {
                    false
                }
                Err(error) => return Err(error.into()),
            };
            if usable {
                return Ok(Arc::clone(chosen.insert(folder.into())));
            }
        }
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// Whether it is a folder, of ours or of whom the output directory belongs to, in which we can make files.
    fn is_ours(&self, folder: &str) -> bool {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(opened) = rustix::fs::openat(&self.top, folder, flags, Mode::empty()) else {
            return false;
        };
        let owner = |status: rustix::io::Result<rustix::fs::Stat>| status.ok().map(|it| it.st_uid);
        let found = owner(rustix::fs::fstat(&opened));
        let user = rustix::process::geteuid().as_raw();
        let usable = Access::WRITE_OK | Access::EXEC_OK;
        (found == Some(user) || found == owner(rustix::fs::fstat(&*self.top)))
            && rustix::fs::accessat(&opened, ".", usable, AtFlags::EACCESS).is_ok()
    }
}

/// Whether the error says that there is no hidden folder, or one of another user's.
fn is_none_of_ours(error: &io::Error) -> bool {
    let lacking = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::ACCESS];
    lacking.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl Drop for Temporaries {
    fn drop(&mut self) {
        self.remove_hidden_folder();
    }
}
