//! How files are written in a directory.

use super::names::abilities::{Abilities, remove_probe};
use super::names::syscalls;
use super::names::system_errors::{is_full, is_unavailable};
use super::names::temporary_files::{FILE_MODE, Temporaries};
use super::names::temporary_names::TemporaryKind;
use crate::Durability;
use platform::{self, LinkDurability};
use std::fs::File;
use std::io;

/// How files are written in a directory, as its file system and the durability require.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strategy {
    pub(crate) staging: Staging,
    /// How much of them is on disk before they are named: what was asked for, or [`Durability::Full`] where the
    /// file system does not keep the order that [`Durability::Ordered`] relies on.
    pub(crate) durability: Durability,
    /// Whether writes may fail unnoticed until then: see [`platform::reports_write_errors_late`].
    pub(crate) late_write_errors: bool,
    /// Whether a sync of a folder may succeed although its names are lost: see [`platform::check_log`].
    pub(crate) hides_a_lost_log: bool,
    /// Whether one log has the changes of all folders in their order: the sync of one makes all earlier changes of the
    /// others durable.
    pub(crate) orders_names: bool,
    /// Whether a power loss may lose what is in a folder that grows in that moment: ext4 without a journal.
    pub(crate) loses_grown_folders: bool,
    /// How long an extended attribute may be: see [`platform::attribute_bytes`].
    pub(crate) attribute_bytes: usize,
    pub(crate) abilities: Abilities,
}

/// How a file is kept while it is being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staging {
    /// Without a name.
    Unnamed,
    /// Without a name until it is synced, then with a temporary one: on this file system, the sync of the file
    /// writes how many names it has, and the sync of the folder does not.
    UnnamedUntilSynced,
    /// With a temporary name.
    Temporary,
}

impl Strategy {
    /// Finds out the one for this directory.
    ///
    /// # Errors
    /// Those of the operating system if no files can be created there.
    pub(crate) fn probe(
        folder: &File,
        temporaries: &Temporaries,
        durability: Durability,
    ) -> io::Result<Self> {
        let is_kept = durability != Durability::Ordered || platform::keeps_order(folder).is_ok();
        let durability = if is_kept { durability } else { Durability::Full };
        let tried = Abilities::probe(temporaries).and_then(|abilities| {
            Ok((abilities, Staging::best_for(folder, temporaries, abilities, durability)?))
        });
        temporaries.remove_hidden_folder();
        let (abilities, staging) = tried?;
        Ok(Self {
            staging,
            durability,
            late_write_errors: platform::reports_write_errors_late(folder),
            hides_a_lost_log: platform::hides_a_lost_log(folder),
            loses_grown_folders: platform::link_durability(folder) == LinkDurability::WithFileSync,
            attribute_bytes: platform::attribute_bytes(folder),
            orders_names: platform::link_durability(folder) == LinkDurability::WithFolderSync,
            abilities,
        })
    }
}

impl Staging {
    fn best_for(
        folder: &File,
        temporaries: &Temporaries,
        abilities: Abilities,
        durability: Durability,
    ) -> io::Result<Self> {
        if !abilities.links {
            return Ok(Self::Temporary);
        }
        let staging = match platform::link_durability(folder) {
            _ if durability == Durability::None => Self::Unnamed,
            LinkDurability::WithFolderSync => Self::Unnamed,
            LinkDurability::WithFileSync => Self::UnnamedUntilSynced,
            LinkDurability::Unknown => return Ok(Self::Temporary),
        };
        Ok(if has_unnamed_files(folder, temporaries)? { staging } else { Self::Temporary })
    }
}

/// Whether files can be made without a name, and be given one later, which goes through `/proc`.
///
/// # Errors
/// Whatever else the operating system says than that it cannot.
fn has_unnamed_files(folder: &File, temporaries: &Temporaries) -> io::Result<bool> {
    let lacking = |error: &io::Error| {
        is_unavailable(error)
            || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory)
    };
    let file = match platform::create_unnamed(folder, FILE_MODE) {
        Err(error) if lacking(&error) => return Ok(false),
        Err(error) if is_full(&error) => return Ok(true),
        result => result?,
    };
    let link = |path: &str| syscalls::link_unnamed(&file, (temporaries.top(), path));
    match temporaries.with_new_name(TemporaryKind::Incoming, link) {
        Ok((path, ())) => {
            remove_probe(temporaries, &path);
            Ok(true)
        }
        Err(error) if lacking(&error) => Ok(false),
        Err(error) if is_full(&error) => Ok(true),
        Err(error) => Err(error),
    }
}
