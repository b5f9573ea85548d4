//! Who is told that a name is on disk is told so of a sync that began after the name was given, and none
//! that failed since can have lost it.

use crate::{FolderSync, SyncMark};
use platform::exploration::{ToAll, caught, each_notification_counts, explore};
use platform::sync::{Arc, Mutex, Timers, pause, pick, thread};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn what_is_told_to_be_durable_is() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, name_and_sync::<FolderSync, 3, 2>);
        explore(timers, name_and_sync::<FolderSync, 5, 1>);
    }
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts(
        "folder_sync/mod.rs",
        &ToAll::NeededBut(0),
        name_and_sync::<FolderSync, 4, 1>,
    );
}

#[test]
fn joining_a_sync_that_runs_is_caught() {
    caught(&["on no disk"], Timers::Patient, name_and_sync::<WrongSync<JOINS_WHAT_RUNS>, 3, 2>);
}

#[test]
fn relying_on_the_last_sync_alone_is_caught() {
    caught(&["on no disk"], Timers::Patient, name_and_sync::<WrongSync<FORGETS_FAILURES>, 3, 2>);
}

#[test]
fn looking_outside_of_the_lock_is_caught() {
    caught(
        &["two syncs", "on no disk"],
        Timers::Patient,
        name_and_sync::<WrongSync<LOOKS_BEFORE_LOCKING>, 3, 2>,
    );
}

/// Threads that each give names, one after the other, and have them synced; syncs fail at times.
fn name_and_sync<S: Syncs, const THREADS: usize, const NAMES_EACH: usize>() {
    let (syncs, disk) = (Arc::new(S::default()), Arc::new(Disk::default()));
    let associations: Vec<_> = (0..THREADS)
        .map(|association| {
            let (syncs, disk) = (Arc::clone(&syncs), Arc::clone(&disk));
            thread::spawn(move || {
                for name in 0..NAMES_EACH {
                    commit(syncs.as_ref(), &disk, association * NAMES_EACH + name);
                }
            })
        })
        .collect();
    associations.into_iter().for_each(|association| association.join().unwrap());
    // A failure is not held against those who come later.
    syncs.run(syncs.mark(), || Ok(())).unwrap();
}

fn commit(syncs: &impl Syncs, disk: &Disk, name: usize) {
    let since = syncs.mark();
    disk.folder().new.insert(name);
    if syncs.run(since, || disk.sync()).is_ok() {
        assert!(disk.folder().durable.contains(&name), "a name that is on no disk");
    }
}

/// A folder's names as the kernel has them: a sync that fails is told of once, and what it was to write
/// counts as written.
#[derive(Default)]
struct Disk {
    folder: Mutex<Names>,
    syncing: AtomicBool,
}

#[derive(Default)]
struct Names {
    new: BTreeSet<usize>,
    durable: BTreeSet<usize>,
}

impl Disk {
    fn folder(&self) -> platform::sync::MutexGuard<'_, Names> {
        self.folder.lock().unwrap()
    }

    fn sync(&self) -> io::Result<()> {
        assert!(!self.syncing.swap(true, Ordering::SeqCst), "two syncs at a time");
        let written = std::mem::take(&mut self.folder().new);
        pause();
        let fails = pick(3) == 0;
        if !fails {
            self.folder().durable.extend(written);
        }
        self.syncing.store(false, Ordering::SeqCst);
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

trait Syncs: Default + Send + Sync + 'static {
    fn mark(&self) -> SyncMark;
    fn run(&self, since: SyncMark, sync: impl Fn() -> io::Result<()>) -> io::Result<()>;
}

impl Syncs for FolderSync {
    fn mark(&self) -> SyncMark {
        self.mark()
    }

    fn run(&self, since: SyncMark, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        self.run(since, sync)
    }
}

const JOINS_WHAT_RUNS: u8 = 0;
const FORGETS_FAILURES: u8 = 1;
const LOOKS_BEFORE_LOCKING: u8 = 2;

/// A plain one, wrong in one way or another.
#[derive(Default)]
struct WrongSync<const WRONG: u8> {
    state: Mutex<State>,
    ended: platform::sync::Condvar,
}

#[derive(Default)]
struct State {
    started: u64,
    ended: u64,
    running: bool,
    failures: u64,
    failed: bool,
}

impl<const WRONG: u8> Syncs for WrongSync<WRONG> {
    fn mark(&self) -> SyncMark {
        SyncMark::default()
    }

    fn run(&self, _: SyncMark, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let failures = state.failures;
        let joins = WRONG == JOINS_WHAT_RUNS && state.running;
        let needed = state.started + u64::from(!joins);
        while state.running && state.ended < needed && WRONG != LOOKS_BEFORE_LOCKING {
            state = self.ended.wait(state).unwrap();
        }
        let forgets = WRONG == FORGETS_FAILURES;
        let failed = if forgets { state.failed } else { state.failures > failures };
        if state.ended >= needed {
            return if failed { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) };
        }
        if WRONG == LOOKS_BEFORE_LOCKING {
            while state.running {
                state = self.ended.wait(state).unwrap();
            }
            drop(state);
            state = self.state.lock().unwrap();
        }
        state.started += 1;
        state.running = true;
        drop(state);
        let result = sync();
        let mut state = self.state.lock().unwrap();
        state.running = false;
        state.ended = state.started;
        state.failed = result.is_err();
        state.failures += u64::from(state.failed);
        self.ended.notify_all();
        result
    }
}
