//! What is owed for an acknowledged object survives whatever the object does: the power cut at every step, every sync and
//! every call failing.

use super::name;
use crate::directory::testing::{Scratch, combinations, create};
use crate::doubles::Faulty;
use crate::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use crate::{
    Directory, Durability, Envelope, Error, IfExists, IfTaken, InstanceFile, IntentName, Outcome,
    PreparedFile, Step, Storage,
};
use dataset::Sink;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice, Read};
use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Under this name, in place of an older one.
    Named(&'static str),
    /// Under this name, unless something has it: then that is kept.
    Kept(&'static str),
    /// By its intent alone.
    Alone,
}

/// What becomes of the intent of an object that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stays,
    /// The catalogue has the object, and something is owed.
    Spooled,
    /// The catalogue has it, and nothing is owed.
    Forgotten,
}

const OBJECTS: [(Way, Then); 7] = [
    (Way::Named("CT.1"), Then::Stays),
    (Way::Named("CT.2"), Then::Spooled),
    (Way::Kept("CT.1"), Then::Stays),
    (Way::Alone, Then::Spooled),
    (Way::Named("CT.1"), Then::Forgotten),
    (Way::Alone, Then::Stays),
    (Way::Kept("CT.3"), Then::Forgotten),
];

fn intent(object: usize) -> IntentName {
    Envelope {
        received: UNIX_EPOCH + Duration::from_secs(1_796_000_000 + object as u64),
        association: 1,
        sequence: u32::try_from(object).unwrap(),
        is_alone: false,
        route: 0,
        calling: [b' '; 16],
        called: [b' '; 16],
        address: "::1".parse().unwrap(),
    }
    .name()
}

fn content(object: usize) -> Vec<u8> {
    format!("head object {object}").into_bytes()
}

fn store(storage: &dyn Storage, object: usize, durability: Durability) -> Result<(), Error> {
    let write = Error::at(Step::Write);
    let mut file = InstanceFile::create(storage, &mut PreparedFile::default(), b"head ".to_vec())?;
    file.write(&[IoSlice::new(&content(object)[5..])]).map_err(&write)?;
    file.intend(intent(object));
    match OBJECTS[object].0 {
        Way::Named(called) => {
            file.commit(&mut once(name(called)), IfExists::Replace, durability)?;
        }
        Way::Kept(called) => {
            let keep = &mut |_: &crate::NameTaken<'_>| Ok(IfTaken::Keep);
            let outcome = file.commit_deciding(&mut once(name(called)), keep, durability)?;
            if let Outcome::Kept(_) = outcome {
                file.commit_intent(durability)?;
            }
        }
        Way::Alone => file.commit_intent(durability)?,
    }
    Ok(())
}

/// What a receiver and a cataloguer know when the power goes.
#[derive(Debug, Default)]
struct Known {
    acknowledged: BTreeSet<usize>,
    /// Nothing was owed any more, so their intents may be gone.
    forgotten: BTreeSet<usize>,
}

impl Known {
    /// Stores an object, and settles it. Returns whether both succeeded.
    fn store_and_settle(&mut self, disk: &Arc<Disk>, object: usize) -> bool {
        if store(disk, object, Durability::Full).is_err() {
            return false;
        }
        self.acknowledged.insert(object);
        let intents = disk.intents().unwrap();
        match OBJECTS[object].1 {
            Then::Stays => true,
            Then::Spooled => intents.settle(&intent(object), true).is_ok(),
            Then::Forgotten => {
                self.forgotten.insert(object);
                intents.settle(&intent(object), false).is_ok()
            }
        }
    }

    /// An intent whose bytes are not whole, or an acknowledged object whose intent is gone.
    fn what_is_wrong(&self, found: &BTreeMap<String, Vec<u8>>) -> Option<String> {
        let of = |object: &usize| found.get(intent(*object).as_str());
        let mut objects = 0..OBJECTS.len();
        if let Some(torn) = objects.find(|it| of(it).is_some_and(|found| *found != content(*it))) {
            return Some(format!("the intent of {torn} is torn"));
        }
        let owed = self.acknowledged.difference(&self.forgotten);
        let lost = owed.into_iter().find(|object| of(object).is_none());
        lost.map(|object| format!("the intent of {object} is lost"))
    }
}

#[test]
fn wherever_the_power_goes_acknowledged_objects_have_their_intents() {
    for kind in DiskKind::ALL {
        for steps in 0.. {
            let disk = Disk::new(kind, Fault::PowerLoss(steps));
            let mut known = Known::default();
            let is_over = (0..OBJECTS.len()).all(|object| known.store_and_settle(&disk, object));
            for survives in Survives::ALL {
                let wrong = known.what_is_wrong(&disk.intents_after_power_loss(survives));
                assert_eq!(wrong, None, "{kind:?}, {steps} steps, {survives:?}, {known:?}");
            }
            if is_over {
                assert!(steps > 40, "the power went at each of {steps} steps");
                break;
            }
        }
    }
}

#[test]
fn whichever_sync_fails_acknowledged_objects_have_their_intents() {
    for kind in DiskKind::ALL {
        for syncs in 0.. {
            let disk = Disk::new(kind, Fault::LostWrite(syncs));
            let mut known = Known::default();
            let stored: Vec<_> =
                (0..OBJECTS.len()).map(|it| known.store_and_settle(&disk, it)).collect();
            for survives in Survives::ALL {
                let wrong = known.what_is_wrong(&disk.intents_after_power_loss(survives));
                assert_eq!(wrong, None, "{kind:?}, sync {syncs}, {survives:?}, {known:?}");
            }
            if stored.iter().all(|it| *it) {
                assert!(syncs >= 2 * OBJECTS.len() - 2, "each of {syncs} syncs failed");
                break;
            }
        }
    }
}

/// Whether each folder is written by its own sync alone.
fn are_apart(kind: DiskKind) -> bool {
    !matches!(kind, DiskKind::MovedAside | DiskKind::Ordered)
}

/// The steps of a commit, of which each wrong order has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CommitStep {
    Sync,
    Intend,
    Name,
    SyncFolder,
    /// The answer: what comes after it may as well not have been.
    Answer,
}

#[test]
fn each_wrong_order_of_steps_is_caught() {
    use CommitStep::{Answer, Intend, Name, Sync, SyncFolder};
    let lost = Some("the intent of 0 is lost".to_owned());
    let torn = Some("the intent of 0 is torn".to_owned());
    for kind in DiskKind::ALL {
        let right = [Sync, Intend, Name, SyncFolder, Answer];
        assert_eq!(goes_wrong(kind, &right, false), None, "{kind:?}");
        let late = [Sync, Name, SyncFolder, Answer, Intend];
        assert_eq!(goes_wrong(kind, &late, false), lost, "{kind:?}");
        let without_syncs = goes_wrong(kind, &right, true);
        assert_eq!(without_syncs, lost.clone().filter(|_| are_apart(kind)), "{kind:?}");
        let early = [Intend, Sync, Name, SyncFolder, Answer];
        assert_eq!(goes_wrong(kind, &early, false), torn, "{kind:?}");
    }
}

/// Stores the first object in these steps, the power cut at each; `forgets` to sync folders of intents.
fn goes_wrong(kind: DiskKind, steps: &[CommitStep], forgets: bool) -> Option<String> {
    for before in 0.. {
        let disk = Disk::new(kind, Fault::PowerLoss(before));
        if forgets {
            disk.forget_intent_syncs();
        }
        let mut known = Known::default();
        let is_over = store_in_steps(&disk, steps, &mut known).is_ok();
        let wrong = Survives::ALL
            .into_iter()
            .find_map(|survives| known.what_is_wrong(&disk.intents_after_power_loss(survives)));
        if wrong.is_some() || is_over {
            return wrong;
        }
    }
    None
}

fn store_in_steps(disk: &Arc<Disk>, steps: &[CommitStep], known: &mut Known) -> io::Result<()> {
    let folder = disk.folder()?;
    let mut file = Arc::clone(&folder).stage()?;
    file.append(&[IoSlice::new(&content(0))])?;
    let since = folder.mark();
    for step in steps {
        match step {
            CommitStep::Sync => file.sync()?,
            CommitStep::Intend => file.intend(&intent(0))?,
            CommitStep::Name => drop(file.publish(&name("CT.1"), IfExists::Replace)?),
            CommitStep::SyncFolder => folder.sync(since)?,
            CommitStep::Answer => drop(known.acknowledged.insert(0)),
        }
    }
    file.confirm()
}

/// A link that moves into the spool is in one of two folders on the disk, whichever of them is written.
#[test]
fn a_spool_that_is_not_synced_is_caught() {
    for kind in DiskKind::ALL {
        let settled = |forgets: bool| {
            let disk = Disk::new(kind, Fault::Never);
            let mut known = Known::default();
            store(&disk, 0, Durability::Full).unwrap();
            known.acknowledged.insert(0);
            if forgets {
                disk.forget_intent_syncs();
            }
            disk.intents().unwrap().settle(&intent(0), true).unwrap();
            let after = |survives| known.what_is_wrong(&disk.intents_after_power_loss(survives));
            Survives::ALL.into_iter().find_map(after)
        };
        assert_eq!(settled(false), None, "{kind:?}");
        assert_eq!(settled(true).is_some(), are_apart(kind), "{kind:?}");
    }
}

#[test]
fn whichever_step_fails_no_intent_stays_of_what_is_not_stored() {
    let able = combinations().filter(|(_, abilities)| abilities.links && abilities.locks);
    for (staging, abilities) in able {
        let scratch = Scratch::in_memory(&format!("intent-faulty-{staging:?}-{abilities:?}"));
        for object in [0, 2, 3] {
            for fails_at in 0.. {
                let inner = Directory::open_with(&scratch.0, staging, abilities).unwrap();
                let step = Arc::new(AtomicUsize::new(0));
                let storage = Faulty { inner, fails_at, step: Arc::clone(&step) };
                let before = scratch.content();
                let stored = store(&storage, object, Durability::Full);
                if stored.is_ok() {
                    let steps = step.load(Ordering::SeqCst);
                    assert!(steps >= 5, "{steps}");
                    let intents = storage.inner.intents().unwrap();
                    intents.release(&intent(object)).unwrap();
                    break;
                }
                assert_eq!(scratch.content(), before, "step {fails_at}: {stored:?}");
            }
        }
    }
}

/// Whichever system call fails: an acknowledged object keeps its intent, one that is not has none, unless it could not be
/// removed, and what is settled has a link in one folder or the other.
#[test]
fn whichever_call_fails_nothing_that_is_owed_is_lost() {
    use crate::directory::testing::failing_at;
    let able = combinations().filter(|(_, abilities)| abilities.links && abilities.locks);
    for (staging, abilities) in able {
        for orders_names in [true, false] {
            let scratch = Scratch::in_memory(&format!("calls-{staging:?}-{abilities:?}"));
            let directory = Directory::open_with(&scratch.0, staging, abilities).unwrap();
            directory.set_orders_names(orders_names);
            let intents = directory.intents().unwrap();
            let whole = || {
                let mut bytes = Vec::new();
                intents.open(&intent(0)).ok()?.read_to_end(&mut bytes).ok().map(|_| bytes)
            };
            let mut calls = 0;
            loop {
                let (stored, failed) =
                    failing_at(calls, || store(&directory, 0, Durability::Full).is_ok());
                if stored {
                    assert_eq!(whole(), Some(content(0)), "call {calls} failed: {failed:?}");
                } else if failed.as_deref() != Some("unlink") {
                    assert_eq!(whole(), None, "call {calls} failed: {failed:?}");
                }
                if failed.is_none() {
                    break;
                }
                intents.release(&intent(0)).unwrap();
                calls += 1;
            }
            assert!(calls >= 3, "{calls} calls");
            for calls in 0.. {
                let (settled, failed) =
                    failing_at(calls, || intents.settle(&intent(0), true).is_ok());
                assert_eq!(whole(), Some(content(0)), "call {calls} failed: {failed:?}");
                if failed.is_none() {
                    assert!(settled && calls > 1, "{calls} calls");
                    break;
                }
            }
        }
    }
}

/// A file that was not made ahead has an intent with each durability.
#[test]
fn intents_are_kept_with_every_durability() {
    for durability in [Durability::Full, Durability::Ordered, Durability::None] {
        let scratch = Scratch::new(&format!("intent-{durability:?}"));
        let directory = Directory::open(&scratch.0, durability).unwrap();
        for object in 0..OBJECTS.len() {
            store(&directory, object, durability).unwrap();
        }
        let intents = directory.intents().unwrap();
        for object in 0..OBJECTS.len() {
            let path = intents.path(&intent(object)).unwrap().unwrap();
            assert_eq!(std::fs::read(path).unwrap(), content(object), "{durability:?}");
        }
        drop(create(&directory).unwrap());
    }
}
