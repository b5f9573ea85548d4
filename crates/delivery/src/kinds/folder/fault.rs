//! Why a file was not stored.

use crate::Outcome;
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// Why a file was not stored.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was told to stop.
    Stopped,
    /// What becomes of the delivery.
    Failed(Outcome),
}

impl Fault {
    pub(super) fn park(reason: String) -> Self {
        Self::Failed(Outcome::Park { reason })
    }

    pub(super) fn again(reason: String) -> Self {
        Self::Failed(Outcome::Again { reason, after: None })
    }

    pub(super) fn unreachable(reason: String) -> Self {
        Self::Failed(Outcome::Unreachable { reason, after: None })
    }

    /// The object cannot be read.
    pub(super) fn source(path: &Path, error: &io::Error) -> Self {
        let reason = format!("cannot read {path:?}: {}", platform::reason(error));
        if error.kind() == io::ErrorKind::NotFound {
            Self::park(reason)
        } else {
            Self::again(reason)
        }
    }

    /// Something in the folder cannot be used.
    pub(super) fn destination(path: &Path, error: &io::Error) -> Self {
        let reason = format!("{path:?}: {}", platform::reason(error));
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            // It is the file's own.
            Some(Errno::NAMETOOLONG | Errno::FBIG | Errno::INVAL | Errno::ILSEQ) => {
                Self::park(reason)
            }
            // One block may be bad, of the object too.
            Some(
                Errno::INTR | Errno::AGAIN | Errno::BUSY | Errno::EXIST | Errno::NOENT | Errno::IO,
            ) => Self::again(reason),
            // Full, read-only, not permitted, gone, broken: so are all others.
            Some(_) => Self::unreachable(reason),
            None => Self::again(reason),
        }
    }
}
