//! P-DATA-TF (PS3.8 §9.3.5, Annex E): fragments, streamed.
//!
//! A PDV is passed on as it arrives, in as many pieces as necessary. Only an incomplete header is
//! buffered.

use std::io::IoSlice;

use super::pdu::{Gather, HEADER_BYTES, P_DATA_TF, PduHeader};
use crate::context_id::ContextId;
use crate::error::PeerFault;
use crate::limits::FRAGMENTS_PER_EVENT;

/// A PDV's length field, context ID and message control header.
const PDV_HEADER_BYTES: usize = 6;

/// The message control header of a PDV (PS3.8 §E.2) with its context and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PdvHeader {
    pub(crate) context: ContextId,
    /// A fragment of a command set, else of a data set.
    pub(crate) command: bool,
    /// The last fragment of that command set or data set.
    pub(crate) last: bool,
    /// Bytes of the fragment.
    pub(crate) data_bytes: u32,
}

/// Reads P-DATA-TF PDUs one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PDataReader {
    /// Bytes of the PDU after the current PDV.
    pdu_rest: u32,
    /// Bytes of the current PDV that are still to arrive.
    pdv_rest: u32,
    pdv: PdvHeader,
    header: Gather<PDV_HEADER_BYTES>,
}

impl PDataReader {
    pub(crate) const IDLE: PDataReader = PDataReader {
        pdu_rest: 0,
        pdv_rest: 0,
        pdv: PdvHeader { context: ContextId(0), command: false, last: false, data_bytes: 0 },
        header: Gather::EMPTY,
    };

    /// Begins a PDU whose variable field has `length` bytes, enough for one PDV header.
    pub(crate) fn begin_pdu(&mut self, length: u32) {
        *self = PDataReader { pdu_rest: length, ..PDataReader::IDLE };
    }

    /// Whether all PDVs of the PDU are read.
    pub(crate) fn pdu_ended(&self) -> bool {
        self.pdu_rest == 0 && self.pdv_rest == 0
    }

    /// The PDV being read.
    pub(crate) fn pdv(&self) -> PdvHeader {
        self.pdv
    }

    /// Bytes of the current PDV that are still to arrive.
    pub(crate) fn pdv_rest(&self) -> u32 {
        self.pdv_rest
    }

    /// Bytes of the PDU that are still to arrive.
    pub(crate) fn pdu_rest(&self) -> u32 {
        // An incomplete header has consumed fewer bytes than its PDU has.
        self.pdu_rest + self.pdv_rest - self.header.len() as u32
    }

    /// Consumes what is missing of the next PDV header; returns how many bytes, and the header once
    /// complete.
    ///
    /// # Errors
    /// [`PeerFault::PdvLength`] if the PDV's length is below 2, or if the rest of its PDU is neither
    /// empty nor long enough for another PDV; the reader must not be used again.
    pub(crate) fn read_header(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<PdvHeader>), PeerFault> {
        let (taken, header) = self.header.take(input);
        match header {
            Some(header) => Ok((taken, Some(self.begin_pdv(header)?))),
            None => Ok((taken, None)),
        }
    }

    fn begin_pdv(&mut self, header: [u8; PDV_HEADER_BYTES]) -> Result<PdvHeader, PeerFault> {
        let [a, b, c, d, context, control] = header;
        let length = u32::from_be_bytes([a, b, c, d]);
        let remaining = self.pdu_rest.saturating_sub(4);
        let fault = PeerFault::PdvLength { length, remaining };
        let pdu_rest = remaining.checked_sub(length).ok_or(fault)?;
        let data_bytes = length.checked_sub(2).ok_or(fault)?;
        if (1..PDV_HEADER_BYTES as u32).contains(&pdu_rest) {
            return Err(fault);
        }
        self.pdu_rest = pdu_rest;
        self.pdv_rest = data_bytes;
        self.pdv = PdvHeader {
            context: ContextId(context),
            command: control & 1 != 0,
            last: control & 2 != 0,
            data_bytes,
        };
        Ok(self.pdv)
    }

    /// The next piece of the current PDV: as much of it as `input` has, borrowed from there.
    pub(crate) fn read_fragment<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let bytes = &input[..input.len().min(self.pdv_rest as usize)];
        // No longer than `pdv_rest`, so it fits.
        self.pdv_rest -= bytes.len() as u32;
        bytes
    }

    /// If `input` starts with complete headers (of the next PDV, or of the next PDU and its first PDV)
    /// that continue the data set on `context`, begins that PDV and returns their length. Otherwise
    /// nothing changes, and the caller proceeds one header at a time.
    fn continue_data_set(
        &mut self,
        input: &[u8],
        context: ContextId,
        own_max: u32,
    ) -> Option<usize> {
        let mut ahead = *self;
        let mut at = 0;
        if ahead.pdu_ended() {
            let header = PduHeader::decode(*input.first_chunk::<HEADER_BYTES>()?);
            if header.pdu_type != P_DATA_TF || header.check_length(own_max).is_err() {
                return None;
            }
            ahead.begin_pdu(header.length);
            at = HEADER_BYTES;
        }
        let header = *input.get(at..)?.first_chunk::<PDV_HEADER_BYTES>()?;
        let pdv = ahead.begin_pdv(header).ok()?;
        if pdv.command || pdv.context != context {
            return None;
        }
        *self = ahead;
        Some(at + PDV_HEADER_BYTES)
    }

    /// Collects the fragments of the current data set that `input` holds, across PDVs and PDUs.
    /// Returns how much of `input` they and the headers between them take.
    ///
    /// Starts inside a data-set PDV. Stops at the end of `input`, at the end of the data set, when
    /// [`DataSetFragments`] is full, or before anything that does not clearly continue this data set.
    pub(crate) fn read_data_set<'a>(
        &mut self,
        input: &'a [u8],
        own_max: u32,
    ) -> (usize, DataSetFragments<'a>) {
        let mut fragments = DataSetFragments::new(self.pdv.context);
        let mut at = 0;
        loop {
            let bytes = self.read_fragment(&input[at..]);
            at += bytes.len();
            fragments.push(bytes);
            if self.pdv_rest > 0 {
                break;
            }
            fragments.pdvs_ended += 1;
            if self.pdv.last {
                fragments.last = true;
                break;
            }
            if fragments.is_full() {
                break;
            }
            match self.continue_data_set(&input[at..], self.pdv.context, own_max) {
                Some(headers) => at += headers,
                None => break,
            }
        }
        (at, fragments)
    }
}

/// Consecutive fragments of one data set, borrowed from the input.
///
/// PDVs and PDUs that are in the input together are returned together, so that they can be written
/// with one system call. Memory: 600 bytes, no heap.
#[derive(Debug)]
pub struct DataSetFragments<'a> {
    context: ContextId,
    slices: [IoSlice<'a>; FRAGMENTS_PER_EVENT],
    count: usize,
    bytes: usize,
    pdvs_ended: usize,
    last: bool,
}

impl<'a> DataSetFragments<'a> {
    fn new(context: ContextId) -> Self {
        let slices = [IoSlice::new(&[]); FRAGMENTS_PER_EVENT];
        DataSetFragments { context, slices, count: 0, bytes: 0, pdvs_ended: 0, last: false }
    }

    fn push(&mut self, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            self.slices[self.count] = IoSlice::new(bytes);
            self.count += 1;
            self.bytes += bytes.len();
        }
    }

    fn is_full(&self) -> bool {
        self.count == FRAGMENTS_PER_EVENT
    }

    /// The presentation context of the message.
    #[must_use]
    pub fn context(&self) -> ContextId {
        self.context
    }

    /// The fragments in order, none of them empty; the slice itself may be empty.
    #[must_use]
    pub fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices[..self.count]
    }

    /// Total number of bytes in all slices.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes
    }

    /// Number of PDVs that end in these fragments.
    #[must_use]
    pub fn pdvs_ended(&self) -> usize {
        self.pdvs_ended
    }

    /// True if the data set ends with these fragments.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.last
    }
}

/// Appends P-DATA-TF PDUs with the fragments of one command set or data set, one PDV each, none
/// longer than `max_pdv_bytes` (at least 1). No bytes give one empty PDV if it is the `last`,
/// otherwise nothing.
pub(crate) fn put_fragments(
    out: &mut Vec<u8>,
    context: ContextId,
    command: bool,
    bytes: &[u8],
    last: bool,
    max_pdv_bytes: u32,
) {
    if bytes.is_empty() && !last {
        return;
    }
    let mut rest = bytes;
    loop {
        let (fragment, after) = rest.split_at(rest.len().min(max_pdv_bytes.max(1) as usize));
        // At most `max_pdv_bytes`, so the lengths fit.
        let data_bytes = fragment.len() as u32;
        let ends = last && after.is_empty();
        out.extend([P_DATA_TF, 0]);
        out.extend((data_bytes + 6).to_be_bytes());
        out.extend((data_bytes + 2).to_be_bytes());
        out.extend([context.0, u8::from(command) | u8::from(ends) << 1]);
        out.extend_from_slice(fragment);
        rest = after;
        if rest.is_empty() {
            return;
        }
    }
}
