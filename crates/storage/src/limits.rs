//! Every bound of storing.

use std::time::Duration;

/// Orders of threads are being explored (`platform::sync`): some bounds are so low then that a few threads
/// come up against them.
const EXPLORING: bool = cfg!(feature = "explore");

/// Writes end at multiples of this many bytes where possible. The kernel then uses fewer and larger pages: 3
/// instead of 10 for an image of half a megabyte.
pub const WRITE_BLOCK_BYTES: usize = 64 * 1024;

/// Bytes of an object that are written between two checks of `--min-free`.
pub const ROOM_CHECK_BYTES: u32 = 64 * 1024 * 1024;

/// What is read at a time, of each of two files, to compare them.
pub const COMPARED_BYTES: usize = 64 * 1024;

/// Subfolders that stay open between objects.
pub const OPEN_SUBFOLDERS: usize = if EXPLORING { 1 } else { 48 };

/// Folders that may be one in another in the output directory.
pub const FOLDER_LEVELS: usize = 32;

/// Folders with intents that are open at a time: 32 that are pending and 32 in the spool, each in two hidden folders.
pub const INTENT_FOLDERS: usize = 2 * 2 * 32;

/// How large folders of intents are made before they are used, in bytes, where a power loss could damage one that grows:
/// for some 500 intents.
pub const WIDE_FOLDER_BYTES: i64 = 96 * 1024;

/// By how many names at most.
pub const WIDE_FOLDER_NAMES: usize = 1500;

/// The longest path that is noted with an intent, in bytes.
pub const NOTED_PATH_BYTES: usize = 512;

/// The longest name that Linux file systems take, in bytes (`NAME_MAX`).
pub const FILE_NAME_BYTES: usize = 255;

/// The longest note of where a file belongs: all the folders around it, and its name.
pub const PLACE_NOTE_BYTES: usize = (FOLDER_LEVELS + 1) * (FILE_NAME_BYTES + 1);

/// How often a file enters its folders again, if other processes remove them meanwhile.
pub const ENTER_ATTEMPTS: usize = 64;

/// Files that are prepared for the next objects at a time; each takes one descriptor.
pub const PREPARED_FILES: usize = 32;

/// Temporary files of earlier runs whose names are read before they are dealt with; each name has at most
/// [`FileName::MAX_BYTES`](crate::FileName::MAX_BYTES).
pub const LEFT_OVERS_AT_ONCE: usize = 1024;

/// Threads of this process that change the names of a folder at a time; more wait. The kernel lets one thread
/// at a time change them, so more cores make no use of more turns: one thread is at it, one is there to go on
/// at once, and one is waking up, which may take longer than a change.
pub const NAMING_TURNS: usize = if EXPLORING { 2 } else { 3 };

/// How long a commit waits for the lock of another process that is using the same name. Then it goes on
/// without the lock.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How often a commit tries again when other processes change the name meanwhile.
pub const NAME_ATTEMPTS: usize = 64;

/// The longest name that is made of values, in bytes. The number of a file whose name is taken comes on top.
pub const PATH_COMPONENT_BYTES: usize = 200;
