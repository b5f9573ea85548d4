//! Which of very many objects have come where: one bit for each.

use std::sync::{Mutex, PoisonError};

/// An object: the number of its sender, and its own number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) sender: usize,
    pub(super) object: usize,
}

impl Number {
    /// Its SOP Instance UID.
    pub(super) fn uid(self) -> String {
        format!("1.2.{}.{}", self.sender, self.object)
    }

    /// The object with this SOP Instance UID.
    pub(super) fn of_uid(uid: &str) -> Option<Self> {
        let (sender, object) = uid.strip_prefix("1.2.")?.split_once('.')?;
        Some(Self { sender: sender.parse().ok()?, object: object.parse().ok()? })
    }
}

/// A set of objects.
#[derive(Debug)]
pub(super) struct Marks(Vec<Mutex<Vec<u64>>>);

impl Marks {
    pub(super) fn new(senders: usize) -> Self {
        Self((0..senders).map(|_| Mutex::default()).collect())
    }

    /// Adds an object; false if it was there.
    pub(super) fn add(&self, number: Number) -> bool {
        let Some(bits) = self.0.get(number.sender) else { return false };
        let mut bits = bits.lock().unwrap_or_else(PoisonError::into_inner);
        let (word, bit) = (number.object / 64, 1 << (number.object % 64));
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        let is_new = bits[word] & bit == 0;
        bits[word] |= bit;
        is_new
    }

    pub(super) fn has(&self, number: Number) -> bool {
        let Some(bits) = self.0.get(number.sender) else { return false };
        let bits = bits.lock().unwrap_or_else(PoisonError::into_inner);
        bits.get(number.object / 64).is_some_and(|word| word & 1 << (number.object % 64) != 0)
    }

    pub(super) fn count(&self) -> usize {
        let ones = |bits: &Mutex<Vec<u64>>| {
            let bits = bits.lock().unwrap_or_else(PoisonError::into_inner);
            bits.iter().map(|word| word.count_ones() as usize).sum::<usize>()
        };
        self.0.iter().map(ones).sum()
    }

    /// Those that `other` lacks, at most so many.
    pub(super) fn missing_in(&self, other: &Self, most: usize) -> Vec<Number> {
        let mut missing = Vec::new();
        for (sender, bits) in self.0.iter().enumerate() {
            let length = bits.lock().unwrap_or_else(PoisonError::into_inner).len() * 64;
            let numbers = (0..length).map(|object| Number { sender, object });
            let lacking = numbers.filter(|number| self.has(*number) && !other.has(*number));
            missing.extend(lacking.take(most.saturating_sub(missing.len())));
        }
        missing
    }
}
