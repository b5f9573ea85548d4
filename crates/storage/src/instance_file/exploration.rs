//! What was acknowledged is on disk, whatever other associations store and whichever sync fails.

use crate::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use crate::{Durability, FileName, Folder, IfExists, InstanceFile, PreparedFile, Storage};
use dataset::Sink;
use platform::exploration::{caught, explore};
use platform::sync::{Arc, Mutex, Timers, pick, thread};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};

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
