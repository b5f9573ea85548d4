//! PS3.8 §9.3.4: A-ASSOCIATE-RJ.

use std::time::Duration;

use proto::{AssociateResponse, Association, Ending, Rejection, RequestorConfig, State};

use crate::common::{
    Acceptor, CT_IMAGE_STORAGE, Happened, IMPLICIT_LITTLE, feed, policy, proposal, start, wire,
};

#[test]
fn a_rejection_is_sent_and_the_peers_close_awaited() {
    let mut acceptor = Acceptor::connected();
    let request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])]);
    let now = acceptor.now;
    feed(&mut acceptor.association, &request, now, |association, _| {
        association.answer(AssociateResponse::Reject(Rejection::TEMPORARY_CONGESTION), now);
    });
    assert_eq!(acceptor.sent(), [3, 0, 0, 0, 0, 4, 0, 2, 3, 1]);
    assert_eq!(acceptor.association.state(), State::Sta13);
    assert_eq!(
        acceptor.association.ending(),
        Some(Ending::Rejected(Rejection::TEMPORARY_CONGESTION))
    );
    acceptor.association.handle_close();
    assert!(acceptor.association.is_closed());
}

#[test]
fn policies_that_reject() {
    let request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])]);
    let refuse = proto::AcceptorPolicy { refuse: true, ..policy() };
    let identified = proto::AcceptorPolicy { require_implementation_class_uid: true, ..policy() };
    for policy in [refuse.clone(), identified.clone()] {
        let mut acceptor = Acceptor::connected();
        acceptor.receive_with(&request, &policy);
        assert_eq!(acceptor.sent(), [3, 0, 0, 0, 0, 4, 0, 1, 1, 1]);
    }
    let named = wire::associate_rq(&[
        wire::application_context(),
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::user_information(&[wire::item(0x52, b"1.2.3")]),
    ]);
    let mut acceptor = Acceptor::connected();
    acceptor.receive_with(&named, &identified);
    assert_eq!(acceptor.association.state(), State::Sta6);
    let nameless = wire::associate_rq(&[
        wire::application_context(),
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::user_information(&[wire::item(0x52, b"")]),
    ]);
    let mut acceptor = Acceptor::connected();
    acceptor.receive_with(&nameless, &identified);
    assert_eq!(acceptor.sent()[0], 3);
    // `refuse` comes before everything but the protocol version.
    let mut acceptor = Acceptor::connected();
    acceptor.receive_with(&wire::associate_rq(&[]), &refuse);
    assert_eq!(acceptor.sent(), [3, 0, 0, 0, 0, 4, 0, 1, 1, 1]);
    let mut old = request;
    old[7] = 0;
    let mut acceptor = Acceptor::connected();
    acceptor.receive_with(&old, &refuse);
    assert_eq!(acceptor.sent(), [3, 0, 0, 0, 0, 4, 0, 1, 2, 2]);
}

#[test]
fn one_received_ends_the_request_whatever_its_codes() {
    for codes in [[1, 1, 1], [2, 3, 2], [0, 0, 0], [9, 255, 7]] {
        let (proposal, _) = proposal(&[CT_IMAGE_STORAGE]);
        let config = RequestorConfig { proposal, close_timeout: Duration::from_secs(5) };
        let mut requestor = Association::requestor(config);
        let pdu = wire::pdu(3, &[0, codes[0], codes[1], codes[2]]);
        let happened = feed(&mut requestor, &pdu, start(), |_, _| {});
        let [result, source, reason] = codes;
        let rejection = Rejection { result, source, reason };
        assert_eq!(happened, [Happened::Rejected(rejection)]);
        assert!(requestor.is_closed());
        assert!(!rejection.to_string().is_empty());
    }
}
