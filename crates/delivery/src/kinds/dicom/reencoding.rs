//! A data set in another uncompressed transfer syntax.

use crate::limits::REENCODED_BYTES;
use dataset::format::OutputTransferSyntax;
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, OutputFormat, Sink, Transcoder, TransferSyntax};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Encodes a data set anew, from its first byte to its last. What is longer than [`REENCODED_BYTES`] is kept in a file
/// without a name, in `folder` or else in the system's folder for temporary files.
///
/// # Errors
/// Those of reading and writing; `InvalidData` if the data set is damaged.
pub(super) fn reencode(
    mut data_set: impl Read,
    from: &'static TransferSyntax,
    to: &'static TransferSyntax,
    dictionary: Arc<Dictionary>,
    folder: &Path,
) -> io::Result<Reencoded> {
    let format = OutputFormat { transfer_syntax: output(to)?, ..OutputFormat::default() };
    let mut transcoder = Transcoder::new(from, &format, dictionary);
    let mut result = Reencoded { place: Place::Memory(Vec::new()), length: 0, read: 0 };
    let mut sink = Writing { into: &mut result, folder };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = match data_set.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        transcoder.push(&[IoSlice::new(&piece[..length])], &mut sink).map_err(damaged)?;
    }
    transcoder.finish(&mut sink).map_err(damaged)?;
    Ok(result)
}

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 * 1024;

fn output(to: &TransferSyntax) -> io::Result<OutputTransferSyntax> {
    Ok(match to {
        it if it == IMPLICIT_VR_LITTLE_ENDIAN => OutputTransferSyntax::ImplicitVrLittleEndian,
        it if it == EXPLICIT_VR_LITTLE_ENDIAN => OutputTransferSyntax::ExplicitVrLittleEndian,
        it if it == EXPLICIT_VR_BIG_ENDIAN => OutputTransferSyntax::ExplicitVrBigEndian,
        it if it == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
            OutputTransferSyntax::DeflatedExplicitVrLittleEndian
        }
        other => return Err(io::Error::other(format!("{other} is not written"))),
    })
}

/// Errors of the medium stay what they are.
fn damaged(error: dataset::Error) -> io::Error {
    match error {
        dataset::Error::Sink(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

/// A data set that was encoded anew; reads from its beginning.
#[derive(Debug)]
pub(super) struct Reencoded {
    place: Place,
    length: u64,
    read: u64,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    File(File),
}

impl Read for Reencoded {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let rest = self.length - self.read;
        let most = target.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let target = &mut target[..most];
        let length = match &self.place {
            Place::Memory(bytes) => (&bytes[self.read as usize..]).read(target)?,
            Place::File(file) => file.read_at(target, self.read)?,
        };
        self.read += length as u64;
        Ok(length)
    }
}

/// A data set that is being encoded.
struct Writing<'a> {
    into: &'a mut Reencoded,
    folder: &'a Path,
}

impl Sink for Writing<'_> {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let more: usize = slices.iter().map(|slice| slice.len()).sum();
        if let Place::Memory(bytes) = &self.into.place
            && bytes.len() + more > REENCODED_BYTES
        {
            let mut file = nameless(self.folder)?;
            file.write_all(bytes)?;
            self.into.place = Place::File(file);
        }
        match &mut self.into.place {
            Place::Memory(bytes) => Sink::write(bytes, slices)?,
            Place::File(file) => slices.iter().try_for_each(|slice| file.write_all(slice))?,
        }
        self.into.length += more as u64;
        Ok(())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.into.place {
            Place::Memory(memory) => memory.patch(offset, bytes),
            Place::File(file) => file.write_all_at(bytes, offset),
        }
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match &mut self.into.place {
            Place::Memory(memory) => Sink::read_at(memory, offset, into),
            Place::File(file) => file.read_exact_at(into, offset),
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        match &mut self.into.place {
            Place::Memory(memory) => Sink::truncate(memory, len)?,
            Place::File(file) => {
                file.set_len(len)?;
                file.seek(SeekFrom::Start(len))?;
            }
        }
        self.into.length = len;
        Ok(())
    }
}

/// A file without a name, which goes when it is closed.
fn nameless(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        return Ok(file.into());
    }
    let folder = std::env::temp_dir();
    for number in 0..NAMES_TRIED {
        let path = folder.join(format!("storescp-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return std::fs::remove_file(path).map(|()| file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Names for a temporary file that are tried, where the file system makes none without a name.
const NAMES_TRIED: u32 = 1000;
