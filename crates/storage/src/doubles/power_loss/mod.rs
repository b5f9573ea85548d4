//! A disk for tests that forgets whatever was not synced, or keeps a part of it, when its power goes;
//! and whose syncs fail as the kernel's do.

use crate::{
    FileId, FileName, Folder, FolderSync, LastingId, Space, StagedFile, Storage, Subfolder,
    SubfolderName, SyncMark, Taken,
};
use platform::sync::{Arc, Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};

/// What reaches the disk of that which was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Survives {
    /// Nothing of it.
    Nothing,
    /// Names without what they stand for: what a careless order of steps is found out by.
    Names,
    /// The same of all but the hidden folder: a disk may write one folder and not another.
    ShownNames,
    /// The same of the hidden folder alone.
    HiddenNames,
    /// What was written, without the names given since.
    Content,
    /// All of it.
    Everything,
}

impl Survives {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Names,
        Self::ShownNames,
        Self::HiddenNames,
        Self::Content,
        Self::Everything,
    ];

    fn names_in(self, folder: usize) -> bool {
        match self {
            Self::Names | Self::Everything => true,
            Self::ShownNames => folder != HIDDEN,
            Self::HiddenNames => folder == HIDDEN,
            Self::Nothing | Self::Content => false,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing.
    Never,
    /// After so many steps the power goes: all that comes later fails and changes nothing.
    PowerLoss(usize),
    /// After so many syncs one fails, and what it should have written counts as written: no later
    /// sync writes it again.
    LostWrite(usize),
}

/// How files are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Without a name.
    Unnamed,
    /// The same until they are synced, on a disk that forgets a file which had no name then.
    UnnamedUntilSynced,
    /// Under a temporary name.
    Temporary,
    /// The same where names cannot be swapped: what is replaced moves aside first, and a start puts it
    /// back if its name is free. The disk writes renames in their order.
    MovedAside,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Unnamed, Self::UnnamedUntilSynced, Self::Temporary, Self::MovedAside];
}

/// Starts all names of files on their way.
pub const TEMPORARY: &str = ".temporary-";

/// The output directory, and the hidden folder that temporary names are in.
const TOP: usize = 0;
const HIDDEN: usize = 1;

/// A disk with an output directory and a hidden folder in it, and subfolders.
pub struct Disk {
    way: Way,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: usize,
    steps_left: Option<usize>,
    syncs_left: Option<usize>,
    files: Vec<File>,
    /// The first two are [`TOP`] and [`HIDDEN`].
    folders: Vec<FolderState>,
    /// What was moved aside: its temporary name, and where it was.
    aside: BTreeMap<String, (usize, String)>,
}

/// What the programs see, and what is on the disk.
#[derive(Default)]
struct File {
    seen: Vec<u8>,
    synced: Vec<u8>,
    synced_with_name: bool,
    lost: bool,
}

#[derive(Default)]
struct FolderState {
    seen: BTreeMap<String, Entry>,
    synced: BTreeMap<String, Entry>,
    /// Names whose last change is on no disk and will be on none, though the kernel takes it for
    /// written.
    lost: BTreeSet<String>,
    syncs: Arc<FolderSync>,
    names: BTreeMap<String, Arc<SubfolderName>>,
    /// Nothing is named in it any more.
    removed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder(usize),
}

impl FolderState {
    fn set(&mut self, name: &str, entry: Option<Entry>) -> Option<Entry> {
        self.lost.remove(name);
        match entry {
            Some(entry) => self.seen.insert(name.to_owned(), entry),
            None => self.seen.remove(name),
        }
    }

    fn changed(&self) -> BTreeSet<String> {
        let names = self.seen.keys().chain(self.synced.keys()).cloned();
        names.filter(|name| self.seen.get(name) != self.synced.get(name)).collect()
    }

    fn write(&mut self) {
        for name in self.changed() {
            if self.lost.contains(&name) {
                continue;
            }
            match self.seen.get(&name) {
                Some(entry) => self.synced.insert(name, *entry),
                None => self.synced.remove(&name),
            };
        }
    }
}

impl State {
    fn name_temporarily(&mut self, file: usize) -> String {
        let name = format!("{TEMPORARY}{file}");
        self.folders[HIDDEN].set(&name, Some(Entry::File(file)));
        name
    }
}

impl Disk {
    /// An empty one, on which this goes wrong.
    #[must_use]
    pub fn new(way: Way, fault: Fault) -> Arc<Self> {
        let mut state = State {
            folders: vec![FolderState::default(), FolderState::default()],
            ..State::default()
        };
        match fault {
            Fault::Never => {}
            Fault::PowerLoss(steps) => state.steps_left = Some(steps),
            Fault::LostWrite(syncs) => state.syncs_left = Some(syncs),
        }
        Arc::new(Self { way, state: Mutex::new(state) })
    }

    /// How many steps were taken so far.
    pub fn steps(&self) -> usize {
        self.state().steps
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a step, if the power is still there for it.
    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if let Some(left) = &mut state.steps_left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        }
        state.steps += 1;
        Ok(state)
    }

    /// The same for a sync, and whether it fails.
    fn sync_step(&self) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.step()?;
        let fails = state.syncs_left == Some(0);
        state.syncs_left = state.syncs_left.and_then(|left| left.checked_sub(1));
        Ok((state, fails))
    }

    /// Which file has a name, in a folder of the output directory.
    pub fn id_of(&self, folder: &str, name: &str) -> Option<LastingId> {
        let state = self.state();
        let Some(Entry::Folder(folder)) = state.folders[TOP].seen.get(folder) else { return None };
        match state.folders[*folder].seen.get(name) {
            Some(Entry::File(file)) => Some(id(*file)),
            _ => None,
        }
    }

    /// Paths and contents of all files that are found afterwards, once the receiver has started again.
    pub fn after_power_loss(&self, survives: Survives) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let content = matches!(survives, Survives::Content | Survives::Everything);
        let entries = |folder: usize| {
            let found = &state.folders[folder];
            // Where renames are written in their order, one is in both folders or in neither.
            let survives = match survives {
                Survives::ShownNames | Survives::HiddenNames if self.way == Way::MovedAside => {
                    Survives::Nothing
                }
                survives => survives,
            };
            if survives.names_in(folder) { &found.seen } else { &found.synced }
        };
        let read = |file: usize| {
            let file = &state.files[file];
            let forgotten = self.way == Way::UnnamedUntilSynced && !file.synced_with_name;
            let bytes = if content { &file.seen } else { &file.synced };
            (content || !forgotten).then(|| bytes.clone())
        };
        let mut found = BTreeMap::new();
        let mut folders = vec![(String::new(), TOP)];
        while let Some((path, folder)) = folders.pop() {
            for (name, entry) in entries(folder) {
                match *entry {
                    Entry::Folder(folder) => folders.push((format!("{path}{name}/"), folder)),
                    Entry::File(file) => {
                        found.extend(read(file).map(|bytes| (format!("{path}{name}"), bytes)));
                    }
                }
            }
            for (name, entry) in entries(HIDDEN) {
                if let (Some((place, free)), Entry::File(file)) = (state.aside.get(name), entry)
                    && *place == folder
                    && !entries(folder).contains_key(free)
                {
                    found.extend(read(*file).map(|bytes| (format!("{path}{free}"), bytes)));
                }
            }
        }
        found
    }
}

fn id(file: usize) -> LastingId {
    LastingId { id: FileId { device: 0, inode: file as u64 }, born: None }
}

fn lost_write() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

impl Storage for Arc<Disk> {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        drop(self.step()?);
        Ok(Arc::new(ForgetfulFolder { disk: Arc::clone(self), folder: 0 }))
    }

    fn let_go(&self) {}
}

struct ForgetfulFolder {
    disk: Arc<Disk>,
    folder: usize,
}

impl ForgetfulFolder {
    fn syncs(&self) -> Arc<FolderSync> {
        Arc::clone(&self.disk.state().folders[self.folder].syncs)
    }
}

impl Folder for ForgetfulFolder {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        let mut state = self.disk.step()?;
        state.files.push(File::default());
        let file = state.files.len() - 1;
        let temporary = match self.disk.way {
            Way::Unnamed | Way::UnnamedUntilSynced => None,
            Way::Temporary | Way::MovedAside => Some(state.name_temporarily(file)),
        };
        Ok(Box::new(ForgetfulFile {
            disk: Arc::clone(&self.disk),
            file,
            home: self.folder,
            folder: self.folder,
            temporary,
            published: None,
        }))
    }

    fn mark(&self) -> SyncMark {
        self.syncs().mark()
    }

    fn sync(&self, since: SyncMark) -> io::Result<()> {
        self.syncs().run(since, || {
            let (mut state, fails) = self.disk.sync_step()?;
            let folder = &mut state.folders[self.folder];
            if fails {
                let changed = folder.changed();
                folder.lost.extend(changed);
                return Err(lost_write());
            }
            folder.write();
            if self.disk.way == Way::MovedAside {
                state.folders.iter_mut().for_each(FolderState::write);
            }
            Ok(())
        })
    }

    fn remove_empty(&self, name: &FileName) -> io::Result<()> {
        let mut state = self.disk.step()?;
        match state.folders[self.folder].seen.get(name.as_str()) {
            Some(&Entry::Folder(inner)) if state.folders[inner].seen.is_empty() => {
                state.folders[inner].removed = true;
                let folder = &mut state.folders[self.folder];
                folder.set(name.as_str(), None);
                folder.names.remove(name.as_str());
                Ok(())
            }
            _ => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>> {
        let state = self.disk.step()?;
        match state.folders[self.folder].seen.get(name.as_str()) {
            Some(Entry::Folder(folder)) => {
                Ok(Arc::new(Self { disk: Arc::clone(&self.disk), folder: *folder }))
            }
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, file: LastingId, from: &FileName, to: &FileName) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let folder = &mut state.folders[self.folder];
        match folder.seen.get(from.as_str()) {
            Some(Entry::File(found)) if id(*found) == file => {}
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        if folder.seen.contains_key(to.as_str()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let entry = folder.set(from.as_str(), None).ok_or(io::ErrorKind::NotFound)?;
        folder.set(to.as_str(), Some(entry));
        Ok(())
    }

    fn space(&self) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct ForgetfulFile {
    disk: Arc<Disk>,
    file: usize,
    home: usize,
    folder: usize,
    /// A name to be removed in the end: of this file, or of the one that it replaced.
    temporary: Option<String>,
    /// The name, and what had it before.
    published: Option<(String, Option<Entry>)>,
}

impl ForgetfulFile {
    fn content<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        Ok(change(&mut self.disk.step()?.files[self.file].seen))
    }
}

impl StagedFile for ForgetfulFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        self.content(|content| slices.iter().for_each(|slice| content.extend_from_slice(slice)))
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.content(|content| content[offset..offset + bytes.len()].copy_from_slice(bytes))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.content(|content| bytes.copy_from_slice(&content[offset..offset + bytes.len()]))
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.content(|content| content.truncate(usize::try_from(length).unwrap()))
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.way == Way::UnnamedUntilSynced && self.temporary.is_none() {
            let name = self.disk.step()?.name_temporarily(self.file);
            self.temporary = Some(name);
        }
        let (mut state, fails) = self.disk.sync_step()?;
        let file = &mut state.files[self.file];
        file.lost |= fails;
        if fails {
            return Err(lost_write());
        }
        if !file.lost {
            file.synced = file.seen.clone();
            file.synced_with_name = self.temporary.is_some();
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        let mut state = self.disk.step()?;
        let existing = state.folders[self.home].seen.get(name.as_str()).copied();
        let made = existing.is_none();
        let folder = match existing {
            Some(Entry::Folder(folder)) => folder,
            Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => {
                state.folders.push(FolderState::default());
                let folder = state.folders.len() - 1;
                state.folders[self.home].set(name.as_str(), Some(Entry::Folder(folder)));
                folder
            }
        };
        let home = &mut state.folders[self.home];
        let since = home.syncs.mark();
        let own_name = home.names.entry(name.as_str().to_owned());
        let name = own_name.or_insert_with(|| Arc::new(SubfolderName::given(since)));
        let name = Arc::clone(name);
        self.folder = folder;
        let folder = Arc::new(ForgetfulFolder { disk: Arc::clone(&self.disk), folder });
        Ok(Subfolder { folder, made, name })
    }

    fn publish(&mut self, name: &FileName, taken: Taken) -> io::Result<bool> {
        let before = self.disk.state().folders[self.folder].seen.get(name.as_str()).copied();
        if before.is_some() && taken == Taken::Refuse {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut state = self.disk.step()?;
        if state.folders[self.folder].removed {
            return Err(io::ErrorKind::NotFound.into());
        }
        if let (Way::MovedAside, Some(older)) = (self.disk.way, before) {
            let kept = format!("{TEMPORARY}older-of-{}", self.file);
            state.folders[HIDDEN].set(&kept, Some(older));
            state.folders[self.folder].set(name.as_str(), None);
            state.aside.insert(kept.clone(), (self.folder, name.as_str().to_owned()));
            drop(state);
            self.published = Some((name.as_str().to_owned(), before));
            let temporary = self.temporary.replace(kept);
            state = self.disk.step()?;
            state.folders[self.folder].set(name.as_str(), Some(Entry::File(self.file)));
            state.folders[HIDDEN].set(&temporary.unwrap_or_default(), None);
            return Ok(true);
        }
        // One rename. A disk may write it in one folder and not in the other.
        state.folders[self.folder].set(name.as_str(), Some(Entry::File(self.file)));
        if before.is_some() && self.temporary.is_none() {
            self.temporary = Some(format!("{TEMPORARY}{}", self.file));
        }
        if let Some(temporary) = &self.temporary {
            state.folders[HIDDEN].set(temporary, before);
        }
        if before.is_none() {
            self.temporary = None;
        }
        self.published = Some((name.as_str().to_owned(), before));
        Ok(before.is_some())
    }

    fn confirm(&mut self) -> io::Result<()> {
        if let Some(temporary) = &self.temporary {
            self.disk.step()?.folders[HIDDEN].set(temporary, None);
        }
        self.temporary = None;
        self.published = None;
        Ok(())
    }

    fn identity(&self) -> io::Result<LastingId> {
        Ok(id(self.file))
    }
}

impl Drop for ForgetfulFile {
    fn drop(&mut self) {
        let Ok(mut state) = self.disk.step() else { return };
        if let Some((name, before)) = self.published.take() {
            state.folders[self.folder].set(&name, before);
        }
        if let Some(temporary) = self.temporary.take() {
            state.folders[HIDDEN].set(&temporary, None);
        }
    }
}
