//! Notes of where files belong, whose temporary names have no room for that: several folders deep, or a long name.

use super::inode_lock::try_lock;
use super::syscalls;
use super::temporary_files::{FILE_MODE, Temporaries};
use super::temporary_names::{ParsedKind, TemporaryKind, note_name, owner};
use crate::FileName;
use crate::file_id::Stamp;
use crate::limits::PLACE_NOTE_BYTES;
use platform::ProcessIdentity;
use platform::sync::Arc;
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{self, Read, Write};

/// A note, beside the temporary files. Dropping it removes it, unless it is [kept](Self::keep).
pub(crate) struct PlaceNote {
    temporaries: Arc<Temporaries>,
    path: String,
    pub(crate) number: u64,
    /// Locked, so that no start of another receiver takes it for what a crash left.
    _file: File,
    is_kept: bool,
}

impl PlaceNote {
    /// Writes one for what `newer` is to replace, with `durable` so that it survives a power loss. `None` if the
    /// temporary name has room.
    ///
    /// # Errors
    /// Whatever the operating system says; no note is left behind.
    pub(crate) fn write(
        temporaries: &Arc<Temporaries>,
        folders: &[FileName],
        name: &FileName,
        newer: Stamp,
        durable: bool,
    ) -> io::Result<Option<Self>> {
        let kind = TemporaryKind::Replaced { newer, folders, name, note: None };
        if kind.has_room(temporaries.for_this_mount(owner())) {
            return Ok(None);
        }
        let create = |path: &str| syscalls::create((temporaries.top(), path), FILE_MODE);
        let (path, mut file) = {
            let _turn = temporaries.turn();
            temporaries.with_new_name(TemporaryKind::Place, create)?
        };
        let _ = try_lock(&file);
        let file_name = path.rsplit('/').next().unwrap_or_default();
        let number = match ParsedKind::parse(file_name) {
            Some((_, ParsedKind::Place(number))) => number,
            _ => 0,
        };
        let names: Vec<_> = folders.iter().chain([name]).map(FileName::as_str).collect();
        let written = file.write_all(names.join("/").as_bytes());
        let written = written.and_then(|()| if durable { file.sync_all() } else { Ok(()) });
        let temporaries = Arc::clone(temporaries);
        let note = Self { temporaries, path, number, _file: file, is_kept: false };
        written.map(|()| Some(note))
    }

    /// Leaves it for a later start of a receiver.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for PlaceNote {
    fn drop(&mut self) {
        if !self.is_kept {
            let _turn = self.temporaries.turn();
            // Should this fail, a start removes it.
            let _ = self.temporaries.remove(&self.path);
        }
    }
}

/// What a note of this process in a hidden folder says: folders and name. `None` if there is none, or none that is
/// whole.
pub(crate) fn read(
    temporaries: &Temporaries,
    hidden_folder: &str,
    owner: ProcessIdentity,
    number: u64,
) -> Option<(Vec<FileName>, FileName)> {
    let path = format!("{hidden_folder}/{}", note_name(owner, number));
    let file = syscalls::open((temporaries.top(), &path), OFlags::RDONLY).ok()?;
    let mut text = String::new();
    let most = PLACE_NOTE_BYTES as u64;
    file.take(most + 1).read_to_string(&mut text).ok().filter(|&bytes| bytes as u64 <= most)?;
    let names = text.split('/').map(|name| FileName::new(name.to_owned()));
    let mut names = names.collect::<Option<Vec<_>>>()?;
    let name = names.pop()?;
    Some((names, name))
}
