//! What files have to be written like in a directory.

use super::Durability;
use crate::platform::{self, LateNames};
use std::fs::File;

/// How files are written in a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) way: Way,
    /// Whether they are synced in the end.
    pub(super) synced: bool,
    /// Whether writes may fail unnoticed until then: see [`platform::tells_of_writes_late`].
    pub(super) told_late: bool,
}

/// How files that are on their way are kept from sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They have no name.
    Unnamed,
    /// They have none while they come in, and a temporary one when they are synced: the number of names is
    /// written by that sync, not with the folder.
    UnnamedUntilSynced,
    /// They have temporary names.
    Temporary,
}

impl Manner {
    pub(super) fn of(folder: &File, durability: Durability) -> Self {
        Self {
            way: Way::best_for(folder, durability),
            synced: durability == Durability::Full,
            told_late: platform::tells_of_writes_late(folder),
        }
    }
}

impl Way {
    fn best_for(folder: &File, durability: Durability) -> Self {
        if !platform::has_unnamed_files(folder) {
            return Self::Temporary;
        }
        match platform::late_names(folder) {
            _ if durability == Durability::None => Self::Unnamed,
            LateNames::WithFolder => Self::Unnamed,
            LateNames::WithFile => Self::UnnamedUntilSynced,
            LateNames::Unknown => Self::Temporary,
        }
    }
}
