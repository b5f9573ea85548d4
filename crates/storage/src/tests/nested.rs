//! Folders in folders: made as needed, durable before anything is in them, and never left through a link.

use super::subfolders::{held_open, names_in};
use crate::directory::testing::{Scratch, all_kinds, combinations, create};
use crate::doubles::Faulty;
use crate::limits::{FOLDER_LEVELS, OPEN_SUBFOLDERS};
use crate::{
    Committed, Directory, Durability, Error, FileName, IfExists, IfTaken, NameTaken, Outcome, Step,
    Storage,
};
use dataset::Sink;
use std::fs;
use std::io::{self, IoSlice};
use std::iter::once;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn path(text: &str) -> Vec<FileName> {
    text.split('/').map(name).collect()
}

fn store_in(storage: &dyn Storage, folders: &str, called: &str) -> Result<Committed, Error> {
    let mut file = create(storage)?;
    file.write(&[IoSlice::new(called.as_bytes())]).map_err(Error::at(Step::Write))?;
    file.enter(&path(folders), Durability::Full)?;
    file.commit(&mut once(name(called)), IfExists::Replace, Durability::Full)
}

/// A path for which temporary names have no room.
fn long_path() -> String {
    ["1".repeat(64), "2".repeat(64), "3".repeat(64)].join("/")
}

#[test]
fn folders_are_made_and_used_again_at_any_depth() {
    let scratch = Scratch::new("nested");
    for (round, storage) in all_kinds(&scratch.0).enumerate() {
        let folders = format!("{round}/{}", long_path());
        store_in(&storage, &folders, "CT.1").unwrap();
        store_in(&storage, &folders, "CT.2").unwrap();
        store_in(&storage, &format!("{round}/other"), "CT.1").unwrap();
        assert!(store_in(&storage, &folders, "CT.1").unwrap().replaced);
        let inner = scratch.0.join(&folders);
        assert_eq!(names_in(&inner), ["CT.1", "CT.2"]);
        assert_eq!(fs::read(inner.join("CT.2")).unwrap(), b"headCT.2");
    }
    let made = names_in(&scratch.0);
    assert_eq!(made.len(), combinations().count(), "nothing else stays: {made:?}");
}

#[test]
fn depth_has_a_bound() {
    let scratch = Scratch::new("nested-depth");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    store_in(&storage, &vec!["x"; FOLDER_LEVELS].join("/"), "CT.1").unwrap();
    let refused = store_in(&storage, &vec!["y"; FOLDER_LEVELS + 1].join("/"), "CT.1").unwrap_err();
    assert_eq!(refused.step, Step::Subfolder);
    assert_eq!(names_in(&scratch.0), ["x"]);
}

#[test]
fn whichever_step_fails_no_file_stays_and_nothing_old_is_lost() {
    for older in [None, Some(b"older and good".to_vec())] {
        for (case, (staging, abilities)) in combinations().enumerate() {
            let scratch = Scratch::new(&format!("nested-faulty-{case}-{}", older.is_some()));
            let folders = format!("a/{}", long_path());
            let folder = scratch.0.join(&folders);
            if let Some(older) = &older {
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("CT.1"), older).unwrap();
            }
            let mut failures = 0;
            loop {
                let inner = Directory::open_with(&scratch.0, staging, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at: failures, step };
                if store_in(&storage, &folders, "CT.1").is_ok() {
                    break;
                }
                assert_eq!(fs::read(folder.join("CT.1")).ok(), older, "step {failures}");
                assert!(names_in(&scratch.0).iter().all(|name| name == "a"));
                failures += 1;
            }
            // Folder, stage, header and data set, four folders entered and synced, sync, publish, folder sync.
            assert_eq!(failures, 3 + 4 * 2 + 3);
            assert_eq!(fs::read(folder.join("CT.1")).unwrap(), b"headCT.1");
            assert_eq!(names_in(&folder), ["CT.1"]);
        }
    }
}

/// A level is entered only once the name of the one before is durable, so that one whose sync failed is empty, and is
/// made anew.
#[test]
fn a_level_is_durable_before_anything_is_made_in_it() {
    let scratch = Scratch::new("nested-durable");
    for level in 0..3 {
        let step = Arc::new(AtomicUsize::new(0));
        let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
        // Folder, stage, write, and a folder entered and synced for each level.
        let fails_at = 3 + 2 * level + 1;
        let storage = Faulty { inner, fails_at, step: Arc::clone(&step) };
        let refused = store_in(&storage, "a/b/c", "CT.1").unwrap_err();
        assert_eq!(refused.step, Step::SyncFolder);
        let left = scratch.0.join(["", "a", "a/b"][level]);
        assert!(names_in(&left).is_empty(), "{level}");
        let steps = |called| {
            let before = step.load(Ordering::SeqCst);
            store_in(&storage, "a/b/c", called).unwrap();
            step.load(Ordering::SeqCst) - before
        };
        // What was synced before is not synced again.
        assert_eq!(steps("CT.1"), 3 + 3 + (3 - level) + 3);
        assert_eq!(steps("CT.2"), 3 + 3 + 3);
        fs::remove_dir_all(scratch.0.join("a")).unwrap();
    }
}

#[test]
fn no_level_may_be_a_link_or_a_file() {
    let scratch = Scratch::new("nested-link");
    let elsewhere = Scratch::new("nested-link-target");
    fs::create_dir_all(elsewhere.0.join("b/c")).unwrap();
    for storage in all_kinds(&scratch.0) {
        for level in ["a", "a/b", "a/b/c"] {
            // As folders first, so that they are known and open.
            store_in(&storage, "a/b/c", "CT.1").unwrap();
            let place = scratch.0.join(level);
            for is_link in [true, false] {
                fs::remove_dir_all(&place).or_else(|_| fs::remove_file(&place)).unwrap();
                let target = elsewhere.0.join(level.strip_prefix("a/").unwrap_or("."));
                match is_link {
                    true => symlink(target, &place).unwrap(),
                    false => fs::write(&place, b"in the way").unwrap(),
                }
                let Error { step, source } = store_in(&storage, "a/b/c", "CT.2").unwrap_err();
                assert_eq!(step, Step::Subfolder);
                assert_eq!(source.kind(), io::ErrorKind::NotADirectory, "{level}");
            }
            fs::remove_file(&place).unwrap();
        }
    }
    assert!(elsewhere.content().is_empty());
}

/// What another process does with folders between two steps.
#[test]
fn a_folder_that_is_removed_or_moved_away_is_made_anew() {
    let scratch = Scratch::new("nested-moved");
    for storage in all_kinds(&scratch.0) {
        for level in ["a", "a/b", "a/b/c"] {
            store_in(&storage, "a/b/c", "CT.1").unwrap();
            let away = scratch.0.join("away");
            fs::rename(scratch.0.join(level), &away).unwrap();
            store_in(&storage, "a/b/c", "CT.2").unwrap();
            assert_eq!(names_in(&scratch.0.join("a/b/c")), ["CT.2"], "{level}");
            fs::remove_dir_all(away).unwrap();
            fs::remove_dir_all(scratch.0.join("a")).unwrap();
        }
    }
}

#[test]
fn folders_that_are_removed_before_the_file_has_its_name_are_made_anew() {
    let scratch = Scratch::new("nested-removed");
    for storage in all_kinds(&scratch.0) {
        for decides in [false, true] {
            let mut file = create(&storage).unwrap();
            file.write(&[IoSlice::new(b"CT.1")]).unwrap();
            file.enter(&path("a/b/c"), Durability::Full).unwrap();
            fs::remove_dir_all(scratch.0.join("a")).unwrap();
            let mut names = once(name("CT.1"));
            if decides {
                let decide = &mut |_: &NameTaken<'_>| Ok(IfTaken::Keep);
                let stored = file.commit_deciding(&mut names, decide, Durability::Full).unwrap();
                assert!(matches!(stored, Outcome::Stored(_)));
            } else {
                file.commit(&mut names, IfExists::Replace, Durability::Full).unwrap();
            }
            assert_eq!(fs::read(scratch.0.join("a/b/c/CT.1")).unwrap(), b"headCT.1");
            fs::remove_dir_all(scratch.0.join("a")).unwrap();
        }
    }
}

/// A job that removes empty folders all the time costs no object.
#[test]
fn whoever_removes_empty_folders_meanwhile_costs_no_object() {
    let scratch = Scratch::in_memory("nested-sweeper");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (storage, ended, top) = (&storage, &ended, &scratch.0);
        let sweeper = scope.spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                for level in ["a/b/c", "a/b", "a"] {
                    let _ = fs::remove_dir(top.join(level));
                    std::thread::sleep(Duration::from_micros(20));
                }
            }
        });
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                scope.spawn(move || {
                    for round in 0..200 {
                        let called = format!("CT.{thread}.{round}");
                        store_in(storage, "a/b/c", &called).unwrap();
                        // Empty again, as far as this thread is concerned.
                        fs::remove_file(top.join("a/b/c").join(called)).unwrap();
                    }
                })
            })
            .collect();
        let stored: Vec<_> = threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.store(true, Ordering::SeqCst);
        sweeper.join().unwrap();
        stored.into_iter().for_each(Result::unwrap);
    });
}

/// Symbolic links that are swapped in and out all the time lead no file out of the directory.
#[test]
fn whoever_swaps_links_in_leads_nothing_out() {
    let scratch = Scratch::in_memory("nested-swapper");
    let elsewhere = Scratch::in_memory("nested-swapper-target");
    fs::create_dir_all(elsewhere.0.join("b/c")).unwrap();
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (storage, ended, top, target) = (&storage, &ended, &scratch.0, &elsewhere.0);
        let swapper = scope.spawn(move || {
            let (link, place, aside) = (top.join("link"), top.join("a"), top.join("aside"));
            symlink(target, &link).unwrap();
            while !ended.load(Ordering::SeqCst) {
                let _ = fs::rename(&place, &aside);
                let _ = fs::rename(&link, &place);
                std::thread::yield_now();
                let _ = fs::rename(&place, &link);
                let _ = fs::rename(&aside, &place);
                std::thread::yield_now();
            }
        });
        for round in 0..400 {
            // Where a link is in the way, the object is refused.
            let _ = store_in(storage, "a/b/c", &format!("CT.{round}"));
        }
        ended.store(true, Ordering::SeqCst);
        swapper.join().unwrap();
    });
    assert!(elsewhere.content().is_empty(), "{:?}", elsewhere.content().keys());
    let _ = fs::remove_file(scratch.0.join("a"));
    store_in(&storage, "a/b/c", "CT.last").unwrap();
}

#[test]
fn many_folders_at_a_time_are_no_more_descriptors() {
    let scratch = Scratch::new("nested-many");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    for number in 0..2 * OPEN_SUBFOLDERS {
        store_in(&storage, &format!("{number}/b/c"), "CT.1").unwrap();
    }
    assert_eq!(held_open(&scratch.0), OPEN_SUBFOLDERS + 1);
    store_in(&storage, "0/b/c", "CT.2").unwrap();
    assert_eq!(names_in(&scratch.0.join("0/b/c")), ["CT.1", "CT.2"]);
    storage.close_unused();
    assert_eq!(held_open(&scratch.0), 0, "no folder keeps the one around it");
}

/// What was looked at is replaced, and nothing that has the name a moment later.
#[test]
fn only_the_file_that_was_decided_about_is_replaced() {
    let scratch = Scratch::new("replace-only");
    for (round, storage) in all_kinds(&scratch.0).enumerate() {
        let called = format!("CT.{round}");
        let place = scratch.0.join(&called);
        fs::write(&place, b"looked at").unwrap();
        let mut file = create(&storage).unwrap();
        file.write(&[IoSlice::new(b"new")]).unwrap();
        let mut asked = 0;
        let decide = &mut |_: &NameTaken<'_>| {
            asked += 1;
            if asked > 1 {
                return Ok(IfTaken::NextName);
            }
            // Another instance takes the name, once the first look is over.
            fs::rename(&place, place.with_extension("old")).unwrap();
            fs::write(&place, b"another instance").unwrap();
            Ok(IfTaken::Replace)
        };
        let mut names = [name(&called), name(&format!("{called}_2"))].into_iter();
        let stored = file.commit_deciding(&mut names, decide, Durability::Full).unwrap();
        let expected = Committed { name: name(&format!("{called}_2")), replaced: false };
        assert_eq!((stored, asked), (Outcome::Stored(expected), 2));
        assert_eq!(fs::read(&place).unwrap(), b"another instance");
    }
}
