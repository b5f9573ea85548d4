//! What can go wrong, sorted by whose fault it is, and the A-ABORT that answers it.

use std::fmt;

use crate::context_id::ContextId;
use crate::limits;
use crate::state::{Action, State};

/// A call that cannot be carried out, or a value that is invalid. A peer cannot cause it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nothing can be sent: the association is not yet, or no longer, established.
    NotEstablished(State),
    /// Nothing can be sent on this presentation context: it was not accepted.
    ContextNotAccepted(ContextId),
    /// The text is not a valid AE title: blank, longer than 16 bytes, or with control characters.
    AeTitle,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotEstablished(state) => {
                write!(f, "no established association to send on (state {state})")
            }
            Error::ContextNotAccepted(id) => {
                write!(f, "presentation context {id} was not accepted")
            }
            Error::AeTitle => f.write_str(
                "an AE title has 1 to 16 characters, not all blank, no control characters",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// A rule of PS3.8 or PS3.7 that the peer broke. It ends the association.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerFault {
    /// A PDU type that PS3.8 §9.3 does not define.
    UnrecognizedPdu {
        /// The type byte.
        pdu_type: u8,
    },
    /// A PDU that is not allowed in this state (PS3.8 Table 9-10).
    UnexpectedPdu {
        /// The type byte.
        pdu_type: u8,
        /// The state in which it arrived.
        state: State,
    },
    /// A PDU length above what we announced, or impossible for its type.
    PduLength {
        /// The type byte.
        pdu_type: u8,
        /// The length field.
        length: u32,
    },
    /// An item or sub-item of an A-ASSOCIATE PDU whose length contradicts what encloses it, or
    /// the fields that it must have.
    ItemLength {
        /// The type byte of the item.
        item_type: u8,
    },
    /// A PDV that is shorter than its header or does not fit its P-DATA-TF PDU (PS3.8 §9.3.5).
    PdvLength {
        /// The PDV's length field.
        length: u32,
        /// Bytes of the PDU that followed that field.
        remaining: u32,
    },
    /// A PDV on a presentation context that was not accepted.
    ContextNotAccepted(ContextId),
    /// A message whose fragments arrive on two presentation contexts.
    ContextChanged {
        /// The context that the message began on.
        expected: ContextId,
        /// The context of this fragment.
        found: ContextId,
    },
    /// A command fragment where the rest of a data set was expected.
    CommandInDataSet(ContextId),
    /// A data-set fragment where a command was expected.
    DataSetWithoutCommand(ContextId),
    /// A command set of more than [`limits::COMMAND_SET_BYTES`].
    CommandSetLength,
    /// A command set that cannot be decoded: the element at this offset overruns it.
    CommandSetElement {
        /// Bytes from the start of the command set.
        offset: usize,
    },
}

/// Which service the broken rule belongs to, and so which of them aborts.
enum Layer {
    /// The upper layer itself: A-P-ABORT, with a reason.
    UpperLayer(u8),
    /// Its user, DIMSE.
    Dimse,
}

impl PeerFault {
    fn layer(&self) -> Layer {
        // The reasons of PS3.8 §9.3.8, Table 9-26.
        const UNRECOGNIZED_PDU: u8 = 1;
        const UNEXPECTED_PDU: u8 = 2;
        const INVALID_PDU_PARAMETER_VALUE: u8 = 6;
        match self {
            PeerFault::UnrecognizedPdu { .. } => Layer::UpperLayer(UNRECOGNIZED_PDU),
            PeerFault::UnexpectedPdu { .. } => Layer::UpperLayer(UNEXPECTED_PDU),
            PeerFault::PduLength { .. }
            | PeerFault::ItemLength { .. }
            | PeerFault::PdvLength { .. }
            | PeerFault::ContextNotAccepted(_) => Layer::UpperLayer(INVALID_PDU_PARAMETER_VALUE),
            PeerFault::ContextChanged { .. }
            | PeerFault::CommandInDataSet(_)
            | PeerFault::DataSetWithoutCommand(_)
            | PeerFault::CommandSetLength
            | PeerFault::CommandSetElement { .. } => Layer::Dimse,
        }
    }

    /// Whether the upper layer's user (DIMSE) has to abort, not the upper layer itself.
    pub(crate) fn is_dimse(&self) -> bool {
        matches!(self.layer(), Layer::Dimse)
    }
}

/// The source and reason of an A-ABORT PDU (PS3.8 §9.3.8, Table 9-26).
///
/// Only this crate makes one: it was either received, or chosen for what the peer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AbortPdu {
    source: u8,
    reason: u8,
}

/// Chooses the source and reason of an A-ABORT (PS3.8 §9.3.8). Nothing else does.
///
/// AA-1 speaks for the service user, whose reason is "not significant" and sent as 0; AA-7 and AA-8
/// speak for the service provider.
pub(crate) fn abort_for(action: Action, fault: Option<&PeerFault>) -> AbortPdu {
    const SERVICE_USER: u8 = 0;
    const SERVICE_PROVIDER: u8 = 2;
    match (action, fault.map(PeerFault::layer)) {
        (Action::Aa7 | Action::Aa8, Some(Layer::UpperLayer(reason))) => {
            AbortPdu { source: SERVICE_PROVIDER, reason }
        }
        (Action::Aa7 | Action::Aa8, _) => AbortPdu { source: SERVICE_PROVIDER, reason: 0 },
        _ => AbortPdu { source: SERVICE_USER, reason: 0 },
    }
}

impl AbortPdu {
    /// What the four bytes after the header of a received A-ABORT say.
    pub(crate) fn received(body: [u8; 4]) -> AbortPdu {
        let [_, _, source, reason] = body;
        AbortPdu { source, reason }
    }

    /// 0 service user, 2 service provider; any other value is the peer's mistake.
    #[must_use]
    pub fn source(&self) -> u8 {
        self.source
    }

    /// The reason; significant only if the source is the service provider.
    #[must_use]
    pub fn reason(&self) -> u8 {
        self.reason
    }
}

impl fmt::Display for AbortPdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AbortPdu { source, reason } = *self;
        f.write_str(match (source, reason) {
            (0, _) => "service user",
            (2, 0) => "service provider: reason not specified",
            (2, 1) => "service provider: unrecognized PDU",
            (2, 2) => "service provider: unexpected PDU",
            (2, 4) => "service provider: unrecognized PDU parameter",
            (2, 5) => "service provider: unexpected PDU parameter",
            (2, 6) => "service provider: invalid PDU parameter value",
            _ => return write!(f, "source {source}, reason {reason}"),
        })
    }
}

impl fmt::Display for PeerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerFault::UnrecognizedPdu { pdu_type } => {
                write!(f, "unrecognized PDU type {pdu_type:02X}H")
            }
            PeerFault::UnexpectedPdu { pdu_type, state } => {
                write!(f, "unexpected PDU type {pdu_type:02X}H in state {state}")
            }
            PeerFault::PduLength { pdu_type, length } => {
                write!(f, "PDU type {pdu_type:02X}H with invalid length {length}")
            }
            PeerFault::ItemLength { item_type } => {
                write!(f, "A-ASSOCIATE item {item_type:02X}H with invalid length")
            }
            PeerFault::PdvLength { length, remaining } => {
                write!(f, "PDV length {length} in a PDU with {remaining} bytes left")
            }
            PeerFault::ContextNotAccepted(id) => {
                write!(f, "PDV on presentation context {id}, which was not accepted")
            }
            PeerFault::ContextChanged { expected, found } => {
                write!(f, "PDV on presentation context {found} in a message on {expected}")
            }
            PeerFault::CommandInDataSet(id) => {
                write!(f, "command PDV inside a data set on presentation context {id}")
            }
            PeerFault::DataSetWithoutCommand(id) => {
                write!(f, "data set PDV without a command on presentation context {id}")
            }
            PeerFault::CommandSetLength => {
                write!(f, "command set longer than {} bytes", limits::COMMAND_SET_BYTES)
            }
            PeerFault::CommandSetElement { offset } => {
                write!(f, "command set element at offset {offset} overruns the command set")
            }
        }
    }
}

impl std::error::Error for PeerFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_user_gives_no_reason() {
        let fault = PeerFault::UnrecognizedPdu { pdu_type: 0x47 };
        let abort = abort_for(Action::Aa1, Some(&fault));
        assert_eq!((abort.source, abort.reason), (0, 0));
        assert_eq!(abort_for(Action::Aa1, None), abort);
    }

    #[test]
    fn the_service_provider_gives_the_reason() {
        let id = ContextId(1);
        for (fault, reason) in [
            (PeerFault::UnrecognizedPdu { pdu_type: 0x47 }, 1),
            (PeerFault::UnexpectedPdu { pdu_type: 1, state: State::Sta6 }, 2),
            (PeerFault::PduLength { pdu_type: 4, length: 0 }, 6),
            (PeerFault::PdvLength { length: 1, remaining: 0 }, 6),
            (PeerFault::ItemLength { item_type: 0x20 }, 6),
            (PeerFault::ContextNotAccepted(id), 6),
        ] {
            let abort = abort_for(Action::Aa8, Some(&fault));
            assert_eq!((abort.source, abort.reason), (2, reason), "{fault}");
            assert!(!fault.is_dimse(), "{fault}");
        }
        assert!(PeerFault::CommandSetLength.is_dimse());
    }
}
