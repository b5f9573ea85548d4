//! One SOP instance on its way into a folder: the sink of the transcoder, and the commit.

use super::{FileAhead, FileName, Folder, MinFree, StagedFile, Storage, Subfolder, Taken};
use crate::error::{Error, StorageStep};
use crate::limits::ROOM_CHECK_BYTES;
use dataset::Sink;
use std::io::{self, IoSlice};
use std::sync::Arc;

/// What "stored" means when the answer goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On disk: file synced, named, folder synced. A power loss after the answer loses nothing.
    #[default]
    Full,
    /// Whole and named, in the kernel's hands. A crash of the receiver loses nothing; a power loss
    /// can lose what the kernel has not written yet. There was room for it.
    None,
}

/// A file that is being received. Dropping it discards it.
///
/// Holds one descriptor and, until the first bytes of the data set come, the header; whatever the
/// size of the instance.
pub struct InstanceFile {
    /// Where the file was made.
    folder: Arc<dyn Folder>,
    /// Where it gets its name.
    destination: Arc<dyn Folder>,
    file: Box<dyn StagedFile>,
    /// Preamble and file meta information, as long as they are not written: they go out with the
    /// first bytes of the data set, in one write.
    header: Vec<u8>,
    /// Bytes of preamble and file meta information ahead of the data set.
    data_set_offset: u64,
    /// Room to be left on the file system, if any.
    min_free: Option<MinFree>,
    /// Bytes written since that was last looked at.
    unchecked_bytes: usize,
}

impl InstanceFile {
    /// Opens a file in the storage's folder, or takes the one that was made ahead; `header` (preamble
    /// and file meta information, or nothing) goes ahead of the data set.
    ///
    /// # Errors
    /// [`Error::Storage`]; nothing is left behind.
    pub fn create(
        storage: &dyn Storage,
        ahead: &mut FileAhead,
        header: Vec<u8>,
    ) -> Result<Self, Error> {
        let (folder, file) = ahead.take(storage).map_err(Error::storage(StorageStep::Create))?;
        let destination = Arc::clone(&folder);
        let data_set_offset = header.len() as u64;
        let (min_free, unchecked_bytes) = (None, 0);
        Ok(Self { folder, destination, file, header, data_set_offset, min_free, unchecked_bytes })
    }

    /// The same file, which is given up when writing it leaves less room than `min_free`; that is
    /// looked at every [`ROOM_CHECK_BYTES`].
    #[must_use]
    pub fn leaving(mut self, min_free: Option<MinFree>) -> Self {
        self.min_free = min_free;
        self
    }

    /// Lets the file be named in a subfolder of the folder, which is made if there is none; says
    /// whether it was. The subfolder's own name is as durable afterwards as `durability` says.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn enter(&mut self, name: &FileName, durability: Durability) -> Result<bool, Error> {
        let entered = self.file.enter(name).map_err(Error::storage(StorageStep::Subfolder))?;
        let Subfolder { folder, made, name: own_name } = entered;
        if durability == Durability::Full {
            let synced = own_name.make_durable(self.folder.as_ref(), name);
            synced.map_err(Error::storage(StorageStep::SyncFolder))?;
        }
        self.destination = folder;
        Ok(made)
    }

    /// Gives the file a name for good. After `Ok` the instance is stored as `durability` says, and
    /// the file is only to be dropped, which closes it; the answer need not wait for that.
    ///
    /// With [`Taken::Replace`] the first of `names` is given; otherwise the first that is free.
    ///
    /// # Errors
    /// [`Error::Storage`]: nothing is stored and, once this is dropped, an older file of that name is
    /// as it was.
    pub fn commit(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        taken: Taken,
        durability: Durability,
    ) -> Result<Committed, Error> {
        let durable = durability == Durability::Full;
        self.write_header(&[]).map_err(Error::storage(StorageStep::Write))?;
        let written = if durable { self.file.sync() } else { self.file.settle() };
        written.map_err(Error::storage(StorageStep::Sync))?;
        let since = durable.then(|| self.destination.mark());
        let committed = self.publish(names, taken).map_err(Error::storage(StorageStep::Name))?;
        if let Some(since) = since {
            self.destination.sync(since).map_err(Error::storage(StorageStep::SyncFolder))?;
        }
        self.file.confirm();
        Ok(committed)
    }

    /// # Errors
    /// `StorageFull` if there is less room than is to be left.
    fn check_room(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let Some(min_free) = self.min_free else { return Ok(()) };
        self.unchecked_bytes += slices.iter().map(|slice| slice.len()).sum::<usize>();
        if self.unchecked_bytes < ROOM_CHECK_BYTES {
            return Ok(());
        }
        self.unchecked_bytes = 0;
        match self.folder.space() {
            Ok(space) if !min_free.is_kept(space) => {
                Err(io::Error::new(io::ErrorKind::StorageFull, space.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Writes the header, if that is still to be done, and `slices` behind it.
    fn write_header(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        if self.header.is_empty() {
            return Ok(());
        }
        let header = std::mem::take(&mut self.header);
        let mut all = Vec::with_capacity(1 + slices.len());
        all.push(IoSlice::new(&header));
        all.extend(slices.iter().map(|slice| IoSlice::new(slice)));
        self.file.append(&all)
    }

    fn publish(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        taken: Taken,
    ) -> io::Result<Committed> {
        for name in names {
            match self.file.publish(&name, taken) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && taken == Taken::Refuse => {}
                result => return result.map(|replaced| Committed { name, replaced }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
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
        if self.header.is_empty() { self.file.append(slices) } else { self.write_header(slices) }
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.data_set_offset + offset, bytes)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_at(self.data_set_offset + offset, into)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.write_header(&[])?;
        self.file.truncate(self.data_set_offset + len)
    }
}
