use super::*;
use crate::directory::testing::{ABILITIES, Abilities, Scratch, Staging, combinations, create};
use crate::{Durability, Envelope, FileName, IfExists, InstanceFile, Outcome, Storage};
use dataset::Sink;
use std::collections::BTreeMap;
use std::fs;
use std::io::IoSlice;
use std::iter::once;
use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

/// The names of intents of so many objects, received one in each second.
fn intent(number: u32) -> IntentName {
    Envelope {
        received: UNIX_EPOCH + Duration::from_secs(1_796_000_000 + u64::from(number)),
        association: 7,
        sequence: number,
        is_alone: false,
        route: 3,
        calling: [b'C'; 16],
        called: [b' '; 16],
        address: "10.1.2.3".parse().unwrap(),
    }
    .name()
}

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn staged(storage: &dyn Storage, number: u32) -> InstanceFile {
    let mut file = create(storage).unwrap();
    file.write(&[IoSlice::new(b"object")]).unwrap();
    file.intend(intent(number));
    file
}

/// Stores an object with an intent, in a folder of folders.
fn store(storage: &dyn Storage, number: u32) {
    let mut file = staged(storage, number);
    let called = name(&format!("CT.{number}"));
    file.enter(&[name("a"), name("b")], Durability::Full).unwrap();
    file.commit(&mut once(called), IfExists::Replace, Durability::Full).unwrap();
}

fn pending(directory: &Directory) -> BTreeMap<String, PendingIntent> {
    let mut found = BTreeMap::new();
    directory
        .pending(&mut |intent| {
            found.insert(intent.name.to_string(), intent);
            true
        })
        .unwrap();
    found
}

fn spooled(directory: &Directory) -> Vec<IntentName> {
    let mut found = Vec::new();
    directory
        .spooled(&mut |name| {
            found.push(name);
            true
        })
        .unwrap();
    found.sort();
    found
}

/// What a directory can be where intents are supported, with folders that are synced and without.
fn kinds(scratch: &Scratch) -> impl Iterator<Item = Directory> {
    let able = |(_, abilities): &(Staging, Abilities)| abilities.links && abilities.locks;
    combinations().filter(able).flat_map(|(staging, abilities)| {
        [true, false].map(|orders_names| {
            let directory = Directory::open_with(&scratch.0, staging, abilities).unwrap();
            directory.set_orders_names(orders_names);
            directory
        })
    })
}

#[test]
fn a_stored_object_has_its_intent_until_it_is_delivered() {
    let scratch = Scratch::new("intent-life");
    for directory in kinds(&scratch) {
        store(&directory, 1);
        let found = pending(&directory);
        let expected = PendingIntent {
            name: intent(1),
            is_in_progress: false,
            file: Some("a/b/CT.1".to_owned()),
        };
        assert_eq!(found.values().collect::<Vec<_>>(), [&expected]);
        // The intent has the bytes, whatever becomes of the final name.
        fs::write(scratch.0.join("a/b/other"), b"").unwrap();
        fs::rename(scratch.0.join("a/b/CT.1"), scratch.0.join("moved")).unwrap();
        assert_eq!(pending(&directory).values().next().unwrap().file, None);
        fs::remove_file(scratch.0.join("moved")).unwrap();
        let content = |path: PathBuf| fs::read(path).unwrap();
        // A program that is told the path while it is pending finds it there until it is released.
        let path = directory.path(&intent(1)).unwrap().unwrap();
        assert_eq!(content(path.clone()), b"headobject");
        assert_eq!(pending(&directory).len(), 1, "not durable yet");

        directory.settle(&intent(1), true).unwrap();
        directory.settle(&intent(1), true).unwrap();
        assert_eq!((pending(&directory).len(), spooled(&directory)), (0, vec![intent(1)]));
        assert_eq!(directory.path(&intent(1)).unwrap().as_ref(), Some(&path));
        assert!(path.to_str().unwrap().contains("/.storescp/spool/"), "{}", path.display());
        assert_eq!(content(path), b"headobject");
        assert_eq!(directory.open_intent(), b"headobject");

        directory.release(&intent(1)).unwrap();
        directory.release(&intent(1)).unwrap();
        assert_eq!(spooled(&directory), []);
        assert_eq!(directory.path(&intent(1)).unwrap(), None);
        let gone = Intents::open(&directory, &intent(1)).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        drop(directory);
        assert!(!scratch.0.join(".storescp").exists(), "nothing is left of it");
    }
}

impl Directory {
    fn open_intent(&self) -> Vec<u8> {
        use std::io::Read;
        let mut content = Vec::new();
        Intents::open(self, &intent(1)).unwrap().read_to_end(&mut content).unwrap();
        content
    }
}

#[test]
fn many_are_settled_at_once_and_spread_over_folders() {
    const OBJECTS: u32 = 200;
    let scratch = Scratch::new("intent-many");
    for directory in kinds(&scratch).take(2) {
        (0..OBJECTS).for_each(|number| store(&directory, number));
        assert_eq!(pending(&directory).len(), OBJECTS as usize);
        let shards = fs::read_dir(scratch.0.join(".storescp/pending")).unwrap();
        assert_eq!(shards.count(), 32, "an object in each second");
        let names: Vec<_> = (0..OBJECTS).map(intent).collect();
        let settled: Vec<_> = names.iter().enumerate().map(|(at, it)| (it, at % 2 == 0)).collect();
        directory.settle_all(&settled).unwrap();
        assert_eq!(pending(&directory).len(), 0);
        let mut owed: Vec<_> = names.iter().step_by(2).cloned().collect();
        owed.sort();
        assert_eq!(spooled(&directory), owed);
        owed.iter().for_each(|name| directory.release(name).unwrap());
    }
}

#[test]
fn without_a_final_name_the_intent_is_all_there_is() {
    let scratch = Scratch::new("intent-alone");
    for directory in kinds(&scratch) {
        for durability in [Durability::Full, Durability::None] {
            staged(&directory, 1).commit_intent(durability).unwrap();
            let found = pending(&directory);
            assert_eq!(found.values().map(|it| it.file.clone()).collect::<Vec<_>>(), [None]);
            let files = scratch.content();
            assert_eq!(files.len(), 1, "{files:?}");
            assert_eq!(files.values().next().unwrap(), b"headobject");
            directory.settle(&intent(1), false).unwrap();
            assert_eq!(scratch.content().len(), 0);
        }
    }
}

#[test]
fn what_is_not_confirmed_has_no_intent() {
    let scratch = Scratch::new("intent-dropped");
    fs::create_dir_all(scratch.0.join("CT.1/in the way")).unwrap();
    for directory in kinds(&scratch) {
        let mut file = staged(&directory, 1);
        let failed = file.commit(&mut once(name("CT.1")), IfExists::Replace, Durability::Full);
        failed.unwrap_err();
        let found = pending(&directory);
        assert!(found.values().all(|it| it.is_in_progress) && found.len() == 1, "{found:?}");
        drop(file);
        assert_eq!(pending(&directory).len(), 0);
    }
}

#[test]
fn a_kept_duplicate_leaves_the_intent_with_the_bytes_that_came() {
    use crate::IfTaken;
    let scratch = Scratch::new("intent-kept");
    for directory in kinds(&scratch) {
        fs::write(scratch.0.join("CT.1"), b"stored before").unwrap();
        let mut file = staged(&directory, 1);
        let mut keep = |_: &crate::NameTaken<'_>| Ok(IfTaken::Keep);
        let outcome =
            file.commit_deciding(&mut once(name("CT.1")), &mut keep, Durability::Full).unwrap();
        assert!(matches!(outcome, Outcome::Kept(_)));
        assert_eq!(pending(&directory).len(), 0, "it may be rejected yet");
        file.commit_intent(Durability::Full).unwrap();
        drop(file);
        assert_eq!(fs::read(scratch.0.join("CT.1")).unwrap(), b"stored before");
        assert_eq!(directory.open_intent(), b"headobject");
        directory.release(&intent(1)).unwrap();
    }
}

/// As another process, or a thread, sees it.
#[test]
fn one_in_progress_is_told_from_what_a_crash_left() {
    let scratch = Scratch::new("intent-progress");
    let (ours, other) =
        [(); 2].map(|()| Directory::open(&scratch.0, Durability::Full).unwrap()).into();
    let mut file = staged(&ours, 1);
    file.commit(&mut once(name("CT.1")), IfExists::Replace, Durability::Full).unwrap();
    for directory in [&ours, &other] {
        assert!(pending(directory).values().all(|it| it.is_in_progress));
    }
    drop(file);
    for directory in [&ours, &other] {
        let found = pending(directory);
        assert!(found.values().all(|it| !it.is_in_progress) && found.len() == 1);
    }
    assert_eq!(other.recover(true).unwrap(), crate::Recovered::default(), "it is no left-over");
    assert_eq!(pending(&ours).len(), 1);
}

#[test]
fn names_in_the_folders_may_be_anything() {
    let scratch = Scratch::new("intent-untrusted");
    let directory = Directory::open(&scratch.0, Durability::Full).unwrap();
    store(&directory, 1);
    let shard = fs::read_dir(scratch.0.join(".storescp/pending")).unwrap().next().unwrap();
    let shard = shard.unwrap().path();
    for odd in ["x", "..abcdefgh", "ABCDEFGHIJ", "name with blanks", "a\nb\nc\nd\ne\nf"] {
        fs::write(shard.join(odd), b"").unwrap();
    }
    symlink("/etc/passwd", shard.join("aaaaaaaaaaaa")).unwrap();
    fs::create_dir(shard.join("bbbbbbbbbbbb")).unwrap();
    fs::write(scratch.0.join(".storescp/pending/no folder"), b"").unwrap();
    symlink("/etc", scratch.0.join(".storescp/pending/z")).unwrap();
    assert_eq!(pending(&directory).len(), 1);
    // Nor does what is noted of the final path lead anywhere else.
    let file = File::open(directory.path(&intent(1)).unwrap().unwrap()).unwrap();
    for noted in ["../../etc/passwd", "/etc/passwd", "a/b/../b/CT.1", "a//b/CT.1", "", "a/b/CT.2"] {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::fsetxattr(&file, "user.storescp", format!("0{noted}").as_bytes(), flags)
            .unwrap();
        assert_eq!(pending(&directory).values().next().unwrap().file, None, "{noted}");
    }
}

#[test]
fn file_systems_that_lack_something_are_refused() {
    let scratch = Scratch::new("intent-refused");
    for abilities in ABILITIES {
        let directory = Directory::open_with(&scratch.0, Staging::Temporary, abilities).unwrap();
        let is_able = abilities.links && abilities.locks;
        assert_eq!(directory.intents().is_some(), is_able, "{abilities:?}");
        assert_eq!(directory.check_intents().is_ok(), is_able);
    }
}

/// Folders that another process has removed are made again.
#[test]
fn folders_that_vanish_are_made_again() {
    let scratch = Scratch::new("intent-vanishing");
    for directory in kinds(&scratch) {
        for _ in 0..3 {
            store(&directory, 1);
            directory.settle(&intent(1), true).unwrap();
            directory.release(&intent(1)).unwrap();
            fs::remove_dir_all(scratch.0.join(".storescp")).unwrap();
        }
        store(&directory, 1);
        assert_eq!(pending(&directory).len(), 1);
        directory.release(&intent(1)).unwrap();
    }
}

/// Receivers that share a directory, and remove at their end what is empty.
#[test]
fn receivers_that_come_and_go_take_no_folder_from_each_other() {
    const RECEIVERS: u32 = 4;
    let scratch = Scratch::in_memory("intent-coming-and-going");
    std::thread::scope(|scope| {
        for receiver in 0..RECEIVERS {
            let path = &scratch.0;
            scope.spawn(move || {
                for round in 0..60 {
                    // The same folders for all.
                    let number = receiver * 32 * 60 + round * 32;
                    let directory =
                        Directory::open_with(path, Staging::Unnamed, Abilities::ALL).unwrap();
                    let mut file = staged(&directory, number);
                    file.commit_intent(Durability::Full).unwrap();
                    drop(file);
                    directory.settle(&intent(number), true).unwrap();
                    assert!(spooled(&directory).contains(&intent(number)));
                    directory.release(&intent(number)).unwrap();
                }
            });
        }
    });
    assert!(!scratch.0.join(".storescp").exists(), "nothing is left of it");
}
