//! The promise of this crate, attacked: every step failing, names taken, many at once.

mod duplicates;
mod intents;
mod nested;
mod power_loss;
mod subfolders;

use crate::directory::testing::{Abilities, Scratch, Staging, all_kinds, combinations, create};
use crate::doubles::Faulty;
use crate::{Directory, Durability, Error, FileName, IfExists, Step, Storage};
use dataset::Sink;
use std::collections::BTreeMap;
use std::fs;
use std::io::IoSlice;
use std::iter::once;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn store(storage: &dyn Storage, called: &str, content: &[u8]) -> Result<(), Error> {
    let mut file = create(storage)?;
    file.write(&[IoSlice::new(content)]).map_err(Error::at(Step::Write))?;
    file.patch(0, b"#").map_err(Error::at(Step::Write))?;
    file.commit(&mut once(name(called)), IfExists::Replace, Durability::Full).map(drop)
}

#[test]
fn a_committed_instance_is_there_whole() {
    let scratch = Scratch::new("committed");
    for (round, storage) in all_kinds(&scratch.0).enumerate() {
        store(&storage, "CT.1", format!("x{round}").as_bytes()).unwrap();
        let expected = format!("head#{round}").into_bytes();
        assert_eq!(scratch.content(), BTreeMap::from([("CT.1".to_owned(), expected)]));
    }
}

#[test]
fn nothing_has_the_name_before_commit_and_nothing_stays_without_it() {
    let scratch = Scratch::new("before-commit");
    for storage in all_kinds(&scratch.0) {
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
    for staging in [Staging::Unnamed, Staging::UnnamedUntilSynced] {
        let storage = Directory::open_with(&scratch.0, staging, Abilities::ALL).unwrap();
        let _file = create(&storage).unwrap();
        assert_eq!(scratch.content(), BTreeMap::new());
    }
}

#[test]
fn a_symbolic_link_is_replaced_and_its_target_untouched() {
    let scratch = Scratch::new("link");
    let target = Scratch::new("link-target");
    fs::write(target.0.join("file"), b"precious").unwrap();
    for storage in all_kinds(&scratch.0) {
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
    for storage in all_kinds(&scratch.0) {
        let refused = store(&storage, "CT.1", b"new").unwrap_err();
        assert!(matches!(refused, Error { step: Step::Name, .. }), "{refused}");
        storage.clean_up();
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
    for storage in all_kinds(&scratch.0) {
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
        for (case, (staging, abilities)) in combinations().enumerate() {
            let scratch = Scratch::new(&format!("faulty-{case}-{}", older.is_some()));
            if let Some(older) = &older {
                fs::write(scratch.0.join("CT.1"), older).unwrap();
            }
            let before = scratch.content();
            let mut failures = 0;
            loop {
                let inner = Directory::open_with(&scratch.0, staging, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at: failures, step };
                if store(&storage, "CT.1", b"new").is_ok() {
                    break;
                }
                assert_eq!(
                    scratch.content(),
                    before,
                    "step {failures}, {staging:?}, {abilities:?}"
                );
                failures += 1;
            }
            // folder, stage, header and data set, patch, sync, publish, folder sync
            assert_eq!(failures, 7);
            assert_eq!(scratch.content()["CT.1"], b"head#ew");
            assert_eq!(scratch.content().len(), 1);
        }
    }
}
