//! An object to send: from its entry in the catalogue to the bytes of its data set.

use super::contexts::Need;
use super::reencoding::{Reencoded, reencode};
use super::verdict::unreadable;
use crate::{Item, Outcome};
use catalog::ReceivedObject;
use dataset::{Dictionary, TransferSyntax, Uid};
use requestor::part10::{self, Head};
use requestor::{Error, Instance};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An object whose file is open.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) instance: Instance,
    path: PathBuf,
    data_set: Body,
}

/// The bytes of a data set.
#[derive(Debug)]
pub(super) enum Body {
    File(FileRange),
    Reencoded(Reencoded),
}

/// A part of a file; it is an error if the file ends within it.
#[derive(Debug)]
pub(super) struct FileRange {
    file: File,
    at: u64,
    end: u64,
    /// A zero byte follows.
    is_padded: bool,
}

/// What the object of a delivery needs, by the catalogue; `None` if there is no object.
pub(super) fn expected(item: &Item) -> Option<Need> {
    let object = &item.delivery.instance.as_ref()?.object;
    let sop_class = object.sop_class.parse().ok()?;
    let transfer_syntax = syntax(&object.transfer_syntax.parse().ok()?);
    Some(Need { sop_class, transfer_syntax })
}

/// Files are stored only in transfer syntaxes that are known, or that the settings name: few are unlisted.
fn syntax(uid: &Uid) -> &'static TransferSyntax {
    TransferSyntax::find(uid.as_str()).unwrap_or_else(|| TransferSyntax::unlisted(uid))
}

impl Object {
    /// Opens the file of a delivery, and reads its head, which has to be what the catalogue says.
    ///
    /// # Errors
    /// What becomes of the delivery if it cannot be sent.
    pub(super) fn open(item: &Item) -> Result<Object, Outcome> {
        let park = |reason: &str| Outcome::Park { reason: reason.to_owned() };
        let Some(instance) = &item.delivery.instance else {
            return Err(park("a DICOM destination gets objects only: this event has none"));
        };
        let Some(path) = item.path.as_deref().filter(|_| !item.missing) else {
            return Err(park("the file is gone"));
        };
        let cannot_read = |error: &io::Error| unreadable("cannot read the file", error);
        let file = File::open(path).map_err(|error| cannot_read(&error))?;
        let found = file.metadata().map_err(|error| cannot_read(&error))?.len();
        let expected = &instance.object;
        // Of one that is kept in place of what came, the size is that of the other.
        if found != expected.size && !expected.kept {
            let sizes = format!("it has {found} bytes and not {}", expected.size);
            return Err(park(&format!("the file was changed since it was stored: {sizes}")));
        }
        let head = head(&file, expected).map_err(|error| match error {
            Error::Read(error) => cannot_read(&error),
            error => Outcome::Park { reason: format!("the file is damaged: {error}") },
        })?;
        let is_that = head.sop_instance == expected.sop_instance.as_str()
            && head.sop_class == expected.sop_class.as_str()
            && head.transfer_syntax == expected.transfer_syntax.as_str();
        if !is_that {
            return Err(park("the file was changed since it was stored: it has another object"));
        }
        if head.bytes >= found {
            return Err(park("the file is damaged: it has no data set"));
        }
        let transfer_syntax = syntax(&head.transfer_syntax);
        // PS3.8 §E.1 has no fragments of odd length; PS3.5 §A.5 has a deflated data set padded.
        let is_odd = (found - head.bytes) % 2 == 1;
        if is_odd && !transfer_syntax.deflated() {
            return Err(park("the file is damaged: its data set has an odd length"));
        }
        Ok(Object {
            instance: Instance {
                sop_class: head.sop_class,
                sop_instance: head.sop_instance,
                transfer_syntax,
            },
            path: path.to_owned(),
            data_set: Body::File(FileRange { file, at: head.bytes, end: found, is_padded: is_odd }),
        })
    }

    /// What it needs of an association.
    pub(super) fn need(&self) -> Need {
        let Instance { sop_class, transfer_syntax, .. } = self.instance;
        Need { sop_class, transfer_syntax }
    }

    /// As it is sent in this transfer syntax: what the C-STORE-RQ says, and the data set.
    ///
    /// # Errors
    /// What becomes of the delivery if its data set cannot be encoded anew.
    pub(super) fn sent_in(
        self,
        transfer_syntax: &'static TransferSyntax,
        dictionary: &Arc<Dictionary>,
    ) -> Result<(Instance, Body), Outcome> {
        let from = self.instance.transfer_syntax;
        if from == transfer_syntax {
            return Ok((self.instance, self.data_set));
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let reencoded = reencode(self.data_set, from, transfer_syntax, dictionary.clone(), folder);
        let reencoded = reencoded.map_err(|error| {
            let what = format!("cannot encode the data set in {}", transfer_syntax.name());
            unreadable(&what, &error)
        })?;
        Ok((Instance { transfer_syntax, ..self.instance }, Body::Reencoded(reencoded)))
    }
}

/// The head of a file. One that was stored without (`--write-dataset`) is what the catalogue says.
fn head(file: &File, expected: &ReceivedObject) -> Result<Head, Error> {
    let mut start = [0; HEAD_BYTES];
    let length = read_up_to(file, &mut start).map_err(Error::Read)?;
    let start = &start[..length];
    if start.get(PREFIX_AT..PREFIX_AT + 4) != Some(b"DICM") {
        let transfer_syntax: Uid = uid(&expected.transfer_syntax)?;
        if !begins_a_data_set(start, syntax(&transfer_syntax)) {
            return Err(Error::File("it begins neither with a preamble nor with a data set"));
        }
        return Ok(Head {
            sop_class: uid(&expected.sop_class)?,
            sop_instance: uid(&expected.sop_instance)?,
            transfer_syntax,
            bytes: 0,
        });
    }
    match part10::read_head(&mut &*start) {
        Err(Error::File(_)) if length == HEAD_BYTES => {
            let file = file.try_clone().map_err(Error::Read)?;
            let whole = FileRange { file, at: 0, end: u64::MAX, is_padded: false };
            part10::read_head(&mut BufReader::new(whole))
        }
        result => result,
    }
}

/// Bytes that are read for the head of a file; that of most has some 500.
const HEAD_BYTES: usize = 1024;

/// Where `DICM` stands (PS3.10 §7.1).
const PREFIX_AT: usize = 128;

fn uid(text: &str) -> Result<Uid, Error> {
    text.parse().map_err(|_| Error::File("the catalogue has an invalid UID for it"))
}

/// Whether bytes can be the first of a data set: its first element stands in front of the SOP Class UID, or is that.
fn begins_a_data_set(start: &[u8], transfer_syntax: &TransferSyntax) -> bool {
    if transfer_syntax.deflated() {
        return !start.is_empty();
    }
    let Some(&group) = start.first_chunk::<2>() else { return false };
    let group = match transfer_syntax.big_endian() {
        true => u16::from_be_bytes(group),
        false => u16::from_le_bytes(group),
    };
    (0x0003..=0x0008).contains(&group)
}

fn read_up_to(file: &File, target: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < target.len() {
        match file.read_at(&mut target[length..], length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

impl Read for FileRange {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end && self.is_padded && !target.is_empty() {
            self.is_padded = false;
            target[0] = 0;
            return Ok(1);
        }
        let rest = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = target.len().min(rest);
        let length = self.file.read_at(&mut target[..most], self.at)?;
        if length == 0 && most > 0 {
            let reason = "the file became shorter while it was sent";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.at += length as u64;
        Ok(length)
    }
}

impl Read for Body {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Body::File(file) => file.read(target),
            Body::Reencoded(bytes) => bytes.read(target),
        }
    }
}
