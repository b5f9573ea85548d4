//! Whatever writers and readers do at a time, what a reader sees is in order and there once, and the latest entries stay.

use super::{Entry, Ring};
use platform::exploration::{caught, explore};
use platform::sync::atomic::Ordering;
use platform::sync::{Arc, Timers, thread};

const WRITERS: u32 = 2;
const EACH: u32 = 3;

type Push = fn(&Ring<(u32, u32)>, (u32, u32)) -> u64;

#[test]
fn readers_see_the_latest_entries_in_order() {
    explore(Timers::Patient, || work(WRITERS as usize * EACH as usize, Ring::push));
    // They go round, and overtake each other.
    explore(Timers::Patient, || work(1, Ring::push));
}

/// Writers that use a slot whatever is in it put older entries in place of newer ones.
#[test]
fn writers_that_overwrite_newer_entries_are_caught() {
    caught(&["is lost"], Timers::Patient, || work(1, overwrite));
}

fn overwrite(ring: &Ring<(u32, u32)>, value: (u32, u32)) -> u64 {
    let key = ring.next.fetch_add(1, Ordering::Relaxed);
    let mut slot = ring.slot(key).lock().unwrap();
    *slot = Some(Entry { key, value: Arc::new(value) });
    key
}

fn work(capacity: usize, push: Push) {
    let ring = Arc::new(Ring::new(capacity));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                (0..EACH).map(|count| push(&ring, (writer, count))).collect::<Vec<u64>>()
            })
        })
        .collect();
    let reader = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || (0..2).for_each(|_| check(&ring.latest(None, 100, |_| true))))
    };
    let keys: Vec<u64> = writers.into_iter().flat_map(|it| it.join().unwrap()).collect();
    reader.join().unwrap();
    check(&ring.latest(None, 100, |_| true));
    let next = ring.next.load(Ordering::Relaxed);
    for key in keys.into_iter().filter(|key| key + ring.slots.len() as u64 >= next) {
        assert!(ring.get(key).is_some(), "{key} of {next} is lost");
    }
}

/// In order, and each writer's too.
fn check(entries: &[Entry<(u32, u32)>]) {
    assert!(entries.is_sorted_by(|one, next| one.key > next.key), "not in order: {entries:?}");
    for writer in 0..WRITERS {
        let of_writer = entries.iter().filter(|entry| entry.value.0 == writer);
        let counts: Vec<u32> = of_writer.map(|entry| entry.value.1).collect();
        assert!(counts.is_sorted_by(|one, next| one > next), "twice or not in order: {entries:?}");
    }
}
