//! Files of rules and of patterns, as they are read for each connection.

use crate::limits::{ACCESS_FILE_BYTES, ACCESS_FILE_ROUNDS, ACCESS_FILE_SETTLING};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::SystemTime;

/// The text of a file that nobody is writing just now: one that changed less than
/// [`ACCESS_FILE_SETTLING`] ago is waited for, since half of it may be missing. Bytes that are not UTF-8
/// become DEL, which no pattern has.
///
/// # Errors
/// It is missing, unreadable, neither a file nor a device such as `/dev/null`, longer than
/// [`ACCESS_FILE_BYTES`], or it keeps changing.
pub(super) fn read_settled(path: &Path) -> io::Result<String> {
    for _ in 0..ACCESS_FILE_ROUNDS {
        let (bytes, modified) = read(path)?;
        // A time in the future says nothing.
        let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_none_or(|age| age >= ACCESS_FILE_SETTLING) {
            return Ok(text(bytes));
        }
        drop(bytes);
        thread::sleep(ACCESS_FILE_SETTLING);
    }
    Err(io::Error::other("the file keeps changing"))
}

/// Takes no more memory than the bytes have.
fn text(mut bytes: Vec<u8>) -> String {
    let mut start = 0;
    while let Err(error) = std::str::from_utf8(&bytes[start..]) {
        let bad = start + error.valid_up_to();
        bytes[bad] = 0x7F;
        start = bad + 1;
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Content and time of the last change, the latter for what is on a disk.
fn read(path: &Path) -> io::Result<(Vec<u8>, Option<SystemTime>)> {
    // Without `NONBLOCK`, opening a named pipe waits for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    let is_device = std::os::unix::fs::FileTypeExt::is_char_device(&metadata.file_type());
    if !metadata.is_file() && !is_device {
        return Err(io::Error::other("it is not a file"));
    }
    let too_long = || {
        let kibibytes = ACCESS_FILE_BYTES / 1024;
        io::Error::other(format!("it is longer than {kibibytes} KiB"))
    };
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > ACCESS_FILE_BYTES {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(ACCESS_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > ACCESS_FILE_BYTES {
        return Err(too_long());
    }
    Ok((bytes, metadata.modified().ok().filter(|_| !is_device)))
}
