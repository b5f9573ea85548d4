//! Where journals are: in the hidden folder of the output directory.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// As the crate `storage` calls it; where that belongs to another user, `-` and our user ID follow.
const HIDDEN_FOLDER: &str = ".storescp";
/// How the names of journals begin, and end.
const NAME: [&str; 2] = ["commands-", ".journal"];
/// Others may remove the folder as long as it is empty.
const ATTEMPTS: usize = 16;

/// The hidden folders that may be there.
pub(super) fn folders(directory: &Path) -> [PathBuf; 2] {
    let user = rustix::process::geteuid().as_raw();
    [directory.join(HIDDEN_FOLDER), directory.join(format!("{HIDDEN_FOLDER}-{user}"))]
}

/// A new name for a journal.
pub(super) fn new_name() -> String {
    let [begin, end] = NAME;
    format!("{begin}{}{end}", uuid::Uuid::new_v4().simple())
}

/// Whether a journal may have this name.
pub(super) fn is_journal(name: &str) -> bool {
    name.strip_prefix(NAME[0]).and_then(|name| name.strip_suffix(NAME[1])).is_some()
}

/// Makes a file of a new name in a hidden folder, which is made if need be. Its path.
///
/// # Errors
/// No hidden folder can be made or used; those of the operating system.
pub(super) fn create(directory: &Path) -> io::Result<(PathBuf, File)> {
    let mut last = io::Error::from(io::ErrorKind::PermissionDenied);
    for _ in 0..ATTEMPTS {
        for folder in folders(directory) {
            match rustix::fs::mkdir(&folder, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => {
                    last = error.into();
                    continue;
                }
            }
            let path = folder.join(new_name());
            match is_ours(&folder).and_then(|()| create_file(&path)) {
                Ok(file) => return Ok((path, file)),
                Err(error) => last = error,
            }
        }
        // Another process has removed the folder, which was empty.
        if last.kind() != io::ErrorKind::NotFound {
            break;
        }
    }
    Err(last)
}

/// A new file to write and read.
fn create_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

/// Opens one that is there, and no link.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let status = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if !status.is_file() || status.uid() != user {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(file)
}

/// What is in a folder of another user's may be anything.
///
/// # Errors
/// It is no folder of ours.
pub(super) fn is_ours(folder: &Path) -> io::Result<()> {
    let status = std::fs::symlink_metadata(folder)?;
    let user = rustix::process::geteuid().as_raw();
    if status.is_dir() && status.uid() == user && status.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Syncs the folder of a file, and the one that this folder is in.
///
/// # Errors
/// Those of the operating system.
pub(super) fn sync_folders(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).take(2) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
