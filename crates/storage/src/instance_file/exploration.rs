//! What was acknowledged is on disk, whatever other associations store and whichever sync fails.

use crate::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use crate::{
    Durability, Envelope, Error, FileName, Folder, IfExists, InstanceFile, IntentName,
    PreparedFile, Step, Storage,
};
use dataset::Sink;
use platform::exploration::{caught, explore};
use platform::sync::{Arc, Mutex, Timers, pick, thread};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::time::UNIX_EPOCH;

/// Syncs of an execution of which one may fail, and past them.
const SYNCS: usize = 12;
const THREADS: usize = 3;

#[test]
fn what_was_acknowledged_is_on_disk() {
    for kind in DiskKind::ALL {
        explore(Timers::Patient, move || store_by_turns(kind, &["study/", ""], store));
    }
}

/// Threads that make the same folders in folders, and others beside them.
#[test]
fn what_was_acknowledged_in_nested_folders_is_on_disk() {
    for kind in DiskKind::ALL {
        explore(Timers::Patient, move || store_by_turns(kind, &["a/b/", "a/c/"], store));
    }
}

/// A folder whose name a sync failed to write is removed, so that its next name is written anew, unless something is
/// in it by then.
#[test]
fn a_level_entered_before_the_one_around_it_is_durable_is_caught() {
    caught(&["is lost"], Timers::Patient, || {
        store_by_turns(DiskKind::Unnamed, &["a/b/", "a/b/other "], |disk, path, content| {
            let mut parts: Vec<_> = path.split('/').map(name).collect();
            let called = parts.pop().ok_or(io::ErrorKind::InvalidInput)?;
            let mut folder = disk.folder()?;
            let mut file = Arc::clone(&folder).stage()?;
            file.append(&[IoSlice::new(content.as_bytes())])?;
            file.sync()?;
            let mut entered = Vec::new();
            for part in &parts {
                let inner = file.enter(part)?;
                let around = std::mem::replace(&mut folder, inner.folder);
                entered.push((inner.name, around, part));
            }
            for (own_name, around, part) in entered {
                own_name.make_durable(around.as_ref(), part)?;
            }
            let since = folder.mark();
            file.publish(&called, IfExists::Replace)?;
            folder.sync(since)?;
            file.confirm()
        });
    });
}

#[test]
fn the_steps_in_their_order_lose_nothing() {
    explore(Timers::Patient, || {
        store_by_turns(DiskKind::Unnamed, &["", "other "], |disk, name, content| {
            name_and_sync(disk, name, content, |folder, publish| {
                let since = folder.mark();
                publish()?;
                folder.sync(since)
            })
        });
    });
}

#[test]
fn a_folder_synced_before_the_name_is_given_is_caught() {
    caught(&["is lost"], Timers::Patient, || {
        store_by_turns(DiskKind::Unnamed, &["", "other "], |disk, name, content| {
            name_and_sync(disk, name, content, |folder, publish| {
                let since = folder.mark();
                folder.sync(since)?;
                publish()
            })
        });
    });
}

#[test]
fn a_mark_taken_after_the_name_is_given_is_caught() {
    caught(&["is lost"], Timers::Patient, || {
        store_by_turns(DiskKind::Unnamed, &["", "other "], |disk, name, content| {
            name_and_sync(disk, name, content, |folder, publish| {
                publish()?;
                folder.sync(folder.mark())
            })
        });
    });
}

/// Each thread stores objects of its own, whose paths begin so.
fn store_by_turns(
    kind: DiskKind,
    paths: &'static [&'static str],
    store: fn(&Arc<Disk>, &str, &str) -> io::Result<()>,
) {
    let fault = match pick(SYNCS) {
        0 => Fault::Never,
        syncs => Fault::LostWrite(syncs - 1),
    };
    let disk = Disk::new(kind, fault);
    let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let (disk, acknowledged) = (Arc::clone(&disk), Arc::clone(&acknowledged));
            thread::spawn(move || {
                for path in paths {
                    let path = format!("{path}CT.{number}");
                    let content = format!("content {number}");
                    if store(&disk, &path, &content).is_ok() {
                        acknowledged.lock().unwrap().insert(path, content.into_bytes());
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for survives in Survives::ALL {
        let found = disk.after_power_loss(survives);
        for (path, content) in acknowledged.lock().unwrap().iter() {
            assert_eq!(found.get(path), Some(content), "{path} is lost: {survives:?}");
        }
    }
}

fn store(disk: &Arc<Disk>, path: &str, content: &str) -> io::Result<()> {
    let mut file = InstanceFile::create(disk, &mut PreparedFile::default(), Vec::new())
        .map_err(io::Error::other)?;
    file.write(&[IoSlice::new(content.as_bytes())])?;
    let mut folders: Vec<_> = path.split('/').map(name).collect();
    let called = folders.pop().ok_or(io::ErrorKind::InvalidInput)?;
    file.enter(&folders, Durability::Full).map_err(io::Error::other)?;
    let names = &mut [called].into_iter();
    file.commit(names, IfExists::Replace, Durability::Full).map_err(io::Error::other)?;
    Ok(())
}

/// Gives the file its name.
type Publish<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// The steps of a commit written down, for those that take them in the wrong order.
fn name_and_sync(
    disk: &Arc<Disk>,
    called: &str,
    content: &str,
    in_order: fn(&dyn Folder, Publish<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = disk.folder()?;
    let mut file = Arc::clone(&folder).stage()?;
    file.append(&[IoSlice::new(content.as_bytes())])?;
    file.sync()?;
    let called = name(called);
    in_order(folder.as_ref(), &mut || file.publish(&called, IfExists::Replace).map(drop))?;
    file.confirm()
}

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

/// The same with intents, while a cataloguer settles what was acknowledged.
#[test]
fn what_is_owed_for_what_was_acknowledged_is_on_disk() {
    for kind in DiskKind::ALL {
        explore(Timers::Patient, move || owe_by_turns(kind, false));
    }
}

#[test]
fn a_folder_of_intents_that_is_not_synced_is_caught() {
    caught(&["is lost"], Timers::Patient, || owe_by_turns(DiskKind::Unnamed, true));
}

/// Two threads store objects of their own, each by its intent alone and under a name in turn; a third moves what they
/// acknowledged into the spool. With `forgets`, folders of intents are not synced.
fn owe_by_turns(kind: DiskKind, forgets: bool) {
    const OBJECTS: u32 = 2;
    let fault = match pick(SYNCS) {
        0 => Fault::Never,
        syncs => Fault::LostWrite(syncs - 1),
    };
    let disk = Disk::new(kind, fault);
    if forgets {
        disk.forget_intent_syncs();
    }
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let senders = (0..2).map(|sender| {
        let (disk, acknowledged) = (Arc::clone(&disk), Arc::clone(&acknowledged));
        thread::spawn(move || {
            for number in 0..OBJECTS {
                let intent = intent(sender, number);
                if store_owed(&disk, &intent, number % 2 == 0).is_ok() {
                    acknowledged.lock().unwrap().push(intent);
                }
            }
        })
    });
    let mut threads: Vec<_> = senders.collect();
    let (intents, settled) = (disk.intents().unwrap(), Arc::clone(&acknowledged));
    threads.push(thread::spawn(move || {
        for _ in 0..OBJECTS {
            let batch = settled.lock().unwrap().clone();
            let names: Vec<_> = batch.iter().map(|name| (name, true)).collect();
            // What fails is settled again after a start.
            let _ = intents.settle_all(&names);
        }
    }));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for survives in Survives::ALL {
        let found = disk.intents_after_power_loss(survives);
        for name in acknowledged.lock().unwrap().iter() {
            let content = found.get(name.as_str()).map(Vec::as_slice);
            assert_eq!(content, Some(name.as_str().as_bytes()), "{name} is lost: {survives:?}");
        }
    }
}

fn intent(sender: u64, number: u32) -> IntentName {
    Envelope {
        received: UNIX_EPOCH,
        association: sender,
        sequence: number,
        is_alone: false,
        route: 0,
        calling: [b' '; 16],
        called: [b' '; 16],
        address: "::1".parse().unwrap(),
    }
    .name()
}

/// Stores an object whose content is the name of its intent.
fn store_owed(disk: &Arc<Disk>, intent: &IntentName, has_name: bool) -> Result<(), Error> {
    let mut file = InstanceFile::create(disk, &mut PreparedFile::default(), Vec::new())?;
    file.write(&[IoSlice::new(intent.as_str().as_bytes())]).map_err(Error::at(Step::Write))?;
    file.intend(intent.clone());
    if has_name {
        let names = &mut [name(&intent.as_str()[..40])].into_iter();
        file.commit(names, IfExists::Replace, Durability::Full).map(drop)
    } else {
        file.commit_intent(Durability::Full)
    }
}
