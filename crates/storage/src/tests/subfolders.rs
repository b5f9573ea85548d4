//! Files that go into subfolders, and names that are given only if they are free.

use crate::directory::testing::{HIDDEN_FOLDER, Scratch, all_kinds, combinations, create};
use crate::doubles::Faulty;
use crate::limits::OPEN_SUBFOLDERS;
use crate::{
    Committed, Directory, Durability, Error, FileIdentity, FileName, IfExists, Step, Storage,
};
use dataset::Sink;
use std::fs;
use std::io::{self, IoSlice};
use std::iter::once;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn store_in(storage: &dyn Storage, folder: &str, called: &str) -> Result<Committed, Error> {
    let mut file = create(storage)?;
    file.write(&[IoSlice::new(called.as_bytes())]).map_err(Error::at(Step::Write))?;
    file.enter(&[name(folder)], Durability::Full)?;
    file.commit(&mut once(name(called)), IfExists::Replace, Durability::Full)
}

pub(super) fn names_in(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_used = |name: &String| {
        name != HIDDEN_FOLDER || fs::read_dir(path.join(name)).unwrap().next().is_some()
    };
    let mut names: Vec<_> = names.filter(is_used).collect();
    names.sort();
    names
}

/// How many descriptors of this process lead to a folder and to what is in it.
pub(super) fn held_open(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let paths = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    paths.filter(|path| path.starts_with(folder)).count()
}

#[test]
fn a_subfolder_is_made_and_used_again() {
    let scratch = Scratch::new("subfolder");
    for (round, storage) in all_kinds(&scratch.0).enumerate() {
        let folder = format!("study{round}");
        store_in(&storage, &folder, "CT.1").unwrap();
        store_in(&storage, &folder, "CT.2").unwrap();
        assert!(store_in(&storage, &folder, "CT.1").unwrap().replaced);
        assert_eq!(names_in(&scratch.0.join(&folder)), ["CT.1", "CT.2"]);
        assert_eq!(fs::read(scratch.0.join(folder).join("CT.2")).unwrap(), b"headCT.2");
    }
    let made = names_in(&scratch.0);
    assert!(made.iter().all(|name| name.starts_with("study")), "nothing else stays: {made:?}");
    assert_eq!(made.len(), combinations().count());
}

#[test]
fn a_subfolder_that_was_moved_away_is_made_anew() {
    let scratch = Scratch::new("subfolder-moved");
    for storage in all_kinds(&scratch.0) {
        store_in(&storage, "study", "CT.1").unwrap();
        let away = scratch.0.join("away");
        fs::rename(scratch.0.join("study"), &away).unwrap();
        store_in(&storage, "study", "CT.2").unwrap();
        assert_eq!(names_in(&away), ["CT.1"]);
        assert_eq!(names_in(&scratch.0.join("study")), ["CT.2"]);
        fs::remove_dir_all(away).unwrap();
        fs::remove_dir_all(scratch.0.join("study")).unwrap();
    }
}

#[test]
fn a_symbolic_link_or_a_file_is_no_subfolder() {
    let scratch = Scratch::new("subfolder-link");
    let elsewhere = Scratch::new("subfolder-link-target");
    symlink(&elsewhere.0, scratch.0.join("link")).unwrap();
    fs::write(scratch.0.join("file"), b"in the way").unwrap();
    for storage in all_kinds(&scratch.0) {
        for folder in ["link", "file"] {
            let refused = store_in(&storage, folder, "CT.1").unwrap_err();
            let Error { step, source } = refused;
            assert_eq!(step, Step::Subfolder);
            assert_eq!(source.kind(), io::ErrorKind::NotADirectory, "{folder}");
        }
        // One that was a folder before, and is known as such.
        store_in(&storage, "study", "CT.1").unwrap();
        fs::remove_dir_all(scratch.0.join("study")).unwrap();
        symlink(&elsewhere.0, scratch.0.join("study")).unwrap();
        store_in(&storage, "study", "CT.2").unwrap_err();
        fs::remove_file(scratch.0.join("study")).unwrap();
    }
    assert!(elsewhere.content().is_empty());
    assert_eq!(names_in(&scratch.0), ["file", "link"]);
}

#[test]
fn whichever_step_fails_no_file_stays_and_nothing_old_is_lost() {
    for older in [None, Some(b"older and good".to_vec())] {
        for (case, (staging, abilities)) in combinations().enumerate() {
            let scratch = Scratch::new(&format!("subfolder-faulty-{case}-{}", older.is_some()));
            let folder = scratch.0.join("study");
            if let Some(older) = &older {
                fs::create_dir(&folder).unwrap();
                fs::write(folder.join("CT.1"), older).unwrap();
            }
            let mut failures = 0;
            loop {
                let inner = Directory::open_with(&scratch.0, staging, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at: failures, step };
                if store_in(&storage, "study", "CT.1").is_ok() {
                    break;
                }
                assert_eq!(fs::read(folder.join("CT.1")).ok(), older, "step {failures}");
                assert!(names_in(&scratch.0).iter().all(|name| name == "study"));
                failures += 1;
            }
            // folder, stage, header and data set, enter, parent sync, sync, publish, folder sync
            assert_eq!(failures, 8);
            assert_eq!(fs::read(folder.join("CT.1")).unwrap(), b"headCT.1");
            assert_eq!(names_in(&folder), ["CT.1"]);
        }
    }
}

/// The sync of the folder around a new one is owed until it has succeeded, by whoever comes next.
#[test]
fn a_new_subfolder_is_durable_before_anything_in_it_counts_as_stored() {
    let scratch = Scratch::new("subfolder-durable");
    let step = Arc::new(AtomicUsize::new(0));
    let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
    let storage = Faulty { inner, fails_at: 4, step: Arc::clone(&step) };
    store_in(&storage, "study", "CT.1").unwrap_err();
    let steps = |called| {
        let before = step.load(std::sync::atomic::Ordering::SeqCst);
        store_in(&storage, "study", called).unwrap();
        step.load(std::sync::atomic::Ordering::SeqCst) - before
    };
    assert_eq!(steps("CT.1"), 8, "synced again, since it failed");
    assert_eq!(steps("CT.2"), 7, "and not any more");
}

#[test]
fn many_subfolders_at_a_time_are_no_more_descriptors() {
    let scratch = Scratch::new("subfolders-many");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    for number in 0..3 * OPEN_SUBFOLDERS {
        store_in(&storage, &format!("study{number}"), "CT.1").unwrap();
    }
    assert_eq!(held_open(&scratch.0), OPEN_SUBFOLDERS + 1);
    store_in(&storage, "study0", "CT.2").unwrap();
    assert_eq!(names_in(&scratch.0.join("study0")), ["CT.1", "CT.2"]);
}

#[test]
fn a_free_name_is_found_and_nothing_is_replaced() {
    let scratch = Scratch::new("free-name");
    for (round, storage) in all_kinds(&scratch.0).enumerate() {
        let mut committed: Vec<String> = std::thread::scope(|scope| {
            let storage = &storage;
            let threads: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(move || {
                        let mut file = create(storage).unwrap();
                        let mut names = (0..6).map(|serial| name(&format!("{round}-{serial}")));
                        let done =
                            file.commit(&mut names, IfExists::Refuse, Durability::None).unwrap();
                        assert!(!done.replaced);
                        done.name.to_string()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        committed.sort();
        let expected: Vec<String> = (0..6).map(|serial| format!("{round}-{serial}")).collect();
        assert_eq!(committed, expected);
        let mut file = create(&storage).unwrap();
        let mut names = expected.iter().map(|taken| name(taken));
        file.commit(&mut names, IfExists::Refuse, Durability::None).unwrap_err();
    }
    assert_eq!(scratch.content().len(), 6 * combinations().count());
}

/// A commit that fails gives the older file its name back, whoever renames meanwhile.
#[test]
fn a_name_that_may_be_taken_back_is_not_renamed() {
    let scratch = Scratch::new("rename-claimed");
    for (staging, abilities) in combinations().filter(|(_, abilities)| abilities.give_free_names())
    {
        let storage = Directory::open_with(&scratch.0, staging, abilities).unwrap();
        fs::write(scratch.0.join("CT.1"), "older").unwrap();
        let folder = storage.folder().unwrap();
        let older = FileIdentity::of(&fs::File::open(scratch.0.join("CT.1")).unwrap()).unwrap();
        let mut file = Arc::clone(&folder).stage().unwrap();
        file.append(&[IoSlice::new(b"newer")]).unwrap();
        assert!(file.publish(&name("CT.1"), IfExists::Replace).unwrap());
        let rename = move || folder.rename(older, &name("CT.1"), &name("CT000001"));
        let renaming = std::thread::spawn(rename);
        // Long enough to be done, were it not to wait.
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(file);
        renaming.join().unwrap().unwrap();
        assert_eq!(fs::read(scratch.0.join("CT000001")).unwrap(), b"older");
        assert_eq!(names_in(&scratch.0), ["CT000001"]);
        fs::remove_file(scratch.0.join("CT000001")).unwrap();
    }
}

#[test]
fn nothing_is_held_open_after_a_failure() {
    let scratch = Scratch::new("let-go");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    store_in(&storage, "study", "CT.1").unwrap();
    assert_eq!(held_open(&scratch.0), 2);
    let other = create(&storage).unwrap();
    storage.close_unused();
    assert_eq!(held_open(&scratch.0), 3, "another one is on its way");
    drop(other);
    storage.close_unused();
    assert_eq!(held_open(&scratch.0), 0);
    store_in(&storage, "study", "CT.2").unwrap();
    assert_eq!(names_in(&scratch.0.join("study")), ["CT.1", "CT.2"]);
}
