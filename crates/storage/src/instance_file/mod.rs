//! The file of one SOP instance: the sink of the transcoder, and the commit.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod taken;
#[cfg(test)]
mod tests;

pub use taken::{IfTaken, Kept, NameTaken, Outcome};

use crate::limits::{
    COMPARED_BYTES, ENTER_ATTEMPTS, FOLDER_LEVELS, ROOM_CHECK_BYTES, WRITE_BLOCK_BYTES,
};
use crate::{
    Durability, Error, FileIdentity, FileName, Folder, IfExists, IntentName, MinFree, PreparedFile,
    StagedFile, Step, Storage, Subfolder,
};
use dataset::Sink;
use std::io::{self, IoSlice};
use std::sync::Arc;

/// The file of an instance that is being received. Dropping it before it is committed removes it.
///
/// Holds one descriptor and less than [`WRITE_BLOCK_BYTES`], or the header, whatever the size of the
/// instance.
pub struct InstanceFile {
    /// The folder in which the file was created.
    folder: Arc<dyn Folder>,
    /// The folder in which it gets its name, and the names that lead to it.
    destination: Arc<dyn Folder>,
    path: Vec<FileName>,
    file: Box<dyn StagedFile>,
    /// Bytes that the next write begins with: at first preamble and file meta information, later those behind
    /// the last whole block.
    held: Vec<u8>,
    /// The next write is the last one, or nearly: nothing is held any more.
    no_more_held: bool,
    /// Bytes written to the file.
    written: u64,
    /// Bytes of preamble and file meta information before the data set.
    data_set_offset: u64,
    /// The free space that has to remain, if any.
    min_free: Option<MinFree>,
    /// Bytes written since that was last checked.
    unchecked_bytes: u32,
    /// The intent that it gets before its name.
    intent: Option<Box<Intended>>,
}

/// An intent that a file is to get, or has.
struct Intended {
    name: IntentName,
    is_linked: bool,
}

impl InstanceFile {
    /// Creates a file in the storage's folder, or takes the prepared one. The file begins with `header`:
    /// preamble and file meta information, or nothing.
    ///
    /// # Errors
    /// [`Error`]; no file is left behind.
    pub fn create(
        storage: &dyn Storage,
        prepared: &mut PreparedFile,
        header: Vec<u8>,
    ) -> Result<Self, Error> {
        let (folder, file) = prepared.take(storage).map_err(Error::at(Step::Create))?;
        let destination = Arc::clone(&folder);
        Ok(Self {
            folder,
            destination,
            path: Vec::new(),
            file,
            data_set_offset: header.len() as u64,
            held: header,
            no_more_held: false,
            written: 0,
            min_free: None,
            unchecked_bytes: 0,
            intent: None,
        })
    }

    /// Has writes fail with `StorageFull` when less than `min_free` would remain, which is checked every
    /// [`ROOM_CHECK_BYTES`].
    #[must_use]
    pub fn with_min_free(mut self, min_free: Option<MinFree>) -> Self {
        self.min_free = min_free;
        self
    }

    /// Has the file begin with another header, once all of the data set is written: it is copied to a new file, in
    /// pieces of [`COMPARED_BYTES`], and the old one is removed.
    ///
    /// # Errors
    /// [`Error`]; this is only to be dropped then.
    pub fn replace_header(&mut self, header: Vec<u8>) -> Result<(), Error> {
        let failed = Error::at(Step::Write);
        self.write_held().map_err(&failed)?;
        let file = Arc::clone(&self.folder).stage().map_err(Error::at(Step::Create))?;
        let mut copy = Self {
            folder: Arc::clone(&self.folder),
            destination: Arc::clone(&self.folder),
            path: Vec::new(),
            file,
            data_set_offset: header.len() as u64,
            held: header,
            no_more_held: false,
            written: 0,
            min_free: self.min_free,
            unchecked_bytes: 0,
            intent: self.intent.take(),
        };
        let mut piece = vec![0; COMPARED_BYTES];
        let mut offset = self.data_set_offset;
        while offset < self.written {
            let left = usize::try_from(self.written - offset).unwrap_or(usize::MAX);
            let piece = &mut piece[..left.min(COMPARED_BYTES)];
            self.file.read_at(offset, piece).map_err(&failed)?;
            copy.write(&[IoSlice::new(piece)]).map_err(&failed)?;
            offset += piece.len() as u64;
        }
        *self = copy;
        Ok(())
    }

    /// The data set ends with the next write, which is then written completely.
    pub fn next_write_is_last(&mut self) {
        self.no_more_held = true;
    }

    /// Has the file get its name in the folder to which `path` leads from the one in which it was created, the
    /// outermost name first. Folders that do not exist are created; returns whether any was. Each is opened in the one
    /// around it, and never through a symbolic link. Afterwards the names of all of them are durable, if
    /// `durability` says so: each before anything is created in it.
    ///
    /// # Errors
    /// [`Error`]: a level is no folder, there are more than [`FOLDER_LEVELS`], or what the operating system says.
    pub fn enter(&mut self, path: &[FileName], durability: Durability) -> Result<bool, Error> {
        if path.len() > FOLDER_LEVELS {
            return Err(Error::at(Step::Subfolder)(io::ErrorKind::InvalidFilename.into()));
        }
        self.path = path.to_vec();
        self.enter_path_anew(durability)
    }

    /// Enters the folders again, as often as another process removes one in between.
    fn enter_path_anew(&mut self, durability: Durability) -> Result<bool, Error> {
        let mut made = false;
        for _ in 1..ENTER_ATTEMPTS {
            match self.enter_path(durability, &mut made) {
                Err(Error { step: Step::Subfolder, source })
                    if source.kind() == io::ErrorKind::NotFound => {}
                result => return result.map(|()| made),
            }
        }
        self.enter_path(durability, &mut made).map(|()| made)
    }

    fn enter_path(&mut self, durability: Durability, made: &mut bool) -> Result<(), Error> {
        self.file.leave();
        self.destination = Arc::clone(&self.folder);
        for name in &self.path {
            let entered = self.file.enter(name).map_err(Error::at(Step::Subfolder))?;
            let Subfolder { folder, made: is_new, name: own_name } = entered;
            *made |= is_new;
            if durability.survives_power_loss() {
                let synced = own_name.make_durable(self.destination.as_ref(), name);
                synced.map_err(Error::at(Step::SyncFolder))?;
            }
            self.destination = folder;
        }
        Ok(())
    }

    /// Has the file get this intent, once it is durable and before it gets its final name. That is then as durable as
    /// the name.
    pub fn intend(&mut self, intent: IntentName) {
        self.intent = Some(Box::new(Intended { name: intent, is_linked: false }));
    }

    /// Whether it is to get an intent, or has one.
    #[must_use]
    pub fn has_intent(&self) -> bool {
        self.intent.is_some()
    }

    /// Gives the file its intent and no final name. After `Ok` it is stored by that, as `durability` says.
    ///
    /// # Errors
    /// [`Error`]: the instance is not stored.
    pub fn commit_intent(&mut self, durability: Durability) -> Result<(), Error> {
        self.write_held().map_err(Error::at(Step::Write))?;
        self.make_durable(durability)?;
        self.link_intent()?;
        if durability.survives_power_loss() {
            self.file.sync_intent().map_err(Error::at(Step::Intent))?;
        }
        self.file.confirm().map_err(Error::at(Step::Intent))
    }

    /// Gives the file, which is durable, its intent, if it is to have one and has none.
    fn link_intent(&mut self) -> Result<(), Error> {
        if let Some(intent) = &mut self.intent
            && !intent.is_linked
        {
            self.file.intend(&intent.name).map_err(Error::at(Step::Intent))?;
            intent.is_linked = true;
        }
        Ok(())
    }

    /// Gives the file its final name: with [`IfExists::Replace`] the first of `names`, otherwise the first that
    /// is free. After `Ok` the instance is stored as `durability` says. Dropping the file then closes it, which
    /// the response need not wait for.
    ///
    /// # Errors
    /// [`Error`]: the instance is not stored. Once this is dropped, an older file of that name is as it was.
    pub fn commit(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        if_exists: IfExists,
        durability: Durability,
    ) -> Result<Committed, Error> {
        self.write_held().map_err(Error::at(Step::Write))?;
        self.make_durable(durability)?;
        self.name(names, if_exists, durability)
    }

    /// Makes the content durable, or finds out whether it was written.
    fn make_durable(&mut self, durability: Durability) -> Result<(), Error> {
        let durable = durability.survives_power_loss();
        let written = if durable { self.file.sync() } else { self.file.check_writes() };
        written.map_err(Error::at(Step::Sync))
    }

    /// Gives the file, which is durable, one of `names`, for good.
    fn name(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        if_exists: IfExists,
        durability: Durability,
    ) -> Result<Committed, Error> {
        self.link_intent()?;
        let mut since = durability.survives_power_loss().then(|| self.destination.mark());
        let mut published = self.publish(names, if_exists);
        for _ in 0..ENTER_ATTEMPTS {
            match &published {
                // Another process has removed the folder in the meantime, which was empty.
                Err((Some(name), error))
                    if error.kind() == io::ErrorKind::NotFound && !self.path.is_empty() =>
                {
                    let name = name.clone();
                    self.enter_path_anew(durability)?;
                    since = since.map(|_| self.destination.mark());
                    published =
                        self.publish(&mut std::iter::once(name).chain(&mut *names), if_exists);
                }
                _ => break,
            }
        }
        let committed = published.map_err(|(_, error)| Error::at(Step::Name)(error))?;
        if let Some(since) = since {
            self.destination.sync(since).map_err(Error::at(Step::SyncFolder))?;
        }
        self.file.confirm().map_err(Error::at(Step::Name))?;
        Ok(committed)
    }

    /// The length of the file in bytes, header and held bytes included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.written + self.held.len() as u64
    }

    /// Which file this is, whatever its name.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn identity(&self) -> io::Result<FileIdentity> {
        self.file.identity()
    }

    /// # Errors
    /// `StorageFull` if less space is free than has to remain.
    fn check_room(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let Some(min_free) = self.min_free else { return Ok(()) };
        let coming: usize = slices.iter().map(|slice| slice.len()).sum();
        let coming = u32::try_from(coming).unwrap_or(u32::MAX);
        self.unchecked_bytes = self.unchecked_bytes.saturating_add(coming);
        if self.unchecked_bytes < ROOM_CHECK_BYTES {
            return Ok(());
        }
        self.unchecked_bytes = 0;
        match self.folder.space() {
            Ok(space) if !min_free.is_kept(space) => {
                Err(io::Error::new(io::ErrorKind::StorageFull, min_free.describe(space)))
            }
            _ => Ok(()),
        }
    }

    /// Writes what is held and `slices` behind it, and holds what is behind the last whole block, if
    /// one ends in `slices`: a file that is written by whole blocks gets large pages of memory.
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let coming: usize = slices.iter().map(|slice| slice.len()).sum();
        let end = self.written + (held.len() + coming) as u64;
        #[allow(clippy::cast_possible_truncation, reason = "less than a block")]
        let behind = (end % WRITE_BLOCK_BYTES as u64) as usize;
        let behind = if self.no_more_held || behind >= coming { 0 } else { behind };
        self.written = end - behind as u64;
        if held.is_empty() && behind == 0 {
            return self.file.append(slices);
        }

        let mut left = coming - behind;
        let mut all = Vec::with_capacity(1 + slices.len());
        all.push(IoSlice::new(&held));
        self.held.reserve_exact(behind);
        for slice in slices {
            let (now, later) = slice.split_at(left.min(slice.len()));
            left -= now.len();
            if !now.is_empty() {
                all.push(IoSlice::new(now));
            }
            self.held.extend_from_slice(later);
        }
        self.file.append(&all)
    }

    fn write_held(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.written += held.len() as u64;
        self.file.append(&[IoSlice::new(&held)])
    }

    /// Where `length` bytes from `offset` of the data set are in the file; writes them, if they are held.
    fn in_file(&mut self, offset: u64, length: usize) -> io::Result<u64> {
        let start = self.data_set_offset + offset;
        if start + length as u64 > self.written {
            self.write_held()?;
        }
        Ok(start)
    }

    fn publish(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        if_exists: IfExists,
    ) -> Result<Committed, (Option<FileName>, io::Error)> {
        for name in names {
            match self.file.publish(&name, if_exists) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && if_exists == IfExists::Refuse => {}
                Ok(replaced) => return Ok(Committed { name, replaced }),
                Err(error) => return Err((Some(name), error)),
            }
        }
        Err((None, io::ErrorKind::AlreadyExists.into()))
    }
}

/// What became of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The name that it got.
    pub name: FileName,
    /// Whether another file had that name before.
    pub replaced: bool,
}

impl Sink for InstanceFile {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        self.check_room(slices)?;
        self.append(slices)
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = self.in_file(offset, bytes.len())?;
        self.file.write_at(offset, bytes)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let offset = self.in_file(offset, into.len())?;
        self.file.read_at(offset, into)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.write_held()?;
        self.no_more_held = false;
        self.written = self.data_set_offset + len;
        self.file.truncate(self.written)
    }
}
