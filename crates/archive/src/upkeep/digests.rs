//! Digests of files, taken in the background while their bytes are still in the page cache.

use crate::Error;
use crate::availability::Availability;
use crate::files::Tree;
use crate::limits::{BACKGROUND_NICENESS, DIGEST_READ_BYTES, WAITING_DIGESTS};
use crate::report::Counters;
use crate::schedule::Worker;
use catalog::limits::BATCH_OBJECTS;
use catalog::{Catalog, InstanceId, ReceivedObject};
use openssl::sha::Sha256;
use platform::sync::atomic::{AtomicBool, Ordering};
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError};
use rustix::fs::XattrFlags;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;
use storage::{IntentName, Intents};

/// SHA-256.
pub(crate) type Digest = [u8; 32];

/// The extended attribute that has the digest of a file: 32 bytes, so that it has room in an inode of ext4.
pub(crate) const ATTRIBUTE: &str = "user.storescp.sha256";

/// What an intent notes with a file, which nobody needs once it is settled.
const INTENT_ATTRIBUTE: &str = "user.storescp";

/// After which digests are noted with files: their intents are settled by then. Both together do not have room in an inode
/// of ext4.
const NOTE_DELAY: Duration = Duration::from_secs(5);

/// Takes digests in a thread of its own, behind everything else. Of more than [`WAITING_DIGESTS`] that wait, the oldest are
/// forgotten: verification takes those later.
pub struct Digests {
    queue: Arc<Queue>,
    worker: Mutex<Worker>,
}

struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    arrived: Condvar,
    is_ending: AtomicBool,
}

struct Waiting {
    id: InstanceId,
    intent: Option<(Arc<dyn Intents>, IntentName)>,
    directory: PathBuf,
    file: Option<String>,
    size: u64,
}

impl Digests {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(
        catalog: Arc<dyn Catalog>,
        availability: Arc<Availability>,
        counters: Arc<Counters>,
    ) -> Result<Self, Error> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            is_ending: AtomicBool::new(false),
        });
        let taking = Arc::clone(&queue);
        let mut noting: VecDeque<(Instant, Waiting, Digest)> = VecDeque::new();
        let worker = Worker::start("digests", BACKGROUND_NICENESS, move |_| {
            let due = noting.front().map(|(due, ..)| due.saturating_duration_since(Instant::now()));
            let taken = taking.digests_of(taking.take(due), &counters);
            let digests: Vec<_> =
                taken.iter().map(|(waiting, digest)| (waiting.id, *digest)).collect();
            if !digests.is_empty()
                && let Err(error) = catalog.set_digests(&digests)
            {
                availability.failed(&error);
            }
            let due = Instant::now() + NOTE_DELAY;
            noting.extend(taken.into_iter().map(|(waiting, digest)| (due, waiting, digest)));
            while noting.len() > WAITING_DIGESTS
                || noting.front().is_some_and(|(due, ..)| *due <= Instant::now())
            {
                let Some((_, waiting, digest)) = noting.pop_front() else { break };
                waiting.note(&digest);
            }
            Duration::ZERO
        })?;
        Ok(Self { queue, worker: Mutex::new(worker) })
    }

    /// Asks for the digest of an object's file.
    pub fn offer(
        &self,
        id: InstanceId,
        object: &ReceivedObject,
        intent: Option<(Arc<dyn Intents>, IntentName)>,
    ) {
        if object.digest.is_some() {
            return;
        }
        // Of an equal file that was kept, that one's digest, not that of the bytes that came.
        let intent = intent.filter(|_| !object.kept);
        let (directory, file, size) = (object.directory.clone(), object.file.clone(), object.size);
        let mut waiting = self.queue.lock();
        if waiting.len() >= WAITING_DIGESTS {
            waiting.pop_front();
        }
        waiting.push_back(Waiting { id, intent, directory, file, size });
        drop(waiting);
        self.queue.arrived.notify_one();
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// The program ends: what waits is left to verification.
    pub fn finish(&self, deadline: Instant) {
        self.queue.is_ending.store(true, Ordering::Release);
        self.queue.lock().clear();
        self.queue.arrived.notify_all();
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).finish(deadline);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Those of these, as long as the program does not end.
    fn digests_of(&self, some: Vec<Waiting>, counters: &Counters) -> Vec<(Waiting, Digest)> {
        let mut taken = Vec::with_capacity(some.len());
        for waiting in some {
            if self.is_ending() {
                break;
            }
            if let Ok(Some(digest)) = waiting.digest() {
                counters.digests.add(1);
                taken.push((waiting, digest));
            }
        }
        taken
    }

    /// Waits for some, `patience` at most.
    fn take(&self, patience: Option<Duration>) -> Vec<Waiting> {
        let waiting = self.lock();
        let nothing = |it: &mut VecDeque<Waiting>| it.is_empty() && !self.is_ending();
        let mut waiting = match patience {
            None => {
                let waited = self.arrived.wait_while(waiting, nothing);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
            Some(time) => {
                let waited = self.arrived.wait_timeout_while(waiting, time, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let some = waiting.len().min(BATCH_OBJECTS);
        waiting.drain(..some).collect()
    }
}

impl Waiting {
    /// `None` if its file is gone, or another one.
    fn digest(&self) -> io::Result<Option<Digest>> {
        let of_intent = self.intent.as_ref().and_then(|(intents, name)| intents.open(name).ok());
        let file = match (of_intent, &self.file) {
            (Some(file), _) => file,
            (None, Some(file)) => match Tree::open(&self.directory)?.open_file(file)? {
                Some(file) => file,
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        if file.metadata()?.len() != self.size {
            return Ok(None);
        }
        digest_of(&file, &mut |_| true)
    }

    /// Notes the digest with the file, in place of what its intent had noted there.
    fn note(&self, digest: &Digest) {
        let Some(path) = &self.file else { return };
        let opened = Tree::open(&self.directory).and_then(|tree| tree.open_file(path));
        let Ok(Some(file)) = opened else { return };
        if file.metadata().is_ok_and(|it| it.len() == self.size) {
            let _ = rustix::fs::fremovexattr(&file, INTENT_ATTRIBUTE);
            note(&file, digest);
        }
    }
}

/// The digest of a file. `read` is told of the bytes of each piece; `None` once it returns false.
pub(crate) fn digest_of(
    mut file: &File,
    read: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Option<Digest>> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; DIGEST_READ_BYTES]);
    loop {
        let length = match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(hash.finish())),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..length]);
        if !read(length as u64) {
            return Ok(None);
        }
    }
}

/// Notes the digest with the file, where its file system has extended attributes.
pub(crate) fn note(file: &File, digest: &Digest) {
    let _ = rustix::fs::fsetxattr(file, ATTRIBUTE, digest, XattrFlags::empty());
}

/// The digest that was noted with a file.
pub(crate) fn noted(file: &File) -> Option<Digest> {
    let mut digest = [0_u8; 33];
    let length = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut digest[..]).ok()?;
    digest.get(..length)?.try_into().ok()
}

pub(crate) fn hex(digest: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_bytes_and_is_noted_with_them() {
        let scratch = platform::testing::Scratch::new("archive-digest");
        let path = scratch.0.join("file");
        std::fs::write(&path, b"abc").unwrap();
        let file = File::open(&path).unwrap();
        let digest = digest_of(&file, &mut |_| true).unwrap().unwrap();
        // FIPS 180-2, appendix B.1.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&digest), text);
        note(&file, &digest);
        // Where there are no extended attributes, nothing is noted.
        assert!(noted(&file).is_none_or(|noted| noted == digest));
    }
}
