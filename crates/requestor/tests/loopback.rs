//! A requestor against an acceptor on a loopback socket.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]
#![expect(clippy::disallowed_types, reason = "a port that is free is found by listening")]

mod common;

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use common::{Acceptor, Behavior, SECONDARY_CAPTURE, instance, patient, settings, trickling_peer};
use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
use proto::{AbortCause, PeerFault, Rejection};
use requestor::{ContextProposal, Error, Instance, Requestor, Settings, Status, Waiting, limits};

const MAX_PDU_BYTES: u32 = 16_384;

/// An association for [`instance`] and Verification, with an acceptor that behaves like this.
fn associated(behavior: Behavior, settings: &Settings) -> (Requestor, Acceptor) {
    associated_with(behavior, settings, MAX_PDU_BYTES)
}

fn associated_with(
    behavior: Behavior,
    settings: &Settings,
    max_pdu_bytes: u32,
) -> (Requestor, Acceptor) {
    let acceptor = Acceptor::start(behavior, max_pdu_bytes);
    (associate(&acceptor, settings).unwrap(), acceptor)
}

fn associate(acceptor: &Acceptor, settings: &Settings) -> Result<Requestor, Error> {
    let contexts = [ContextProposal::verification(), instance().context()];
    Requestor::associate(acceptor.address, settings, &contexts)
}

fn data(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8).collect()
}

#[test]
fn an_echo_is_answered_and_the_association_released() {
    let (mut requestor, acceptor) = associated(Behavior::Answer(Status::SUCCESS), &patient());
    for _ in 0..3 {
        assert_eq!(requestor.echo().unwrap().status, Status::SUCCESS);
    }
    requestor.release().unwrap();
    let seen = acceptor.seen();
    assert_eq!((seen.requests, seen.released, seen.aborted), (3, true, None));
}

#[test]
fn objects_of_all_sizes_arrive_unchanged() {
    for max_pdu_bytes in [8, 4096, 16_384, 0] {
        let whole = match max_pdu_bytes {
            8 => 2,
            0 => limits::SEND_BUFFER_BYTES,
            more => more as usize - 12,
        };
        for bytes in [0, 2, whole - 2, whole, whole + 2, 3 * whole] {
            let answer = Behavior::Answer(Status::SUCCESS);
            let (mut requestor, acceptor) = associated_with(answer, &patient(), max_pdu_bytes);
            let data = data(bytes);
            let response = requestor.store(&instance(), &data[..]).unwrap();
            assert_eq!(response.status, Status::SUCCESS);
            requestor.release().unwrap();
            assert_eq!(acceptor.seen().data_set, data, "{max_pdu_bytes} {bytes}");
        }
    }
}

#[test]
fn the_pieces_of_a_reader_do_not_matter() {
    /// Returns few bytes at a time, and is interrupted now and then.
    struct Slow<'a>(&'a [u8], usize);
    impl Read for Slow<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = target.len().min(self.1 * 1000);
            self.0.read(&mut target[..length])
        }
    }
    let data = data(2 * limits::SEND_BUFFER_BYTES + 1234);
    let (mut requestor, acceptor) = associated(Behavior::Answer(Status::SUCCESS), &patient());
    requestor.store(&instance(), Slow(&data, 0)).unwrap();
    requestor.release().unwrap();
    assert_eq!(acceptor.seen().data_set, data);
}

#[test]
fn a_refusal_is_a_response_and_the_association_goes_on() {
    let refused = Behavior::Answer(Status::OUT_OF_RESOURCES);
    let (mut requestor, acceptor) = associated(refused, &patient());
    for _ in 0..2 {
        let response = requestor.store(&instance(), &data(1000)[..]).unwrap();
        assert_eq!(response.status, Status::OUT_OF_RESOURCES);
        assert_eq!(response.error_comment.as_deref(), Some("disk full"));
    }
    requestor.release().unwrap();
    assert!(acceptor.seen().released);
}

#[test]
fn a_rejection_is_an_error_with_its_reason() {
    let acceptor = Acceptor::start(Behavior::Reject(Rejection::CALLED_AE_TITLE), MAX_PDU_BYTES);
    let error = associate(&acceptor, &patient()).unwrap_err();
    assert!(matches!(error, Error::Rejected(Rejection::CALLED_AE_TITLE)), "{error}");
    assert!(error.to_string().contains("called AE title not recognized"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    acceptor.seen();
}

#[test]
fn a_context_that_was_not_accepted_is_an_error_before_anything_is_sent() {
    let (mut requestor, acceptor) = associated(Behavior::AcceptNothing, &patient());
    assert!(requestor.contexts().is_empty());
    let error = requestor.store(&instance(), &data(10)[..]).unwrap_err();
    assert!(matches!(error, Error::NotAccepted { .. }), "{error}");
    assert!(matches!(requestor.echo(), Err(Error::NotAccepted { .. })));
    requestor.release().unwrap();
    let seen = acceptor.seen();
    assert_eq!((seen.requests, seen.released), (0, true));

    let (mut requestor, acceptor) = associated(Behavior::Answer(Status::SUCCESS), &patient());
    let other = Instance { transfer_syntax: IMPLICIT_VR_LITTLE_ENDIAN, ..instance() };
    let error = requestor.store(&other, &data(10)[..]).unwrap_err();
    assert!(error.to_string().contains(SECONDARY_CAPTURE), "{error}");
    requestor.release().unwrap();
    assert_eq!(acceptor.seen().requests, 0);
}

#[test]
fn more_contexts_than_there_are_ids_are_refused() {
    let contexts = vec![ContextProposal::verification(); 129];
    let error = Requestor::associate("127.0.0.1:9", &settings(), &contexts).unwrap_err();
    assert!(matches!(error, Error::TooManyContexts(129)), "{error}");
}

#[test]
fn a_peer_that_aborts_in_the_middle_of_a_data_set_is_reported_as_such() {
    for bytes in [1, 50_000, 5_000_000] {
        let (mut requestor, acceptor) = associated(Behavior::AbortAndClose(bytes), &patient());
        let error = requestor.store(&instance(), &data(20_000_000)[..]).unwrap_err();
        acceptor.seen();
        // The kernel may discard the A-ABORT along with the connection that the peer closed.
        match error {
            Error::Aborted(AbortCause::ByPeer(pdu)) => assert_eq!(pdu.source(), 0),
            Error::Aborted(AbortCause::ConnectionClosed) | Error::Connection(_) => {}
            other => panic!("{other}"),
        }
        let after = requestor.echo().unwrap_err();
        assert!(matches!(after, Error::Protocol(_)), "{after}");
        assert!(matches!(requestor.release(), Err(Error::Protocol(_))));
    }
}

#[test]
fn a_peer_that_aborts_and_reads_on_is_reported_with_its_a_abort() {
    for bytes in [1, 50_000, 5_000_000] {
        let (mut requestor, acceptor) = associated(Behavior::AbortAndRead(bytes), &patient());
        let error = requestor.store(&instance(), &data(20_000_000)[..]).unwrap_err();
        let Error::Aborted(AbortCause::ByPeer(pdu)) = error else { panic!("{error}") };
        assert_eq!((pdu.source(), pdu.reason()), (0, 0));
        drop(requestor);
        acceptor.seen();
    }
}

#[test]
fn a_peer_that_closes_the_connection_is_noticed() {
    let (mut requestor, acceptor) = associated(Behavior::CloseOnRequest, &patient());
    let error = requestor.echo().unwrap_err();
    assert!(matches!(error, Error::Aborted(AbortCause::ConnectionClosed)), "{error}");
    acceptor.seen();
}

#[test]
fn a_silent_peer_costs_no_more_than_the_timeout() {
    let silent = Acceptor::start(Behavior::SilentFromStart, MAX_PDU_BYTES);
    let begun = Instant::now();
    let error = associate(&silent, &settings()).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::AssociateResponse)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));

    let (mut requestor, acceptor) = associated(Behavior::SilentOnceEstablished, &settings());
    let error = requestor.echo().unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::Response)), "{error}");
    let Some(AbortCause::ByPeer(pdu)) = acceptor.seen().aborted else { panic!("no A-ABORT") };
    assert_eq!(pdu.source(), 0);

    let (mut requestor, acceptor) = associated(Behavior::SilentOnRelease, &settings());
    requestor.store(&instance(), &data(10)[..]).unwrap();
    let error = requestor.release().unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::ReleaseResponse)), "{error}");
    assert!(acceptor.seen().aborted.is_some());
}

#[test]
fn a_peer_that_stops_reading_costs_no_more_than_the_timeout() {
    let (mut requestor, acceptor) = associated(Behavior::Deaf, &settings());
    let begun = Instant::now();
    let error = requestor.store(&instance(), io::repeat(0)).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::Send)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(matches!(requestor.echo(), Err(Error::Protocol(_))));
    acceptor.seen();
}

#[test]
fn a_peer_that_sends_single_bytes_does_not_extend_the_timeout_for_ever() {
    // The header of an A-ASSOCIATE-AC of 1 MiB.
    let address = trickling_peer(&[2, 0, 0, 16, 0, 0]);
    let begun = Instant::now();
    let contexts = [ContextProposal::verification()];
    let error = Requestor::associate(address, &settings(), &contexts).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::AssociateResponse)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_refused_connection_is_told_from_a_silent_one() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let contexts = [ContextProposal::verification()];
    let error = Requestor::associate(address, &settings(), &contexts).unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error}");
    let no_such_host = Requestor::associate("host.invalid:104", &settings(), &contexts);
    assert!(matches!(no_such_host, Err(Error::Connect(_))));
}

#[test]
fn a_peer_that_breaks_the_protocol_gets_an_a_abort() {
    // A PDU type that does not exist, a P-DATA-TF on a context that was not accepted, an A-ASSOCIATE-AC.
    let no_context: &[u8] = &[4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 99, 3, 0, 0];
    let associate_ac: &[u8] = &[2, 0, 0, 0, 0, 68];
    for bytes in [&[0x47; 10], no_context, associate_ac] {
        let (mut requestor, acceptor) = associated(Behavior::Send(bytes), &patient());
        let error = requestor.echo().unwrap_err();
        let Error::Aborted(AbortCause::Fault(fault)) = error else { panic!("{error}") };
        assert!(!matches!(fault, PeerFault::CommandSetLength));
        let Some(AbortCause::ByPeer(pdu)) = acceptor.seen().aborted else { panic!("no A-ABORT") };
        assert_eq!(pdu.source(), 2, "{fault}");
    }
}

#[test]
fn a_response_to_another_message_aborts_the_association() {
    let (mut requestor, acceptor) = associated(Behavior::WrongMessageId, &patient());
    let error = requestor.echo().unwrap_err();
    assert!(matches!(error, Error::UnexpectedMessage(_)), "{error}");
    assert!(error.to_string().contains("8030H to message 999"), "{error}");
    assert!(acceptor.seen().aborted.is_some());
}

#[test]
fn a_release_by_the_peer_is_answered_and_reported() {
    let (mut requestor, acceptor) = associated(Behavior::ReleaseOnRequest, &patient());
    let error = requestor.echo().unwrap_err();
    assert!(matches!(error, Error::ReleasedByPeer), "{error}");
    assert!(acceptor.seen().released);
}

#[test]
fn a_release_collision_ends_in_a_release() {
    let (mut requestor, acceptor) = associated(Behavior::ReleaseCollision, &patient());
    requestor.store(&instance(), &data(100)[..]).unwrap();
    requestor.release().unwrap();
    assert!(acceptor.seen().released);
}

#[test]
fn an_abort_reaches_the_peer() {
    let (requestor, acceptor) = associated(Behavior::Answer(Status::SUCCESS), &patient());
    requestor.abort();
    let Some(AbortCause::ByPeer(pdu)) = acceptor.seen().aborted else { panic!("no A-ABORT") };
    assert_eq!((pdu.source(), pdu.reason()), (0, 0));
}

#[test]
fn a_data_set_that_cannot_be_read_aborts_only_if_part_of_it_was_sent() {
    /// A data set that ends in an error after some bytes.
    fn broken(bytes: usize) -> impl Read {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("bad sector"))
            }
        }
        io::repeat(7).take(bytes as u64).chain(Broken)
    }
    let (mut requestor, acceptor) = associated(Behavior::Answer(Status::SUCCESS), &patient());
    let error = requestor.store(&instance(), broken(100)).unwrap_err();
    assert!(matches!(error, Error::Read(_)), "{error}");
    assert_eq!(requestor.echo().unwrap().status, Status::SUCCESS, "nothing was sent");
    let error = requestor.store(&instance(), broken(2 * limits::SEND_BUFFER_BYTES)).unwrap_err();
    assert!(error.to_string().contains("bad sector"), "{error}");
    assert!(matches!(requestor.echo(), Err(Error::Protocol(_))));
    assert!(acceptor.seen().aborted.is_some());
}
