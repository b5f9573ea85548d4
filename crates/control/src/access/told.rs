//! Log-ins that the program was told of, so that it hears of each once an hour, and not with every request.

use crate::limits::{TOLD_LOG_IN_TIME, TOLD_LOG_INS};
use crate::settings::Role;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Remembers who logged in from where and as what, and when that was told.
#[derive(Default)]
pub(super) struct Told {
    until: Mutex<HashMap<(IpAddr, String, Role), Instant>>,
}

impl Told {
    /// True if this log-in is to be told: it is the first one within [`TOLD_LOG_IN_TIME`].
    pub(super) fn is_news(&self, address: IpAddr, name: &str, role: Role, now: Instant) -> bool {
        let mut told = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address.to_canonical(), name.to_owned(), role);
        if told.get(&key).is_some_and(|until| *until > now) {
            return false;
        }
        if told.len() >= TOLD_LOG_INS {
            told.retain(|_, until| *until > now);
        }
        // One that finds no room is told each time.
        if told.len() < TOLD_LOG_INS || told.contains_key(&key) {
            told.insert(key, now + TOLD_LOG_IN_TIME);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_is_told_once_an_hour() {
        let (told, now) = (Told::default(), Instant::now());
        const VIEWER: Role = Role::Viewer;
        let (here, there) = ("10.0.0.7".parse().unwrap(), "10.0.0.8".parse().unwrap());
        assert!(told.is_news(here, "a", VIEWER, now) && !told.is_news(here, "a", VIEWER, now));
        assert!(told.is_news(there, "a", VIEWER, now) && told.is_news(here, "b", VIEWER, now));
        assert!(told.is_news(here, "a", Role::Operator, now), "they may do more than before");
        assert!(told.is_news(here, "a", VIEWER, now + TOLD_LOG_IN_TIME));
        for count in 0..2 * TOLD_LOG_INS {
            assert!(told.is_news(here, &count.to_string(), VIEWER, now));
        }
        assert_eq!(told.until.lock().unwrap().len(), TOLD_LOG_INS);
    }
}
