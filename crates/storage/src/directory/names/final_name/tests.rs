//! The steps of [`super`], each failing in turn, each being the last one before a crash, and with
//! another process that does something between any two of them.

use crate::directory::names::abilities::Abilities;
use crate::directory::names::syscalls::hooks;
use crate::directory::names::temporary_files::HIDDEN_FOLDER;
use crate::directory::strategy::Staging;
use crate::directory::testing::{Scratch, combinations};
use crate::{Directory, Durability, FileName, IfExists, Recovered, Storage};
use rustix::io::Errno;
use std::cell::Cell;
use std::fs;
use std::io::{self, IoSlice};
use std::path::Path;
use std::rc::Rc;

const OLDER: &[u8] = b"older, acknowledged";
const NEWER: &[u8] = b"newer";
const FOREIGN: &[u8] = b"another process's, acknowledged";

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

/// Where an object goes.
#[derive(Clone, Copy, Debug)]
struct Case {
    staging: Staging,
    abilities: Abilities,
    /// The last sync of the folder fails, so that the name is taken back.
    sync_fails: bool,
    replaces: bool,
    in_subfolder: bool,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        combinations().flat_map(|(staging, abilities)| {
            (0..8).map(move |bits| Self {
                staging,
                abilities,
                sync_fails: bits & 1 > 0,
                replaces: bits & 2 > 0,
                in_subfolder: bits & 4 > 0,
            })
        })
    }

    fn folder(&self, scratch: &Scratch) -> std::path::PathBuf {
        if self.in_subfolder { scratch.0.join("study") } else { scratch.0.clone() }
    }

    /// A directory in which an object may have the name already.
    fn begin(&self, scratch: &Scratch) -> Directory {
        for entry in fs::read_dir(&scratch.0).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        fs::create_dir(scratch.0.join("study")).unwrap();
        if self.replaces {
            fs::write(self.folder(scratch).join("CT.1"), OLDER).unwrap();
        }
        Directory::open_with(&scratch.0, self.staging, self.abilities).unwrap()
    }

    fn store(&self, storage: &Directory) -> io::Result<()> {
        let mut file = storage.folder()?.stage()?;
        file.append(&[IoSlice::new(NEWER)])?;
        if self.in_subfolder {
            file.enter(&name("study"))?;
        }
        file.sync()?;
        file.publish(&name("CT.1"), IfExists::Replace)?;
        if self.sync_fails {
            return Err(Errno::IO.into());
        }
        file.confirm()
    }

    /// What has the name; nothing else is in sight.
    fn seen(&self, scratch: &Scratch) -> Option<Vec<u8>> {
        let shown: Vec<_> = fs::read_dir(self.folder(scratch))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != HIDDEN_FOLDER && name != "study")
            .collect();
        assert!(shown.iter().all(|name| name == "CT.1"), "{self:?}: {shown:?}");
        fs::read(self.folder(scratch).join("CT.1")).ok()
    }

    fn before(&self) -> Option<Vec<u8>> {
        self.replaces.then(|| OLDER.to_vec())
    }
}

/// Has the temporary files belong to a process that has ended, and starts the receiver anew.
fn restart(scratch: &Scratch) -> Recovered {
    let hidden = scratch.0.join(HIDDEN_FOLDER);
    for name in hidden_names(scratch) {
        let mut fields: Vec<&str> = name.split('-').collect();
        fields[4] = "1";
        fs::rename(hidden.join(&name), hidden.join(fields.join("-"))).unwrap();
    }
    let directory = Directory::open(&scratch.0, Durability::Full).unwrap();
    let mut recovered = directory.recover(true).unwrap();
    // A process that another test starts holds our locks until it runs its program.
    for _ in 0..100 {
        if hidden_names(scratch).is_empty() || !recovered.kept.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        recovered = directory.recover(true).unwrap();
    }
    recovered
}

fn hidden_names(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(scratch.0.join(HIDDEN_FOLDER)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Calls `before` with the number of each call, from 0, while `action` runs; says how many there were.
fn numbered<T>(
    mut before: impl FnMut(usize) -> io::Result<()> + 'static,
    action: impl FnOnce() -> T,
) -> (T, usize) {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let hook = move |_: &str| {
        let number = counted.replace(counted.get() + 1);
        assert!(number < 2000, "it does not end");
        before(number)
    };
    (hooks::with(hook, action), count.get())
}

#[test]
fn whichever_call_fails_answer_and_folder_agree() {
    let scratch = Scratch::in_memory("steps-fail");
    for case in Case::all() {
        for number in 0.. {
            let storage = case.begin(&scratch);
            let fails = move |call| if call == number { Err(Errno::IO.into()) } else { Ok(()) };
            let (stored, calls) = numbered(fails, || case.store(&storage));
            let what = format!("{case:?}, call {number}: {stored:?}");
            let expected = if stored.is_ok() { Some(NEWER.to_vec()) } else { case.before() };
            assert_eq!(case.seen(&scratch), expected, "{what}");
            drop(storage);
            let recovered = restart(&scratch);
            assert_eq!(recovered.kept, [], "{what}");
            assert_eq!(case.seen(&scratch), expected, "{what}, after a restart");
            assert_eq!(hidden_names(&scratch), [""; 0], "{what}");
            if calls <= number {
                break;
            }
        }
    }
}

#[test]
fn whichever_kind_of_call_never_works_answer_and_folder_agree() {
    let scratch = Scratch::in_memory("steps-never-work");
    for case in Case::all() {
        for kind in ["exchange", "rename to a free name", "link", "unlink", "rename", "create"] {
            for errno in [Errno::IO, Errno::INVAL, Errno::PERM, Errno::ROFS] {
                let storage = case.begin(&scratch);
                let fails = move |call: &str| if call == kind { Err(errno.into()) } else { Ok(()) };
                let stored = hooks::with(fails, || case.store(&storage));
                let what = format!("{case:?}, no {kind}: {errno:?}, {stored:?}");
                let seen = case.seen(&scratch);
                let expected = if stored.is_ok() { Some(NEWER.to_vec()) } else { case.before() };
                // A sync that fails, and then no way back, costs a refused object that is in sight until
                // the next start, where it replaced another one.
                assert!(seen == expected || case.sync_fails, "{what}: {seen:?}");
                drop(storage);
                restart(&scratch);
                if stored.is_ok() || case.replaces {
                    assert_eq!(case.seen(&scratch), expected, "{what}, after a restart");
                }
                assert_eq!(hidden_names(&scratch), [""; 0], "{what}");
            }
        }
    }
}

#[test]
fn a_crash_before_any_call_loses_nothing_that_was_acknowledged() {
    let scratch = Scratch::in_memory("steps-crash");
    for case in Case::all() {
        for number in 0.. {
            let storage = case.begin(&scratch);
            // What fails from here on does not happen any more, undoing neither.
            let crash = move |call| if call >= number { Err(Errno::IO.into()) } else { Ok(()) };
            let (stored, calls) = numbered(crash, || case.store(&storage));
            let what = format!("{case:?}, before call {number}");
            drop(storage);
            let recovered = restart(&scratch);
            assert_eq!(recovered.kept, [], "{what}");
            let seen = case.seen(&scratch);
            match &stored {
                Ok(()) => assert_eq!(seen.as_deref(), Some(NEWER), "{what}"),
                Err(_) if case.replaces => assert_eq!(seen.as_deref(), Some(OLDER), "{what}"),
                // Whole, if it is there.
                Err(_) => assert!(seen.is_none() || seen.as_deref() == Some(NEWER), "{what}"),
            }
            assert_eq!(hidden_names(&scratch), [""; 0], "{what}");
            if calls <= number {
                break;
            }
        }
    }
}

/// It does not look at locks, as on another machine where they do not reach.
#[test]
fn whatever_another_process_stores_in_between_stays() {
    let scratch = Scratch::in_memory("steps-foreign");
    let racing = |case: &Case| {
        // Two steps that rely on the lock, and the last resort, which the start warns of.
        let Abilities { exchange, no_replace, links, locks } = case.abilities;
        exchange || !locks && (no_replace || links)
    };
    for case in Case::all().filter(racing) {
        for number in 0.. {
            let storage = case.begin(&scratch);
            let folder = case.folder(&scratch);
            let stores = move |call| {
                if call == number {
                    store_foreign(&folder);
                }
                Ok(())
            };
            let (stored, calls) = numbered(stores, || case.store(&storage));
            if calls <= number {
                break;
            }
            let what = format!("{case:?}, before call {number}: {stored:?}");
            drop(storage);
            for when in ["", ", after a restart"] {
                let seen = case.seen(&scratch);
                // If ours is stored, it was the later one, or is gone as the earlier one.
                let right = seen.as_deref() == Some(FOREIGN)
                    || stored.is_ok() && seen.as_deref() == Some(NEWER);
                assert!(right, "{what}{when}: {:?}", seen.map(String::from_utf8));
                restart(&scratch);
            }
        }
    }
}

#[test]
fn a_name_that_another_process_removes_in_between_costs_nothing_else() {
    let scratch = Scratch::in_memory("steps-removed");
    for case in Case::all() {
        for number in 0.. {
            let storage = case.begin(&scratch);
            let path = case.folder(&scratch).join("CT.1");
            let removes = move |call| {
                if call == number {
                    let _ = fs::remove_file(&path);
                }
                Ok(())
            };
            let (stored, calls) = numbered(removes, || case.store(&storage));
            if calls <= number {
                break;
            }
            assert_eq!(stored.is_err(), case.sync_fails, "{case:?}, before call {number}");
            // What was removed is gone; what was put back after that is the older one.
            let seen = case.seen(&scratch);
            let right = match seen.as_deref() {
                None => true,
                Some(NEWER) => stored.is_ok(),
                seen => stored.is_err() && seen == case.before().as_deref(),
            };
            assert!(right, "{case:?}, before call {number}: {seen:?}");
        }
    }
}

fn store_foreign(folder: &Path) {
    let temporary = folder.join("study-of-another-process");
    fs::write(&temporary, FOREIGN).unwrap();
    fs::rename(temporary, folder.join("CT.1")).unwrap();
}

/// As on a network file system that sends a request again when its answer was lost.
#[test]
fn what_has_been_done_and_is_said_to_have_failed_costs_nothing() {
    let scratch = Scratch::in_memory("steps-answers");
    for case in Case::all() {
        for errno in [Errno::NOENT, Errno::EXIST, Errno::IO] {
            for number in 0.. {
                let storage = case.begin(&scratch);
                let count = Rc::new(Cell::new(0));
                let calls = Rc::clone(&count);
                let answer = move |call: &str| {
                    // It would say that the old name is gone.
                    let told = (call, errno) != ("rename to a free name", Errno::EXIST);
                    let is_it = calls.replace(calls.get() + 1) == number;
                    if is_it && told { Err(errno.into()) } else { Ok(()) }
                };
                let stored = hooks::answering(answer, || case.store(&storage));
                let what = format!("{case:?}, {errno:?} from call {number}: {stored:?}");
                drop(storage);
                let expected = if stored.is_ok() { Some(NEWER.to_vec()) } else { case.before() };
                assert_eq!(case.seen(&scratch), expected, "{what}");
                let recovered = restart(&scratch);
                assert_eq!(recovered.kept, [], "{what}");
                assert_eq!(case.seen(&scratch), expected, "{what}, after a restart");
                assert_eq!(hidden_names(&scratch), [""; 0], "{what}");
                if count.get() <= number {
                    break;
                }
            }
        }
    }
}

/// Of the last process that leaves the hidden folder, and the next one that makes it anew.
#[test]
fn a_hidden_folder_that_comes_and_goes_does_not_keep_a_name_from_being_taken_back() {
    let scratch = Scratch::in_memory("steps-hidden-folder");
    let new = |case: &Case| case.sync_fails && !case.replaces;
    for case in Case::all().filter(new) {
        let storage = case.begin(&scratch);
        let hidden = scratch.0.join(HIDDEN_FOLDER);
        let left = Cell::new(false);
        let others = move |call: &str| {
            if call == "rename" && !left.get() {
                left.set(fs::remove_dir(&hidden).is_ok());
            } else if call == "stat" && left.get() && !hidden.exists() {
                fs::create_dir(&hidden).unwrap();
                left.set(true);
            }
            Ok(())
        };
        hooks::with(others, || case.store(&storage)).unwrap_err();
        assert_eq!(case.seen(&scratch), None, "{case:?}");
    }
}

/// Of many associations that end while others store.
#[test]
fn a_hidden_folder_that_comes_and_goes_keeps_no_object_from_being_stored() {
    let scratch = Scratch::in_memory("steps-hidden-folder-often");
    for case in Case::all().filter(|case| !case.sync_fails) {
        let storage = case.begin(&scratch);
        let hidden = scratch.0.join(HIDDEN_FOLDER);
        let left = Cell::new(0);
        let others = move |call: &str| {
            if call == "stat" && left.get() > 0 && !hidden.exists() {
                fs::create_dir(&hidden).unwrap();
            } else if call != "stat" && left.get() < 5 {
                left.set(left.get() + usize::from(fs::remove_dir(&hidden).is_ok()));
            }
            Ok(())
        };
        hooks::with(others, || case.store(&storage)).unwrap();
        assert_eq!(case.seen(&scratch), Some(NEWER.to_vec()), "{case:?}");
    }
}
