//! The receiving half: bytes of PDUs become events of the state machine, and those become events for
//! the driver.

use std::time::Instant;

use super::core::Association;
use super::event::{AbortCause, Ending, Event, Step};
use super::stage::Stage;
use crate::dimse::message::Route;
use crate::error::{AbortPdu, PeerFault, abort_for};
use crate::state::{Action, State, StateEvent};
use crate::ul::associate::AssociateReader;
use crate::ul::pdu::{self, FIXED_BODY_BYTES, Gather, PduHeader, Rejection};
use crate::ul::proposal::max_send_pdv_bytes;

impl Association {
    /// Consumes bytes from the peer up to the next event.
    ///
    /// No reference to `input` is kept. [`Event::NeedInput`] means that all of it was consumed, so the
    /// driver's buffer is free. Data-set bytes are borrowed from `input` unchanged.
    ///
    /// A fault of the peer is reported as [`Event::Aborted`], with the A-ABORT already queued. Bytes
    /// that arrive after the end of the association are ignored.
    pub fn receive<'a>(&mut self, input: &'a [u8], now: Instant) -> Step<'a> {
        let mut at = 0;
        loop {
            if self.is_closed() {
                return Step { consumed: input.len(), event: Event::NeedInput };
            }
            if at == input.len() && !self.can_step_without_input() {
                return Step { consumed: at, event: Event::NeedInput };
            }
            let (consumed, event) = self.step(&input[at..], now);
            at += consumed;
            if let Some(event) = event {
                return Step { consumed: at, event };
            }
        }
    }

    /// Whether the current piece has no bytes at all, as an empty PDV.
    fn can_step_without_input(&self) -> bool {
        matches!(self.stage, Stage::Pdv(_)) && self.p_data.pdv_rest() == 0
    }

    /// Consumes what `input` has of the element that the stage names.
    fn step<'a>(&mut self, input: &'a [u8], now: Instant) -> (usize, Option<Event<'a>>) {
        match &mut self.stage {
            Stage::PduHeader => self.pdu_header(input, now),
            Stage::PdvHeader => self.pdv_header(input, now),
            Stage::Pdv(Route::DataSet) => {
                let own_max = self.own_max_pdu_bytes;
                let (consumed, fragments) = self.p_data.read_data_set(input, own_max);
                if fragments.is_last() {
                    self.messages.end_data_set();
                }
                self.after_fragment(Route::DataSet);
                (consumed, Some(Event::DataSet(fragments)))
            }
            Stage::Pdv(route @ (Route::Command | Route::Discard)) => {
                let route = *route;
                let fragment = self.p_data.read_fragment(input);
                let event = self.fragment(route, fragment, now);
                (fragment.len(), event)
            }
            Stage::Associate(reader) => match reader.read(input) {
                Ok((consumed, false)) => (consumed, None),
                Ok((consumed, true)) => (consumed, self.associate_pdu(now)),
                Err(fault) => (input.len(), self.invalid_pdu(fault, now)),
            },
            Stage::Fixed(pdu_type, gather) => {
                let (consumed, body) = gather.take(input);
                let pdu_type = *pdu_type;
                (consumed, body.and_then(|body| self.fixed_pdu(pdu_type, body, now)))
            }
            Stage::Skip(rest) => {
                let consumed = input.len().min(*rest as usize);
                // No more than `rest`, so it fits.
                *rest -= consumed as u32;
                if *rest == 0 {
                    self.stage = Stage::PduHeader;
                }
                (consumed, None)
            }
            Stage::Lost => (input.len(), None),
        }
    }

    fn pdu_header<'a>(&mut self, input: &[u8], now: Instant) -> (usize, Option<Event<'a>>) {
        if let Some(&pdu_type) = input.first()
            && self.header.is_empty()
            && !pdu::is_known(pdu_type)
        {
            let fault = PeerFault::UnrecognizedPdu { pdu_type };
            return (input.len(), self.invalid_pdu(fault, now));
        }
        let (consumed, bytes) = self.header.take(input);
        let Some(bytes) = bytes else { return (consumed, None) };
        let header = PduHeader::decode(bytes);
        (consumed, self.begin_pdu(header, now))
    }

    fn begin_pdu<'a>(&mut self, header: PduHeader, now: Instant) -> Option<Event<'a>> {
        let PduHeader { pdu_type, length } = header;
        if self.state() == State::Sta13 && pdu_type != pdu::A_ABORT {
            // AA-6 or AA-7: the content no longer matters, whatever its length.
            self.stage = Stage::skip(length);
            return self.unexpected_pdu(pdu_type, now);
        }
        // These three can be long, so the header decides. The others are read first.
        let is_expected = match pdu_type {
            pdu::A_ASSOCIATE_RQ => self.state() == State::Sta2,
            pdu::A_ASSOCIATE_AC => self.state() == State::Sta5,
            pdu::P_DATA_TF => matches!(self.state(), State::Sta6 | State::Sta7),
            _ => true,
        };
        if !is_expected {
            self.stage = Stage::skip(length);
            return self.unexpected_pdu(pdu_type, now);
        }
        if let Err(fault) = header.check_length(self.own_max_pdu_bytes) {
            return self.invalid_pdu(fault, now);
        }
        match pdu_type {
            pdu::A_ASSOCIATE_RQ | pdu::A_ASSOCIATE_AC => {
                self.stage = Stage::Associate(Box::new(AssociateReader::new(pdu_type, length)));
            }
            pdu::P_DATA_TF => {
                self.apply(StateEvent::Evt10);
                self.p_data.begin_pdu(length);
                self.stage = Stage::PdvHeader;
            }
            _ => self.stage = Stage::Fixed(pdu_type, Gather::EMPTY),
        }
        None
    }

    fn pdv_header<'a>(&mut self, input: &[u8], now: Instant) -> (usize, Option<Event<'a>>) {
        let (consumed, pdv) = match self.p_data.read_header(input) {
            Ok((consumed, Some(pdv))) => (consumed, pdv),
            Ok((consumed, None)) => return (consumed, None),
            Err(fault) => return (input.len(), self.invalid_pdu(fault, now)),
        };
        let route = if self.contexts.contains(pdv.context) {
            self.messages.begin_pdv(pdv)
        } else {
            Err(PeerFault::ContextNotAccepted(pdv.context))
        };
        match route {
            Ok(route) => {
                self.stage = Stage::Pdv(route);
                (consumed, None)
            }
            Err(fault) => (consumed, self.p_data_fault(fault, now)),
        }
    }

    /// Handles part of a PDV that belongs to a command set, or to a data set that is discarded.
    fn fragment<'a>(&mut self, route: Route, bytes: &[u8], now: Instant) -> Option<Event<'a>> {
        let pdv = self.p_data.pdv();
        if route == Route::Command {
            self.messages.gather(bytes);
        }
        let complete = pdv.last && self.p_data.pdv_rest() == 0;
        self.after_fragment(route);
        match route {
            Route::Command if complete => match self.messages.end_command(pdv.context) {
                Ok(command) => Some(Event::Command { context: pdv.context, command }),
                Err(fault) => self.p_data_fault(fault, now),
            },
            Route::Discard if complete => {
                self.messages.end_data_set();
                None
            }
            _ => None,
        }
    }

    fn after_fragment(&mut self, route: Route) {
        self.stage = if self.p_data.pdu_ended() {
            Stage::PduHeader
        } else if self.p_data.pdv_rest() == 0 {
            Stage::PdvHeader
        } else {
            Stage::Pdv(route)
        };
    }

    /// An A-ASSOCIATE-RQ in Sta2 or an A-ASSOCIATE-AC in Sta5 is complete.
    fn associate_pdu<'a>(&mut self, now: Instant) -> Option<Event<'a>> {
        let Stage::Associate(reader) = std::mem::replace(&mut self.stage, Stage::PduHeader) else {
            return None;
        };
        if self.state() == State::Sta5 {
            self.apply(StateEvent::Evt3);
            let proposed = std::mem::take(&mut self.proposed);
            let acceptance = reader.into_acceptance(&proposed);
            self.max_send_pdv_bytes = max_send_pdv_bytes(acceptance.user_information.max_pdu_bytes);
            self.establish(&acceptance);
            return Some(Event::Accepted(Box::new(acceptance)));
        }
        self.apply(StateEvent::Evt6);
        self.artim = None;
        let fixed = reader.fixed();
        let proposal = reader.into_proposal();
        self.request = Some(fixed);
        self.calling_ae = Some(proposal.calling_ae);
        self.called_ae = Some(proposal.called_ae);
        if fixed.protocol_version & 1 == 0 {
            self.machine.refuse();
            return Some(self.reject(Rejection::PROTOCOL_VERSION, now));
        }
        self.max_send_pdv_bytes = max_send_pdv_bytes(proposal.user_information.max_pdu_bytes);
        Some(Event::Proposed(Box::new(proposal)))
    }

    /// A PDU with four bytes after its header is complete.
    fn fixed_pdu<'a>(
        &mut self,
        pdu_type: u8,
        body: [u8; FIXED_BODY_BYTES],
        now: Instant,
    ) -> Option<Event<'a>> {
        self.stage = Stage::PduHeader;
        let state = self.state();
        match self.apply(pdu::received_event(pdu_type))? {
            Action::Ae4 => {
                let rejection = Rejection::decode(body);
                self.ending = Some(Ending::Rejected(rejection));
                Some(Event::Rejected(rejection))
            }
            Action::Ar2 | Action::Ar8 => Some(Event::ReleaseRequested),
            Action::Ar3 => {
                self.ending = Some(Ending::Released);
                Some(Event::Released)
            }
            Action::Ar10 => {
                if self.release_accepted {
                    self.accept_release(now);
                }
                Some(Event::Released)
            }
            Action::Aa2 | Action::Aa3 => {
                self.artim = None;
                self.aborted(AbortCause::ByPeer(AbortPdu::received(body)))
            }
            action => self.fault(action, PeerFault::UnexpectedPdu { pdu_type, state }, now),
        }
    }

    /// A PDU that cannot be understood: Evt19.
    fn invalid_pdu<'a>(&mut self, fault: PeerFault, now: Instant) -> Option<Event<'a>> {
        self.stage = Stage::Lost;
        let action = self.apply(StateEvent::Evt19)?;
        self.fault(action, fault, now)
    }

    /// A PDU with a valid header that is not allowed in this state. Its rest is skipped.
    fn unexpected_pdu<'a>(&mut self, pdu_type: u8, now: Instant) -> Option<Event<'a>> {
        let state = self.state();
        let action = self.apply(pdu::received_event(pdu_type))?;
        self.fault(action, PeerFault::UnexpectedPdu { pdu_type, state }, now)
    }

    /// A PDV that breaks a rule of the upper layer (Evt19), or of DIMSE, which then aborts (Evt15).
    fn p_data_fault<'a>(&mut self, fault: PeerFault, now: Instant) -> Option<Event<'a>> {
        self.skip_rest_of_pdu();
        let action =
            self.apply(if fault.is_dimse() { StateEvent::Evt15 } else { StateEvent::Evt19 })?;
        self.fault(action, fault, now)
    }

    /// Carries out the action for a fault of the peer.
    fn fault<'a>(&mut self, action: Action, fault: PeerFault, now: Instant) -> Option<Event<'a>> {
        match action {
            Action::Aa1 | Action::Aa8 => {
                self.send_abort(action, Some(&fault), now);
                self.aborted(AbortCause::Fault(fault))
            }
            // One queued A-ABORT is enough, however many PDUs the peer sends meanwhile.
            Action::Aa7 if self.outgoing().is_empty() => {
                self.outgoing.extend(pdu::abort(abort_for(action, Some(&fault))));
                None
            }
            _ => None,
        }
    }
}
