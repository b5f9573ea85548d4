//! Locks, atomics, threads and the clock, for the modules whose correctness depends on the order in which
//! threads take turns.
//!
//! They are the standard library's. With the feature `explore` they are those of an explorer, which runs
//! the threads of a test in one order after another, so that orders which no test meets by chance are
//! seen; see `exploration`. A module is explored by importing from here; nothing else in it changes.
//! Statics stay the standard library's: explorations that run side by side would share them.

#[cfg(feature = "explore")]
mod explorer;

#[cfg(feature = "explore")]
pub use explorer::{Condvar, Instant, Mutex, MutexGuard, atomic, rustix, thread};
#[cfg(feature = "explore")]
pub use explorer::{
    Notification, Timers, Wrong, explore_with, notifications, pause, pick, refuse_threads, spoil,
};

#[cfg(not(feature = "explore"))]
pub use ::rustix;
#[cfg(not(feature = "explore"))]
pub use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread,
    time::Instant,
};

pub use std::sync::{Arc, PoisonError, Weak};
