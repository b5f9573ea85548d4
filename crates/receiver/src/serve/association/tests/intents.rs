//! Objects for which something is owed.

use super::*;
use crate::output::studies::Timing;
use crate::output::{Duplicates, IfDifferent};
use crate::{FinalNames, IntentSettings, OfferedObject, Takers};
use dataset::{AttributeName, Tag, WantedAttributes};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Envelope, IntentName, Intents, PendingIntent};

const PATIENT_ID: Tag = Tag(0x0010, 0x0020);
const ACCESSION_NUMBER: Tag = Tag(0x0008, 0x0050);

/// What an observer is told of an object: its instance, its intent, whether it has a file, and two attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    instance: String,
    intent: Option<IntentName>,
    file: Option<String>,
    stored_bytes: u64,
    attributes: [Option<String>; 2],
}

struct Listener {
    treatment: Arc<Treatment>,
    told: Mutex<Vec<Told>>,
}

impl Observer for Listener {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        assert_eq!(object.attributes.is_some(), object.intent.is_some());
        let attributes = [PATIENT_ID, ACCESSION_NUMBER].map(|tag| {
            let noted = object.attributes?.noted_as(&AttributeName::Public(tag))?;
            Some(String::from_utf8_lossy(noted.bytes).trim().to_owned())
        });
        self.told.lock().unwrap().push(Told {
            instance: object.sop_instance.to_string(),
            intent: object.intent.cloned(),
            file: object.file.map(|file| file.name.to_string()),
            stored_bytes: object.stored_bytes,
            attributes,
        });
        None
    }
}

/// Takes all but the objects of one patient.
struct AllButOne;

impl Takers for AllButOne {
    fn take(&self, object: &OfferedObject<'_>) -> bool {
        let patient = object.attributes.noted_as(&AttributeName::Public(PATIENT_ID));
        patient.is_none_or(|patient| patient.bytes != UNTAKEN.as_bytes())
    }
}

/// A patient whose objects nobody takes.
const UNTAKEN: &str = "NOBODYS ";

fn final_names(keeps_file: bool) -> FinalNames {
    if keeps_file { FinalNames::All } else { FinalNames::NotTaken(Arc::new(AllButOne)) }
}

/// A receiver whose objects have intents.
fn receiver(
    storage: Arc<dyn Storage>,
    keeps_file: bool,
    change: impl FnOnce(&mut OutputSettings),
) -> (Receiver, Arc<Listener>) {
    let mut settings = OutputSettings::new("/nowhere".into());
    change(&mut settings);
    let wanted = [PATIENT_ID, ACCESSION_NUMBER].map(AttributeName::Public);
    let wanted = Arc::new(WantedAttributes::new(wanted).unwrap());
    let treatment = Treatment {
        intents: Some(IntentSettings { route: 9, wanted, final_names: final_names(keeps_file) }),
        ..testing::treatment(settings, storage, Timing::default())
    };
    let listener = Listener { treatment: Arc::new(treatment), told: Mutex::default() };
    let listener = Arc::new(listener);
    (Receiver::of(testing::node_of(listener.clone()), 8), listener)
}

fn object(instance: &str, patient: &str) -> Vec<u8> {
    let accession = text(0x0008_0050, "SH", b"A1");
    let patient = text(0x0010_0020, "LO", patient.as_bytes());
    [data_set(instance), accession, patient].concat()
}

fn pending(intents: &Arc<dyn Intents>) -> BTreeMap<IntentName, PendingIntent> {
    let mut found = BTreeMap::new();
    intents
        .pending(&mut |intent| {
            found.insert(intent.name.clone(), intent);
            true
        })
        .unwrap();
    found
}

#[test]
fn what_is_told_of_an_object_leads_to_its_bytes() {
    let scratch = Scratch::new("intents-told");
    let directory = Arc::new(Directory::open(&scratch.0, Durability::Full).unwrap());
    let intents = directory.intents().unwrap();
    let (receiver, listener) = receiver(directory, true, |settings| {
        settings.path = Some(PathTemplate::parse("ct/{PatientID}/{InstanceNumber}").unwrap());
    });
    let (mut sender, thread) = receiver.connect();
    for (instance, patient) in [("1.2.3", "P1"), ("1.2.4", "P2")] {
        let status = sender.store_data_set(instance, &object(instance, patient)).unwrap().status;
        assert_eq!(status, Status::SUCCESS);
    }
    sender.release();
    thread.join().unwrap();
    let told = listener.told.lock().unwrap().clone();
    let found = pending(&intents);
    assert_eq!((told.len(), found.len()), (2, 2));
    for (told, patient) in told.iter().zip(["P1", "P2"]) {
        assert_eq!(told.attributes, [Some(patient.to_owned()), Some("A1".to_owned())]);
        let name = told.intent.as_ref().unwrap();
        let file = found[name].file.as_ref().unwrap();
        assert_eq!(*file, format!("ct/{patient}/unknown"), "by the path's own attributes");
        let bytes = std::fs::read(intents.path(name).unwrap().unwrap()).unwrap();
        assert_eq!(bytes, std::fs::read(scratch.0.join(file)).unwrap());
        assert_eq!(bytes.len() as u64, told.stored_bytes);
        assert!(bytes.ends_with(&object(&told.instance, patient)));
        let envelope = Envelope::parse(name).unwrap();
        assert_eq!((envelope.route, &envelope.calling), (9, b"TEST            "));
        assert!(envelope.address.is_loopback());
    }
    assert_ne!(told[0].intent, told[1].intent);
}

#[test]
fn where_nothing_is_kept_the_intent_is_all_there_is() {
    let scratch = Scratch::new("intents-alone");
    let directory = Arc::new(Directory::open(&scratch.0, Durability::Full).unwrap());
    let intents = directory.intents().unwrap();
    let (receiver, listener) = receiver(directory, false, |settings| {
        settings.sorting = Some(Sorting::ByStudyUid { prefix: "p".to_owned() });
    });
    let (mut sender, thread) = receiver.connect();
    assert_eq!(sender.store("1.2.3").unwrap().status, Status::SUCCESS);
    sender.release();
    thread.join().unwrap();
    let told = listener.told.lock().unwrap().clone();
    assert_eq!(told[0].file, None);
    let name = told[0].intent.as_ref().unwrap();
    let content = scratch.content();
    let bytes = std::fs::read(intents.path(name).unwrap().unwrap()).unwrap();
    assert!(content.values().eq([&bytes]));
    assert_eq!(told[0].stored_bytes, bytes.len() as u64);
    intents.release(name).unwrap();
    assert!(scratch.content().is_empty());
}

#[test]
fn what_nobody_takes_keeps_its_name_where_nothing_else_is_kept() {
    let scratch = Scratch::new("intents-untaken");
    let directory = Arc::new(Directory::open(&scratch.0, Durability::Full).unwrap());
    let intents = directory.intents().unwrap();
    let (receiver, listener) = receiver(directory, false, |_| {});
    let (mut sender, thread) = receiver.connect();
    for (instance, patient) in [("1.2.3", UNTAKEN), ("1.2.4", "P2")] {
        let status = sender.store_data_set(instance, &object(instance, patient)).unwrap().status;
        assert_eq!(status, Status::SUCCESS);
    }
    sender.release();
    thread.join().unwrap();
    let told = listener.told.lock().unwrap().clone();
    assert!(told[0].file.is_some() && told[1].file.is_none());
    for (told, is_alone) in told.iter().zip([false, true]) {
        let name = told.intent.as_ref().unwrap();
        assert_eq!(Envelope::parse(name).unwrap().is_alone, is_alone);
        intents.release(name).unwrap();
    }
    let kept: Vec<_> = scratch.content().into_values().collect();
    assert_eq!(kept.len(), 1, "the file of what nobody takes");
    assert!(kept[0].ends_with(&object("1.2.3", UNTAKEN)));
}

#[test]
fn duplicates_that_are_kept_are_owed_and_those_that_are_refused_are_not() {
    use Duplicates::{Keep, KeepIfEqual, Reject};
    let cases = [(Keep, true), (KeepIfEqual(IfDifferent::Reject), false), (Reject, false)];
    for (duplicates, is_owed) in cases {
        let scratch = Scratch::new(&format!("intents-{duplicates:?}"));
        let directory = Arc::new(Directory::open(&scratch.0, Durability::Full).unwrap());
        let intents = directory.intents().unwrap();
        let (receiver, listener) = receiver(directory, true, |it| it.duplicates = duplicates);
        let (mut sender, thread) = receiver.connect();
        for (patient, is_stored) in [("P1", true), ("P2", is_owed)] {
            let answer = sender.store_data_set("1.2.3", &object("1.2.3", patient)).unwrap();
            assert_eq!(answer.status == Status::SUCCESS, is_stored, "{duplicates:?}");
        }
        sender.release();
        thread.join().unwrap();
        let told = listener.told.lock().unwrap().clone();
        let found = pending(&intents);
        let names: BTreeSet<_> = told.iter().filter_map(|it| it.intent.clone()).collect();
        assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), names, "{duplicates:?}");
        assert_eq!(names.len(), 1 + usize::from(is_owed));
        if is_owed {
            let bytes =
                std::fs::read(intents.path(told[1].intent.as_ref().unwrap()).unwrap().unwrap());
            assert!(bytes.unwrap().ends_with(&object("1.2.3", "P2")), "what came is handed on");
        }
    }
}

/// The power cut at every step: whatever was answered with success has its intent, and each intent is whole.
#[test]
fn no_object_is_answered_before_its_intent_survives_a_power_loss() {
    let contents = OBJECTS.map(|object| alone(object, |_| {}));
    for keeps_file in [true, false] {
        for kind in DiskKind::ALL {
            for steps in 0.. {
                let disk = Disk::new(kind, Fault::PowerLoss(steps));
                let (receiver, listener) = receiver(Arc::new(disk.clone()), keeps_file, |_| {});
                let (mut sender, thread) = receiver.connect();
                let is_stored = |object: &(&'static str, &str, usize)| {
                    let answer = sender.store_data_set(object.0, &data_set_of(*object));
                    answer.unwrap().status == Status::SUCCESS
                };
                let answered = OBJECTS.iter().copied().take_while(is_stored).count();
                drop(sender);
                thread.join().unwrap();
                let told = listener.told.lock().unwrap().clone();
                assert!(told.len() >= answered);
                for survives in Survives::ALL {
                    let found = disk.intents_after_power_loss(survives);
                    let when = format!("{kind:?} after {steps} steps, {survives:?}");
                    for (told, content) in told.iter().zip(&contents).take(answered) {
                        let bytes = found.get(told.intent.as_ref().unwrap().as_str());
                        assert_eq!(bytes, Some(content), "{when}: {told:?}");
                        assert_eq!(content.len() as u64, told.stored_bytes, "{when}");
                    }
                    // At most the one that was under way is there too.
                    assert!(found.len() <= answered + 1, "{when}");
                    let mut found = found.values();
                    assert!(found.all(|it| contents.contains(it)), "{when}: one is torn");
                }
                if answered == OBJECTS.len() {
                    assert!(steps > 20, "{steps}");
                    break;
                }
            }
        }
    }
}

/// The steps of storing are the same as ever where nothing is owed: each is one more where something is.
#[test]
fn where_nothing_is_owed_nothing_is_done() {
    let plain = Disk::new(DiskKind::Ordered, Fault::Never);
    assert_eq!(store_until_it_fails(&plain, |_| {}), OBJECTS.len());
    let owed = Disk::new(DiskKind::Ordered, Fault::Never);
    let (receiver, _) = receiver(Arc::new(owed.clone()), true, |_| {});
    let (mut sender, thread) = receiver.connect();
    for object in OBJECTS {
        sender.store_data_set(object.0, &data_set_of(object)).unwrap();
    }
    drop(sender);
    thread.join().unwrap();
    assert_eq!(owed.steps(), plain.steps() + OBJECTS.len(), "a link for each");
}
