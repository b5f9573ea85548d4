//! Where the file of an intent has its final name, noted in an extended attribute of the file.
//!
//! The attribute belongs to the file, so nothing has to be removed when the intent is settled. It is written between the
//! final name and the sync of the folder, and is as durable as the name where the file system keeps the order. It is a
//! hint: what it says is checked, and without it nothing is lost but the time to look for the file.

use super::super::names::syscalls;
use super::super::open_directory::OpenDirectory;
use crate::limits::{FOLDER_LEVELS, NOTED_PATH_BYTES};
use crate::{FileId, FileName};
use platform::sync::Arc;
use rustix::fs::XattrFlags;
use std::fs::File;

/// The extended attribute.
const ATTRIBUTE: &str = "user.storescp.path";

/// Notes that `file` has the name `name` in these folders beneath the output directory. Where the file system has no
/// extended attributes, or the path is too long, nothing is noted.
pub(crate) fn note(file: &File, folders: &[FileName], name: &FileName) {
    let mut path = String::with_capacity(NOTED_PATH_BYTES);
    for part in folders {
        path.push_str(part.as_str());
        path.push('/');
    }
    path.push_str(name.as_str());
    if path.len() <= NOTED_PATH_BYTES {
        let _ = rustix::fs::fsetxattr(file, ATTRIBUTE, path.as_bytes(), XattrFlags::empty());
    }
}

/// The path that was noted, if it leads to this very file still.
pub(super) fn of(open: &Arc<OpenDirectory>, file: &File) -> Option<String> {
    let mut noted = [0_u8; NOTED_PATH_BYTES];
    let length = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut noted).ok()?;
    let path = std::str::from_utf8(noted.get(..length)?).ok()?;
    // Whoever may write to the file may have written it.
    let parts = path.split('/').take(FOLDER_LEVELS + 2);
    let mut folders = parts.map(|it| FileName::new(it.to_owned())).collect::<Option<Vec<_>>>()?;
    let name = folders.pop().filter(|_| folders.len() <= FOLDER_LEVELS)?;
    let folder = open.existing_folder(&folders).ok()?;
    let found = syscalls::id_at((&folder.handle, name.as_str())).ok()??;
    (found == FileId::of(file).ok()?).then(|| path.to_owned())
}
