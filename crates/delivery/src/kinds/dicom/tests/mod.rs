//! A session against a peer that does what a test tells it.

mod fixture;
mod objects;
mod peer;

use super::build;
use crate::{DicomSettings, Item, Outcome, Session, Stop};
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use fixture::{Folder, explicit};
use peer::{Behavior, Does, ScriptedPeer};
use proto::Rejection;
use std::time::{Duration, Instant};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

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
