//! Of commits of one name that do not replace, one wins, and what the others find is stored.
//!
//! The steps are system calls on real files, in memory where there is such a file system.

use crate::directory::exploration::in_new_folders;
use crate::directory::names::abilities::Abilities;
use crate::directory::strategy::Staging;
use crate::{
    Directory, Durability, FileName, IfExists, IfTaken, InstanceFile, NameTaken, Outcome,
    PreparedFile, StagedFile, Storage,
};
use dataset::Sink;
use platform::exploration::{caught, explore};
use platform::sync::{Arc, Mutex, Timers, pick, thread};
use std::fs;
use std::io::IoSlice;
use std::path::Path;

const NAME: &str = "CT.1";
const THREADS: usize = 3;

#[test]
fn of_commits_that_keep_what_is_there_one_wins() {
    for staging in [Staging::Unnamed, Staging::UnnamedUntilSynced, Staging::Temporary] {
        for processes in 1..=3 {
            explore(
                Timers::Patient,
                in_new_folders(move |folder| {
                    receive(staging, processes, folder, commit_deciding);
                }),
            );
        }
    }
}

/// A commit in progress may still be taken back.
#[test]
fn a_file_that_is_kept_before_its_commit_is_over_is_caught() {
    let wrong = in_new_folders(|folder| receive(Staging::Unnamed, 1, folder, commit_at_once));
    caught(&["is not there"], Timers::Patient, wrong);
}

/// What became of an object: stored, or the one with this content kept.
#[derive(Clone, Debug, PartialEq)]
enum Acknowledged {
    Stored(String),
    Kept(String),
}

type Commit = fn(&Directory, &Path, String) -> Option<Acknowledged>;

/// Threads that store objects of the same name; some fail once they have it.
fn receive(staging: Staging, processes: usize, folder: &Path, commit: Commit) {
    let directories: Vec<_> = (0..processes)
        .map(|_| Arc::new(Directory::open_with(folder, staging, Abilities::ALL).unwrap()))
        .collect();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let directory = Arc::clone(&directories[number % processes]);
            let (folder, acknowledged) = (folder.to_owned(), Arc::clone(&acknowledged));
            thread::spawn(move || {
                let content = format!("object {number}");
                let stored = match pick(2) {
                    0 => fail(&directory, &content),
                    _ => commit(&directory, &folder, content),
                };
                acknowledged.lock().unwrap().extend(stored);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(directories);
    let acknowledged = acknowledged.lock().unwrap().clone();
    check(folder, &acknowledged);
}

fn check(folder: &Path, acknowledged: &[Acknowledged]) {
    let found = fs::read_to_string(folder.join(NAME)).ok();
    let stored = acknowledged.iter().filter(|it| matches!(it, Acknowledged::Stored(_))).count();
    assert!(stored <= 1, "two have won: {acknowledged:?}");
    for Acknowledged::Stored(content) | Acknowledged::Kept(content) in acknowledged {
        assert_eq!(found.as_ref(), Some(content), "{content} is not there: {acknowledged:?}");
    }
    assert_eq!(found.is_some(), stored == 1, "{acknowledged:?}");
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    let others: Vec<_> = names.filter(|name| name != NAME).collect();
    assert!(others.is_empty(), "left behind: {others:?}");
}

fn name() -> FileName {
    FileName::new(NAME.to_owned()).unwrap()
}

fn commit_deciding(directory: &Directory, _: &Path, content: String) -> Option<Acknowledged> {
    let mut prepared = PreparedFile::default();
    let mut file = InstanceFile::create(directory, &mut prepared, Vec::new()).unwrap();
    file.write(&[IoSlice::new(content.as_bytes())]).unwrap();
    let mut found = String::new();
    let decide = &mut |taken: &NameTaken<'_>| {
        let existing = taken.existing.unwrap();
        let mut bytes = vec![0; usize::try_from(existing.size()?).unwrap()];
        existing.read_at(0, &mut bytes)?;
        found = String::from_utf8(bytes).unwrap();
        Ok(IfTaken::Keep)
    };
    let outcome = file.commit_deciding(&mut [name()].into_iter(), decide, Durability::Full);
    Some(match outcome.unwrap() {
        Outcome::Stored(_) => Acknowledged::Stored(content),
        Outcome::Kept(_) => Acknowledged::Kept(found),
    })
}

/// Takes whatever has the name for stored.
fn commit_at_once(directory: &Directory, folder: &Path, content: String) -> Option<Acknowledged> {
    platform::sync::pause();
    if let Ok(found) = fs::read_to_string(folder.join(NAME)) {
        return Some(Acknowledged::Kept(found));
    }
    commit_deciding(directory, folder, content)
}

/// Gets the name, if it is free, and fails then.
fn fail(directory: &Directory, content: &str) -> Option<Acknowledged> {
    let mut file = stage(directory, content);
    let _ = file.publish(&name(), IfExists::Refuse);
    None
}

fn stage(directory: &Directory, content: &str) -> Box<dyn StagedFile> {
    let mut file = directory.folder().unwrap().stage().unwrap();
    file.append(&[IoSlice::new(content.as_bytes())]).unwrap();
    file.sync().unwrap();
    file
}
