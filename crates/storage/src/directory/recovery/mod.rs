//! Processing the temporary files that a crash left.
//!
//! | found | what happens to it |
//! |---|---|
//! | of a process that runs, or may run | stays, nothing is logged |
//! | an incoming file, or a newer one that did not get its name | deleted: it was never acknowledged |
//! | an older one, its name is free | gets its name again |
//! | an older one, the newer one has the name, no reboot or remount since | the same: the newer one was not acknowledged, or the older one would have been deleted |
//! | an older one, the file that has the name is the same byte for byte | deleted |
//! | an older one, anything else | both stay, with a warning at each start: after a power loss, a deleted file may be back |

#[cfg(test)]
mod tests;

use super::names::final_name::TakenBack;
use super::names::inode_lock::{Lock, try_lock};
use super::names::place_note;
use super::names::syscalls;
use super::names::temporary_files::{TOP, Temporaries};
use super::names::temporary_names::{ParsedKind, SaidPlace, owner, without_names};
use super::open_directory::OpenDirectory;
use crate::FileId;
use crate::FileName;
use crate::limits::{COMPARED_BYTES, LEFT_OVERS_AT_ONCE};
use platform::sync::Arc;
use platform::{self, ProcessIdentity};
use rustix::fs::{Dir, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file on a network file system is left to a process of another machine that may live, where
/// locks do not tell.
const OTHERS_TIME: Duration = Duration::from_secs(3600);

/// What was found, and what was done with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Deleted files: never acknowledged, or copies.
    pub removed: usize,
    /// Older files that have their names again.
    pub restored: usize,
    /// Older files that keep their temporary names, and why; `*` stands for the names in them.
    pub kept: Vec<(String, String)>,
    /// Hidden folders that cannot be read, and why.
    pub unseen: Vec<(String, String)>,
}

enum Fate {
    Left,
    Removed,
    Restored,
    Kept(&'static str),
}

impl Recovered {
    /// Logs it.
    pub(crate) fn log(&self) {
        if self.removed > 0 {
            tracing::info!("deleted {} incomplete files left by an earlier run", self.removed);
        }
        if self.restored > 0 {
            tracing::warn!(
                "restored {} older files that were being replaced when an earlier run ended; the newer \
                 files had not been acknowledged",
                self.restored
            );
        }
        for (path, why) in &self.kept {
            tracing::warn!(
                "kept {path}, which may be the only copy of an acknowledged object: {why}; see \
                 docs/operations.md, Temporary files"
            );
        }
        for (path, why) in &self.unseen {
            tracing::warn!(
                "cannot read {path}: {why}; unless it belongs to a running receiver of another user, it may \
                 contain older files: see docs/operations.md, Temporary files"
            );
        }
    }
}

/// Processes the hidden folders of an output directory; `path` is for the log. Takes time in proportion to the
/// number of temporary files; if there can be no hidden folder, to that of all files, and only with
/// `lists_all`. Holds the names of [`LEFT_OVERS_AT_ONCE`] temporary files, however many files there are.
pub(crate) fn recover(open: &Arc<OpenDirectory>, path: &Path, lists_all: bool) -> Recovered {
    let mut recovered = Recovered::default();
    let top = (lists_all && open.temporaries.are_in_top()).then(|| TOP.to_owned());
    for folder in Temporaries::folders().into_iter().chain(top) {
        if let Err(error) = recover_in(open, &folder, path, &mut recovered) {
            recovered.unseen.push((path.join(folder).display().to_string(), error.to_string()));
        }
    }
    open.intents.remove_unused();
    open.temporaries.remove_unused_hidden_folders();
    recovered
}

/// Does nothing if there is no such folder.
fn recover_in(
    open: &Arc<OpenDirectory>,
    folder: &str,
    path: &Path,
    recovered: &mut Recovered,
) -> io::Result<()> {
    let mut notes = Notes::default();
    recover_files(open, folder, path, recovered, &mut notes)?;
    if notes.some_found {
        remove_notes(open, folder, &notes)?;
    }
    Ok(())
}

/// Notes of where files belong ([`PlaceNote`](super::names::place_note::PlaceNote)).
#[derive(Default)]
struct Notes {
    some_found: bool,
    /// Those of files that were kept.
    needed: HashSet<(u64, ProcessIdentity)>,
}

/// Removes the notes that a crash left and no file needs.
fn remove_notes(open: &Arc<OpenDirectory>, folder: &str, notes: &Notes) -> io::Result<()> {
    let mut entries = Dir::read_from(&syscalls::open_folder((&open.handle, folder))?)?;
    loop {
        let found = next_found(&mut entries)?;
        if found.is_empty() {
            return Ok(());
        }
        for (name, owner, held) in found {
            let ParsedKind::Place(number) = held else { continue };
            if !notes.needed.contains(&(number, owner)) {
                let owner = open.temporaries.for_this_mount(owner);
                let temporary = format!("{folder}/{name}");
                // Should this fail, the next start finds it again.
                let _ = Found { open, temporary: &temporary, owner }.deal_with(held);
            }
        }
    }
}

fn recover_files(
    open: &Arc<OpenDirectory>,
    folder: &str,
    path: &Path,
    recovered: &mut Recovered,
    notes: &mut Notes,
) -> io::Result<()> {
    let lacking =
        [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].map(|errno| Some(errno.raw_os_error()));
    let opened = match syscalls::open_folder((&open.handle, folder)) {
        Err(error) if lacking.contains(&error.raw_os_error()) => return Ok(()),
        result => result?,
    };
    let mut entries = Dir::read_from(&opened)?;
    loop {
        let found = next_found(&mut entries)?;
        if found.is_empty() {
            return Ok(());
        }
        for (name, owner, held) in found {
            let note = match held {
                ParsedKind::Place(_) => {
                    notes.some_found = true;
                    continue;
                }
                ParsedKind::Replaced { place: Some(SaidPlace::Noted(number)), .. } => {
                    Some((number, owner))
                }
                _ => None,
            };
            let owner = open.temporaries.for_this_mount(owner);
            let temporary = format!("{folder}/{name}");
            let fate = Found { open, temporary: &temporary, owner }.deal_with(held);
            match fate.unwrap_or(Fate::Kept("it cannot be read or renamed")) {
                Fate::Left => {}
                Fate::Removed => recovered.removed += 1,
                Fate::Restored => recovered.restored += 1,
                Fate::Kept(why) => {
                    notes.needed.extend(note);
                    let shown = path.join(without_names(&temporary)).display().to_string();
                    recovered.kept.push((shown, why.to_owned()));
                }
            }
        }
    }
}

/// The next temporary names of ours in a folder, of any process, and what they say; none at its end. Other names
/// are not kept, and there may be millions.
fn next_found(entries: &mut Dir) -> io::Result<Vec<(String, ProcessIdentity, ParsedKind)>> {
    let mut found = Vec::new();
    while found.len() < LEFT_OVERS_AT_ONCE
        && let Some(entry) = entries.next()
    {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if let Some((owner, held)) = ParsedKind::parse(name) {
            found.push((name.to_owned(), owner, held));
        }
    }
    Ok(found)
}

struct Found<'a> {
    open: &'a Arc<OpenDirectory>,
    temporary: &'a str,
    owner: ProcessIdentity,
}

impl Found<'_> {
    fn deal_with(&self, kind: ParsedKind) -> io::Result<Fate> {
        if self.owner == owner() {
            return Ok(Fate::Left);
        }
        let temporaries = &self.open.temporaries;
        let location = (temporaries.top(), self.temporary);
        // A lock may be had only by who could write.
        let file = [OFlags::RDWR, OFlags::RDONLY]
            .into_iter()
            .find_map(|mode| syscalls::open(location, mode).ok());
        if !self.is_abandoned(file.as_ref()) {
            return Ok(Fate::Left);
        }
        let Some(stamp) = syscalls::stamp_at(location)? else { return Ok(Fate::Left) };
        if let Some(file) = &file
            && FileId::of(file)? != stamp.id
        {
            return Ok(Fate::Left);
        }
        let removed = || temporaries.remove(self.temporary).map(|()| Fate::Removed);
        match kind {
            ParsedKind::Incoming => removed(),
            ParsedKind::Replaced { newer, .. } if newer == (stamp.id.inode, stamp.modified) => {
                removed()
            }
            ParsedKind::Replaced { newer, place } => {
                let Some((folders, name)) = place.and_then(|place| self.place(place)) else {
                    return Ok(Fate::Kept("its original name was too long to record"));
                };
                match self.open.existing_folder(&folders) {
                    Ok(folder) => self.put_back(&folder, &name, newer, stamp.id, file.as_ref()),
                    Err(_) => Ok(Fate::Kept("its original directory does not exist")),
                }
            }
            // Those that are needed have been read by then.
            ParsedKind::Place(_) => removed(),
        }
    }

    /// The folders in which the file belongs, and its name.
    fn place(&self, said: SaidPlace) -> Option<(Vec<FileName>, FileName)> {
        match said {
            SaidPlace::Here(folders, name) => Some((folders, name)),
            SaidPlace::Noted(number) => {
                let (temporaries, folder) = (&self.open.temporaries, self.folder());
                let owner = temporaries.for_this_mount(self.owner);
                place_note::read(temporaries, folder, owner, number)
            }
        }
    }

    /// The hidden folder that it is in.
    fn folder(&self) -> &str {
        self.temporary.rsplit_once('/').map_or(TOP, |(folder, _)| folder)
    }

    /// Whether its owner, another process, does not live any more, as far as that can be proven; takes its lock.
    fn is_abandoned(&self, file: Option<&File>) -> bool {
        let lock = file.map_or(Lock::Unavailable, try_lock);
        let late_write_errors = self.open.strategy.late_write_errors;
        is_abandoned(platform::is_running(&self.owner), lock, late_write_errors, || {
            file.is_some_and(is_old)
        })
    }

    /// Gives an older file its name back, if no file that may have been acknowledged has it.
    fn put_back(
        &self,
        folder: &OpenDirectory,
        name: &FileName,
        newer: (u64, u64),
        older: FileId,
        file: Option<&File>,
    ) -> io::Result<Fate> {
        // No commit of this process changes it meanwhile.
        let _claim = folder.claims.claim(name);
        let final_name = folder.final_name(name, false);
        let location = (&*folder.handle, name.as_str());
        if syscalls::id_at(location)? == Some(older) {
            self.open.temporaries.remove(self.temporary)?;
            return Ok(Fate::Removed);
        }
        let Some(holder) = final_name.lock_holder()? else {
            final_name.give_back(self.temporary)?;
            return Self::restored(folder);
        };
        // The object of another process may still fail and give the name back, whatever is in it.
        if folder.abilities().locks && !holder.is_locked {
            return Ok(Fate::Kept("another process is using its name"));
        }
        let same = || {
            let other = syscalls::open(location, OFlags::RDONLY).ok()?;
            have_same_content(file?, &other).ok()
        };
        if same() == Some(true) {
            self.open.temporaries.remove(self.temporary)?;
            return Ok(Fate::Removed);
        }
        let found = syscalls::stamp_at(location)?.filter(|found| found.id == holder.id);
        let Some(found) = found.filter(|found| newer == (found.id.inode, found.modified)) else {
            return Ok(Fate::Kept("another file has its name"));
        };
        let is_certain =
            self.owner.boot == owner().boot && self.open.temporaries.detects_remounts();
        if !is_certain || owner().boot == 0 {
            let why = "after a reboot or remount, it cannot be determined whether the newer file, which has \
                       its name, was acknowledged";
            return Ok(Fate::Kept(why));
        }
        let final_name = folder.final_name(name, holder.is_locked);
        match final_name.take_back(found, Some(self.temporary))? {
            TakenBack::Restored => Self::restored(folder),
            TakenBack::OlderKept => {
                Ok(Fate::Kept("another process has taken its name in the meantime"))
            }
        }
    }

    fn restored(folder: &OpenDirectory) -> io::Result<Fate> {
        // Its content is durable; should the name not be, the next start finds it again.
        let _ = folder.handle.sync_all();
        Ok(Fate::Restored)
    }
}

/// Whether what belongs to a process that may run, and is locked or not, is abandoned, as far as that can be
/// proven; on network file systems, processes on two machines may both hold the lock.
pub(crate) fn is_abandoned(
    is_running: Option<bool>,
    lock: Lock,
    late_write_errors: bool,
    is_old: impl FnOnce() -> bool,
) -> bool {
    match (is_running, lock) {
        (Some(true), _) | (_, Lock::Busy) => false,
        (Some(false), _) => true,
        (None, Lock::Held) if !late_write_errors => true,
        (None, Lock::Held | Lock::Unavailable) => is_old(),
    }
}

/// Whether it has been left alone for a while.
fn is_old(file: &File) -> bool {
    let changed = |file: &File| {
        let seconds = u64::try_from(file.metadata().ok()?.ctime()).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    };
    let age = changed(file).and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.is_some_and(|age| age > OTHERS_TIME)
}

fn have_same_content(one: &File, other: &File) -> io::Result<bool> {
    let length = one.metadata()?.len();
    if length != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut first, mut second) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut offset = 0;
    while offset < length {
        #[allow(clippy::cast_possible_truncation, reason = "less than the buffer")]
        let count = (length - offset).min(COMPARED_BYTES as u64) as usize;
        one.read_exact_at(&mut first[..count], offset)?;
        other.read_exact_at(&mut second[..count], offset)?;
        if first[..count] != second[..count] {
            return Ok(false);
        }
        offset += count as u64;
    }
    Ok(true)
}
