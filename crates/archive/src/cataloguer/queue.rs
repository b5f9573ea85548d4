//! What waits in memory to be taken in.

use super::{Arrival, Happening};
use crate::limits::{BATCH_EVENTS, LONGEST_WAIT, WAITING_BYTES, WAITING_EVENTS, WAITING_OBJECTS};
use crate::report::Counters;
use catalog::limits::BATCH_OBJECTS;
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// A bounded queue of objects and of what else happened. Who brings an object waits while it is full and is being drained; while it is
/// not, the object is let go, since its intent is on disk.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something waits, or the end has come.
    arrived: Condvar,
    /// A whole batch waits.
    full: Condvar,
    /// There is room, or none to be expected.
    room: Condvar,
    counters: Arc<Counters>,
}

struct State {
    objects: VecDeque<(Arrival, SystemTime)>,
    bytes: usize,
    happenings: VecDeque<Happening>,
    /// When the oldest object of the batch that is being taken in was brought.
    under_way: Option<SystemTime>,
    /// When the batch that is being taken in was begun; `None` if none is.
    begun: Option<Instant>,
    /// The catalogue takes nothing in at the moment.
    is_stuck: bool,
    /// Since when those who bring objects wait, once that was said.
    slow: Option<Instant>,
    /// Objects were let go, whose intents are to be read.
    has_let_go: bool,
    is_ending: bool,
}

/// What is taken in together.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) objects: Vec<(Arrival, SystemTime)>,
    pub(super) happenings: Vec<Happening>,
}

impl Taken {
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.happenings.is_empty()
    }
}

impl Queue {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        let state = State {
            objects: VecDeque::new(),
            bytes: 0,
            happenings: VecDeque::new(),
            under_way: None,
            begun: None,
            is_stuck: false,
            slow: None,
            has_let_go: false,
            is_ending: false,
        };
        let [arrived, full, room] = [const { Condvar::new() }; 3];
        Self { state: Mutex::new(state), arrived, full, room, counters }
    }

    /// Brings an object. `now` is the time by which studies end.
    pub(super) fn push(&self, arrival: Arrival, now: SystemTime) {
        let weight = arrival.weight();
        let mut state = self.lock();
        let mut has_waited = false;
        while !state.has_room(weight) {
            if state.is_hopeless() {
                state.has_let_go = true;
                return;
            }
            if !has_waited {
                has_waited = true;
                self.counters.waits.add(1);
                state.tell_slow();
            }
            let waited = self.room.wait_timeout(state, LONGEST_WAIT / 8);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let was_empty = state.is_empty();
        state.bytes += weight;
        state.objects.push_back((arrival, now));
        let is_full = state.objects.len() == BATCH_OBJECTS;
        drop(state);
        // Not for each object: a wake-up costs more than all else here.
        if was_empty {
            self.arrived.notify_one();
        }
        if is_full {
            self.full.notify_one();
        }
    }

    /// Brings something else, or drops and counts it if there is no room. Never waits.
    pub(super) fn push_happening(&self, happening: Happening) {
        let mut state = self.lock();
        if state.happenings.len() >= WAITING_EVENTS {
            self.counters.dropped_events.add(1);
            return;
        }
        let was_empty = state.is_empty();
        state.happenings.push_back(happening);
        drop(state);
        if was_empty {
            self.arrived.notify_one();
        }
    }

    /// Waits for something to come, `patience` at most (`None`: as long as it takes), and then for more of it, `gather` at
    /// most. Empty if nothing came, or at the end.
    pub(super) fn take(&self, patience: Option<Duration>, gather: Duration) -> Taken {
        let mut state = self.lock();
        let nothing = |it: &mut State| it.is_empty() && !it.is_ending;
        state = match patience {
            None => {
                let waited = self.arrived.wait_while(state, nothing);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
            Some(time) => {
                let waited = self.arrived.wait_timeout_while(state, time, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let few = |it: &mut State| it.objects.len() < BATCH_OBJECTS && !it.is_ending;
        if !state.is_empty() {
            let waited = self.full.wait_timeout_while(state, gather, few);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let objects = state.objects.len().min(BATCH_OBJECTS);
        let happenings = state.happenings.len().min(BATCH_EVENTS);
        let taken = Taken {
            objects: state.objects.drain(..objects).collect(),
            happenings: state.happenings.drain(..happenings).collect(),
        };
        state.bytes -= taken.objects.iter().map(|(it, _)| it.weight()).sum::<usize>();
        state.under_way = taken.objects.first().map(|&(_, since)| since);
        state.begun = (!taken.is_empty()).then(Instant::now);
        taken
    }

    /// What was taken last is in, or was dealt with otherwise.
    pub(super) fn done(&self) {
        let mut state = self.lock();
        state.under_way = None;
        state.begun = None;
        state.is_stuck = false;
        state.tell_caught_up();
        drop(state);
        self.room.notify_all();
    }

    /// What was taken could not be taken in: it is first again. Nobody waits for room until something is.
    pub(super) fn put_back(&self, taken: Taken) {
        let mut state = self.lock();
        state.bytes += taken.objects.iter().map(|(it, _)| it.weight()).sum::<usize>();
        for object in taken.objects.into_iter().rev() {
            state.objects.push_front(object);
        }
        for happening in taken.happenings.into_iter().rev() {
            state.happenings.push_front(happening);
        }
        state.under_way = None;
        state.begun = None;
        state.is_stuck = true;
        drop(state);
        self.room.notify_all();
    }

    /// Whether objects were let go since the last call.
    pub(super) fn has_let_go(&self) -> bool {
        std::mem::take(&mut self.lock().has_let_go)
    }

    /// Nobody waits for room any more.
    pub(super) fn end(&self) {
        self.lock().is_ending = true;
        self.arrived.notify_all();
        self.full.notify_all();
        self.room.notify_all();
    }

    pub(super) fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    /// How many objects wait.
    pub(super) fn len(&self) -> usize {
        self.lock().objects.len()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Everything that was brought before this time is in; `None` if everything is.
    pub(super) fn watermark(&self) -> Option<SystemTime> {
        let state = self.lock();
        state.under_way.or(state.objects.front().map(|&(_, since)| since))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.happenings.is_empty()
    }

    fn has_room(&self, weight: usize) -> bool {
        let is_first = self.objects.is_empty();
        is_first || self.objects.len() < WAITING_OBJECTS && self.bytes + weight <= WAITING_BYTES
    }

    /// Whether there will be no room soon.
    fn is_hopeless(&self) -> bool {
        let is_long = self.begun.is_some_and(|begun| begun.elapsed() >= LONGEST_WAIT);
        self.is_stuck || self.is_ending || is_long
    }

    fn tell_slow(&mut self) {
        if self.slow.is_none() {
            self.slow = Some(Instant::now());
            tracing::warn!(
                "the catalogue is slower than reception: {} objects wait to be taken in (the limit is {WAITING_OBJECTS} \
                 objects or {} MiB), and senders wait for it until it has caught up",
                self.objects.len(),
                WAITING_BYTES / (1024 * 1024)
            );
        }
    }

    fn tell_caught_up(&mut self) {
        if self.objects.len() <= WAITING_OBJECTS / 2
            && let Some(since) = self.slow.take()
        {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(
                "the catalogue has caught up after {seconds:.1} s: senders do not wait for it any more"
            );
        }
    }
}
