//! Associations over loopback, with storage that fails or panics, and what the observer is told of them.

mod certificates;
mod duplicates;
mod intents;
mod leniency;
mod observer;
mod paths;
mod treatments;

use super::*;
use crate::observer::{AfterAnswer, Observer, Proposed, Refusal, Refused, StoredObject, Tolerated};
use crate::output::naming::NameStyle;
use crate::serve::registry::{Admission, Registry};
use crate::{OutputSettings, PathTemplate, Sorting, Treatment, testing};
use dataset::format::{OutputTransferSyntax, SequenceLengths};
use dataset::{Uid, part10};
use platform::testing::Scratch;
use proto::{AeTitle, CStoreRq, ContextId, RequestorConfig, Response, Status};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use storage::doubles::Faulty;
use storage::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use storage::{Directory, Durability, Folder, Storage};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn uid(text: &str) -> Uid {
    Uid::parse(text.as_bytes()).unwrap()
}

/// A way of storing: what is asked for beside a directory.
type Change = fn(&mut OutputSettings);

/// A receiver with one storage, whose associations a test opens one by one.
struct Receiver {
    node: Arc<Node>,
    registry: Arc<Registry>,
    listener: TcpListener,
}

impl Receiver {
    fn new(scratch: &Scratch, storage: impl Storage + 'static) -> Self {
        Self::with(scratch, storage, |_| {})
    }

    fn with(scratch: &Scratch, storage: impl Storage + 'static, change: Change) -> Self {
        let mut settings = OutputSettings::new(scratch.0.clone());
        change(&mut settings);
        Self::of(testing::node(settings, Arc::new(storage)), 8)
    }

    /// With a node of its own, for `most` associations at a time.
    fn of(node: Node, most: usize) -> Self {
        Self {
            node: Arc::new(node),
            registry: Arc::new(Registry::new(most, None)),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn connect(&self) -> (Sender, JoinHandle<()>) {
        let (client, thread) = self.open();
        (Sender::new(client), thread)
    }

    /// A connection that is served, without an association.
    fn open(&self) -> (TcpStream, JoinHandle<()>) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = self.listener.accept().unwrap();
        let stream = Arc::new(stream);
        let Admission::Slot(slot) = self.registry.admit(&stream, peer.ip()) else { panic!("full") };
        let node = Arc::clone(&self.node);
        let thread = std::thread::spawn(move || run(&node, &slot, stream, peer));
        (client, thread)
    }
}

/// A requestor with one presentation context for CT.
struct Sender {
    stream: TcpStream,
    association: Association,
    context: ContextId,
    received: Vec<u8>,
}

impl Sender {
    fn new(stream: TcpStream) -> Self {
        let mut sender = Self::propose(stream, "TEST");
        assert!(sender.until(|event| matches!(event, Event::Accepted(_)).then_some(())).is_some());
        sender
    }

    /// Proposes an association to `called`, but does not wait for the answer.
    fn propose(stream: TcpStream, called: &str) -> Self {
        Self::propose_as(stream, "TEST", called)
    }

    fn propose_as(stream: TcpStream, calling: &str, called: &str) -> Self {
        let calling = AeTitle::parse(calling.as_bytes()).unwrap();
        let called = AeTitle::parse(called.as_bytes()).unwrap();
        let mut proposal = Proposal::new(calling, called, 16384);
        let syntaxes = [dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN];
        let context = proposal.propose(uid(CT), &syntaxes);
        let close_timeout = Duration::from_secs(1);
        let association = Association::requestor(RequestorConfig { proposal, close_timeout });
        Self { stream, association, context, received: Vec::new() }
    }

    /// Sends what is queued and receives until `found` finds something; `None` if the connection
    /// ends before.
    fn until<T>(&mut self, found: impl Fn(&Event<'_>) -> Option<T>) -> Option<T> {
        let mut buffer = [0; 4096];
        loop {
            let count = self.association.outgoing().len();
            self.stream.write_all(self.association.outgoing()).ok()?;
            self.association.consume_outgoing(count);
            let step = self.association.receive(&self.received, Instant::now());
            let wanted = found(&step.event);
            let needs_input = matches!(step.event, Event::NeedInput);
            let consumed = step.consumed;
            self.received.drain(..consumed);
            if wanted.is_some() {
                return wanted;
            }
            if needs_input {
                match self.stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return None,
                    Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                }
            }
        }
    }

    fn store(&mut self, instance: &str) -> Option<Response> {
        self.store_data_set(instance, &data_set(instance))
    }

    fn store_data_set(&mut self, instance: &str, bytes: &[u8]) -> Option<Response> {
        self.send(instance, bytes);
        self.response()
    }

    /// Sends an object, but does not wait for the answer.
    fn send(&mut self, instance: &str, bytes: &[u8]) {
        self.send_as(CT, instance, bytes);
    }

    /// Sends a request, and the beginning of its data set.
    fn begin(&mut self, instance: &str, bytes: &[u8]) {
        self.send_fragment(CT, instance, bytes, false);
    }

    fn send_as(&mut self, class: &str, instance: &str, bytes: &[u8]) {
        self.send_fragment(class, instance, bytes, true);
    }

    fn send_fragment(&mut self, class: &str, instance: &str, bytes: &[u8], is_last: bool) {
        let request = CStoreRq {
            message_id: 1,
            sop_class: uid(class),
            sop_instance: uid(instance),
            priority: Some(0),
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        self.association.send_command(self.context, &request.encode()).unwrap();
        if is_last || !bytes.is_empty() {
            self.association.send_data(self.context, bytes, is_last).unwrap();
        }
        self.stream.write_all(self.association.outgoing()).unwrap();
        let count = self.association.outgoing().len();
        self.association.consume_outgoing(count);
    }

    fn response(&mut self) -> Option<Response> {
        self.until(|event| match event {
            Event::Command { command, .. } => Response::parse(command),
            _ => None,
        })
    }

    fn release(mut self) {
        self.association.request_release();
        assert!(self.until(|event| matches!(event, Event::Released).then_some(())).is_some());
    }
}

/// A data set of SOP Class UID and SOP Instance UID, explicit VR little endian.
fn data_set(instance: &str) -> Vec<u8> {
    [text(0x0008_0016, "UI", CT.as_bytes()), text(0x0008_0018, "UI", instance.as_bytes())].concat()
}

/// An element with a text, explicit VR little endian.
fn text(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    value.resize(value.len().next_multiple_of(2), if vr == "UI" { 0 } else { b' ' });
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    let length = u16::try_from(value.len()).unwrap();
    let header = [group.to_le_bytes(), element.to_le_bytes()].concat();
    [header, vr.as_bytes().to_vec(), length.to_le_bytes().to_vec(), value].concat()
}

/// Treats all alike, and notes what is stored and how, what is tolerated and what is refused.
struct Notes {
    treatment: Arc<Treatment>,
    lines: Mutex<Vec<String>>,
}

impl Notes {
    fn of(treatment: Treatment) -> Arc<Self> {
        Arc::new(Self { treatment: Arc::new(treatment), lines: Mutex::default() })
    }

    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    /// What was noted since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

impl Observer for Notes {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let file = object.file.unwrap();
        let how = match (file.replaced, file.kept) {
            (false, false) => "stored",
            (true, false) => "replaced",
            (false, true) => "kept",
            (true, true) => panic!("{object:?}"),
        };
        let size = std::fs::metadata(file.real_path()).unwrap().len();
        assert_eq!(file.size, size);
        self.note(format!("{how}: {}", file.name));
        None
    }

    fn tolerated(&self, tolerated: &Tolerated<'_>) {
        self.note(format!("tolerated: {:?} of {}", tolerated.what, tolerated.sop_instance));
    }

    fn refused(&self, refused: &Refused<'_>) {
        self.note(match *refused {
            Refused::Association { rejection, reason, .. } => format!("{rejection}: {reason}"),
            Refused::Object { sop_instance, status, reason, .. } => {
                format!("refused: {sop_instance}, {status}: {reason}")
            }
            _ => panic!("{refused:?}"),
        });
    }
}

#[test]
fn whichever_step_fails_the_answer_is_a700_and_the_association_stores_again() {
    let scratch = Scratch::new("association-faulty");
    let mut failures = 0;
    loop {
        let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
        let step = Arc::new(AtomicUsize::new(0));
        let receiver = Receiver::new(&scratch, Faulty { inner, fails_at: failures, step });
        let (mut sender, thread) = receiver.connect();
        let first = sender.store("1.2.3").unwrap();
        if first.status == Status::SUCCESS {
            break;
        }
        assert_eq!(first.status, Status::OUT_OF_RESOURCES, "step {failures}");
        assert!(first.error_comment.unwrap().contains("cannot"), "step {failures}");
        assert!(scratch.content().is_empty(), "step {failures}");
        assert_eq!(sender.store("1.2.4").unwrap().status, Status::SUCCESS);
        assert_eq!(scratch.content().into_keys().collect::<Vec<_>>(), ["CT.1.2.4"]);
        std::fs::remove_file(scratch.0.join("CT.1.2.4")).unwrap();
        drop(sender);
        thread.join().unwrap();
        failures += 1;
    }
    // folder, stage, header and data set, sync, publish, folder sync
    assert_eq!(failures, 6);
}

/// Instance, study, and how long a comment is; the fourth replaces the first.
const OBJECTS: [(&str, &str, usize); 5] = [
    ("1.1", "9.1", 10),
    ("1.2", "9.1", 20_000),
    ("1.3", "9.2", 300),
    ("1.1", "9.1", 500),
    ("1.4", "9.2", 2),
];

/// The data set of one of them, with a sequence, whose length is known late.
fn data_set_of((instance, study, size): (&str, &str, usize)) -> Vec<u8> {
    let mut bytes = data_set(instance);
    let mut add = |group: u8, number: u8, vr: &[u8; 2], value: &[u8]| {
        bytes.extend([group, 0, number, 0]);
        bytes.extend(vr);
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend(value);
    };
    add(0x10, 0x10, b"PN", b"Doe^Jane");
    add(0x20, 0x0D, b"UI", &[study.as_bytes(), b"\0"].concat());
    let comment: Vec<u8> = b"no part equals another ".iter().copied().cycle().take(size).collect();
    bytes.extend([0x40, 0, 0x60, 0xA7, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF, 0x08, 0, 0x70, 0, b'L', b'T']);
    bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment);
    bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    bytes
}

/// The ways of storing, by the options of the command line that ask for them.
const WAYS_OF_STORING: [(&str, Change); 14] = [
    ("", |_| {}),
    ("+B", |it| it.format.bit_preserving = true),
    ("-F", |it| it.write_file_format = false),
    ("+B -F", |it| {
        it.format.bit_preserving = true;
        it.write_file_format = false;
    }),
    ("+td", |it| it.format.transfer_syntax = OutputTransferSyntax::DeflatedExplicitVrLittleEndian),
    ("+tb -e", |it| {
        it.format.transfer_syntax = OutputTransferSyntax::ExplicitVrBigEndian;
        it.format.sequence_lengths = SequenceLengths::Undefined;
    }),
    ("by a template", |it| {
        let template = "{StudyInstanceUID}/{received:%Y}/{SOPClass}.{SOPInstanceUID}.dcm";
        it.path = PathTemplate::parse(template).ok();
    }),
    ("by a template that is the same for all", |it| {
        it.path = PathTemplate::parse("a/b/c/x.dcm").ok();
        it.write_file_format = false;
    }),
    ("+uf", |it| it.file_naming.style = NameStyle::NewUid),
    ("-tn", |it| it.file_naming.style = NameStyle::Time),
    ("-su p", |it| it.sorting = Some(Sorting::ByStudyUid { prefix: "p".to_owned() })),
    ("-ss p +B", |it| {
        it.sorting = Some(Sorting::ByTime { prefix: "p".to_owned() });
        it.format.bit_preserving = true;
    }),
    ("-sp +uf", |it| {
        it.sorting = Some(Sorting::ByPatientName);
        it.file_naming.style = NameStyle::NewUid;
    }),
    ("-su p -tn +td", |it| {
        it.sorting = Some(Sorting::ByStudyUid { prefix: "p".to_owned() });
        it.file_naming.style = NameStyle::Time;
        it.format.transfer_syntax = OutputTransferSyntax::DeflatedExplicitVrLittleEndian;
    }),
];

/// The power cut at every step of every way of storing, from the answer's point of view: whatever
/// was answered with success is found.
#[test]
fn no_way_of_storing_answers_before_the_object_survives_a_power_loss() {
    for (name, change) in WAYS_OF_STORING {
        for way in DiskKind::ALL {
            let whole = Disk::new(way, Fault::Never);
            assert_eq!(store_until_it_fails(&whole, change), OBJECTS.len(), "{name}");
            let contents: Vec<_> = OBJECTS.map(|object| alone(object, change)).to_vec();
            for steps in 0..whole.steps() {
                let disk = Disk::new(way, Fault::PowerLoss(steps));
                let acknowledged = store_until_it_fails(&disk, change);
                for survives in Survives::ALL {
                    let found = disk.after_power_loss(survives);
                    let when = format!("{name} {way:?} after {steps} steps, {survives:?}");
                    for (file, content) in &found {
                        assert!(contents.contains(content), "{when}: {file} is torn");
                    }
                    for (number, content) in contents.iter().enumerate().take(acknowledged) {
                        // The one that took its place may be there, acknowledged or not.
                        let newer = if number == 0 { 3 } else { number };
                        let kept = found
                            .values()
                            .any(|found| found == content || *found == contents[newer]);
                        assert!(kept, "{when}: object {number} is lost");
                    }
                }
            }
        }
    }
}

/// What the file of this object has in it.
fn alone(object: (&str, &str, usize), change: Change) -> Vec<u8> {
    let disk = Disk::new(DiskKind::Unnamed, Fault::Never);
    let scratch = Scratch::new("association-alone");
    let receiver = Receiver::with(&scratch, disk.clone(), change);
    let (mut sender, thread) = receiver.connect();
    assert_eq!(
        sender.store_data_set(object.0, &data_set_of(object)).unwrap().status,
        Status::SUCCESS
    );
    drop(sender);
    thread.join().unwrap();
    disk.after_power_loss(Survives::Everything).into_values().next().unwrap()
}

/// How many objects, one after the other, were answered with success.
fn store_until_it_fails(disk: &Arc<Disk>, change: Change) -> usize {
    let scratch = Scratch::new("association-power-loss");
    let receiver = Receiver::with(&scratch, Arc::clone(disk), change);
    let (mut sender, thread) = receiver.connect();
    let stored = OBJECTS.iter().take_while(|object| {
        let response = sender.store_data_set(object.0, &data_set_of(**object)).unwrap();
        response.status == Status::SUCCESS
    });
    let stored = stored.count();
    drop(sender);
    thread.join().unwrap();
    stored
}

/// Storage with a bug.
struct Panics;

impl Storage for Panics {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        panic!("a bug in storage")
    }

    fn close_unused(&self) {}
}

#[test]
fn a_panic_ends_one_association_and_frees_its_place() {
    let scratch = Scratch::new("association-panic");
    let receiver = Receiver::new(&scratch, Panics);
    let (mut bystander, _thread) = receiver.connect();
    let (mut sender, thread) = receiver.connect();
    assert_eq!(sender.store("1.2.3"), None, "closed without an answer");
    assert!(thread.join().is_err());
    assert!(scratch.content().is_empty());
    bystander.association.request_release();
    assert!(bystander.until(|event| matches!(event, Event::Released).then_some(())).is_some());
    drop(bystander);
    assert_eq!(receiver.registry.drain(Duration::from_secs(5)).cut_off, 0);
}

#[test]
fn a_server_that_ends_waits_for_the_message_under_way() {
    let scratch = Scratch::new("association-drain");
    let receiver = Receiver::new(&scratch, Directory::open(&scratch.0, Durability::Full).unwrap());
    let (mut sender, _thread) = receiver.connect();
    let bytes = data_set("1.2.3");
    sender.begin("1.2.3", &bytes[..10]);
    std::thread::sleep(Duration::from_millis(100));
    let registry = Arc::clone(&receiver.registry);
    let draining = std::thread::spawn(move || registry.drain(Duration::from_secs(20)));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!draining.is_finished());
    sender.association.send_data(sender.context, &bytes[10..], true).unwrap();
    let response = sender.until(|event| match event {
        Event::Command { command, .. } => Response::parse(command),
        _ => None,
    });
    assert_eq!(response.unwrap().status, Status::SUCCESS);
    assert!(sender.until(|event| matches!(event, Event::Aborted(_)).then_some(())).is_some());
    drop(sender);
    assert_eq!(draining.join().unwrap().cut_off, 0);
    assert_eq!(scratch.content().into_keys().collect::<Vec<_>>(), ["CT.1.2.3"]);
}
