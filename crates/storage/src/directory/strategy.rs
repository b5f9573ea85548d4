//! What files have to be written like in a directory.

use super::names::abilities::{Abilities, remove_probe};
use super::names::syscalls;
use super::names::system_errors::{is_full, is_unavailable};
use super::names::temporary_files::{FILE_MODE, Temporaries};
use super::names::temporary_names::TemporaryKind;
use crate::Durability;
use platform::{self, LinkDurability};
use std::fs::File;
use std::io;

/// How files are written in a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strategy {
    pub(crate) staging: Staging,
    /// Whether they are synced in the end.
    pub(crate) synced: bool,
    /// Whether writes may fail unnoticed until then: see [`platform::reports_write_errors_late`].
    pub(crate) late_write_errors: bool,
    pub(crate) abilities: Abilities,
}

/// How files that are on their way are kept from sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staging {
    /// They have no name.
    Unnamed,
    /// They have none while they come in, and a temporary one when they are synced: the number of names is
    /// written by that sync, not with the folder.
    UnnamedUntilSynced,
    /// They have temporary names.
    Temporary,
}

impl Strategy {
    /// Finds out what is the right one.
    ///
    /// # Errors
    /// No files can be made there.
    pub(crate) fn probe(
        folder: &File,
        temporaries: &Temporaries,
        durability: Durability,
    ) -> io::Result<Self> {
        let tried = Abilities::probe(temporaries).and_then(|abilities| {
            Ok((abilities, Staging::best_for(folder, temporaries, abilities, durability)?))
        });
        temporaries.remove_hidden_folder();
        let (abilities, staging) = tried?;
        Ok(Self {
            staging,
            synced: durability == Durability::Full,
            late_write_errors: platform::reports_write_errors_late(folder),
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
