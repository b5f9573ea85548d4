//! The faults of objects: before and within the data set, and in the answer.

use super::{AssociationFaults, bytes, change_pdus, end_association, log, pause};
use crate::faults::{Action, Moment, Strike, When, stores};
use crate::store::Failure;
use dataset::Uid;
use proto::{Association, CStoreRq, CommandSet, ContextId, DataSetFragments, Status, element};

/// An object that is being received or answered, and what strikes it.
pub(super) struct Object<'n> {
    request: CStoreRq,
    strikes: Vec<Strike<'n>>,
    /// How many of its PDVs have come.
    pdvs: u64,
}

impl<'n> Object<'n> {
    /// The first fault that decides whether the object is stored and how it is answered.
    fn outcome(&self) -> Option<Strike<'n>> {
        let decides = |action: &Action| {
            matches!(action, Action::Status { .. } | Action::NoAnswer { .. } | Action::End(..))
        };
        self.strikes.iter().find(|strike| decides(&strike.rule.action)).copied()
    }

    /// The same, if it ends the association then.
    fn end(&self, when: When) -> Option<Strike<'n>> {
        let is_then = |action: &Action| matches!(action, Action::End(_, then) if *then == when);
        self.outcome().filter(|strike| is_then(&strike.rule.action))
    }
}

impl<'n> AssociationFaults<'n> {
    /// An object is announced. Returns why it is not stored, if a fault wants that.
    pub(in super::super) fn begin(
        &mut self,
        request: &CStoreRq,
        context: ContextId,
    ) -> Option<Failure> {
        let strikes = self.faults.object(&mut self.counts, &self.peer, &request.sop_class);
        log(&strikes, &format!(", SOP instance {}", request.sop_instance));
        pause(&self.stream, &strikes, Moment::Reading, 0);
        let object = Object { request: *request, strikes, pdvs: 0 };
        let outcome = object.outcome();
        self.object = Some(object);
        let provoked = match outcome.map(|strike| (strike, &strike.rule.action)) {
            Some((strike, Action::Status { statuses, stores })) => {
                let status = in_turn(statuses, strike.turn);
                (!stores.unwrap_or_else(|| self::stores(status))).then_some(status)
            }
            Some((_, Action::NoAnswer { stores: false })) => return Some(Failure::Withheld),
            _ if self.unproposed.contains(&context) => Some(Status::CANNOT_UNDERSTAND),
            _ => None,
        };
        provoked.map(Failure::Provoked)
    }

    /// Takes notice of fragments of a data set. Returns the fault that ends the association here, before the
    /// object is stored.
    pub(in super::super) fn data_set(
        &mut self,
        fragments: &DataSetFragments<'_>,
    ) -> Option<Strike<'n>> {
        let object = self.object.as_mut()?;
        for _ in 0..fragments.pdvs_ended() {
            object.pdvs += 1;
            pause(&self.stream, &object.strikes, Moment::Pdvs, object.pdvs);
        }
        let mut end = object.end(When::During).filter(|_| object.pdvs > 0);
        if end.is_none() && fragments.is_last() {
            pause(&self.stream, &object.strikes, Moment::Storing, 0);
            end = object.end(When::Answer);
        }
        end
    }

    /// The data set was received to its end, and an answer is due. Returns the fault that withholds it.
    pub(in super::super) fn withheld(&self) -> Option<Strike<'n>> {
        let object = self.object.as_ref()?;
        pause(&self.stream, &object.strikes, Moment::Answer, 0);
        let is_silent = |strike: &Strike<'_>| matches!(strike.rule.action, Action::NoAnswer { .. });
        object.end(When::Stored).or_else(|| object.outcome().filter(is_silent))
    }

    /// The answer with what faults make of it, given the true one.
    pub(in super::super) fn changed(&self, response: &CommandSet, is_stored: bool) -> CommandSet {
        let Some(Object { request, strikes, .. }) = &self.object else { return response.clone() };
        let mut named = *request;
        for strike in strikes {
            match &strike.rule.action {
                Action::WrongMessageId(id) => {
                    named.message_id = id.unwrap_or(request.message_id.wrapping_add(1));
                }
                Action::WrongClass(class) => {
                    named.sop_class =
                        class.or_else(|| other_class(request)).unwrap_or(request.sop_class);
                }
                Action::WrongInstance(instance) => {
                    let other = || Uid::parse(OTHER_INSTANCE.as_bytes()).ok();
                    named.sop_instance = instance.or_else(other).unwrap_or(request.sop_instance);
                }
                _ => {}
            }
        }
        let status = self.status().filter(|_| is_stored);
        if status.is_none() && named == *request {
            return response.clone();
        }
        let comment = response.value(element::ERROR_COMMENT).map(String::from_utf8_lossy);
        let truth = response.u16(element::STATUS).map_or(Status::SUCCESS, Status);
        match status {
            Some(status) if status != truth => named.response(status, Some("fault on purpose")),
            _ => named.response(truth, comment.as_deref()),
        }
    }

    /// The status that a fault gives to an object that is stored.
    fn status(&self) -> Option<Status> {
        let outcome = self.object.as_ref()?.outcome()?;
        match &outcome.rule.action {
            Action::Status { statuses, .. } => Some(in_turn(statuses, outcome.turn)),
            _ => None,
        }
    }

    /// Changes the PDUs of an answer that is queued.
    pub(in super::super) fn change_answer(
        &mut self,
        association: &mut Association,
        context: ContextId,
        response: &CommandSet,
    ) {
        let Some(Object { strikes, .. }) = &self.object else { return };
        let actions = || strikes.iter().map(|strike| &strike.rule.action);
        for action in actions() {
            if let Action::OversizedPdu(length) = action {
                let length = length.unwrap_or(association.max_send_pdv_bytes() + 12 + 1024);
                association.replace_outgoing(bytes::oversized(response, context, length));
            }
        }
        for action in actions() {
            if let Action::WrongContextId(id) = action {
                let mut pdus = association.outgoing().to_vec();
                bytes::move_to_context(&mut pdus, id.unwrap_or(context.0.wrapping_add(2)));
                association.replace_outgoing(pdus);
            }
        }
        self.closes = change_pdus(association, actions());
    }

    /// The answer was sent. True if the connection is closed now.
    pub(in super::super) fn answered(&mut self) -> bool {
        let closes = std::mem::take(&mut self.closes);
        if closes {
            let _ = self.stream.shutdown(std::net::Shutdown::Both);
        }
        if let Some(object) = self.object.take() {
            pause(&self.stream, &object.strikes, Moment::Next, 0);
        }
        closes
    }

    /// Ends the association as the fault says.
    pub(in super::super) fn end(&mut self, strike: &Strike<'n>, association: &mut Association) {
        self.object = None;
        if let Action::End(end, _) = strike.rule.action {
            end_association(association, &self.stream, end, strike);
        }
    }
}

/// An instance that nobody sends.
const OTHER_INSTANCE: &str = "2.25.0";

/// A registered storage class other than that of the request: MR, or CT in place of MR.
fn other_class(request: &CStoreRq) -> Option<Uid> {
    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
    let other = if request.sop_class.as_str() == MR { CT } else { MR };
    Uid::parse(other.as_bytes()).ok()
}

fn in_turn(statuses: &[Status], turn: u64) -> Status {
    let count = statuses.len().max(1) as u64;
    // Less than the number of statuses.
    let index = usize::try_from(turn % count).unwrap_or_default();
    statuses.get(index).copied().unwrap_or(Status::PROCESSING_FAILURE)
}
