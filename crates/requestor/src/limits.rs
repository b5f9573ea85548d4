//! Every bound of a requestor, and the memory that they add up to.
//!
//! # Worst-case memory of one [`Requestor`](crate::Requestor)
//!
//! | what | bytes at most | held |
//! |---|---|---|
//! | bytes received, not yet looked at | [`RECEIVE_BUFFER_BYTES`] (4 KiB) | for the association |
//! | the association itself | [`proto::limits::PEAK_BYTES`] (328 KiB) | while the peer sends as much |
//! | data set being read | [`SEND_BUFFER_BYTES`] (256 KiB) | for the association, from the first [`store`](crate::Requestor::store) on |
//! | PDUs of an object, and of the one after it ([`encode`](crate::Requestor::encode)), and of the rest of one that is long | each twice [`SEND_BUFFER_BYTES`] at most, as vectors grow by doubling (1.5 MiB) | for the association |
//!
//! The sum is [`PEAK_BYTES`] (2.1 MiB), whatever the size of the objects; with objects of 64 KiB and less some 300 KiB. TLS
//! adds OpenSSL's buffers, some 40 KiB. A caller that encodes more than one object ahead adds those. A caller that queues PDUs itself ([`queue_data`](crate::Requestor::queue_data)) adds
//! what it queues.

use std::time::Duration;

/// Bytes read from the peer at a time. Responses are short.
pub const RECEIVE_BUFFER_BYTES: usize = 4096;

/// Most bytes of P-DATA-TF PDUs that one write of [`store`](crate::Requestor::store) sends.
pub const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Longest P-DATA-TF variable field accepted from the peer, unless
/// [`Settings`](crate::Settings) say otherwise.
pub const MAX_PDU_BYTES: u32 = 16_384;

/// C-STOREs that may be outstanding, at most. Their responses fit into the receive buffer of any socket, so that a peer
/// never waits for us to read them while we wait for it to read.
pub const OPERATIONS: u16 = 16;

/// How often an [`Interrupt`](crate::Interrupt) is asked.
pub const INTERRUPT_TICK: Duration = Duration::from_millis(200);

/// Longest file meta information read (PS3.10 §7.1). That of most files has some 350 bytes.
pub const FILE_META_BYTES: usize = 64 * 1024;

/// How long an aborted association waits for the peer to close the connection, so that the A-ABORT
/// arrives before the connection is reset.
pub const ABORT_LINGER: Duration = Duration::from_millis(500);

/// Most bytes that one requestor holds; see the [table](self).
pub const PEAK_BYTES: usize =
    RECEIVE_BUFFER_BYTES + proto::limits::PEAK_BYTES + 7 * SEND_BUFFER_BYTES;

/// PDU header and PDV header (PS3.8 §9.3.5).
pub(crate) const PDU_OVERHEAD_BYTES: usize = 12;

/// The PDUs of a C-STORE-RQ: a command set of some 250 bytes, in PDVs of at least 2 bytes.
pub(crate) const COMMAND_PDU_BYTES: usize = 2048;

// The C-STORE-RQ and the longest PDU fit into one write.
const _: () = assert!(
    COMMAND_PDU_BYTES + PDU_OVERHEAD_BYTES + proto::limits::SENT_PDU_BYTES as usize
        <= SEND_BUFFER_BYTES
);
const _: () = assert!(PEAK_BYTES <= 2300 * 1024);
