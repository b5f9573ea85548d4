//! Sends copies of one object, one after another.

use dataset::Uid;
use proto::{CStoreRq, ContextId};
use requestor::{ContextProposal, Requestor};

use crate::associate::expect_success;
use crate::error::Error;
use crate::object::Object;

impl Object {
    /// The presentation context that the object needs.
    pub fn context(&self) -> ContextProposal {
        ContextProposal {
            sop_class: self.sop_class(),
            transfer_syntaxes: vec![self.transfer_syntax()],
        }
    }
}

/// Sends copies of one object on one association.
///
/// Most of an object is the same in every copy, so its PDUs are encoded once: about 1 MiB of them, which is
/// sent repeatedly, and the rest. Sending a copy then costs little more than the writes, so that a benchmark
/// does not measure the sender.
#[derive(Debug)]
pub struct StoreSender {
    object: Object,
    context: ContextId,
    /// Data-set bytes in one PDU.
    piece_bytes: usize,
    /// Length of the part of the head that is encoded for each copy.
    first_bytes: usize,
    /// PDUs with the rest of the head.
    rest: Vec<u8>,
    /// PDUs with filler, sent `body_count` times.
    body: Vec<u8>,
    body_count: u64,
    /// PDUs with the rest of the filler.
    tail: Vec<u8>,
}

impl StoreSender {
    /// Prepares `object` for `requestor`, in PDUs of at most `max_pdu_bytes`, or the maximum that the peer
    /// accepts if that is less.
    ///
    /// # Errors
    /// [`Error::Association`] if the association has ended, or no context for the object was accepted.
    pub fn new(
        requestor: &mut Requestor,
        mut object: Object,
        max_pdu_bytes: u32,
    ) -> Result<Self, Error> {
        let context = requestor.context_for(&object.sop_class(), Some(object.transfer_syntax()))?;
        let most = requestor.max_send_pdv_bytes();
        let asked = max_pdu_bytes.saturating_sub(PDU_OVERHEAD_BYTES).max(2) & !1;
        let piece_bytes = most.min(asked) as usize;
        object.lengthen_head(object.head().len().next_multiple_of(piece_bytes));
        let whole = BODY_BYTES.next_multiple_of(piece_bytes);
        let body_count = object.filler_bytes().saturating_sub(1) / whole as u64;
        let tail_bytes = (object.filler_bytes() - body_count * whole as u64) as usize;
        let first_bytes = object.changing_bytes().next_multiple_of(piece_bytes);
        let mut sender = Self {
            first_bytes: first_bytes.min(object.head().len()),
            object,
            context,
            piece_bytes,
            rest: Vec::new(),
            body: Vec::new(),
            body_count,
            tail: Vec::new(),
        };
        let rest = &sender.object.head()[sender.first_bytes..];
        sender.rest = sender.encode(requestor, rest, tail_bytes == 0)?;
        let filler = sender.object.filler().bytes(if body_count > 0 { whole } else { tail_bytes });
        if body_count > 0 {
            sender.body = sender.encode(requestor, &filler, false)?;
        }
        sender.tail = sender.encode(requestor, &filler[..tail_bytes], true)?;
        Ok(sender)
    }

    /// The copies that are sent from now on are of this study; see [`Object::set_study`].
    pub fn set_study(&mut self, study: &Uid) {
        self.object.set_study(study);
    }

    /// Sends one copy under the SOP Instance UID `instance`, one of
    /// [`instance_uid`](crate::instance_uid)'s, and waits for success.
    ///
    /// # Errors
    /// [`Error::Status`] for any other status; [`Error::Association`] if the association is lost.
    pub fn send(&mut self, requestor: &mut Requestor, instance: Uid) -> Result<(), Error> {
        let message_id = requestor.next_message_id();
        let request = CStoreRq {
            message_id,
            sop_class: self.object.sop_class(),
            sop_instance: instance,
            priority: Some(0),
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        self.object.set_instance(&instance);
        requestor.queue_command(self.context, &request.encode())?;
        let all = self.rest.is_empty() && self.tail.is_empty();
        self.queue(requestor, &self.object.head()[..self.first_bytes], all)?;
        requestor.flush()?;
        requestor.send_encoded(&self.rest)?;
        for _ in 0..self.body_count {
            requestor.send_encoded(&self.body)?;
        }
        requestor.send_encoded(&self.tail)?;
        expect_success(requestor.store_response(message_id)?)
    }

    /// Queues data-set bytes, in PDUs of the chosen size.
    fn queue(&self, requestor: &mut Requestor, bytes: &[u8], last: bool) -> Result<(), Error> {
        let mut pieces = bytes.chunks(self.piece_bytes).peekable();
        while let Some(piece) = pieces.next() {
            let last = last && pieces.peek().is_none();
            requestor.queue_data(self.context, piece, last)?;
        }
        Ok(())
    }

    /// Encodes data-set bytes without sending them.
    fn encode(
        &self,
        requestor: &mut Requestor,
        bytes: &[u8],
        last: bool,
    ) -> Result<Vec<u8>, Error> {
        self.queue(requestor, bytes, last)?;
        Ok(requestor.take_queued())
    }
}

/// Length of the PDU header and the PDV header (PS3.8 §9.3.5).
const PDU_OVERHEAD_BYTES: u32 = 12;

/// Approximate number of data-set bytes in one write of a large object.
const BODY_BYTES: usize = 1024 * 1024;
