//! The power cut at every step: a disk that forgets whatever was not synced, or keeps a part of it.

use crate::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use crate::{Durability, Error, FileName, IfExists, InstanceFile, PreparedFile, Step, Storage};
use dataset::Sink;
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::Arc;

#[test]
fn no_acknowledged_object_is_lost_and_no_torn_one_is_seen() {
    for kind in DiskKind::ALL {
        let mut steps = 0;
        loop {
            let disk = Disk::new(kind, Fault::PowerLoss(steps));
            let acknowledged = store_all(&disk);
            for survives in Survives::ALL {
                check(&disk.after_power_loss(survives), &acknowledged, (kind, steps, survives));
            }
            if acknowledged.len() == OBJECTS.len() {
                break;
            }
            steps += 1;
        }
        assert!(steps > 30, "the power went at each of {steps} steps");
    }
}

/// What a failed sync should have written is not written by the next one, which succeeds. So
/// nobody may rely on that.
#[test]
fn nothing_that_a_sync_failed_to_write_is_acknowledged_later() {
    for kind in DiskKind::ALL {
        let mut syncs = 0;
        loop {
            let disk = Disk::new(kind, Fault::LostWrite(syncs));
            let stored: Vec<bool> = OBJECTS
                .iter()
                .map(|object| store(&disk, *object, Durability::Full).is_ok())
                .collect();
            let failed = stored.iter().filter(|stored| !**stored).count();
            let acknowledged: Vec<usize> = (0..OBJECTS.len()).filter(|n| stored[*n]).collect();
            let found = disk.after_power_loss(Survives::Nothing);
            check(&found, &acknowledged, (kind, syncs, Survives::Nothing));
            if failed == 0 {
                break;
            }
            // Where a log cannot be written, the file system stops.
            let ends_it = kind == DiskKind::Ordered && syncs > 0;
            assert!(failed == 1 || ends_it, "the sync cost one object: {stored:?}");
            syncs += 1;
        }
        // For each object, and one for each folder around a new one.
        assert_eq!(syncs, 2 * OBJECTS.len() + 1 + 4);
    }
}

/// Without syncs the same check does find losses: it can fail.
#[test]
fn without_durability_a_power_loss_costs_objects() {
    let disk = Disk::new(DiskKind::Unnamed, Fault::Never);
    for object in OBJECTS {
        store(&disk, object, Durability::None).unwrap();
    }
    assert!(disk.after_power_loss(Survives::Nothing).is_empty());
    let torn = disk.after_power_loss(Survives::Names);
    assert!(torn.values().all(Vec::is_empty) && torn.len() == 5, "{torn:?}");
}

/// On a disk whose log keeps the order, one order of the three steps holds, and the check tells it from all others.
#[test]
fn each_other_order_of_steps_is_caught_on_an_ordered_disk() {
    use CommitStep::{Name, SyncFolder, WriteOut};
    assert_eq!(goes_wrong(&[WriteOut, Name, SyncFolder]), None);
    let wrong: [(&[CommitStep], &str); 7] = [
        (&[Name, WriteOut, SyncFolder], "CT.1 is torn"),
        (&[Name, SyncFolder, WriteOut], "CT.1 is torn"),
        (&[Name, SyncFolder], "CT.1 is torn"),
        (&[Name, WriteOut], "CT.1 is torn"),
        (&[WriteOut, Name], "object 0 is lost"),
        (&[WriteOut, SyncFolder, Name], "object 0 is lost"),
        (&[SyncFolder, WriteOut, Name], "object 0 is lost"),
    ];
    for (steps, what) in wrong {
        assert_eq!(goes_wrong(steps).as_deref(), Some(what), "{steps:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum CommitStep {
    WriteOut,
    Name,
    SyncFolder,
}

/// Stores the first object in these steps, the power cut at each.
fn goes_wrong(steps: &[CommitStep]) -> Option<String> {
    for steps_before in 0.. {
        let disk = Disk::new(DiskKind::Ordered, Fault::PowerLoss(steps_before));
        let is_stored = store_in_steps(&disk, steps).is_ok();
        let acknowledged: &[usize] = if is_stored { &[0] } else { &[] };
        let wrong = Survives::ALL
            .into_iter()
            .find_map(|survives| what_is_wrong(&disk.after_power_loss(survives), acknowledged));
        if wrong.is_some() || is_stored {
            return wrong;
        }
    }
    None
}

fn store_in_steps(disk: &Arc<Disk>, steps: &[CommitStep]) -> io::Result<()> {
    let (_, name, content) = OBJECTS[0];
    let name = FileName::new(name.to_owned()).unwrap();
    let folder = disk.folder()?;
    let mut file = Arc::clone(&folder).stage()?;
    file.append(&[IoSlice::new(b"head "), IoSlice::new(content.as_bytes())])?;
    let since = folder.mark();
    for step in steps {
        match step {
            CommitStep::WriteOut => file.sync()?,
            CommitStep::Name => drop(file.publish(&name, IfExists::Refuse)?),
            CommitStep::SyncFolder => folder.sync(since)?,
        }
    }
    file.confirm()
}

/// Folders, name and content; the third replaces the first, the last the fifth.
const OBJECTS: [(&str, &str, &str); 7] = [
    ("", "CT.1", "one"),
    ("study", "CT.2", "two, in a subfolder"),
    ("", "CT.1", "one, in another version"),
    ("study", "CT.3", "three, in the same subfolder"),
    ("patient/study/series", "CT.4", "four, in folders of folders"),
    ("patient/study/series 2", "CT.5", "five, in another one beside it"),
    ("patient/study/series", "CT.4", "four, in another version"),
];

/// Stores one after the other until the power goes, and says which were acknowledged.
fn store_all(disk: &Arc<Disk>) -> Vec<usize> {
    let stored = |object: &usize| store(disk, OBJECTS[*object], Durability::Full).is_ok();
    (0..OBJECTS.len()).take_while(stored).collect()
}

fn store(
    disk: &Arc<Disk>,
    (folders, called, content): (&str, &str, &str),
    durability: Durability,
) -> Result<(), Error> {
    let name = |text: &str| FileName::new(text.to_owned()).unwrap();
    let write = || Error::at(Step::Write);
    let mut file = InstanceFile::create(disk, &mut PreparedFile::default(), b"head ".to_vec())?;
    let (first, rest) = content.as_bytes().split_at(1);
    file.write(&[IoSlice::new(b"?")]).map_err(write())?;
    file.write(&[IoSlice::new(rest)]).map_err(write())?;
    file.patch(0, first).map_err(write())?;
    let folders: Vec<_> = folders.split('/').filter(|it| !it.is_empty()).map(name).collect();
    file.enter(&folders, durability)?;
    file.commit(&mut [name(called)].into_iter(), IfExists::Replace, durability)?;
    Ok(())
}

fn check(
    found: &BTreeMap<String, Vec<u8>>,
    acknowledged: &[usize],
    when: (DiskKind, usize, Survives),
) {
    if let Some(wrong) = what_is_wrong(found, acknowledged) {
        panic!("{wrong}, {when:?}: {found:?}");
    }
}

/// A file that is not whole, or an acknowledged object that is not there.
fn what_is_wrong(found: &BTreeMap<String, Vec<u8>>, acknowledged: &[usize]) -> Option<String> {
    let path = |object: usize| match OBJECTS[object] {
        ("", name, _) => name.to_owned(),
        (folders, name, _) => format!("{folders}/{name}"),
    };
    let whole = |object: usize| format!("head {}", OBJECTS[object].2).into_bytes();
    for (name, content) in found {
        let sent =
            (0..OBJECTS.len()).any(|object| path(object) == *name && whole(object) == *content);
        if !sent {
            return Some(format!("{name} is torn"));
        }
    }
    let is_lost = |object: &&usize| {
        let newer = **object + 1..OBJECTS.len();
        let mut expected =
            newer.filter(|newer| path(*newer) == path(**object)).chain([**object]).map(whole);
        !found.get(&path(**object)).is_some_and(|content| expected.any(|whole| whole == *content))
    };
    acknowledged.iter().find(is_lost).map(|object| format!("object {object} is lost"))
}
