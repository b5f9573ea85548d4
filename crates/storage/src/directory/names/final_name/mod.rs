//! Giving a file its final name and taking it back, by steps in an order that loses nothing.
//!
//! Other processes may do the same with the same names at the same time, locks may not work, and each step
//! may fail. Hence:
//!
//! - Nothing is removed by its final name. It is moved aside first, to a unique name, and looked at there: if
//!   it is another file than it should be, it is put back.
//! - What had a name before keeps one of its own, which says what it holds ([`TemporaryKind::Replaced`]), until the
//!   newer file is stored.
//! - Where the second of two steps fails, the first is undone. Where that fails too, both count as done.

#[cfg(test)]
mod tests;

use super::abilities::Abilities;
use super::inode_lock::NameHolder;
use super::syscalls::{self, Location};
use super::system_errors::{is_unavailable, is_unsupported};
use super::temporary_files::Temporaries;
use super::temporary_names::{TemporaryKind, without_names};
use crate::FileName;
use crate::file_id::{FileId, FileIdentity, Stamp};
use crate::limits::NAME_ATTEMPTS;
use std::fs::File;
use std::io;

/// A final name, and what is used to give it and to take it back.
#[derive(Clone, Copy)]
pub(crate) struct FinalName<'a> {
    pub(crate) folder: &'a File,
    /// The names that lead to `folder` from the output directory.
    pub(crate) folder_path: &'a [FileName],
    pub(crate) name: &'a FileName,
    /// The number of a note that says the same, where a temporary name has no room for it.
    pub(crate) note: Option<u64>,
    pub(crate) temporaries: &'a Temporaries,
    pub(crate) abilities: Abilities,
    /// Whether the file that gets the name or loses it is locked.
    pub(crate) is_locked: bool,
}

/// What became of a name that was to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// The previous file, if any, gets the name back.
    Restored,
    /// Something else has it by now, and what had it before us keeps its temporary name.
    OlderKept,
}

impl<'a> FinalName<'a> {
    fn location(&self) -> Location<'a> {
        (self.folder, self.name.as_str())
    }

    fn temporary<'t>(&'t self, path: &'t str) -> Location<'t> {
        (self.temporaries.top(), path)
    }

    /// For what has the name while `newer` gets it or loses it.
    fn replaced_by(&self, newer: Stamp) -> TemporaryKind<'a> {
        let Self { folder_path: folders, name, note, .. } = *self;
        TemporaryKind::Replaced { newer, folders, name, note }
    }

    /// Gives `file`, with the temporary name `from`, the final one, if that is free.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; whatever else the operating system says. The temporary name is
    /// as before.
    pub(crate) fn give(
        &self,
        from: &str,
        file: impl FnOnce() -> io::Result<FileId>,
    ) -> io::Result<()> {
        let remove = || self.temporaries.remove(from);
        let Err(error) = self.move_to_free(self.temporary(from), self.location(), remove) else {
            return Ok(());
        };
        if error.kind() == io::ErrorKind::AlreadyExists
            || syscalls::id_at(self.location())? != Some(file()?)
        {
            return Err(error);
        }
        // It has been done all the same. Should this fail, a start removes it.
        let _ = self.temporaries.remove(from);
        Ok(())
    }

    /// Gives the name back to the file with the temporary name `from`, if that is free. A temporary name that
    /// cannot be removed is one too many then, which a start removes.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; whatever else the operating system says.
    pub(crate) fn give_back(&self, from: &str) -> io::Result<()> {
        let (temporary, location) = (self.temporary(from), self.location());
        let remove = || {
            let _ = self.temporaries.remove(from);
            Ok(())
        };
        match self.move_to_free(temporary, location, remove) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
            result => return result,
        }
        // The ways that were not come to, since one before failed.
        match self.link_and_remove(temporary, location, remove) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                rename_if_free(temporary, location)
            }
            result => result,
        }
    }

    /// Locks what has the name: see [`NameHolder::lock`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn lock_holder(&self) -> io::Result<Option<NameHolder>> {
        NameHolder::lock(self.location(), self.abilities.locks)
    }

    /// Gives `newer`, with the temporary name `from`, the name that `older` has, and returns the temporary
    /// name that `older` has then. With `None`, something else has the name by now, or nothing.
    ///
    /// `from` follows the file if it gets another temporary name.
    ///
    /// # Errors
    /// Whatever the operating system says; `older` has its name.
    pub(crate) fn take_over(
        &self,
        from: &mut String,
        newer: Stamp,
        older: &NameHolder,
    ) -> io::Result<Option<String>> {
        if self.abilities.exchange {
            match self.swap(from, newer) {
                Err(error) if is_unsupported(&error) => {}
                result => return result,
            }
        }
        // The file that is kept is the one that is replaced only as long as no other takes the name.
        if self.abilities.links && older.is_locked {
            match self.keep_and_replace(from, newer, older.id) {
                Err(error) if is_unavailable(&error) => {}
                result => return result,
            }
        }
        self.move_aside_and_give(from, newer)
    }

    /// One step: no reader of the folder sees the name without a file.
    fn swap(&self, from: &mut String, newer: Stamp) -> io::Result<Option<String>> {
        let rename = |to: &str| syscalls::rename_aside(self.temporary(from), self.temporary(to));
        let (renamed, ()) = self.temporaries.with_new_name(self.replaced_by(newer), rename)?;
        *from = renamed;
        let Err(error) = syscalls::exchange(self.temporary(from), self.location()) else {
            return Ok(Some(from.clone()));
        };
        match syscalls::id_at(self.temporary(from)) {
            // It has been done all the same.
            Ok(Some(found)) if found != newer.id => Ok(Some(from.clone())),
            _ if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        }
    }

    /// Two steps: the older file gets a second name, and the newer one its first.
    fn keep_and_replace(
        &self,
        from: &str,
        newer: Stamp,
        older: FileId,
    ) -> io::Result<Option<String>> {
        let link = |to: &str| syscalls::link(self.location(), self.temporary(to));
        let (kept, ()) = match self.temporaries.with_new_name(self.replaced_by(newer), link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let replaced = match syscalls::id_at(self.temporary(&kept)) {
            Ok(Some(found)) if found == older => {
                syscalls::rename_over(self.temporary(from), self.location(), newer.id)
            }
            Ok(_) => Err(io::ErrorKind::NotFound.into()),
            Err(error) => Err(error),
        };
        if replaced.is_ok() {
            return Ok(Some(kept));
        }
        // A second name of a file that has its first: should this fail, a start removes it.
        let _ = self.temporaries.remove(&kept);
        match replaced {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(|()| None),
        }
    }

    /// Two steps with nothing in between: a start puts the older file back after a crash.
    fn move_aside_and_give(&self, from: &str, newer: Stamp) -> io::Result<Option<String>> {
        let aside = |to: &str| syscalls::rename_aside(self.location(), self.temporary(to));
        let (kept, ()) = match self.temporaries.with_new_name(self.replaced_by(newer), aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let Err(error) = self.give(from, || Ok(newer.id)) else { return Ok(Some(kept)) };
        if let Err(second) = self.give_back(&kept) {
            self.log_kept(&kept, &second.to_string());
        }
        Err(error)
    }

    /// Takes the name from `ours`, if it still has it, and gives it back to what had it before and has the
    /// temporary name `older` now.
    ///
    /// # Errors
    /// Whatever the operating system says: `ours` may have the name still, and what had it before keeps the
    /// temporary one, which is logged.
    pub(crate) fn take_back(&self, ours: Stamp, older: Option<&str>) -> io::Result<TakenBack> {
        let result = match older {
            Some(older) => self.restore(ours, older),
            None => self.take_away(ours).map(|_| TakenBack::Restored),
        };
        if let Some(older) = older {
            match &result {
                Ok(TakenBack::Restored) => {}
                Ok(TakenBack::OlderKept) => {
                    self.log_kept(older, "another process has taken the name in the meantime");
                }
                Err(error) => self.log_kept(older, &error.to_string()),
            }
        }
        result
    }

    fn restore(&self, ours: Stamp, older: &str) -> io::Result<TakenBack> {
        if syscalls::id_at(self.temporary(older))?.is_none() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the older file is gone"));
        }
        // Where that fails, nothing has changed, and the longer way may be open.
        if self.abilities.exchange
            && syscalls::id_at(self.location())? == Some(ours.id)
            && (syscalls::exchange(self.temporary(older), self.location()).is_ok()
                || syscalls::id_at(self.temporary(older))? == Some(ours.id))
        {
            return self.check_swapped(ours, older);
        }
        if !self.take_away(ours)? {
            return Ok(TakenBack::OlderKept);
        }
        match self.give_back(older) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(TakenBack::OlderKept),
            result => result.map(|()| TakenBack::Restored),
        }
    }

    /// What was swapped out has the temporary name now.
    fn check_swapped(&self, ours: Stamp, temporary: &str) -> io::Result<TakenBack> {
        if syscalls::id_at(self.temporary(temporary))? == Some(ours.id) {
            // Should this fail, a start removes it: the name says what it holds.
            let _ = self.temporaries.remove(temporary);
            return Ok(TakenBack::Restored);
        }
        syscalls::exchange(self.temporary(temporary), self.location())?;
        Ok(TakenBack::OlderKept)
    }

    /// Removes the name, if it still is that of `ours` or of nothing; false if something else has it.
    ///
    /// # Errors
    /// Whatever the operating system says; `ours` may have the name still.
    fn take_away(&self, ours: Stamp) -> io::Result<bool> {
        self.take_away_from(self.location(), ours)
    }

    fn take_away_from(&self, location: Location<'_>, ours: Stamp) -> io::Result<bool> {
        let is_ours = || syscalls::id_at(location).map(|found| found.map(|found| found == ours.id));
        let aside = |to: &str| syscalls::rename_aside(location, self.temporary(to));
        let mut attempts = 0;
        let moved = loop {
            match is_ours()? {
                None => return Ok(true),
                Some(false) => return Ok(false),
                Some(true) => attempts += 1,
            }
            match self.temporaries.with_new_name(self.replaced_by(ours), aside) {
                Ok((moved, ())) => break moved,
                // The name was gone in that moment, or the hidden folder.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && attempts < NAME_ATTEMPTS => {}
                // There may be no room for another name. Whoever takes turns with us cannot have this one.
                Err(_) if self.is_locked && is_ours()? == Some(true) => {
                    syscalls::unlink(location)?;
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        };
        if syscalls::id_at(self.temporary(&moved))? == Some(ours.id) {
            // Should this fail, a start removes it.
            let _ = self.temporaries.remove(&moved);
            return Ok(true);
        }
        let back = || {
            let _ = self.temporaries.remove(&moved);
            Ok(())
        };
        if let Err(error) = self.move_to_free(self.temporary(&moved), location, back) {
            self.log_kept(&moved, &error.to_string());
        }
        Ok(false)
    }

    /// Renames `file`, which has this name, to `to`, if that is free.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; `NotFound` if another file has this one; whatever else the
    /// operating system says. The file has the name it had.
    pub(crate) fn rename(&self, file: FileIdentity, to: &FileName) -> io::Result<()> {
        let changed = || io::Error::new(io::ErrorKind::NotFound, "another file has the name now");
        if !self.abilities.give_free_names() {
            let why = "the file system supports neither hard links nor RENAME_NOREPLACE";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        // Kept, so that it stays locked.
        let holder =
            self.lock_holder()?.filter(|holder| holder.id == file.id).ok_or_else(changed)?;
        let this = FinalName { is_locked: holder.is_locked, ..*self };
        let (from, to) = (self.location(), (self.folder, to.as_str()));
        let stamp =
            syscalls::stamp_at(from)?.filter(|found| found.id == file.id).ok_or_else(changed)?;
        if syscalls::identity_at(from)? != Some(file) {
            return Err(changed());
        }
        this.move_to_free(from, to, || this.take_away(stamp).map(drop))?;
        match syscalls::stamp_at(to)? {
            Some(moved) if moved.id != file.id => {
                // Another process has given the name in that moment.
                this.move_to_free(to, from, || this.take_away_from(to, moved).map(drop))?;
                Err(changed())
            }
            _ => Ok(()),
        }
    }

    /// Removes the name, if `file` has it.
    ///
    /// # Errors
    /// `NotFound` if another file has it, or nothing; whatever else the operating system says.
    pub(crate) fn remove(&self, file: FileIdentity) -> io::Result<()> {
        let changed = || io::Error::new(io::ErrorKind::NotFound, "another file has the name now");
        let holder =
            self.lock_holder()?.filter(|holder| holder.id == file.id).ok_or_else(changed)?;
        let this = FinalName { is_locked: holder.is_locked, ..*self };
        let stamp = syscalls::stamp_at(self.location())?;
        let stamp = stamp.filter(|found| found.id == file.id).ok_or_else(changed)?;
        if syscalls::identity_at(self.location())? != Some(file) {
            return Err(changed());
        }
        if this.take_away(stamp)? { Ok(()) } else { Err(changed()) }
    }

    /// Moves a file from one name to another, if that is free. `remove` takes the old name away where that
    /// is a step of its own.
    fn move_to_free(
        &self,
        from: Location<'_>,
        to: Location<'_>,
        remove: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        if self.abilities.no_replace {
            match syscalls::rename_to_free_name(from, to) {
                Err(error) if is_unsupported(&error) => {}
                result => return result,
            }
        }
        if self.abilities.links {
            match self.link_and_remove(from, to, remove) {
                Err(error) if is_unavailable(&error) => {}
                result => return result,
            }
        }
        // Where names have to be free, such a file system is refused at the start.
        rename_if_free(from, to)
    }

    /// Gives a file a second name and takes the first one away. Where that fails, the second one is taken
    /// away again; where that fails too, the file has its new name, and the old one is one too many.
    fn link_and_remove(
        &self,
        from: Location<'_>,
        to: Location<'_>,
        remove: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        syscalls::link(from, to)?;
        let linked = syscalls::stamp_at(to);
        let Err(error) = remove() else { return Ok(()) };
        match linked {
            Ok(Some(file)) if matches!(self.take_away_from(to, file), Ok(true)) => Err(error),
            _ => Ok(()),
        }
    }

    fn log_kept(&self, path: &str, why: &str) {
        tracing::error!(
            "an older file remains as {} in the output directory, cannot restore its name: {why}",
            without_names(path)
        );
    }
}

/// The last resort, of two steps: what has the name a moment later is replaced.
fn rename_if_free(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    if syscalls::id_at(to)?.is_some() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = syscalls::id_at(from)?.ok_or(io::ErrorKind::NotFound)?;
    syscalls::rename_over(from, to, file)
}
