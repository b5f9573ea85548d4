//! PS3.8 §9.3.6 and §9.3.7: A-RELEASE-RQ and A-RELEASE-RP. The collision is in `pair.rs`.

use proto::{Ending, Error, State, Status};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, wire};

#[test]
fn a_release_is_answered_and_the_peers_close_awaited() {
    let mut acceptor = Acceptor::established();
    assert_eq!(acceptor.receive(&wire::release_rq()), [Happened::ReleaseRequested]);
    assert_eq!(acceptor.sent(), b"", "not before the user has agreed");
    acceptor.association.accept_release(acceptor.now);
    assert_eq!(acceptor.sent(), wire::release_rp());
    assert_eq!(acceptor.association.ending(), Some(Ending::Released));
    assert!(acceptor.association.poll_timeout().is_some());
    assert!(!acceptor.association.is_closed());
    acceptor.association.handle_close();
    assert!(acceptor.association.is_closed());
    assert_eq!(acceptor.association.ending(), Some(Ending::Released));
}

#[test]
fn a_response_still_due_may_be_sent_before_the_answer() {
    let mut acceptor = Acceptor::established();
    let stream = [wire::p_data(1, 3, &wire::c_echo_rq(1)), wire::release_rq()].concat();
    let happened = acceptor.receive(&stream);
    let [Happened::Command(context, command), Happened::ReleaseRequested] = &happened[..] else {
        panic!("{happened:?}")
    };
    let Ok(proto::Request::CEcho(echo)) = proto::Request::parse(command) else { panic!() };
    acceptor.association.send_command(*context, &echo.response(Status::SUCCESS)).unwrap();
    acceptor.association.accept_release(acceptor.now);
    let sent = acceptor.sent();
    assert_eq!(sent[0], 4);
    assert!(sent.ends_with(&wire::release_rp()));
    let late = acceptor.association.send_command(*context, &echo.response(Status::SUCCESS));
    assert_eq!(late, Err(Error::NotEstablished(State::Sta13)));
}

#[test]
fn a_release_between_fragments_is_an_event() {
    let mut acceptor = Acceptor::established();
    let happened = acceptor.receive(
        &[
            wire::p_data(3, 3, &wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3")),
            wire::p_data(3, 0, b"part"),
            wire::release_rq(),
        ]
        .concat(),
    );
    assert!(
        matches!(
            happened[..],
            [
                Happened::Command(..),
                Happened::DataSet { ended: false, .. },
                Happened::ReleaseRequested
            ]
        ),
        "{happened:?}"
    );
    acceptor.association.accept_release(acceptor.now);
    assert_eq!(acceptor.sent(), wire::release_rp());
}

#[test]
fn data_that_crosses_our_own_release_request_is_still_taken() {
    let mut acceptor = Acceptor::established();
    acceptor.association.request_release();
    assert_eq!(acceptor.sent(), wire::release_rq());
    let happened = acceptor.receive(&wire::p_data(1, 3, &wire::c_echo_rq(1)));
    assert!(matches!(happened[..], [Happened::Command(..)]), "{happened:?}");
    assert_eq!(acceptor.receive(&wire::release_rp()), [Happened::Released]);
    assert!(acceptor.association.is_closed());
}

#[test]
fn an_acceptor_that_answers_late_in_a_collision() {
    let mut acceptor = Acceptor::established();
    acceptor.association.request_release();
    acceptor.receive(&wire::release_rq());
    acceptor.sent();
    assert_eq!(acceptor.receive(&wire::release_rp()), [Happened::Released]);
    assert_eq!(acceptor.association.state(), State::Sta12);
    acceptor.association.accept_release(acceptor.now);
    assert_eq!(acceptor.sent(), wire::release_rp());
    assert_eq!(acceptor.association.state(), State::Sta13);
    assert_eq!(acceptor.association.ending(), Some(Ending::Released));
}
