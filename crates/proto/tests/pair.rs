//! A requestor and an acceptor, joined in memory, under simulated time.

mod common;

use common::{CT_IMAGE_STORAGE, Happened, Pair, ae, uid};
use dataset::sop_class::VERIFICATION;
use proto::{
    AbortCause, CEchoRq, CStoreRq, Ending, PeerFault, Rejection, Request, Response, State, Status,
};

#[test]
fn an_echo_is_answered() {
    let (mut pair, ids) = Pair::established(&[VERIFICATION]);
    pair.requestor.send_command(ids[0], &CEchoRq::new(7, &uid(VERIFICATION)).encode()).unwrap();
    let [Happened::Command(context, command)] = &pair.deliver_to_acceptor()[..] else { panic!() };
    assert_eq!(*context, ids[0]);
    let Ok(Request::CEcho(echo)) = Request::parse(command) else { panic!("{command:?}") };
    pair.acceptor.send_command(*context, &echo.response(Status::SUCCESS)).unwrap();
    let [Happened::Command(_, response)] = &pair.deliver_to_requestor()[..] else { panic!() };
    let response = Response::parse(response).unwrap();
    assert_eq!(response.command_field, 0x8030);
    assert_eq!(response.message_id_being_responded_to, 7);
    assert_eq!(response.status, Status::SUCCESS);
    assert_eq!(response.sop_class, Some(uid(VERIFICATION)));
}

/// Those who test peers send something else than what the association queued; it goes on as if it had not.
#[test]
fn other_bytes_are_sent_in_place_of_what_was_queued() {
    let (mut pair, ids) = Pair::established(&[VERIFICATION]);
    let echo = CEchoRq::new(7, &uid(VERIFICATION)).encode();
    pair.requestor.send_command(ids[0], &echo).unwrap();
    let queued = pair.requestor.outgoing().to_vec();
    pair.requestor.consume_outgoing(2);
    pair.requestor.replace_outgoing(vec![0x7F; 3]);
    assert_eq!(pair.requestor.outgoing(), [0x7F; 3]);
    pair.requestor.consume_outgoing(3);
    assert!(pair.requestor.outgoing().is_empty());
    pair.requestor.send_command(ids[0], &echo).unwrap();
    assert_eq!(pair.requestor.outgoing(), queued);
    assert_eq!(pair.deliver_to_acceptor().len(), 1);
}

#[test]
fn an_object_is_stored_and_the_association_released() {
    let (mut pair, ids) = Pair::established(&[VERIFICATION, CT_IMAGE_STORAGE]);
    let data: Vec<u8> = (0..100_000_u32).map(|index| index as u8).collect();
    let request = CStoreRq {
        message_id: 1,
        sop_class: uid(CT_IMAGE_STORAGE),
        sop_instance: uid("1.2.3.4"),
        priority: None,
        move_originator_ae: None,
        move_originator_message_id: None,
    };
    pair.requestor.send_command(ids[1], &request.encode()).unwrap();
    pair.requestor.send_data(ids[1], &data, true).unwrap();
    let happened = pair.deliver_to_acceptor();
    let [Happened::Command(_, command), Happened::DataSet { context, bytes, pdvs, ended }] =
        &happened[..]
    else {
        panic!("{happened:?}")
    };
    let Ok(Request::CStore(parsed)) = Request::parse(command) else { panic!("{command:?}") };
    assert_eq!((parsed.sop_class, parsed.sop_instance), (request.sop_class, request.sop_instance));
    assert_eq!((*context, bytes, *ended), (ids[1], &data, true));
    assert_eq!(*pdvs, 100_000_usize.div_ceil(16372));

    pair.acceptor.send_command(ids[1], &parsed.response(Status::SUCCESS, None)).unwrap();
    let [Happened::Command(_, response)] = &pair.deliver_to_requestor()[..] else { panic!() };
    assert_eq!(Response::parse(response).unwrap().status, Status::SUCCESS);

    pair.requestor.request_release();
    assert_eq!(pair.deliver_to_acceptor(), [Happened::ReleaseRequested]);
    pair.acceptor.accept_release(pair.now);
    assert_eq!(pair.deliver_to_requestor(), [Happened::Released]);
    assert!(pair.requestor.is_closed());
    assert_eq!(pair.acceptor.state(), State::Sta13);
    pair.acceptor.handle_close();
    assert!(pair.acceptor.is_closed());
    assert_eq!(pair.acceptor.ending(), Some(Ending::Released));
    assert_eq!(pair.requestor.ending(), Some(Ending::Released));
}

#[test]
fn a_rejection_reaches_the_requestor() {
    let mut pair = Pair::proposing(&[VERIFICATION]);
    let [Happened::Proposed(proposal)] = &pair.deliver_to_acceptor()[..] else { panic!() };
    assert_eq!(proposal.called_ae, ae("STORESCP"));
    let rejection = Rejection::LOCAL_LIMIT_EXCEEDED;
    pair.acceptor.answer(proto::AssociateResponse::Reject(rejection), pair.now);
    assert_eq!(pair.deliver_to_requestor(), [Happened::Rejected(rejection)]);
    assert!(pair.requestor.is_closed());
    assert_eq!(pair.acceptor.state(), State::Sta13);
    assert_eq!(pair.acceptor.ending(), Some(Ending::Rejected(rejection)));
}

#[test]
fn a_release_collision_ends_in_peace_on_both_sides() {
    let (mut pair, _) = Pair::established(&[VERIFICATION]);
    pair.requestor.request_release();
    pair.acceptor.request_release();
    assert_eq!(pair.deliver_to_acceptor(), [Happened::ReleaseRequested]);
    assert_eq!(pair.acceptor.state(), State::Sta10);
    pair.acceptor.accept_release(pair.now);
    assert_eq!(pair.acceptor.outgoing()[0], 5, "only our own request so far");
    assert_eq!(pair.deliver_to_requestor(), [Happened::ReleaseRequested]);
    assert_eq!(pair.requestor.state(), State::Sta9);
    pair.requestor.accept_release(pair.now);
    assert_eq!(pair.requestor.state(), State::Sta11);
    assert_eq!(pair.deliver_to_acceptor(), [Happened::Released]);
    assert_eq!(pair.acceptor.state(), State::Sta13);
    assert_eq!(pair.deliver_to_requestor(), [Happened::Released]);
    assert!(pair.requestor.is_closed());
}

#[test]
fn an_abort_reaches_the_other_side() {
    let (mut pair, _) = Pair::established(&[VERIFICATION]);
    pair.requestor.abort(pair.now);
    assert_eq!(pair.requestor.state(), State::Sta13);
    let happened = pair.deliver_to_acceptor();
    let [Happened::Aborted(AbortCause::ByPeer(pdu))] = &happened[..] else {
        panic!("{happened:?}")
    };
    assert_eq!((pdu.source(), pdu.reason()), (0, 0));
    assert!(pair.acceptor.is_closed());
}

#[test]
fn nothing_can_be_sent_after_the_end_or_on_an_unknown_context() {
    let (mut pair, ids) = Pair::established(&[VERIFICATION]);
    let command = CEchoRq::new(1, &uid(VERIFICATION)).encode();
    let other = proto::ContextId(99);
    assert_eq!(
        pair.requestor.send_command(other, &command),
        Err(proto::Error::ContextNotAccepted(other))
    );
    pair.requestor.abort(pair.now);
    assert_eq!(
        pair.requestor.send_command(ids[0], &command),
        Err(proto::Error::NotEstablished(State::Sta13))
    );
}

#[test]
fn no_request_in_time_closes() {
    let mut pair = Pair::proposing(&[VERIFICATION]);
    let expiry = pair.acceptor.poll_timeout().unwrap();
    pair.acceptor.handle_timeout(expiry - std::time::Duration::from_nanos(1));
    assert!(!pair.acceptor.is_closed());
    pair.acceptor.handle_timeout(expiry);
    assert!(pair.acceptor.is_closed());
    assert_eq!(pair.acceptor.ending(), Some(Ending::Aborted(AbortCause::NoRequest)));
}

#[test]
fn a_peer_that_never_closes_is_closed() {
    let (mut pair, _) = Pair::established(&[VERIFICATION]);
    assert_eq!(pair.acceptor.poll_timeout(), None);
    let happened = pair.acceptor_receives(b"GET / HTTP/1.1\r\n");
    let fault = PeerFault::UnrecognizedPdu { pdu_type: b'G' };
    assert_eq!(happened, [Happened::Aborted(AbortCause::Fault(fault))]);
    let expiry = pair.acceptor.poll_timeout().unwrap();
    assert_eq!(pair.acceptor_receives(&[0x47; 1000]), []);
    pair.acceptor.handle_timeout(expiry);
    assert!(pair.acceptor.is_closed());
    assert_eq!(pair.acceptor.ending(), Some(Ending::Aborted(AbortCause::Fault(fault))));
}

#[test]
fn a_wire_that_takes_a_byte_at_a_time_delivers_the_same() {
    let (mut pair, ids) = Pair::established(&[VERIFICATION]);
    let command = CEchoRq::new(7, &uid(VERIFICATION)).encode();
    pair.requestor.send_command(ids[0], &command).unwrap();
    let whole = pair.requestor.outgoing().to_vec();
    let mut taken = Vec::new();
    while let Some(&byte) = pair.requestor.outgoing().first() {
        taken.push(byte);
        pair.requestor.consume_outgoing(1);
        if taken.len() == 10 {
            // More comes behind what is still to be sent.
            pair.requestor.request_release();
        }
    }
    assert_eq!(taken, [&whole[..], &[5, 0, 0, 0, 0, 4, 0, 0, 0, 0]].concat());
    let happened = pair.acceptor_receives(&taken);
    assert_eq!(happened, [Happened::Command(ids[0], command), Happened::ReleaseRequested]);
}
