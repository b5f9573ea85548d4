//! Links of intents, one by one.

use crate::IntentName;
use crate::directory::names::syscalls::{self, Location};
use platform::sync::rustix::fs::Dir;
use std::fs::File;
use std::io;

/// The names in a folder that may be names of intents. They may be anything.
pub(super) fn names_in(folder: &File) -> io::Result<impl Iterator<Item = io::Result<IntentName>>> {
    let entries = Dir::read_from(folder)?;
    Ok(entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file_name().to_str().ok().and_then(IntentName::parse).map(Ok),
        Err(error) => Some(Err(error.into())),
    }))
}

/// Moves a link. Of one file, rename(2) leaves both names.
pub(super) fn move_link(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    syscalls::move_over(from, to)?;
    syscalls::unlink(from)
}
