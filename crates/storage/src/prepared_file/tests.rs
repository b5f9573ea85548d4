//! Files that are there before their objects.

use super::PreparedFile;
use crate::directory::testing::{Abilities, STAGINGS, Scratch, Staging};
use crate::{Directory, Durability, FileName, IfExists, InstanceFile};
use std::collections::BTreeMap;
use std::fs;
use std::iter::once;

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

#[test]
fn files_are_made_ahead_from_the_second_object_on_and_are_not_seen() {
    let scratch = Scratch::new("ahead");
    for staging in STAGINGS {
        let storage = Directory::open_with(&scratch.0, staging, Abilities::ALL).unwrap();
        let mut prepared = PreparedFile::default();
        drop(prepared.take(&storage).unwrap());
        prepared.prepare();
        assert!(!prepared.is_ready(), "one object may be all that comes");
        drop(prepared.take(&storage).unwrap());
        prepared.prepare();
        assert_eq!(prepared.is_ready(), staging != Staging::Temporary);
        assert_eq!(scratch.content(), BTreeMap::new());
        for called in ["CT.1", "CT.2"] {
            let mut file = InstanceFile::create(&storage, &mut prepared, called.into()).unwrap();
            assert!(!prepared.is_ready());
            file.commit(&mut once(name(called)), IfExists::Replace, Durability::Full).unwrap();
        }
        let mut content = scratch.content();
        for called in ["CT.1", "CT.2"] {
            assert_eq!(content.remove(called).unwrap(), called.as_bytes());
            fs::remove_file(scratch.0.join(called)).unwrap();
        }
        assert!(content.is_empty(), "{content:?}");
        prepared.prepare();
        prepared.discard();
        assert!(!prepared.is_ready());
    }
}

#[test]
fn a_file_made_ahead_in_a_directory_that_was_replaced_is_not_used() {
    let scratch = Scratch::new("ahead-replaced");
    let inner = scratch.0.join("inner");
    fs::create_dir(&inner).unwrap();
    let storage = Directory::open_with(&inner, Staging::Unnamed, Abilities::ALL).unwrap();
    let mut prepared = PreparedFile::default();
    for _ in 0..2 {
        drop(prepared.take(&storage).unwrap());
        prepared.prepare();
    }
    assert!(prepared.is_ready());
    fs::rename(&inner, scratch.0.join("away")).unwrap();
    fs::create_dir(&inner).unwrap();
    let mut file = InstanceFile::create(&storage, &mut prepared, b"head".to_vec()).unwrap();
    file.commit(&mut once(name("CT.1")), IfExists::Replace, Durability::Full).unwrap();
    assert_eq!(fs::read(inner.join("CT.1")).unwrap(), b"head");
}
