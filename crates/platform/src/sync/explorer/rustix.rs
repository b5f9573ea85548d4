//! System calls on files: the real ones, each a step at which the explorer may let others go on.

pub use ::rustix::{io, net, process};

/// Waiting for events.
pub mod event {
    use crate::sync::thread;
    pub use rustix::event::*;

    /// As [`rustix::event::poll`]; without a limit, as long as the explorer lets others go on.
    ///
    /// # Errors
    /// As there.
    pub fn poll(
        descriptors: &mut [PollFd<'_>],
        _limit: Option<&rustix::fs::Timespec>,
    ) -> rustix::io::Result<usize> {
        loop {
            let ready = rustix::event::poll(descriptors, Some(&rustix::fs::Timespec::default()))?;
            if ready > 0 {
                return Ok(ready);
            }
            thread::yield_now();
        }
    }
}

/// Names and locks of files.
pub mod fs {
    use crate::sync::explorer::pause;
    use rustix::fd::{AsFd, OwnedFd};
    pub use rustix::fs::*;
    use rustix::io::Result;
    use rustix::path::Arg;

    /// As [`rustix::fs::stat`].
    ///
    /// # Errors
    /// As there.
    pub fn stat(path: impl Arg) -> Result<Stat> {
        pause();
        rustix::fs::stat(path)
    }

    /// As [`rustix::fs::statat`].
    ///
    /// # Errors
    /// As there.
    pub fn statat(folder: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<Stat> {
        pause();
        rustix::fs::statat(folder, path, flags)
    }

    /// As [`rustix::fs::openat`].
    ///
    /// # Errors
    /// As there.
    pub fn openat(folder: impl AsFd, path: impl Arg, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        pause();
        rustix::fs::openat(folder, path, flags, mode)
    }

    /// As [`rustix::fs::mkdirat`].
    ///
    /// # Errors
    /// As there.
    pub fn mkdirat(folder: impl AsFd, path: impl Arg, mode: Mode) -> Result<()> {
        pause();
        rustix::fs::mkdirat(folder, path, mode)
    }

    /// As [`rustix::fs::unlinkat`].
    ///
    /// # Errors
    /// As there.
    pub fn unlinkat(folder: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<()> {
        pause();
        rustix::fs::unlinkat(folder, path, flags)
    }

    /// As [`rustix::fs::linkat`].
    ///
    /// # Errors
    /// As there.
    pub fn linkat(
        from: impl AsFd,
        from_path: impl Arg,
        to: impl AsFd,
        to_path: impl Arg,
        flags: AtFlags,
    ) -> Result<()> {
        pause();
        rustix::fs::linkat(from, from_path, to, to_path, flags)
    }

    /// As [`rustix::fs::renameat`].
    ///
    /// # Errors
    /// As there.
    pub fn renameat(
        from: impl AsFd,
        from_path: impl Arg,
        to: impl AsFd,
        to_path: impl Arg,
    ) -> Result<()> {
        pause();
        rustix::fs::renameat(from, from_path, to, to_path)
    }

    /// As [`rustix::fs::renameat_with`].
    ///
    /// # Errors
    /// As there.
    pub fn renameat_with(
        from: impl AsFd,
        from_path: impl Arg,
        to: impl AsFd,
        to_path: impl Arg,
        flags: RenameFlags,
    ) -> Result<()> {
        pause();
        rustix::fs::renameat_with(from, from_path, to, to_path, flags)
    }

    /// As [`rustix::fs::flock`].
    ///
    /// # Errors
    /// As there.
    pub fn flock(file: impl AsFd, operation: FlockOperation) -> Result<()> {
        pause();
        rustix::fs::flock(file, operation)
    }
}
