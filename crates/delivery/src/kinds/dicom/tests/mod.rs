//! A session against a peer that does what a test tells it.

mod peer;

use super::build;
use crate::{DicomSettings, Item, Outcome, Session, Stop};
use catalog::{
    Delivery, DeliveryId, Event, EventKind, InstanceId, ObjectAttributes, ReceivedObject,
    StoredInstance,
};
use dataset::part10::{FileMeta, header};
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS,
};
use dataset::{TransferSyntax, Uid};
use peer::{Behavior, Does, ScriptedPeer};
use proto::Rejection;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dicom-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// A file with an object, and its delivery.
    fn item(&self, class: &str, instance: &str, syntax: &TransferSyntax, data: &[u8]) -> Item {
        let [sop_class, sop_instance]: [Uid; 2] = [class, instance].map(|it| it.parse().unwrap());
        let mut bytes = header(&FileMeta {
            sop_class: &sop_class,
            sop_instance: &sop_instance,
            transfer_syntax: syntax,
            implementation_class_uid: "2.25.1",
            implementation_version_name: "TEST",
            source_ae_title: b"SCU",
        });
        bytes.extend_from_slice(data);
        let path = self.0.join(instance);
        fs::write(&path, &bytes).unwrap();
        item(&path, class, instance, syntax, bytes.len() as u64)
    }

    /// So many CT images.
    fn images(&self, count: usize) -> Vec<Item> {
        let image = |number| {
            let instance = format!("1.2.3.{number}");
            self.item(CT, &instance, EXPLICIT_VR_LITTLE_ENDIAN, &explicit(&instance, 300))
        };
        (0..count).map(image).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn item(path: &Path, class: &str, instance: &str, syntax: &TransferSyntax, size: u64) -> Item {
    let now = SystemTime::UNIX_EPOCH;
    let object = ReceivedObject {
        key: instance.to_owned(),
        directory: path.parent().unwrap().to_owned(),
        file: None,
        spool: None,
        sop_class: class.to_owned(),
        sop_instance: instance.to_owned(),
        transfer_syntax: syntax.uid().to_owned(),
        size,
        digest: None,
        received: now,
        association: 1,
        calling: "CT".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "127.0.0.1".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes::default(),
    };
    let event = Event {
        key: instance.to_owned(),
        kind: EventKind::ObjectStored,
        time: now,
        instance: Some(InstanceId(1)),
        data: None,
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        destination: "pacs".to_owned(),
        event,
        instance: Some(StoredInstance { id: InstanceId(1), object }),
        study: None,
        attempts: 0,
        since: now,
    };
    Item { delivery, path: Some(path.to_owned()), missing: false, source: "//test".into() }
}

/// SOP Instance UID and so many bytes of pixel data, in explicit VR little endian.
fn explicit(instance: &str, pixel_bytes: u32) -> Vec<u8> {
    let mut bytes = element(0x0008, 0x0018, b"UI", &padded(instance));
    bytes.extend(element(0x0028, 0x0100, b"US", &[16, 0]));
    bytes.extend([0xE0, 0x7F, 0x10, 0x00]);
    bytes.extend(b"OW\0\0");
    bytes.extend(pixel_bytes.to_le_bytes());
    bytes.extend((0..pixel_bytes).map(|at| (at % 251) as u8));
    bytes
}

fn element(group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let head = [&group.to_le_bytes()[..], &element.to_le_bytes(), vr, &length.to_le_bytes()];
    [&head.concat(), value].concat()
}

fn padded(uid: &str) -> Vec<u8> {
    let mut bytes = uid.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn session(peer: &ScriptedPeer) -> Box<dyn Session> {
    session_with(peer, Duration::from_secs(20))
}

fn session_with(peer: &ScriptedPeer, timeout: Duration) -> Box<dyn Session> {
    let settings = DicomSettings {
        address: peer.address.to_string(),
        called: "PACS".parse().unwrap(),
        calling: "STORESCP".parse().unwrap(),
        tls: None,
        timeout,
        linger: Duration::from_secs(5),
    };
    build("pacs", &settings).unwrap().open()
}

/// What became of each, `None` of those of which nothing was told.
fn deliver(session: &mut dyn Session, items: &[Item]) -> Vec<Option<Outcome>> {
    let mut told = vec![None; items.len()];
    session.deliver(items, &Stop::default(), &mut |index, outcome| {
        assert!(told[index].replace(outcome).is_none(), "{index} was told twice");
    });
    told
}

/// `D` done, `A` again, `U` unreachable, `P` parked, `-` nothing.
fn letters(told: &[Option<Outcome>]) -> String {
    let letter = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Done) => 'D',
        Some(Outcome::Again { .. }) => 'A',
        Some(Outcome::Unreachable { .. }) => 'U',
        Some(Outcome::Park { .. }) => 'P',
        None => '-',
    };
    told.iter().map(letter).collect()
}

fn reason(outcome: &Option<Outcome>) -> &str {
    match outcome {
        Some(
            Outcome::Again { reason, .. }
            | Outcome::Unreachable { reason, .. }
            | Outcome::Park { reason },
        ) => reason,
        other => panic!("{other:?}"),
    }
}

fn answers(status: u16) -> Behavior {
    Behavior::new(move |_, _| Does::Answer(status))
}

#[test]
fn objects_arrive_as_stored_on_one_association_which_is_released() {
    let peer = ScriptedPeer::start(answers(0));
    let folder = Folder::new();
    let mut items = folder.images(20);
    let large = explicit("1.2.9", 5_000_000);
    items.push(folder.item(CT, "1.2.9", EXPLICIT_VR_LITTLE_ENDIAN, &large));
    let mut session = session(&peer);
    assert_eq!(letters(&deliver(&mut *session, &items[..10])), "D".repeat(10));
    assert_eq!(letters(&deliver(&mut *session, &items[10..])), "D".repeat(11));
    drop(session);
    let seen = peer.seen.lock().unwrap();
    assert_eq!((seen.proposed.len(), seen.released, seen.aborted), (1, 1, 0));
    assert_eq!(seen.proposed[0].len(), 2, "that of the files, and one with other encodings");
    assert_eq!(seen.arrived.len(), 21);
    assert_eq!(seen.arrived[20].data_set, large);
    for (number, arrived) in seen.arrived[..20].iter().enumerate() {
        let instance = format!("1.2.3.{number}");
        assert_eq!(arrived.sop_instance, instance, "in their order");
        assert_eq!(arrived.data_set, explicit(&instance, 300));
    }
}

#[test]
fn the_proposal_tells_who_we_are() {
    let peer = ScriptedPeer::start(answers(0));
    deliver(&mut *session(&peer), &Folder::new().images(1));
    let seen = peer.seen.lock().unwrap();
    let information = &seen.user_information;
    let class = information.implementation_class_uid.unwrap();
    assert_eq!(class, super::IMPLEMENTATION_CLASS_UID);
    assert_eq!(information.implementation_version_name.as_ref().unwrap().as_str(), "STORESCP_010");
    let window = information.asynchronous_operations.unwrap();
    assert_eq!((window.invoked, window.performed), (16, 1));
    assert_eq!(information.max_pdu_bytes, Some(16_384));
}

#[test]
fn an_association_is_released_after_it_lingered() {
    let peer = ScriptedPeer::start(answers(0));
    let folder = Folder::new();
    let mut session = session(&peer);
    deliver(&mut *session, &folder.images(1));
    session.idle(Duration::from_secs(4));
    assert_eq!(peer.seen.lock().unwrap().released, 0);
    session.idle(Duration::from_secs(5));
    assert_eq!(peer.seen.lock().unwrap().released, 1);
    assert_eq!(letters(&deliver(&mut *session, &folder.images(1))), "D");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 2);
}

#[test]
fn statuses_are_judged_one_by_one() {
    let statuses = [0x0000, 0xB000, 0x0111, 0xA700, 0xA900, 0xC001, 0x0122, 0x0124, 0x0110];
    let plan = move |instance: &str, _| {
        let number: usize = instance.rsplit('.').next().unwrap().parse().unwrap();
        Does::Answer(statuses[number])
    };
    let peer = ScriptedPeer::start(Behavior::new(plan));
    let folder = Folder::new();
    let told = deliver(&mut *session(&peer), &folder.images(statuses.len()));
    assert_eq!(letters(&told), "DDDAPPPPA");
    assert_eq!(reason(&told[3]), "status A700H (out of resources): as told");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 1, "the association goes on");
}

#[test]
fn an_answer_that_makes_no_sense_costs_the_association_and_an_attempt() {
    for does in [Does::Answer(0xFF00), Does::Answer(0x0210), Does::AnswerToAnother] {
        let plan = move |instance: &str, before| match (instance, before) {
            ("1.2.3.1", 0) => does,
            _ => Does::Answer(0),
        };
        let peer = ScriptedPeer::start(Behavior::new(plan));
        let folder = Folder::new();
        assert_eq!(letters(&deliver(&mut *session(&peer), &folder.images(4))), "DADD", "{does:?}");
        assert_eq!(peer.seen.lock().unwrap().proposed.len(), 2);
    }
}

#[test]
fn an_object_that_ends_the_association_each_time_does_not_block_others() {
    for does in [Does::Abort, Does::AbortAtOnce, Does::Close] {
        let plan = move |instance: &str, _| match instance {
            "1.2.3.3" => does,
            _ => Does::Answer(0),
        };
        let peer = ScriptedPeer::start(Behavior::new(plan));
        let folder = Folder::new();
        let items = folder.images(8);
        let mut session = session(&peer);
        let told = deliver(&mut *session, &items);
        assert_eq!(letters(&told), "DDDADDDD", "{does:?}");
        assert!(!reason(&told[3]).is_empty());
        // Alone, it counts an attempt each time, or pauses the destination.
        let alone: String =
            (0..4).map(|_| letters(&deliver(&mut *session, &items[3..4]))).collect();
        assert_eq!(alone, "AAAU", "{does:?}");
    }
}

#[test]
fn a_peer_that_fails_each_time_is_not_tried_for_each_object() {
    let peer = ScriptedPeer::start(Behavior::new(|_, _| Does::Abort));
    let folder = Folder::new();
    let items = folder.images(20);
    let mut session = session(&peer);
    let told = letters(&deliver(&mut *session, &items));
    assert_eq!(told, format!("AAAU{}", "-".repeat(16)));
    assert_eq!(peer.seen.lock().unwrap().arrived.len(), 3);
    let told = letters(&deliver(&mut *session, &items[3..]));
    assert_eq!(told, format!("AU{}", "-".repeat(15)), "one attempt for each pause");

    let full = ScriptedPeer::start(answers(0xA700));
    let told = letters(&deliver(&mut *session_with(&full, Duration::from_secs(20)), &items));
    assert_eq!(told, format!("AAAU{}", "-".repeat(16)));
    assert_eq!(full.seen.lock().unwrap().proposed.len(), 1, "the association goes on");
}

#[test]
fn silence_costs_one_attempt_and_the_timeout() {
    let plan = |instance: &str, _| match instance {
        "1.2.3.1" => Does::Nothing,
        _ => Does::Answer(0),
    };
    let peer = ScriptedPeer::start(Behavior::new(plan));
    let folder = Folder::new();
    let begun = Instant::now();
    let mut session = session_with(&peer, Duration::from_millis(600));
    let told = deliver(&mut *session, &folder.images(3));
    assert_eq!(letters(&told), "DAD");
    assert!(reason(&told[1]).contains("no response"), "{told:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stop_ends_waiting_soon_and_tells_nothing_of_what_is_under_way() {
    let peer = ScriptedPeer::start(Behavior::new(|_, _| Does::Nothing));
    let folder = Folder::new();
    let mut session = session_with(&peer, Duration::from_secs(60));
    let stop = Stop::default();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while peer.seen.lock().unwrap().arrived.is_empty() {
                std::thread::yield_now();
            }
            stop.set();
        });
        session.deliver(&folder.images(3), &stop, &mut |index, outcome| {
            panic!("{index}: {outcome:?}");
        });
    });
    assert!(begun.elapsed() < Duration::from_secs(10));
    let begun = Instant::now();
    session.deliver(&folder.images(3), &stop, &mut |_, outcome| panic!("{outcome:?}"));
    assert!(begun.elapsed() < Duration::from_secs(1), "nothing is begun");
}

#[test]
fn an_association_that_the_peer_ended_meanwhile_costs_no_attempt() {
    let peer = ScriptedPeer::start(Behavior::new(|_, _| Does::AnswerAndRelease));
    let folder = Folder::new();
    let items = folder.images(3);
    let mut session = session(&peer);
    for item in &items {
        assert_eq!(letters(&deliver(&mut *session, std::slice::from_ref(item))), "D");
    }
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 3);
}

#[test]
fn what_cannot_be_reached_or_is_rejected_is_unreachable_and_the_rest_waits() {
    let folder = Folder::new();
    let items = folder.images(3);
    let behavior = Behavior { reject: Some(Rejection::CALLED_AE_TITLE), ..answers(0) };
    let told = deliver(&mut *session(&ScriptedPeer::start(behavior)), &items);
    assert_eq!(letters(&told), "U--");
    assert!(reason(&told[0]).contains("called AE title not recognized"), "{told:?}");

    let closed = ScriptedPeer {
        address: {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        },
        seen: Default::default(),
    };
    let told = deliver(&mut *session(&closed), &items);
    assert_eq!(letters(&told), "U--");
    assert!(reason(&told[0]).contains("cannot connect"), "{told:?}");
}

#[test]
fn responses_in_any_order_belong_to_their_objects_and_the_window_is_used() {
    let statuses = |instance: &str, _| match instance {
        "1.2.3.7" => Does::Answer(0xA900),
        "1.2.3.20" => Does::Answer(0xB000),
        _ => Does::Answer(0),
    };
    for (window, most) in [(Some(4), 4), (Some(0), 16), (Some(1), 1), (None, 1)] {
        let peer = ScriptedPeer::start(Behavior { window, ..Behavior::new(statuses) });
        let folder = Folder::new();
        let told = letters(&deliver(&mut *session(&peer), &folder.images(30)));
        assert_eq!(told, format!("{}P{}", "D".repeat(7), "D".repeat(22)));
        let seen = peer.seen.lock().unwrap();
        assert_eq!(seen.most_outstanding, most);
        assert_eq!(seen.arrived.len(), 30);
    }
}

#[test]
fn of_several_under_way_only_the_one_at_fault_loses_an_attempt() {
    let plan = |instance: &str, _| match instance {
        "1.2.3.3" => Does::Abort,
        _ => Does::Answer(0),
    };
    let peer = ScriptedPeer::start(Behavior { window: Some(16), ..Behavior::new(plan) });
    let folder = Folder::new();
    let told = letters(&deliver(&mut *session(&peer), &folder.images(12)));
    assert_eq!(told, "DDDADDDDDDDD");
}

#[test]
fn another_uncompressed_syntax_is_encoded_anew_and_a_compressed_one_parked() {
    let folder = Folder::new();
    let plain = folder.item(CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, &explicit("1.2.5", 64));
    let long = explicit("1.2.6", 3_000_000);
    let long = folder.item(CT, "1.2.6", EXPLICIT_VR_LITTLE_ENDIAN, &long);
    let compressed = folder.item(CT, "1.2.7", RLE_LOSSLESS, &explicit("1.2.7", 64));
    let items = [plain, long, compressed];
    for syntax in [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN] {
        let peer = ScriptedPeer::start(Behavior { accepts: vec![syntax], ..answers(0) });
        let told = deliver(&mut *session(&peer), &items);
        assert_eq!(letters(&told), "DDP");
        assert!(reason(&told[2]).contains("accepts no presentation context"), "{told:?}");
        assert!(reason(&told[2]).contains("1.2.840.10008.5.1.4.1.1.2 (CT"), "{told:?}");
        let seen = peer.seen.lock().unwrap();
        assert!(seen.arrived.iter().all(|it| it.transfer_syntax == syntax));
        let mut expected = vec![0x08, 0, 0x18, 0, 6, 0, 0, 0];
        expected.extend(b"1.2.5\0\x28\0\0\x01\x02\0\0\0\x10\0\xE0\x7F\x10\0\x40\0\0\0");
        expected.extend(0..64);
        if syntax == EXPLICIT_VR_BIG_ENDIAN {
            expected = b"\0\x08\0\x18UI\0\x061.2.5\0\0\x28\x01\0US\0\x02\0\x10".to_vec();
            expected.extend(b"\x7F\xE0\0\x10OW\0\0\0\0\0\x40");
            expected.extend((0..32).flat_map(|pair| [2 * pair + 1, 2 * pair]));
        }
        assert_eq!(seen.arrived[0].data_set, expected);
        assert_eq!(seen.arrived[1].data_set.len(), expected.len() + 3_000_000 - 64);
    }
}

#[test]
fn more_than_128_contexts_take_several_associations() {
    let folder = Folder::new();
    let items: Vec<Item> = (0..200)
        .map(|number| {
            let class = format!("1.2.840.10008.5.1.4.1.1.{number}");
            let instance = format!("1.2.3.{number}");
            let syntax = if number % 2 == 0 { RLE_LOSSLESS } else { EXPLICIT_VR_LITTLE_ENDIAN };
            folder.item(&class, &instance, syntax, &explicit(&instance, 10))
        })
        .collect();
    let peer = ScriptedPeer::start(answers(0));
    assert_eq!(letters(&deliver(&mut *session(&peer), &items)), "D".repeat(200));
    let seen = peer.seen.lock().unwrap();
    assert_eq!(seen.arrived.len(), 200);
    assert!((2..=4).contains(&seen.proposed.len()), "{}", seen.proposed.len());
    assert!(seen.proposed.iter().all(|contexts| contexts.len() <= 128));
    assert_eq!(seen.released, seen.proposed.len());
}

#[test]
fn an_object_with_other_needs_opens_an_association_for_all_of_them() {
    let folder = Folder::new();
    let peer = ScriptedPeer::start(answers(0));
    let mut session = session(&peer);
    for class in ["1.2.1", "1.2.2", "1.2.1", "1.2.2"] {
        let item = folder.item(class, "1.2.3", RLE_LOSSLESS, b"\x08\0\x18\0UI\0\0");
        assert_eq!(letters(&deliver(&mut *session, &[item])), "D");
    }
    let seen = peer.seen.lock().unwrap();
    let contexts: Vec<usize> = seen.proposed.iter().map(Vec::len).collect();
    assert_eq!(contexts, [1, 2]);
}

#[test]
fn what_was_refused_is_asked_for_again_once_in_each_lot() {
    let folder = Folder::new();
    let behavior = Behavior { accepts: vec![EXPLICIT_VR_LITTLE_ENDIAN], ..answers(0) };
    let peer = ScriptedPeer::start(behavior);
    let mut session = session(&peer);
    let compressed =
        |number| folder.item(CT, &format!("1.2.7.{number}"), RLE_LOSSLESS, b"\x08\0\x18\0UI\0\0");
    let items = [compressed(1), compressed(2), folder.images(1).remove(0), compressed(3)];
    assert_eq!(letters(&deliver(&mut *session, &items)), "PPDP");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 1);
    assert_eq!(letters(&deliver(&mut *session, &items)), "PPDP");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 2);
}

#[test]
fn a_file_that_is_gone_changed_or_damaged_is_parked_and_the_others_go_on() {
    let folder = Folder::new();
    let mut items = folder.images(7);
    fs::remove_file(items[0].path.as_ref().unwrap()).unwrap();
    let path = |at: usize| items[at].path.clone().unwrap();
    let bytes = fs::read(path(1)).unwrap();
    fs::write(path(1), &bytes[..bytes.len() - 1]).unwrap();
    fs::write(path(2), vec![0; bytes.len()]).unwrap();
    fs::copy(path(4), path(3)).unwrap();
    items[5].missing = true;
    let peer = ScriptedPeer::start(answers(0));
    let told = deliver(&mut *session(&peer), &items);
    assert_eq!(letters(&told), "PPPPDPD");
    for (at, expected) in [
        (0, "cannot read the file"),
        (1, "it has"),
        (2, "begins neither with"),
        (3, "another object"),
        (5, "gone"),
    ] {
        assert!(reason(&told[at]).contains(expected), "{}", reason(&told[at]));
    }
    let seen = peer.seen.lock().unwrap();
    assert_eq!((seen.proposed.len(), seen.arrived.len()), (1, 2));
}

#[test]
fn a_damaged_data_set_is_parked_only_if_it_has_to_be_encoded_anew() {
    let folder = Folder::new();
    let mut data = explicit("1.2.5", 64);
    data.truncate(data.len() - 10);
    let items = [folder.item(CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, &data)];
    let behavior = Behavior { accepts: vec![IMPLICIT_VR_LITTLE_ENDIAN], ..answers(0) };
    let told = deliver(&mut *session(&ScriptedPeer::start(behavior)), &items);
    assert_eq!(letters(&told), "P");
    assert!(reason(&told[0]).contains("cannot encode the data set in"), "{told:?}");
    assert_eq!(letters(&deliver(&mut *session(&ScriptedPeer::start(answers(0))), &items)), "D");
}

#[test]
fn a_file_without_a_head_is_sent_as_the_catalogue_says() {
    let folder = Folder::new();
    let data = explicit("1.2.5", 64);
    let path = folder.0.join("raw");
    fs::write(&path, &data).unwrap();
    let size = data.len() as u64;
    let items = [item(&path, CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, size)];
    let peer = ScriptedPeer::start(answers(0));
    assert_eq!(letters(&deliver(&mut *session(&peer), &items)), "D");
    assert_eq!(peer.seen.lock().unwrap().arrived[0].data_set, data);
}

#[test]
fn addresses_that_are_none_and_certificates_that_cannot_be_read_are_found_at_once() {
    let settings = |address: &str| DicomSettings {
        address: address.to_owned(),
        called: "PACS".parse().unwrap(),
        calling: "STORESCP".parse().unwrap(),
        tls: None,
        timeout: Duration::from_secs(1),
        linger: Duration::from_secs(1),
    };
    for address in ["", "pacs", "pacs:", ":104", "pacs:0", "pacs:65536", "::1:104", "[::1:104"] {
        assert!(build("pacs", &settings(address)).is_err(), "{address}");
    }
    for address in ["pacs:104", "10.0.0.5:104", "[::1]:104"] {
        assert!(build("pacs", &settings(address)).is_ok(), "{address}");
    }
    let mut tls = crate::TlsClientSettings::default();
    assert!(build("pacs", &DicomSettings { tls: Some(tls.clone()), ..settings("p:1") }).is_ok());
    tls.trusted = Some("/nowhere/ca.pem".into());
    assert!(build("pacs", &DicomSettings { tls: Some(tls), ..settings("p:1") }).is_err());
}
