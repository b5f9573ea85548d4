//! Never do more threads than may change the names of a folder at a time, and whoever waits gets a turn.

use crate::directory::names::turns::Turns;
use crate::limits::NAMING_TURNS;
use platform::exploration::{ToAll, caught, each_notification_counts, explore};
use platform::sync::{Arc, Condvar, Mutex, Timers, pause, thread};
use std::sync::atomic::{AtomicUsize, Ordering};

const THREADS: usize = NAMING_TURNS + 2;

#[test]
fn few_at_a_time_and_everybody_in_the_end() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, by_turns::<Turns>);
    }
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("turns/mod.rs", &ToAll::NeededBut(0), by_turns::<Turns>);
}

#[test]
fn looking_before_taking_is_caught() {
    caught(&["too many at a time"], Timers::Patient, by_turns::<WrongTurns<LOOKS_BEFORE_TAKING>>);
}

#[test]
fn waiting_without_looking_again_is_caught() {
    caught(&["deadlock"], Timers::Patient, by_turns::<WrongTurns<WAITS_WITHOUT_LOOKING>>);
}

/// Threads that each have two turns.
fn by_turns<T: TakesTurns>() {
    let (turns, having) = (Arc::new(T::default()), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (turns, having) = (Arc::clone(&turns), Arc::clone(&having));
            thread::spawn(move || {
                for _ in 0..2 {
                    turns.with_turn(|| {
                        let before = having.fetch_add(1, Ordering::SeqCst);
                        assert!(before < NAMING_TURNS, "too many at a time");
                        pause();
                        having.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

trait TakesTurns: Default + Send + Sync + 'static {
    fn with_turn(&self, change: impl FnOnce());
}

impl TakesTurns for Turns {
    fn with_turn(&self, change: impl FnOnce()) {
        let _turn = self.take();
        change();
    }
}

const LOOKS_BEFORE_TAKING: u8 = 0;
const WAITS_WITHOUT_LOOKING: u8 = 1;

/// Plain ones, wrong in one way or another.
#[derive(Default)]
struct WrongTurns<const WRONG: u8> {
    taken: Mutex<usize>,
    ended: Condvar,
}

impl<const WRONG: u8> TakesTurns for WrongTurns<WRONG> {
    fn with_turn(&self, change: impl FnOnce()) {
        let mut taken = self.taken.lock().unwrap();
        while *taken == NAMING_TURNS {
            if WRONG == WAITS_WITHOUT_LOOKING {
                drop(taken);
                taken = self.taken.lock().unwrap();
                taken = self.ended.wait(taken).unwrap();
            } else {
                taken = self.ended.wait(taken).unwrap();
            }
        }
        if WRONG == LOOKS_BEFORE_TAKING {
            drop(taken);
            taken = self.taken.lock().unwrap();
        }
        *taken += 1;
        drop(taken);
        change();
        *self.taken.lock().unwrap() -= 1;
        self.ended.notify_one();
    }
}
