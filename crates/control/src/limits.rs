//! Every bound of the control plane, and the memory that they add up to.
//!
//! | what | bytes at most | when |
//! |---|---|---|
//! | clients | [`MEMORY_BYTES`] | as they come |
//! | associations being served | [`ASSOCIATION_BYTES`] each | while they are |
//! | the last [`ENDED_ASSOCIATIONS`] associations | [`HISTORY_BYTES`] | always, as they come |
//! | the last [`REFUSALS`] refusals | [`REFUSALS_BYTES`] | always, as they come |
//!
//! An association that has ended leaves [`LEFT_BEHIND_BYTES`] for each thread that serves associations, until that
//! thread has served some more.

use std::time::Duration;

/// Threads that run the server; requests share them.
pub const WORKER_THREADS: usize = 1;

/// Threads for what blocks: questions to the program, the one whether it lives, passwords.
pub const BLOCKING_THREADS: usize = QUESTIONS_AT_ONCE + 1 + PASSWORDS_AT_ONCE;

/// All threads, for the program's sum.
pub const THREADS: usize = WORKER_THREADS + BLOCKING_THREADS;

/// Niceness (`nice(2)`) of all of them relative to receiving.
pub const NICENESS: i32 = 10;

/// Connections at a time. One more takes the place of the oldest that has no request in progress; where all have
/// one, it is closed.
pub const MAX_CONNECTIONS: usize = 256;

/// At least so many, however few descriptors the process may have.
pub const LEAST_CONNECTIONS: usize = 8;

/// The part of the process's descriptors that connections may take: one of so many.
pub const DESCRIPTOR_SHARE: usize = 16;

/// Descriptors beside those of the connections: listeners, and those of the runtime.
pub const OWN_DESCRIPTORS: usize = 16;

/// Longest TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the whole head of a request: from the connection, or from the end of the answer before it.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the whole body of a request, from its head.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for an answer, from the head of its request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// After this time, a connection ends with the answer in progress; without one, at once.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// How long that answer may take, so that a client which does not read it cannot keep the connection.
pub const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of the head of a request, and of the buffer that each connection reads into.
pub const HEAD_BYTES: usize = 16 * 1024;

/// Fields in the head of a request.
pub const HEAD_FIELDS: usize = 64;

/// Bytes of the body of a request.
pub const BODY_BYTES: usize = 64 * 1024;

/// Requests that are worked on at a time; others wait for [`QUEUE_TIMEOUT`], then get 503.
pub const REQUESTS_AT_ONCE: usize = 32;

/// How long a request waits for its turn.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// KiB of answers that wait for clients to read them; in place of further ones there is 503.
pub const ANSWERS_KIB: usize = 16 * 1024;

/// Answers of at most so many bytes are not counted there, so that those about health, and the metrics of most
/// receivers, always go.
pub const SMALL_ANSWER_BYTES: usize = 64 * 1024;

/// Questions to the program at a time; others wait for their turn.
pub const QUESTIONS_AT_ONCE: usize = 4;

/// Longest wait for the answer whether connections are accepted.
pub const PULSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the program's answer. A question that takes longer keeps its thread until it is answered.
pub const QUESTION_TIMEOUT: Duration = Duration::from_secs(20);

/// Passwords that are verified at a time; others wait for their turn.
pub const PASSWORDS_AT_ONCE: usize = 1;

/// Passwords that wait for it; others are answered 503.
pub const PASSWORDS_WAITING: usize = 16;

/// Longest password, in bytes.
pub const PASSWORD_BYTES: usize = 1024;

/// Most memory that verifying one password may take, as its hash says, in KiB.
pub const PASSWORD_KIB: u32 = 64 * 1024;

/// Most passes over that memory.
pub const PASSWORD_PASSES: u32 = 16;

/// Passwords that were verified and are known for [`KNOWN_PASSWORD_TIME`], by a hash under a key that only this
/// process has.
pub const KNOWN_PASSWORDS: usize = 64;

/// How long a password that was verified is not verified again.
pub const KNOWN_PASSWORD_TIME: Duration = Duration::from_secs(300);

/// Fewest characters of a token: its hash is a fast one.
pub const TOKEN_CHARACTERS: usize = 20;

/// Failed log-ins of an address after which it has to wait,
pub const FAILED_LOG_INS: u32 = 10;

/// until this time has passed for one more.
pub const FAILED_LOG_IN_INTERVAL: Duration = Duration::from_secs(6);

/// Addresses whose failed log-ins are counted; beyond them, the one with the fewest is forgotten.
pub const COUNTED_ADDRESSES: usize = 4096;

/// How long a log-in from one address with one name is not told to the program again.
pub const TOLD_LOG_IN_TIME: Duration = Duration::from_secs(3600);

/// Log-ins that are remembered for that.
pub const TOLD_LOG_INS: usize = 1024;

/// How long a connection whose answer was made is left alone before it may have to make room for another.
pub const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// How long the accepting loop waits after an error such as too few descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long requests in progress may take when the control plane stops.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What TLS adds to a connection.
const TLS_BYTES: usize = 64 * 1024;

/// What a connection takes beside its buffers: its task, and the answer's head.
const CONNECTION_BYTES: usize = 16 * 1024;

/// Stack of a thread, of which only the pages that it touches are taken.
pub const THREAD_STACK_BYTES: usize = 512 * 1024;

/// The most memory that clients can make the control plane hold: connections, bodies, answers, passwords, tables. What
/// [`Monitor`](crate::Monitor) keeps and one answer for each request in progress come on top.
pub const MEMORY_BYTES: usize = MAX_CONNECTIONS * (2 * HEAD_BYTES + TLS_BYTES + CONNECTION_BYTES)
    + MAX_CONNECTIONS * (BODY_BYTES + SMALL_ANSWER_BYTES)
    + ANSWERS_KIB * 1024
    + PASSWORDS_AT_ONCE * PASSWORD_KIB as usize * 1024
    + THREADS * THREAD_STACK_BYTES
    + (COUNTED_ADDRESSES + TOLD_LOG_INS + KNOWN_PASSWORDS) * 256;

const _: () = assert!(MEMORY_BYTES < 160 * 1024 * 1024);
const _: () = assert!(LEAST_CONNECTIONS < MAX_CONNECTIONS);
const _: () = assert!(BODY_TIMEOUT.as_secs() < REQUEST_TIMEOUT.as_secs());
const _: () = assert!(QUESTION_TIMEOUT.as_secs() < REQUEST_TIMEOUT.as_secs());
// A body is read from a buffer of this size.
const _: () = assert!(HEAD_BYTES >= 8192);

// What the monitor remembers.

/// Associations that are remembered after their end.
pub const ENDED_ASSOCIATIONS: usize = 1000;

/// Refusals that are remembered.
pub const REFUSALS: usize = 10_000;

/// What the presentation contexts of an association may take, in bytes: 128 private SOP classes with 64 characters
/// and 30 transfer syntaxes each have less. Contexts that do not fit are counted.
pub const CONTEXTS_BYTES: usize = 16 * 1024;

/// What else is remembered of an association, in bytes: who, since when, how far, how it ended.
pub const ASSOCIATION_REST_BYTES: usize = 1536;

/// What an association takes, in bytes.
pub const ASSOCIATION_BYTES: usize = CONTEXTS_BYTES + ASSOCIATION_REST_BYTES;

/// What the associations that have ended take, in bytes: 19 MiB.
pub const HISTORY_BYTES: usize = slots(ENDED_ASSOCIATIONS) * (ASSOCIATION_BYTES + SLOT_BYTES);

/// The longest reason of a refusal in bytes; what is longer is cut.
pub const REASON_BYTES: usize = 480;

/// The longest hint in bytes; what is longer is cut.
pub const HINT_BYTES: usize = 320;

/// The longest name of a rule that is shown with an association in bytes; what is longer is cut.
pub const RULE_BYTES: usize = 128;

/// What a refusal takes, in bytes.
pub const REFUSAL_BYTES: usize = 384 + REASON_BYTES + HINT_BYTES;

/// What the refusals take, in bytes: 13 MiB.
pub const REFUSALS_BYTES: usize = slots(REFUSALS) * (REFUSAL_BYTES + SLOT_BYTES);

/// What remembering takes for each entry beside the entry, in bytes.
pub(crate) const SLOT_BYTES: usize = 32;

/// For how many entries there are places where so many are to be remembered: those that are passed over since a reader
/// is just there cost no entry.
pub(crate) const fn slots(entries: usize) -> usize {
    entries + entries / 16 + 1
}

/// What ended associations leave behind in each thread that serves associations, in bytes: up to 32 of them wait there
/// for their memory to be given back, without their presentation contexts.
pub const LEFT_BEHIND_BYTES: usize = 32 * 256;

/// Entries of a page of the API at most.
pub const PAGE: u16 = 1000;

/// Entries of a page unless another number is asked for.
pub const DEFAULT_PAGE: u16 = 100;

const _: () = assert!(HISTORY_BYTES < 19 << 20);
const _: () = assert!(REFUSALS_BYTES < 13 << 20);
const _: () = assert!(DEFAULT_PAGE <= PAGE);
