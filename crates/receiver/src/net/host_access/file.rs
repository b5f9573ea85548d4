//! Files of rules and of patterns. What they hold is kept as long as they do not change.

use super::content::{Content, Kind};
use crate::limits::{
    ACCESS_FILE_BYTES, ACCESS_FILE_ROUNDS, ACCESS_FILE_SETTLING, ACCESS_FILE_TRUST,
};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The content of a file that is not being written just now. One that changed less than
/// [`ACCESS_FILE_SETTLING`] ago is waited for, since half of it may be missing. Bytes that are not UTF-8
/// become DEL, which no pattern has.
///
/// It is opened each time, which has a network file system ask its server, and read again if it is
/// another version than the one that is kept.
///
/// # Errors
/// It is missing, unreadable, neither a file nor a device such as `/dev/null`, longer than
/// [`ACCESS_FILE_BYTES`], or it keeps changing.
pub(super) fn read_settled(path: &Path, kind: Kind) -> io::Result<Arc<Content>> {
    let mut seen_before = None;
    for _ in 0..ACCESS_FILE_ROUNDS {
        match read(path, kind)? {
            Found::Kept(content) => return Ok(content),
            Found::Read { bytes, stamp, is_trusted } => {
                // ext4 cuts a file first and notes the time later: until then, it looks old and is empty.
                let is_cut = last_stamp(path).is_some_and(|last| last.is_cut_to(stamp));
                if !is_cut || seen_before == Some(stamp) {
                    LAST_STAMPS
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(path.into(), stamp);
                    return Ok(content(path, kind, text(bytes), is_trusted.then_some(stamp)));
                }
                seen_before = Some(stamp);
            }
            Found::Changing => {}
        }
        thread::sleep(ACCESS_FILE_SETTLING);
    }
    Err(io::Error::other("the file keeps changing"))
}

/// A version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: Option<SystemTime>,
    /// When content, times, permissions or names changed last: no program can set this back.
    changed: Option<SystemTime>,
    length: usize,
}

impl Stamp {
    /// Of a device, the times say nothing.
    fn of(metadata: &Metadata, length: usize) -> Self {
        let is_device = is_device(metadata);
        let changed = || {
            let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
            let nanoseconds = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
            UNIX_EPOCH.checked_add(seconds + nanoseconds)
        };
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: metadata.modified().ok().filter(|_| !is_device),
            changed: changed().filter(|_| !is_device),
            length,
        }
    }

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

type KeptFiles = BTreeMap<(PathBuf, Kind), (Stamp, Arc<Content>)>;

/// The content of files, as long as they have these versions.
static KEPT: Mutex<KeptFiles> = Mutex::new(BTreeMap::new());

fn kept() -> MutexGuard<'static, KeptFiles> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept of this version of a file. What is kept of another one is dropped.
fn kept_of(path: &Path, kind: Kind, now: Stamp) -> Option<Arc<Content>> {
    let mut kept = kept();
    let key = (path.to_owned(), kind);
    match kept.get(&key) {
        Some((stamp, content)) if *stamp == now => Some(Arc::clone(content)),
        Some(_) => {
            kept.remove(&key);
            None
        }
        None => None,
    }
}

/// The content, which is kept if the version is one to be trusted.
fn content(path: &Path, kind: Kind, text: String, trusted: Option<Stamp>) -> Arc<Content> {
    let Some((stamp, indexed)) = trusted.zip(Content::indexed(kind, &text)) else {
        return Arc::new(Content::text(kind, text));
    };
    let content = Arc::new(indexed);
    kept().insert((path.to_owned(), kind), (stamp, Arc::clone(&content)));
    content
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

enum Found {
    /// The version that is kept.
    Kept(Arc<Content>),
    /// Another one.
    Read {
        bytes: Vec<u8>,
        stamp: Stamp,
        /// Whatever changes the file from now on changes the stamp too.
        is_trusted: bool,
    },
    /// It changed while it was read, or less than [`ACCESS_FILE_SETTLING`] before.
    Changing,
}

/// What is there now. A device does not change.
fn read(path: &Path, kind: Kind) -> io::Result<Found> {
    // The thread may be held up anywhere below, so the age counts from here.
    let began = SystemTime::now();
    // Without `NONBLOCK`, opening a named pipe waits for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    let is_device = is_device(&metadata);
    if !metadata.is_file() && !is_device {
        return Err(io::Error::other("it is not a file"));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if let Some(content) = kept_of(path, kind, Stamp::of(&metadata, length)) {
        return Ok(Found::Kept(content));
    }
    let bytes = read_all(&file, length)?;
    let before = Stamp::of(&metadata, bytes.len());
    let after = Stamp::of(&file.metadata()?, bytes.len());
    let ended = SystemTime::now();
    // A time in the future says nothing.
    let is_old = |time: SystemTime| time > ended || time + ACCESS_FILE_SETTLING <= began;
    let is_whole = is_device || metadata.len() <= bytes.len() as u64;
    let times = [before.modified, before.changed];
    if !is_whole || before != after || !times.into_iter().flatten().all(is_old) {
        return Ok(Found::Changing);
    }
    // Only what the kernel sets counts here, and files made up as they are read have no length.
    let is_trusted = !is_device
        && length == bytes.len()
        && before
            .changed
            .and_then(|time| began.duration_since(time).ok())
            .is_some_and(|age| age >= ACCESS_FILE_TRUST);
    Ok(Found::Read { bytes, stamp: before, is_trusted })
}

/// # Errors
/// It is longer than [`ACCESS_FILE_BYTES`]; whatever else the operating system says.
fn read_all(file: &File, length: usize) -> io::Result<Vec<u8>> {
    let too_long = || {
        let kibibytes = ACCESS_FILE_BYTES / 1024;
        io::Error::other(format!("it is longer than {kibibytes} KiB"))
    };
    if length > ACCESS_FILE_BYTES {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(ACCESS_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > ACCESS_FILE_BYTES {
        return Err(too_long());
    }
    Ok(bytes)
}

fn is_device(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&metadata.file_type())
}
