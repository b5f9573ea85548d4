//! No two commits of a name overlap, and none waits for a name for ever.

use crate::FileName;
use crate::directory::names::name_claims::{NameClaim, NameClaims};
use platform::exploration::{ToAll, caught, each_notification_counts, explore};
use platform::sync::{Arc, Condvar, Mutex, Timers, pause, thread};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn two_commits_of_a_name_never_overlap() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, || claim_by_turns(&[(0, None), (0, None), (1, None), (1, None)]));
        explore(timers, || claim_by_turns(&[(0, Some(1)), (1, None), (0, None), (0, Some(1))]));
    }
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("name_claims/mod.rs", &ToAll::NeededBut(0), || {
        claim_by_turns(&[(0, Some(1)), (1, None), (0, None)]);
    });
}

/// What renames, claims two names: in the order of the names.
#[test]
fn two_names_in_either_order_are_caught() {
    caught(&["deadlock"], Timers::Patient, || claim_by_turns(&[(0, Some(1)), (1, Some(0))]));
}

#[test]
fn looking_outside_of_the_lock_is_caught() {
    caught(&["two commits"], Timers::Patient, || {
        let (claims, holders) = (Arc::new(HastyClaims::default()), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (claims, holders) = (Arc::clone(&claims), Arc::clone(&holders));
                thread::spawn(move || {
                    claims.claim();
                    hold(&holders);
                    claims.release();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A thread for each of `commits`: it claims its first name, then its second, if it has one; and again.
fn claim_by_turns(commits: &'static [(usize, Option<usize>)]) {
    let claims = Arc::new(NameClaims::default());
    let holders = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let threads: Vec<_> = commits
        .iter()
        .map(|&(first, second)| {
            let (claims, holders) = (Arc::clone(&claims), Arc::clone(&holders));
            thread::spawn(move || {
                for _ in 0..2 {
                    let _first = claim(&claims, first);
                    let _second = second.map(|second| claim(&claims, second));
                    hold(&holders[first]);
                    if let Some(second) = second {
                        hold(&holders[second]);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn claim(claims: &Arc<NameClaims>, name: usize) -> NameClaim {
    claims.claim(&FileName::new(format!("CT.{name}")).unwrap())
}

/// What only one at a time may do.
fn hold(holders: &AtomicUsize) {
    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two commits of a name at a time");
    pause();
    holders.fetch_sub(1, Ordering::SeqCst);
}

/// Looks whether the name is free, and takes it a moment later.
#[derive(Default)]
struct HastyClaims {
    names: Mutex<HashSet<u8>>,
    released: Condvar,
}

impl HastyClaims {
    fn claim(&self) {
        let mut names = self.names.lock().unwrap();
        while names.contains(&0) {
            names = self.released.wait(names).unwrap();
        }
        drop(names);
        self.names.lock().unwrap().insert(0);
    }

    fn release(&self) {
        self.names.lock().unwrap().remove(&0);
        self.released.notify_all();
    }
}
