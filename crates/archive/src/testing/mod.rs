//! What the tests of this crate share: an output directory with a catalogue in SQLite, and objects in it.

mod faulty;

pub(crate) use faulty::FaultyCatalog;

use crate::attributes::{Values, catalogued, read_file};
use crate::cataloguer::{Destinations, Parts, Route, Routing};
use crate::schedule::{SteadyClock, TestClock};
use crate::{Arrival, Availability, Counters, Listener, Place, Removed};
use catalog::{
    Catalog, EndedStudy, Event, InstanceRow, Lease, LeaseOrder, ObjectAttributes, Page,
    ReceivedObject,
};
use dataset::part10::{FileMeta, header};
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{AttributeName, Dictionary, Tag, Uid, WantedAttributes};
use platform::testing::Scratch;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use storage::{
    Directory, Durability, Envelope, FileName, IfExists, IntentName, Intents, StagedFile, Storage,
};

pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// An output directory, its catalogue, and all that works with them.
pub(crate) struct Fixture {
    pub(crate) scratch: Scratch,
    pub(crate) storage: Arc<Directory>,
    pub(crate) catalog: Arc<FaultyCatalog>,
    pub(crate) availability: Arc<Availability>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) steady: Arc<SteadyClock>,
    pub(crate) listener: Arc<Told>,
    pub(crate) counters: Arc<Counters>,
}

/// What a listener was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) owed: Mutex<BTreeSet<String>>,
    pub(crate) ended: Mutex<Vec<EndedStudy>>,
    pub(crate) removed: Mutex<Vec<Removed>>,
}

impl Listener for Told {
    fn owed(&self, destinations: &BTreeSet<&str>) {
        self.owed.lock().unwrap().extend(destinations.iter().map(|&it| it.to_owned()));
    }

    fn studies_ended(&self, ended: &[EndedStudy]) {
        self.ended.lock().unwrap().extend_from_slice(ended);
    }

    fn removed(&self, removed: &[Removed]) {
        self.removed.lock().unwrap().extend_from_slice(removed);
    }
}

/// Objects of the route 7 go to `pacs`, if they are CT; `studies` is told of their studies.
pub(crate) struct TestRouting;

struct TestRoute {
    number: u32,
    wanted: Arc<WantedAttributes>,
}

impl Routing for TestRouting {
    fn route(&self, _: &Path, envelope: &Envelope) -> Arc<dyn Route> {
        let wanted = Arc::new(WantedAttributes::new(catalogued()).unwrap());
        Arc::new(TestRoute { number: envelope.route, wanted })
    }
}

impl Route for TestRoute {
    fn rule(&self) -> Option<&str> {
        (self.number == 7).then_some("ct")
    }

    fn wanted(&self) -> &Arc<WantedAttributes> {
        &self.wanted
    }

    fn default_character_set(&self) -> Option<&str> {
        None
    }

    fn destinations(
        &self,
        _: &ReceivedObject,
        values: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> Destinations {
        let is_ct = values(&AttributeName::Public(Tag(0x0008, 0x0060))) == ["CT"];
        let object = (self.number == 7 && is_ct).then(|| "pacs".to_owned());
        let study = (self.number == 7).then(|| "studies".to_owned());
        Destinations { object: object.into_iter().collect(), study: study.into_iter().collect() }
    }
}

impl Fixture {
    pub(crate) fn new(test: &str) -> Self {
        let scratch = Scratch::in_memory(test);
        let directory = scratch.0.join("output");
        std::fs::create_dir(&directory).unwrap();
        let storage = Arc::new(Directory::open(&directory, Durability::Full).unwrap());
        storage.check_intents().unwrap();
        let url = format!("sqlite:{}", scratch.0.join("catalog.sqlite").display());
        let catalog = Arc::new(FaultyCatalog::new(catalog::open(&url).unwrap()));
        let clock = TestClock::new();
        let set_aside = Box::new(move || catalog::set_aside(&url).map(Some));
        let availability = Arc::new(Availability::new(clock.clone(), set_aside));
        let steady = Arc::new(SteadyClock::new(clock.clone()));
        Self {
            scratch,
            storage,
            catalog,
            availability,
            clock,
            steady,
            listener: Arc::default(),
            counters: Arc::default(),
        }
    }

    pub(crate) fn directory(&self) -> std::path::PathBuf {
        self.scratch.0.join("output")
    }

    pub(crate) fn intents(&self) -> Arc<dyn Intents> {
        self.storage.intents().unwrap()
    }

    pub(crate) fn place(&self) -> Place {
        let (storage, intents) = (self.storage.clone(), self.intents());
        Place { directory: self.directory(), storage, intents }
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            catalog: self.catalog.clone(),
            availability: Arc::clone(&self.availability),
            clock: Arc::clone(&self.steady),
            routing: Arc::new(TestRouting),
            listener: self.listener.clone(),
            counters: Arc::clone(&self.counters),
            digests: None,
            dictionary: Arc::new(Dictionary::built_in()),
            quiet: QUIET,
        }
    }

    /// Stores an object as the receiver does: with its intent, and under its name. Returns what memory tells of it.
    pub(crate) fn store(&self, number: u32, modality: &str) -> Arrival {
        let name = envelope(number, self.steady.time().now).name();
        let mut staged = self.stage(&name, number, modality);
        let file = format!("CT.{number}");
        staged.enter(&file_name("study")).unwrap();
        staged.publish(&file_name(&file), IfExists::Replace).unwrap();
        staged.confirm().unwrap();
        drop(staged);
        self.told(&name, number, &format!("study/{file}"))
    }

    /// Stores an object with its intent as its only name.
    pub(crate) fn store_alone(&self, number: u32, modality: &str) {
        let envelope = envelope(number, self.steady.time().now);
        let name = Envelope { is_alone: true, ..envelope }.name();
        self.stage(&name, number, modality).confirm().unwrap();
    }

    fn stage(&self, name: &IntentName, number: u32, modality: &str) -> Box<dyn StagedFile> {
        let mut staged = self.storage.folder().unwrap().stage().unwrap();
        staged.append(&[IoSlice::new(&object(number, modality))]).unwrap();
        staged.sync().unwrap();
        staged.intend(name).unwrap();
        staged
    }

    /// What memory tells of a stored object.
    fn told(&self, name: &IntentName, number: u32, file: &str) -> Arrival {
        let route = TestRouting.route(Path::new(""), &Envelope::parse(name).unwrap());
        let opened = self.intents().open(name).unwrap();
        let dictionary = Arc::new(Dictionary::built_in());
        let facts = read_file(&opened, route.wanted(), &dictionary).unwrap().unwrap();
        let values = Values::new(&facts.attributes, None);
        let envelope = Envelope::parse(name).unwrap();
        let mut object = received(name.as_str(), &self.directory(), file);
        object.sop_instance = format!("1.2.3.{number}");
        object.size = facts.size;
        object.received = envelope.received;
        object.rule = route.rule().map(str::to_owned);
        object.attributes = values.catalogued();
        let to = route.destinations(&object, &|name| values.all(name));
        object.spool = (!to.object.is_empty()).then(|| name.to_string());
        Arrival {
            object,
            intent: Some((self.intents(), name.clone())),
            destinations: to.object,
            study_destinations: to.study,
        }
    }

    /// All rows, by SOP Instance UID, without those that are gone.
    pub(crate) fn rows(&self) -> BTreeMap<String, InstanceRow> {
        let rows = self.catalog.instances(None, Page { after: None, most: 1000 }).unwrap();
        let rows = rows.into_iter().filter(|row| !row.gone);
        rows.map(|row| (row.object.sop_instance.clone(), row)).collect()
    }

    pub(crate) fn pending(&self) -> usize {
        let mut count = 0;
        self.intents()
            .pending(&mut |_| {
                count += 1;
                true
            })
            .unwrap();
        count
    }

    pub(crate) fn spooled(&self) -> usize {
        let mut count = 0;
        self.intents()
            .spooled(&mut |_| {
                count += 1;
                true
            })
            .unwrap();
        count
    }

    /// The events that are owed to a destination, in order.
    pub(crate) fn leased(&self, destination: &str) -> Vec<Event> {
        let lease = Lease {
            destination: destination.to_owned(),
            most: 1000,
            order: LeaseOrder::None,
            owner: "test".to_owned(),
            now: self.steady.time().now,
            duration: Duration::from_secs(1),
        };
        self.catalog.lease(&lease).unwrap().into_iter().map(|it| it.event).collect()
    }
}

pub(crate) fn envelope(number: u32, received: SystemTime) -> Envelope {
    Envelope {
        received: received + Duration::from_millis(number.into()),
        association: 5,
        sequence: number,
        is_alone: false,
        route: 7,
        calling: *b"CT1             ",
        called: *b"STORESCP        ",
        address: "10.0.0.7".parse().unwrap(),
    }
}

pub(crate) fn received(key: &str, directory: &Path, file: &str) -> ReceivedObject {
    ReceivedObject {
        key: key.to_owned(),
        directory: directory.to_owned(),
        file: Some(file.to_owned()),
        spool: None,
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance: String::new(),
        transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN.uid().to_owned(),
        size: 0,
        digest: None,
        received: SystemTime::UNIX_EPOCH,
        association: 5,
        calling: "CT1".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "10.0.0.7".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes::default(),
    }
}

/// A DICOM file.
pub(crate) fn object(number: u32, modality: &str) -> Vec<u8> {
    let instance = format!("1.2.3.{number}");
    let mut bytes = header(&FileMeta {
        sop_class: &Uid::parse(b"1.2.840.10008.5.1.4.1.1.2").unwrap(),
        sop_instance: &Uid::parse(instance.as_bytes()).unwrap(),
        transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
        implementation_class_uid: "1.2",
        implementation_version_name: "TEST",
        source_ae_title: b"CT1",
    });
    let mut element = |group: u16, number: u16, vr: &[u8; 2], value: &str| {
        let padding = if vr == b"UI" { "\0" } else { " " };
        let value = format!("{value}{}", &padding[..value.len() % 2]);
        bytes.extend(group.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(vr);
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend(value.bytes());
    };
    element(0x0008, 0x0016, b"UI", "1.2.840.10008.5.1.4.1.1.2");
    element(0x0008, 0x0018, b"UI", &instance);
    element(0x0008, 0x0060, b"CS", modality);
    element(0x0010, 0x0010, b"PN", "Doe^Jane");
    element(0x0020, 0x000D, b"UI", "1.2.3");
    element(0x0020, 0x000E, b"UI", if modality == "CT" { "1.2.3.0.1" } else { "1.2.3.0.2" });
    element(0x0020, 0x0013, b"IS", &number.to_string());
    element(0x0028, 0x0010, b"US", "xx");
    bytes
}

fn file_name(name: &str) -> FileName {
    FileName::new(name.to_owned()).unwrap()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
