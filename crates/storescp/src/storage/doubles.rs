//! Test doubles: a directory of one's own, and storage that fails on demand.

use super::abilities::Abilities;
use super::manner::Way;
use super::temporary::HIDDEN_FOLDER;
use super::{
    Directory, FileAhead, FileName, Folder, InstanceFile, LastingId, Space, StagedFile, Storage,
    Subfolder, SyncMark, Taken,
};
use crate::error::Error;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const WAYS: [Way; 3] = [Way::Unnamed, Way::UnnamedUntilSynced, Way::Temporary];

/// What file systems can do, beside all: no swap of names (NFS), no hard links (exFAT, SMB), neither of
/// them nor renaming to a free name only, no locks, nothing at all.
pub(super) const ABILITIES: [Abilities; 7] = [
    Abilities::ALL,
    Abilities { exchange: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, ..Abilities::ALL },
    Abilities { exchange: false, links: false, ..Abilities::ALL },
    Abilities { locks: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, locks: false, ..Abilities::ALL },
    Abilities { exchange: false, no_replace: false, links: false, locks: false },
];

/// All that may be together.
pub(super) fn manners() -> impl Iterator<Item = (Way, Abilities)> {
    let all = ABILITIES.into_iter().flat_map(|abilities| WAYS.map(|way| (way, abilities)));
    all.filter(|(way, abilities)| *way == Way::Temporary || abilities.links)
}

/// The directory, with files on their way in each of [`manners`].
pub(super) fn all_ways(path: &Path) -> impl Iterator<Item = Directory> {
    manners().map(|(way, abilities)| Directory::open_with(path, way, abilities).unwrap())
}

/// A file that was not made ahead.
pub(super) fn create(storage: &dyn Storage) -> Result<InstanceFile, Error> {
    InstanceFile::create(storage, &mut FileAhead::default(), b"head".to_vec())
}

/// A directory of its own for each test, removed at its end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("storescp-{}-{test}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The same in memory, where there is such a place: for tests that do the same a thousand times.
    pub(super) fn in_memory(test: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("storescp-{}-{test}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Name and content of everything in it, and in its hidden folder.
    pub(crate) fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let in_folder = |folder: PathBuf, prefix: &'static str| {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.map(move |entry| {
                let entry = entry.unwrap();
                (prefix.to_owned() + &entry.file_name().into_string().unwrap(), entry.path())
            })
        };
        let shown = in_folder(self.0.clone(), "").filter(|(name, _)| name != HIDDEN_FOLDER);
        let all = shown.chain(in_folder(self.0.join(HIDDEN_FOLDER), ".storescp/"));
        all.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Storage whose n-th step fails: each stage, append, patch, sync, enter, publish and
/// folder sync counts.
pub(crate) struct Faulty {
    pub(crate) inner: Directory,
    pub(crate) fails_at: usize,
    pub(crate) step: Arc<AtomicUsize>,
}

struct FaultyFolder {
    inner: Arc<dyn Folder>,
    fails_at: usize,
    step: Arc<AtomicUsize>,
}

struct FaultyFile {
    inner: Box<dyn StagedFile>,
    fails_at: usize,
    step: Arc<AtomicUsize>,
}

fn count(step: &AtomicUsize, fails_at: usize) -> io::Result<()> {
    match step.fetch_add(1, Ordering::SeqCst) {
        step if step == fails_at => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }
}

impl Storage for Faulty {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        count(&self.step, self.fails_at)?;
        let step = Arc::clone(&self.step);
        Ok(Arc::new(FaultyFolder { inner: self.inner.folder()?, fails_at: self.fails_at, step }))
    }

    fn let_go(&self) {
        self.inner.let_go();
    }
}

impl Folder for FaultyFolder {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        count(&self.step, self.fails_at)?;
        let step = Arc::clone(&self.step);
        let inner = Arc::clone(&self.inner).stage()?;
        Ok(Box::new(FaultyFile { inner, fails_at: self.fails_at, step }))
    }

    fn mark(&self) -> SyncMark {
        self.inner.mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.sync(since)
    }

    fn remove_empty(&self, name: &FileName) -> io::Result<()> {
        self.inner.remove_empty(name)
    }

    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        self.inner.subfolder(name)
    }

    fn rename(&self, file: LastingId, from: &FileName, to: &FileName) -> io::Result<()> {
        self.inner.rename(file, from, to)
    }

    fn space(&self) -> io::Result<Space> {
        self.inner.space()
    }
}

impl StagedFile for FaultyFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.append(slices)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.read_at(offset, bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.truncate(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.sync()
    }

    fn settle(&mut self) -> io::Result<()> {
        self.inner.settle()
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        count(&self.step, self.fails_at)?;
        let Subfolder { folder, made, name } = self.inner.enter(name)?;
        let step = Arc::clone(&self.step);
        let folder = Arc::new(FaultyFolder { inner: folder, fails_at: self.fails_at, step });
        Ok(Subfolder { folder, made, name })
    }

    fn publish(&mut self, name: &FileName, taken: Taken) -> io::Result<bool> {
        count(&self.step, self.fails_at)?;
        self.inner.publish(name, taken)
    }

    fn confirm(&mut self) -> io::Result<()> {
        self.inner.confirm()
    }

    fn identity(&self) -> io::Result<LastingId> {
        self.inner.identity()
    }
}
