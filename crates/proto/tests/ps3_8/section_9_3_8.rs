//! PS3.8 §9.3.8: A-ABORT.

use proto::{AbortCause, Ending, State};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, wire};

#[test]
fn one_received_closes_at_once_and_is_told() {
    for (source, reason) in [(0, 0), (2, 1), (2, 6), (1, 99)] {
        let mut acceptor = Acceptor::established();
        let happened = acceptor.receive(&wire::abort(source, reason));
        let [Happened::Aborted(abort @ AbortCause::ByPeer(pdu))] = happened[..] else {
            panic!("{happened:?}")
        };
        assert_eq!((pdu.source(), pdu.reason()), (source, reason));
        assert_eq!(acceptor.association.ending(), Some(Ending::Aborted(abort)));
        assert!(acceptor.association.is_closed());
        assert_eq!(acceptor.sent(), b"");
        assert!(!abort.to_string().is_empty());
    }
}

#[test]
fn one_received_in_the_middle_of_a_data_set() {
    let mut acceptor = Acceptor::established();
    let happened = acceptor.receive(
        &[
            wire::p_data(3, 3, &wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3")),
            wire::p_data(3, 0, b"part"),
            wire::abort(0, 0),
            b"and bytes that come too late".to_vec(),
        ]
        .concat(),
    );
    let [.., Happened::DataSet { ended: false, .. }, Happened::Aborted(_)] = &happened[..] else {
        panic!("{happened:?}")
    };
    assert!(acceptor.association.is_closed());
}

#[test]
fn a_local_abort_has_the_service_user_as_source() {
    let mut acceptor = Acceptor::established();
    // In the middle of a PDU: its rest is skipped, and the peer's own A-ABORT understood.
    let pdu = wire::p_data(3, 3, &wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3"));
    for cut in 0..pdu.len() {
        let mut acceptor = Acceptor::established();
        acceptor.receive(&pdu[..cut]);
        acceptor.association.abort(acceptor.now);
        assert_eq!(acceptor.sent(), wire::abort(0, 0));
        assert_eq!(acceptor.receive(&pdu[cut..]), [], "{cut}");
        assert_eq!(acceptor.association.state(), State::Sta13, "{cut}");
        acceptor.receive(&wire::abort(0, 0));
        assert!(acceptor.association.is_closed(), "{cut}");
    }
    acceptor.association.abort(acceptor.now);
    acceptor.association.abort(acceptor.now);
    assert_eq!(acceptor.sent(), wire::abort(0, 0), "once");
}

#[test]
fn what_was_queued_before_an_abort_is_still_sent_first() {
    let mut acceptor = Acceptor::established();
    acceptor.association.request_release();
    acceptor.association.abort(acceptor.now);
    assert_eq!(acceptor.sent(), [wire::release_rq(), wire::abort(0, 0)].concat());
}
