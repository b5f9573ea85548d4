//! Any sequence of operations on a requestor and an acceptor that are connected by a slow wire.
//!
//! Each byte of the input is an operation, some with an argument in the next byte. Checked: there is no panic;
//! the data received is the data sent; a party that breaks no rule is not accused of breaking one; and once
//! everything is delivered, both sides end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use dataset::sop_class::VERIFICATION;
use proto::{
    AbortCause, AssociateResponse, Association, CEchoRq, CStoreRq, ContextId, Ending, Event,
    Rejection, Request, State, Status, negotiate,
};

use super::{
    CT_IMAGE_STORAGE, acceptor, check, feed, policy, proposal, requestor, start, take_outgoing, uid,
};

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut pair = Pair::new();
    let mut operations = data.iter().copied();
    while let Some(operation) = operations.next() {
        pair.operate(operation, || operations.next().unwrap_or(0));
        check(&pair.requestor.association);
        check(&pair.acceptor.association);
    }
    pair.finish();
}

/// One side, and the wire from it to the other side.
struct Party {
    association: Association,
    wire: VecDeque<u8>,
    /// Total number of data-set bytes sent, and received.
    sent: u64,
    received: u64,
    /// True if the party, or something injected on its wire, has broken a rule: it may then be aborted.
    guilty: bool,
    /// Context of the C-STORE whose data set is unfinished.
    storing: Option<ContextId>,
    reject: bool,
}

struct Pair {
    requestor: Party,
    acceptor: Party,
    now: Instant,
}

impl Party {
    fn new(association: Association) -> Party {
        Party {
            association,
            wire: VecDeque::new(),
            sent: 0,
            received: 0,
            guilty: false,
            storing: None,
            reject: false,
        }
    }

    /// Data sets consist of numbered bytes, so that a lost or duplicated byte is detected.
    fn next_bytes(&self, count: usize) -> Vec<u8> {
        (self.sent..).take(count).map(|number| number as u8).collect()
    }

    fn operate(&mut self, operation: u8, argument: u8, now: Instant) {
        let context = ContextId(argument & 3);
        match operation {
            0 => {
                let rq = CEchoRq::new(u16::from(argument), &uid(VERIFICATION)).encode();
                let sent = self.association.send_command(context, &rq);
                self.guilty |= sent.is_ok() && self.storing.is_some();
            }
            1 => {
                let rq = CStoreRq {
                    message_id: u16::from(argument),
                    sop_class: uid(CT_IMAGE_STORAGE),
                    sop_instance: uid("1.2.3"),
                    priority: None,
                    move_originator_ae: None,
                    move_originator_message_id: None,
                };
                if self.association.send_command(context, &rq.encode()).is_ok() {
                    self.guilty |= self.storing.is_some();
                    self.storing = Some(context);
                }
            }
            2 | 3 => {
                let bytes = self.next_bytes(usize::from(argument >> 2) * 97);
                let last = operation == 3;
                if self.association.send_data(context, &bytes, last).is_ok() {
                    self.sent += bytes.len() as u64;
                    let fragments = last || !bytes.is_empty();
                    self.guilty |= fragments && self.storing != Some(context);
                    if last {
                        self.storing = None;
                    }
                }
            }
            4 => self.association.request_release(),
            5 => self.association.accept_release(now),
            6 => self.association.abort(now),
            _ => self.reject = true,
        }
        let outgoing = take_outgoing(&mut self.association);
        self.wire.extend(outgoing);
    }

    fn receive(&mut self, bytes: &[u8], peer_guilty: bool, now: Instant) {
        let (mut received, mut guilty) = (self.received, self.guilty);
        let (reject, storing) = (self.reject, self.storing);
        feed(&mut self.association, bytes, now, |association, event| match event {
            Event::Proposed(_) if reject => {
                association.answer(AssociateResponse::Reject(Rejection::TEMPORARY_CONGESTION), now);
            }
            Event::Proposed(proposal) => association.answer(negotiate(&proposal, &policy()), now),
            Event::Command { context, command } => {
                if let Ok(Request::CEcho(request)) = Request::parse(&command) {
                    // After our own release request, this is no longer possible.
                    let sent =
                        association.send_command(context, &request.response(Status::SUCCESS));
                    guilty |= sent.is_ok() && storing.is_some();
                }
            }
            Event::DataSet(fragments) => {
                for byte in fragments.slices().iter().flat_map(|slice| slice.iter()) {
                    assert!(peer_guilty || *byte == received as u8, "byte {received}");
                    received += 1;
                }
            }
            Event::Aborted(AbortCause::Fault(fault)) => assert!(peer_guilty, "{fault}"),
            _ => {}
        });
        (self.received, self.guilty) = (received, guilty);
        let outgoing = take_outgoing(&mut self.association);
        self.wire.extend(outgoing);
    }
}

impl Pair {
    fn new() -> Pair {
        let now = start();
        let mut requestor = Party::new(requestor(proposal()));
        let request = take_outgoing(&mut requestor.association);
        requestor.wire.extend(request);
        Pair { requestor, acceptor: Party::new(acceptor(now)), now }
    }

    fn operate(&mut self, operation: u8, mut argument: impl FnMut() -> u8) {
        let (party, peer) = match operation & 0x80 {
            0 => (&mut self.requestor, &mut self.acceptor),
            _ => (&mut self.acceptor, &mut self.requestor),
        };
        match operation & 0x0F {
            operation @ 0..8 => party.operate(operation, argument(), self.now),
            8..12 => {
                let count = party.wire.len().min(usize::from(argument()) * 20 + 1);
                let bytes: Vec<u8> = party.wire.drain(..count).collect();
                peer.receive(&bytes, party.guilty, self.now);
            }
            12 => {
                party.guilty = true;
                party.wire.extend([argument(), argument(), argument()]);
            }
            13 => {
                self.now += Duration::from_millis(u64::from(argument()) * 20);
                party.association.handle_timeout(self.now);
                peer.association.handle_timeout(self.now);
            }
            14 => {
                // Some bytes are lost with the connection, and no more will arrive.
                party.wire.clear();
                party.association.handle_close();
                party.guilty = true;
            }
            _ => {}
        }
    }

    /// Delivers the rest, reports the close to each side, and lets ARTIM expire.
    fn finish(mut self) {
        for _ in 0..4 {
            let (requestor, acceptor) = (&mut self.requestor, &mut self.acceptor);
            let bytes: Vec<u8> = requestor.wire.drain(..).collect();
            acceptor.receive(&bytes, requestor.guilty, self.now);
            let bytes: Vec<u8> = acceptor.wire.drain(..).collect();
            requestor.receive(&bytes, acceptor.guilty, self.now);
        }
        let parties = [&self.requestor, &self.acceptor];
        let fine = |party: &Party| {
            !party.guilty && matches!(party.association.ending(), None | Some(Ending::Released))
        };
        if parties.into_iter().all(fine) {
            assert_eq!(self.acceptor.received, self.requestor.sent);
            assert_eq!(self.requestor.received, self.acceptor.sent);
        }
        for party in [&mut self.requestor, &mut self.acceptor] {
            if let Some(expiry) = party.association.poll_timeout() {
                party.association.handle_timeout(expiry);
                assert!(party.association.is_closed());
            }
            party.association.handle_close();
            assert_eq!(party.association.state(), State::Sta1);
            assert!(party.association.ending().is_some());
        }
    }
}
