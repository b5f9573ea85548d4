//! The power cut at every step: a disk that forgets whatever was not synced, or keeps a part of it.

use super::*;
use crate::error::{Error, StorageStep};
use dataset::Sink;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// What reaches the disk of that which was not synced.
#[derive(Clone, Copy, Debug)]
enum Survives {
    Nothing,
    /// Names without what they stand for: what a careless order of steps is found out by.
    Names,
    Content,
    Everything,
}

#[test]
fn no_acknowledged_object_is_lost_and_no_torn_one_is_seen() {
    for survives in [Survives::Nothing, Survives::Names, Survives::Content, Survives::Everything] {
        let mut steps = 0;
        loop {
            let disk = Arc::new(Disk::new(steps));
            let acknowledged = store_all(&disk);
            let power_went = acknowledged.len() < OBJECTS.len();
            check(&disk.after_power_loss(survives), &acknowledged, steps, survives);
            if !power_went {
                break;
            }
            steps += 1;
        }
        assert!(steps > 30, "the power went at each of {steps} steps");
    }
}

/// Without syncs the same check does find losses: it can fail.
#[test]
fn without_durability_a_power_loss_costs_objects() {
    let disk = Arc::new(Disk::new(usize::MAX));
    for object in OBJECTS {
        store(&disk, object, Durability::None).unwrap();
    }
    assert!(disk.after_power_loss(Survives::Nothing).is_empty());
    let torn = disk.after_power_loss(Survives::Names);
    assert!(torn.values().all(Vec::is_empty) && torn.len() == 3, "{torn:?}");
}

/// Subfolder, name and content; the third replaces the first.
const OBJECTS: [(Option<&str>, &str, &str); 4] = [
    (None, "CT.1", "one"),
    (Some("study"), "CT.2", "two, in a subfolder"),
    (None, "CT.1", "one, in another version"),
    (Some("study"), "CT.3", "three, in the same subfolder"),
];

/// Stores one after the other until the power goes, and says which were acknowledged.
fn store_all(disk: &Arc<Disk>) -> Vec<usize> {
    let stored = |object: &usize| store(disk, OBJECTS[*object], Durability::Full).is_ok();
    (0..OBJECTS.len()).take_while(stored).collect()
}

fn store(
    disk: &Arc<Disk>,
    (subfolder, called, content): (Option<&str>, &str, &str),
    durability: Durability,
) -> Result<(), Error> {
    let name = |text: &str| FileName::new(text.to_owned()).unwrap();
    let write = || Error::storage(StorageStep::Write);
    let mut file = InstanceFile::create(disk, b"head ".to_vec())?;
    let (first, rest) = content.as_bytes().split_at(1);
    file.write(&[IoSlice::new(b"?")]).map_err(write())?;
    file.write(&[IoSlice::new(rest)]).map_err(write())?;
    file.patch(0, first).map_err(write())?;
    if let Some(subfolder) = subfolder {
        file.enter(&name(subfolder), durability)?;
    }
    file.commit(&mut [name(called)].into_iter(), Taken::Replace, durability)?;
    Ok(())
}

fn check(
    found: &BTreeMap<String, Vec<u8>>,
    acknowledged: &[usize],
    steps: usize,
    survives: Survives,
) {
    let path = |object: usize| match OBJECTS[object] {
        (Some(subfolder), name, _) => format!("{subfolder}/{name}"),
        (None, name, _) => name.to_owned(),
    };
    let whole = |object: usize| format!("head {}", OBJECTS[object].2).into_bytes();
    for (name, content) in found {
        let sent =
            (0..OBJECTS.len()).any(|object| path(object) == *name && whole(object) == *content);
        assert!(sent, "torn after {steps} steps, {survives:?}: {name} is {content:?}");
    }
    for object in acknowledged {
        let newer = object + 1..OBJECTS.len();
        let replaced = newer.filter(|newer| path(*newer) == path(*object)).map(whole);
        let kept = found.get(&path(*object)).is_some_and(|content| {
            *content == whole(*object) || replaced.clone().any(|whole| whole == *content)
        });
        assert!(kept, "object {object} is lost after {steps} steps, {survives:?}: {found:?}");
    }
}

/// A disk whose power goes after a number of steps: all that comes later fails and changes nothing.
struct Disk {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps_left: usize,
    files: Vec<Versions<Vec<u8>>>,
    /// The first is the output directory.
    folders: Vec<Versions<BTreeMap<String, Entry>>>,
}

/// What the programs see, and what is on the disk.
#[derive(Clone, Default)]
struct Versions<T> {
    seen: T,
    synced: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder(usize),
}

impl Disk {
    fn new(steps_left: usize) -> Self {
        let folders = vec![Versions::default()];
        Self { state: Mutex::new(State { steps_left, folders, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a step, if the power is still there for it.
    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match state.steps_left.checked_sub(1) {
            Some(left) => state.steps_left = left,
            None => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        Ok(state)
    }

    /// Paths and contents of all files that are found afterwards.
    fn after_power_loss(&self, survives: Survives) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let names = matches!(survives, Survives::Names | Survives::Everything);
        let content = matches!(survives, Survives::Content | Survives::Everything);
        let mut found = BTreeMap::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((path, folder)) = folders.pop() {
            let folder = &state.folders[folder];
            for (name, entry) in if names { &folder.seen } else { &folder.synced } {
                match *entry {
                    Entry::Folder(folder) => folders.push((format!("{path}{name}/"), folder)),
                    Entry::File(file) => {
                        let file = &state.files[file];
                        let content = if content { &file.seen } else { &file.synced };
                        found.insert(format!("{path}{name}"), content.clone());
                    }
                }
            }
        }
        found
    }
}

impl Storage for Arc<Disk> {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        drop(self.step()?);
        Ok(Arc::new(ForgetfulFolder { disk: Arc::clone(self), folder: 0 }))
    }
}

struct ForgetfulFolder {
    disk: Arc<Disk>,
    folder: usize,
}

impl Folder for ForgetfulFolder {
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>> {
        let mut state = self.disk.step()?;
        state.files.push(Versions::default());
        let (file, disk) = (state.files.len() - 1, Arc::clone(&self.disk));
        Ok(Box::new(ForgetfulFile { disk, file, folder: self.folder, published: None }))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let folder = &mut state.folders[self.folder];
        folder.synced = folder.seen.clone();
        Ok(())
    }

    fn subfolder(&self, _name: &FileName) -> io::Result<Arc<dyn Folder>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _from: &FileName, _to: &FileName) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn space(&self) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct ForgetfulFile {
    disk: Arc<Disk>,
    file: usize,
    folder: usize,
    /// The name, and what had it before.
    published: Option<(String, Option<Entry>)>,
}

impl StagedFile for ForgetfulFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let content = &mut state.files[self.file].seen;
        slices.iter().for_each(|slice| content.extend_from_slice(slice));
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let offset = usize::try_from(offset).unwrap();
        state.files[self.file].seen[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, _offset: u64, _bytes: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&mut self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let file = &mut state.files[self.file];
        file.synced = file.seen.clone();
        Ok(())
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        let mut state = self.disk.step()?;
        let existing = state.folders[self.folder].seen.get(name.as_str()).copied();
        let made = existing.is_none();
        let folder = match existing {
            Some(Entry::Folder(folder)) => folder,
            Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => {
                state.folders.push(Versions::default());
                let folder = state.folders.len() - 1;
                let entry = Entry::Folder(folder);
                state.folders[self.folder].seen.insert(name.as_str().to_owned(), entry);
                folder
            }
        };
        self.folder = folder;
        let folder = Arc::new(ForgetfulFolder { disk: Arc::clone(&self.disk), folder });
        Ok(Subfolder { folder, made, durable: Arc::default() })
    }

    fn publish(&mut self, name: &FileName, _taken: Taken) -> io::Result<bool> {
        let mut state = self.disk.step()?;
        let entry = Entry::File(self.file);
        let before = state.folders[self.folder].seen.insert(name.as_str().to_owned(), entry);
        self.published = Some((name.as_str().to_owned(), before));
        Ok(before.is_some())
    }

    fn confirm(&mut self) {
        self.published = None;
    }
}

impl Drop for ForgetfulFile {
    fn drop(&mut self) {
        let Some((name, before)) = self.published.take() else { return };
        let Ok(mut state) = self.disk.step() else { return };
        let names = &mut state.folders[self.folder].seen;
        match before {
            Some(entry) => names.insert(name, entry),
            None => names.remove(&name),
        };
    }
}
