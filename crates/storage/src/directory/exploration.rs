//! What was acknowledged stays, even if others commit the same name, successfully or not.
//!
//! The steps are system calls on real files, in memory where there is such a file system.

use super::names::abilities::Abilities;
use super::names::name_claims::NameClaims;
use super::strategy::Staging;
use crate::directory::testing::Scratch;
use crate::{Directory, FileName, IfExists, Storage};
use platform::exploration::{caught, explore};
use platform::sync::{Arc, Mutex, Timers, pick, thread};
use std::fs::{self, File};
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const NAME: &str = "CT.1";
const OLDER: &str = "older";

#[test]
fn what_was_acknowledged_stays() {
    for staging in [Staging::Unnamed, Staging::UnnamedUntilSynced, Staging::Temporary] {
        for older in [false, true] {
            // One receiver, and several that share the folder.
            for processes in 1..=3 {
                let case = Case { staging, older, processes, ..Case::default() };
                explore(Timers::Patient, in_new_folders(move |folder| receive(case, folder)));
            }
        }
    }
}

#[test]
fn a_claim_given_up_before_the_name_is_taken_back_is_caught() {
    explore(Timers::Patient, in_new_folders(commit_plainly::<false>));
    let wrong = in_new_folders(commit_plainly::<true>);
    caught(&["acknowledged", "left == right"], Timers::Patient, wrong);
}

#[derive(Clone, Copy)]
struct Case {
    staging: Staging,
    /// A file has the name before.
    older: bool,
    /// Receivers that share the folder.
    processes: usize,
    threads: usize,
}

impl Default for Case {
    fn default() -> Self {
        Self { staging: Staging::Unnamed, older: true, processes: 1, threads: 3 }
    }
}

/// Runs `body` in a new folder each time.
pub(crate) fn in_new_folders(body: impl Fn(&Path) + Send + Sync) -> impl Fn() + Send + Sync {
    let (scratch, number) = (in_memory(), AtomicUsize::new(0));
    move || {
        let folder = scratch.0.join(number.fetch_add(1, Ordering::SeqCst).to_string());
        fs::create_dir(&folder).unwrap();
        body(&folder);
        fs::remove_dir_all(&folder).unwrap();
    }
}

/// A commit that was acknowledged: from before its file got its name until it was stored.
#[derive(Clone, Debug)]
struct Acknowledged {
    content: String,
    began: usize,
    ended: usize,
}

/// What the threads of an execution share.
#[derive(Default)]
struct Record {
    clock: AtomicUsize,
    acknowledged: Mutex<Vec<Acknowledged>>,
}

impl Record {
    fn now(&self) -> usize {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn acknowledge(&self, content: &str, began: usize) {
        let (content, ended) = (content.to_owned(), self.now());
        self.acknowledged.lock().unwrap().push(Acknowledged { content, began, ended });
    }
}

fn receive(case: Case, folder: &Path) {
    let processes: Vec<_> = (0..case.processes)
        .map(|_| Arc::new(Directory::open_with(folder, case.staging, Abilities::ALL).unwrap()))
        .collect();
    commit_by_turns(case, folder, move |number, record| {
        commit(&processes[number % case.processes], &format!("newer {number}"), record);
    });
}

fn commit_by_turns(
    case: Case,
    folder: &Path,
    commit: impl Fn(usize, &Record) + Send + Sync + 'static,
) {
    let (record, commit) = (Arc::new(Record::default()), Arc::new(commit));
    if case.older {
        fs::write(folder.join(NAME), OLDER).unwrap();
    }
    let threads: Vec<_> = (0..case.threads)
        .map(|number| {
            let (record, commit) = (Arc::clone(&record), Arc::clone(&commit));
            thread::spawn(move || commit(number, &record))
        })
        .collect();
    let reader = case.older.then(|| read_by_turns(folder.join(NAME)));
    threads.into_iter().chain(reader).for_each(|thread| thread.join().unwrap());
    drop(commit);
    check(case, folder, &record);
}

/// One commit; at times the sync of its folder fails, after it got its name.
fn commit(directory: &Directory, content: &str, record: &Record) {
    let mut file = directory.folder().unwrap().stage().unwrap();
    file.append(&[IoSlice::new(content.as_bytes())]).unwrap();
    file.sync().unwrap();
    let began = record.now();
    file.publish(&FileName::new(NAME.to_owned()).unwrap(), IfExists::Replace).unwrap();
    if pick(2) == 0 {
        return;
    }
    file.confirm().unwrap();
    record.acknowledge(content, began);
}

/// Commits written down in a few lines, which give their claim up early or in time.
fn commit_plainly<const EARLY: bool>(folder: &Path) {
    let claims = Arc::new(NameClaims::default());
    let (path, handle) = (folder.to_owned(), Arc::new(File::open(folder).unwrap()));
    commit_by_turns(Case::default(), folder, move |number, record| {
        let (content, temporary) = (format!("newer {number}"), format!("temporary {number}"));
        fs::write(path.join(&temporary), &content).unwrap();
        let locations = [(handle.as_ref(), temporary.as_str()), (handle.as_ref(), NAME)];
        let mut claim = Some(claims.claim(&FileName::new(NAME.to_owned()).unwrap()));
        let began = record.now();
        platform::exchange(locations[0], locations[1]).unwrap();
        if pick(2) == 0 {
            if EARLY {
                claim = None;
            }
            platform::exchange(locations[0], locations[1]).unwrap();
        } else {
            record.acknowledge(&content, began);
        }
        fs::remove_file(path.join(&temporary)).unwrap();
        drop(claim);
    });
}

/// The name has a whole file at any time.
fn read_by_turns(path: PathBuf) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..4 {
            platform::sync::pause();
            let content = fs::read_to_string(&path).expect("the name has a file");
            assert!(content == OLDER || content.starts_with("newer "), "half a file: {content}");
        }
    })
}

fn check(case: Case, folder: &Path, record: &Record) {
    let acknowledged = record.acknowledged.lock().unwrap().clone();
    let found = fs::read_to_string(folder.join(NAME)).ok();
    let last = acknowledged.iter().find(|it| Some(&it.content) == found.as_ref());
    match last {
        Some(last) => {
            let later = acknowledged.iter().find(|other| other.began > last.ended);
            assert!(later.is_none(), "{later:?} was acknowledged, and {last:?} is back");
        }
        None => {
            assert!(acknowledged.is_empty(), "{acknowledged:?} acknowledged, {found:?} there");
            assert_eq!(found.as_deref(), case.older.then_some(OLDER));
        }
    }
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    let others: Vec<_> = names.filter(|name| name != NAME).collect();
    assert!(others.is_empty(), "left behind: {others:?}");
}

/// Where files are only in memory, if there is such a place: syncs cost nothing.
fn in_memory() -> Scratch {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    let number = COUNTER.fetch_add(1, Ordering::SeqCst);
    let name = format!("storescp-{}-exploration-{number}", std::process::id());
    let memory = Path::new("/dev/shm").join(&name);
    match fs::create_dir(&memory) {
        Ok(()) => Scratch(memory),
        Err(_) => Scratch::new(&format!("exploration-{number}")),
    }
}
