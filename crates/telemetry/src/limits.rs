//! Every bound of what waits to be sent, and of how long sending may take.

use std::time::Duration;

/// Bytes of audit messages that wait to be sent; beyond, new ones are dropped and counted. Held only while
/// messages wait.
pub const AUDIT_BYTES_WAITING: usize = 16 * 1024 * 1024;

/// The longest audit message in bytes: what every syslog server must take (PS3.15 §A.6). It also fits a datagram.
pub const AUDIT_MESSAGE_BYTES: usize = 32 * 1024;

/// Studies and SOP classes of one association that are gathered for its audit messages, each with its outcome; with
/// more, those gathered so far are sent in messages of their own, and counting begins anew. Each takes about 300 bytes,
/// and up to about 600 in a message.
pub const TRANSFER_GROUPS: usize = 32;

/// Refused objects that an audit message names one by one; of the others it has the number.
pub const NAMED_INSTANCES: usize = 64;

/// Characters of a text in an audit message; what is longer is cut.
pub const AUDIT_TEXT_CHARS: usize = 256;

/// Bytes of spans that wait to be sent; beyond, new ones are dropped and counted.
pub const SPAN_BYTES_WAITING: usize = 8 * 1024 * 1024;

/// Spans in one request,
pub const SPANS_PER_REQUEST: usize = 512;

/// and how long the first of them waits for others.
pub const SPAN_LINGER: Duration = Duration::from_secs(1);

/// Bytes of the head of an HTTP response, and of what is read of its body.
pub const HTTP_RESPONSE_BYTES: usize = 16 * 1024;

/// How long connecting and the TLS handshake may take together,
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// and sending one message, or one request with its response, whatever progress it makes.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Delay before sending is tried again,
pub const FIRST_RETRY_DELAY: Duration = Duration::from_millis(250);
/// which doubles up to this, a random part of up to half left out.
pub const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Shortest time between two log lines about what cannot be sent.
pub const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// How long the program waits at its end for what is still to be sent.
pub const LAST_MESSAGES_PATIENCE: Duration = Duration::from_secs(3);

/// Niceness (`nice(2)`) of the threads that send, relative to receiving.
pub const SENDER_NICENESS: i32 = 10;
