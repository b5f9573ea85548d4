//! What an error of a system call says of the file system.

use rustix::io::Errno;
use std::io;

/// Whether the file system, or the kernel, does not have what was asked for.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let lacking = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
    error.kind() == io::ErrorKind::Unsupported
        || lacking.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether the call is not to be had here: not supported, or refused. `link(2)` reports by `EPERM` that the file
/// system has no hard links, or none for this file; sandboxes refuse calls that they do not know in the same
/// way.
pub(crate) fn is_unavailable(error: &io::Error) -> bool {
    let refused = [Errno::PERM, Errno::MLINK, Errno::ACCESS];
    is_unsupported(error)
        || refused.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether the error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
