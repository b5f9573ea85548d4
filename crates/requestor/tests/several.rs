//! Several objects at a time, the next one encoded ahead, and waiting that is interrupted.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the peer is a listener in a thread"
)]

mod common;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Acceptor, Behavior, UNLISTED, instance, patient};
use dataset::TransferSyntax;
use proto::OperationsWindow;
use requestor::{Error, Instance, Interrupt, Requestor, Settings, Status, limits};

const MAX_PDU_BYTES: u32 = 16_384;

fn associate(behavior: Behavior, settings: &Settings) -> (Requestor, Acceptor) {
    let acceptor = Acceptor::start(behavior, MAX_PDU_BYTES);
    let requestor = Requestor::associate(acceptor.address, settings, &[instance().context()]);
    (requestor.unwrap(), acceptor)
}

fn asking(operations: u16) -> Settings {
    Settings { operations, ..patient() }
}

#[test]
fn as_many_are_sent_as_the_peer_grants_and_answers_belong_to_their_messages() {
    let (mut requestor, acceptor) = associate(Behavior::Window(3), &asking(5));
    assert_eq!(requestor.window(), 3);
    let mut ids = Vec::new();
    for byte in 0..3 {
        let data = vec![byte; 700_000];
        let encoded = requestor.encode(&instance(), &data[..]).unwrap();
        ids.push(requestor.send(encoded).unwrap());
    }
    let more = requestor.encode(&instance(), &[3; 10][..]).unwrap();
    assert!(matches!(requestor.send(more), Err(Error::WindowFull(3))));
    assert_eq!(requestor.outstanding(), 3);
    for id in ids.iter().rev() {
        let response = requestor.response().unwrap();
        assert_eq!(
            (response.message_id_being_responded_to, response.status),
            (*id, Status::SUCCESS)
        );
    }
    assert!(matches!(requestor.response(), Err(Error::Protocol(_))), "nothing is outstanding");
    requestor.release().unwrap();
    let seen = acceptor.seen();
    assert_eq!(seen.window_proposed, Some(OperationsWindow { invoked: 5, performed: 1 }));
    let expected: Vec<u8> = [[0; 700_000], [1; 700_000], [2; 700_000]].concat();
    assert!(seen.data_set == expected);
}

#[test]
fn a_window_is_what_both_sides_want_at_most() {
    for (asked, granted, window) in
        [(4, Some(9), 4), (4, Some(0), 4), (1, Some(9), 1), (4, None, 1)]
    {
        let behavior = granted.map_or(Behavior::Answer(Status::SUCCESS), Behavior::Window);
        let (requestor, _acceptor) = associate(behavior, &asking(asked));
        assert_eq!(requestor.window(), window, "{asked} {granted:?}");
    }
    let (requestor, acceptor) = associate(Behavior::Window(0), &asking(999));
    assert_eq!(requestor.window(), usize::from(limits::OPERATIONS));
    requestor.release().unwrap();
    assert_eq!(acceptor.seen().window_proposed.unwrap().invoked, limits::OPERATIONS);
}

#[test]
fn an_object_that_is_encoded_ahead_is_sent_only_when_it_is_its_turn() {
    let (mut requestor, acceptor) = associate(Behavior::Answer(Status::SUCCESS), &patient());
    let first = requestor.encode(&instance(), &[1; 10][..]).unwrap();
    let second = requestor.encode(&instance(), &[2; 10][..]).unwrap();
    requestor.send(first).unwrap();
    requestor.response().unwrap();
    drop(requestor.encode(&instance(), &[9; 10][..]).unwrap());
    requestor.send(second).unwrap();
    requestor.response().unwrap();
    requestor.release_within(Duration::from_secs(5)).unwrap();
    let seen = acceptor.seen();
    assert_eq!(seen.data_set, [[1; 10], [2; 10]].concat());
    assert!(seen.released);
}

#[test]
fn an_interrupt_ends_waiting_for_an_answer_and_for_a_peer_that_does_not_read() {
    for behavior in [Behavior::Window(2), Behavior::Deaf] {
        let is_set = Arc::new(AtomicBool::new(false));
        let asked = is_set.clone();
        let interrupt = Interrupt::when(move || asked.load(Ordering::Relaxed));
        let settings = Settings { interrupt: Some(interrupt), ..patient() };
        let (mut requestor, _acceptor) = associate(behavior, &settings);
        let begun = Instant::now();
        is_set.store(true, Ordering::Relaxed);
        let error = requestor.store(&instance(), &vec![0; 50_000_000][..]).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert!(matches!(requestor.echo(), Err(Error::NotAccepted { .. })));
    }
}

/// The timeouts hold with an interrupt that is never set, although the socket wakes up more often.
#[test]
fn an_interrupt_does_not_change_the_timeouts() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let silent = thread::spawn(move || listener.accept().unwrap());
    let limit = Some(Duration::from_millis(900));
    let settings = Settings {
        interrupt: Some(Interrupt::when(|| false)),
        timeouts: requestor::Timeouts { connect: limit, response: limit, send: limit },
        ..patient()
    };
    let begun = Instant::now();
    let error = Requestor::associate(address, &settings, &[instance().context()]).unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(900) && elapsed < Duration::from_secs(10));
    silent.join().unwrap();
}

#[test]
fn an_association_that_the_peer_ends_is_noticed_without_asking_anything() {
    let (mut requestor, acceptor) = associate(Behavior::Answer(Status::SUCCESS), &patient());
    assert!(requestor.is_alive());
    requestor.store(&instance(), &[0; 10][..]).unwrap();
    assert!(requestor.is_alive());
    requestor.release().unwrap();
    acceptor.seen();

    let (mut requestor, acceptor) = associate(Behavior::ReleaseAfterResponse, &patient());
    requestor.store(&instance(), &[0; 10][..]).unwrap();
    let begun = Instant::now();
    while requestor.is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the release is not noticed");
        thread::yield_now();
    }
    assert!(acceptor.seen().released, "and answered");
}

#[test]
fn a_transfer_syntax_that_is_known_by_its_uid_only_is_negotiated() {
    let syntax = TransferSyntax::unlisted(&UNLISTED.parse().unwrap());
    let acceptor = Acceptor::start(Behavior::Answer(Status::SUCCESS), MAX_PDU_BYTES);
    let unlisted = Instance { transfer_syntax: syntax, ..instance() };
    let contexts = [unlisted.context()];
    let mut requestor = Requestor::associate(acceptor.address, &patient(), &contexts).unwrap();
    assert_eq!(requestor.contexts()[0].transfer_syntax, syntax);
    requestor.store(&unlisted, &[7; 10][..]).unwrap();
    requestor.release().unwrap();
    assert_eq!(acceptor.seen().data_set, [7; 10]);
}
