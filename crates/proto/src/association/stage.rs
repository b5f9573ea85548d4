//! Where the receiving half stands in the stream of PDUs.

use crate::dimse::message::Route;
use crate::ul::associate::AssociateReader;
use crate::ul::pdu::{FIXED_BODY_BYTES, Gather};

/// What the next byte of input belongs to.
#[derive(Debug)]
pub(super) enum Stage {
    PduHeader,
    Associate(Box<AssociateReader>),
    /// The four-byte body of a PDU of this type.
    Fixed(u8, Gather<FIXED_BODY_BYTES>),
    PdvHeader,
    Pdv(Route),
    /// A PDU that is ignored, with this many bytes left.
    Skip(u32),
    /// An invalid PDU was received; where the next one begins is unknown.
    Lost,
}

impl Stage {
    /// After this many bytes, the next PDU begins.
    pub(super) fn skip(length: u32) -> Stage {
        if length == 0 { Stage::PduHeader } else { Stage::Skip(length) }
    }
}
