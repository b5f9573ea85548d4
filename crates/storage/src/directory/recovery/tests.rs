//! What becomes of temporary files, by what their names say.

use crate::directory::names::inode_lock;
use crate::directory::names::syscalls::hooks;
use crate::directory::names::temporary_files::HIDDEN_FOLDER;
use crate::directory::names::temporary_names::owner;
use crate::directory::recovery;
use crate::directory::testing::Scratch;
use crate::file_id::Stamp;
use crate::limits::LEFT_OVERS_AT_ONCE;
use crate::{
    Directory, Durability, FileName, IfExists, InstanceFile, PreparedFile, Recovered, StagedFile,
    Storage,
};
use platform::ProcessIdentity;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::IoSlice;
use std::iter::once;
use std::thread;
use std::time::Duration;

const OLDER: &[u8] = b"older, acknowledged";

/// A process of this boot that has ended.
fn ended() -> ProcessIdentity {
    ProcessIdentity { start: 1, ..owner() }
}

/// The same of an earlier boot, or of another machine.
fn earlier_boot() -> ProcessIdentity {
    ProcessIdentity { boot: owner().boot ^ 1, ..owner() }
}

/// Process 1, which lives.
fn living() -> ProcessIdentity {
    let status = fs::read_to_string("/proc/1/stat").unwrap();
    let start = status.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap();
    ProcessIdentity { id: 1, start: start.parse().unwrap(), ..owner() }
}

struct Place {
    scratch: Scratch,
    storage: Directory,
}

impl Place {
    fn new(test: &str) -> Self {
        let scratch = Scratch::in_memory(test);
        fs::create_dir(scratch.0.join(HIDDEN_FOLDER)).unwrap();
        fs::create_dir(scratch.0.join("study")).unwrap();
        let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
        fs::create_dir_all(scratch.0.join(HIDDEN_FOLDER)).unwrap();
        Self { scratch, storage }
    }

    /// What has the name now counts as the newer file.
    fn newer(&self, name: &str) -> (u64, u64) {
        let stamp = Stamp::of(&File::open(self.scratch.0.join(name)).unwrap()).unwrap();
        (stamp.id.inode, stamp.modified)
    }

    fn leave_replaced(&self, of: ProcessIdentity, newer: (u64, u64), folder: &str, name: &str) {
        let ProcessIdentity { boot, space, id, start } = of;
        let (inode, modified) = newer;
        let rest = format!("{inode:x}-{modified:x}-{}-{folder}{name}~", folder.len());
        self.leave(&format!(".replaced-{boot:x}-{space:x}-{id}-{start:x}-7-{rest}"));
    }

    fn leave(&self, name: &str) {
        fs::write(self.scratch.0.join(HIDDEN_FOLDER).join(name), OLDER).unwrap();
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.scratch.0.join(name), content).unwrap();
    }

    /// An object of this process that is stored and acknowledged.
    fn store(&self, name: &str, content: &[u8]) {
        let prepared = &mut PreparedFile::default();
        let mut file = InstanceFile::create(&self.storage, prepared, content.to_vec()).unwrap();
        let name = FileName::new(name.to_owned()).unwrap();
        file.commit(&mut once(name), IfExists::Replace, Durability::Full).unwrap();
    }

    /// One that has its name, but may still fail.
    fn publish(&self, name: &str, content: &[u8]) -> Box<dyn StagedFile> {
        let mut file = self.storage.folder().unwrap().stage().unwrap();
        file.append(&[IoSlice::new(content)]).unwrap();
        file.publish(&FileName::new(name.to_owned()).unwrap(), IfExists::Replace).unwrap();
        file
    }

    /// Removed, restored, kept; and how many temporary files are there afterwards.
    fn recover(&self) -> (usize, usize, usize, usize) {
        let Recovered { removed, restored, kept, .. } = self.storage.recover(true).unwrap();
        let left = fs::read_dir(self.scratch.0.join(HIDDEN_FOLDER)).into_iter().flatten().count();
        (removed, restored, kept.len(), left)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.scratch.0.join(name)).unwrap()
    }
}

#[test]
fn an_older_file_whose_name_is_free_gets_it_back() {
    for of in [ended(), earlier_boot()] {
        let place = Place::new("recovery-free");
        place.leave_replaced(of, (1, 1), "", "CT.1");
        place.leave_replaced(of, (1, 1), "study", "CT.2");
        assert_eq!(place.recover(), (0, 2, 0, 0));
        assert_eq!((place.read("CT.1"), place.read("study/CT.2")), (OLDER.into(), OLDER.into()));
    }
}

#[test]
fn a_newer_file_that_was_not_acknowledged_gives_way() {
    let place = Place::new("recovery-newer");
    place.write("CT.1", b"newer");
    place.leave_replaced(ended(), place.newer("CT.1"), "", "CT.1");
    assert_eq!(place.recover(), (0, 1, 0, 0));
    assert_eq!(place.read("CT.1"), OLDER);
}

impl Place {
    /// What is left of replacing a file several folders deep.
    fn leave_noted(&self, of: ProcessIdentity, newer: (u64, u64), path: Option<&str>) {
        let ProcessIdentity { boot, space, id, start } = of;
        let (inode, modified) = newer;
        let of = format!("{boot:x}-{space:x}-{id}-{start:x}");
        self.leave(&format!(".replaced-{of}-7-{inode:x}-{modified:x}-@9~"));
        if let Some(path) = path {
            let note = self.scratch.0.join(HIDDEN_FOLDER).join(format!(".place-{of}-9~"));
            fs::write(note, path).unwrap();
        }
    }
}

#[test]
fn a_file_in_nested_folders_gets_its_name_back_by_its_note() {
    for (of, newer) in [(ended(), None), (earlier_boot(), None), (ended(), Some(b"newer"))] {
        let place = Place::new("recovery-nested");
        fs::create_dir_all(place.scratch.0.join("a/b/c")).unwrap();
        let stamp = newer.map_or((1, 1), |content| {
            place.write("a/b/c/CT.1", content);
            place.newer("a/b/c/CT.1")
        });
        place.leave_noted(of, stamp, Some("a/b/c/CT.1"));
        assert_eq!(place.recover(), (0, 1, 0, 0), "the note goes too");
        assert_eq!(place.read("a/b/c/CT.1"), OLDER);
    }
}

#[test]
fn a_file_that_stays_keeps_its_note() {
    let place = Place::new("recovery-nested-kept");
    for round in 0..2 {
        // Its folders are missing.
        place.leave_noted(ended(), (1, 1), Some("a/b/c/CT.1"));
        assert_eq!(place.recover(), (0, 0, 1, 2), "start {round}");
    }
    fs::create_dir_all(place.scratch.0.join("a/b/c")).unwrap();
    assert_eq!(place.recover(), (0, 1, 0, 0));
    assert_eq!(place.read("a/b/c/CT.1"), OLDER);
}

/// A note leads through no link, nor out of the directory, whatever it says.
#[test]
fn what_a_note_says_is_not_trusted() {
    let elsewhere = Scratch::in_memory("recovery-nested-elsewhere");
    let long = format!("{}CT.1", "a/".repeat(10_000));
    let paths = [None, Some(""), Some("../CT.1"), Some("a//CT.1"), Some("link/CT.1"), Some(&*long)];
    for path in paths {
        let place = Place::new("recovery-nested-broken");
        std::os::unix::fs::symlink(&elsewhere.0, place.scratch.0.join("link")).unwrap();
        place.leave_noted(ended(), (1, 1), path);
        let (removed, restored, kept, _) = place.recover();
        assert_eq!((removed, restored, kept), (0, 0, 1), "{path:?}");
    }
    assert!(elsewhere.content().is_empty());
}

#[test]
fn a_note_without_a_file_goes_unless_its_process_lives() {
    let place = Place::new("recovery-note");
    let note = |of: ProcessIdentity, number: u32| {
        let ProcessIdentity { boot, space, id, start } = of;
        place.leave(&format!(".place-{boot:x}-{space:x}-{id}-{start:x}-{number}~"));
    };
    note(ended(), 1);
    note(earlier_boot(), 2);
    assert_eq!(place.recover(), (0, 0, 0, 0));
    fs::create_dir_all(place.scratch.0.join(HIDDEN_FOLDER)).unwrap();
    note(living(), 3);
    assert_eq!(place.recover(), (0, 0, 0, 1));
}

/// Looked at before each call of a replacement several folders deep.
#[test]
fn a_replaced_file_has_a_note_of_its_place_all_the_time() {
    let folders: Vec<_> =
        ["a", "b"].map(|name| FileName::new(name.to_owned()).unwrap()).into_iter().collect();
    let place = Place::new("recovery-nested-crash");
    let commit = |content: &[u8]| {
        let prepared = &mut PreparedFile::default();
        let mut file = InstanceFile::create(&place.storage, prepared, content.to_vec()).unwrap();
        file.enter(&folders, Durability::Full).unwrap();
        let name = FileName::new("CT.1".to_owned()).unwrap();
        file.commit(&mut once(name), IfExists::Replace, Durability::Full)
    };
    commit(OLDER).unwrap();
    let hidden = place.scratch.0.join(HIDDEN_FOLDER);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (looks, folder) = (std::sync::Arc::clone(&seen), hidden.clone());
    let look = move |_: &str| {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        looks.lock().unwrap().push(names.collect::<Vec<_>>());
        Ok(())
    };
    assert!(hooks::with(look, || commit(b"newer")).unwrap().replaced);
    let is_noted = |names: &Vec<String>| {
        let replaced = names.iter().any(|name| name.starts_with(".replaced-"));
        !replaced || names.iter().any(|name| name.starts_with(".place-"))
    };
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(is_noted), "a replaced file has its note all the time: {seen:?}");
    assert!(seen.iter().flatten().any(|name| name.starts_with(".place-")));
    assert!(fs::read_dir(&hidden).into_iter().flatten().next().is_none(), "and it goes");
}

/// After a power loss, what was removed may be back.
#[test]
fn after_another_boot_both_stay_unless_they_are_the_same() {
    let place = Place::new("recovery-boot");
    place.write("CT.1", b"newer");
    place.write("CT.2", OLDER);
    for name in ["CT.1", "CT.2"] {
        place.leave_replaced(earlier_boot(), place.newer(name), "", name);
    }
    for (round, removed) in [(1, 1), (2, 0)] {
        assert_eq!(place.recover(), (removed, 0, 1, 1), "start {round}");
        assert_eq!((place.read("CT.1"), place.read("CT.2")), (b"newer".to_vec(), OLDER.into()));
    }
}

#[test]
fn what_cannot_be_told_for_certain_stays() {
    let place = Place::new("recovery-unknown");
    place.write("CT.1", b"a third one");
    place.leave_replaced(ended(), (1, 1), "", "CT.1");
    place.leave_replaced(ended(), (1, 1), "gone", "CT.2");
    let ProcessIdentity { boot, space, id, start } = ended();
    place.leave(&format!(".replaced-{boot:x}-{space:x}-{id}-{start:x}-8-1-1~"));
    assert_eq!(place.recover(), (0, 0, 3, 3));
    assert_eq!(place.read("CT.1"), b"a third one");
}

#[test]
fn what_a_living_process_owns_stays_and_so_does_what_is_none_of_ours() {
    let place = Place::new("recovery-living");
    for of in [living(), owner()] {
        place.leave_replaced(of, (1, 1), "", &format!("CT.{}", of.id));
        let ProcessIdentity { boot, space, id, start } = of;
        place.leave(&format!(".incoming-{boot:x}-{space:x}-{id}-{start:x}-9~"));
    }
    place.leave("notes");
    place.leave(".incoming-1-2~");
    assert_eq!(place.recover(), (0, 0, 0, 6));
}

/// Of another boot or machine, it is the lock that tells.
#[test]
fn what_is_locked_stays() {
    let place = Place::new("recovery-locked");
    let ProcessIdentity { boot, space, id, start } = earlier_boot();
    let name = format!(".incoming-{boot:x}-{space:x}-{id}-{start:x}-9~");
    place.leave(&name);
    let file = File::open(place.scratch.0.join(HIDDEN_FOLDER).join(&name)).unwrap();
    assert_eq!(inode_lock::try_lock(&file), inode_lock::Lock::Held);
    assert_eq!(place.recover(), (0, 0, 0, 1));
    drop(file);
    assert_eq!(place.recover(), (1, 0, 0, 0));
}

/// Where neither process nor lock tells, as without locks after a restart of the machine, the time does.
#[test]
fn what_nothing_tells_of_is_left_alone_for_an_hour() {
    use inode_lock::Lock::{Busy, Held, Unavailable};
    for (is_running, lock, late_write_errors, young, old) in [
        (Some(true), Unavailable, false, false, false),
        (Some(false), Unavailable, true, true, true),
        (None, Busy, true, false, false),
        (None, Held, false, true, true),
        (None, Held, true, false, true),
        (None, Unavailable, false, false, true),
        (None, Unavailable, true, false, true),
    ] {
        let abandoned = |age| recovery::is_abandoned(is_running, lock, late_write_errors, || age);
        assert_eq!((abandoned(false), abandoned(true)), (young, old), "{is_running:?} {lock:?}");
    }
}

/// As one of root is for another user.
#[test]
fn a_hidden_folder_that_cannot_be_looked_into_is_told_of() {
    let place = Place::new("recovery-unseen");
    let hidden = place.scratch.0.join(HIDDEN_FOLDER);
    place.leave("notes");
    assert_eq!(place.storage.recover(true).unwrap(), Recovered::default());
    let denied = |call: &str| if call == "list" { Err(Errno::ACCESS.into()) } else { Ok(()) };
    let recovered = hooks::with(denied, || place.storage.recover(true).unwrap());
    let unseen: Vec<_> = recovered.unseen.iter().map(|(path, _)| path.clone()).collect();
    assert!(unseen.contains(&hidden.display().to_string()), "{unseen:?}");
}

/// The port is open before left-overs are looked for, so a sender may repeat an object before its older file has
/// its name back: then what was acknowledged last has the name, and nothing is lost.
#[test]
fn an_object_that_comes_before_the_recovery_keeps_its_name() {
    for has_newer in [false, true] {
        let place = Place::new("recovery-first");
        if has_newer {
            place.write("CT.1", b"newer, not acknowledged");
        }
        let newer = if has_newer { place.newer("CT.1") } else { (1, 1) };
        place.leave_replaced(ended(), newer, "", "CT.1");
        place.leave_replaced(ended(), newer, "study", "CT.1");
        place.store("CT.1", b"repeated");
        assert_eq!(place.recover(), (0, 1, 1, 1), "the name in the other folder is free");
        assert_eq!(place.read("CT.1"), b"repeated");
        assert_eq!(place.read("study/CT.1"), OLDER);
        // The same as before, as many bytes, and then there is nothing to keep.
        place.store("CT.1", OLDER);
        assert_eq!(place.recover(), (1, 0, 0, 0));
        assert_eq!(place.read("CT.1"), OLDER);
    }
}

/// An object that is being stored meanwhile may still fail: the older file is there for that.
#[test]
fn an_object_on_its_way_to_the_name_is_waited_for() {
    for (content, is_stored) in
        [(OLDER, false), (OLDER, true), (b"repeated", false), (b"repeated", true)]
    {
        let place = Place::new("recovery-on-its-way");
        place.leave_replaced(ended(), (1, 1), "", "CT.1");
        let mut file = place.publish("CT.1", content);
        let recovered = thread::scope(|scope| {
            let recovering = scope.spawn(|| place.recover());
            // Long enough for it to do what it must not.
            thread::sleep(Duration::from_millis(100));
            if is_stored {
                file.confirm().unwrap();
            }
            drop(file);
            recovering.join().unwrap()
        });
        let expected = match (is_stored, content == OLDER) {
            (false, _) => (0, 1, 0, 0),
            (true, true) => (1, 0, 0, 0),
            (true, false) => (0, 0, 1, 1),
        };
        assert_eq!(recovered, expected);
        assert_eq!(place.read("CT.1"), if is_stored { content } else { OLDER });
    }
}

/// The object of another process may fail after that process has been waited for.
#[test]
fn a_copy_stays_as_long_as_another_process_has_a_lock_of_the_other() {
    let place = Place::new("recovery-copy");
    place.write("CT.1", OLDER);
    place.leave_replaced(ended(), (1, 1), "", "CT.1");
    let other = File::open(place.scratch.0.join("CT.1")).unwrap();
    assert_eq!(inode_lock::try_lock(&other), inode_lock::Lock::Held);
    assert_eq!(place.recover(), (0, 0, 1, 1));
    drop(other);
    assert_eq!(place.recover(), (1, 0, 0, 0));
}

#[test]
fn all_are_found_however_many_there_are() {
    let place = Place::new("recovery-many");
    let ProcessIdentity { boot, space, id, start } = ended();
    for number in 0..=2 * LEFT_OVERS_AT_ONCE {
        place.leave(&format!(".incoming-{boot:x}-{space:x}-{id}-{start:x}-{number:x}~"));
        place.leave(&format!("other-{number}"));
    }
    let others = 2 * LEFT_OVERS_AT_ONCE + 1;
    assert_eq!(place.recover(), (others, 0, 0, others));
}
