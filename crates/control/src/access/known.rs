//! Passwords that were verified a moment ago: a browser sends them with each request.

use crate::limits::{KNOWN_PASSWORD_TIME, KNOWN_PASSWORDS};
use openssl::error::ErrorStack;
use openssl::sha::Sha256;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Remembers which password goes with a hash, by a digest under a key that never leaves this process. A
/// program that can read the memory of this process could read the passwords of requests there as well.
pub(super) struct KnownPasswords {
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], Instant>>,
}

impl KnownPasswords {
    /// Knows none.
    ///
    /// # Errors
    /// There are no random numbers.
    pub(super) fn new() -> Result<Self, ErrorStack> {
        let mut key = [0; 32];
        openssl::rand::rand_bytes(&mut key)?;
        Ok(Self { key, known: Mutex::default() })
    }

    /// Whether this password was verified against this hash within [`KNOWN_PASSWORD_TIME`].
    pub(super) fn contains(&self, password: &[u8], hash: &str, now: Instant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&self.digest(password, hash)).is_some_and(|until| *until > now)
    }

    /// It was verified.
    pub(super) fn add(&self, password: &[u8], hash: &str, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, until| *until > now);
        if known.len() < KNOWN_PASSWORDS {
            known.insert(self.digest(password, hash), now + KNOWN_PASSWORD_TIME);
        }
    }

    fn digest(&self, password: &[u8], hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(&self.key);
        digest.update(&(hash.len() as u64).to_le_bytes());
        digest.update(hash.as_bytes());
        digest.update(password);
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_for_a_while_with_its_hash_only() {
        let (known, now) = (KnownPasswords::new().unwrap(), Instant::now());
        assert!(!known.contains(b"secret", "$hash", now));
        known.add(b"secret", "$hash", now);
        assert!(known.contains(b"secret", "$hash", now));
        assert!(
            !known.contains(b"secret2", "$hash", now) && !known.contains(b"secret", "$other", now)
        );
        assert!(!known.contains(b"hsecret", "$has", now));
        assert!(!known.contains(b"secret", "$hash", now + KNOWN_PASSWORD_TIME));
        assert!(!KnownPasswords::new().unwrap().contains(b"secret", "$hash", now));
    }

    #[test]
    fn no_more_than_a_few_are_known() {
        let (known, now) = (KnownPasswords::new().unwrap(), Instant::now());
        for count in 0..2 * KNOWN_PASSWORDS {
            known.add(count.to_string().as_bytes(), "$hash", now);
        }
        assert_eq!(known.known.lock().unwrap().len(), KNOWN_PASSWORDS);
    }
}
