//! The records of a journal, as bytes.
//!
//! ```text
//!   length of the payload (4) │ CRC-32 of the payload (4) │ payload │ zeros up to a multiple of 8
//! ```
//!
//! All numbers are little endian. A payload begins with its kind; texts and lists have their length before them.

use crate::commands::job::Reception;
use dataset::Uid;
use proto::AeTitle;
use receiver::output::studies::{Reason, unpadded};
use receiver::{Peer, StoredFile, StoredObject};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::SystemTime;
use storage::{FileId, FileIdentity, FileName};

/// The longest payload: what is longer is no record.
pub(super) const PAYLOAD_BYTES: usize = 1024 * 1024;

/// Of length and checksum.
pub(super) const FRAME_BYTES: usize = 8;

/// Which command lines something is about: a number made from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whose(pub(super) u64);

/// One record.
#[derive(Debug)]
pub(super) enum Record<'r> {
    /// The command of an object is owed.
    Reception { id: u64, whose: Whose, reception: Cow<'r, Reception> },
    /// It was run.
    ReceptionDone { id: u64 },
    /// An object of a study.
    StudyObject { number: u64, whose: Whose, object: StudyObject },
    /// A study has ended.
    StudyEnded { number: u64, reason: Reason },
    /// Its files have their numbers.
    StudyNumbered { number: u64 },
    /// Nothing is owed for it any more.
    StudyDone { number: u64 },
    /// Of another version, or for other settings: kept as it is.
    Kept { payload: Vec<u8> },
}

/// What is recorded of an object for the end of its study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StudyObject {
    /// The folder of its study.
    pub(crate) folder: FileName,
    /// Study Instance UID as it was sent, without padding.
    pub(crate) uid: Box<[u8]>,
    pub(crate) peer: Peer,
    /// When it was stored, in milliseconds since 1970.
    pub(crate) stored: u64,
    /// Its file, if that is renamed at the end.
    pub(crate) file: Option<ObjectFile>,
}

/// A file that is renamed at the end of its study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectFile {
    pub(crate) name: FileName,
    pub(crate) sop_class: Uid,
    pub(crate) id: Option<FileIdentity>,
}

impl StudyObject {
    /// What is recorded of an object in this folder of its study.
    pub(crate) fn of(object: &StoredObject<'_>, file: &StoredFile<'_>, folder: &FileName) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = since_1970.unwrap_or_default().as_millis();
        let renamed = |id| ObjectFile { name: file.name.clone(), sop_class: *object.sop_class, id };
        Self {
            folder: folder.clone(),
            uid: file.study.map(unpadded).unwrap_or_default(),
            peer: *object.peer,
            stored: u64::try_from(milliseconds).unwrap_or_default(),
            file: file.identity.map(|id| renamed(Some(id))),
        }
    }
}

impl Whose {
    /// Made from texts that stay the same as long as the command does (FNV-1a).
    pub(crate) fn of(texts: &[&[u8]]) -> Self {
        let mut number = 0xcbf2_9ce4_8422_2325_u64;
        for byte in texts.iter().flat_map(|text| text.iter().chain(&[0])) {
            number = (number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(number)
    }
}

impl Record<'_> {
    /// As it is in the file.
    pub(super) fn framed(&self) -> Vec<u8> {
        let mut writer = Writer(vec![0; FRAME_BYTES]);
        self.write(&mut writer);
        framed(writer.0)
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Reception { id, whose, reception } => {
                to.kind(1).number(*id).number(whose.0);
                write_reception(to, reception);
            }
            Self::ReceptionDone { id } => to.kind(2).number(*id).end(),
            Self::StudyObject { number, whose, object } => {
                to.kind(3).number(*number).number(whose.0);
                write_object(to, object);
            }
            Self::StudyEnded { number, reason } => {
                let reason = match reason {
                    Reason::Timeout => 0,
                    Reason::NextStudy => 1,
                    Reason::Release => 2,
                    Reason::Stop => 3,
                };
                to.kind(4).number(*number).kind(reason).end();
            }
            Self::StudyNumbered { number } => to.kind(5).number(*number).end(),
            Self::StudyDone { number } => to.kind(6).number(*number).end(),
            Self::Kept { payload } => to.0.extend_from_slice(payload),
        }
    }

    /// Reads a payload. One that this version does not know is [`Record::Kept`].
    pub(super) fn parse(payload: &[u8]) -> Record<'static> {
        Self::read(payload).unwrap_or_else(|| Record::Kept { payload: payload.to_vec() })
    }

    fn read(payload: &[u8]) -> Option<Record<'static>> {
        let mut from = Reader(payload);
        let record = match from.kind()? {
            1 => {
                let (id, whose) = (from.number()?, Whose(from.number()?));
                Record::Reception { id, whose, reception: Cow::Owned(read_reception(&mut from)?) }
            }
            2 => Record::ReceptionDone { id: from.number()? },
            3 => {
                let (number, whose) = (from.number()?, Whose(from.number()?));
                Record::StudyObject { number, whose, object: read_object(&mut from)? }
            }
            4 => {
                let number = from.number()?;
                let reason = match from.kind()? {
                    0 => Reason::Timeout,
                    1 => Reason::NextStudy,
                    2 => Reason::Release,
                    3 => Reason::Stop,
                    _ => return None,
                };
                Record::StudyEnded { number, reason }
            }
            5 => Record::StudyNumbered { number: from.number()? },
            6 => Record::StudyDone { number: from.number()? },
            _ => return None,
        };
        from.0.is_empty().then_some(record)
    }
}

/// Puts length and checksum into the room before a payload.
fn framed(mut bytes: Vec<u8>) -> Vec<u8> {
    let payload = &bytes[FRAME_BYTES..];
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let checksum = crc32fast::hash(payload);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(FRAME_BYTES), 0);
    bytes
}

/// A record with this payload.
#[cfg(test)]
pub(super) fn framed_payload(payload: &[u8]) -> Vec<u8> {
    framed([&[0; FRAME_BYTES], payload].concat())
}

/// The payload of the record that begins here, if it is whole.
pub(super) fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let payload = rest.get(..length).filter(|_| (1..=PAYLOAD_BYTES).contains(&length))?;
    (crc32fast::hash(payload) == u32::from_le_bytes(*checksum)).then_some(payload)
}

/// Bytes that a record with this payload takes.
pub(super) fn record_bytes(payload: &[u8]) -> usize {
    (FRAME_BYTES + payload.len()).next_multiple_of(FRAME_BYTES)
}

fn write_reception(to: &mut Writer, reception: &Reception) {
    write_peer(to, &reception.peer);
    to.number(reception.folders.len() as u64);
    for folder in &reception.folders {
        to.text(folder.as_str().as_bytes());
    }
    to.maybe(reception.file.as_ref().map(|it| it.as_str().as_bytes()));
    to.text(reception.sop_class.as_bytes()).text(reception.sop_instance.as_bytes());
    to.maybe(reception.study.as_deref());
    to.maybe(reception.transfer_syntax.as_deref().map(str::as_bytes));
}

fn read_reception(from: &mut Reader<'_>) -> Option<Reception> {
    let peer = read_peer(from)?;
    let count = from.number()?;
    let folders = (0..count).map(|_| from.name()).collect::<Option<_>>()?;
    Some(Reception {
        folders,
        file: from.maybe()?.map_or(Some(None), |text| Some(Some(name(text)?)))?,
        peer,
        sop_class: Uid::parse(from.text()?).ok()?,
        sop_instance: Uid::parse(from.text()?).ok()?,
        study: from.maybe()?.map(Into::into),
        transfer_syntax: match from.maybe()? {
            Some(text) => Some(Cow::Owned(String::from_utf8(text.to_vec()).ok()?)),
            None => None,
        },
        entry: None,
    })
}

fn write_object(to: &mut Writer, object: &StudyObject) {
    write_peer(to, &object.peer);
    to.text(object.folder.as_str().as_bytes()).text(&object.uid).number(object.stored);
    let Some(file) = &object.file else { return to.kind(0).end() };
    to.kind(1).text(file.name.as_str().as_bytes()).text(file.sop_class.as_bytes());
    let Some(id) = &file.id else { return to.kind(0).end() };
    to.kind(1).number(id.id.device).number(id.id.inode);
    let Some((seconds, nanoseconds)) = id.created else { return to.kind(0).end() };
    to.kind(1).number(seconds.cast_unsigned()).number(nanoseconds.into());
}

fn read_object(from: &mut Reader<'_>) -> Option<StudyObject> {
    let peer = read_peer(from)?;
    let (folder, uid, stored) = (from.name()?, from.text()?.into(), from.number()?);
    let file = match from.kind()? {
        0 => None,
        _ => Some(ObjectFile {
            name: from.name()?,
            sop_class: Uid::parse(from.text()?).ok()?,
            id: match from.kind()? {
                0 => None,
                _ => Some(FileIdentity {
                    id: FileId { device: from.number()?, inode: from.number()? },
                    created: match from.kind()? {
                        0 => None,
                        _ => Some((
                            from.number()?.cast_signed(),
                            u32::try_from(from.number()?).ok()?,
                        )),
                    },
                }),
            },
        }),
    };
    Some(StudyObject { folder, uid, peer, stored, file })
}

fn write_peer(to: &mut Writer, peer: &Peer) {
    to.text(&peer.calling_ae.field()).text(&peer.called_ae.field());
    to.text(peer.address.to_string().as_bytes()).number(peer.association);
}

fn read_peer(from: &mut Reader<'_>) -> Option<Peer> {
    let title = |text: &[u8]| Some(AeTitle::from_field(text.try_into().ok()?));
    Some(Peer {
        calling_ae: title(from.text()?)?,
        called_ae: title(from.text()?)?,
        address: std::str::from_utf8(from.text()?).ok()?.parse::<IpAddr>().ok()?,
        association: from.number()?,
    })
}

fn name(text: &[u8]) -> Option<FileName> {
    FileName::new(String::from_utf8(text.to_vec()).ok()?)
}

struct Writer(Vec<u8>);

impl Writer {
    fn kind(&mut self, kind: u8) -> &mut Self {
        self.0.push(kind);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn text(&mut self, text: &[u8]) -> &mut Self {
        self.number(text.len() as u64).0.extend_from_slice(text);
        self
    }

    fn maybe(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.kind(1).text(text).end(),
            None => self.kind(0).end(),
        }
    }

    fn end(&mut self) {}
}

struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    fn kind(&mut self) -> Option<u8> {
        let (&kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(kind)
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn text(&mut self) -> Option<&'r [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn maybe(&mut self) -> Option<Option<&'r [u8]>> {
        match self.kind()? {
            0 => Some(None),
            1 => Some(Some(self.text()?)),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<FileName> {
        name(self.text()?)
    }
}
