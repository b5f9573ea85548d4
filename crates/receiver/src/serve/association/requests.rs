//! The messages of an accepted association: C-STORE with its data set, and C-ECHO. Others are refused.

use super::faults::AssociationFaults;
use super::log_lines;
use super::refused_classes::RefusedSyntaxes;
use crate::node::Node;
use crate::observer::{Answered, AssociationEnd, Refused, Summary};
use crate::peer::Peer;
use crate::serve::registry::Slot;
use crate::store::{Answer, Failure, FollowUp, StorageService};
use crate::treatment::{AssociationPermit, Treatment};
use dataset::{Uid, sop_class};
use proto::command_field;
use proto::{
    Association, CStoreRq, CommandSet, ContextId, DataSetFragments, Request, SopClassNegotiation,
    Status,
};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use tracing::{debug, error, warn};

/// The messages of one association that was accepted (PS3.7 §9.1).
///
/// Responses are only queued in the [`Association`], which is a parameter; the sender reports that by
/// [`Requests::response_sent`]. Holds what [`StorageService`] holds.
pub(super) struct Requests<'n> {
    node: &'n Node,
    slot: &'n Slot,
    service: StorageService<'n>,
    /// Until the association ends, where those of its treatment are limited.
    permit: Option<AssociationPermit>,
    /// `None` where no faults are provoked.
    faults: Option<Box<AssociationFaults<'n>>>,
    /// The response to a C-STORE is queued, and not sent yet.
    unsent: Option<Unsent>,
    /// How many objects were stored.
    objects: u64,
    /// What the peer may have had objects in, if it goes away.
    refused_syntaxes: Option<RefusedSyntaxes>,
    /// There was a C-ECHO, so an association without an object is nothing unusual.
    echoed: bool,
    /// When the peer connected.
    begun: Instant,
    /// How the association ended, once it has.
    end: Option<AssociationEnd>,
}

/// What is to be done once the response to a C-STORE was sent.
struct Unsent {
    /// Of an object that is stored.
    follow_up: Option<FollowUp>,
}

impl<'n> Requests<'n> {
    /// For an association of `peer`, which connected at `begun`, that is treated so.
    pub(super) fn new(
        node: &'n Node,
        slot: &'n Slot,
        treatment: Arc<Treatment>,
        peer: Peer,
        begun: Instant,
        faults: Option<Box<AssociationFaults<'n>>>,
    ) -> Self {
        let service = StorageService::new(node, treatment, peer);
        let (permit, unsent, refused_syntaxes, end) = (None, None, None, None);
        let (objects, echoed) = (0, false);
        Self {
            node,
            slot,
            service,
            permit,
            faults,
            unsent,
            objects,
            refused_syntaxes,
            echoed,
            begun,
            end,
        }
    }

    /// The association counts among those of its treatment.
    pub(super) fn set_permit(&mut self, permit: Option<AssociationPermit>) {
        self.permit = permit;
    }

    /// These transfer syntaxes were refused, though others were accepted for the same SOP classes.
    pub(super) fn set_refused_syntaxes(&mut self, refused: Option<RefusedSyntaxes>) {
        self.refused_syntaxes = refused;
    }

    /// Takes a command set: answers it at once, or begins to receive its data set.
    pub(super) fn command(
        &mut self,
        association: &mut Association,
        context: ContextId,
        command: &CommandSet,
        now: Instant,
    ) {
        self.slot.set_busy(true);
        match Request::parse(command) {
            Ok(Request::CStore(request)) => {
                let class = sop_class::find(request.sop_class.as_str());
                let modality = class.map_or("OT", |class| class.prefix);
                let details = format_args!("MsgID {}, {modality}", request.message_id);
                log_lines::request("Store", details, context, command);
                self.store(association, context, request);
            }
            Ok(Request::CEcho(request)) => {
                self.echoed = true;
                let details = format_args!("MsgID {}", request.message_id);
                log_lines::request("Echo", details, context, command);
                self.respond(association, context, &request.response(Status::SUCCESS), now);
            }
            Ok(Request::CCancel { .. }) => self.message_ended(association, now),
            Ok(Request::Other(request)) => {
                let field = request.command_field;
                let why = format!(
                    "Expected C-ECHO or C-STORE request but received DIMSE command 0x{field:04x}"
                );
                error!("{why}");
                self.tell_refused(Status::UNRECOGNIZED_OPERATION, &why);
                let has_data_set = request.has_data_set;
                self.refuse(association, context, request.response(), has_data_set, now);
            }
            Err(fault) => match fault.response() {
                Some(response) => {
                    let status = fault.status();
                    error!("refusing a request, status {status} ({}): {fault}", status.meaning());
                    if command.command_field() == Some(command_field::C_STORE_RQ) {
                        self.service.count_refused(status);
                    }
                    self.tell_refused(fault.status(), &fault.to_string());
                    self.refuse(association, context, response, fault.has_data_set(), now);
                }
                None => {
                    error!("DIMSE failure (aborting association): {fault}");
                    self.end(AssociationEnd::NoRequest);
                    association.abort(now);
                }
            },
        }
    }

    fn store(&mut self, association: &Association, context: ContextId, request: CStoreRq) {
        let provoked = self.faults.as_mut().and_then(|faults| faults.begin(&request, context));
        let negotiated = association.negotiated(context, &request.sop_class);
        let tolerant = self.service.treatment().leniency.classes_not_negotiated;
        let (accepted, tolerates_class) = match negotiated {
            _ if is_verification(&request.sop_class) => {
                return self.service.refuse(&request, &Failure::ClassNotNegotiated);
            }
            SopClassNegotiation::OnItsContext(accepted) => (accepted, false),
            SopClassNegotiation::OnAnotherContext { of_request, of_class } => {
                warn!(
                    "SOP class {} was accepted on presentation context {}, but the request came on {}",
                    request.sop_class, of_class.id, of_request.id
                );
                (of_request, false)
            }
            SopClassNegotiation::Nowhere { of_request: Some(of_request) } if tolerant => {
                (of_request, true)
            }
            SopClassNegotiation::Nowhere { .. } => {
                return self.service.refuse(&request, &Failure::ClassNotNegotiated);
            }
        };
        match provoked {
            Some(failure) => self.service.refuse(&request, &failure),
            None => self.service.begin(request, accepted.transfer_syntax, tolerates_class),
        }
    }

    /// Tells the observer of a request that names no object.
    fn tell_refused(&self, status: Status, reason: &str) {
        let peer = self.service.peer();
        self.node.observer.refused(&Refused::Request { peer, status, reason });
    }

    /// Refuses a request, once its data set, if it has one, is read.
    fn refuse(
        &mut self,
        association: &mut Association,
        context: ContextId,
        response: &CommandSet,
        has_data_set: bool,
        now: Instant,
    ) {
        if has_data_set {
            self.service.drain(response.clone());
        } else {
            self.respond(association, context, response, now);
        }
    }

    /// Takes fragments of a data set; the last of them ends the message, which is answered.
    pub(super) fn data_set(
        &mut self,
        association: &mut Association,
        fragments: &DataSetFragments<'_>,
        now: Instant,
    ) {
        if let Some(faults) = &mut self.faults
            && let Some(strike) = faults.data_set(fragments)
        {
            self.end.get_or_insert(AssociationEnd::OnPurpose);
            self.service.interrupt(&"as requested (fault on purpose)");
            return faults.end(&strike, association);
        }
        if let Some(Answer { response, follow_up }) = self.service.data_set(fragments) {
            self.unsent = Some(Unsent { follow_up });
            if self.faults.is_some() {
                self.respond_with_faults(association, fragments.context(), &response, now);
            } else {
                self.respond(association, fragments.context(), &response, now);
            }
        } else if fragments.is_last() {
            self.message_ended(association, now);
        }
    }

    /// Answers a request whose data set was received to its end, as faults on purpose make it.
    fn respond_with_faults(
        &mut self,
        association: &mut Association,
        context: ContextId,
        response: &CommandSet,
        now: Instant,
    ) {
        let Some(mut faults) = self.faults.take() else { return };
        if let Some(strike) = faults.withheld() {
            if let Some(Unsent { follow_up: Some(follow_up) }) = self.unsent.take() {
                self.follow_up(follow_up, false);
            }
            self.message_ended(association, now);
            if strike.ends_connection() {
                self.end(AssociationEnd::OnPurpose);
            }
            faults.end(&strike, association);
        } else {
            let is_stored = self.unsent.as_ref().is_some_and(|it| it.follow_up.is_some());
            let response = faults.changed(response, is_stored);
            self.respond(association, context, &response, now);
            faults.change_answer(association, context, &response);
        }
        self.faults = Some(faults);
    }

    /// What was queued was sent, or, if not `is_sent`, could not be: does what is left to do for an object
    /// that is stored, whether its sender knows or not.
    pub(super) fn response_sent(&mut self, is_sent: bool) {
        let Some(Unsent { follow_up }) = self.unsent.take() else { return };
        if let Some(follow_up) = follow_up {
            if !is_sent {
                let instance = follow_up.sop_instance;
                warn!(
                    sopInstanceUid = %instance,
                    "SOP instance {instance} is stored, but the response could not be sent"
                );
            }
            self.follow_up(follow_up, is_sent);
        }
        if is_sent
            && let Some(faults) = &mut self.faults
            && faults.answered()
        {
            self.end(AssociationEnd::OnPurpose);
        }
    }

    fn follow_up(&mut self, follow_up: FollowUp, is_sent: bool) {
        let FollowUp { after_answer, ended_studies, file, receive, commit, received, .. } =
            follow_up;
        let answer = received.elapsed();
        drop(file);
        self.objects += 1;
        if let Some(after_answer) = after_answer {
            after_answer();
        }
        let (peer, treatment) = (self.service.peer(), self.service.treatment());
        let answered = Answered { peer, treatment, receive, commit, answer, is_sent };
        self.node.observer.answered(&answered);
        if !ended_studies.is_empty() {
            self.node.observer.studies_ended(self.service.treatment(), ended_studies);
        }
        self.service.prepare_next();
    }

    fn respond(
        &mut self,
        association: &mut Association,
        context: ContextId,
        response: &CommandSet,
        now: Instant,
    ) {
        if let Err(error) = association.send_command(context, response) {
            debug!("cannot respond: {error}");
        }
        self.message_ended(association, now);
    }

    /// The message is dealt with: where the receiver is shutting down, the association ends here.
    fn message_ended(&mut self, association: &mut Association, now: Instant) {
        self.slot.set_busy(false);
        if self.slot.is_draining() {
            self.end(AssociationEnd::Stopped);
            association.abort(now);
        }
    }

    /// The longest P-DATA-TF that the peer may send, in bytes; 0 for any length.
    pub(super) fn max_pdu_bytes(&self) -> u32 {
        self.service.max_pdu_bytes()
    }

    /// Whether a data set is due.
    pub(super) fn is_receiving(&self) -> bool {
        self.service.is_receiving()
    }

    /// The peer has aborted, or is gone without a release: says so, unless nothing was going on.
    pub(super) fn warn_of_no_release(&self) {
        let (objects, tally) = (self.objects, self.service.tally());
        let how = match self.end {
            Some(AssociationEnd::AbortedByPeer(_)) => "association aborted by the peer",
            Some(AssociationEnd::ConnectionLost)
                if objects + tally.refused.total() > 0 || self.refused_syntaxes.is_some() =>
            {
                "connection lost without release"
            }
            _ => return,
        };
        warn!("{how} after {}{}", stored_objects(objects), self.what_was_refused());
    }

    /// The peer releases the association. Says so if it has sent no object, and may have had some that it could not
    /// send.
    pub(super) fn warn_of_nothing_sent(&self) {
        let tally = self.service.tally();
        let sent = self.objects + tally.refused.total() + tally.broken_off;
        if sent == 0 && !self.echoed && self.refused_syntaxes.is_some() {
            warn!("association released without an object{}", self.what_was_refused());
        }
    }

    fn what_was_refused(&self) -> String {
        let refused = self.refused_syntaxes.as_ref();
        let service = &self.service;
        let describe =
            |it: &RefusedSyntaxes| it.describe(self.node, service.peer(), service.treatment());
        refused.map(describe).unwrap_or_default()
    }

    /// The peer has been silent for a while: gives back what is kept for its next object.
    pub(super) fn idle(&mut self) {
        self.service.idle();
    }

    /// The rest of the data set, if one is due, will not come, and `why`.
    pub(super) fn interrupt(&mut self, why: &dyn fmt::Display) {
        self.service.interrupt(why);
    }

    /// No more messages will come: nothing is left behind on disk, and no study is kept open. Called before the peer
    /// knows, so that its next association finds the place of this one free.
    pub(super) fn association_ended(&mut self) {
        self.service.association_ended();
        self.permit = None;
    }

    /// Notes how the association ended; the first to be noted counts.
    pub(super) fn end(&mut self, end: AssociationEnd) {
        self.end.get_or_insert(end);
    }

    /// The connection is closed: gives everything back, says so and tells the observer.
    pub(super) fn finish(mut self) {
        // A response that could not even be queued.
        self.response_sent(false);
        let Self { node, slot, mut service, objects, begun, end, .. } = self;
        service.interrupt(&"the association has ended");
        let (peer, tally) = (*service.peer(), service.tally());
        drop(service);
        let unknown = || match slot.is_draining() {
            true => AssociationEnd::Stopped,
            false => AssociationEnd::ConnectionLost,
        };
        let summary = Summary {
            peer,
            objects: objects + tally.dropped,
            refused: tally.refused,
            broken_off: tally.broken_off,
            bytes: tally.bytes,
            duration: begun.elapsed(),
            end: end.unwrap_or_else(unknown),
        };
        if summary.end == AssociationEnd::Stopped && objects > 0 {
            warn!("association aborted by shutdown after {}", stored_objects(objects));
        }
        log_lines::association_ended(&summary);
        node.observer.association_ended(&summary);
    }
}

/// `1 stored object`
fn stored_objects(count: u64) -> String {
    format!("{count} stored object{}", if count == 1 { "" } else { "s" })
}

/// The one SOP class without C-STORE that is accepted by default.
fn is_verification(sop_class: &Uid) -> bool {
    sop_class.as_str() == sop_class::VERIFICATION
}
