//! Storage in a directory of the file system.

use super::manner::{Manner, Way};
use super::name_claims::{NameClaim, NameClaims};
use super::subfolders::Subfolders;
use super::write_back::WriteBack;
use super::{
    Durability, FileName, Folder, FolderSync, Space, StagedFile, Storage, Subfolder, SubfolderName,
    SyncMark, Taken,
};
use crate::platform;
use crate::sync::{Arc, Mutex, PoisonError, rustix};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Files get the permissions that the process's file mode creation mask leaves of this.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
/// The same for directories.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);
/// Temporary names start and end with these; [`Directory::sweep`] looks for them.
const TEMPORARY_PREFIX: &str = ".storescp-";
const TEMPORARY_SUFFIX: &str = ".part";

/// An existing directory in which instances are stored.
///
/// Keeps a descriptor open, and one for each of the subfolders used last, up to
/// [`OPEN_SUBFOLDERS`](crate::limits::OPEN_SUBFOLDERS), until an object fails; each file on its way
/// holds another.
pub struct Directory {
    path: PathBuf,
    /// Device of the file system beneath the one that the directory is in. What is stored there
    /// while the mount is lost would be out of sight when it is back.
    beneath: Option<u64>,
    durability: Durability,
    open: Mutex<Option<Arc<OpenDirectory>>>,
}

impl Directory {
    /// Opens the directory and finds out how files are made there, as `durability`
    /// wants it.
    ///
    /// # Errors
    /// `NotFound` or `NotADirectory` if there is no directory there, and whatever else the
    /// operating system says.
    pub fn open(path: &Path, durability: Durability) -> io::Result<Self> {
        Self::new(path, durability, OpenDirectory::open(path, durability)?)
    }

    fn new(path: &Path, durability: Durability, open: OpenDirectory) -> io::Result<Self> {
        let beneath = device_beneath(path, open.identity.0)?;
        let open = Mutex::new(Some(Arc::new(open)));
        Ok(Self { path: path.to_owned(), durability, beneath, open })
    }

    /// One way or another on any file system, for tests.
    #[cfg(test)]
    pub(super) fn open_with(path: &Path, way: Way) -> io::Result<Self> {
        let durability = Durability::Full;
        let mut open = OpenDirectory::open(path, durability)?;
        open.manner.way = way;
        Self::new(path, durability, open)
    }

    /// Whether files can be made here now: makes one and drops it.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn probe(&self) -> io::Result<()> {
        self.folder()?.stage().map(drop)
    }

    /// Removes the temporary files that a crashed receiver left, and returns how many they were.
    /// Those that another receiver is writing at this moment are locked by it and stay.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn sweep(&self) -> io::Result<usize> {
        let mut swept = 0;
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(text) = name.to_str() else { continue };
            if text.starts_with(TEMPORARY_PREFIX) && text.ends_with(TEMPORARY_SUFFIX) {
                swept += usize::from(self.sweep_one(&self.path.join(text)).is_ok());
            }
        }
        Ok(swept)
    }

    fn sweep_one(&self, path: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        std::fs::remove_file(path)
    }
}

impl Storage for Directory {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = rustix::fs::stat(&self.path)?;
        if self.beneath == Some(now.st_dev as u64) {
            return Err(io::Error::other("what was mounted there is gone"));
        }
        let folder = match open.take().filter(|open| open.identity == identity(&now)) {
            Some(open) => open,
            None => Arc::new(OpenDirectory::open(&self.path, self.durability)?),
        };
        *open = Some(Arc::clone(&folder));
        Ok(folder)
    }

    fn let_go(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // All who use it at a time have to share its syncs and its name claims.
        if open.as_ref().is_some_and(|open| Arc::strong_count(open) == 1) {
            *open = None;
        }
    }
}

/// A directory that is held open, so that a file is named in the directory in which it was made.
pub(super) struct OpenDirectory {
    handle: File,
    /// Device and inode.
    pub(super) identity: (u64, u64),
    manner: Manner,
    /// Of a subfolder; see [`Subfolder`].
    own_name: Arc<SubfolderName>,
    shared_sync: FolderSync,
    claims: Arc<NameClaims>,
    subfolders: Subfolders,
}

impl OpenDirectory {
    fn open(path: &Path, durability: Durability) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let manner = Manner::of(&handle, durability);
        Self::held(handle, manner, SyncMark::default())
    }

    fn held(handle: File, manner: Manner, since: SyncMark) -> io::Result<Self> {
        let status = rustix::fs::fstat(&handle)?;
        Ok(Self {
            handle,
            identity: identity(&status),
            manner,
            own_name: Arc::new(SubfolderName::given(since)),
            shared_sync: FolderSync::default(),
            claims: Arc::default(),
            subfolders: Subfolders::default(),
        })
    }

    /// The subfolder `name`, made if there is none, and whether it was; never what a symbolic link
    /// leads to.
    fn enter(&self, name: &FileName) -> io::Result<(Arc<Self>, bool)> {
        let there = match rustix::fs::statat(&self.handle, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(now) => match self.subfolders.find(identity(&now)) {
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

    /// The subfolder `name`, which is there; to be called under [`Subfolders::opening`].
    fn open_subfolder(&self, name: &FileName, since: SyncMark) -> io::Result<Arc<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, name.as_str(), flags, Mode::empty())?;
        // Whoever made it, now or earlier, may have ended before its name was durable.
        let open = Self::held(File::from(handle), self.manner, since)?;
        Ok(self.subfolders.add(Arc::new(open)))
    }
}

impl Folder for OpenDirectory {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        let (file, temporary) = if self.manner.way == Way::Temporary {
            let (file, name) = create_temporary(&self.handle)?;
            (file, Some(name))
        } else {
            (platform::create_unnamed(&self.handle, FILE_MODE)?, None)
        };
        Ok(Box::new(DirectoryFile {
            destination: Arc::clone(&self),
            write_back: WriteBack::new(self.manner.synced),
            home: self,
            file,
            temporary,
            published: None,
        }))
    }

    fn stage_unseen(self: Arc<Self>) -> Option<Box<dyn StagedFile>> {
        if self.manner.way == Way::Temporary { None } else { self.stage().ok() }
    }

    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        let _one_at_a_time = self.subfolders.opening();
        Ok(self.open_subfolder(name, self.mark())?)
    }

    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()> {
        // Neither may be one that a commit may still take back. In order, so that no two of us wait
        // for each other.
        let _first = self.claims.claim(from.min(to));
        let _second = (from != to).then(|| self.claims.claim(from.max(to)));
        let [from, to] = [from, to].map(|name| (&self.handle, name.as_str()));
        platform::rename_to_free_name(from, to)
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

/// A file in an [`OpenDirectory`].
struct DirectoryFile {
    /// Where it was made. Temporary names are here, so that a sweep finds them.
    home: Arc<OpenDirectory>,
    /// Where it gets its name.
    destination: Arc<OpenDirectory>,
    file: File,
    write_back: WriteBack,
    /// A temporary name that exists and is ours to remove: of this file, or, once it is published,
    /// of the file that it replaced.
    temporary: Option<String>,
    /// The final name, once it is given and while it may still be taken back.
    published: Option<NameClaim>,
}

impl StagedFile for DirectoryFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let written = self.file.write_vectored(slices)?;
        if written < total {
            append_rest(&mut self.file, slices, written)?;
        }
        self.write_back.grown(&self.file, total)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        use std::io::Seek;
        self.file.set_len(length)?;
        self.file.seek(io::SeekFrom::Start(length))?;
        self.write_back.cut(length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.home.manner.way == Way::UnnamedUntilSynced && self.temporary.is_none() {
            self.temporary = Some(self.link_temporary()?);
        }
        self.file.sync_all()
    }

    fn settle(&mut self) -> io::Result<()> {
        if self.home.manner.told_late { self.file.sync_data() } else { Ok(()) }
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        let (destination, made) = self.home.enter(name)?;
        self.destination = destination;
        let folder = Arc::clone(&self.destination) as Arc<dyn Folder>;
        Ok(Subfolder { folder, made, name: Arc::clone(&self.destination.own_name) })
    }

    fn publish(&mut self, name: &FileName, taken: Taken) -> io::Result<bool> {
        let claim = self.destination.claims.claim(name);
        if self.temporary.is_none() {
            match platform::link_unnamed(&self.file, &self.destination.handle, name.as_str()) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && taken == Taken::Replace => {}
                result => {
                    result?;
                    self.published = Some(claim);
                    return Ok(false);
                }
            }
            self.temporary = Some(self.link_temporary()?);
        }
        let replaced = self.rename(name, taken)?;
        self.published = Some(claim);
        Ok(replaced)
    }

    fn confirm(&mut self) {
        self.published = None;
        self.remove_temporary();
    }
}

impl DirectoryFile {
    /// Gives a file without a name a temporary one.
    fn link_temporary(&self) -> io::Result<String> {
        // Locked first, so that no other receiver takes the name for a crash's leftover.
        rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive)?;
        loop {
            let name = temporary_name();
            match platform::link_unnamed(&self.file, &self.home.handle, &name) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the file from its temporary name to `name`. Where something had that name and may be
    /// replaced, it gets the temporary one, so that it can be put back; `temporary` says whether it
    /// did. Returns whether something was replaced.
    fn rename(&mut self, name: &FileName, taken: Taken) -> io::Result<bool> {
        let Some(temporary) = &self.temporary else { return Ok(false) };
        let from = (&self.home.handle, temporary.as_str());
        let to = (&self.destination.handle, name.as_str());
        match platform::rename_to_free_name(from, to) {
            Ok(()) => {
                self.temporary = None;
                return Ok(false);
            }
            Err(error) if taken == Taken::Refuse => return Err(error),
            // It is taken, most likely; anything else will fail again.
            Err(_) => {}
        }
        let older = rustix::fs::statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW);
        match older {
            Ok(old) if FileType::from_raw_mode(old.st_mode) == FileType::Directory => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(_) if platform::exchange(from, to).is_ok() => return Ok(true),
            _ => {}
        }
        rustix::fs::renameat(from.0, from.1, to.0, to.1)?;
        self.temporary = None;
        Ok(older.is_ok())
    }

    fn remove_temporary(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // Should this fail, the next start sweeps it away.
            let _ = rustix::fs::unlinkat(&self.home.handle, temporary, AtFlags::empty());
        }
    }

    /// Takes the name back: the older file returns to it, or nobody has it.
    fn withdraw(&self, name: &FileName) -> io::Result<()> {
        let (folder, name) = (&self.destination.handle, name.as_str());
        match &self.temporary {
            Some(older) => platform::exchange((&self.home.handle, older.as_str()), (folder, name)),
            None => Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?),
        }
    }
}

impl Drop for DirectoryFile {
    fn drop(&mut self) {
        if let Some(claim) = self.published.take()
            && let Err(error) = self.withdraw(&claim.name)
        {
            tracing::error!("cannot take back file {}, which is not stored: {error}", claim.name);
            return;
        }
        self.remove_temporary();
    }
}

/// The device of the closest folder above `path` that is not on `device`, if there is one.
fn device_beneath(path: &Path, device: u64) -> io::Result<Option<u64>> {
    for folder in std::fs::canonicalize(path)?.ancestors() {
        let found = rustix::fs::stat(folder)?.st_dev as u64;
        if found != device {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Device and inode.
#[allow(clippy::unnecessary_cast, reason = "their types differ from system to system")]
fn identity(status: &Stat) -> (u64, u64) {
    (status.st_dev as u64, status.st_ino as u64)
}

/// Writes what a short write left of `slices`.
#[cold]
fn append_rest(file: &mut File, slices: &[IoSlice<'_>], mut skip: usize) -> io::Result<()> {
    for slice in slices {
        let from = skip.min(slice.len());
        skip -= from;
        file.write_all(&slice[from..])?;
    }
    Ok(())
}

/// Makes a file under a temporary name, locked for as long as it is open.
fn create_temporary(folder: &File) -> io::Result<(File, String)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    loop {
        let name = temporary_name();
        let file = match rustix::fs::openat(folder, name.as_str(), flags, FILE_MODE) {
            Err(rustix::io::Errno::EXIST) => continue,
            result => File::from(result?),
        };
        // A receiver that starts just now may have swept the name before it was locked.
        let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        let status = rustix::fs::fstat(&file);
        if locked && status.is_ok_and(|status| status.st_nlink > 0) {
            return Ok((file, name));
        }
        let _ = rustix::fs::unlinkat(folder, name.as_str(), AtFlags::empty());
        status?;
    }
}

fn temporary_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_PREFIX}{}-{number}{TEMPORARY_SUFFIX}", std::process::id())
}

#[cfg(test)]
mod tests {
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
        directory.folder().unwrap();
        let parent = directory.open.lock().unwrap().clone().unwrap();
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
