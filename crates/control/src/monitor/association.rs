//! An association as it is remembered: what was agreed on, how far it is, how it ended.

use super::contexts::Contexts;
use super::text;
use crate::limits::{ASSOCIATION_REST_BYTES, LEFT_BEHIND_BYTES, RULE_BYTES};
use dataset::Uid;
use receiver::{Accepted, Peer, Summary, TlsSession};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is known of an association from its beginning on.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) peer: Peer,
    pub(crate) since: SystemTime,
    /// The rule of the settings that decided; `None` if none did.
    pub(crate) rule: Option<Box<str>>,
    pub(crate) tls: Option<TlsSession>,
    pub(crate) implementation_class_uid: Option<Uid>,
    pub(crate) implementation_version_name: Option<Box<str>>,
    /// What the peer accepts, 0 for any length.
    pub(crate) max_pdu_bytes: u32,
    pub(crate) contexts: Contexts,
}

/// An association that is being served. Only its own thread writes.
#[derive(Debug)]
pub(crate) struct Live {
    facts: Mutex<Option<Arc<Facts>>>,
    /// Odd while the numbers below are being changed.
    version: AtomicU64,
    objects: AtomicU64,
    objects_refused: AtomicU64,
    requests_refused: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds since 1970.
    last_activity: AtomicU64,
    is_receiving: AtomicBool,
}

/// How far an association is: numbers of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Objects that were stored, or received to be dropped.
    pub(crate) objects: u64,
    pub(crate) objects_refused: u64,
    /// Requests that were refused and named no object.
    pub(crate) requests_refused: u64,
    /// Bytes of data sets that have come.
    pub(crate) bytes: u64,
    pub(crate) last_activity: SystemTime,
    /// A data set is coming in.
    pub(crate) is_receiving: bool,
}

/// An association that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if its beginning was not seen.
    pub(crate) facts: Option<Arc<Facts>>,
    pub(crate) summary: Summary,
    pub(crate) at: SystemTime,
    pub(crate) requests_refused: u64,
}

const _: () = assert!(
    size_of::<Facts>() + size_of::<Ended>() + RULE_BYTES + 16 + 4 * 16 <= ASSOCIATION_REST_BYTES
);
const _: () = assert!(32 * (size_of::<Live>() + 64) <= LEFT_BEHIND_BYTES);

impl Facts {
    pub(crate) fn new(accepted: &Accepted<'_>, rule: Option<&str>) -> Self {
        let user = &accepted.proposal.user_information;
        let version_name = user.implementation_version_name.as_ref().map(ToString::to_string);
        Self {
            peer: *accepted.peer,
            since: SystemTime::now(),
            rule: rule.map(|rule| text::bounded(rule, RULE_BYTES)),
            tls: accepted.tls,
            implementation_class_uid: user.implementation_class_uid,
            implementation_version_name: version_name.map(|name| text::bounded(&name, 64)),
            max_pdu_bytes: user.max_pdu_bytes.unwrap_or(0),
            contexts: Contexts::new(accepted.proposal, accepted.acceptance),
        }
    }
}

impl Live {
    pub(crate) fn new(facts: Arc<Facts>) -> Self {
        Self {
            last_activity: AtomicU64::new(milliseconds(facts.since)),
            facts: Mutex::new(Some(facts)),
            version: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            objects_refused: AtomicU64::new(0),
            requests_refused: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            is_receiving: AtomicBool::new(false),
        }
    }

    /// What was agreed on; `None` if it has ended.
    pub(crate) fn facts(&self) -> Option<Arc<Facts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It has ended: returns what was agreed on, and holds it no more, unless a reader copies it right now.
    pub(crate) fn end(&self) -> Option<Arc<Facts>> {
        self.facts.try_lock().ok()?.take()
    }

    /// So many more bytes of a data set have come, of which more will come unless `is_last`.
    pub(crate) fn received(&self, bytes: u64, is_last: bool) {
        self.change(|live| {
            add(&live.bytes, bytes);
            live.is_receiving.store(!is_last, Ordering::Relaxed);
        });
    }

    pub(crate) fn stored(&self) {
        self.change(|live| add(&live.objects, 1));
    }

    pub(crate) fn object_refused(&self) {
        self.change(|live| add(&live.objects_refused, 1));
    }

    pub(crate) fn request_refused(&self) {
        self.change(|live| add(&live.requests_refused, 1));
    }

    /// For the association's own thread.
    pub(crate) fn requests_refused(&self) -> u64 {
        self.requests_refused.load(Ordering::Relaxed)
    }

    /// Numbers that belong together. Waits while its thread is between two of them: a few nanoseconds, or, if the system
    /// has put that thread to sleep just there, until it runs again. After 0.2 s they may differ by the last object.
    pub(crate) fn progress(&self) -> Progress {
        const ATTEMPTS: usize = 2000;
        const WITHOUT_SLEEP: usize = 100;
        const SLEEP: Duration = Duration::from_micros(100);
        for attempt in 0..ATTEMPTS {
            let version = self.version.load(Ordering::Acquire);
            let progress = self.read();
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return progress;
            }
            if attempt < WITHOUT_SLEEP {
                std::hint::spin_loop();
            } else {
                std::thread::sleep(SLEEP);
            }
        }
        self.read()
    }

    fn read(&self) -> Progress {
        Progress {
            objects: self.objects.load(Ordering::Relaxed),
            objects_refused: self.objects_refused.load(Ordering::Relaxed),
            requests_refused: self.requests_refused.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            last_activity: UNIX_EPOCH
                + Duration::from_millis(self.last_activity.load(Ordering::Relaxed)),
            is_receiving: self.is_receiving.load(Ordering::Relaxed),
        }
    }

    fn change(&self, change: impl FnOnce(&Self)) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        change(self);
        self.last_activity.store(milliseconds(SystemTime::now()), Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }
}

/// For a number that one thread alone changes.
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
