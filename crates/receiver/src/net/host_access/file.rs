//! Files of rules and of patterns, as they are read for each connection.

use crate::limits::{ACCESS_FILE_BYTES, ACCESS_FILE_ROUNDS, ACCESS_FILE_SETTLING};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

/// The text of a file that is not being written just now. One that changed less than
/// [`ACCESS_FILE_SETTLING`] ago is waited for, since half of it may be missing. Bytes that are not UTF-8
/// become DEL, which no pattern has.
///
/// # Errors
/// It is missing, unreadable, neither a file nor a device such as `/dev/null`, longer than
/// [`ACCESS_FILE_BYTES`], or it keeps changing.
pub(super) fn read_settled(path: &Path) -> io::Result<String> {
    let mut seen_before = None;
    for _ in 0..ACCESS_FILE_ROUNDS {
        if let Some((bytes, stamp)) = read(path)? {
            // ext4 cuts a file first and notes the time later: until then, it looks old and is empty.
            let is_cut = last_stamp(path).is_some_and(|last| last.is_cut_to(stamp));
            if !is_cut || seen_before == Some(stamp) {
                LAST_STAMPS
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(path.into(), stamp);
                return Ok(text(bytes));
            }
            seen_before = Some(stamp);
        }
        thread::sleep(ACCESS_FILE_SETTLING);
    }
    Err(io::Error::other("the file keeps changing"))
}

/// A version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: Option<SystemTime>,
    length: usize,
}

impl Stamp {
    /// Whether the length changed, and nothing else.
    fn is_cut_to(self, now: Self) -> bool {
        self.length != now.length && Self { length: now.length, ..self } == now
    }
}

/// The version of each file that was read last: as many as the administrator has such files.
static LAST_STAMPS: Mutex<BTreeMap<PathBuf, Stamp>> = Mutex::new(BTreeMap::new());

fn last_stamp(path: &Path) -> Option<Stamp> {
    LAST_STAMPS.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
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

/// The content and its version; `None` if it changed while it was read, or less than
/// [`ACCESS_FILE_SETTLING`] before. A device does not change.
fn read(path: &Path) -> io::Result<Option<(Vec<u8>, Stamp)>> {
    // The thread may be held up anywhere below, so the age counts from here.
    let began = SystemTime::now();
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
    (&file).take(ACCESS_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > ACCESS_FILE_BYTES {
        return Err(too_long());
    }
    let stamp = |metadata: &Metadata| Stamp {
        inode: metadata.ino(),
        modified: metadata.modified().ok().filter(|_| !is_device),
        length: bytes.len(),
    };
    let (before, after) = (stamp(&metadata), stamp(&file.metadata()?));
    let ended = SystemTime::now();
    // A time in the future says nothing.
    let is_old = |modified| modified > ended || modified + ACCESS_FILE_SETTLING <= began;
    let is_whole = is_device || metadata.len() <= bytes.len() as u64;
    let is_settled = is_whole && before == after && before.modified.is_none_or(is_old);
    Ok(is_settled.then_some((bytes, before)))
}
