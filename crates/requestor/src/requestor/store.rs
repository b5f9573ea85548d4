//! C-STORE, also several at a time.

use std::io::{self, Read};
use std::mem;

use proto::{CStoreRq, CommandSet, ContextId, Response, command_field};

use super::core::{Reply, Requestor};
use crate::error::{Error, Waiting};
use crate::limits::{COMMAND_PDU_BYTES, PDU_OVERHEAD_BYTES, SEND_BUFFER_BYTES};
use crate::part10::Instance;

/// A C-STORE-RQ and the beginning of its data set, encoded for one association, and not sent yet. Dropping it costs
/// nothing.
///
/// Memory: [`SEND_BUFFER_BYTES`] at most.
#[derive(Debug)]
#[must_use = "it is sent by `send`"]
pub struct Encoded<R> {
    message_id: u16,
    context: ContextId,
    pdus: Vec<u8>,
    /// The rest of the data set, if it is longer, and its first byte.
    rest: Option<(R, u8)>,
}

impl Requestor {
    /// Stores an object (PS3.7 §9.1.1): sends a C-STORE-RQ and the data set, read from `data_set` to its
    /// end, and returns the response. The data set must be encoded in the transfer syntax of `instance`.
    ///
    /// Memory: [`SEND_BUFFER_BYTES`] for the data set, and as much for its PDUs, whatever its size.
    ///
    /// # Errors
    /// [`Error::NotAccepted`], or [`Error::Read`] at the beginning of the data set: nothing was sent.
    /// [`Error::Read`] later on: the association was aborted. Otherwise as [`echo`](Self::echo).
    pub fn store(&mut self, instance: &Instance, data_set: impl Read) -> Result<Response, Error> {
        let encoded = self.encode(instance, data_set)?;
        self.send(encoded)?;
        self.response()
    }

    /// C-STOREs that may be outstanding: what [`Settings::operations`](crate::Settings::operations) asked for, as far
    /// as the peer allows it (PS3.7 §D.3.3.3); 1 with most peers.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// C-STOREs that were sent and are not answered yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Encodes a C-STORE-RQ and the beginning of its data set, which is read from `data_set`, without sending
    /// anything: while the response to an earlier one is on its way. The data set must be encoded in the transfer
    /// syntax of `instance`.
    ///
    /// # Errors
    /// [`Error::NotAccepted`], [`Error::Read`], [`Error::Protocol`]; the association is as before.
    pub fn encode<R: Read>(
        &mut self,
        instance: &Instance,
        mut data_set: R,
    ) -> Result<Encoded<R>, Error> {
        let context = self.context_for(&instance.sop_class, Some(instance.transfer_syntax))?;
        let most = self.piece_bytes();
        // One byte more, which tells whether the data set goes on.
        let mut data = mem::take(&mut self.data);
        let read = fill(&mut data_set, &mut data, 0, most + 1).map_err(Error::Read);
        self.data = data;
        let length = read?;
        let message_id = self.next_message_id();
        let request = CStoreRq {
            message_id,
            sop_class: instance.sop_class,
            sop_instance: instance.sop_instance,
            priority: Some(0),
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        let is_last = length <= most;
        let pdus = self.spare.pop().unwrap_or_default();
        debug_assert!(self.association.outgoing().is_empty(), "everything queued was sent");
        self.association.replace_outgoing(pdus);
        self.association.send_command(context, &request.encode())?;
        self.association.send_data(context, &self.data[..length.min(most)], is_last)?;
        let pdus = self.association.take_outgoing();
        let rest = (!is_last).then(|| (data_set, self.data[most]));
        Ok(Encoded { message_id, context, pdus, rest })
    }

    /// Sends what was encoded for this association, and the rest of its data set, some PDUs at a time: command set
    /// and data set in one write if they are short. Returns its message ID. Up to [`window`](Self::window) may be sent
    /// before the first [`response`](Self::response) is awaited.
    ///
    /// # Errors
    /// [`Error::WindowFull`]: nothing was sent. [`Error::Read`] if the rest of the data set could not be read: the
    /// association was aborted, and what was outstanding is lost. Otherwise as [`echo`](Self::echo).
    pub fn send<R: Read>(&mut self, encoded: Encoded<R>) -> Result<u16, Error> {
        let Encoded { message_id, context, mut pdus, rest } = encoded;
        if self.outstanding.len() >= self.window {
            return Err(Error::WindowFull(self.window));
        }
        if self.association.is_closed() {
            return Err(proto::Error::NotEstablished(self.association.state()).into());
        }
        self.send_encoded(&pdus)?;
        if let Some((data_set, first)) = rest {
            self.send_rest(context, data_set, first)?;
        }
        if self.spare.len() < SPARE_BUFFERS {
            pdus.clear();
            self.spare.push(pdus);
        }
        self.outstanding.push(message_id);
        Ok(message_id)
    }

    fn send_rest(
        &mut self,
        context: ContextId,
        mut data_set: impl Read,
        first: u8,
    ) -> Result<(), Error> {
        let most = self.piece_bytes();
        let mut next = first;
        loop {
            let mut data = mem::take(&mut self.data);
            data[0] = next;
            let read = fill(&mut data_set, &mut data, 1, most + 1);
            self.data = data;
            let length = match read {
                Ok(length) => length,
                Err(error) => {
                    self.abort_association();
                    return Err(Error::Read(error));
                }
            };
            let is_last = length <= most;
            self.association.send_data(context, &self.data[..length.min(most)], is_last)?;
            self.flush()?;
            if is_last {
                return Ok(());
            }
            next = self.data[most];
        }
    }

    /// Waits for the response to one of the C-STOREs that are outstanding, whichever comes first.
    ///
    /// # Errors
    /// [`Error::Protocol`] if none is outstanding. Otherwise as [`echo`](Self::echo).
    pub fn response(&mut self) -> Result<Response, Error> {
        if self.outstanding.is_empty() {
            return Err(proto::Error::NotEstablished(self.association.state()).into());
        }
        match self.wait(Waiting::Response)? {
            Reply::Response(response) if response.command_field == STORE_RSP => {
                let id = response.message_id_being_responded_to;
                match self.outstanding.iter().position(|&sent| sent == id) {
                    Some(at) => {
                        self.outstanding.remove(at);
                        Ok(response)
                    }
                    None => Err(self.unexpected(&Reply::Response(response))),
                }
            }
            other => Err(self.unexpected(&other)),
        }
    }

    /// Bytes of a data set that are sent at a time, in whole PDUs.
    fn piece_bytes(&self) -> usize {
        let pdv_bytes = self.max_send_pdv_bytes() as usize;
        let pdus = (SEND_BUFFER_BYTES - COMMAND_PDU_BYTES) / (pdv_bytes + PDU_OVERHEAD_BYTES);
        pdus.max(1) * pdv_bytes
    }
}

/// For senders that encode PDUs ahead of time: what [`store`](Requestor::store) is made of.
impl Requestor {
    /// The longest data field of a PDV to send to this peer, in bytes; even.
    #[must_use]
    pub fn max_send_pdv_bytes(&self) -> u32 {
        self.association.max_send_pdv_bytes()
    }

    /// A message ID, different from that of the message before.
    pub fn next_message_id(&mut self) -> u16 {
        let id = self.next_message_id;
        self.next_message_id = id.wrapping_add(1);
        id
    }

    /// Queues a command set.
    ///
    /// # Errors
    /// [`Error::Protocol`]; nothing is queued then.
    pub fn queue_command(&mut self, context: ContextId, command: &CommandSet) -> Result<(), Error> {
        Ok(self.association.send_command(context, command)?)
    }

    /// Queues bytes of a data set, in PDUs as long as the peer allows; `last` marks its end. Copies
    /// `bytes`.
    ///
    /// # Errors
    /// [`Error::Protocol`]; nothing is queued then.
    pub fn queue_data(
        &mut self,
        context: ContextId,
        bytes: &[u8],
        last: bool,
    ) -> Result<(), Error> {
        Ok(self.association.send_data(context, bytes, last)?)
    }

    /// The PDUs that are queued, which are then no longer sent by [`flush`](Self::flush), but as often
    /// as wanted by [`send_encoded`](Self::send_encoded).
    #[must_use]
    pub fn take_queued(&mut self) -> Vec<u8> {
        self.association.take_outgoing()
    }

    /// Waits for the C-STORE-RSP to a message whose PDUs were queued.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub fn store_response(&mut self, message_id: u16) -> Result<Response, Error> {
        self.response_to(command_field::C_STORE_RQ, message_id)
    }

    pub(super) fn response_to(&mut self, request: u16, message_id: u16) -> Result<Response, Error> {
        match self.wait(Waiting::Response)? {
            Reply::Response(response)
                if response.message_id_being_responded_to == message_id
                    && response.command_field == request | command_field::RESPONSE =>
            {
                Ok(response)
            }
            other => Err(self.unexpected(&other)),
        }
    }
}

const STORE_RSP: u16 = command_field::C_STORE_RQ | command_field::RESPONSE;

/// Buffers that are kept: of the object being sent, and of the one after it.
const SPARE_BUFFERS: usize = 2;

/// Reads from `start` of `target` on until that holds `most` bytes or the data set ends; `target` grows only as
/// needed. Returns how many bytes it holds then.
fn fill(
    data_set: &mut impl Read,
    target: &mut Vec<u8>,
    start: usize,
    most: usize,
) -> io::Result<usize> {
    let mut length = start;
    loop {
        if length == most {
            return Ok(length);
        }
        if length == target.len() {
            target.resize((length * 2).max(FIRST_READ_BYTES).min(most), 0);
        }
        let end = target.len().min(most);
        match data_set.read(&mut target[length..end]) {
            Ok(0) => return Ok(length),
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes that are read first: a small image whole.
const FIRST_READ_BYTES: usize = 64 * 1024;
