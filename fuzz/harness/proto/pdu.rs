//! Any bytes, received by an acceptor or a requestor in any state.
//!
//! The first byte chooses the state and the cuts. Checked: there is no panic; no more is held or queued than
//! the bytes can request; the cuts make no difference; and a proposal, an acceptance or a rejection that was
//! parsed stays the same when it is encoded and parsed again.

use std::time::Instant;

use proto::{
    Acceptance, AssociateResponse, Association, ContextResult, Event, Proposal, Rejection, Request,
    State, Status, negotiate,
};

use super::{acceptor, check, feed, policy, proposal, requestor, start, take_outgoing};

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let piece_bytes = match choice >> 2 & 0x1F {
        0 => 1,
        size => usize::from(size) * 7,
    };
    let now = start();
    let whole = outcome(prepared(choice, now), stream, stream.len().max(1), now);
    let cut = outcome(prepared(choice, now), stream, piece_bytes, now);
    assert_eq!(cut, whole, "cut into pieces of {piece_bytes} bytes");
}

/// An association that waits for input.
fn prepared(choice: u8, now: Instant) -> Association {
    let mut acceptor = acceptor(now);
    let mut requestor = requestor(proposal());
    let request = take_outgoing(&mut requestor);
    match choice & 0x83 {
        0 => return acceptor,
        1 => return requestor,
        _ => {}
    }
    feed(&mut acceptor, &request, now, |acceptor, event| {
        if let Event::Proposed(proposal) = event {
            acceptor.answer(negotiate(&proposal, &policy()), now);
        }
    });
    let answer = take_outgoing(&mut acceptor);
    feed(&mut requestor, &answer, now, |_, _| {});
    match choice & 0x83 {
        2 => return acceptor,
        3 => return requestor,
        0x80 => requestor.request_release(),
        0x81 => acceptor.request_release(),
        0x82 => feed(&mut acceptor, &A_RELEASE_RQ, now, |_, _| {}),
        _ => acceptor.abort(now),
    }
    let mut prepared = if choice & 3 == 0 { requestor } else { acceptor };
    take_outgoing(&mut prepared);
    prepared
}

const A_RELEASE_RQ: [u8; 10] = [5, 0, 0, 0, 0, 4, 0, 0, 0, 0];

/// All events as text, with the fragments of data sets joined; then the bytes sent.
fn outcome(
    mut association: Association,
    stream: &[u8],
    piece_bytes: usize,
    now: Instant,
) -> (Vec<String>, Vec<u8>, Vec<u8>) {
    let mut log = Vec::new();
    let mut data_set = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        feed(&mut association, piece, now, |association, event| {
            match &event {
                Event::DataSet(fragments) => {
                    fragments.slices().iter().for_each(|slice| data_set.extend_from_slice(slice));
                    if fragments.is_last() {
                        log.push(format!("data set ended after {}", data_set.len()));
                    }
                    return;
                }
                Event::Proposed(proposal) => comes_back(proposal, now),
                Event::Accepted(acceptance) => acceptance_comes_back(acceptance, now),
                Event::Rejected(rejection) => rejection_comes_back(*rejection, now),
                _ => {}
            }
            log.push(format!("{event:?}"));
            react(association, event, now);
        });
    }
    log.push(format!("{:?} {:?}", association.state(), association.ending()));
    let sent = take_outgoing(&mut association);
    // The bytes sent are a response per command, an answer, a release, aborts: none is larger than this.
    assert!(sent.len() <= 4096 + 512 * (stream.len() / 12 + 1), "{} sent", sent.len());
    check(&association);
    (log, data_set, sent)
}

fn react(association: &mut Association, event: Event<'_>, now: Instant) {
    match event {
        Event::Proposed(proposal) => association.answer(negotiate(&proposal, &policy()), now),
        Event::Command { context, command } => {
            let response = match Request::parse(&command) {
                Ok(Request::CStore(request)) => request.response(Status::SUCCESS, Some("fine")),
                Ok(Request::CEcho(request)) => request.response(Status::SUCCESS),
                Ok(Request::Other(request)) => request.response().clone(),
                Ok(Request::CCancel { .. }) => return,
                Err(fault) => match fault.response() {
                    Some(response) => response.clone(),
                    None => return association.abort(now),
                },
            };
            let sent = association.send_command(context, &response);
            // After our own release request, this is no longer possible.
            assert!(sent.is_ok() || association.state() != State::Sta6);
        }
        Event::ReleaseRequested => association.accept_release(now),
        _ => {}
    }
}

/// Checks that a parsed request can be encoded, and is the same when parsed again.
fn comes_back(proposal: &Proposal, now: Instant) {
    let mut expected = proposal.clone();
    // These contexts are counted, but not kept.
    expected.contexts_over_limit = 0;
    for context in &mut expected.contexts {
        let kept = context.other_transfer_syntaxes.len();
        context.other_transfer_syntax_count = u32::try_from(kept).expect("few");
    }
    let request = take_outgoing(&mut requestor(proposal.clone()));
    let mut seen = None;
    feed(&mut acceptor(now), &request, now, |_, event| {
        if let Event::Proposed(proposal) = event {
            seen = Some(proposal);
        }
    });
    assert_eq!(seen.as_deref(), Some(&expected));
}

/// Checks that a parsed acceptance can be encoded, and is the same when parsed again; the transfer syntax of a
/// refused context is meaningless.
fn acceptance_comes_back(acceptance: &Acceptance, now: Instant) {
    let plain = |acceptance: &Acceptance| {
        let mut acceptance = acceptance.clone();
        for context in &mut acceptance.contexts {
            if context.result != ContextResult::Acceptance {
                context.transfer_syntax = dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
            }
        }
        acceptance
    };
    let said = AssociateResponse::Accept(plain(acceptance).into());
    let understood = answered(said, now, |event| match event {
        Event::Accepted(acceptance) => Some(plain(acceptance)),
        _ => None,
    });
    assert_eq!(understood, Some(plain(acceptance)));
}

fn rejection_comes_back(rejection: Rejection, now: Instant) {
    let understood = answered(AssociateResponse::Reject(rejection), now, |event| match event {
        Event::Rejected(rejection) => Some(*rejection),
        _ => None,
    });
    assert_eq!(understood, Some(rejection));
}

/// What a requestor makes of an answer.
fn answered<T>(
    answer: AssociateResponse,
    now: Instant,
    understand: impl Fn(&Event<'_>) -> Option<T>,
) -> Option<T> {
    let (mut acceptor, mut requestor) = (acceptor(now), requestor(proposal()));
    let request = take_outgoing(&mut requestor);
    let mut answer = Some(answer);
    feed(&mut acceptor, &request, now, |acceptor, event| {
        if let Event::Proposed(_) = event {
            acceptor.answer(answer.take().expect("one proposal"), now);
        }
    });
    let answer = take_outgoing(&mut acceptor);
    let mut understood = None;
    feed(&mut requestor, &answer, now, |_, event| {
        understood = understood.take().or_else(|| understand(&event));
    });
    understood
}
