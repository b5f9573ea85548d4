//! Temporary names, which say what they hold and whose they are.
//!
//! They are in a hidden folder of the output directory, so that to look for those that a crash left costs
//! as much as there are, whatever is stored. Their own names are hidden too, from programs that look through
//! all folders.

use super::syscalls;
use crate::FileName;
use crate::file_id::Stamp;
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError, rustix};
use platform::{self, ProcessMark};
use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The hidden folder; where that is somebody else's, `-` and our user ID follow.
pub(crate) const HIDDEN_FOLDER: &str = ".storescp";
/// The output directory itself, where no folder can be made in it.
pub(crate) const TOP: &str = ".";
const INCOMING: &str = ".incoming-";
const REPLACED: &str = ".replaced-";
/// Ends the names, so that none looks like the one of an instance.
const END: char = '~';
/// Nobody else has business there.
const HIDDEN_FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);
/// Files get the permissions that the process's file mode creation mask leaves of this.
pub(crate) const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
/// A name is free at the first attempt, unless the folder vanishes or numbers are used again.
const ATTEMPTS: usize = 16;

/// What has a temporary name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holds<'a> {
    /// A file on its way, which was never acknowledged.
    Incoming,
    /// What had the name `name` before `newer` got it, or was to get it; or `newer` itself, before and after
    /// that. Anything but `newer` may be the only copy of an acknowledged object.
    Replaced {
        /// The file that was never acknowledged as long as this one is there.
        newer: Stamp,
        /// The subfolder of `name`, if it is in one.
        folder: Option<&'a FileName>,
        name: &'a FileName,
    },
}

/// What a temporary name says, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Incoming,
    Replaced {
        /// Inode of the newer file, and when it was written.
        newer: (u64, u64),
        /// Subfolder and name; `None` if they were too long to be said.
        place: Option<(Option<FileName>, FileName)>,
    },
}

/// The temporary names of one output directory.
pub(crate) struct Temporaries {
    top: Arc<File>,
    /// The hidden folder that is used, once it is known to be there.
    chosen: Mutex<Option<Arc<str>>>,
    /// See [`platform::mounted_file_system`].
    mounted: Option<u64>,
}

impl Temporaries {
    pub(crate) fn new(top: Arc<File>) -> Self {
        let mounted = platform::mounted_file_system(&top);
        Self { top, chosen: Mutex::default(), mounted }
    }

    /// The mark of a process as temporary names have it, and the other way round: as if of another boot where
    /// the file system was mounted anew since. What was removed before may be back then.
    pub(crate) fn marked(&self, process: ProcessMark) -> ProcessMark {
        ProcessMark { boot: process.boot ^ self.mounted.unwrap_or_default(), ..process }
    }

    /// Whether [`marked`](Self::marked) tells of a file system that was mounted anew.
    pub(crate) fn tells_mounts(&self) -> bool {
        self.mounted.is_some()
    }

    /// The output directory, to which temporary names are relative.
    pub(crate) fn top(&self) -> &File {
        &self.top
    }

    /// The hidden folders that may be there.
    pub(crate) fn folders() -> [String; 2] {
        let user = rustix::process::geteuid().as_raw();
        [HIDDEN_FOLDER.to_owned(), format!("{HIDDEN_FOLDER}-{user}")]
    }

    /// Whether temporary names are among the others, since there can be no hidden folder.
    pub(crate) fn are_in_top(&self) -> bool {
        self.chosen().as_deref() == Some(TOP)
    }

    /// Has `make` give something a name that nothing has, and returns the name.
    ///
    /// # Errors
    /// What `make` said, unless another name helped; or that there is no hidden folder and none can be made.
    pub(crate) fn fresh<T>(
        &self,
        holds: Holds<'_>,
        make: impl Fn(&str) -> io::Result<T>,
    ) -> io::Result<(String, T)> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        let mut was_there = false;
        for _ in 0..ATTEMPTS {
            let folder = self.folder()?;
            let path = format!("{folder}/{}", holds.file_name(self.marked(owner())));
            match make(&path) {
                Ok(made) => return Ok((path, made)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                // Another process may have removed the folder, which was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let is_there = syscalls::id_at((&self.top, &folder))?.is_some();
                    // Somebody may have made it again meanwhile: only at the second time it is not the
                    // folder that is missing.
                    if is_there && was_there {
                        return Err(error);
                    }
                    was_there = is_there;
                    if !is_there {
                        *self.chosen() = None;
                    }
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Makes an empty file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn create(&self) -> io::Result<(String, File)> {
        self.fresh(Holds::Incoming, |path| syscalls::create((&self.top, path), FILE_MODE))
    }

    /// Removes a name that is ours alone; that it is gone already is as good.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn remove(&self, path: &str) -> io::Result<()> {
        syscalls::unlink((&self.top, path))
    }

    /// Removes hidden folders that another run left, if nothing is in them and this one has none.
    pub(crate) fn leave_unused(&self) {
        let chosen = self.chosen();
        if chosen.is_none() {
            for folder in Self::folders() {
                let _ = rustix::fs::unlinkat(&self.top, folder, AtFlags::REMOVEDIR);
            }
        }
    }

    /// Removes the hidden folder, if nothing is in it.
    pub(crate) fn leave(&self) {
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

impl Drop for Temporaries {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Holds<'_> {
    fn file_name(&self, owner: ProcessMark) -> String {
        let number = next_number();
        let owner =
            format!("{:x}-{:x}-{}-{:x}-{number:x}", owner.boot, owner.space, owner.id, owner.start);
        match self {
            Self::Incoming => format!("{INCOMING}{owner}{END}"),
            Self::Replaced { newer, folder, name } => {
                let folder = folder.map_or("", FileName::as_str);
                let start = format!("{REPLACED}{owner}-{:x}-{:x}", newer.id.inode, newer.modified);
                let whole = format!("{start}-{}-{folder}{name}{END}", folder.len());
                if whole.len() <= FileName::MAX_BYTES { whole } else { format!("{start}{END}") }
            }
        }
    }
}

impl Held {
    /// What the name of a file in the hidden folder says, and whose it is; `None` if it is none of ours.
    pub(crate) fn parse(name: &str) -> Option<(ProcessMark, Self)> {
        let name = name.strip_suffix(END)?;
        let (is_incoming, rest) = match name.strip_prefix(INCOMING) {
            Some(rest) => (true, rest),
            None => (false, name.strip_prefix(REPLACED)?),
        };
        let mut fields = rest.splitn(9, '-');
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (boot, space) = (hexadecimal()?, hexadecimal()?);
        let id = fields.next()?.parse().ok()?;
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (start, _number) = (hexadecimal()?, hexadecimal()?);
        let owner = ProcessMark { boot, space, id, start };
        if is_incoming {
            return fields.next().is_none().then_some((owner, Self::Incoming));
        }
        let newer = (hexadecimal()?, hexadecimal()?);
        let place = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(length), Some(names)) => {
                let (folder, name) = names.split_at_checked(length.parse().ok()?)?;
                let folder =
                    if folder.is_empty() { None } else { Some(FileName::new(folder.to_owned())?) };
                Some((folder, FileName::new(name.to_owned())?))
            }
            _ => return None,
        };
        Some((owner, Self::Replaced { newer, place }))
    }
}

/// A temporary name as it may be logged, with `*` for the names in it, which may be of a patient.
pub(crate) fn without_names(path: &str) -> String {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    // Ahead of what comes from the object are kind, owner, number and newer file.
    match path[start..].match_indices('-').nth(7) {
        Some((end, _)) if path[start..].starts_with(REPLACED) => {
            format!("{}-*", &path[..start + end])
        }
        _ => path.to_owned(),
    }
}

/// This process; all zeros but its number where `/proc` does not tell.
pub(crate) fn owner() -> ProcessMark {
    static OWNER: OnceLock<ProcessMark> = OnceLock::new();
    *OWNER.get_or_init(|| {
        let unknown = ProcessMark { boot: 0, space: 0, id: std::process::id(), start: 0 };
        platform::this_process().unwrap_or(unknown)
    })
}

/// Not the same twice in one process, nor soon in another one that had its number before.
fn next_number() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let first = FIRST.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos())
    });
    first + COUNTER.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    fn name(text: &str) -> FileName {
        FileName::new(text.to_owned()).unwrap()
    }

    #[test]
    fn names_say_what_they_hold_and_whose_they_are() {
        assert_eq!(
            Held::parse(&Holds::Incoming.file_name(owner())),
            Some((platform::this_process().unwrap(), Held::Incoming))
        );
        let id = FileId { device: 1, inode: 0xFFFF_FFFF_FFFF_FFFF };
        let newer = Stamp { id, modified: 0x1234 };
        let said = (id.inode, newer.modified);
        let (folder, file) = (name("DOE^JANE_1-2-3"), name("CT.1-2.3~"));
        for folder in [None, Some(&folder)] {
            let text = Holds::Replaced { newer, folder, name: &file }.file_name(owner());
            let place = Some((folder.cloned(), file.clone()));
            let (_, held) = Held::parse(&text).unwrap();
            assert_eq!(held, Held::Replaced { newer: said, place });
            let logged = without_names(&format!(".storescp-1/{text}"));
            let start = logged.strip_suffix('*').unwrap().strip_prefix(".storescp-1/").unwrap();
            assert!(text.starts_with(start) && start.ends_with("-1234-"), "{logged}");
        }
        let long = name(&"x".repeat(255));
        let text = Holds::Replaced { newer, folder: None, name: &long }.file_name(owner());
        assert!(text.len() <= 255);
        let (_, held) = Held::parse(&text).unwrap();
        assert_eq!(held, Held::Replaced { newer: said, place: None });
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for other in [
            "",
            "~",
            ".incoming-~",
            ".incoming-1-2-3-4~",
            ".incoming-1-2-3-4-5",
            ".incoming-1-2-3-4-5-6~",
            ".incoming-x-2-3-4-5~",
            ".storescp-1-1.part",
            ".replaced-1-2-3-4-5-6~",
            ".replaced-1-2-3-4-5-6-7-0-~",
            ".replaced-1-2-3-4-5-6-7-2-..CT.1~",
            ".replaced-1-2-3-4-5-6-7-9-CT.1~",
            ".replaced-1-2-3-4-5-6-7-0-a/b~",
            ".replaced-1-2-3-4-5-6-7-0~",
        ] {
            assert_eq!(Held::parse(other), None, "{other}");
        }
    }
}
