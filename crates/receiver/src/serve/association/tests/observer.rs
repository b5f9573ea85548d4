//! What the observer is told, when, and what it decides.

use super::*;
use crate::net::HostAccess;
use crate::observer::{
    Accepted, AfterAnswer, Observer, Proposed, Received, Refusal, Refused, StoredObject, Summary,
};
use crate::output::studies::{EndedStudy, Timing};
use crate::treatment::Treatment;
use proto::{CommandSet, Rejection, element};
use std::sync::{Condvar, Mutex};

const LIMIT: Duration = Duration::from_secs(20);

/// What was told, one line each, in order; the test adds what it sees on the wire.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
    /// Bytes of data sets that are complete, and those of the one that comes in.
    received: Mutex<(Vec<u64>, u64)>,
}

impl Told {
    fn note(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
        self.changed.notify_all();
    }

    fn wait_for(&self, line: &str) {
        let lines = self.lines.lock().unwrap();
        let is_missing = |lines: &mut Vec<String>| !lines.iter().any(|it| it == line);
        let (lines, waited) = self.changed.wait_timeout_while(lines, LIMIT, is_missing).unwrap();
        assert!(!waited.timed_out(), "{line} is missing in {lines:?}");
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

type Admit = Box<dyn Fn(&Proposal) -> Result<Arc<Treatment>, Refusal> + Send + Sync>;

/// Notes all that it is told.
struct Recorder {
    admit: Admit,
    told: Arc<Told>,
    /// Looked at when an object is stored: what of it survives a power loss. With a disk, the observer
    /// waits for the test to look at the wire, too.
    disk: Option<Arc<Disk>>,
}

impl Recorder {
    fn new(admit: Admit) -> (Arc<Self>, Arc<Told>) {
        let told = Arc::new(Told::default());
        (Arc::new(Self { admit, told: Arc::clone(&told), disk: None }), told)
    }
}

impl Observer for Recorder {
    fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        (self.admit)(proposed.proposal)
    }

    fn association_accepted(&self, accepted: &Accepted<'_>) {
        let peer = accepted.peer;
        self.told.note(format!("accepted: {} for {}", peer.calling_ae, peer.called_ae));
    }

    fn received(&self, received: &Received<'_>) {
        let mut told = self.told.received.lock().unwrap();
        told.1 += received.bytes;
        if received.is_last {
            let complete = std::mem::take(&mut told.1);
            told.0.push(complete);
        }
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let disk = self.disk.as_ref()?;
        let file = object.file.unwrap();
        let path = format!("{}/{}", file.folders[0], file.name);
        let survives = Survives::ALL.iter().all(|&survives| {
            disk.after_power_loss(survives)
                .get(&path)
                .is_some_and(|it| it.len() as u64 == file.size)
        });
        let instance = object.sop_instance.to_string();
        self.told.note(format!("stored: {instance}, durable: {survives}"));
        self.told.wait_for(&format!("not answered yet: {instance}"));
        let told = Arc::clone(&self.told);
        Some(Box::new(move || {
            told.wait_for(&format!("answered: {instance}"));
            told.note(format!("after the answer: {instance}"));
        }))
    }

    fn studies_ended(&self, _: &Treatment, ended: Vec<EndedStudy>) {
        for study in ended {
            self.told.note(format!("study ended: {}", String::from_utf8_lossy(&study.uid)));
        }
    }

    fn refused(&self, refused: &Refused<'_>) {
        self.told.note(match *refused {
            Refused::Connection { reason, .. } => format!("connection refused: {reason}"),
            Refused::Association { rejection, reason, .. } => {
                format!("association refused: {rejection}: {reason}")
            }
            Refused::Classes { reason, .. } => format!("classes refused: {reason}"),
            Refused::Request { status, reason, .. } => {
                format!("request refused: {status}: {reason}")
            }
            Refused::Object { sop_instance, status, reason, .. } => {
                format!("object refused: {sop_instance}, {status}: {reason}")
            }
        });
    }

    fn association_ended(&self, summary: &Summary) {
        let Summary { objects, refused, broken_off, end, .. } = summary;
        self.told
            .note(format!("ended: {objects} objects, {refused}, {broken_off} broken off, {end}"));
    }
}

/// A treatment that writes into `directory`.
fn treatment(directory: &std::path::Path, change: Change) -> Arc<Treatment> {
    let mut settings = OutputSettings::new(directory.to_owned());
    change(&mut settings);
    let storage = Directory::open(directory, Durability::Full).unwrap();
    Arc::new(testing::treatment(settings, Arc::new(storage), Timing::default()))
}

#[test]
fn an_object_is_told_when_it_is_durable_and_followed_up_once_it_is_answered() {
    let scratch = Scratch::new("observer-order");
    let disk = Disk::new(DiskKind::Unnamed, Fault::Never);
    let mut settings = OutputSettings::new(scratch.0.clone());
    settings.sorting = Some(Sorting::ByStudyUid { prefix: "p".to_owned() });
    let timing = Timing { awaited: true, ..Timing::default() };
    let storage: Arc<dyn Storage> = Arc::new(Arc::clone(&disk));
    let treatment = Arc::new(testing::treatment(settings, storage, timing));
    let told = Arc::new(Told::default());
    let admit = Box::new(move |_: &Proposal| Ok(Arc::clone(&treatment)));
    let observer = Recorder { admit, told: Arc::clone(&told), disk: Some(disk) };
    let receiver = Receiver::of(testing::node_of(Arc::new(observer)), 8);
    let (mut sender, thread) = receiver.connect();
    for object in [("1.1", "9.1", 10), ("1.2", "9.2", 10)] {
        let instance = object.0;
        sender.send(instance, &data_set_of(object));
        told.wait_for(&format!("stored: {instance}, durable: true"));
        sender.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let peeked = sender.stream.peek(&mut [0]);
        assert_eq!(peeked.unwrap_err().kind(), io::ErrorKind::WouldBlock, "nothing was sent");
        sender.stream.set_read_timeout(None).unwrap();
        told.note(format!("not answered yet: {instance}"));
        assert_eq!(sender.response().unwrap().status, Status::SUCCESS);
        told.note(format!("answered: {instance}"));
        told.wait_for(&format!("after the answer: {instance}"));
    }
    told.wait_for("study ended: 9.1");
    sender.release();
    thread.join().unwrap();
    let expected = [
        "accepted: TEST for TEST",
        "stored: 1.1, durable: true",
        "not answered yet: 1.1",
        "answered: 1.1",
        "after the answer: 1.1",
        "stored: 1.2, durable: true",
        "not answered yet: 1.2",
        "answered: 1.2",
        "after the answer: 1.2",
        "study ended: 9.1",
        "ended: 2 objects, 0 refused, 0 broken off, released",
    ];
    assert_eq!(told.lines(), expected);
}

/// The object is stored and its sender is gone: the observer's work is done all the same.
#[test]
fn an_object_whose_answer_reaches_nobody_is_followed_up_too() {
    let scratch = Scratch::new("observer-unanswered");
    let disk = Disk::new(DiskKind::Unnamed, Fault::Never);
    let mut settings = OutputSettings::new(scratch.0.clone());
    settings.sorting = Some(Sorting::ByStudyUid { prefix: "p".to_owned() });
    let storage: Arc<dyn Storage> = Arc::new(Arc::clone(&disk));
    let treatment = Arc::new(testing::treatment(settings, storage, Timing::default()));
    let told = Arc::new(Told::default());
    let admit = Box::new(move |_: &Proposal| Ok(Arc::clone(&treatment)));
    let observer = Recorder { admit, told: Arc::clone(&told), disk: Some(disk) };
    let receiver = Receiver::of(testing::node_of(Arc::new(observer)), 8);
    let (mut sender, thread) = receiver.connect();
    sender.send("1.1", &data_set_of(("1.1", "9.1", 10)));
    told.wait_for("stored: 1.1, durable: true");
    drop(sender);
    told.note("answered: 1.1");
    told.note("not answered yet: 1.1");
    thread.join().unwrap();
    let lines = told.lines();
    let ended = "ended: 1 objects, 0 refused, 0 broken off, connection lost";
    assert_eq!(lines[4..], ["after the answer: 1.1", ended]);
}

#[test]
fn the_end_of_an_association_that_panics_is_told() {
    let scratch = Scratch::new("observer-panic");
    let settings = OutputSettings::new(scratch.0.clone());
    let treatment = Arc::new(testing::treatment(settings, Arc::new(Panics), Timing::default()));
    let (observer, told) = Recorder::new(Box::new(move |_| Ok(Arc::clone(&treatment))));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let (mut sender, thread) = receiver.connect();
    assert_eq!(sender.store("1.2.3"), None, "closed without an answer");
    assert!(thread.join().is_err());
    let ended = "ended: 0 objects, 0 refused, 0 broken off, aborted by us (internal error)";
    assert_eq!(told.lines(), ["accepted: TEST for TEST", ended]);
}

#[test]
fn a_refused_association_is_told_and_rejected_as_the_observer_says() {
    let scratch = Scratch::new("observer-refuses");
    let plain = treatment(&scratch.0, |_| {});
    let (observer, told) = Recorder::new(Box::new(move |proposal| {
        if proposal.called_ae.to_string() == "OURS" {
            return Ok(Arc::clone(&plain));
        }
        let reason = "no such archive".to_owned();
        Err(Refusal { rejection: Rejection::CALLED_AE_TITLE, reason })
    }));
    let receiver = Receiver::of(testing::node_of(observer), 1);
    let answer = |sender: &mut Sender| {
        sender.until(|event| match event {
            Event::Accepted(_) => Some(None),
            Event::Rejected(rejection) => Some(Some(*rejection)),
            _ => None,
        })
    };
    let (client, thread) = receiver.open();
    let mut theirs = Sender::propose(client, "THEIRS");
    assert_eq!(answer(&mut theirs), Some(Some(Rejection::CALLED_AE_TITLE)));
    drop(theirs);
    thread.join().unwrap();
    let (client, first) = receiver.open();
    let mut ours = Sender::propose(client, "OURS");
    assert_eq!(answer(&mut ours), Some(None));
    let (client, second) = receiver.open();
    let mut past_limit = Sender::propose(client, "OURS");
    assert_eq!(answer(&mut past_limit), Some(Some(Rejection::LOCAL_LIMIT_EXCEEDED)));
    drop((ours, past_limit));
    first.join().unwrap();
    second.join().unwrap();
    let mut lines = told.lines();
    lines.retain(|line| !line.starts_with("ended"));
    let expected = [
        format!("association refused: {}: no such archive", Rejection::CALLED_AE_TITLE),
        "accepted: TEST for OURS".to_owned(),
        format!(
            "association refused: {}: association limit 1 reached",
            Rejection::LOCAL_LIMIT_EXCEEDED
        ),
    ];
    assert_eq!(lines, expected);
    assert_eq!(told.lines().len(), 4, "one had begun, and one has ended");
}

#[test]
fn a_refused_object_is_told_with_its_status_and_reason() {
    let scratch = Scratch::new("observer-object");
    let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
    // The second object's file cannot be made: the first takes the steps before.
    let storage = Faulty { inner, fails_at: 2, step: Arc::new(AtomicUsize::new(0)) };
    let settings = OutputSettings::new(scratch.0.clone());
    let treatment = testing::treatment(settings, Arc::new(storage), Timing::default());
    let treatment = Arc::new(treatment);
    let (observer, told) = Recorder::new(Box::new(move |_| Ok(Arc::clone(&treatment))));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let (mut sender, thread) = receiver.connect();
    let failed = sender.store("1.1").unwrap();
    assert_eq!(failed.status, Status::OUT_OF_RESOURCES);
    let differs = sender.store_data_set("1.2", &data_set("1.3")).unwrap();
    assert_eq!(differs.status, Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS);
    assert_eq!(sender.store("1.4").unwrap().status, Status::SUCCESS);
    drop(sender);
    thread.join().unwrap();
    assert_eq!(scratch.content().into_keys().collect::<Vec<_>>(), ["CT.1.4"]);
    let lines = told.lines();
    let [accepted, first, second, ended] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(accepted, "accepted: TEST for TEST");
    let status = Status::OUT_OF_RESOURCES;
    assert!(first.starts_with(&format!("object refused: 1.1, {status}: cannot")), "{first}");
    let comment = failed.error_comment.unwrap();
    assert!(first.contains(comment.as_str()), "the sender is told the same: {comment}");
    let status = Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS;
    let reason = "SOP Instance UID differs between data set and command";
    assert_eq!(*second, format!("object refused: 1.2, {status}: {reason}"));
    let expected = "ended: 1 objects, 2 refused (1 A700H, 1 A900H), 0 broken off, connection lost";
    assert_eq!(ended, expected);
}

/// Of an object that is stored, and of one that is refused.
#[test]
fn pieces_of_data_sets_are_told_whatever_becomes_of_them() {
    let scratch = Scratch::new("observer-pieces");
    let plain = treatment(&scratch.0, |_| {});
    let (observer, told) = Recorder::new(Box::new(move |_| Ok(Arc::clone(&plain))));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let (mut sender, thread) = receiver.connect();
    let large = data_set_of(("1.1", "9.1", 60_000));
    assert_eq!(sender.store_data_set("1.1", &large).unwrap().status, Status::SUCCESS);
    let other = data_set("1.3");
    let refused = sender.store_data_set("1.2", &other).unwrap().status;
    assert_eq!(refused, Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS);
    drop(sender);
    thread.join().unwrap();
    let received = told.received.lock().unwrap();
    assert_eq!(*received, (vec![large.len() as u64, other.len() as u64], 0));
}

/// A C-FIND-RQ, and a C-STORE-RQ whose SOP Instance UID is no UID.
#[test]
fn a_refused_request_is_told_with_its_status_and_reason() {
    let scratch = Scratch::new("observer-request");
    let plain = treatment(&scratch.0, |_| {});
    let (observer, told) = Recorder::new(Box::new(move |_| Ok(Arc::clone(&plain))));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let (mut sender, thread) = receiver.connect();
    let mut find = CommandSet::new();
    find.put_uid(element::AFFECTED_SOP_CLASS_UID, &uid(CT))
        .put_u16(element::COMMAND_FIELD, 0x0020)
        .put_u16(element::MESSAGE_ID, 1)
        .put_u16(element::COMMAND_DATA_SET_TYPE, 0x0101);
    let mut store = CommandSet::new();
    store
        .put_uid(element::AFFECTED_SOP_CLASS_UID, &uid(CT))
        .put_u16(element::COMMAND_FIELD, 0x0001)
        .put_u16(element::MESSAGE_ID, 2)
        .put_u16(element::COMMAND_DATA_SET_TYPE, 0x0000)
        .put_text(element::AFFECTED_SOP_INSTANCE_UID, "no UID");
    sender.association.send_command(sender.context, &find).unwrap();
    assert_eq!(sender.response().unwrap().status, Status::UNRECOGNIZED_OPERATION);
    sender.association.send_command(sender.context, &store).unwrap();
    sender.association.send_data(sender.context, &data_set("1.2"), true).unwrap();
    let status = sender.response().unwrap().status;
    assert_eq!(status, Status::INVALID_SOP_INSTANCE);
    drop(sender);
    thread.join().unwrap();
    let lines = told.lines();
    let [_, first, second, _] = &lines[..] else { panic!("{lines:?}") };
    let unrecognized = Status::UNRECOGNIZED_OPERATION;
    assert!(first.starts_with(&format!("request refused: {unrecognized}: ")), "{first}");
    assert!(second.starts_with(&format!("request refused: {status}: ")), "{second}");
}

/// A proposal of another version of the protocol, which is not read any further.
#[test]
fn an_association_that_the_protocol_rejects_is_told() {
    let scratch = Scratch::new("observer-version");
    let plain = treatment(&scratch.0, |_| {});
    let (observer, told) = Recorder::new(Box::new(move |_| Ok(Arc::clone(&plain))));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let (mut client, thread) = receiver.open();
    let mut proposal = vec![0x01, 0, 0, 0, 0, 68, 0, 2, 0, 0];
    proposal.extend([b' '; 32]);
    proposal.resize(6 + 68, 0);
    client.write_all(&proposal).unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x03, 0, 0, 0, 0, 4, 0, 1, 2, 2]);
    drop(client);
    thread.join().unwrap();
    let rejection = Rejection::PROTOCOL_VERSION;
    assert_eq!(told.lines(), [format!("association refused: {rejection}: {rejection}")]);
}

#[test]
fn a_refused_connection_is_told() {
    let scratch = Scratch::new("observer-connection");
    let (allow, deny) = (scratch.0.join("allow"), scratch.0.join("deny"));
    std::fs::write(&deny, "ALL: ALL\n").unwrap();
    let (observer, told) = Recorder::new(Box::new(|_| panic!("nobody gets so far")));
    let mut node = testing::node_of(observer);
    node.host_access = Some(HostAccess::of(allow, deny));
    let receiver = Receiver::of(node, 8);
    let (mut client, thread) = receiver.open();
    thread.join().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "closed without a word");
    assert_eq!(told.lines(), ["connection refused: host access control"]);
}

/// Each association is treated to its end as was chosen when it was proposed, whatever is chosen for others
/// meanwhile, and after a change.
#[test]
fn each_association_keeps_its_own_treatment_to_its_end() {
    let scratch = Scratch::new("observer-treatments");
    let [one, two, three] = ["one", "two", "three"].map(|name| {
        let path = scratch.0.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    });
    let chosen = Arc::new(Mutex::new(treatment(&one, |it| it.format.bit_preserving = true)));
    let second = treatment(&two, |it| {
        it.format.transfer_syntax = OutputTransferSyntax::ExplicitVrBigEndian;
        it.file_naming.extension = ".dcm".to_owned();
    });
    let current = Arc::clone(&chosen);
    let (observer, _) = Recorder::new(Box::new(move |proposal| {
        let is_second = proposal.called_ae.to_string() == "TWO";
        Ok(if is_second { Arc::clone(&second) } else { Arc::clone(&current.lock().unwrap()) })
    }));
    let receiver = Receiver::of(testing::node_of(observer), 8);
    let open = |called| {
        let (client, thread) = receiver.open();
        let mut sender = Sender::propose(client, called);
        let is_accepted = |event: &Event<'_>| matches!(event, Event::Accepted(_)).then_some(());
        assert!(sender.until(is_accepted).is_some());
        (sender, thread)
    };
    let ((mut a, a_thread), (mut b, b_thread)) = (open("ONE"), open("TWO"));
    let store = |sender: &mut Sender, instance| {
        assert_eq!(sender.store(instance).unwrap().status, Status::SUCCESS);
    };
    store(&mut a, "1.1");
    store(&mut b, "2.1");
    *chosen.lock().unwrap() = treatment(&three, |_| {});
    let (mut c, c_thread) = open("ONE");
    store(&mut b, "2.2");
    store(&mut a, "1.2");
    store(&mut c, "3.1");
    [a, b, c].into_iter().for_each(Sender::release);
    [a_thread, b_thread, c_thread].into_iter().for_each(|thread| thread.join().unwrap());
    let content = scratch.content();
    let expected = ["one/CT.1.1", "one/CT.1.2", "three/CT.3.1", "two/CT.2.1.dcm", "two/CT.2.2.dcm"];
    assert_eq!(content.keys().collect::<Vec<_>>(), expected);
    let has = |file: &str, part: &[u8]| content[file].windows(part.len()).any(|it| it == part);
    for (file, big_endian) in [("one/CT.1.2", false), ("two/CT.2.2.dcm", true)] {
        // SOP Class UID of the data set, and the transfer syntax of its file.
        assert_eq!(has(file, b"\x00\x08\x00\x16UI"), big_endian, "{file}");
        assert_eq!(has(file, b"1.2.840.10008.1.2.2\0"), big_endian, "{file}");
    }
}
