//! Whether a file that has the name of an object is the same SOP instance.

use super::duplicates::head;
use crate::output::OutputSettings;
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, OutputFormat, Sink, Transcoder, TransferSyntax, Uid};
use std::io::{self, IoSlice};
use std::sync::Arc;
use storage::{ExistingFile, NameTaken};

/// How much of a file without file meta information is read, in bytes: SOP Instance UID is one of its first elements.
const READ_BYTES: u64 = 64 * 1024;

/// Tells the files of an instance from others, by what is in them.
pub(super) struct InstanceRule {
    sop_instance: Uid,
    /// Whether files begin with file meta information.
    has_meta: bool,
    dictionary: Arc<Dictionary>,
}

impl InstanceRule {
    /// For an object with this SOP Instance UID.
    pub(super) fn new(
        settings: &OutputSettings,
        dictionary: &Arc<Dictionary>,
        sop_instance: Uid,
    ) -> Self {
        let (has_meta, dictionary) = (settings.write_file_format, Arc::clone(dictionary));
        Self { sop_instance, has_meta, dictionary }
    }

    /// Whether what has the name is the same instance. What cannot be read as one is another, and so is file meta
    /// information with nothing behind it. Reads file meta information or, of a file that has none, at most
    /// [`READ_BYTES`], which are held.
    ///
    /// # Errors
    /// Those of reading the file.
    pub(super) fn is_same(
        &self,
        taken: &NameTaken<'_>,
        transfer_syntax: &'static TransferSyntax,
    ) -> io::Result<bool> {
        let Some(existing) = taken.existing else { return Ok(false) };
        if let Some(head) = head(existing)? {
            let is_it = head.sop_instance().is_some_and(|value| self.is_it(value));
            return Ok(is_it && existing.size()? > head.data_set_offset());
        }
        // With file meta information, a file without is none of ours.
        if self.has_meta { Ok(false) } else { self.has_data_set(existing, transfer_syntax) }
    }

    fn is_it(&self, value: &[u8]) -> bool {
        Uid::parse(value).is_ok_and(|uid| uid == self.sop_instance)
    }

    /// Whether the file is a data set of the same instance, in any encoding: which one it has, it does not say.
    fn has_data_set(
        &self,
        existing: &dyn ExistingFile,
        transfer_syntax: &'static TransferSyntax,
    ) -> io::Result<bool> {
        let size = existing.size()?;
        let mut start = vec![0; usize::try_from(size.min(READ_BYTES)).unwrap_or_default()];
        match existing.read_at(0, &mut start) {
            // It was truncated in the meantime.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            result => result?,
        }
        let is_whole = size <= READ_BYTES;
        let others = [
            EXPLICIT_VR_LITTLE_ENDIAN,
            IMPLICIT_VR_LITTLE_ENDIAN,
            EXPLICIT_VR_BIG_ENDIAN,
            DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        ];
        let mut encodings = [transfer_syntax].into_iter().chain(others);
        Ok(encodings.any(|encoding| self.begins(&start, encoding, is_whole)))
    }

    /// Whether a data set that begins with these bytes has the UID, in this encoding.
    fn begins(&self, start: &[u8], encoding: &'static TransferSyntax, is_whole: bool) -> bool {
        let format = OutputFormat { bit_preserving: true, ..OutputFormat::default() };
        let mut reader = Transcoder::new(encoding, &format, Arc::clone(&self.dictionary));
        // Errors end the reading; what came before them counts.
        let _ = reader.push(&[IoSlice::new(start)], &mut Nowhere);
        let attributes = reader.attributes();
        let value = match is_whole {
            true => attributes.sop_instance_uid(),
            false => attributes.whole_sop_instance_uid(),
        };
        value.is_some_and(|value| self.is_it(value))
    }
}

/// Drops what is written.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _slices: &[IoSlice<'_>]) -> io::Result<()> {
        Ok(())
    }

    fn patch(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&mut self, _offset: u64, _into: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&mut self, _length: u64) -> io::Result<()> {
        Ok(())
    }
}
