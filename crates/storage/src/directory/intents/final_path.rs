//! Where the file of an intent has its final name, noted in an extended attribute of the file.
//!
//! The attribute belongs to the file, so nothing has to be removed when the intent is settled. It is written between the
//! final name and the sync of the folder, and is as durable as the name where the file system keeps the order. It is a
//! hint: what it says is checked, and without it nothing is lost but the time to look for the file.
//!
//! An attribute that does not fit into the inode takes a block of 4 KiB for each file, so paths are packed: mostly they
//! are UIDs, whose characters take half a byte each. What is too long even so is not noted.

use super::super::names::syscalls;
use super::super::open_directory::OpenDirectory;
use crate::limits::{FOLDER_LEVELS, NOTED_PATH_BYTES};
use crate::{FileId, FileName};
use platform::sync::Arc;
use rustix::fs::XattrFlags;
use std::fs::File;

/// The extended attribute.
const ATTRIBUTE: &str = "user.storescp";

/// Begins a path as it is, and one that is packed.
const PLAIN: u8 = b'0';
const PACKED: u8 = b'1';

/// The characters that take half a byte, by their number; any other byte follows [`ESCAPE`] in two halves.
const HALVES: &[u8; 14] = b"0123456789./_-";
const ESCAPE: u8 = 14;
/// Fills the last byte.
const END: u8 = 15;

/// Notes that `file` has the name in these folders beneath the output directory, in at most `most` bytes. Where there are no
/// extended attributes, nothing is noted.
pub(crate) fn note(file: &File, (folders, name): (&[FileName], &FileName), most: usize) {
    let mut path = String::new();
    for part in folders {
        path.push_str(part.as_str());
        path.push('/');
    }
    path.push_str(name.as_str());
    let noted = written(&path);
    if noted.len() <= most.min(NOTED_PATH_BYTES) {
        let _ = rustix::fs::fsetxattr(file, ATTRIBUTE, &noted, XattrFlags::empty());
    }
}

/// The path that was noted, if it leads to this very file still.
pub(super) fn of(open: &Arc<OpenDirectory>, file: &File) -> Option<String> {
    let mut noted = [0_u8; NOTED_PATH_BYTES];
    let length = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut noted).ok()?;
    let path = read(noted.get(..length)?)?;
    // Whoever may write to the file may have written it.
    let parts = path.split('/').take(FOLDER_LEVELS + 2);
    let mut folders = parts.map(|it| FileName::new(it.to_owned())).collect::<Option<Vec<_>>>()?;
    let name = folders.pop().filter(|_| folders.len() <= FOLDER_LEVELS)?;
    let folder = open.existing_folder(&folders).ok()?;
    let found = syscalls::id_at((&folder.handle, name.as_str())).ok()??;
    (found == FileId::of(file).ok()?).then_some(path)
}

/// The path as it is noted: the shorter way.
fn written(path: &str) -> Vec<u8> {
    let mut halves = Vec::with_capacity(path.len() + 8);
    for &byte in path.as_bytes() {
        match HALVES.iter().position(|&it| it == byte).and_then(|at| u8::try_from(at).ok()) {
            Some(half) => halves.push(half),
            None => halves.extend([ESCAPE, byte >> 4, byte & 0xF]),
        }
    }
    let packed = halves.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&END));
    if packed.len() < path.len() {
        [PACKED].into_iter().chain(packed).collect()
    } else {
        [PLAIN].into_iter().chain(path.bytes()).collect()
    }
}

/// The path that was noted so; `None` if it is none.
fn read(noted: &[u8]) -> Option<String> {
    let (&kind, rest) = noted.split_first()?;
    if kind != PACKED {
        return (kind == PLAIN).then(|| String::from_utf8(rest.to_vec()).ok())?;
    }
    let mut halves = rest.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let mut path = Vec::with_capacity(2 * rest.len());
    while let Some(half) = halves.next().filter(|&half| half != END) {
        path.push(match half {
            ESCAPE => halves.next()? << 4 | halves.next()?,
            half => *HALVES.get(usize::from(half))?,
        });
    }
    String::from_utf8(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_and_uids_take_half_the_bytes() {
        let uid = "1.2.276.0.7230010.3.1.4.8323329.5576.1495927169.335276.123456789";
        let named = format!("CT.{uid}");
        for path in ["", "a", "1", "é/ü.dcm", "p_1.2.3/MR.4", "DOE^JANE/x y", &named] {
            assert_eq!(read(&written(path)).as_deref(), Some(path));
        }
        assert!(written(&named).len() <= 38, "{}", written(&named).len());
        let sorted = format!("p_1.2.840.113619.2.55.3.604688119.971.1495927169.467/{named}");
        assert!(written(&sorted).len() <= 64, "{}", written(&sorted).len());
        assert_eq!(written("DOE/JANE").len(), 9);
    }

    #[test]
    fn what_is_no_path_is_none() {
        for noted in [&b""[..], b"2abc", b"1\xE1", b"1\xEC\x3F", b"0\xFF", b"1\xEF\xF0"] {
            assert_eq!(read(noted), None, "{noted:?}");
        }
    }
}
