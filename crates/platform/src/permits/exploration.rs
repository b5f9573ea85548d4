//! Never are more places taken than there are, and each comes back.

use crate::exploration::{caught, explore};
use crate::permits::Permits;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Timers, pause, thread};

const MOST: usize = 2;

#[test]
fn there_are_never_more_than_the_bound() {
    explore(Timers::Patient, || {
        let places: &'static Permits = Box::leak(Box::new(Permits::new()));
        by_turns(move || places.take(MOST));
        let again: Vec<_> = std::iter::from_fn(|| places.take(MOST)).collect();
        assert_eq!(again.len(), MOST, "each was given back");
    });
}

#[test]
fn looking_before_taking_is_caught() {
    caught(&["more than there are"], Timers::Patient, || {
        let taken = Arc::new(AtomicUsize::new(0));
        by_turns(move || {
            let before = taken.load(Ordering::SeqCst);
            (before < MOST).then(|| {
                taken.fetch_add(1, Ordering::SeqCst);
                GivesBack(Arc::clone(&taken))
            })
        });
    });
}

/// Threads that each take a place twice, if they get one, hold it for a moment, and give it back.
fn by_turns<P>(take: impl Fn() -> Option<P> + Send + Sync + 'static) {
    let take = Arc::new(take);
    let held = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (take, held) = (Arc::clone(&take), Arc::clone(&held));
            thread::spawn(move || {
                for _ in 0..2 {
                    let Some(place) = take() else { continue };
                    assert!(held.fetch_add(1, Ordering::SeqCst) < MOST, "more than there are");
                    pause();
                    held.fetch_sub(1, Ordering::SeqCst);
                    drop(place);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

struct GivesBack(Arc<AtomicUsize>);

impl Drop for GivesBack {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
