//! Digests of files, taken in the background while their bytes are still in the page cache.

use crate::Error;
use crate::availability::Availability;
use crate::files::Tree;
use crate::limits::{
    BACKGROUND_NICENESS, DEFERRED_DIGEST_BYTES, DIGEST_READ_BYTES, WAITING_DIGESTS,
};
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

/// Nothing has come for so long when digests are taken: reception goes first.
const CALM: Duration = Duration::from_millis(100);

/// How long a digest waits for that at most.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(10);

/// Digests that are taken before it is looked again whether objects come.
const DIGESTS_AT_A_TIME: usize = 16;

/// How long the catalogue waits for digests at most, so that many are written at once.
const WRITE_DELAY: Duration = Duration::from_millis(500);

/// Takes digests in a thread of its own, behind everything else. Of more than [`WAITING_DIGESTS`] that wait, the oldest are
/// forgotten: verification takes those later.
pub struct Digests {
    queue: Arc<Queue>,
    worker: Mutex<Worker>,
}

struct Queue {
    backlog: Mutex<Backlog>,
    arrived: Condvar,
    is_ending: AtomicBool,
}

/// What waits.
struct Backlog {
    waiting: VecDeque<Waiting>,
    /// Bytes of the files.
    bytes: u64,
    /// When the latest came.
    latest: Instant,
}

struct Waiting {
    id: InstanceId,
    intent: Option<(Arc<dyn Intents>, IntentName)>,
    directory: PathBuf,
    file: Option<String>,
    size: u64,
    /// When it came.
    since: Instant,
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
            backlog: Mutex::new(Backlog {
                waiting: VecDeque::new(),
                bytes: 0,
                latest: Instant::now(),
            }),
            arrived: Condvar::new(),
            is_ending: AtomicBool::new(false),
        });
        let mut taking = Taking {
            queue: Arc::clone(&queue),
            catalog,
            availability,
            counters,
            buffer: vec![0; DIGEST_READ_BYTES],
            unwritten: Vec::new(),
            since: Instant::now(),
            noting: VecDeque::new(),
        };
        let worker = Worker::start("digests", BACKGROUND_NICENESS, move |_| {
            taking.step();
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
        let mut backlog = self.queue.lock();
        if backlog.waiting.len() >= WAITING_DIGESTS {
            backlog.pop();
        }
        let was_calm = backlog.waiting.is_empty();
        backlog.push(Waiting { id, intent, directory, file, size, since: Instant::now() });
        let is_wanted = was_calm || backlog.is_much();
        drop(backlog);
        if is_wanted {
            self.queue.arrived.notify_one();
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting.len()
    }

    /// The program ends: what waits is left to verification.
    pub fn finish(&self, deadline: Instant) {
        self.queue.is_ending.store(true, Ordering::Release);
        self.queue.lock().waiting.clear();
        self.queue.arrived.notify_all();
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).finish(deadline);
    }
}

/// What the thread knows from one step to the next.
struct Taking {
    queue: Arc<Queue>,
    catalog: Arc<dyn Catalog>,
    availability: Arc<Availability>,
    counters: Arc<Counters>,
    buffer: Vec<u8>,
    /// Digests that the catalogue does not have yet.
    unwritten: Vec<(InstanceId, Digest)>,
    /// When the first of these was taken.
    since: Instant,
    /// Digests to be noted with their files, and when.
    noting: VecDeque<(Instant, Waiting, Digest)>,
}

impl Taking {
    fn step(&mut self) {
        for waiting in self.queue.take(self.patience()) {
            if self.queue.is_ending() {
                break;
            }
            if let Ok(Some(digest)) = waiting.digest(&mut self.buffer) {
                self.counters.digests.add(1);
                if self.unwritten.is_empty() {
                    self.since = Instant::now();
                }
                self.unwritten.push((waiting.id, digest));
                self.noting.push_back((Instant::now() + NOTE_DELAY, waiting, digest));
            }
        }
        if self.unwritten.len() >= BATCH_OBJECTS
            || self.since.elapsed() >= WRITE_DELAY
            || self.queue.is_ending()
        {
            self.write();
        }
        let is_due = |(due, ..): &(Instant, Waiting, Digest)| *due <= Instant::now();
        while self.noting.len() > WAITING_DIGESTS || self.noting.front().is_some_and(is_due) {
            let Some((_, waiting, digest)) = self.noting.pop_front() else { break };
            waiting.note(&digest);
        }
    }

    /// How long may be waited for more; `None` if there is nothing else to do.
    fn patience(&self) -> Option<Duration> {
        let noting = self.noting.front().map(|(due, ..)| *due);
        let writing = (!self.unwritten.is_empty()).then(|| self.since + WRITE_DELAY);
        let due = noting.into_iter().chain(writing).min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    fn write(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        if let Err(error) = self.catalog.set_digests(&self.unwritten) {
            self.availability.failed(&error);
        }
        self.unwritten.clear();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Waits for some, `patience` at most: until objects have stopped coming for a moment, or much waits, or long.
    fn take(&self, patience: Option<Duration>) -> Vec<Waiting> {
        let until = patience.map(|time| Instant::now() + time);
        let mut backlog = self.lock();
        while !self.is_ending() {
            let now = Instant::now();
            let calm = backlog.calm_at();
            if calm.is_some_and(|calm| calm <= now) {
                let some = backlog.waiting.len().min(DIGESTS_AT_A_TIME);
                return (0..some).filter_map(|_| backlog.pop()).collect();
            }
            if until.is_some_and(|until| until <= now) {
                break;
            }
            backlog = match calm.into_iter().chain(until).min() {
                Some(next) => {
                    let waited = self.arrived.wait_timeout(backlog, next - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.arrived.wait(backlog).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Vec::new()
    }
}

impl Backlog {
    fn push(&mut self, waiting: Waiting) {
        self.bytes = self.bytes.saturating_add(waiting.size);
        self.latest = waiting.since;
        self.waiting.push_back(waiting);
    }

    fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(waiting.size);
        Some(waiting)
    }

    fn is_much(&self) -> bool {
        self.bytes > DEFERRED_DIGEST_BYTES || self.waiting.len() > WAITING_DIGESTS / 2
    }

    /// When digests may be taken; `None` if nothing waits.
    fn calm_at(&self) -> Option<Instant> {
        let oldest = self.waiting.front()?.since;
        let is_much = self.is_much();
        Some(if is_much { oldest } else { (self.latest + CALM).min(oldest + LONGEST_DEFERRAL) })
    }
}

impl Waiting {
    /// `None` if its file is gone, or another one.
    fn digest(&self, buffer: &mut [u8]) -> io::Result<Option<Digest>> {
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
        let mut go_on = |_| {
            // Threads that receive go first, even where the kernel would not preempt this one.
            std::thread::yield_now();
            true
        };
        digest_of(&file, buffer, &mut go_on)
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

/// The digest of a file, read in pieces of the size of `buffer`. `read` is told of the bytes of each piece; `None` once it
/// returns false.
pub(crate) fn digest_of(
    mut file: &File,
    buffer: &mut [u8],
    read: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Option<Digest>> {
    let mut hash = Sha256::new();
    loop {
        let length = match file.read(buffer) {
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
        let digest = digest_of(&file, &mut [0; 2], &mut |_| true).unwrap().unwrap();
        // FIPS 180-2, appendix B.1.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&digest), text);
        note(&file, &digest);
        // Where there are no extended attributes, nothing is noted.
        assert!(noted(&file).is_none_or(|noted| noted == digest));
    }

    #[test]
    fn digests_wait_for_a_calm_moment_but_not_for_long() {
        let mut backlog = Backlog { waiting: VecDeque::new(), bytes: 0, latest: Instant::now() };
        assert_eq!(backlog.calm_at(), None);
        let begin = Instant::now();
        let waiting = |id, size, since| Waiting {
            id: InstanceId(id),
            intent: None,
            directory: PathBuf::new(),
            file: None,
            size,
            since,
        };
        backlog.push(waiting(1, 10, begin));
        assert_eq!(backlog.calm_at(), Some(begin + CALM));
        backlog.push(waiting(2, 10, begin + CALM / 2));
        assert_eq!(backlog.calm_at(), Some(begin + CALM / 2 + CALM), "objects still come");
        backlog.push(waiting(3, 10, begin + 2 * LONGEST_DEFERRAL));
        assert_eq!(backlog.calm_at(), Some(begin + LONGEST_DEFERRAL), "the first waits for long");
        backlog.push(waiting(4, DEFERRED_DIGEST_BYTES, begin + 2 * LONGEST_DEFERRAL));
        assert_eq!(backlog.calm_at(), Some(begin), "much waits");
        for left in [3, 2, 1, 0] {
            backlog.pop().unwrap();
            assert_eq!(backlog.waiting.len(), left);
        }
        assert_eq!((backlog.bytes, backlog.calm_at()), (0, None));
    }
}
