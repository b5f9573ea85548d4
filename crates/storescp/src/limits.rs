//! Every bound of the server itself; those of the protocol are in [`proto::limits`], those of data
//! sets in [`dataset::limits`].

use std::time::Duration;

/// Bytes read from a socket at a time, and what one association holds to receive into. Less costs
/// more system calls: with 64 KiB the server took a fifth more CPU for a large object, with
/// 128 KiB a tenth. A little more than a power of two, so that images of half a megabyte come in two
/// pieces with all that is around them.
pub const RECEIVE_BUFFER_BYTES: usize = 264 * 1024;

/// What an association receives into until more comes at a time: enough for a proposal, commands
/// and small objects, and little to clear and to hold for peers that send nothing else.
pub const FIRST_RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// Files are written by multiples of this, as far as the pieces in which they come allow: the kernel keeps
/// them in fewer and larger pages then, 3 rather than 10 for an image of half a megabyte.
pub const WRITE_BLOCK_BYTES: usize = 64 * 1024;

/// What TLS adds to an association at worst, in bytes: a second buffer for what is still encrypted,
/// and what OpenSSL holds for records, the longest messages of a handshake and certificates.
pub const TLS_PEAK_BYTES: usize = RECEIVE_BUFFER_BYTES + 256 * 1024;

/// How long a peer is silent before its association gives the receive buffer back.
pub const IDLE_BEFORE_RELEASE: Duration = Duration::from_secs(1);

/// How long an association looks for the next message before it sleeps, where messages are short and
/// come soon (see `lookout`): what it costs to be woken.
pub const LOOKOUT: Duration = Duration::from_micros(120);

/// From this size on, a message takes so long that it does not matter whether its thread slept.
pub const SHORT_MESSAGE_BYTES: usize = 64 * 1024;

/// A silent peer is asked whether it is still there after this time,
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
/// and again after this one,
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// as often as this, before it counts as gone.
pub const KEEP_ALIVE_PROBES: u32 = 4;

/// Stack of an association's thread in bytes; only the pages it touches are taken.
pub const THREAD_STACK_BYTES: usize = 256 * 1024;

/// How long a peer may take to close the connection after a release, a rejection or an abort
/// (PS3.8 §9.1.5, the ARTIM timer once an association has ended).
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of an object is written before `--min-free` is looked at again.
pub const ROOM_CHECK_BYTES: usize = 64 * 1024 * 1024;

/// How long associations that were cut off when the server ends may take to discard what they hold.
pub const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections past the admitted number that are being told so at the same time; those past this
/// one are closed without a word.
pub const REJECTIONS_AT_ONCE: usize = 64;

/// How long a peer past the admitted number may take to send its A-ASSOCIATE-RQ.
pub const REJECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that the kernel completes ahead of being accepted.
pub const LISTEN_BACKLOG: i32 = 1024;

/// How long a study keeps its folder after its last object, where nothing happens at its end, and an
/// object of another study has come.
pub const STUDY_MEMORY: Duration = Duration::from_secs(60);

/// Of how many studies an association keeps the folders, where nothing happens at their end.
pub const STUDIES_OF_AN_ASSOCIATION: usize = 64;

/// How long commands may go on at the end of the server, where associations took the whole grace
/// period.
pub const COMMAND_GRACE: Duration = Duration::from_secs(5);

/// How long a command runs before another one begins beside it, once half of the cores have one.
pub const COMMAND_STAGGER: Duration = Duration::from_millis(20);

/// By how much commands step back behind receiving (`nice(2)`), but for those that are waited for.
pub const COMMAND_NICENESS: i32 = 10;

/// Commands that may wait to be run; whoever brings another one waits himself. Some 200 bytes each.
pub const WAITING_COMMANDS: usize = 50_000;

/// So many waiting commands are told of in the log, and twice as many, and so on.
pub const COMMANDS_BEHIND: usize = 100;

/// Descriptors kept for what is no association: standard streams, listener, folders, log files.
pub const RESERVED_DESCRIPTORS: usize = 64 + FILES_AHEAD;

/// Subfolders that are held open from one object to the next.
pub const OPEN_SUBFOLDERS: usize = 32;

/// Files made ahead of their objects at a time, each with a descriptor.
pub const FILES_AHEAD: usize = 32;

/// Threads kept for what is no association.
pub const RESERVED_THREADS: usize = 256;

/// Threads that wait for connections at a time, each with a descriptor in reserve.
pub const MAX_WAITING_THREADS: usize = 8;

/// How long accepting waits after the system refused a descriptor or a thread.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Log lines of one appender that are waiting to be written; past them, lines are lost.
pub const LOG_LINES_WAITING: usize = 4096;

/// How long whoever logs waits for room among those, before the first line is lost.
pub const LOG_PATIENCE: Duration = Duration::from_millis(100);

/// How long the program waits for its last log lines to be written when it ends.
pub const LAST_LINES_PATIENCE: Duration = Duration::from_secs(5);

/// How long is waited for the name of a peer, where a name is wanted.
pub const NAME_PATIENCE: Duration = Duration::from_millis(200);

/// How long a rule of host access control waits for the name of a peer, in that peer's thread.
pub const ACCESS_NAME_PATIENCE: Duration = Duration::from_secs(5);

/// Reverse look-ups at a time; meanwhile, other peers have no names.
pub const LOOK_UPS_AT_ONCE: usize = 8;

/// How long a name is kept, or that there is none.
pub const NAME_LIFETIME: Duration = Duration::from_secs(300);

/// Names kept, some 100 bytes each.
pub const NAMES_KEPT: usize = 1024;
const _: () = assert!(OPEN_SUBFOLDERS <= RESERVED_DESCRIPTORS / 2);

// A P-DATA-TF of the smallest maximum length fits the buffer whole.
const _: () = assert!(FIRST_RECEIVE_BUFFER_BYTES >= 4096 + 6);
const _: () = assert!(MAX_WAITING_THREADS > 0);
const _: () = assert!(MAX_WAITING_THREADS < RESERVED_DESCRIPTORS);
const _: () = assert!(MAX_WAITING_THREADS < RESERVED_THREADS);
const _: () = assert!(FIRST_RECEIVE_BUFFER_BYTES < RECEIVE_BUFFER_BYTES);

/// How long a commit waits for another process that is committing the same name. Then it goes on without.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How often a commit looks anew at a name that others give and take meanwhile.
pub const NAME_ATTEMPTS: usize = 64;
