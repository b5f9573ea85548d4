//! What a destination has to be able to do.

use catalog::Delivery;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A kind of destination, with its settings.
pub trait Destination: Send + Sync {
    /// Begins a session: what one thread delivers with. Connects to nothing yet.
    fn open(&self) -> Box<dyn Session>;

    /// How many deliveries a session takes at a time, at most.
    fn batch(&self) -> usize {
        1
    }

    /// How long a session without deliveries is kept before it is dropped. Connections that should close sooner are
    /// closed in [`Session::idle`]; processes that are slow to start may stay longer.
    fn linger(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// What one thread delivers with, and keeps between deliveries: an association, a connection, a process. Dropping it
/// closes that.
pub trait Session: Send {
    /// Delivers these, and tells of each what became of it, by its index, as soon as that is known. Of what is not told
    /// by the return, the engine takes it that its turn did not come. Blocks, but not much longer than `stop` is not
    /// set.
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome));

    /// Nothing is owed for now, since so long: time to close what is open. Called every second or so.
    fn idle(&mut self, since: Duration) {
        let _ = since;
    }
}

/// A delivery, and where the bytes of its object are.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What is to be delivered.
    pub delivery: Delivery,
    /// The file to read the object from: its bytes stay the same until the delivery is settled. `None` of events that are
    /// about no object, or if the file is gone, which `missing` says.
    pub path: Option<PathBuf>,
    /// The file of the object is gone.
    pub missing: bool,
    /// Which receiver it is from: the `source` of the event, see [`event_source`](crate::event_source).
    pub source: Arc<str>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was delivered, and whoever receives it has it for good.
    Done,
    /// It may succeed later; others for this destination may succeed meanwhile.
    Again {
        /// Why it failed, for people.
        reason: String,
        /// How long the destination wants to be left alone with it, if it said so.
        after: Option<Duration>,
    },
    /// The destination as a whole is not ready: nothing else is tried until it is.
    Unreachable {
        /// Why, for people.
        reason: String,
        /// How long it wants to be left alone, if it said so.
        after: Option<Duration>,
    },
    /// It cannot succeed by waiting.
    Park {
        /// Why, for people.
        reason: String,
    },
}

/// Says that a session is to come to its end. Clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets it.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
