//! The promise of [`super`], attacked: every step failing, names taken, many at once.

use super::abilities::Abilities;
use super::directory::Directory;
use super::doubles::{Faulty, Scratch, WAYS, all_ways, create, manners};
use super::manner::Way;
use super::*;
use crate::{Error, Step};
use dataset::Sink;
use std::collections::BTreeMap;
use std::fs;
use std::iter::once;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn store(storage: &dyn Storage, called: &str, content: &[u8]) -> Result<(), Error> {
    let mut file = create(storage)?;
    file.write(&[IoSlice::new(content)]).map_err(Error::at(Step::Write))?;
    file.patch(0, b"#").map_err(Error::at(Step::Write))?;
    file.commit(&mut once(name(called)), Taken::Replace, Durability::Full).map(drop)
}

#[test]
fn a_committed_instance_is_there_whole() {
    let scratch = Scratch::new("committed");
    for (round, storage) in all_ways(&scratch.0).enumerate() {
        store(&storage, "CT.1", format!("x{round}").as_bytes()).unwrap();
        let expected = format!("head#{round}").into_bytes();
        assert_eq!(scratch.content(), BTreeMap::from([("CT.1".to_owned(), expected)]));
    }
}

#[test]
fn nothing_has_the_name_before_commit_and_nothing_stays_without_it() {
    let scratch = Scratch::new("before-commit");
    for storage in all_ways(&scratch.0) {
        let mut file = create(&storage).unwrap();
        file.write(&[IoSlice::new(b"abc"), IoSlice::new(b""), IoSlice::new(b"def")]).unwrap();
        assert!(scratch.content().keys().all(|name| name.starts_with(".storescp/")));
        drop(file);
        assert_eq!(scratch.content(), BTreeMap::new());
    }
}

#[test]
fn unnamed_files_show_nothing_at_all() {
    let scratch = Scratch::new("unnamed");
    for way in [Way::Unnamed, Way::UnnamedUntilSynced] {
        let storage = Directory::open_with(&scratch.0, way, Abilities::ALL).unwrap();
        let _file = create(&storage).unwrap();
        assert_eq!(scratch.content(), BTreeMap::new());
    }
}

#[test]
fn files_are_made_ahead_from_the_second_object_on_and_are_not_seen() {
    let scratch = Scratch::new("ahead");
    for way in WAYS {
        let storage = Directory::open_with(&scratch.0, way, Abilities::ALL).unwrap();
        let mut ahead = FileAhead::default();
        drop(ahead.take(&storage).unwrap());
        ahead.make();
        assert!(!ahead.is_there(), "one object may be all that comes");
        drop(ahead.take(&storage).unwrap());
        ahead.make();
        assert_eq!(ahead.is_there(), way != Way::Temporary);
        assert_eq!(scratch.content(), BTreeMap::new());
        for called in ["CT.1", "CT.2"] {
            let mut file = InstanceFile::create(&storage, &mut ahead, called.into()).unwrap();
            assert!(!ahead.is_there());
            file.commit(&mut once(name(called)), Taken::Replace, Durability::Full).unwrap();
        }
        let mut content = scratch.content();
        for called in ["CT.1", "CT.2"] {
            assert_eq!(content.remove(called).unwrap(), called.as_bytes());
            fs::remove_file(scratch.0.join(called)).unwrap();
        }
        assert!(content.is_empty(), "{content:?}");
        ahead.make();
        ahead.give_up();
        assert!(!ahead.is_there());
    }
}

#[test]
fn a_file_made_ahead_in_a_directory_that_was_replaced_is_not_used() {
    let scratch = Scratch::new("ahead-replaced");
    let inner = scratch.0.join("inner");
    fs::create_dir(&inner).unwrap();
    let storage = Directory::open_with(&inner, Way::Unnamed, Abilities::ALL).unwrap();
    let mut ahead = FileAhead::default();
    for _ in 0..2 {
        drop(ahead.take(&storage).unwrap());
        ahead.make();
    }
    assert!(ahead.is_there());
    fs::rename(&inner, scratch.0.join("away")).unwrap();
    fs::create_dir(&inner).unwrap();
    let mut file = InstanceFile::create(&storage, &mut ahead, b"head".to_vec()).unwrap();
    file.commit(&mut once(name("CT.1")), Taken::Replace, Durability::Full).unwrap();
    assert_eq!(fs::read(inner.join("CT.1")).unwrap(), b"head");
}

#[test]
fn a_symbolic_link_is_replaced_and_its_target_untouched() {
    let scratch = Scratch::new("link");
    let target = Scratch::new("link-target");
    fs::write(target.0.join("file"), b"precious").unwrap();
    for storage in all_ways(&scratch.0) {
        let link = scratch.0.join("CT.1");
        let _ = fs::remove_file(&link);
        symlink(target.0.join("file"), &link).unwrap();
        store(&storage, "CT.1", b"new").unwrap();
        assert_eq!(fs::read(target.0.join("file")).unwrap(), b"precious");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(link).unwrap(), b"head#ew");
    }
}

#[test]
fn a_directory_in_the_way_stays() {
    let scratch = Scratch::new("directory-in-the-way");
    fs::create_dir(scratch.0.join("CT.1")).unwrap();
    for storage in all_ways(&scratch.0) {
        let refused = store(&storage, "CT.1", b"new").unwrap_err();
        assert!(matches!(refused, Error { step: Step::Name, .. }), "{refused}");
        storage.leave();
        let left: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, [scratch.0.join("CT.1")]);
    }
}

#[test]
fn a_directory_that_was_replaced_is_found_again() {
    let scratch = Scratch::new("replaced");
    let inner = scratch.0.join("inner");
    fs::create_dir(&inner).unwrap();
    let storage = Directory::open(&inner, Durability::Full).unwrap();
    store(&storage, "CT.1", b"x").unwrap();
    fs::remove_dir_all(&inner).unwrap();
    assert!(matches!(store(&storage, "CT.1", b"x").unwrap_err(), Error { step: Step::Create, .. }));
    fs::create_dir(&inner).unwrap();
    store(&storage, "CT.1", b"x").unwrap();
    assert_eq!(fs::read(inner.join("CT.1")).unwrap(), b"head#");
}

#[test]
fn the_same_name_from_many_at_once_gives_one_whole_file() {
    let scratch = Scratch::new("same-name");
    for storage in all_ways(&scratch.0) {
        std::thread::scope(|scope| {
            for sender in 0..6_u8 {
                let storage = &storage;
                scope.spawn(move || {
                    for _ in 0..20 {
                        store(storage, "CT.1", &[b'a' + sender; 10_000]).unwrap();
                    }
                });
            }
        });
        let content = scratch.content();
        assert_eq!(content.keys().collect::<Vec<_>>(), ["CT.1"]);
        let bytes = &content["CT.1"][5..];
        assert!(bytes.len() == 9_999 && bytes.iter().all(|byte| *byte == bytes[0]));
    }
}

#[test]
fn whichever_step_fails_nothing_new_stays_and_nothing_old_is_lost() {
    for older in [None, Some(b"older and good".to_vec())] {
        for (case, (way, abilities)) in manners().enumerate() {
            let scratch = Scratch::new(&format!("faulty-{case}-{}", older.is_some()));
            if let Some(older) = &older {
                fs::write(scratch.0.join("CT.1"), older).unwrap();
            }
            let before = scratch.content();
            let mut failures = 0;
            loop {
                let inner = Directory::open_with(&scratch.0, way, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at: failures, step };
                if store(&storage, "CT.1", b"new").is_ok() {
                    break;
                }
                assert_eq!(scratch.content(), before, "step {failures}, {way:?}, {abilities:?}");
                failures += 1;
            }
            // folder, stage, header and data set, patch, sync, publish, folder sync
            assert_eq!(failures, 7);
            assert_eq!(scratch.content()["CT.1"], b"head#ew");
            assert_eq!(scratch.content().len(), 1);
        }
    }
}

#[test]
fn concurrent_folder_syncs_are_shared_and_each_starts_after_it_was_asked_for() {
    let sync = FolderSync::default();
    let asked = AtomicUsize::new(0);
    let runs = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mine = asked.fetch_add(1, Ordering::SeqCst);
                    let covered = AtomicUsize::new(0);
                    sync.run(sync.mark(), || {
                        covered.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(1));
                        runs.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .unwrap();
                    let covered = covered.load(Ordering::SeqCst);
                    assert!(covered == 0 || covered > mine, "own run began before the question");
                }
            });
        }
    });
    let runs = runs.load(Ordering::SeqCst);
    assert!((20..160).contains(&runs), "{runs} runs for 160 requests");
}

#[test]
fn a_failed_folder_sync_fails_all_who_waited_for_it() {
    let sync = FolderSync::default();
    let fails = || Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
    assert!(sync.run(sync.mark(), fails).is_err());
    assert!(sync.run(sync.mark(), || Ok(())).is_ok(), "the next one stands for itself");

    // Names that are given while a sync runs may be part of what it fails to write.
    let (begun, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            sync.run(sync.mark(), || {
                begun.store(1, Ordering::SeqCst);
                while waiting.load(Ordering::SeqCst) < 4 {
                    std::thread::yield_now();
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
                fails()
            })
        });
        let others: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while begun.load(Ordering::SeqCst) == 0 {
                        std::thread::yield_now();
                    }
                    let since = sync.mark();
                    waiting.fetch_add(1, Ordering::SeqCst);
                    sync.run(since, || Ok(()))
                })
            })
            .collect();
        let all = others.into_iter().chain([first]);
        all.map(|thread| thread.join().unwrap().unwrap_err()).collect::<Vec<_>>()
    });
    let code = rustix::io::Errno::IO.raw_os_error();
    assert!(failures.iter().all(|error| error.raw_os_error() == Some(code)), "{failures:?}");
    assert!(sync.run(sync.mark(), || Ok(())).is_ok());
}
