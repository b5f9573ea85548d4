//! A simulated disk that loses power: what was not synced is lost, or a part of it. Its syncs fail as the
//! kernel's do.

mod disk;
mod files;
mod intents;
mod state;

pub use disk::Disk;
pub use state::TEMPORARY;

use state::{HIDDEN, PENDING, SPOOL};

/// How much of what was not synced reaches the disk.
#[derive(Clone, Copy, Debug)]
pub enum Survives {
    /// Nothing of it.
    Nothing,
    /// Names without what they stand for: what a careless order of steps is found out by.
    Names,
    /// The same of all but the hidden folders: a disk may write one folder and not another.
    ShownNames,
    /// The same of the folder of temporary names alone.
    HiddenNames,
    /// The same of the folder of pending intents alone.
    PendingNames,
    /// What was written, without the names given since.
    Content,
    /// All of it.
    Everything,
}

impl Survives {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Names,
        Self::ShownNames,
        Self::HiddenNames,
        Self::PendingNames,
        Self::Content,
        Self::Everything,
    ];

    fn names_in(self, folder: usize) -> bool {
        match self {
            Self::Names | Self::Everything => true,
            Self::ShownNames => ![HIDDEN, PENDING, SPOOL].contains(&folder),
            Self::HiddenNames => folder == HIDDEN,
            Self::PendingNames => folder == PENDING,
            Self::Nothing | Self::Content => false,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing.
    Never,
    /// After so many steps the power goes: all that comes later fails and changes nothing.
    PowerLoss(usize),
    /// After so many syncs one fails, and what it should have written counts as written: no later
    /// sync writes it again.
    LostWrite(usize),
}

/// How the file system of the disk keeps files that are being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// Without a name.
    Unnamed,
    /// The same until they are synced, on a disk that forgets a file which had no name then.
    UnnamedUntilSynced,
    /// Under a temporary name.
    Temporary,
    /// The same where names cannot be swapped: what is replaced moves aside first, and a start puts it
    /// back if its name is free. The disk writes renames in their order.
    MovedAside,
    /// Without a name, with [`Durability::Ordered`](crate::Durability::Ordered): one log has the places of contents
    /// that were written out, and the names, in their order. The sync of any folder writes it, and so may the disk
    /// at any time. If that sync fails, the disk stops.
    Ordered,
}

impl DiskKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Unnamed, Self::UnnamedUntilSynced, Self::Temporary, Self::MovedAside, Self::Ordered];

    /// Whether the sync of one folder writes all earlier names of the others, or fails if any of them is lost.
    #[must_use]
    pub fn orders_names(self) -> bool {
        self == Self::Ordered
    }
}
