//! Commits that ask what becomes of them where their name is taken.

use super::InstanceFile;
use crate::limits::{COMPARED_BYTES, NAME_ATTEMPTS};
use crate::{
    Committed, Durability, Error, ExistingFile, FileIdentity, FileName, Holder, IfExists,
    StagedFile, Step,
};
use std::io;

/// A name that an instance was to get, and what has it.
///
/// As long as this lives, no commit of this process gives the name to another file; those of other processes wait
/// for 10 s at most. So what decides may take its time, but is not to wait for anybody.
pub struct NameTaken<'a> {
    /// The name.
    pub name: &'a FileName,
    /// The file that has it; `None` if it is no file, but a directory or a symbolic link.
    pub existing: Option<&'a dyn ExistingFile>,
    newer: &'a dyn StagedFile,
    newer_bytes: u64,
    data_set_offset: u64,
}

/// What becomes of a commit whose name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfTaken {
    /// The newer file replaces what has the name; a directory cannot be replaced.
    Replace,
    /// The next name is tried.
    NextName,
    /// What has the name stays, and the newer file is discarded. What is no file cannot be kept: the next name is
    /// tried. Nor can a file whose commit a crash has interrupted while it was replacing an older one: it is replaced,
    /// since a start would put the older one back.
    Keep,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The instance is stored.
    Stored(Committed),
    /// A file that was there is kept in its place, and is as durable as the instance would have been.
    Kept(Kept),
}

/// A file that was kept in place of a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: FileName,
    /// Its length in bytes.
    pub size: u64,
}

impl NameTaken<'_> {
    /// Whether the existing file has, from `offset` to its end, the bytes of the new file's data set. Reads both in
    /// pieces of [`COMPARED_BYTES`]; that much is held of each.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn has_same_data_set(&self, offset: u64) -> io::Result<bool> {
        let Some(existing) = self.existing else { return Ok(false) };
        let length = self.newer_bytes - self.data_set_offset;
        if existing.size()?.checked_sub(offset) != Some(length) {
            return Ok(false);
        }
        let (mut one, mut other) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
        let mut done = 0;
        while done < length {
            let count = usize::try_from(length - done).unwrap_or(usize::MAX).min(COMPARED_BYTES);
            self.newer.read_at(self.data_set_offset + done, &mut one[..count])?;
            match existing.read_at(offset + done, &mut other[..count]) {
                // It was truncated in the meantime.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                result => result?,
            }
            if one[..count] != other[..count] {
                return Ok(false);
            }
            done += count as u64;
        }
        Ok(true)
    }
}

impl InstanceFile {
    /// Gives the file the first of `names` that is free, and asks `decide` about each that is taken. It is asked
    /// before the file is made durable, so that a file that is not needed costs no sync, and again if the name is
    /// free when it is looked at and taken a moment later: of two commits of one name at a time, in this process or in
    /// others, one finds the other's file. That one is stored by then: a commit in progress is waited for, and if it
    /// fails, the name is free.
    ///
    /// After `Ok` the instance, or the file that is kept in its place, is stored as `durability` says. A file
    /// that is not needed is removed when this is dropped.
    ///
    /// # Errors
    /// [`Error`]: the instance is not stored. Once this is dropped, an older file of that name is as it was.
    pub fn commit_deciding(
        &mut self,
        names: &mut dyn Iterator<Item = FileName>,
        decide: &mut dyn FnMut(&NameTaken<'_>) -> io::Result<IfTaken>,
        durability: Durability,
    ) -> Result<Outcome, Error> {
        self.write_held().map_err(Error::at(Step::Write))?;
        let mut is_written = false;
        for name in names {
            for _ in 0..NAME_ATTEMPTS {
                let if_exists = match self.look(&name, decide, durability)? {
                    Looked::Free => IfExists::Refuse,
                    // What was decided about alone: another file of that name may be another instance.
                    Looked::Replace(Some(only)) => IfExists::ReplaceOnly(only),
                    Looked::Replace(None) => IfExists::Replace,
                    Looked::Taken => break,
                    Looked::Changed => continue,
                    Looked::Kept(kept) => return Ok(Outcome::Kept(kept)),
                };
                if !std::mem::replace(&mut is_written, true) {
                    self.make_durable(durability)?;
                }
                match self.name(&mut std::iter::once(name.clone()), if_exists, durability) {
                    Err(Error { step: Step::Name, source })
                        if source.kind() == io::ErrorKind::AlreadyExists => {}
                    result => return result.map(Outcome::Stored),
                }
            }
        }
        Err(Error::at(Step::Name)(io::ErrorKind::AlreadyExists.into()))
    }

    /// Looks at what has the name, and asks about it.
    fn look(
        &self,
        name: &FileName,
        decide: &mut dyn FnMut(&NameTaken<'_>) -> io::Result<IfTaken>,
        durability: Durability,
    ) -> Result<Looked, Error> {
        let durable = durability.survives_power_loss();
        let since = durable.then(|| self.destination.mark());
        let failed = Error::at(Step::Existing);
        let existing = match self.file.holder(name).map_err(&failed)? {
            Holder::Nothing => return Ok(Looked::Free),
            Holder::File(existing) => Some(existing),
            Holder::Other => None,
        };
        let taken = NameTaken {
            name,
            existing: existing.as_deref(),
            newer: self.file.as_ref(),
            newer_bytes: self.written,
            data_set_offset: self.data_set_offset,
        };
        let decided = decide(&taken).map_err(&failed)?;
        let existing = match (decided, existing) {
            (IfTaken::Keep, Some(existing)) => existing,
            (IfTaken::Keep, None) | (IfTaken::NextName, _) => return Ok(Looked::Taken),
            (IfTaken::Replace, existing) => {
                let identity = existing.map(|it| it.identity()).transpose().map_err(&failed)?;
                return Ok(Looked::Replace(identity));
            }
        };
        if existing.is_provisional().map_err(&failed)? {
            return Ok(Looked::Replace(Some(existing.identity().map_err(&failed)?)));
        }
        // Whoever stored it may have ended before it was durable, or may not have wanted that.
        if let Some(since) = since {
            existing.sync().map_err(Error::at(Step::Sync))?;
            self.destination.sync(since).map_err(Error::at(Step::SyncFolder))?;
        }
        let size = existing.size().map_err(&failed)?;
        let identity = existing.identity().map_err(&failed)?;
        // Comparing and syncing take their time, and other programs may remove a file.
        drop(existing);
        Ok(match self.file.holder(name).map_err(&failed)? {
            Holder::File(now) if now.identity().map_err(&failed)? == identity => {
                Looked::Kept(Kept { name: name.clone(), size })
            }
            _ => Looked::Changed,
        })
    }
}

/// What came of looking at a name.
enum Looked {
    Free,
    /// It is taken, and the next name is to be tried.
    Taken,
    /// This file is to be replaced; `None` if it is something else that has the name.
    Replace(Option<FileIdentity>),
    Kept(Kept),
    /// What was to be kept does not have the name any more.
    Changed,
}
