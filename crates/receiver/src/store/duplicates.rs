//! What becomes of an object whose name another file has: it may be stored already.

use crate::output::{Duplicates, IfDifferent};
use dataset::TransferSyntax;
use dataset::part10::{self, START_BYTES};
use std::io;
use storage::{ExistingFile, IfTaken, NameTaken};

/// Longest file meta information that is read of a file, in bytes.
const META_BYTES: u32 = 64 * 1024;

/// Decides about an object whose name is taken, as [`Duplicates`] say.
///
/// What has the name is the same SOP instance, or may be replaced or stored beside it: see
/// [`InstanceRule`](super::same_instance::InstanceRule).
pub(super) struct DuplicateRule {
    duplicates: Duplicates,
    /// Whether files begin with file meta information.
    has_meta: bool,
    /// That of the new file.
    transfer_syntax: &'static TransferSyntax,
    /// Why a file was kept: it is equal or the first, or else the new one is refused.
    rejects: bool,
}

impl DuplicateRule {
    /// For an object that is written in this transfer syntax, with `has_meta` behind file meta information.
    pub(super) fn new(
        duplicates: Duplicates,
        has_meta: bool,
        transfer_syntax: &'static TransferSyntax,
    ) -> Self {
        Self { duplicates, has_meta, transfer_syntax, rejects: false }
    }

    /// Whether the object is refused, if a file was kept in its place.
    pub(super) fn rejects(&self) -> bool {
        self.rejects
    }

    /// What becomes of the object.
    ///
    /// # Errors
    /// Those of reading one of the files.
    pub(super) fn decide(&mut self, taken: &NameTaken<'_>) -> io::Result<IfTaken> {
        self.rejects = false;
        let if_different = match self.duplicates {
            Duplicates::Replace => return Ok(IfTaken::Replace),
            Duplicates::Keep => return Ok(IfTaken::Keep),
            Duplicates::KeepIfEqual(_) if self.is_equal(taken)? => return Ok(IfTaken::Keep),
            Duplicates::KeepIfEqual(if_different) => if_different,
            Duplicates::Reject => IfDifferent::Reject,
            Duplicates::Both => IfDifferent::Both,
        };
        Ok(match if_different {
            IfDifferent::Replace => IfTaken::Replace,
            IfDifferent::Both => IfTaken::NextName,
            IfDifferent::Reject => {
                self.rejects = true;
                IfTaken::Keep
            }
        })
    }

    /// Whether the file that is there has the same data set, byte for byte, in the same transfer syntax. File meta
    /// information may differ otherwise: it names the sender, and the version of this program.
    fn is_equal(&self, taken: &NameTaken<'_>) -> io::Result<bool> {
        let Some(existing) = taken.existing else { return Ok(false) };
        match (self.has_meta, head(existing)?) {
            (true, Some(head)) if head.is_in(self.transfer_syntax) => {
                let offset = head.data_set_offset;
                drop(head);
                taken.has_same_data_set(offset)
            }
            (false, None) => taken.has_same_data_set(0),
            _ => Ok(false),
        }
    }
}

/// The beginning of a file with file meta information (PS3.10 §7.1).
pub(super) struct Head {
    data_set_offset: u64,
    /// File meta information behind its length.
    meta: Vec<u8>,
}

impl Head {
    /// Media Storage SOP Instance UID, with padding.
    pub(super) fn sop_instance(&self) -> Option<&[u8]> {
        part10::value(&self.meta, SOP_INSTANCE_UID)
    }

    /// Where the data set begins, in bytes.
    pub(super) fn data_set_offset(&self) -> u64 {
        self.data_set_offset
    }

    fn is_in(&self, transfer_syntax: &TransferSyntax) -> bool {
        let found = part10::value(&self.meta, TRANSFER_SYNTAX_UID).unwrap_or_default();
        let found = found.strip_suffix(b"\0").unwrap_or(found);
        found == transfer_syntax.uid().as_bytes()
    }
}

/// Media Storage SOP Instance UID (0002,0003).
const SOP_INSTANCE_UID: u16 = 0x0003;

/// Transfer Syntax UID (0002,0010).
const TRANSFER_SYNTAX_UID: u16 = 0x0010;

/// Reads file meta information; `None` if there is none, or none that can be used.
pub(super) fn head(existing: &dyn ExistingFile) -> io::Result<Option<Head>> {
    let mut start = [0; START_BYTES];
    if !read(existing, 0, &mut start)? {
        return Ok(None);
    }
    let Some(length) = part10::group_length(&start).filter(|length| *length <= META_BYTES) else {
        return Ok(None);
    };
    let mut meta = vec![0; length as usize];
    if !read(existing, START_BYTES as u64, &mut meta)? {
        return Ok(None);
    }
    Ok(Some(Head { data_set_offset: START_BYTES as u64 + u64::from(length), meta }))
}

/// False if the file is too short.
fn read(existing: &dyn ExistingFile, offset: u64, bytes: &mut [u8]) -> io::Result<bool> {
    match existing.read_at(offset, bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        result => result.map(|()| true),
    }
}
