//! The connections that there are, how many there may be, and which one makes room for another.

use crate::limits::ANSWER_GRACE;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    next: u64,
    by_number: HashMap<u64, Slot>,
}

#[derive(Debug)]
struct Slot {
    phase: Phase,
    since: Instant,
    task: Option<AbortHandle>,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has not sent a whole request yet.
    Waiting,
    /// A request of it is worked on.
    Working,
    /// Its answer was made and is being sent, or it waits for another request.
    Answered,
}

impl Connections {
    /// For at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), slots: Mutex::default() }
    }

    /// A place for a new connection. Where there is none, the connection that has been without a request for the
    /// longest time is ended for it; where all have one, the result is `None`.
    pub(super) async fn place(self: &Arc<Self>) -> Option<Place> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(self.enter(permit));
        }
        if !self.end_the_idlest() {
            return None;
        }
        // Its task ends as soon as a thread comes to it.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(self.enter(permit))
    }

    /// Whether any request is worked on.
    pub(super) fn are_working(&self) -> bool {
        self.slots().by_number.values().any(|slot| slot.phase == Phase::Working)
    }

    fn enter(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let mut slots = self.slots();
        let number = slots.next;
        slots.next += 1;
        let slot = Slot { phase: Phase::Waiting, since: Instant::now(), task: None };
        slots.by_number.insert(number, slot);
        Place { connections: Arc::clone(self), number, _permit: permit }
    }

    fn end_the_idlest(&self) -> bool {
        let mut slots = self.slots();
        let now = Instant::now();
        let idle = slots.by_number.iter().filter(|(_, slot)| match slot.phase {
            Phase::Waiting => true,
            Phase::Working => false,
            Phase::Answered => now.duration_since(slot.since) >= ANSWER_GRACE,
        });
        let idlest =
            idle.filter(|(_, slot)| slot.task.is_some()).min_by_key(|(_, slot)| slot.since);
        let Some(number) = idlest.map(|(number, _)| *number) else { return false };
        let slot = slots.by_number.remove(&number);
        if let Some(task) = slot.and_then(|slot| slot.task) {
            task.abort();
        }
        true
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// What says so of the connection, from other tasks.
    pub(super) fn activity(&self) -> Activity {
        Activity { connections: Arc::clone(&self.connections), number: self.number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.slots().by_number.remove(&self.number);
    }
}

/// What a connection is doing, as its own task and the routes say.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    connections: Arc<Connections>,
    number: u64,
}

impl Activity {
    /// This task serves it.
    pub(super) fn served_by(&self, task: AbortHandle) {
        if let Some(slot) = self.connections.slots().by_number.get_mut(&self.number) {
            slot.task = Some(task);
        }
    }

    /// A request is there, whole. Until the result is dropped, the connection is left alone.
    pub(super) fn work(&self) -> Working {
        self.set(Phase::Working);
        Working(self.clone())
    }

    fn set(&self, phase: Phase) {
        if let Some(slot) = self.connections.slots().by_number.get_mut(&self.number) {
            slot.phase = phase;
            slot.since = Instant::now();
        }
    }
}

/// A request is worked on.
#[derive(Debug)]
pub(super) struct Working(Activity);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.set(Phase::Answered);
    }
}
