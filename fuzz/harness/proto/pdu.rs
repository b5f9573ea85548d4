//! Any bytes, to an acceptor and to a requestor, in any state.
//!
//! The first byte chooses the state and how the rest is cut. Checked: no panic; nothing is held or
//! queued beyond what the bytes can ask for; the cut makes no difference; and a proposal that was
//! understood comes back when it is proposed again.

use std::time::Instant;

use proto::{Association, Event, Proposal, Request, Status, negotiate};

use super::{acceptor, check, feed, policy, proposal, requestor, start, take_outgoing};

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let piece_bytes = match choice >> 2 {
        0 => 1,
        size => usize::from(size) * 7,
    };
    let now = start();
    let whole = outcome(prepared(choice, now), stream, stream.len().max(1), now);
    let cut = outcome(prepared(choice, now), stream, piece_bytes, now);
    assert_eq!(cut, whole, "cut into pieces of {piece_bytes} bytes");
}

/// An association that waits for something to come.
fn prepared(choice: u8, now: Instant) -> Association {
    let mut acceptor = acceptor(now);
    let mut requestor = requestor(proposal());
    let request = take_outgoing(&mut requestor);
    match choice & 3 {
        0 => acceptor,
        1 => requestor,
        established => {
            feed(&mut acceptor, &request, now, |acceptor, event| {
                if let Event::Proposed(proposal) = event {
                    acceptor.answer(negotiate(&proposal, &policy()), now);
                }
            });
            let answer = take_outgoing(&mut acceptor);
            if established == 2 {
                return acceptor;
            }
            feed(&mut requestor, &answer, now, |_, _| {});
            requestor
        }
    }
}

/// Everything that happens, as text, with the data sets joined; then what was sent.
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
                _ => {}
            }
            log.push(format!("{event:?}"));
            react(association, event, now);
        });
    }
    log.push(format!("{:?} {:?}", association.state(), association.ending()));
    let sent = take_outgoing(&mut association);
    // A response to each command, an answer, a release, aborts: none larger than this.
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
            association.send_command(context, &response).expect("established");
        }
        Event::ReleaseRequested => association.accept_release(now),
        _ => {}
    }
}

/// What was understood of a request can be said again, and is understood the same.
fn comes_back(proposal: &Proposal, now: Instant) {
    let mut expected = proposal.clone();
    // Counted, but not kept.
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
