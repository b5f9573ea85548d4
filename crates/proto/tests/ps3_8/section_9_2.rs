//! PS3.8 §9.2: the state machine, seen from the wire. (Table 9-10 itself is tested cell by cell
//! beside the code.)

use std::time::{Duration, Instant};

use proto::{Association, PeerFault, RequestorConfig, State};

use crate::common::{Acceptor, Happened, feed, proposal, start, take_outgoing, wire};

/// PDUs of each type, in the order of their type bytes.
fn pdus() -> [Vec<u8>; 7] {
    [
        wire::usual_rq(&[wire::context(1, "1.2.840.10008.1.1", &["1.2.840.10008.1.2"])]),
        wire::pdu(2, &[wire::fixed("A", "B"), wire::application_context()].concat()),
        wire::pdu(3, &[0, 1, 1, 1]),
        wire::p_data(1, 3, &wire::c_echo_rq(1)),
        wire::release_rq(),
        wire::release_rp(),
        wire::abort(0, 0),
    ]
}

/// Associations in every state that can receive a PDU.
fn reached() -> Vec<(Association, Instant)> {
    let mut all = Vec::new();
    let now = start();
    let mut push = |association: Association| all.push((association, now));
    push(Acceptor::connected().association);
    let mut awaiting_answer = Acceptor::connected();
    feed(&mut awaiting_answer.association, &pdus()[0], now, |_, _| {});
    push(awaiting_answer.association);
    push(requestor());
    push(Acceptor::established().association);
    let releasing = || {
        let mut acceptor = Acceptor::established();
        acceptor.association.request_release();
        acceptor
    };
    push(releasing().association);
    let mut asked = Acceptor::established();
    asked.receive(&wire::release_rq());
    push(asked.association);
    push(colliding_requestor(false));
    let mut colliding = releasing();
    colliding.receive(&wire::release_rq());
    push(colliding.association);
    push(colliding_requestor(true));
    let mut colliding = releasing();
    colliding.receive(&wire::release_rq());
    colliding.receive(&wire::release_rp());
    push(colliding.association);
    let mut aborted = Acceptor::established();
    aborted.association.abort(now);
    push(aborted.association);
    for (association, _) in &mut all {
        take_outgoing(association);
    }
    all
}

fn requestor() -> Association {
    let (proposal, _) = proposal(&["1.2.840.10008.1.1"]);
    Association::requestor(RequestorConfig { proposal, close_timeout: Duration::from_secs(5) })
}

fn colliding_requestor(answered: bool) -> Association {
    let now = start();
    let mut requestor = requestor();
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&take_outgoing(&mut requestor));
    feed(&mut requestor, &acceptor.sent(), now, |_, _| {});
    requestor.request_release();
    feed(&mut requestor, &wire::release_rq(), now, |_, _| {});
    if answered {
        requestor.accept_release(now);
    }
    requestor
}

#[test]
fn every_state_that_receives_is_reached() {
    use State::*;
    let states: Vec<State> = reached().iter().map(|(association, _)| association.state()).collect();
    let expected = [Sta2, Sta3, Sta5, Sta6, Sta7, Sta8, Sta9, Sta10, Sta11, Sta12, Sta13];
    assert_eq!(states, expected);
}

/// Which PDU types each state takes, besides A-ABORT.
fn welcome(state: State) -> &'static [u8] {
    match state {
        State::Sta2 => &[1],
        State::Sta5 => &[2, 3],
        State::Sta6 => &[4, 5],
        State::Sta7 => &[4, 5, 6],
        State::Sta10 | State::Sta11 => &[6],
        _ => &[],
    }
}

#[test]
fn a_pdu_that_may_not_come_is_answered_with_an_abort() {
    for (index, pdu) in pdus().into_iter().enumerate().take(6) {
        let pdu_type = index as u8 + 1;
        for (mut association, now) in reached() {
            let state = association.state();
            if state == State::Sta13 || welcome(state).contains(&pdu_type) {
                continue;
            }
            let happened = feed(&mut association, &pdu, now, |_, _| {});
            let fault = PeerFault::UnexpectedPdu { pdu_type, state };
            assert_eq!(happened, [Happened::Aborted(proto::AbortCause::Fault(fault))], "{state}");
            // AA-1 in Sta2, AA-8 elsewhere.
            let abort = if state == State::Sta2 { (0, 0) } else { (2, 2) };
            assert_eq!(take_outgoing(&mut association), wire::abort(abort.0, abort.1), "{state}");
            assert_eq!(association.state(), State::Sta13);
            assert!(association.poll_timeout().is_some(), "ARTIM runs");
        }
    }
}

#[test]
fn a_pdu_that_may_come_is_not() {
    for (index, pdu) in pdus().into_iter().enumerate() {
        for (mut association, now) in reached() {
            let state = association.state();
            if welcome(state).contains(&(index as u8 + 1)) {
                let happened = feed(&mut association, &pdu, now, |_, _| {});
                let fine = !happened.iter().any(|it| matches!(it, Happened::Aborted(_)));
                // The P-DATA-TF is on a context that only the acceptors of this test accepted.
                assert!(fine, "{state} {happened:?}");
            }
        }
    }
}

#[test]
fn an_abort_closes_every_state_and_is_not_answered() {
    for (mut association, now) in reached() {
        let state = association.state();
        let happened = feed(&mut association, &wire::abort(2, 1), now, |_, _| {});
        assert_eq!(happened.len(), usize::from(state != State::Sta13), "{state} {happened:?}");
        assert!(association.is_closed(), "{state}");
        assert_eq!(take_outgoing(&mut association), b"", "{state}");
        assert_eq!(association.poll_timeout(), None, "{state}");
    }
}

#[test]
fn a_close_ends_every_state() {
    for (mut association, _) in reached() {
        let state = association.state();
        association.handle_close();
        assert!(association.is_closed(), "{state}");
        assert!(association.ending().is_some(), "{state}");
        assert_eq!(take_outgoing(&mut association), b"", "{state}");
    }
}

#[test]
fn an_unrecognized_pdu_aborts_every_state() {
    for (mut association, now) in reached() {
        let state = association.state();
        feed(&mut association, &[0x47, 0x45], now, |_, _| {});
        let abort = if state == State::Sta2 { (0, 0) } else { (2, 1) };
        assert_eq!(take_outgoing(&mut association), wire::abort(abort.0, abort.1), "{state}");
        assert_eq!(association.state(), State::Sta13);
    }
}

#[test]
fn in_sta13_pdus_are_ignored_but_for_another_request() {
    for (index, pdu) in pdus().into_iter().enumerate().take(6) {
        let mut acceptor = Acceptor::established();
        acceptor.association.abort(acceptor.now);
        acceptor.sent();
        assert_eq!(acceptor.receive(&pdu), [], "type {}", index + 1);
        let expected = if index == 0 { wire::abort(2, 2) } else { Vec::new() };
        assert_eq!(acceptor.sent(), expected, "type {}", index + 1);
        assert_eq!(acceptor.association.state(), State::Sta13);
        // Framing is kept: the A-ABORT behind it is understood.
        acceptor.receive(&wire::abort(0, 0));
        assert!(acceptor.association.is_closed());
    }
}

#[test]
fn a_flood_in_sta13_queues_one_abort() {
    let mut acceptor = Acceptor::established();
    acceptor.association.abort(acceptor.now);
    acceptor.sent();
    acceptor.receive(&[1, 0, 0, 0, 0, 0].repeat(10_000));
    assert_eq!(acceptor.sent(), wire::abort(2, 2));
}

#[test]
fn the_local_user_is_ignored_where_the_table_is_blank() {
    for (mut association, now) in reached() {
        let state = association.state();
        if state != State::Sta6 {
            association.request_release();
        }
        if !matches!(state, State::Sta8 | State::Sta9 | State::Sta10 | State::Sta12) {
            association.accept_release(now);
        }
        if state != State::Sta3 {
            association
                .answer(proto::AssociateResponse::Reject(proto::Rejection::NO_REASON_GIVEN), now);
        }
        if matches!(state, State::Sta2 | State::Sta13) {
            association.abort(now);
        }
        assert_eq!(association.state(), state);
        assert_eq!(take_outgoing(&mut association), b"", "{state}");
    }
}
