//! Provides the objects to send: generated, or read from a Part 10 file. Each copy has a different SOP Instance
//! UID.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid};

use crate::writer::{Tag, Writer, has_long_header};
use crate::{Error, Filler};

/// A data set that can be sent many times.
///
/// It consists of a head, then filler (the value of its last element). All SOP Instance UIDs have the same
/// length, so copies differ in those bytes only. Memory: the head, which is a few hundred bytes for a generated
/// image, otherwise the whole data set.
#[derive(Debug, Clone)]
pub struct Object {
    sop_class: Uid,
    transfer_syntax: &'static TransferSyntax,
    head: Vec<u8>,
    /// Offset of the SOP Instance UID in `head`.
    instance_at: usize,
    /// Offset of the Study Instance UID in `head`, if it can be changed.
    study_at: Option<usize>,
    filler_bytes: u64,
    filler: Filler,
}

impl Object {
    /// Generates a Secondary Capture object with 16-bit grey values, in Explicit or Implicit VR Little Endian.
    ///
    /// # Errors
    /// [`Error::Size`] if `bytes` is odd, too small for the required elements, or exceeds a 32-bit value
    /// length.
    pub fn secondary_capture(bytes: u64, filler: Filler, implicit: bool) -> Result<Self, Error> {
        let mut head = Writer { bytes: Vec::new(), implicit };
        head.element((0x0008, 0x0016), *b"UI", SECONDARY_CAPTURE);
        let instance_at =
            head.element((0x0008, 0x0018), *b"UI", instance_uid(0)?.as_str().as_bytes());
        let mut study_at = None;
        for &(tag, vr, value) in ELEMENTS {
            let is_study = tag == STUDY_INSTANCE_UID;
            let study = is_study.then(|| study_uid(0)).transpose()?;
            let value_at = head.element(tag, *vr, study.as_ref().map_or(value, uid_bytes));
            study_at = study_at.or(is_study.then_some(value_at));
        }
        let header_bytes = if implicit { 8 } else { 12 };
        let filler_bytes = bytes
            .checked_sub(head.bytes.len() as u64 + header_bytes)
            .filter(|filler| filler % 2 == 0)
            .ok_or(Error::Size(bytes))?;
        let length = u32::try_from(filler_bytes).map_err(|_| Error::Size(bytes))?;
        if length == u32::MAX {
            return Err(Error::Size(bytes));
        }
        head.header((0x7FE0, 0x0010), *b"OW", length);
        let transfer_syntax =
            if implicit { IMPLICIT_VR_LITTLE_ENDIAN } else { EXPLICIT_VR_LITTLE_ENDIAN };
        Ok(Self {
            sop_class: Uid::parse(SECONDARY_CAPTURE)?,
            transfer_syntax,
            head: head.bytes,
            instance_at,
            study_at,
            filler_bytes,
            filler,
        })
    }

    /// An object that consists of `head` only, in Explicit VR Little Endian.
    pub(crate) fn from_head(sop_class: Uid, head: Vec<u8>, instance_at: usize) -> Self {
        Self {
            sop_class,
            transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
            head,
            instance_at,
            study_at: None,
            filler_bytes: 0,
            filler: Filler::Zeros,
        }
    }

    /// The same bytes, sent in this transfer syntax.
    pub(crate) fn encoded_in(self, transfer_syntax: &'static TransferSyntax) -> Self {
        Self { transfer_syntax, ..self }
    }

    /// Reads the data set of a Part 10 file (PS3.10 §7), which is kept in memory.
    ///
    /// # Errors
    /// [`Error::File`] if it is not such a file, if its transfer syntax is not little endian, or if the SOP
    /// Class and Instance UIDs are not among its first elements.
    pub fn from_part10(file: &[u8]) -> Result<Self, Error> {
        let group_length =
            file.get(140..144).filter(|_| file[128..].starts_with(b"DICM\x02\0\0\0UL"));
        let group_length = group_length.ok_or(Error::File("no file meta information"))?;
        let meta_end = 144 + u32_at(group_length, 0) as usize;
        let meta = file.get(144..meta_end).ok_or(Error::File("cut off"))?;
        let transfer_syntax = Uid::parse(find(meta, false, (0x0002, 0x0010))?.1)?;
        let transfer_syntax = TransferSyntax::find(transfer_syntax.as_str())
            .filter(|syntax| !syntax.big_endian() && !syntax.deflated())
            .ok_or(Error::File("its transfer syntax cannot be sent"))?;
        let implicit = !transfer_syntax.explicit_vr();

        let data_set = &file[meta_end..];
        let sop_class = Uid::parse(find(data_set, implicit, (0x0008, 0x0016))?.1)?;
        let (start, value) = find(data_set, implicit, (0x0008, 0x0018))?;
        let value_end = start + value.len();
        let header_bytes = 8;
        let mut head = Writer { bytes: data_set[..start - header_bytes].to_vec(), implicit };
        let instance_at =
            head.element((0x0008, 0x0018), *b"UI", instance_uid(0)?.as_str().as_bytes());
        head.bytes.extend_from_slice(&data_set[value_end..]);
        let object = Self::from_head(sop_class, head.bytes, instance_at);
        Ok(Self { transfer_syntax, ..object })
    }

    /// SOP Class UID, as proposed and as sent in the C-STORE-RQ.
    pub fn sop_class(&self) -> Uid {
        self.sop_class
    }

    /// Transfer syntax of the data set.
    pub fn transfer_syntax(&self) -> &'static TransferSyntax {
        self.transfer_syntax
    }

    /// Size of the data set.
    pub fn data_set_bytes(&self) -> u64 {
        self.head.len() as u64 + self.filler_bytes
    }

    /// The data set without the filler.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Number of filler bytes, which follow the head.
    pub fn filler_bytes(&self) -> u64 {
        self.filler_bytes
    }

    /// Content of the filler.
    pub fn filler(&self) -> Filler {
        self.filler
    }

    /// Length of the head up to the end of the last UID that differs between copies.
    pub fn changing_bytes(&self) -> usize {
        self.instance_at.max(self.study_at.unwrap_or_default()) + UID_BYTES
    }

    /// Moves filler to the head, until the head has `bytes` bytes or no filler remains.
    pub fn lengthen_head(&mut self, bytes: usize) {
        let missing = bytes.saturating_sub(self.head.len()) as u64;
        let moved = missing.min(self.filler_bytes);
        self.head.extend(self.filler.bytes(moved as usize));
        self.filler_bytes -= moved;
    }

    /// Changes the SOP Instance UID of the data set to `instance`, which comes from [`instance_uid`].
    pub fn set_instance(&mut self, uid: &Uid) {
        self.head[self.instance_at..][..UID_BYTES].copy_from_slice(uid_bytes(uid));
    }

    /// Changes the Study Instance UID of a [`secondary_capture`](Self::secondary_capture) to `uid`, which comes
    /// from [`study_uid`]. Other objects keep theirs.
    pub fn set_study(&mut self, uid: &Uid) {
        if let Some(study_at) = self.study_at {
            self.head[study_at..][..UID_BYTES].copy_from_slice(uid_bytes(uid));
        }
    }
}

/// Returns the `number`th SOP Instance UID of this process: 44 characters under 2.25 (PS3.5 §B.2), different
/// from those of earlier and concurrent runs.
///
/// # Errors
/// None in practice: the text is a UID.
pub fn instance_uid(number: u64) -> Result<Uid, Error> {
    static RUN: LazyLock<u128> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_nanos() % (1 << 63) + u128::from(std::process::id() % 512)
    });
    numbered_uid((*RUN << 48) | u128::from(number))
}

/// Returns the `number`th Study Instance UID: as long as the others, and the same in each run.
///
/// # Errors
/// None in practice: the text is a UID.
pub fn study_uid(number: u64) -> Result<Uid, Error> {
    numbered_uid((1 << 126) | u128::from(number))
}

fn numbered_uid(number: u128) -> Result<Uid, Error> {
    // With the highest bit set the number always has 39 digits.
    Ok(Uid::parse(format!("2.25.{}", (1 << 127) | number).as_bytes())?)
}

fn uid_bytes(uid: &Uid) -> &[u8] {
    uid.as_str().as_bytes()
}

/// Offset and value of a top-level element that is not preceded by an element of undefined length.
fn find(data_set: &[u8], implicit: bool, wanted: Tag) -> Result<(usize, &[u8]), Error> {
    const MISSING: Error = Error::File("an element that is needed is missing");
    let mut at = 0;
    loop {
        let header = data_set.get(at..at + 12).ok_or(MISSING)?;
        let tag = (u16_at(header, 0), u16_at(header, 2));
        let (header_bytes, length) = if implicit {
            (8, u32_at(header, 4))
        } else if has_long_header([header[4], header[5]]) {
            (12, u32_at(header, 8))
        } else {
            (8, u32::from(u16_at(header, 6)))
        };
        let start = at + header_bytes;
        let end = start.checked_add(length as usize).ok_or(MISSING)?;
        if tag == wanted {
            return Ok((start, data_set.get(start..end).ok_or(MISSING)?));
        }
        at = end;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// Secondary Capture Image Storage, padded to even length.
const SECONDARY_CAPTURE: &[u8] = b"1.2.840.10008.5.1.4.1.1.7\0";

/// Length of every [`instance_uid`] and [`study_uid`].
const UID_BYTES: usize = 44;

const STUDY_INSTANCE_UID: Tag = (0x0020, 0x000D);

/// The elements between the SOP Instance UID and the pixel data; Study Instance UID is [`study_uid`]'s.
///
/// Rows and Columns do not match the length of the pixel data: any size is possible, and receivers do not check
/// it.
const ELEMENTS: &[(Tag, &[u8; 2], &[u8])] = &[
    ((0x0008, 0x0060), b"CS", b"OT"),
    ((0x0010, 0x0010), b"PN", b"Load^Generated"),
    ((0x0010, 0x0020), b"LO", b"LOADGEN "),
    (STUDY_INSTANCE_UID, b"UI", b""),
    ((0x0020, 0x000E), b"UI", b"2.25.306893479154866094\0"),
    ((0x0028, 0x0002), b"US", &[1, 0]),
    ((0x0028, 0x0004), b"CS", b"MONOCHROME2 "),
    ((0x0028, 0x0010), b"US", &[0, 2]),
    ((0x0028, 0x0011), b"US", &[0, 2]),
    ((0x0028, 0x0100), b"US", &[16, 0]),
    ((0x0028, 0x0101), b"US", &[12, 0]),
    ((0x0028, 0x0102), b"US", &[11, 0]),
    ((0x0028, 0x0103), b"US", &[0, 0]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_object_has_the_size_asked_for() {
        for implicit in [false, true] {
            let object = Object::secondary_capture(4096, Filler::Zeros, implicit).unwrap();
            assert_eq!(object.data_set_bytes(), 4096);
            let (_, class) = find(object.head(), implicit, (0x0008, 0x0016)).unwrap();
            assert_eq!(Uid::parse(class).unwrap(), object.sop_class());
        }
        assert!(Object::secondary_capture(4097, Filler::Zeros, false).is_err());
        assert!(Object::secondary_capture(10, Filler::Zeros, false).is_err());
        assert!(Object::secondary_capture(1 << 33, Filler::Zeros, false).is_err());
    }

    #[test]
    fn each_copy_has_its_own_instance_uid() {
        let mut object = Object::secondary_capture(4096, Filler::Noise, false).unwrap();
        let (one, other) = (instance_uid(1).unwrap(), instance_uid(u64::MAX >> 20).unwrap());
        assert_ne!(one, other);
        assert_eq!((one.as_str().len(), other.as_str().len()), (44, 44));
        object.set_instance(&other);
        let (_, value) = find(object.head(), false, (0x0008, 0x0018)).unwrap();
        assert_eq!(Uid::parse(value).unwrap(), other);
    }

    #[test]
    fn a_copy_may_be_of_another_study() {
        let mut object = Object::secondary_capture(4096, Filler::Noise, false).unwrap();
        let study = |object: &Object| {
            let (_, value) = find(object.head(), false, STUDY_INSTANCE_UID).unwrap();
            Uid::parse(value).unwrap()
        };
        assert_eq!(study(&object), study_uid(0).unwrap());
        object.set_study(&study_uid(99_999).unwrap());
        assert_eq!(study(&object), study_uid(99_999).unwrap());
        assert_ne!(study_uid(0).unwrap(), study_uid(1).unwrap());
        assert_eq!(object.data_set_bytes(), 4096);
    }

    #[test]
    fn the_head_grows_at_the_cost_of_the_filler() {
        let mut object = Object::secondary_capture(4096, Filler::Noise, false).unwrap();
        object.lengthen_head(1000);
        assert_eq!((object.head().len(), object.filler_bytes()), (1000, 3096));
        object.lengthen_head(10_000);
        assert_eq!((object.head().len(), object.filler_bytes()), (4096, 0));
    }

    #[test]
    fn a_file_keeps_all_but_its_instance_uid() {
        let mut file = vec![0; 128];
        file.extend_from_slice(b"DICM");
        let mut meta = Writer { bytes: Vec::new(), implicit: false };
        meta.element((0x0002, 0x0010), *b"UI", b"1.2.840.10008.1.2\0");
        let mut group_length = Writer { bytes: Vec::new(), implicit: false };
        group_length.element((0x0002, 0x0000), *b"UL", &(meta.bytes.len() as u32).to_le_bytes());
        file.extend_from_slice(&group_length.bytes);
        file.extend_from_slice(&meta.bytes);
        let mut data_set = Writer { bytes: Vec::new(), implicit: true };
        data_set.element((0x0008, 0x0016), *b"UI", b"1.2.3\0");
        data_set.element((0x0008, 0x0018), *b"UI", b"1.2.3.4\0");
        data_set.element((0x0010, 0x0010), *b"PN", b"A^B ");
        file.extend_from_slice(&data_set.bytes);

        let object = Object::from_part10(&file).unwrap();
        assert_eq!(object.sop_class().as_str(), "1.2.3");
        assert_eq!(object.transfer_syntax(), IMPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(object.data_set_bytes(), data_set.bytes.len() as u64 + 44 - 8);
        assert!(object.head().ends_with(b"A^B "));
        assert!(Object::from_part10(&file[..150]).is_err());
    }
}
