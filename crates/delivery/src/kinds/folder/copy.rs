//! Copies and links of one file, and whether two are equal.

use super::fault::Fault;
use crate::Stop;
use crate::limits::{COMPARED_BYTES, COPIED_AT_ONCE};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::fs::{fstat, linkat, openat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use storage::FileName;

/// A copy under its temporary name, synced. Dropping it removes it, unless it got its final name.
pub(super) struct Copied<'f> {
    folder: &'f File,
    name: String,
    /// Whoever has it open and locked is the one that writes it.
    _file: File,
    is_published: bool,
}

/// Copies the file (by reflink or within the kernel, where the file system can), and syncs the copy. Only one attempt for the
/// same event's key is at it at a time.
pub(super) fn copy<'f>(
    source: &mut File,
    folder: &'f File,
    path: &Path,
    key: &str,
    stop: &Stop,
) -> Result<Copied<'f>, Fault> {
    let name = temporary_name(key);
    let wrong = |error: io::Error| Fault::destination(&path.join(&name), &error);
    let mut file = open_temporary(folder, &name).map_err(|error| wrong(error.into()))?;
    if !is_ours(folder, &name, &file).map_err(|error| wrong(error.into()))? {
        return Err(Fault::again(format!("another attempt is writing {:?}", path.join(&name))));
    }
    if fstat(&file).map_err(|error| wrong(error.into()))?.st_nlink > 1 {
        // A crash came between its final name and the end of this one.
        unlinkat(folder, &name, AtFlags::empty()).map_err(|error| wrong(error.into()))?;
        return Err(Fault::again(format!("{:?} was left by a crash", path.join(&name))));
    }
    let copied = Copied {
        folder,
        name: name.clone(),
        _file: file.try_clone().map_err(wrong)?,
        is_published: false,
    };
    file.set_len(0).map_err(wrong)?;
    source.rewind().map_err(wrong)?;
    let length = source.metadata().map_err(wrong)?.len();
    let mut written = 0;
    while written < length {
        if stop.is_set() {
            return Err(Fault::Stopped);
        }
        match io::copy(&mut (&*source).take(COPIED_AT_ONCE), &mut file).map_err(wrong)? {
            0 => {
                return Err(Fault::again("the object became shorter while it was read".to_owned()));
            }
            count => written += count,
        }
    }
    file.sync_all().map_err(wrong)?;
    Ok(copied)
}

impl Copied<'_> {
    /// Gives it its final name, if that is free.
    pub(super) fn publish(&mut self, name: &FileName) -> io::Result<()> {
        let (folder, from, to) = (self.folder, self.name.as_str(), name.as_str());
        match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                match linkat(folder, from, folder, to, AtFlags::empty()) {
                    Ok(()) => {
                        let _ = unlinkat(folder, from, AtFlags::empty());
                    }
                    // Neither is known here: nobody else writes into such a folder, it is hoped.
                    Err(error) if has_no_links(&error.into()) => {
                        if is_there(folder, name)? {
                            return Err(io::ErrorKind::AlreadyExists.into());
                        }
                        renameat(folder, from, folder, to)?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            renamed => renamed?,
        }
        self.is_published = true;
        Ok(())
    }
}

impl Drop for Copied<'_> {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// The same for each attempt, so that none is left behind for good.
fn temporary_name(key: &str) -> String {
    let mut name = ".storescp-".to_owned();
    for byte in &openssl::sha::sha256(key.as_bytes())[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn open_temporary(folder: &File, name: &str) -> Result<File, Errno> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::from_raw_mode(0o666)).map(File::from)
}

/// Locks a temporary file. False if another attempt has it, or has given it its final name meanwhile.
fn is_ours(folder: &File, name: &str, file: &File) -> Result<bool, Errno> {
    // Some network file systems have no locks, which is another error.
    if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(false);
    }
    let (opened, named) = (fstat(file)?, statat(folder, name, AtFlags::SYMLINK_NOFOLLOW));
    Ok(named.is_ok_and(|named| (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)))
}

/// Gives the file at `path` a second name.
pub(super) fn link(path: &Path, folder: &File, name: &FileName) -> io::Result<()> {
    Ok(linkat(CWD, path, folder, name.as_str(), AtFlags::empty())?)
}

/// Whether a file system, or two of them, can have no such link.
pub(super) fn has_no_links(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        number,
        Some(Errno::XDEV | Errno::PERM | Errno::MLINK | Errno::OPNOTSUPP | Errno::NOSYS)
    )
}

/// Whether anything has a name.
pub(super) fn is_there(folder: &File, name: &FileName) -> io::Result<bool> {
    match statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether what has a name is a file with the same content; then it is synced.
pub(super) fn is_equal(source: &mut File, folder: &File, name: &FileName) -> io::Result<bool> {
    // Never waits for the other end of a named pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let status = statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(false);
    }
    let mut other: File = match openat(folder, name.as_str(), flags, Mode::empty()) {
        Ok(other) => other.into(),
        Err(Errno::LOOP) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let (ours, theirs) = (fstat(&*source)?, fstat(&other)?);
    let is_same = (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino);
    if !is_same && (ours.st_size != theirs.st_size || !have_equal_content(source, &mut other)?) {
        return Ok(false);
    }
    other.sync_all()?;
    Ok(true)
}

fn have_equal_content(one: &mut File, other: &mut File) -> io::Result<bool> {
    one.rewind()?;
    let (mut ours, mut theirs) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    loop {
        let count = one.read(&mut ours)?;
        if count == 0 {
            return Ok(other.read(&mut theirs[..1])? == 0);
        }
        match other.read_exact(&mut theirs[..count]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        if ours[..count] != theirs[..count] {
            return Ok(false);
        }
    }
}
