//! Failed log-ins of each address, so that nobody guesses for long.

use crate::limits::{COUNTED_ADDRESSES, FAILED_LOG_IN_INTERVAL, FAILED_LOG_INS};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts failures; [`FAILED_LOG_INS`] at once, then one each [`FAILED_LOG_IN_INTERVAL`].
#[derive(Default)]
pub(super) struct Failures {
    /// When all failures of an address are forgiven: each adds an interval.
    forgiven: Mutex<HashMap<IpAddr, Instant>>,
}

impl Failures {
    /// How long the address has to wait for its next try; `None` if it need not.
    pub(super) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let table = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        wait(*table.get(&network(address))?, now)
    }

    /// Counts a try as failed, before it is known whether it is: so many tries at once are no way around. True if it
    /// was the last one for now.
    pub(super) fn add(&self, address: IpAddr, now: Instant) -> bool {
        let mut table = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if table.len() >= COUNTED_ADDRESSES && !table.contains_key(&address) {
            table.retain(|_, forgiven| *forgiven > now);
            if table.len() >= COUNTED_ADDRESSES {
                let fewest = table.iter().min_by_key(|(_, forgiven)| **forgiven);
                if let Some(address) = fewest.map(|(address, _)| *address) {
                    table.remove(&address);
                }
            }
        }
        let forgiven = table.entry(address).or_insert(now);
        *forgiven = (*forgiven).max(now) + FAILED_LOG_IN_INTERVAL;
        wait(*forgiven, now).is_some()
    }

    /// The try was none that failed.
    pub(super) fn take_back(&self, address: IpAddr) {
        let mut table = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(forgiven) = table.get_mut(&network(address)) {
            *forgiven = forgiven.checked_sub(FAILED_LOG_IN_INTERVAL).unwrap_or(*forgiven);
        }
    }
}

fn wait(forgiven: Instant, now: Instant) -> Option<Duration> {
    let allowed = FAILED_LOG_IN_INTERVAL * (FAILED_LOG_INS - 1);
    let left = forgiven.saturating_duration_since(now).saturating_sub(allowed);
    (!left.is_zero()).then_some(left)
}

/// What one customer of a provider has: an IPv4 address, or 64 bits of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ten_failures_and_then_one_each_six_seconds() {
        let (failures, start) = (Failures::default(), Instant::now());
        let guesser = address("10.0.0.7");
        for count in 1..=FAILED_LOG_INS {
            assert_eq!(failures.wait(guesser, start), None);
            assert_eq!(failures.add(guesser, start), count == FAILED_LOG_INS, "{count}");
        }
        assert_eq!(failures.wait(guesser, start), Some(FAILED_LOG_IN_INTERVAL));
        assert_eq!(failures.wait(address("10.0.0.8"), start), None, "others need not wait");
        let later = start + FAILED_LOG_IN_INTERVAL;
        assert_eq!(failures.wait(guesser, later), None);
        assert!(failures.add(guesser, later));
        assert!(failures.wait(guesser, later).is_some());
        let much_later = later + FAILED_LOG_IN_INTERVAL * 100;
        assert!(!failures.add(guesser, much_later), "all is forgiven");
    }

    #[test]
    fn a_success_takes_back_no_more_than_itself() {
        let (failures, start) = (Failures::default(), Instant::now());
        let guesser = address("10.0.0.7");
        for _ in 0..FAILED_LOG_INS - 1 {
            failures.add(guesser, start);
        }
        assert!(failures.add(guesser, start));
        failures.take_back(guesser);
        assert_eq!(failures.wait(guesser, start), None);
        assert!(failures.add(guesser, start), "the nine others are still there");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let (failures, start) = (Failures::default(), Instant::now());
        for host in 0..FAILED_LOG_INS {
            failures.add(address(&format!("2001:db8::{host:x}")), start);
        }
        assert!(failures.wait(address("2001:db8::ffff"), start).is_some());
        assert!(failures.wait(address("2001:db8:0:1::1"), start).is_none());
        for _ in 0..FAILED_LOG_INS {
            failures.add(address("::ffff:10.0.0.7"), start);
        }
        assert!(failures.wait(address("10.0.0.7"), start).is_some());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_fail_most() {
        let (failures, start) = (Failures::default(), Instant::now());
        let guesser = address("192.168.0.1");
        for _ in 0..FAILED_LOG_INS {
            failures.add(guesser, start);
        }
        for count in 0..2 * COUNTED_ADDRESSES {
            let count = u32::try_from(count).unwrap();
            failures.add(IpAddr::V4((0x0a00_0000 + count).into()), start);
        }
        assert!(failures.forgiven.lock().unwrap().len() <= COUNTED_ADDRESSES);
        assert!(failures.wait(guesser, start).is_some());
    }
}
