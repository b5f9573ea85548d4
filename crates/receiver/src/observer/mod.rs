//! What the program around the receiver decides and learns.

mod certificate;
mod proposed;
mod stored_object;
mod summary;

pub use certificate::PeerCertificate;
pub use proposed::{Accepted, Proposed, TlsSession};
pub use stored_object::StoredObject;
pub use summary::{AssociationEnd, StatusCounts, Summary};

use crate::output::studies::EndedStudy;
use crate::peer::Peer;
use crate::treatment::Treatment;
use dataset::{TransferSyntax, Uid};
use proto::{ContextResult, ProposedContext, Rejection, Status};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the program around the receiver decides and learns.
///
/// Of one association that is accepted, the calls come in this order, all from its thread:
///
/// ```text
///   admit, association_accepted,
///   for each C-STORE: progress, received for each piece,
///                               then stored, the answer, AfterAnswer, answered, studies_ended   (it is stored)
///                               or   refused, the answer                              (it is not)
///   association_ended
/// ```
///
/// Associations run side by side, so several calls may run at a time; an association waits for its own.
/// A panic in one ends that association and no other: an object that it was about is answered no more, and
/// [`Observer::association_ended`] is still called. Methods with a body need not be implemented, and cost
/// nothing then.
pub trait Observer: Send + Sync {
    /// Decides how the association that a peer proposes (PS3.8 §9.3.2) is treated, to its end. Not asked for
    /// associations past a limit of the receiver. What is returned can still be rejected, by the [`Treatment`]'s
    /// policy or for want of room on its disk: then [`Observer::refused`] is called.
    ///
    /// # Errors
    /// Why it is refused. The peer gets the A-ASSOCIATE-RJ, and the reason is logged and told to
    /// [`Observer::refused`].
    fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal>;

    /// An association is accepted. Called before the A-ASSOCIATE-AC is sent.
    fn association_accepted(&self, accepted: &Accepted<'_>) {
        let _ = accepted;
    }

    /// More of a data set has come. Called for each piece that was read, of up to the length of a receive buffer, and
    /// also for data sets of requests that are refused.
    fn received(&self, received: &Received<'_>) {
        let _ = received;
    }

    /// An object is stored as durably as its settings say, or was received to be dropped (then there is no
    /// [`StoredObject::file`]). Called before its success is answered; the object cannot be refused any more.
    /// What is returned is called after that, whether or not the answer could be sent.
    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let _ = object;
        None
    }

    /// The answer to an object that was stored was sent, or could not be sent. Called after what
    /// [`Observer::stored`] returned.
    fn answered(&self, answered: &Answered<'_>) {
        let _ = answered;
    }

    /// An object is stored although something is wrong with it, as [`Leniency`](crate::Leniency) of its sender
    /// allows. Called before [`Observer::stored`], once for each thing that is wrong.
    fn tolerated(&self, tolerated: &Tolerated<'_>) {
        let _ = tolerated;
    }

    /// These studies of a treatment's [`Output`](crate::Output) have ended by an object that was stored. Called once
    /// that was answered; never empty.
    /// Studies that end by time or with the program are told by
    /// [`Studies`](crate::output::studies::Studies) instead.
    fn studies_ended(&self, treatment: &Treatment, ended: Vec<EndedStudy>) {
        let _ = (treatment, ended);
    }

    /// A connection, an association or an object was refused. Called before the peer is answered.
    ///
    /// Peers that break the protocol or go away are only logged: nothing was refused.
    fn refused(&self, refused: &Refused<'_>) {
        let _ = refused;
    }

    /// Of this SOP class, none of the presentation contexts that the peer proposed is accepted, so that it can send
    /// no object of it. Called for each such class before the A-ASSOCIATE-AC is sent. The log tells
    /// what is returned: what an operator can do about it.
    fn class_refused(
        &self,
        peer: &Peer,
        treatment: &Treatment,
        refused: &RefusedClass<'_>,
    ) -> Option<String> {
        let _ = (peer, treatment, refused);
        None
    }

    /// An association ends with nothing stored, or by the peer's abort, and these transfer syntaxes of a SOP class were
    /// refused, though others were accepted for it: the peer may have had objects in these only. What is returned goes
    /// to the log, as for [`Observer::class_refused`].
    fn syntaxes_refused(
        &self,
        peer: &Peer,
        treatment: &Treatment,
        refused: &RefusedClass<'_>,
    ) -> Option<String> {
        let _ = (peer, treatment, refused);
        None
    }

    /// An association that was accepted has ended, and its connection is closed.
    fn association_ended(&self, summary: &Summary) {
        let _ = summary;
    }

    /// What is to show that a data set is coming in, for each message that has one; `None` to show nothing.
    fn progress(&self) -> Option<Box<dyn Progress>> {
        None
    }
}

/// What is done once an answer was sent. Runs in the association's thread, before its next message is read.
pub type AfterAnswer = Box<dyn FnOnce()>;

/// Shows that a data set is coming in. Dropped at its end, complete or not.
pub trait Progress {
    /// So many more of its PDVs (PS3.8 §9.3.5.1) have come to their end; may be 0.
    fn pdvs(&self, count: usize);
}

/// An object that was stored, once its answer was sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Answered<'a> {
    /// Who sent the object.
    pub peer: &'a Peer,
    /// How the association is treated.
    pub treatment: &'a Treatment,
    /// From the C-STORE-RQ until the last fragment of the data set was received.
    pub receive: Duration,
    /// From then until the object was stored: naming and, where success waits for that, sync.
    pub commit: Duration,
    /// From the last fragment until the C-STORE-RSP was sent.
    pub answer: Duration,
    /// False if the response could not be sent.
    pub is_sent: bool,
}

/// A piece of a data set that was received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Received<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// How many bytes of the data set it has.
    pub bytes: u64,
    /// The data set has come to its end.
    pub is_last: bool,
}

impl<'a> Received<'a> {
    /// A piece of so many bytes.
    #[must_use]
    pub fn new(peer: &'a Peer, bytes: u64, is_last: bool) -> Self {
        Self { peer, bytes, is_last }
    }
}

/// Something wrong with an object that was stored all the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Tolerated<'a> {
    /// Who sent the object.
    pub peer: &'a Peer,
    /// How the association is treated.
    pub treatment: &'a Treatment,
    /// Affected SOP Instance UID of the C-STORE-RQ.
    pub sop_instance: &'a Uid,
    /// What is wrong.
    pub what: Tolerance,
}

/// What a [`Leniency`](crate::Leniency) can tolerate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tolerance {
    /// A UID differs between command and data set, or is missing from the data set.
    MismatchedUids,
    /// The data set has text beyond ASCII and declares no character set.
    UndeclaredCharacterSet,
    /// The SOP class was not accepted on a presentation context of the association.
    ClassNotNegotiated,
}

/// Why an association is refused (PS3.8 §9.3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the peer is told: result, source and reason of the A-ASSOCIATE-RJ.
    pub rejection: Rejection,
    /// Why, for people: goes into the log, and is not sent.
    pub reason: String,
}

impl Refusal {
    /// The calling AE title is not recognized.
    #[must_use]
    pub fn calling_ae_title(reason: impl Into<String>) -> Self {
        Self { rejection: Rejection::CALLING_AE_TITLE, reason: reason.into() }
    }
}

/// A SOP class none of whose presentation contexts was accepted.
#[derive(Clone, Debug)]
pub struct RefusedClass<'p> {
    /// Which; `None` if the peer named it by no UID.
    pub abstract_syntax: Option<Uid>,
    /// How its first presentation context was answered.
    pub result: ContextResult,
    /// All presentation contexts that were proposed for it.
    pub contexts: Vec<&'p ProposedContext>,
}

impl RefusedClass<'_> {
    /// The transfer syntaxes that were proposed for it; those of several presentation contexts more than once.
    pub fn transfer_syntaxes(&self) -> impl Iterator<Item = &'static TransferSyntax> {
        self.contexts.iter().flat_map(|context| context.transfer_syntaxes.iter().copied())
    }

    /// Likewise those that [`TransferSyntax::find`] does not know, as far as they were kept.
    pub fn other_transfer_syntaxes(&self) -> impl Iterator<Item = &Uid> {
        self.contexts.iter().flat_map(|context| &context.other_transfer_syntaxes)
    }
}

/// What was refused, and why. Reasons are words for people, and may quote whatever the peer sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Refused<'a> {
    /// A connection was closed: by host access control, since TLS did not come about, or because there are
    /// too many even to reject their associations.
    Connection {
        /// Who connected.
        peer: SocketAddr,
        /// What closed it.
        cause: ConnectionRefusal,
        /// Why it was closed.
        reason: &'a str,
    },
    /// An association was rejected (PS3.8 §9.3.4).
    Association {
        /// Who proposed it.
        peer: &'a Peer,
        /// What the peer is told.
        rejection: Rejection,
        /// Why.
        reason: &'a str,
    },
    /// SOP classes of which a peer can send nothing, since none of the presentation contexts for them is accepted. The
    /// association goes on: told before the A-ASSOCIATE-AC is sent.
    Classes {
        /// Who proposed them.
        peer: &'a Peer,
        /// Which, and why, those first that are most likely to be missed.
        reason: &'a str,
        /// What [`Observer::class_refused`] has advised.
        advice: Option<&'a str>,
    },
    /// A request is refused that names no object: it is no valid C-STORE-RQ, or none that a storage SCP
    /// performs (PS3.7 Annex C).
    Request {
        /// Who sent it.
        peer: &'a Peer,
        /// What the peer is told.
        status: Status,
        /// Why.
        reason: &'a str,
    },
    /// An object is not stored, and its C-STORE is answered so (PS3.4 §B.2.3). One whose transfer was
    /// interrupted is answered no more, and so it is only logged.
    Object {
        /// Who sent it.
        peer: &'a Peer,
        /// Affected SOP Class UID of the C-STORE-RQ.
        sop_class: &'a Uid,
        /// Affected SOP Instance UID of the C-STORE-RQ.
        sop_instance: &'a Uid,
        /// What the peer is told.
        status: Status,
        /// Why. The peer is told so too, as far as an Error Comment has room: 64 characters.
        reason: &'a str,
    },
}

/// What closes a connection before an association is proposed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionRefusal {
    /// Host access control.
    HostAccess,
    /// The TLS handshake failed.
    TlsHandshake,
    /// There are too many connections, even to reject their associations.
    TooMany,
}
