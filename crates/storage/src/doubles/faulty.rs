//! Storage of which one step fails.

use crate::{
    Directory, ExistingFile, FileIdentity, FileName, Folder, Holder, IfExists, IntentName, Intents,
    PendingIntent, Space, StagedFile, Storage, Subfolder, SyncMark,
};
use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Storage whose n-th step fails: each stage, append, patch, sync, intent, enter, publish, look at what has a name, read
/// of that, and folder sync counts, and each change of intents.
pub struct Faulty {
    /// What it passes steps on to.
    pub inner: Directory,
    /// The number of the step that fails, from 0.
    pub fails_at: usize,
    /// How many steps there have been.
    pub step: Arc<AtomicUsize>,
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

struct FaultyIntents {
    inner: Arc<dyn Intents>,
    fails_at: usize,
    step: Arc<AtomicUsize>,
}

struct FaultyExisting {
    inner: Box<dyn ExistingFile>,
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

    fn close_unused(&self) {
        self.inner.close_unused();
    }

    fn intents(&self) -> Option<Arc<dyn Intents>> {
        let (inner, step) = (self.inner.intents()?, Arc::clone(&self.step));
        Some(Arc::new(FaultyIntents { inner, fails_at: self.fails_at, step }))
    }
}

impl Intents for FaultyIntents {
    fn pending(&self, found: &mut dyn FnMut(PendingIntent) -> bool) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.pending(found)
    }

    fn spooled(&self, found: &mut dyn FnMut(IntentName) -> bool) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.spooled(found)
    }

    fn settle(&self, name: &IntentName, owed: bool) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.settle(name, owed)
    }

    fn release(&self, name: &IntentName) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.release(name)
    }

    fn open(&self, name: &IntentName) -> io::Result<File> {
        count(&self.step, self.fails_at)?;
        self.inner.open(name)
    }

    fn path(&self, name: &IntentName) -> io::Result<Option<PathBuf>> {
        self.inner.path(name)
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

    fn subfolder(self: Arc<Self>, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        Arc::clone(&self.inner).subfolder(name)
    }

    fn remove(&self, file: FileIdentity, name: &FileName) -> io::Result<()> {
        self.inner.remove(file, name)
    }

    fn rename(&self, file: FileIdentity, from: &FileName, to: &FileName) -> io::Result<()> {
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

    fn intend(&mut self, name: &IntentName) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.intend(name)
    }

    fn sync_intent(&mut self) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.sync_intent()
    }

    fn check_writes(&mut self) -> io::Result<()> {
        self.inner.check_writes()
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        count(&self.step, self.fails_at)?;
        let Subfolder { folder, made, name } = self.inner.enter(name)?;
        let step = Arc::clone(&self.step);
        let folder = Arc::new(FaultyFolder { inner: folder, fails_at: self.fails_at, step });
        Ok(Subfolder { folder, made, name })
    }

    fn leave(&mut self) {
        self.inner.leave();
    }

    fn publish(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool> {
        count(&self.step, self.fails_at)?;
        self.inner.publish(name, if_exists)
    }

    fn holder(&self, name: &FileName) -> io::Result<Holder> {
        count(&self.step, self.fails_at)?;
        Ok(match self.inner.holder(name)? {
            Holder::File(inner) => {
                let step = Arc::clone(&self.step);
                Holder::File(Box::new(FaultyExisting { inner, fails_at: self.fails_at, step }))
            }
            holder => holder,
        })
    }

    fn confirm(&mut self) -> io::Result<()> {
        self.inner.confirm()
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.inner.identity()
    }
}

impl ExistingFile for FaultyExisting {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.read_at(offset, bytes)
    }

    fn is_provisional(&self) -> io::Result<bool> {
        self.inner.is_provisional()
    }

    fn sync(&self) -> io::Result<()> {
        count(&self.step, self.fails_at)?;
        self.inner.sync()
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.inner.identity()
    }
}
