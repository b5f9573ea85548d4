//! Every bound of the receiver; those of the protocol are in [`proto::limits`], those of data sets in
//! [`dataset::limits`], those of files in [`storage::limits`].
//!
//! # Worst-case memory of one association
//!
//! [`Capacity`](crate::Capacity) adds up the parts that its settings make possible, and logs the sum:
//!
//! | what | bytes at most | when |
//! |---|---|---|
//! | stack | [`THREAD_STACK_BYTES`] | always |
//! | everything small | [`ASSOCIATION_BYTES`] | always |
//! | receive buffer, while it grows | [`FIRST_RECEIVE_BUFFER_BYTES`] + [`RECEIVE_BUFFER_BYTES`] | always |
//! | proposal or command set | [`proto::limits::PEAK_BYTES`] | always |
//! | text for the log | [`DUMP_BYTES`] | at DEBUG, or proposals are shown at INFO |
//! | files of host access control | [`ACCESS_BYTES`] | with host access control |
//! | TLS | [`TLS_PEAK_BYTES`] | with TLS |
//! | parser, inflating | [`PARSER_BYTES`](dataset::limits::PARSER_BYTES) + [`INFLATE_BYTES`](dataset::limits::INFLATE_BYTES) | objects are stored |
//! | file | [`FILE_BYTES`] | objects are stored |
//! | rewriting | [`REWRITE_BYTES`](dataset::limits::REWRITE_BYTES) + [`TEXT_VALUE_BYTES`] | unless they are stored as received |
//! | faults on purpose | [`FAULT_BYTES`] | there is a plan of faults |
//! | deflating | [`DEFLATE_BYTES`](dataset::limits::DEFLATE_BYTES) | they are written deflated |
//! | attributes of paths | [`TEMPLATE_ATTRIBUTES`] × [`WANTED_ATTRIBUTE_BYTES`](dataset::limits::WANTED_ATTRIBUTE_BYTES) | their paths are made by a template |
//! | attributes of what is owed | [`INTENT_ATTRIBUTES`] × [`WANTED_ATTRIBUTE_BYTES`](dataset::limits::WANTED_ATTRIBUTE_BYTES) | something is owed for objects |
//!
//! What all associations share is added once:
//!
//! | what | bytes at most | when |
//! |---|---|---|
//! | receive buffers of large objects | [`LARGE_RECEIVE_BUFFERS`] × [`LARGE_RECEIVE_BUFFER_BYTES`] | without TLS |
//! | files of host access control that are kept | [`ACCESS_CACHE_BYTES`] | with host access control |

use std::time::Duration;
use storage::limits::{COMPARED_BYTES, OPEN_SUBFOLDERS, PREPARED_FILES, WRITE_BLOCK_BYTES};

/// Orders of threads are being explored (`platform::sync`): some bounds are so low then that a few threads
/// come up against them.
const EXPLORING: bool = cfg!(feature = "explore");

/// Bytes read from a socket at a time, and what one association holds to receive into. Less costs
/// more system calls: with 64 KiB the server took a fifth more CPU for a large object, with
/// 128 KiB a tenth. A little more than a power of two, so that images of half a megabyte come in two
/// pieces with all that is around them.
pub const RECEIVE_BUFFER_BYTES: usize = 264 * 1024;

/// What an association receives into until more comes at a time: enough for a proposal, commands
/// and small objects, and little to clear and to hold for peers that send nothing else.
pub const FIRST_RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// From so many bytes of a message on, its association receives into a buffer of
/// [`LARGE_RECEIVE_BUFFER_BYTES`].
pub const LARGE_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes read from a socket at a time within a large message: a tenth to a sixth less CPU for an object of
/// 200 MB than with [`RECEIVE_BUFFER_BYTES`]. Twice as much gains a twentieth more at most, and where the kernel
/// buffers no more than 6 MiB of a connection (its default), nothing.
pub const LARGE_RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// Large receive buffers of the process at a time, if its memory allows that many; none with TLS.
pub const LARGE_RECEIVE_BUFFERS: usize = 16;

/// What it holds at worst as text for the log, at DEBUG or with `--verbose-pc`: a line for every transfer
/// syntax of a proposal, or a command set.
pub const DUMP_BYTES: usize = 3 * 1024 * 1024;
const _: () = assert!(
    proto::limits::PRESENTATION_CONTEXTS
        * (proto::limits::KNOWN_TRANSFER_SYNTAXES + proto::limits::OTHER_TRANSFER_SYNTAXES + 8)
        * 160
        < DUMP_BYTES
);

/// What it holds of everything small, such as the answer to a proposal, names and paths, and what the
/// allocator loses between.
pub const ASSOCIATION_BYTES: usize = 256 * 1024;

/// What host access control holds at worst before an association begins, in bytes: hosts.allow or
/// hosts.deny, a line of it that was joined (which doubles as it grows), three files of patterns within one
/// another, and a pattern in lower case, twice.
pub const ACCESS_BYTES: usize = (1 + 2 + 3 + 2) * ACCESS_FILE_BYTES;

/// What TLS adds to an association at worst, in bytes: a second receive buffer, for what is still
/// encrypted, and what OpenSSL holds for records, the longest messages of a handshake and certificates.
pub const TLS_PEAK_BYTES: usize = FIRST_RECEIVE_BUFFER_BYTES + RECEIVE_BUFFER_BYTES + 256 * 1024;

/// What a [`storage::InstanceFile`] holds at worst, in bytes: what is behind the last whole block, and that
/// of the write before, which goes out with the next one. When it is compared with another file or copied, nothing
/// is held but two pieces.
pub const FILE_BYTES: usize = 2 * WRITE_BLOCK_BYTES;

/// What rewriting holds at worst of one text value, in bytes, beside
/// [`REWRITE_BYTES`](dataset::limits::REWRITE_BYTES): up to 64 KiB, whose length is known only at its end,
/// and three times as much while the vector grows.
pub const TEXT_VALUE_BYTES: usize = 3 * 64 * 1024;

/// Rules of a plan of faults at most.
pub const FAULT_RULES: usize = 1000;

/// Longest PDU that a fault makes of an answer, in bytes.
pub const OVERSIZED_PDU_BYTES: u32 = 1024 * 1024;

/// What faults on purpose hold at worst for an association, in bytes: an oversized answer as command set, as PDU
/// and as it waits to be sent, and for each rule its count and its strike.
pub const FAULT_BYTES: usize = 4 * OVERSIZED_PDU_BYTES as usize;
const _: () = assert!(
    3 * OVERSIZED_PDU_BYTES as usize + FAULT_RULES * (128 + size_of::<u64>()) <= FAULT_BYTES
);
const _: () = assert!(OVERSIZED_PDU_BYTES > proto::limits::SENT_PDU_BYTES + 1024);

/// Longest file of keys, certificates, a revocation list, Diffie-Hellman parameters or a seed, in bytes.
pub const TLS_FILE_BYTES: usize = 64 * 1024 * 1024;

/// How long a peer whose TLS handshake is answered with an alert on purpose may take to send its ClientHello, and
/// then to close the connection.
pub const PROVOKED_ALERT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a peer is silent before its association gives the receive buffer back.
pub const IDLE_BEFORE_RELEASE: Duration = Duration::from_secs(1);

/// How long a thread polls before it blocks, where messages are short and come quickly (see `net::spin_wait`);
/// about the cost of a wake-up.
pub const SPIN_WAIT: Duration = Duration::from_micros(120);

/// From this size on, a message takes so long that it does not matter whether its thread slept.
pub const SHORT_MESSAGE_BYTES: usize = 64 * 1024;

/// Stack of an association's thread in bytes; only the pages it touches are taken.
pub const THREAD_STACK_BYTES: usize = 256 * 1024;

/// How long a peer may take to close the connection after a release, a rejection or an abort
/// (PS3.8 §9.1.5, the ARTIM timer once an association has ended).
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long associations that were cut off when the server ends may take to discard what they hold.
pub const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections past the admitted number that are being rejected at the same time. From half of this number on,
/// each new one cuts off the one that has been there longest; should that not help, those past this number are
/// closed without an answer.
pub const REJECTIONS_AT_ONCE: usize = if EXPLORING { 2 } else { 64 };

/// How long a peer past the admitted number may take to send its A-ASSOCIATE-RQ.
pub const REJECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take where the only thread that accepts connections waits for it.
pub const LONE_REJECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the only thread that accepts connections waits for a rejected peer to close the connection.
pub const LONE_CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// Connections that the kernel completes ahead of being accepted.
pub const LISTEN_BACKLOG: i32 = 1024;

/// How long a study keeps its folder after its last object, where nothing happens at its end, and an
/// object of another study has come.
pub const STUDY_MEMORY: Duration = Duration::from_secs(60);

/// Of how many studies an association keeps the folders, where nothing happens at their end.
pub const STUDIES_OF_AN_ASSOCIATION: usize = 64;

/// The longest path template, in bytes.
pub const TEMPLATE_BYTES: usize = 1024;

/// How many different attributes a path template may use.
pub const TEMPLATE_ATTRIBUTES: usize = 32;

/// How many attributes may be wanted of objects for which something is owed
/// ([`IntentSettings::wanted`](crate::IntentSettings::wanted)).
pub const INTENT_ATTRIBUTES: usize = 64;
const _: () =
    assert!(TEMPLATE_ATTRIBUTES + INTENT_ATTRIBUTES <= dataset::limits::WANTED_ATTRIBUTES);

/// How many names, one in another, a path template may have, that of the file included.
pub const TEMPLATE_LEVELS: usize = 16;

pub use storage::limits::PATH_COMPONENT_BYTES;

/// How many files a path template may give the same name; their numbers are at most this.
pub const SAME_PATH_FILES: u32 = 9999;
// `_9999`, and what comes before and behind it.
const _: () = assert!(PATH_COMPONENT_BYTES + 5 <= storage::FileName::MAX_BYTES);

/// The longest path that a path template makes, in bytes, beneath the output directory.
pub const TEMPLATE_PATH_BYTES: usize = TEMPLATE_LEVELS * (PATH_COMPONENT_BYTES + 1) + 5;
// With a directory of some 800 bytes, programs can open it (`PATH_MAX`).
const _: () = assert!(TEMPLATE_PATH_BYTES + 800 <= 4096);

/// Descriptors kept for what is no association: standard streams, listener, folders, log files.
pub const RESERVED_DESCRIPTORS: usize = 64 + PREPARED_FILES;

/// Threads kept for what is no association: rejections, look-ups of names, commands, log files. Where the
/// system leaves fewer than twice as many, half of what it leaves.
pub const RESERVED_THREADS: usize = 256;

/// Threads without which no association can be served: one to accept connections, and one to serve one.
pub const LEAST_THREADS: usize = 2;

/// Threads that wait for connections at a time, each with a descriptor in reserve.
pub const MAX_WAITING_THREADS: usize = if EXPLORING { 2 } else { 8 };

/// How long a connection waits before it asks for a slot again, where even those past the admitted number are
/// too many.
pub const SLOT_BACKOFF: Duration = Duration::from_millis(10);

/// How often such a connection asks for a slot.
pub const SLOT_ATTEMPTS: usize = 20;

/// How long accepting waits after the system refused a descriptor or a thread.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How long [`Handle::is_accepting`](crate::Handle::is_accepting) waits for connections to be accepted that have
/// come, and how often it looks meanwhile.
pub const PULSE_PATIENCE: Duration = Duration::from_millis(1000);
/// See [`PULSE_PATIENCE`].
pub const PULSE_STEP: Duration = Duration::from_millis(10);

/// From when on the log warns of a certificate of ours that expires.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long is waited for the name of a peer, where a name is wanted.
pub const NAME_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a rule of host access control waits for the name of a peer, in that peer's thread.
pub const ACCESS_NAME_TIMEOUT: Duration = Duration::from_secs(5);

/// Look-ups for host access control at a time: a thread each, which may outlive the wait for it.
pub const ACCESS_LOOK_UPS_AT_ONCE: usize = 64;

/// Longest file of host access control: hosts.allow, hosts.deny or a file of patterns.
pub const ACCESS_FILE_BYTES: usize = 1024 * 1024;

/// A file of host access control that changed less than this time ago may be half written.
pub const ACCESS_FILE_SETTLING: Duration = Duration::from_millis(100);

/// A file of host access control that last changed longer ago than this has other times once it changes
/// again: file systems count in steps of up to 2 seconds. Only then its content is kept.
pub const ACCESS_FILE_TRUST: Duration = Duration::from_secs(3);

/// What is kept at most of files of host access control, from connection to connection, in bytes: 8 MiB are
/// the lines of some 100,000 addresses.
pub const ACCESS_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// How often a file of host access control that may be half written is read.
pub const ACCESS_FILE_ROUNDS: usize = 10;

/// Reverse look-ups at a time; meanwhile, other peers have no names.
pub const LOOK_UPS_AT_ONCE: usize = if EXPLORING { 2 } else { 8 };

/// How long the result of a look-up is kept: a name, or that the peer has none.
pub const NAME_LIFETIME: Duration = Duration::from_secs(300);

/// Names kept, some 100 bytes each.
pub const NAMES_KEPT: usize = 1024;

/// Longest subject of a peer's certificate that is used, in bytes; also all its alternative names together.
pub const CERTIFICATE_NAME_BYTES: usize = 4096;

/// Alternative names of a peer's certificate that are used.
pub const CERTIFICATE_NAMES: usize = 64;

/// Objects of one SOP Instance UID that are kept beside the first one ([`Duplicates::Both`](crate::Duplicates::Both)).
pub const DUPLICATES_KEPT: u32 = 9999;

/// Shortest time between two lines of the log that say that there is no room on the disk, or how much was refused
/// for that.
pub const FULL_DISK_LOG_INTERVAL: Duration = Duration::from_secs(60);

// What depends on the bounds of other crates.

// The fragments of one event are handed to the file in one call.
const _: () = assert!(proto::limits::FRAGMENTS_PER_EVENT <= dataset::limits::WRITE_SLICES);
// A buffer that is full has a piece that is written without being copied, and fills whole blocks of a file.
const _: () = assert!(dataset::limits::DIRECT_WRITE_BYTES <= RECEIVE_BUFFER_BYTES);
const _: () = assert!(WRITE_BLOCK_BYTES <= RECEIVE_BUFFER_BYTES);
const _: () = assert!(2 * COMPARED_BYTES <= FILE_BYTES);
// Folders that are held open have two descriptors each at worst.
const _: () = assert!(2 * OPEN_SUBFOLDERS <= RESERVED_DESCRIPTORS);
const _: () =
    assert!(PREPARED_FILES + OPEN_SUBFOLDERS + MAX_WAITING_THREADS < RESERVED_DESCRIPTORS);

// What depends on others above.

// A P-DATA-TF of the smallest maximum length fits the buffer whole.
const _: () = assert!(FIRST_RECEIVE_BUFFER_BYTES >= 4096 + 6);
const _: () = assert!(MAX_WAITING_THREADS > 0);
const _: () = assert!(
    REJECTIONS_AT_ONCE + LOOK_UPS_AT_ONCE + ACCESS_LOOK_UPS_AT_ONCE + MAX_WAITING_THREADS
        < RESERVED_THREADS
);
const _: () = assert!(MAX_WAITING_THREADS < RESERVED_DESCRIPTORS);
const _: () = assert!(MAX_WAITING_THREADS < RESERVED_THREADS);
const _: () = assert!(FIRST_RECEIVE_BUFFER_BYTES < RECEIVE_BUFFER_BYTES);
const _: () = assert!(RECEIVE_BUFFER_BYTES < LARGE_RECEIVE_BUFFER_BYTES);
const _: () = assert!(LEAST_THREADS <= MAX_WAITING_THREADS);
const _: () = assert!(LONE_REJECTION_TIMEOUT.as_millis() <= REJECTION_TIMEOUT.as_millis());
const _: () = assert!(LONE_CLOSE_TIMEOUT.as_millis() <= CLOSE_TIMEOUT.as_millis());
