//! What a file says of its object, read only as far as that needs.

use crate::limits::{FILE_META_BYTES, READ_BYTES};
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{
    Attributes, Dictionary, OutputFormat, Sink, Transcoder, TransferSyntax, Uid, WantedAttributes,
    part10,
};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What a file says of its object.
#[derive(Debug)]
pub struct FileFacts {
    /// SOP Class UID.
    pub sop_class: Uid,
    /// SOP Instance UID.
    pub sop_instance: Uid,
    /// UID of the transfer syntax: of the file meta information, or, without that, the one that the first bytes look
    /// like.
    pub transfer_syntax: String,
    /// Source Application Entity Title (0002,0016), without padding; empty without one.
    pub source: String,
    /// Length of the file in bytes.
    pub size: u64,
    /// What its data set says, as far as it was read.
    pub attributes: Attributes,
}

/// Reads a file, with file meta information (PS3.10 §7.1) or without, until the wanted attributes have passed. `None` if it
/// is no DICOM file. Holds [`FILE_META_BYTES`], and what a [`Transcoder`] takes.
///
/// # Errors
/// Those of the operating system.
pub fn read_file(
    file: &File,
    wanted: &Arc<WantedAttributes>,
    dictionary: &Arc<Dictionary>,
) -> io::Result<Option<FileFacts>> {
    let size = file.metadata()?.len();
    let mut start = vec![0; FILE_META_BYTES];
    let length = read_some(file, &mut start, 0)?;
    start.truncate(length);
    let Some(head) = Head::find(&start) else { return Ok(None) };
    let attributes = read_data_set(file, &head, wanted, dictionary)?;
    let uid = |of_data_set: Option<&[u8]>, of_meta: Option<Uid>| {
        of_data_set.and_then(|value| Uid::parse(value).ok()).or(of_meta)
    };
    let sop_class = uid(attributes.sop_class_uid(), head.sop_class);
    let sop_instance = uid(attributes.sop_instance_uid(), head.sop_instance);
    let (Some(sop_class), Some(sop_instance)) = (sop_class, sop_instance) else { return Ok(None) };
    let Head { transfer_syntax, source, .. } = head;
    Ok(Some(FileFacts { sop_class, sop_instance, transfer_syntax, source, size, attributes }))
}

/// What is in front of the data set.
struct Head {
    transfer_syntax: String,
    /// How the data set is read.
    read_as: &'static TransferSyntax,
    sop_class: Option<Uid>,
    sop_instance: Option<Uid>,
    source: String,
    /// Where the data set begins.
    data_set: u64,
}

impl Head {
    fn find(start: &[u8]) -> Option<Self> {
        match start.get(PREAMBLE_BYTES..).and_then(|rest| rest.strip_prefix(b"DICM")) {
            Some(meta) => Self::of_meta(meta),
            None => {
                let read_as = syntax_of(start)?;
                let transfer_syntax = read_as.uid().to_owned();
                let (sop_class, sop_instance, data_set) = (None, None, 0);
                let source = String::new();
                Some(Self { transfer_syntax, read_as, sop_class, sop_instance, source, data_set })
            }
        }
    }

    fn of_meta(meta: &[u8]) -> Option<Self> {
        let length = group_2_bytes(meta);
        let group = &meta[..length];
        let uid = |element| Uid::parse(part10::value(group, element)?).ok();
        let named = uid(0x0010);
        let read_as = match &named {
            // All that is not registered here is encoded so, or cannot be read.
            Some(uid) => TransferSyntax::find(uid.as_str()).unwrap_or(EXPLICIT_VR_LITTLE_ENDIAN),
            None => syntax_of(&meta[length..])?,
        };
        let transfer_syntax = named.map_or_else(|| read_as.uid().to_owned(), |uid| uid.to_string());
        let data_set = (PREAMBLE_BYTES + 4 + length) as u64;
        let (sop_class, sop_instance) = (uid(0x0002), uid(0x0003));
        let source = part10::value(group, 0x0016).unwrap_or_default();
        let source: String = source.iter().map(|&byte| char::from(byte)).collect();
        let source = source.trim_matches([' ', '\0']).replace('\0', " ");
        Some(Self { transfer_syntax, read_as, sop_class, sop_instance, source, data_set })
    }
}

const PREAMBLE_BYTES: usize = 128;

/// How long the elements of group 0002 are that come first, in explicit VR little endian.
fn group_2_bytes(meta: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&[2, 0, _, _, vr_0, vr_1, length_0, length_1]) =
        meta.get(at..).and_then(<[u8]>::first_chunk)
    {
        let (header, length) = match (&[vr_0, vr_1], meta.get(at + 8..at + 12)) {
            (b"OB" | b"UN" | b"UT" | b"OW" | b"SQ", Some(&[a, b, c, d])) => {
                (12, u32::from_le_bytes([a, b, c, d]) as usize)
            }
            _ => (8, usize::from(u16::from_le_bytes([length_0, length_1]))),
        };
        match at.checked_add(header + length) {
            Some(next) if next <= meta.len() => at = next,
            _ => break,
        }
    }
    at
}

/// The transfer syntax that a data set without file meta information looks like; `None` if it looks like no data set.
fn syntax_of(start: &[u8]) -> Option<&'static TransferSyntax> {
    let &[a, b, _, _, vr_0, vr_1, ..] = start else { return None };
    let has_vr = vr_0.is_ascii_uppercase() && vr_1.is_ascii_uppercase();
    Some(match [a, b] {
        [8, 0] if has_vr => EXPLICIT_VR_LITTLE_ENDIAN,
        [8, 0] => IMPLICIT_VR_LITTLE_ENDIAN,
        [0, 8] if has_vr => EXPLICIT_VR_BIG_ENDIAN,
        // Deflated bytes look like anything; whether they inflate to a data set shows when they are read.
        _ => DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    })
}

fn read_data_set(
    file: &File,
    head: &Head,
    wanted: &Arc<WantedAttributes>,
    dictionary: &Arc<Dictionary>,
) -> io::Result<Attributes> {
    let format = OutputFormat::bit_preserving();
    let transcoder = Transcoder::new(head.read_as, &format, Arc::clone(dictionary));
    let mut transcoder = transcoder.noting(Arc::clone(wanted));
    let (mut at, mut buffer) = (head.data_set, vec![0; READ_BYTES]);
    loop {
        let length = read_some(file, &mut buffer, at)?;
        if length == 0 {
            // Only the end of the last value is told; whether the data set is whole was decided when it was stored.
            let _ = transcoder.finish(&mut Nowhere);
            break;
        }
        at += length as u64;
        let pushed = transcoder.push(&[IoSlice::new(&buffer[..length])], &mut Nowhere);
        let attributes = transcoder.attributes();
        let is_complete = attributes.has_passed() && attributes.sop_instance_uid().is_some();
        if pushed.is_err() || is_complete || transcoder.unread().is_some() {
            break;
        }
    }
    Ok(transcoder.attributes().clone())
}

/// Reads until the buffer is full or the file ends.
fn read_some(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], at + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Takes a data set that nobody wants.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<()> {
        Ok(())
    }

    fn patch(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&mut self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
