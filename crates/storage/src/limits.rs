//! Every bound of storing.

use std::time::Duration;

/// Orders of threads are being explored (`platform::sync`): some bounds are so low then that a few threads
/// come up against them.
const EXPLORING: bool = cfg!(feature = "explore");

/// Files are written by multiples of this, as far as the pieces in which they come allow: the kernel keeps
/// them in fewer and larger pages then, 3 rather than 10 for an image of half a megabyte.
pub const WRITE_BLOCK_BYTES: usize = 64 * 1024;

/// How much of an object is written before `--min-free` is looked at again.
pub const ROOM_CHECK_BYTES: usize = 64 * 1024 * 1024;

/// Subfolders that are held open from one object to the next.
pub const OPEN_SUBFOLDERS: usize = if EXPLORING { 1 } else { 32 };

/// Files made ahead of their objects at a time, each with a descriptor.
pub const PREPARED_FILES: usize = 32;

/// How long a commit waits for another process that is committing the same name. Then it goes on without.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How often a commit looks anew at a name that others give and take meanwhile.
pub const NAME_ATTEMPTS: usize = 64;
