//! What files have to be written like in a directory.

use super::names::abilities::{Abilities, forget};
use super::names::syscalls;
use super::names::system_errors::{can_link, is_full, is_unsupported};
use super::names::temporary_files::{FILE_MODE, Temporaries};
use super::names::temporary_names::Holds;
use crate::Durability;
use platform::{self, LinkDurability};
use std::fs::File;
use std::io;

/// How files are written in a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) way: Way,
    /// Whether they are synced in the end.
    pub(crate) synced: bool,
    /// Whether writes may fail unnoticed until then: see [`platform::reports_write_errors_late`].
    pub(crate) told_late: bool,
    pub(crate) abilities: Abilities,
}

/// How files that are on their way are kept from sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They have no name.
    Unnamed,
    /// They have none while they come in, and a temporary one when they are synced: the number of names is
    /// written by that sync, not with the folder.
    UnnamedUntilSynced,
    /// They have temporary names.
    Temporary,
}

impl Manner {
    /// Finds out what is the right one.
    ///
    /// # Errors
    /// No files can be made there.
    pub(crate) fn of(
        folder: &File,
        temporaries: &Temporaries,
        durability: Durability,
    ) -> io::Result<Self> {
        let tried = Abilities::of(temporaries).and_then(|abilities| {
            Ok((abilities, Way::best_for(folder, temporaries, abilities, durability)?))
        });
        temporaries.remove_hidden_folder();
        let (abilities, way) = tried?;
        Ok(Self {
            way,
            synced: durability == Durability::Full,
            told_late: platform::reports_write_errors_late(folder),
            abilities,
        })
    }
}

impl Way {
    fn best_for(
        folder: &File,
        temporaries: &Temporaries,
        abilities: Abilities,
        durability: Durability,
    ) -> io::Result<Self> {
        if !abilities.links {
            return Ok(Self::Temporary);
        }
        let way = match platform::link_durability(folder) {
            _ if durability == Durability::None => Self::Unnamed,
            LinkDurability::WithFolderSync => Self::Unnamed,
            LinkDurability::WithFileSync => Self::UnnamedUntilSynced,
            LinkDurability::Unknown => return Ok(Self::Temporary),
        };
        Ok(if has_unnamed_files(folder, temporaries)? { way } else { Self::Temporary })
    }
}

/// Whether files can be made without a name, and be given one later, which goes through `/proc`.
///
/// # Errors
/// Whatever else the operating system says than that it cannot.
fn has_unnamed_files(folder: &File, temporaries: &Temporaries) -> io::Result<bool> {
    let lacking = |error: &io::Error| {
        is_unsupported(error)
            || !can_link(error)
            || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory)
    };
    let file = match platform::create_unnamed(folder, FILE_MODE) {
        Err(error) if lacking(&error) => return Ok(false),
        Err(error) if is_full(&error) => return Ok(true),
        result => result?,
    };
    let link = |path: &str| syscalls::link_unnamed(&file, (temporaries.top(), path));
    match temporaries.fresh(Holds::Incoming, link) {
        Ok((path, ())) => {
            forget(temporaries, &path);
            Ok(true)
        }
        Err(error) if lacking(&error) => Ok(false),
        Err(error) if is_full(&error) => Ok(true),
        Err(error) => Err(error),
    }
}
