//! Deliveries: what is owed to one destination for one event.
//!
//! ```text
//!   waiting ──lease──► leased ──► done
//!      ▲                 │ ├────► waiting, again at a time
//!      │                 │ └────► parked, with a reason      (an operator: retry ──► waiting, drop ──► dropped)
//!      └── the lease runs out, or its owner starts anew ──┘
//! ```

use crate::{Event, StoredInstance};
use std::time::{Duration, SystemTime};

/// The key of a delivery in the catalogue; later ones have greater keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It waits, until its time has come or its destination is ready.
    Waiting,
    /// Somebody is at it, until a time at most.
    Leased,
    /// It was delivered.
    Done,
    /// It cannot succeed by waiting: an operator decides.
    Parked,
    /// An operator has given it up.
    Dropped,
}

/// Which deliveries are leased first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeaseOrder {
    /// By the time at which they became due: when they were made, or when another attempt may be made. So others
    /// overtake those that wait for another attempt.
    #[default]
    None,
    /// Of each study the oldest, and no other of that study until it is done, parked or dropped; the studies that came
    /// first are served first. Several of one study may be in one lease, in their order: whoever delivers them stops at
    /// the first that fails.
    Study,
}

/// What is asked of [`Catalog::lease`](crate::Catalog::lease).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of this destination.
    pub destination: String,
    /// At most so many.
    pub most: usize,
    /// In which order.
    pub order: LeaseOrder,
    /// Who delivers them: the name of this process's run, so that others know whose they are.
    pub owner: String,
    /// The time now: leases that have run out, and attempts whose time has come, count as waiting.
    pub now: SystemTime,
    /// How long they are leased.
    pub duration: Duration,
}

/// A delivery that was leased, with all that is needed to deliver it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its key.
    pub id: DeliveryId,
    /// To whom.
    pub destination: String,
    /// What for.
    pub event: Event,
    /// The object, of [`EventKind::ObjectStored`](crate::EventKind::ObjectStored).
    pub instance: Option<StoredInstance>,
    /// The study that it is about, if any: by which deliveries are ordered.
    pub study: Option<String>,
    /// Attempts before this one.
    pub attempts: u32,
    /// When it was made.
    pub since: SystemTime,
}

/// What became of a delivery that was leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which.
    pub id: DeliveryId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was delivered.
    Done,
    /// It is tried again, at this time at the earliest.
    Again {
        /// When.
        at: SystemTime,
        /// Why, for people.
        reason: String,
        /// Whether it counts as an attempt: false if its turn did not come, e.g. since the program ends.
        attempted: bool,
    },
    /// It cannot succeed by waiting.
    Park {
        /// Why, for people.
        reason: String,
    },
}

/// How many deliveries of a destination there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationCounts {
    /// Its name.
    pub destination: String,
    /// Those that wait or are leased.
    pub waiting: u64,
    /// The bytes of their objects.
    pub waiting_bytes: u64,
    /// When the oldest of those was made.
    pub oldest: Option<SystemTime>,
    /// Those that are parked.
    pub parked: u64,
    /// Whether an operator has paused it: nothing is leased.
    pub paused: bool,
}
