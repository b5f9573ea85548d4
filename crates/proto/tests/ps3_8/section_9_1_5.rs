//! PS3.8 §9.1.5: the ARTIM timer.

use std::time::Duration;

use proto::{AbortCause, Ending, State};

use crate::common::{Acceptor, acceptor_config, wire};

#[test]
fn it_runs_until_the_whole_request_is_there() {
    let mut acceptor = Acceptor::connected();
    let expiry = acceptor.now + acceptor_config().acse_timeout;
    assert_eq!(acceptor.association.poll_timeout(), Some(expiry));
    let request = wire::usual_rq(&[wire::context(1, "1.2.840.10008.1.1", &["1.2.840.10008.1.2"])]);
    let (last, most) = request.split_last().unwrap();
    for byte in most {
        acceptor.now += Duration::from_millis(1);
        acceptor.receive(&[*byte]);
        assert_eq!(acceptor.association.poll_timeout(), Some(expiry), "a byte buys no time");
    }
    acceptor.receive(&[*last]);
    assert_eq!(acceptor.association.poll_timeout(), None);
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn its_expiry_in_sta2_closes_without_an_abort() {
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&[1, 0, 0, 0]);
    let expiry = acceptor.association.poll_timeout().unwrap();
    acceptor.association.handle_timeout(expiry);
    assert!(acceptor.association.is_closed());
    assert_eq!(acceptor.sent(), b"");
    assert_eq!(acceptor.association.ending(), Some(Ending::Aborted(AbortCause::NoRequest)));
}

#[test]
fn too_early_a_call_changes_nothing() {
    let mut acceptor = Acceptor::connected();
    acceptor.association.handle_timeout(acceptor.now);
    assert_eq!(acceptor.association.state(), State::Sta2);
    let mut acceptor = Acceptor::established();
    acceptor.association.handle_timeout(acceptor.now + Duration::from_secs(1_000_000));
    assert_eq!(acceptor.association.state(), State::Sta6, "no timer runs in Sta6");
}

#[test]
fn after_the_last_pdu_it_waits_for_the_close_and_no_byte_extends_it() {
    let mut acceptor = Acceptor::established();
    acceptor.association.abort(acceptor.now);
    let expiry = acceptor.now + acceptor_config().close_timeout;
    assert_eq!(acceptor.association.poll_timeout(), Some(expiry));
    acceptor.now += Duration::from_secs(1);
    acceptor.receive(&wire::usual_rq(&[]));
    acceptor.receive(&wire::p_data(1, 0, &[0; 100]));
    assert_eq!(acceptor.association.poll_timeout(), Some(expiry));
    acceptor.association.handle_timeout(expiry);
    assert!(acceptor.association.is_closed());
    assert_eq!(acceptor.association.ending(), Some(Ending::Aborted(AbortCause::Local)));
}

#[test]
fn the_peers_close_stops_it() {
    let mut acceptor = Acceptor::established();
    acceptor.association.abort(acceptor.now);
    acceptor.association.handle_close();
    assert_eq!(acceptor.association.poll_timeout(), None);
    assert!(acceptor.association.is_closed());
}
