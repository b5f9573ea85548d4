//! Whether the log of a file system keeps the order that a commit with one sync relies on.

use crate::ext4::{is_mounted_with, journal};
use crate::file_system::{EXT4, XFS, file_system_type};
use crate::linux::{create_unnamed, mount_of, mounts};
use crate::system_calls::{write_out, xfs_sections};
use crate::unix::{Journal, reason};
use rustix::fs::{AtFlags, Mode, StatxAttributes, StatxFlags};
use std::fs::File;
use std::io;

/// The first version in which [`write_out`] skips no page (`WB_SYNC_ALL`).
const FIRST_LINUX: (u32, u32) = (5, 2);

/// Whether a file that is created in `folder` is durable, with its content and its name, after these three:
/// [`write_out`] of the file, giving it a name in a folder of the same file system, and a sync of that folder. And
/// whether no power loss before that sync leaves the name without the whole content.
///
/// True of ext4 with an ordinary journal and of XFS without a log or data on another device. Creates a file without
/// a name, and syncs it on ext4: see [`journal`].
///
/// # Errors
/// What is missing, in words for people.
pub fn keeps_order(folder: &File) -> Result<(), String> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    if version(&release).is_none_or(|version| version < FIRST_LINUX) {
        return Err(format!("this is Linux {release}, which is older than 5.2"));
    }
    match file_system_type(folder) {
        Ok(EXT4) => keeps_order_on_ext4(folder)?,
        Ok(XFS) => keeps_order_on_xfs(folder)?,
        _ => return Err(format!("this is {}", kind(folder).unwrap_or("another one".to_owned()))),
    }
    check_files(folder)
        .map_err(|error| format!("a file there cannot be tested: {}", reason(&error)))?
}

fn keeps_order_on_ext4(folder: &File) -> Result<(), String> {
    let lacks = |what: &str| Err(format!("this ext4 file system {what}"));
    match journal(folder) {
        Journal::Ordinary => {}
        Journal::FastCommit => return lacks("has the feature fast_commit"),
        Journal::External => return lacks("has its journal on another device"),
        Journal::None => return lacks("has no journal"),
        Journal::Unknown => return lacks("has a journal of which the kernel tells nothing here"),
    }
    // Then a commit may reach the disk before the data.
    match is_mounted_with(folder, "journal_async_commit") {
        Ok(false) => Ok(()),
        Ok(true) => lacks("is mounted with journal_async_commit"),
        Err(_) => lacks("is mounted with options that the kernel does not tell here"),
    }
}

fn keeps_order_on_xfs(folder: &File) -> Result<(), String> {
    let lacks = |what: &str| Err(format!("this XFS file system {what}"));
    match xfs_sections(folder) {
        Ok(sections) if sections.has_external_log => lacks("has its log on another device"),
        Ok(sections) if sections.has_realtime => lacks("has a realtime section"),
        Ok(_) => Ok(()),
        Err(_) => lacks("does not tell where its log is"),
    }
}

/// Whether files there are written by way of the kernel's page cache, as they are.
fn check_files(folder: &File) -> io::Result<Result<(), String>> {
    let file = create_unnamed(folder, Mode::RUSR | Mode::WUSR)?;
    write_out(&file)?;
    let flags = AtFlags::EMPTY_PATH;
    let attributes = rustix::fs::statx(&file, "", flags, StatxFlags::BASIC_STATS)?.stx_attributes;
    Ok(if attributes.contains(StatxAttributes::ENCRYPTED) {
        Err("the file system encrypts the files there".to_owned())
    } else if attributes.contains(StatxAttributes::DAX) {
        Err("files there are written past the page cache (DAX)".to_owned())
    } else {
        Ok(())
    })
}

/// Major and minor version.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|one: char| !one.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The name of the file system that `folder` is in.
fn kind(folder: &File) -> Option<String> {
    let (id, _) = mount_of(folder).ok()?;
    Some(mounts().ok()?.into_iter().find(|mount| mount.id == id)?.kind)
}

#[cfg(test)]
mod tests {
    use super::{FIRST_LINUX, keeps_order, version};
    use std::fs::File;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("6.18.44-fc-v657"), Some((6, 18)));
        assert!(version("4.18.0-553.el8").is_some_and(|version| version < FIRST_LINUX));
        assert!(version("5.10.0").is_some_and(|version| version > FIRST_LINUX));
        assert_eq!(version("unknown"), None);
    }

    #[test]
    fn what_has_no_journal_keeps_no_order() {
        let of = |path| keeps_order(&File::open(path).unwrap());
        assert_eq!(of("/dev/shm"), Err("this is tmpfs".to_owned()));
        assert_eq!(of("/proc"), Err("this is proc".to_owned()));
    }
}
