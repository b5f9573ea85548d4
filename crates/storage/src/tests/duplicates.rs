//! Commits whose name is taken: what is decided is done, by every way of storing, whichever step fails.

use super::{create, name};
use crate::directory::testing::{HIDDEN_FOLDER, Scratch, all_kinds, combinations};
use crate::doubles::Faulty;
use crate::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use crate::limits::{COMPARED_BYTES, WRITE_BLOCK_BYTES};
use crate::{
    Directory, Durability, Error, FileName, IfExists, IfTaken, InstanceFile, Kept, NameTaken,
    Outcome, PreparedFile, Step, Storage,
};
use dataset::Sink;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice};
use std::iter::once;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stores `content` behind `head` under the first name of `names` that is free, or as is decided.
fn store(
    storage: &dyn Storage,
    names: &[&str],
    content: &[u8],
    decide: impl FnMut(&NameTaken<'_>) -> io::Result<IfTaken>,
) -> Result<Outcome, Error> {
    store_as(storage, names, content, Durability::Full, decide)
}

fn store_as(
    storage: &dyn Storage,
    names: &[&str],
    content: &[u8],
    durability: Durability,
    mut decide: impl FnMut(&NameTaken<'_>) -> io::Result<IfTaken>,
) -> Result<Outcome, Error> {
    let mut file = create(storage)?;
    file.write(&[IoSlice::new(content)]).map_err(Error::at(Step::Write))?;
    file.commit_deciding(&mut names.iter().map(|it| name(it)), &mut decide, durability)
}

fn always(decided: IfTaken) -> impl FnMut(&NameTaken<'_>) -> io::Result<IfTaken> {
    move |_| Ok(decided)
}

/// Equal content is kept, other content gets the next name.
fn keep_if_equal(taken: &NameTaken<'_>) -> io::Result<IfTaken> {
    let is_equal = taken.has_same_data_set("head".len() as u64)?;
    Ok(if is_equal { IfTaken::Keep } else { IfTaken::NextName })
}

/// The name that an object was stored under, and whether it replaced another one.
fn stored(outcome: Result<Outcome, Error>) -> (String, bool) {
    match outcome.unwrap() {
        Outcome::Stored(it) => (it.name.to_string(), it.replaced),
        Outcome::Kept(kept) => panic!("{kept:?}"),
    }
}

fn kept(name: &str, size: u64) -> Outcome {
    Outcome::Kept(Kept { name: FileName::new(name.to_owned()).unwrap(), size })
}

fn contents(found: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    found.iter().map(|(name, it)| ((*name).to_owned(), it.as_bytes().to_vec())).collect()
}

#[test]
fn what_is_decided_is_done_by_every_way_of_storing() {
    let scratch = Scratch::new("duplicates");
    let names = ["CT.1", "CT.1_1", "CT.1_2"];
    for storage in all_kinds(&scratch.0) {
        let not_asked = |_: &NameTaken<'_>| panic!("nothing has the name");
        let first = stored(store(&storage, &names, b"one", not_asked));
        assert_eq!(first, ("CT.1".to_owned(), false));
        let outcome = store(&storage, &names, b"two", always(IfTaken::Keep)).unwrap();
        assert_eq!(outcome, kept("CT.1", 7));
        assert_eq!(scratch.content(), contents(&[("CT.1", "headone")]));
        let next = stored(store(&storage, &names, b"two", always(IfTaken::NextName)));
        assert_eq!(next, ("CT.1_1".to_owned(), false));
        let outcome = store(&storage, &names, b"two", keep_if_equal).unwrap();
        assert_eq!(outcome, kept("CT.1_1", 7), "the second was equal");
        assert_eq!(scratch.content(), contents(&[("CT.1", "headone"), ("CT.1_1", "headtwo")]));
        let replacing = stored(store(&storage, &names, b"three", always(IfTaken::Replace)));
        assert_eq!(replacing, ("CT.1".to_owned(), true));
        let expected = contents(&[("CT.1", "headthree"), ("CT.1_1", "headtwo")]);
        assert_eq!(scratch.content(), expected);
        let none_is_free = store(&storage, &names[..2], b"x", always(IfTaken::NextName));
        let error = none_is_free.unwrap_err();
        assert_eq!((error.step, error.source.kind()), (Step::Name, io::ErrorKind::AlreadyExists));
        assert_eq!(scratch.content(), expected);
        names.iter().for_each(|name| drop(fs::remove_file(scratch.0.join(name))));
    }
}

/// One byte that differs, at the edges of the pieces; other lengths; other headers.
#[test]
fn data_sets_are_compared_to_their_last_byte_whatever_the_headers_are() {
    let scratch = Scratch::new("duplicates-compared");
    let storage = Directory::open(&scratch.0, Durability::None).unwrap();
    let is_equal = |header: &[u8], content: &[u8], there: &[u8]| {
        fs::write(scratch.0.join("CT.1"), there).unwrap();
        let mut prepared = PreparedFile::default();
        let mut file = InstanceFile::create(&storage, &mut prepared, header.to_vec()).unwrap();
        content.chunks(WRITE_BLOCK_BYTES - 7).for_each(|piece| {
            file.write(&[IoSlice::new(piece)]).unwrap();
        });
        let mut equal = None;
        let decide = &mut |taken: &NameTaken<'_>| {
            equal = Some(taken.has_same_data_set(10)?);
            Ok(IfTaken::Keep)
        };
        file.commit_deciding(&mut once(name("CT.1")), decide, Durability::None).unwrap();
        equal.unwrap()
    };
    for length in [0, 1, COMPARED_BYTES - 1, COMPARED_BYTES, 2 * COMPARED_BYTES + 1] {
        let content: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let there = [b"ten bytes!", &content[..]].concat();
        for header in [&b""[..], b"head", b"ten bytes?", b"a longer header"] {
            assert!(is_equal(header, &content, &there), "{length} {header:?}");
        }
        for at in [0, COMPARED_BYTES - 1, COMPARED_BYTES, length.saturating_sub(1)] {
            let mut other = content.clone();
            let Some(byte) = other.get_mut(at) else { continue };
            *byte ^= 1;
            assert!(!is_equal(b"head", &other, &there), "{length} {at}");
        }
        assert!(!is_equal(b"head", &[&content[..], b"x"].concat(), &there), "{length}");
        assert!(!is_equal(b"head", &content, &there[..there.len() - 1]), "{length}");
    }
    assert!(!is_equal(b"head", b"", b"short"), "nothing is behind its header");
}

#[test]
fn whichever_step_fails_nothing_new_stays_and_nothing_old_is_lost() {
    type Decide = fn(&NameTaken<'_>) -> io::Result<IfTaken>;
    let decisions: [(Decide, &str, usize); 4] = [
        // folder, stage, write, look, reads of both, sync of the other, folder sync, look
        (|taken| taken.has_same_data_set(4).map(|_| IfTaken::Keep), "headolder", 9),
        // folder, stage, write, look, sync, publish, folder sync
        (|_| Ok(IfTaken::Replace), "headnewer", 7),
        // the same, and a look at the next name
        (|_| Ok(IfTaken::NextName), "headolder", 8),
        // the same, and reads of both
        (keep_if_equal, "headolder", 10),
    ];
    for (case, (staging, abilities)) in combinations().enumerate() {
        for (number, (decide, expected, steps)) in decisions.into_iter().enumerate() {
            let scratch = Scratch::in_memory(&format!("duplicates-faulty-{case}-{number}"));
            fs::write(scratch.0.join("CT.1"), "headolder").unwrap();
            let before = scratch.content();
            let mut failures = 0;
            loop {
                let inner = Directory::open_with(&scratch.0, staging, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at: failures, step };
                if store(&storage, &["CT.1", "CT.1_1"], b"newer", decide).is_ok() {
                    break;
                }
                assert_eq!(
                    scratch.content(),
                    before,
                    "step {failures}, {staging:?}, {abilities:?}"
                );
                failures += 1;
            }
            assert_eq!(failures, steps, "decision {number}");
            assert_eq!(scratch.content()["CT.1"], expected.as_bytes());
        }
    }
}

/// Threads of several receivers, which only locks of files and names that are free keep apart.
#[test]
fn of_many_at_once_one_wins_and_all_others_find_it() {
    let scratch = Scratch::in_memory("duplicates-at-once");
    for (staging, abilities) in combinations() {
        // Where no name is known to be free, several receivers are warned of, and keeping is refused.
        let receivers = if abilities.no_replace || abilities.links { 3 } else { 1 };
        let receivers: Vec<_> = (0..receivers)
            .map(|_| Directory::open_with(&scratch.0, staging, abilities).unwrap())
            .collect();
        for round in 0..10 {
            let called = format!("CT.{round}");
            let wins = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for sender in 0..6_usize {
                    let (called, wins) = (&called, &wins);
                    let storage = &receivers[sender % receivers.len()];
                    scope.spawn(move || {
                        let content = [b'a' + sender as u8; 1000];
                        match store(storage, &[called], &content, always(IfTaken::Keep)).unwrap() {
                            Outcome::Stored(_) => drop(wins.fetch_add(1, Ordering::SeqCst)),
                            Outcome::Kept(kept) => assert_eq!(kept.size, 1004),
                        }
                    });
                }
            });
            assert_eq!(wins.into_inner(), 1, "{staging:?}, {abilities:?}");
            fs::remove_file(scratch.0.join(called)).unwrap();
        }
    }
}

#[test]
fn an_object_is_stored_if_the_one_that_was_there_is_gone_a_moment_later() {
    let scratch = Scratch::new("duplicates-gone");
    for storage in all_kinds(&scratch.0) {
        let path = scratch.0.join("CT.1");
        for decided in [IfTaken::Replace, IfTaken::Keep] {
            fs::write(&path, "older").unwrap();
            let remove = |_: &NameTaken<'_>| {
                fs::remove_file(&path).unwrap();
                Ok(decided)
            };
            let (called, _) = stored(store(&storage, &["CT.1"], b"newer", remove));
            let content = fs::read(&path).unwrap();
            assert_eq!((called.as_str(), &content[..]), ("CT.1", &b"headnewer"[..]));
            fs::remove_file(&path).unwrap();
        }
    }
}

/// A symbolic link is not followed, to keep or to compare what it leads to; nothing but replacing touches it.
#[test]
fn what_is_no_file_is_not_kept() {
    let scratch = Scratch::new("duplicates-no-file");
    let target = Scratch::new("duplicates-target");
    fs::write(target.0.join("file"), "headsame").unwrap();
    for storage in all_kinds(&scratch.0) {
        symlink(target.0.join("file"), scratch.0.join("CT.1")).unwrap();
        fs::create_dir(scratch.0.join("CT.2")).unwrap();
        for called in ["CT.1", "CT.2"] {
            for decide in [always(IfTaken::Keep), always(IfTaken::NextName)] {
                let error = store(&storage, &[called], b"same", decide).unwrap_err();
                assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists, "{called}");
            }
            let none = |taken: &NameTaken<'_>| {
                assert!(taken.existing.is_none() && !taken.has_same_data_set(4)?);
                Ok(IfTaken::NextName)
            };
            let next = stored(store(&storage, &[called, "CT.3"], b"same", none));
            assert_eq!(next, ("CT.3".to_owned(), false));
            fs::remove_file(scratch.0.join("CT.3")).unwrap();
        }
        let replaced = stored(store(&storage, &["CT.1"], b"new", always(IfTaken::Replace)));
        assert_eq!(replaced, ("CT.1".to_owned(), true));
        assert!(store(&storage, &["CT.2"], b"new", always(IfTaken::Replace)).is_err());
        fs::remove_file(scratch.0.join("CT.1")).unwrap();
        fs::remove_dir(scratch.0.join("CT.2")).unwrap();
        assert_eq!(fs::read(target.0.join("file")).unwrap(), b"headsame");
    }
}

/// A receiver that ended, or that does not sync, has left a file that is on no disk yet.
#[test]
fn a_file_that_is_kept_survives_a_power_loss_whoever_stored_it() {
    for kind in DiskKind::ALL {
        let keep = |fault| {
            let disk = Disk::new(kind, fault);
            let first = store_as(&disk, &["CT.1"], b"one", Durability::None, keep_if_equal);
            let second = store(&disk, &["CT.1"], b"one", keep_if_equal);
            (disk, first.is_ok() && second.is_ok_and(|it| it == kept("CT.1", 7)))
        };
        let whole = keep(Fault::Never).0.steps();
        for steps in 0..=whole {
            let (disk, is_acknowledged) = keep(Fault::PowerLoss(steps));
            let found = disk.after_power_loss(Survives::Nothing);
            let is_there = found.get("CT.1").is_some_and(|content| content == b"headone");
            assert!(is_there || !is_acknowledged, "{kind:?} after {steps} steps: {found:?}");
        }
        assert!(keep(Fault::PowerLoss(whole)).1, "{kind:?}");
        for syncs in 0..2 {
            assert!(!keep(Fault::LostWrite(syncs)).1, "{kind:?}: sync {syncs} has failed");
        }
    }
}

/// A receiver that crashed while it replaced a file: a start puts the older one back.
#[test]
fn a_file_that_a_start_would_take_away_is_not_kept() {
    let scratch = Scratch::new("duplicates-provisional");
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    fs::write(scratch.0.join("CT.1"), "headsame").unwrap();
    let status = fs::metadata(scratch.0.join("CT.1")).unwrap();
    let modified = status.mtime() * 1_000_000_000 + status.mtime_nsec();
    fs::create_dir(scratch.0.join(HIDDEN_FOLDER)).unwrap();
    let older = |modified| {
        let newer = format!("{:x}-{modified:x}", status.ino());
        scratch.0.join(HIDDEN_FOLDER).join(format!(".replaced-1-2-3-4-5-{newer}-0-CT.1~"))
    };
    fs::write(older(modified + 1), "of another file").unwrap();
    let outcome = store(&storage, &["CT.1"], b"same", keep_if_equal).unwrap();
    assert_eq!(outcome, kept("CT.1", 8), "the file was written since");
    fs::write(older(modified), "headolder").unwrap();
    let replaced = stored(store(&storage, &["CT.1"], b"same", keep_if_equal));
    assert_eq!(replaced, ("CT.1".to_owned(), true));
    let content = scratch.content();
    assert_eq!(content["CT.1"], b"headsame");
    assert!(content.values().any(|it| it == b"headolder"), "the older one is still there");
}

/// What is found to be kept costs no sync of the new file, and a free name no look at anything.
#[test]
fn a_file_that_is_not_needed_is_not_synced() {
    let disk = Disk::new(DiskKind::Unnamed, Fault::Never);
    store(&disk, &["CT.1"], b"one", keep_if_equal).unwrap();
    let first = disk.steps();
    store(&disk, &["CT.2"], b"two", keep_if_equal).unwrap();
    assert_eq!(disk.steps() - first, first, "as if nothing were there");
    // Only the syncs of the file that is kept and of its folder are left to fail.
    let lost = Disk::new(DiskKind::Unnamed, Fault::LostWrite(4));
    for _ in 0..2 {
        store(&lost, &["CT.1"], b"one", keep_if_equal).unwrap();
    }
    assert!(store(&lost, &["CT.1"], b"one", keep_if_equal).is_err(), "the fifth sync");
}

/// The header becomes longer or shorter; what is held, and the space that has to remain, go with the copy.
#[test]
fn a_header_is_replaced_whatever_its_length() {
    let scratch = Scratch::in_memory("replace-header");
    for storage in all_kinds(&scratch.0) {
        for length in [0, 10, WRITE_BLOCK_BYTES - 4, 2 * WRITE_BLOCK_BYTES + 5] {
            let content: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            for header in [&b""[..], b"same", b"a longer one"] {
                let mut file = create(&storage).unwrap();
                file.write(&[IoSlice::new(&content)]).unwrap();
                file.replace_header(header.to_vec()).unwrap();
                assert_eq!(file.size(), (header.len() + length) as u64);
                let mut names = once(name("CT.1"));
                file.commit(&mut names, IfExists::Replace, Durability::Full).unwrap();
                drop(file);
                let expected = [header, &content].concat();
                assert_eq!(scratch.content(), BTreeMap::from([("CT.1".to_owned(), expected)]));
            }
        }
    }
}
