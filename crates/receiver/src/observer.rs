//! What the program around the receiver decides and learns.

use crate::output::StoredObject;
use crate::output::studies::EndedStudy;
use crate::peer::Peer;
use crate::treatment::Treatment;
use dataset::Uid;
use proto::{Proposal, Rejection, Status};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the program around the receiver decides and learns.
///
/// Every method is called by the thread of the association that it is about, so several may run at a time, and
/// what one takes long for, that association waits for. What is not overridden costs nothing.
pub trait Observer: Send + Sync {
    /// How an association that `peer` proposes is treated, to its end.
    ///
    /// # Errors
    /// Why it is refused; the peer gets the A-ASSOCIATE-RJ.
    fn admit(&self, proposal: &Proposal, peer: SocketAddr) -> Result<Arc<Treatment>, Refusal>;

    /// An association was accepted.
    fn association_accepted(&self, peer: &Peer) {
        let _ = peer;
    }

    /// An object is durable. Called before its success is answered; what is returned is called after
    /// that, whether the answer could be sent or not.
    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let _ = object;
        None
    }

    /// By an object of an association these studies have ended. Called once its answer was sent. What ends
    /// without an object, by time or with the program, is told by [`Studies`](crate::output::studies::Studies).
    fn studies_ended(&self, ended: Vec<EndedStudy>) {
        let _ = ended;
    }

    /// A connection, an association or an object was refused.
    fn refused(&self, refused: &Refused<'_>) {
        let _ = refused;
    }

    /// An association that was accepted has ended.
    fn association_ended(&self, summary: &Summary) {
        let _ = summary;
    }

    /// What shows that a data set is coming in; `None`: nobody looks.
    fn progress(&self) -> Option<Box<dyn Progress>> {
        None
    }
}

/// What is done once an answer was sent.
pub type AfterAnswer = Box<dyn FnOnce()>;

/// Shows that a data set is coming in. Dropped at its end.
pub trait Progress {
    /// So many more of its PDVs (PS3.8 §9.3.5.1) have come to their end.
    fn pdvs(&self, count: usize);
}

/// Why an association is refused (PS3.8 §9.3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the peer is told.
    pub rejection: Rejection,
    /// Why, for people.
    pub reason: String,
}

impl Refusal {
    /// The calling AE title is not recognized.
    #[must_use]
    pub fn calling_ae_title(reason: impl Into<String>) -> Self {
        Self { rejection: Rejection::CALLING_AE_TITLE, reason: reason.into() }
    }
}

/// What was refused, and why, in words for people: they can name whatever the peer sent.
#[derive(Clone, Copy, Debug)]
pub enum Refused<'a> {
    /// A connection, by host access control or because TLS did not come about.
    Connection {
        /// Who connected.
        peer: SocketAddr,
        /// Why it was closed.
        reason: &'a str,
    },
    /// An association.
    Association {
        /// Who proposed it.
        peer: &'a Peer,
        /// What the peer was told.
        rejection: Rejection,
        /// Why.
        reason: &'a str,
    },
    /// An object: it is not stored.
    Object {
        /// Who sent it.
        peer: &'a Peer,
        /// Affected SOP Class UID of the C-STORE-RQ.
        sop_class: &'a Uid,
        /// Affected SOP Instance UID.
        sop_instance: &'a Uid,
        /// What the peer was told.
        status: Status,
        /// Why; the peer was told so too, as far as an Error Comment has room.
        reason: &'a str,
    },
}

/// An association, after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose it was.
    pub peer: Peer,
    /// How many objects were stored.
    pub objects: u64,
    /// Whether the peer released it (PS3.8 §7.2); it was aborted otherwise.
    pub is_released: bool,
}
