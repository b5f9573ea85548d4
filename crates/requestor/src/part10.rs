//! The head of a DICOM file (PS3.10 §7.1), as far as sending the file needs it.

use std::io::{ErrorKind, Read};

use dataset::part10::{self, START_BYTES};
use dataset::{TransferSyntax, Uid};

use crate::error::Error;
use crate::limits::FILE_META_BYTES;
use crate::settings::ContextProposal;

/// An object to send, as the C-STORE-RQ and the presentation context describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// SOP Class UID.
    pub sop_class: Uid,
    /// SOP Instance UID.
    pub sop_instance: Uid,
    /// The transfer syntax in which the data set is encoded.
    pub transfer_syntax: &'static TransferSyntax,
}

impl Instance {
    /// The presentation context to propose for sending the object as it is.
    #[must_use]
    pub fn context(&self) -> ContextProposal {
        ContextProposal { sop_class: self.sop_class, transfer_syntaxes: vec![self.transfer_syntax] }
    }
}

/// What the head of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Media Storage SOP Class UID.
    pub sop_class: Uid,
    /// Media Storage SOP Instance UID.
    pub sop_instance: Uid,
    /// Transfer Syntax UID, which may be unknown.
    pub transfer_syntax: Uid,
    /// Where the data set begins, in bytes.
    pub bytes: u64,
}

/// Reads preamble and file meta information, and leaves `file` where the data set begins. Reads in small
/// pieces: only those bytes, at most [`FILE_META_BYTES`], which are held until it returns.
///
/// # Errors
/// [`Error::Read`]; [`Error::File`] if this is not a DICOM file, or if its meta information lacks a UID or
/// names a transfer syntax that is unknown.
pub fn read_header(file: &mut impl Read) -> Result<Instance, Error> {
    let head = read_head(file)?;
    Ok(Instance {
        sop_class: head.sop_class,
        sop_instance: head.sop_instance,
        transfer_syntax: TransferSyntax::find(head.transfer_syntax.as_str())
            .ok_or(Error::File("its transfer syntax is unknown"))?,
    })
}

/// As [`read_header`], of any transfer syntax.
///
/// # Errors
/// As [`read_header`], but those of the transfer syntax.
pub fn read_head(file: &mut impl Read) -> Result<Head, Error> {
    let mut start = [0; START_BYTES];
    read_exact(file, &mut start)?;
    let length = part10::group_length(&start);
    let length = length.ok_or(Error::File("it has no file meta information"))? as usize;
    if length > FILE_META_BYTES {
        return Err(Error::File("its file meta information is too long"));
    }
    let mut group = vec![0; length];
    read_exact(file, &mut group)?;
    let uid = |element, missing| {
        part10::value(&group, element)
            .and_then(|value| Uid::parse(value).ok())
            .ok_or(Error::File(missing))
    };
    Ok(Head {
        sop_class: uid(0x0002, "its Media Storage SOP Class UID is missing or invalid")?,
        sop_instance: uid(0x0003, "its Media Storage SOP Instance UID is missing or invalid")?,
        transfer_syntax: uid(0x0010, "its Transfer Syntax UID is missing or invalid")?,
        bytes: (START_BYTES + length) as u64,
    })
}

fn read_exact(file: &mut impl Read, target: &mut [u8]) -> Result<(), Error> {
    file.read_exact(target).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Error::File("it ends within the file meta information"),
        _ => Error::Read(error),
    })
}

#[cfg(test)]
mod tests {
    use dataset::part10::{FileMeta, header};
    use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;

    use super::*;

    fn file() -> Vec<u8> {
        let mut file = header(&FileMeta {
            sop_class: &"1.2.3".parse().unwrap(),
            sop_instance: &"1.2.3.4".parse().unwrap(),
            transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
            implementation_class_uid: "2.25.1",
            implementation_version_name: "TEST",
            source_ae_title: b"SCU",
        });
        file.extend_from_slice(b"data set");
        file
    }

    #[test]
    fn the_header_is_read_and_the_data_set_is_next() {
        let file = file();
        let mut reader = &file[..];
        let instance = read_header(&mut reader).unwrap();
        assert_eq!(instance.sop_class.as_str(), "1.2.3");
        assert_eq!(instance.sop_instance.as_str(), "1.2.3.4");
        assert_eq!(instance.transfer_syntax, EXPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(reader, b"data set");
    }

    #[test]
    fn no_truncation_or_byte_makes_it_panic() {
        let file = file();
        let header_bytes = file.len() - b"data set".len();
        for end in 0..header_bytes {
            assert!(read_header(&mut &file[..end]).is_err(), "{end}");
        }
        for at in 128..header_bytes {
            for byte in [0, 0x7F, 0xFF] {
                let mut changed = file.clone();
                changed[at] = byte;
                let _ = read_header(&mut &changed[..]);
            }
        }
    }

    #[test]
    fn a_long_meta_information_is_refused_before_it_is_read() {
        let mut file = file();
        file[START_BYTES - 4..START_BYTES].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(read_header(&mut &file[..]), Err(Error::File(_))));
    }
}
