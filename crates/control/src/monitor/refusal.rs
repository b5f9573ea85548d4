//! What was refused, as it is remembered.

use super::{hints, text};
use crate::limits::{HINT_BYTES, REASON_BYTES, REFUSAL_BYTES};
use dataset::Uid;
use proto::{AeTitle, Rejection, Status};
use receiver::{Peer, Refused};
use std::net::IpAddr;
use std::time::SystemTime;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) at: SystemTime,
    pub(crate) what: What,
    pub(crate) address: IpAddr,
    /// `None` before an association is proposed.
    pub(crate) titles: Option<Titles>,
    pub(crate) association: Option<u64>,
    pub(crate) reason: Box<str>,
    pub(crate) hint: Option<Box<str>>,
}

/// Calling and called title.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Titles {
    pub(crate) calling: AeTitle,
    pub(crate) called: AeTitle,
}

/// What was refused, and what the peer was told.
#[derive(Debug)]
pub(crate) enum What {
    Connection,
    Association(Rejection),
    /// SOP classes of which nothing can be sent; their association was accepted.
    Classes,
    Request(Status),
    Object {
        class: Uid,
        instance: Uid,
        status: Status,
    },
}

const _: () = assert!(size_of::<Refusal>() + 32 + 64 + REASON_BYTES + HINT_BYTES <= REFUSAL_BYTES);

impl Refusal {
    /// `None` for what this version does not know.
    pub(crate) fn new(refused: &Refused<'_>, hint: Option<&str>) -> Option<Self> {
        let (what, peer, reason) = match refused {
            Refused::Connection { peer, reason, .. } => {
                let peer = Peer { address: peer.ip(), ..Peer::default() };
                (What::Connection, peer, reason)
            }
            Refused::Association { peer, rejection, reason } => {
                (What::Association(*rejection), **peer, reason)
            }
            Refused::Classes { peer, reason, .. } => (What::Classes, **peer, reason),
            Refused::Request { peer, status, reason } => (What::Request(*status), **peer, reason),
            Refused::Object { peer, sop_class, sop_instance, status, reason } => {
                let (class, instance) = (**sop_class, **sop_instance);
                (What::Object { class, instance, status: *status }, **peer, reason)
            }
            _ => return None,
        };
        let has_titles = !matches!(what, What::Connection) && peer.association != 0;
        let titles = Titles { calling: peer.calling_ae, called: peer.called_ae };
        let hint = hints::fault_on_purpose(refused).or(hint).or_else(|| hints::hint(refused));
        Some(Self {
            at: SystemTime::now(),
            what,
            address: peer.address.to_canonical(),
            titles: has_titles.then_some(titles),
            association: (peer.association != 0).then_some(peer.association),
            reason: text::bounded(reason, REASON_BYTES),
            hint: hint.map(|hint| text::bounded(hint, HINT_BYTES)),
        })
    }
}
