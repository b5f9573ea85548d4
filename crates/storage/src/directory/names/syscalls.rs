//! The system calls that give, remove and look up names. All go through here, so that tests can have each of them
//! fail, or act as another process before it.
//!
//! A call that reports an error may have succeeded: a network file system repeats a request that is not answered,
//! and the second one then fails because the first one succeeded. So after an error, the result is looked up.

use crate::file_id::{FileId, FileIdentity, Stamp};
use platform::sync::rustix;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// A name in an open folder, as the `…at` system calls take it.
pub(crate) type Location<'a> = (&'a File, &'a str);

/// What has the name, if anything; a symbolic link is one itself.
pub(crate) fn stamp_at((folder, name): Location<'_>) -> io::Result<Option<Stamp>> {
    step("stat")?;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => Ok(Some((&status).into())),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same of its device and inode alone.
pub(crate) fn id_at(location: Location<'_>) -> io::Result<Option<FileId>> {
    Ok(stamp_at(location)?.map(|found| found.id))
}

/// The same, and when it was made.
pub(crate) fn identity_at(location: Location<'_>) -> io::Result<Option<FileIdentity>> {
    Ok(id_at(location)?
        .map(|id| FileIdentity { id, created: platform::creation_time(location.0, location.1) }))
}

/// Swaps what two names stand for.
pub(crate) fn exchange(one: Location<'_>, other: Location<'_>) -> io::Result<()> {
    step("exchange")?;
    answered("exchange", platform::exchange(one, other))
}

/// Renames a file, if the new name is free.
pub(crate) fn rename_to_free_name(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    step("rename to a free name")?;
    answered("rename to a free name", platform::rename_to_free_name(from, to))
}

/// Renames `file`; what has the new name is replaced.
pub(crate) fn rename_over(from: Location<'_>, to: Location<'_>, file: FileId) -> io::Result<()> {
    rename(from, to, |found| found == file)
}

/// Renames whatever has a name, to a unique one.
pub(crate) fn rename_aside(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    rename(from, to, |_| true)
}

/// Moves what has a name to another one, in place of what has that.
pub(crate) fn move_over(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    step("move")?;
    Ok(rustix::fs::renameat(from.0, from.1, to.0, to.1)?)
}

fn rename(from: Location<'_>, to: Location<'_>, is_it: impl Fn(FileId) -> bool) -> io::Result<()> {
    step("rename")?;
    let renamed = rustix::fs::renameat(from.0, from.1, to.0, to.1);
    match answered("rename", renamed.map_err(io::Error::from)) {
        Err(_) if id_at(to).is_ok_and(|found| found.is_some_and(is_it)) => Ok(()),
        result => result,
    }
}

/// Gives a file a second name, if that is free.
pub(crate) fn link(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    step("link")?;
    match answered("link", platform::link(from, to)) {
        Err(_) if is_same_file(from, to) => Ok(()),
        result => result,
    }
}

fn is_same_file(one: Location<'_>, other: Location<'_>) -> bool {
    let file = |location| id_at(location).ok().flatten();
    file(one).is_some_and(|one| file(other) == Some(one))
}

/// Gives a file without a name one, if that is free.
pub(crate) fn link_unnamed(file: &File, to: Location<'_>) -> io::Result<()> {
    step("link")?;
    platform::link_unnamed(file, to.0, to.1)
}

/// Removes a name; that it is gone already is as good.
pub(crate) fn unlink(location: Location<'_>) -> io::Result<()> {
    step("unlink")?;
    match rustix::fs::unlinkat(location.0, location.1, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file, if its name is free.
pub(crate) fn create(location: Location<'_>, mode: Mode) -> io::Result<File> {
    step("create")?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(location.0, location.1, flags, mode)?.into())
}

/// Opens a folder to list it, unless it is a symbolic link.
pub(crate) fn open_folder(location: Location<'_>) -> io::Result<File> {
    step("list")?;
    open(location, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &File) -> io::Result<()> {
    step("sync folder")?;
    folder.sync_all()
}

/// Opens what has the name, unless it is a symbolic link.
///
/// # Errors
/// Whatever the operating system says.
pub(crate) fn open(location: Location<'_>, mode: OFlags) -> io::Result<File> {
    let flags = mode | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(location.0, location.1, flags, Mode::empty())?.into())
}

/// Makes a folder, if its name is free.
pub(crate) fn make_folder(location: Location<'_>, mode: Mode) -> rustix::io::Result<()> {
    #[cfg(test)]
    step("mkdir").map_err(|_| Errno::IO)?;
    rustix::fs::mkdirat(location.0, location.1, mode)
}

#[cfg(not(test))]
#[inline]
#[allow(clippy::unnecessary_wraps, reason = "tests have it fail")]
fn step(_call: &str) -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
#[inline]
fn answered(_call: &str, result: io::Result<()>) -> io::Result<()> {
    result
}

/// What has been done may be said to have failed.
#[cfg(test)]
fn answered(call: &str, result: io::Result<()>) -> io::Result<()> {
    result?;
    hooks::ANSWER.with_borrow_mut(|answer| answer.as_mut().map_or(Ok(()), |answer| answer(call)))
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
pub(crate) mod hooks {
    use std::cell::RefCell;
    use std::io;

    pub(crate) type Hook = Box<dyn FnMut(&str) -> io::Result<()>>;

    thread_local! {
        pub(crate) static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
        pub(crate) static ANSWER: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Runs `action`; `answer` is asked after each call of this thread that has done what it should, and may
    /// have it say that it failed.
    pub(crate) fn answering<T>(
        answer: impl FnMut(&str) -> io::Result<()> + 'static,
        action: impl FnOnce() -> T,
    ) -> T {
        ANSWER.set(Some(Box::new(answer)));
        let result = action();
        ANSWER.set(None);
        result
    }

    /// Runs `action`, and `before` before each call of this thread meanwhile, which may fail in its place.
    pub(crate) fn with<T>(
        before: impl FnMut(&str) -> io::Result<()> + 'static,
        action: impl FnOnce() -> T,
    ) -> T {
        HOOK.with(|hook| *hook.borrow_mut() = Some(Box::new(before)));
        let result = action();
        HOOK.with(|hook| *hook.borrow_mut() = None);
        result
    }
}
