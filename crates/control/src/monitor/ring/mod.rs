//! The last entries of something that many threads report. Writers wait for nobody.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::limits::{SLOT_BYTES, slots};
use platform::sync::atomic::{AtomicU64, Ordering};
use platform::sync::{Arc, Mutex, PoisonError};
use std::sync::TryLockError;

/// Keeps the last entries, each under a key that grows.
///
/// A writer takes the next key and the slot that belongs to it. It only *tries* to lock that slot: while a reader
/// copies its reference, the writer passes over the key and takes the next one. So a writer never waits, not even for a
/// reader that the system has put to sleep in the middle. An entry stays until as many keys have been given after its own
/// as there are slots.
///
/// Memory: [`slots`] of [`SLOT_BYTES`], and the entries.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    slots: Box<[Slot<T>]>,
    capacity: u64,
    next: AtomicU64,
}

type Slot<T> = Mutex<Option<Entry<T>>>;

const _: () = assert!(size_of::<std::sync::Mutex<Option<Entry<u8>>>>() <= SLOT_BYTES);

/// An entry of a [`Ring`].
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// Grows from entry to entry, from 1 on, with gaps.
    pub(crate) key: u64,
    /// What was pushed.
    pub(crate) value: Arc<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { key: self.key, value: Arc::clone(&self.value) }
    }
}

impl<T> Ring<T> {
    /// For the last so many entries, at least 1.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let slots = (0..slots(capacity)).map(|_| Mutex::new(None)).collect();
        Self { slots, capacity: capacity as u64, next: AtomicU64::new(1) }
    }

    /// Adds an entry in place of the oldest one; returns its key, 0 if so many others were faster that it is none of the
    /// last ones any more.
    pub(crate) fn push(&self, value: T) -> u64 {
        let value = Arc::new(value);
        loop {
            let key = self.next.fetch_add(1, Ordering::Relaxed);
            let mut slot = match self.slot(key).try_lock() {
                Ok(slot) => slot,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            // True if this thread slept from its key until now, and others have gone round.
            if slot.as_ref().is_some_and(|other| other.key > key) {
                return 0;
            }
            let oldest = slot.replace(Entry { key, value });
            drop(slot);
            drop(oldest);
            return key;
        }
    }

    /// The latest entries whose keys are less than `before`, if given, and that are `wanted`: the latest first, and at
    /// most so many.
    pub(crate) fn latest(
        &self,
        before: Option<u64>,
        most: usize,
        wanted: impl Fn(&T) -> bool,
    ) -> Vec<Entry<T>> {
        let newest = self.next.load(Ordering::Relaxed);
        let end = before.map_or(newest, |before| before.min(newest));
        let oldest = newest.saturating_sub(self.slots.len() as u64).max(1);
        let kept = (oldest..end).rev().filter_map(|key| self.get(key));
        let kept = kept.take(usize::try_from(self.capacity).unwrap_or(usize::MAX));
        kept.filter(|entry| wanted(&entry.value)).take(most).collect()
    }

    /// The entry with this key, if there is one.
    fn get(&self, key: u64) -> Option<Entry<T>> {
        let slot = self.slot(key).lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|entry| entry.key == key).cloned()
    }

    fn slot(&self, key: u64) -> &Slot<T> {
        &self.slots[(key % self.slots.len() as u64) as usize]
    }
}

#[cfg(test)]
#[cfg(not(feature = "explore"))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn values(ring: &Ring<u32>, before: Option<u64>, most: usize) -> Vec<u32> {
        ring.latest(before, most, |_| true).iter().map(|entry| *entry.value).collect()
    }

    #[test]
    fn the_latest_come_first_and_page_by_page() {
        let ring = Ring::new(100);
        assert!(values(&ring, None, 10).is_empty());
        (0..450).for_each(|number| {
            ring.push(number);
        });
        assert_eq!(values(&ring, None, 3), [449, 448, 447]);
        assert_eq!(values(&ring, None, 1000).len(), 100);
        let (mut before, mut all) = (None, Vec::new());
        loop {
            let page = ring.latest(before, 7, |_| true);
            let Some(last) = page.last() else { break };
            before = Some(last.key);
            all.extend(page.iter().map(|entry| *entry.value));
        }
        assert_eq!(all[..99], values(&ring, None, 1000)[..99]);
        let even = ring.latest(None, 2, |value| value % 2 == 0);
        assert_eq!(even.iter().map(|it| *it.value).collect::<Vec<_>>(), [448, 446]);
        assert!(values(&ring, Some(0), 5).is_empty());
        assert!(values(&ring, Some(1), 5).is_empty());
    }

    #[test]
    fn writers_pass_over_what_a_reader_holds() {
        let ring = Ring::new(3);
        (1..=200).for_each(|number| {
            ring.push(number);
        });
        let held: Vec<_> = [201, 202].map(|key| ring.slot(key).lock().unwrap()).into();
        assert_eq!(ring.push(201), 203);
        drop(held);
        // One of the slots has an entry whose key is too old by now.
        assert_eq!(values(&ring, None, 10), [201, 200]);
        ring.push(202);
        ring.push(203);
        assert_eq!(values(&ring, None, 10), [203, 202, 201]);
    }

    /// What a thread has pushed is there in its order, whatever others push and read meanwhile; nothing is lost, and
    /// each entry is dropped once.
    #[test]
    fn nothing_is_lost_under_readers_at_full_speed() {
        const WRITERS: u64 = 4;
        const EACH: u64 = 20_000;
        let ring = Ring::new((WRITERS * EACH) as usize);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let ring = &ring;
                    scope.spawn(move || {
                        for count in 0..EACH {
                            ring.push((writer, count));
                        }
                    })
                })
                .collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let page = ring.latest(None, 500, |_| true);
                        assert!(page.is_sorted_by(|one, next| one.key > next.key));
                        in_order(&page);
                    }
                });
            }
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            over.store(true, Ordering::Relaxed);
        });
        let all = ring.latest(None, usize::MAX, |_| true);
        assert_eq!(all.len() as u64, WRITERS * EACH);
        assert_eq!(in_order(&all), WRITERS as usize);
    }

    /// How many writers there are entries of.
    fn in_order(entries: &[Entry<(u64, u64)>]) -> usize {
        let mut last = BTreeMap::new();
        for entry in entries {
            let (writer, count) = *entry.value;
            let later = last.insert(writer, count);
            assert!(later.is_none_or(|later| later > count), "{writer}: {later:?}, {count}");
        }
        last.len()
    }

    #[test]
    fn what_falls_out_is_freed() {
        let counted = Arc::new(());
        let ring = Ring::new(10);
        for _ in 0..1000 {
            ring.push(Arc::clone(&counted));
        }
        assert_eq!(Arc::strong_count(&counted), 1 + slots(10));
        drop(ring);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}
