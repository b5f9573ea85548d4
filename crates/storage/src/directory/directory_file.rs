//! A file that is being received into a directory, until it has its final name.

use super::existing_file;
use super::intent_folders::Intent;
use super::intents;
use super::names::final_name::FinalName;
use super::names::inode_lock::{Lock, NameHolder, try_lock};
use super::names::name_claims::NameClaim;
use super::names::place_note::PlaceNote;
use super::names::syscalls;
use super::names::temporary_files::FILE_MODE;
use super::names::temporary_names::TemporaryKind;
use super::open_directory::OpenDirectory;
use super::strategy::Staging;
use crate::file_id::Stamp;
use crate::limits::NAME_ATTEMPTS;
use crate::sync::write_back::WriteBack;
use crate::{
    Durability, FileId, FileIdentity, FileName, Folder, Holder, IfExists, IntentName, StagedFile,
    Subfolder,
};
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A file in an [`OpenDirectory`].
pub(crate) struct DirectoryFile {
    /// Where it was made.
    home: Arc<OpenDirectory>,
    /// Where it gets its name.
    destination: Arc<OpenDirectory>,
    file: File,
    write_back: WriteBack,
    /// Whether other processes see that it is not stored yet.
    is_locked: bool,
    /// A temporary name that it has.
    temporary: Option<String>,
    /// Its intent, until it is kept.
    intent: Option<Intent>,
    /// Whether it has ever had one.
    has_intent: bool,
    /// The final name, once it is given and while it may still be taken back.
    published: Option<Published>,
}

struct Published {
    claim: NameClaim,
    /// What had the name before.
    older: Option<Older>,
}

/// A file that was replaced.
struct Older {
    _holder: NameHolder,
    /// Its temporary name.
    path: String,
    /// A note of where it belongs, if that has no room for it; to be removed after it.
    note: Option<PlaceNote>,
}

impl DirectoryFile {
    /// Makes an empty file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn make(home: Arc<OpenDirectory>) -> io::Result<Self> {
        let (file, temporary, is_locked) = if home.strategy.staging == Staging::Temporary {
            let (file, name, is_locked) = create_temporary(&home)?;
            (file, Some(name), is_locked)
        } else {
            (platform::create_unnamed(&home.handle, FILE_MODE)?, None, false)
        };
        Ok(Self {
            destination: Arc::clone(&home),
            write_back: WriteBack::new(home.strategy.durability.survives_power_loss()),
            home,
            file,
            is_locked,
            temporary,
            intent: None,
            has_intent: false,
            published: None,
        })
    }
}

impl StagedFile for DirectoryFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let written = self.file.write_vectored(slices)?;
        if written < total {
            append_rest(&mut self.file, slices, written)?;
        }
        self.write_back.grown(&self.file, total)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        use std::io::Seek;
        self.file.set_len(length)?;
        self.file.seek(io::SeekFrom::Start(length))?;
        self.write_back.cut(length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.home.strategy.staging == Staging::UnnamedUntilSynced && self.temporary.is_none() {
            self.link_temporary()?;
        }
        match self.home.strategy.durability {
            // The sync of the folder does the rest.
            Durability::Ordered => platform::write_out(&self.file),
            Durability::Full | Durability::None => self.file.sync_all(),
        }
    }

    fn intend(&mut self, name: &IntentName) -> io::Result<()> {
        // From before anybody sees it, so that nobody takes it for what a crash left.
        self.lock();
        let top = self.home.temporaries.top();
        let intent = self.home.intents.link(name, |location| match &self.temporary {
            Some(temporary) => syscalls::link((top, temporary), location),
            None => syscalls::link_unnamed(&self.file, location),
        })?;
        self.intent = Some(intent);
        self.has_intent = true;
        if self.home.intents.need_syncs() { self.sync_intent() } else { Ok(()) }
    }

    fn sync_intent(&mut self) -> io::Result<()> {
        self.intent.as_ref().ok_or(io::ErrorKind::Unsupported)?.sync()
    }

    fn check_writes(&mut self) -> io::Result<()> {
        if self.home.strategy.late_write_errors { self.file.sync_data() } else { Ok(()) }
    }

    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder> {
        let (destination, made) = self.destination.enter(name)?;
        self.destination = destination;
        let folder = Arc::clone(&self.destination) as Arc<dyn Folder>;
        Ok(Subfolder { folder, made, name: Arc::clone(&self.destination.own_name) })
    }

    fn leave(&mut self) {
        self.destination = Arc::clone(&self.home);
    }

    fn publish(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool> {
        let replaced = self.give_name(name, if_exists)?;
        if self.has_intent {
            let most = self.home.strategy.attribute_bytes;
            intents::note(&self.file, (&self.destination.path, name), most);
        }
        Ok(replaced)
    }

    fn holder(&self, name: &FileName) -> io::Result<Holder> {
        existing_file::holder(&self.destination, name)
    }

    fn confirm(&mut self) -> io::Result<()> {
        if let Some(Published { older: Some(Older { path: older, .. }), .. }) = &self.published {
            // While it is there, the newer file counts as never acknowledged.
            let temporaries = &self.home.temporaries;
            let removed = {
                let _turn = temporaries.turn();
                temporaries.remove(older)
            };
            if let Err(error) = removed
                && !matches!(syscalls::id_at((temporaries.top(), older)), Ok(None))
            {
                self.withdraw();
                return Err(error);
            }
        }
        self.published = None;
        self.intent = None;
        Ok(())
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        FileIdentity::of(&self.file)
    }
}

impl DirectoryFile {
    fn give_name(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool> {
        let destination = Arc::clone(&self.destination);
        let claim = destination.claims.claim(name);
        self.lock();
        let final_name = destination.final_name(name, self.is_locked);
        for _ in 0..NAME_ATTEMPTS {
            match self.give(&final_name) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && if_exists != IfExists::Refuse => {}
                result => {
                    result?;
                    self.published = Some(Published { claim, older: None });
                    return Ok(false);
                }
            }
            let only = match if_exists {
                IfExists::ReplaceOnly(only) => Some(only.id),
                IfExists::Replace | IfExists::Refuse => None,
            };
            if let Some(older) = self.take_over(&final_name, only)? {
                self.published = Some(Published { claim, older: Some(older) });
                return Ok(true);
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "other processes keep changing the name"))
    }

    /// From now on, a commit that would replace it waits until it is confirmed or withdrawn.
    fn lock(&mut self) {
        self.is_locked = self.is_locked
            || self.home.strategy.abilities.locks && try_lock(&self.file) == Lock::Held;
    }

    /// Gives it a temporary name, if it has none.
    fn link_temporary(&mut self) -> io::Result<()> {
        if self.temporary.is_none() {
            // Locked first, so that no other receiver takes it for what a crash left.
            self.lock();
            let temporaries = &self.home.temporaries;
            let _turn = temporaries.turn();
            let link = |path: &str| syscalls::link_unnamed(&self.file, (temporaries.top(), path));
            self.temporary = Some(temporaries.with_new_name(TemporaryKind::Incoming, link)?.0);
        }
        Ok(())
    }

    /// Gives it the name, if that is free.
    fn give(&mut self, name: &FinalName<'_>) -> io::Result<()> {
        let location = (name.folder, name.name.as_str());
        let Some(temporary) = &self.temporary else {
            let _turn = self.destination.turns.take();
            return syscalls::link_unnamed(&self.file, location);
        };
        let _turn = self.home.temporaries.turn();
        name.give(temporary, || FileId::of(&self.file))?;
        self.temporary = None;
        Ok(())
    }

    /// Gives it the name of another file, and returns that one; `None` if another process has changed what has the
    /// name.
    ///
    /// # Errors
    /// `AlreadyExists` if it is not the file `only`; whatever else the operating system says.
    fn take_over(
        &mut self,
        name: &FinalName<'_>,
        only: Option<FileId>,
    ) -> io::Result<Option<Older>> {
        let Some(older) = name.lock_holder()? else { return Ok(None) };
        if only.is_some_and(|only| only != older.id) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.link_temporary()?;
        let newer = Stamp::of(&self.file)?;
        let strategy = &self.home.strategy;
        // Where the name is without a file for a moment, a power loss may come in between.
        let durable = strategy.durability.survives_power_loss() && !strategy.abilities.exchange;
        let (folders, temporaries) = (name.folder_path, &self.home.temporaries);
        let note = PlaceNote::write(temporaries, folders, name.name, newer, durable)?;
        let name = FinalName { note: note.as_ref().map(|note| note.number), ..*name };
        let Some(temporary) = &mut self.temporary else { return Ok(None) };
        let taken_over = {
            let _turn = self.home.temporaries.turn();
            name.take_over(temporary, newer, &older)?
        };
        let Some(path) = taken_over else { return Ok(None) };
        self.temporary = None;
        if only.is_some() && syscalls::id_at((self.home.temporaries.top(), &path))? != only {
            // Locks do not work, and another process gave the name to another file in that moment.
            name.take_back(newer, Some(&path))?;
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        Ok(Some(Older { _holder: older, path, note }))
    }

    /// Takes the name back: the older file returns to it, or the name is free again.
    fn withdraw(&mut self) {
        let Some(Published { claim, mut older }) = self.published.take() else { return };
        let note = older.as_ref().and_then(|older| older.note.as_ref()).map(|note| note.number);
        let name = FinalName { note, ..self.destination.final_name(&claim.name, self.is_locked) };
        let older_path = older.as_ref().map(|older| older.path.as_str());
        let taken_back = Stamp::of(&self.file).and_then(|ours| {
            // A call that failed may not fail again.
            name.take_back(ours, older_path).or_else(|_| name.take_back(ours, older_path))
        });
        if let Err(error) = taken_back {
            // The name may be made from what a data set says of a patient.
            let inode = FileId::of(&self.file).map_or(0, |id| id.inode);
            tracing::error!(
                "cannot remove the file of an object that is not stored (inode {inode}): {error}"
            );
        }
        if let Some(Older { path, note: Some(note), .. }) = &mut older {
            let top = self.home.temporaries.top();
            if !matches!(syscalls::id_at((top, path)), Ok(None)) {
                note.keep();
            }
        }
    }
}

impl Drop for DirectoryFile {
    fn drop(&mut self) {
        self.withdraw();
        if let Some(intent) = self.intent.take() {
            intent.remove();
        }
        if let Some(temporary) = self.temporary.take() {
            let temporaries = &self.home.temporaries;
            let found = syscalls::id_at((temporaries.top(), &temporary)).ok().flatten();
            // Should this fail, the next start removes it.
            if found.is_some() && found == FileId::of(&self.file).ok() {
                let _ = temporaries.remove(&temporary);
            }
        }
    }
}

/// Makes a file under a temporary name, locked for as long as it is open, if that can be.
fn create_temporary(home: &OpenDirectory) -> io::Result<(File, String, bool)> {
    let mut attempts = 0;
    loop {
        let (name, file) = home.temporaries.create()?;
        let lock = if home.strategy.abilities.locks { try_lock(&file) } else { Lock::Unavailable };
        let status = rustix::fs::fstat(&file);
        // A receiver that cannot know that we live, on another machine or in another container, may have
        // removed it before it was locked, or be about to. Where each lock is busy, none tells anything.
        let may_be_kept = lock != Lock::Busy || attempts > 0;
        if may_be_kept && status.as_ref().is_ok_and(|status| status.st_nlink > 0) {
            return Ok((file, name, lock == Lock::Held));
        }
        let _ = home.temporaries.remove(&name);
        attempts += 1;
        if attempts == NAME_ATTEMPTS {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        status?;
    }
}

/// Writes what a short write left of `slices`.
#[cold]
fn append_rest(file: &mut File, slices: &[IoSlice<'_>], mut skip: usize) -> io::Result<()> {
    for slice in slices {
        let from = skip.min(slice.len());
        skip -= from;
        file.write_all(&slice[from..])?;
    }
    Ok(())
}
