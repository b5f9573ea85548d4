//! Every system call that gives, takes or looks at a name goes through here, so that tests can have each
//! of them fail, and do something of their own before it.

use super::file_id::Stamp;
use crate::platform;
use crate::sync::rustix;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// A name in a folder.
pub(super) type Spot<'a> = (&'a File, &'a str);

/// What has the name, if anything; a symbolic link is one itself.
pub(super) fn stamp_at((folder, name): Spot<'_>) -> io::Result<Option<Stamp>> {
    step("stat")?;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => Ok(Some((&status).into())),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Swaps what two names stand for.
pub(super) fn exchange(one: Spot<'_>, other: Spot<'_>) -> io::Result<()> {
    step("exchange")?;
    platform::exchange(one, other)
}

/// Renames a file, if the new name is free.
pub(super) fn rename_to_free_name(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    step("rename to a free name")?;
    platform::rename_to_free_name(from, to)
}

/// Renames a file; what has the new name is replaced.
pub(super) fn rename_over(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    step("rename")?;
    Ok(rustix::fs::renameat(from.0, from.1, to.0, to.1)?)
}

/// Gives a file a second name, if that is free.
pub(super) fn link(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    step("link")?;
    platform::link(from, to)
}

/// Gives a file without a name one, if that is free.
pub(super) fn link_unnamed(file: &File, to: Spot<'_>) -> io::Result<()> {
    step("link")?;
    platform::link_unnamed(file, to.0, to.1)
}

/// Removes a name; that it is gone already is as good.
pub(super) fn unlink(spot: Spot<'_>) -> io::Result<()> {
    step("unlink")?;
    match rustix::fs::unlinkat(spot.0, spot.1, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file, if its name is free.
pub(super) fn create(spot: Spot<'_>, mode: Mode) -> io::Result<File> {
    step("create")?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(spot.0, spot.1, flags, mode)?.into())
}

/// Makes a folder, if its name is free.
pub(super) fn make_folder(spot: Spot<'_>, mode: Mode) -> rustix::io::Result<()> {
    #[cfg(test)]
    step("mkdir").map_err(|_| Errno::IO)?;
    rustix::fs::mkdirat(spot.0, spot.1, mode)
}

#[cfg(not(test))]
#[inline]
#[allow(clippy::unnecessary_wraps, reason = "tests have it fail")]
fn step(_call: &str) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
fn step(call: &str) -> io::Result<()> {
    // Not to be called by what it does itself.
    let hook = hooks::HOOK.with(|hook| hook.borrow_mut().take());
    let Some(mut hook) = hook else { return Ok(()) };
    let result = hook(call);
    hooks::HOOK.with(|place| *place.borrow_mut() = Some(hook));
    result
}

#[cfg(test)]
pub(super) mod hooks {
    use std::cell::RefCell;
    use std::io;

    pub(super) type Hook = Box<dyn FnMut(&str) -> io::Result<()>>;

    thread_local! {
        pub(super) static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Runs `action`, and `before` before each call of this thread meanwhile, which may fail in its place.
    pub(in super::super) fn with<T>(
        before: impl FnMut(&str) -> io::Result<()> + 'static,
        action: impl FnOnce() -> T,
    ) -> T {
        HOOK.with(|hook| *hook.borrow_mut() = Some(Box::new(before)));
        let result = action();
        HOOK.with(|hook| *hook.borrow_mut() = None);
        result
    }
}
