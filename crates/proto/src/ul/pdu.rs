//! PDU headers and the PDUs of fixed size (PS3.8 §9.3).
//!
//! A-ASSOCIATE-RQ and -AC are in [`associate`](super::associate), P-DATA-TF in
//! [`p_data`](super::p_data).

use std::fmt;

use crate::error::{AbortPdu, PeerFault};
use crate::limits;
use crate::state::StateEvent;

/// PDU types (PS3.8 §9.3.1).
pub(crate) const A_ASSOCIATE_RQ: u8 = 0x01;
pub(crate) const A_ASSOCIATE_AC: u8 = 0x02;
pub(crate) const A_ASSOCIATE_RJ: u8 = 0x03;
pub(crate) const P_DATA_TF: u8 = 0x04;
pub(crate) const A_RELEASE_RQ: u8 = 0x05;
pub(crate) const A_RELEASE_RP: u8 = 0x06;
pub(crate) const A_ABORT: u8 = 0x07;

/// Bytes before the variable field: type, one reserved, length.
pub(crate) const HEADER_BYTES: usize = 6;

/// Bytes of the variable field of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT.
pub(crate) const FIXED_BODY_BYTES: usize = 4;

/// Bytes 7 to 74 of A-ASSOCIATE-RQ and -AC, before the items.
pub(crate) const ASSOCIATE_FIXED_BYTES: usize = 68;

/// The first six bytes of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PduHeader {
    pub(crate) pdu_type: u8,
    /// Number of bytes that follow.
    pub(crate) length: u32,
}

impl PduHeader {
    pub(crate) fn decode(bytes: [u8; HEADER_BYTES]) -> PduHeader {
        let [pdu_type, _, a, b, c, d] = bytes;
        PduHeader { pdu_type, length: u32::from_be_bytes([a, b, c, d]) }
    }

    /// Checks the length against the bounds of the type; `own_max` is the maximum length of P-DATA-TF
    /// that we announced, 0 for any length (PS3.8 §D.1).
    pub(crate) fn check_length(self, own_max: u32) -> Result<(), PeerFault> {
        let PduHeader { pdu_type, length } = self;
        let fits = match pdu_type {
            A_ASSOCIATE_RQ | A_ASSOCIATE_AC => {
                (ASSOCIATE_FIXED_BYTES as u32..=limits::ASSOCIATE_PDU_BYTES).contains(&length)
            }
            P_DATA_TF => length >= 6 && (own_max == 0 || length <= own_max),
            _ => length == FIXED_BODY_BYTES as u32,
        };
        if fits { Ok(()) } else { Err(PeerFault::PduLength { pdu_type, length }) }
    }
}

/// True if PS3.8 defines this PDU type.
pub(crate) fn is_known(pdu_type: u8) -> bool {
    (A_ASSOCIATE_RQ..=A_ABORT).contains(&pdu_type)
}

/// The event of the state machine that the receipt of a PDU of this type is.
pub(crate) fn received_event(pdu_type: u8) -> StateEvent {
    match pdu_type {
        A_ASSOCIATE_RQ => StateEvent::Evt6,
        A_ASSOCIATE_AC => StateEvent::Evt3,
        A_ASSOCIATE_RJ => StateEvent::Evt4,
        P_DATA_TF => StateEvent::Evt10,
        A_RELEASE_RQ => StateEvent::Evt12,
        A_RELEASE_RP => StateEvent::Evt13,
        A_ABORT => StateEvent::Evt16,
        _ => StateEvent::Evt19,
    }
}

/// Why an association is rejected (PS3.8 §9.3.4, Table 9-21), as in the A-ASSOCIATE-RJ PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// 1 permanent, 2 transient.
    pub result: u8,
    /// 1 service user, 2 service provider (ACSE), 3 service provider (presentation).
    pub source: u8,
    /// Depends on the source.
    pub reason: u8,
}

impl Rejection {
    /// Permanent, service user: no reason given.
    pub const NO_REASON_GIVEN: Rejection = Rejection::new(1, 1, 1);
    /// Permanent, service user: application context name not supported.
    pub const APPLICATION_CONTEXT_NAME: Rejection = Rejection::new(1, 1, 2);
    /// Permanent, service user: calling AE title not recognized.
    pub const CALLING_AE_TITLE: Rejection = Rejection::new(1, 1, 3);
    /// Permanent, service user: called AE title not recognized.
    pub const CALLED_AE_TITLE: Rejection = Rejection::new(1, 1, 7);
    /// Permanent, service provider (ACSE): protocol version not supported.
    pub const PROTOCOL_VERSION: Rejection = Rejection::new(1, 2, 2);
    /// Permanent, service provider (presentation): local limit exceeded, by the request itself.
    pub const REQUEST_TOO_LARGE: Rejection = Rejection::new(1, 3, 2);
    /// Transient, service provider (presentation): temporary congestion.
    pub const TEMPORARY_CONGESTION: Rejection = Rejection::new(2, 3, 1);
    /// Transient, service provider (presentation): local limit exceeded.
    pub const LOCAL_LIMIT_EXCEEDED: Rejection = Rejection::new(2, 3, 2);

    const fn new(result: u8, source: u8, reason: u8) -> Rejection {
        Rejection { result, source, reason }
    }

    pub(crate) fn decode(body: [u8; FIXED_BODY_BYTES]) -> Rejection {
        let [_, result, source, reason] = body;
        Rejection { result, source, reason }
    }

    pub(crate) fn encode(self) -> [u8; HEADER_BYTES + FIXED_BODY_BYTES] {
        fixed(A_ASSOCIATE_RJ, [0, self.result, self.source, self.reason])
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { result, source, reason } = *self;
        f.write_str(match result {
            1 => "rejected permanent",
            2 => "rejected transient",
            _ => "rejected",
        })?;
        f.write_str(match (source, reason) {
            (1, 1) => ", service user: no reason given",
            (1, 2) => ", service user: application context name not supported",
            (1, 3) => ", service user: calling AE title not recognized",
            (1, 7) => ", service user: called AE title not recognized",
            (2, 1) => ", service provider (ACSE): no reason given",
            (2, 2) => ", service provider (ACSE): protocol version not supported",
            (3, 1) => ", service provider (presentation): temporary congestion",
            (3, 2) => ", service provider (presentation): local limit exceeded",
            _ => return write!(f, ", source {source}, reason {reason}"),
        })
    }
}

/// The A-ABORT PDU (PS3.8 §9.3.8).
pub(crate) fn abort(abort: AbortPdu) -> [u8; HEADER_BYTES + FIXED_BODY_BYTES] {
    fixed(A_ABORT, [0, 0, abort.source(), abort.reason()])
}

/// The A-RELEASE-RQ PDU (PS3.8 §9.3.6).
pub(crate) fn release_rq() -> [u8; HEADER_BYTES + FIXED_BODY_BYTES] {
    fixed(A_RELEASE_RQ, [0; FIXED_BODY_BYTES])
}

/// The A-RELEASE-RP PDU (PS3.8 §9.3.7).
pub(crate) fn release_rp() -> [u8; HEADER_BYTES + FIXED_BODY_BYTES] {
    fixed(A_RELEASE_RP, [0; FIXED_BODY_BYTES])
}

fn fixed(pdu_type: u8, body: [u8; 4]) -> [u8; HEADER_BYTES + FIXED_BODY_BYTES] {
    let [a, b, c, d] = body;
    [pdu_type, 0, 0, 0, 0, FIXED_BODY_BYTES as u8, a, b, c, d]
}

/// Collects `N` bytes that arrive in any number of pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gather<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Gather<N> {
    pub(crate) const EMPTY: Self = Gather { bytes: [0; N], len: 0 };

    /// Consumes what is missing from `input`. Returns how many bytes and, once complete, the bytes
    /// collected; the collector is then empty again.
    pub(crate) fn take(&mut self, input: &[u8]) -> (usize, Option<[u8; N]>) {
        let taken = input.len().min(N - self.len);
        self.bytes[self.len..self.len + taken].copy_from_slice(&input[..taken]);
        self.len += taken;
        if self.len < N {
            return (taken, None);
        }
        self.len = 0;
        (taken, Some(self.bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes collected so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_pdus_have_the_bytes_of_the_standard() {
        assert_eq!(release_rq(), [5, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(release_rp(), [6, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(Rejection::PROTOCOL_VERSION.encode(), [3, 0, 0, 0, 0, 4, 0, 1, 2, 2]);
        assert_eq!(abort(AbortPdu::received([0, 0, 2, 6])), [7, 0, 0, 0, 0, 4, 0, 0, 2, 6]);
        assert_eq!(Rejection::decode([0, 1, 2, 2]), Rejection::PROTOCOL_VERSION);
    }

    #[test]
    fn lengths_are_checked_by_type() {
        let check = |pdu_type, length| PduHeader { pdu_type, length }.check_length(16384).is_ok();
        assert!(check(A_ASSOCIATE_RQ, 68) && check(A_ASSOCIATE_RQ, 1 << 20));
        assert!(!check(A_ASSOCIATE_RQ, 67) && !check(A_ASSOCIATE_AC, (1 << 20) + 1));
        assert!(check(P_DATA_TF, 6) && check(P_DATA_TF, 16384));
        assert!(!check(P_DATA_TF, 5) && !check(P_DATA_TF, 16385));
        assert!(check(A_ABORT, 4) && !check(A_ABORT, 3) && !check(A_RELEASE_RQ, 5));
        let unlimited = PduHeader { pdu_type: P_DATA_TF, length: u32::MAX };
        assert!(unlimited.check_length(0).is_ok());
    }

    #[test]
    fn gathering_completes_at_any_cut() {
        for cut in 0..=4 {
            let mut gather = Gather::<4>::EMPTY;
            let (first, done) = gather.take(&[1, 2, 3, 4][..cut]);
            assert_eq!(first, cut);
            let done = done.or_else(|| gather.take(&[1, 2, 3, 4, 5][cut..]).1);
            assert_eq!(done, Some([1, 2, 3, 4]));
            assert!(gather.is_empty());
        }
    }
}
