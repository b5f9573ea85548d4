//! A session: sends objects one after the other, or as many at a time as the peer allows, on an association that it
//! keeps.
//!
//! While the peer works on an object, the file of the next one is opened and the beginning of it encoded, so that it is
//! sent as soon as the answer comes.
//!
//! # An association that is lost
//!
//! An object on which the peer aborts each time must not keep others from being sent, nor be tried for ever without
//! notice; a peer that fails must not be tried once for each object. So:
//!
//! - Of one object under way it is told that it failed, which counts as an attempt of that object; the others go on, on
//!   another association.
//! - Of several, the one at fault is not known: none of them is told of, and all are sent again, one at a time.
//! - After [`DICOM_STRIKES`] failures in a row, none of which was about the object, the next object is told to be
//!   unreachable: then the destination as a whole pauses.
//! - On an association that was kept from before, the peer may have been about to end it: the object is sent again on
//!   another one, once, and nothing is told.

use super::association::{Open, Peer};
use super::contexts::RecentNeeds;
use super::object::{Body, Object, expected};
use super::verdict::{Verdict, judge, not_accepted, not_encoded, not_opened, unreadable};
use crate::limits::DICOM_STRIKES;
use crate::{Item, Outcome, Session, Stop};
use dataset::Dictionary;
use requestor::limits::OPERATIONS;
use requestor::{Encoded, Error};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Sends to another AE on one thread.
pub(super) struct DicomSession {
    peer: Arc<Peer>,
    dictionary: Arc<Dictionary>,
    association: Option<Open>,
    recent: RecentNeeds,
    /// Failures in a row.
    strikes: u32,
    /// Objects that are still to be sent one at a time, after one of several at a time was lost.
    one_at_a_time: u32,
}

impl DicomSession {
    pub(super) fn new(peer: Arc<Peer>, dictionary: Arc<Dictionary>) -> Self {
        Self {
            peer,
            dictionary,
            association: None,
            recent: RecentNeeds::default(),
            strikes: 0,
            one_at_a_time: 0,
        }
    }

    fn release(&mut self) {
        if let Some(association) = self.association.take() {
            association.release(&self.peer.destination);
        }
    }
}

impl Session for DicomSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        if self.association.as_mut().is_some_and(|open| !open.is_usable(stop)) {
            self.association = None;
        }
        Run {
            session: self,
            items,
            stop,
            tell,
            waiting: (0..items.len()).collect(),
            ahead: None,
            under_way: Vec::new(),
            is_over: false,
        }
        .go();
    }

    fn idle(&mut self, since: Duration) {
        if since >= self.peer.linger {
            self.release();
        } else if self.association.as_mut().is_some_and(|it| !it.requestor.is_alive()) {
            self.association = None;
        }
    }
}

impl Drop for DicomSession {
    fn drop(&mut self) {
        self.release();
    }
}

/// One call of [`Session::deliver`].
struct Run<'a> {
    session: &'a mut DicomSession,
    items: &'a [Item],
    stop: &'a Stop,
    tell: &'a mut dyn FnMut(usize, Outcome),
    /// What is still to be sent, by its index.
    waiting: VecDeque<usize>,
    /// The next one, encoded for the association that is open.
    ahead: Option<(usize, Encoded<Body>)>,
    /// What was sent and is not answered: message ID and index.
    under_way: Vec<(u16, usize)>,
    /// Nothing more is sent.
    is_over: bool,
}

/// What comes next.
enum Next {
    /// An object that is encoded.
    Object(usize, Encoded<Body>),
    /// An object that needs another association.
    Association,
    /// Nothing.
    Nothing,
}

/// The association is lost; what is still to be sent goes on another one.
struct Lost;

impl Run<'_> {
    fn go(mut self) {
        while self.step().unwrap_or(true) {}
    }

    /// Sends as many objects as the peer allows at a time, encodes another one, and waits for an answer. False if
    /// nothing is left.
    fn step(&mut self) -> Result<bool, Lost> {
        while self.has_room() {
            match self.next() {
                Next::Object(index, encoded) => self.send(index, encoded)?,
                Next::Association if self.under_way.is_empty() => self.associate(),
                Next::Association | Next::Nothing => break,
            }
        }
        if self.under_way.is_empty() {
            return Ok(false);
        }
        if self.ahead.is_none()
            && let Next::Object(index, encoded) = self.next()
        {
            self.ahead = Some((index, encoded));
        }
        self.await_answer()?;
        Ok(true)
    }

    fn has_room(&self) -> bool {
        let window = match &self.session.association {
            Some(open) if self.session.one_at_a_time == 0 => open.requestor.window(),
            _ => 1,
        };
        !self.is_over && self.under_way.len() < window
    }

    /// Sends nothing more, and waits only for what is under way.
    fn end(&mut self) {
        self.is_over = true;
        self.ahead = None;
        self.waiting.clear();
    }

    /// The next object that can be sent; of those that cannot it is told what becomes of them.
    fn next(&mut self) -> Next {
        if self.stop.is_set() {
            self.end();
        }
        if let Some((index, encoded)) = self.ahead.take() {
            return Next::Object(index, encoded);
        }
        while let Some(&index) = self.waiting.front() {
            let object = match Object::open(&self.items[index]) {
                Ok(object) => object,
                Err(outcome) => {
                    self.settle_first(outcome);
                    continue;
                }
            };
            let need = object.need();
            self.session.recent.note(need);
            let Some(open) = &mut self.session.association else { return Next::Association };
            let Some(transfer_syntax) = need.accepted_in(open.requestor.contexts()) else {
                // What it refused before it may accept by now.
                if open.is_kept || !open.has_proposed(need) {
                    return Next::Association;
                }
                self.settle_first(not_accepted(need));
                continue;
            };
            let encoded = object.sent_in(transfer_syntax, &self.session.dictionary).and_then(
                |(instance, data_set)| {
                    let encoded = open.requestor.encode(&instance, data_set);
                    encoded.map_err(|error| not_encoded(&error))
                },
            );
            match encoded {
                Ok(encoded) => {
                    self.waiting.pop_front();
                    return Next::Object(index, encoded);
                }
                Err(outcome) => self.settle_first(outcome),
            }
        }
        Next::Nothing
    }

    fn settle_first(&mut self, outcome: Outcome) {
        if let Some(index) = self.waiting.pop_front() {
            (self.tell)(index, outcome);
        }
    }

    /// Opens another association in place of the one that is open, with what the next objects need.
    fn associate(&mut self) {
        self.session.release();
        let items = self.items;
        let upcoming = self.waiting.iter().filter_map(|&index| expected(&items[index]));
        match self.session.peer.associate(&self.session.recent, upcoming, self.stop) {
            Ok(open) => self.session.association = Some(open),
            Err(Error::Interrupted) => self.end(),
            Err(error) => {
                self.settle_first(not_opened(&error));
                self.end();
            }
        }
    }

    fn send(&mut self, index: usize, encoded: Encoded<Body>) -> Result<(), Lost> {
        let Some(open) = &mut self.session.association else {
            self.waiting.push_front(index);
            return Ok(());
        };
        match open.requestor.send(encoded) {
            Ok(message_id) => {
                self.under_way.push((message_id, index));
                Ok(())
            }
            Err(Error::Read(error)) => {
                // The object's own fault: what else was under way is sent again.
                self.session.association = None;
                (self.tell)(index, unreadable("cannot read the data set", &error));
                self.send_again();
                Err(Lost)
            }
            Err(error) => {
                self.under_way.push((0, index));
                Err(self.lost(&error))
            }
        }
    }

    fn await_answer(&mut self) -> Result<(), Lost> {
        if self.under_way.is_empty() {
            return Ok(());
        }
        let Some(open) = &mut self.session.association else { return Ok(()) };
        let response = match open.requestor.response() {
            Ok(response) => response,
            Err(error) => return Err(self.lost(&error)),
        };
        open.is_answering = true;
        self.session.one_at_a_time = self.session.one_at_a_time.saturating_sub(1);
        let sent = |(id, _): &(u16, usize)| *id == response.message_id_being_responded_to;
        let Some(at) = self.under_way.iter().position(sent) else { return Ok(()) };
        let (_, index) = self.under_way.remove(at);
        match judge(&response) {
            Verdict::Done(remark) => {
                self.session.strikes = 0;
                if let Some(remark) = remark {
                    self.warn(index, &remark);
                }
                (self.tell)(index, Outcome::Done);
                Ok(())
            }
            Verdict::Park(reason) => {
                self.session.strikes = 0;
                (self.tell)(index, Outcome::Park { reason });
                Ok(())
            }
            Verdict::Again(reason) => {
                self.strike(index, reason);
                Ok(())
            }
            Verdict::Confused(reason) => {
                if let Some(open) = self.session.association.take() {
                    open.requestor.abort();
                }
                self.send_again();
                self.strike(index, reason);
                Err(Lost)
            }
        }
    }

    fn warn(&self, index: usize, remark: &str) {
        let instance = self.items[index].delivery.instance.as_ref();
        let instance = instance.map_or("", |it| it.object.sop_instance.as_str());
        let destination = &self.session.peer.destination;
        tracing::warn!(
            "destination '{destination}' stored {} with {remark}",
            instance.escape_debug()
        );
    }

    /// What was under way or encoded goes back to what waits, in its order.
    fn send_again(&mut self) {
        let ahead = self.ahead.take().map(|(index, _)| index);
        let again = self.under_way.drain(..).map(|(_, index)| index).chain(ahead);
        let again: Vec<usize> = again.collect();
        for index in again.into_iter().rev() {
            self.waiting.push_front(index);
        }
    }

    /// The association is lost: see the module.
    fn lost(&mut self, error: &Error) -> Lost {
        let association = self.session.association.take();
        let was_ending = association.is_some_and(|open| open.is_kept && !open.is_answering);
        if matches!(error, Error::Interrupted) {
            self.under_way.clear();
            self.end();
        } else if was_ending {
            self.send_again();
        } else if let [(_, index)] = self.under_way[..] {
            self.under_way.clear();
            self.send_again();
            self.strike(index, error.to_string());
        } else {
            self.session.one_at_a_time = 2 * u32::from(OPERATIONS);
            self.send_again();
        }
        Lost
    }

    /// An object failed for a reason that may pass. After some in a row, the destination is left alone.
    fn strike(&mut self, index: usize, reason: String) {
        self.session.strikes += 1;
        if self.session.strikes < DICOM_STRIKES {
            (self.tell)(index, Outcome::Again { reason, after: None });
            return;
        }
        let next = self.ahead.take().map(|(index, _)| index).or_else(|| self.waiting.pop_front());
        // Without another one to say it with, every other failure counts as an attempt.
        let attempted = next.is_some() || !self.session.strikes.is_multiple_of(2);
        let unreachable = Outcome::Unreachable { reason: reason.clone(), after: None };
        if let Some(next) = next {
            (self.tell)(next, unreachable.clone());
        }
        let again = Outcome::Again { reason, after: None };
        (self.tell)(index, if attempted { again } else { unreachable });
        self.end();
    }
}
