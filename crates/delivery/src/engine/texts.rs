//! What the log says of destinations, and what their reasons may consist of.

use crate::Outcome;
use crate::limits::{PARKED_LOG_TIME, REASON_BYTES};
use catalog::DestinationCounts;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// An outcome with a reason that may be logged, stored and shown: peers have a say in it.
pub(crate) fn cleaned(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Done => Outcome::Done,
        Outcome::Again { reason, after } => Outcome::Again { reason: clean(&reason), after },
        Outcome::Unreachable { reason, after } => {
            Outcome::Unreachable { reason: clean(&reason), after }
        }
        Outcome::Park { reason } => Outcome::Park { reason: clean(&reason) },
    }
}

/// A reason of at most [`REASON_BYTES`], without characters that control a terminal, a line or its direction; never
/// empty.
pub(crate) fn clean(reason: &str) -> String {
    let mut text = String::new();
    for character in reason.trim().chars() {
        let shown = if is_plain(character) { character } else { ' ' };
        if text.len() + shown.len_utf8() > REASON_BYTES {
            break;
        }
        text.push(shown);
    }
    if text.trim().is_empty() { "no reason was given".to_owned() } else { text }
}

fn is_plain(character: char) -> bool {
    let changes_direction = matches!(
        character,
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    );
    !character.is_control() && !changes_direction
}

/// A seed for pauses, another one each time.
pub(crate) fn seed() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// The destination is not there.
pub(crate) fn unreachable(name: &str, reason: &str, next: Duration) {
    tracing::warn!(
        destination = name,
        "destination {name} fails: {reason}; its deliveries wait, and one is tried in {:.1} s",
        next.as_secs_f64()
    );
}

/// The destination is still not there.
pub(crate) fn still_unreachable(name: &str, reason: &str, next: Duration) {
    tracing::debug!(
        destination = name,
        "destination {name} still fails: {reason}; it is tried again in {:.1} s",
        next.as_secs_f64()
    );
}

/// The destination takes fewer sessions than it may have.
pub(crate) fn narrowed(name: &str, reason: &str, sessions: usize) {
    tracing::info!(
        destination = name,
        "destination {name} takes {sessions} sessions at a time and no more for now: {reason}"
    );
}

/// The destination is there again.
pub(crate) fn back(name: &str, away: Duration) {
    tracing::info!(
        destination = name,
        "destination {name} is back after {:.1} s; its deliveries continue",
        away.as_secs_f64()
    );
}

/// Too much waits for a destination, or no more.
pub(crate) fn bounds(name: &str, is_over: bool, counts: &DestinationCounts) {
    let DestinationCounts { waiting, waiting_bytes, .. } = counts;
    if is_over {
        tracing::warn!(
            destination = name,
            "too much waits for destination {name}: {waiting} deliveries, {waiting_bytes} bytes; \
             associations whose objects it would get are rejected"
        );
    } else {
        tracing::info!(
            destination = name,
            "destination {name} is within its bounds again: {waiting} deliveries, {waiting_bytes} bytes wait"
        );
    }
}

/// Tells of parked deliveries, once in [`PARKED_LOG_TIME`] for each destination.
#[derive(Debug, Default)]
pub(crate) struct ParkedLog {
    last: Option<Duration>,
    untold: u64,
}

impl ParkedLog {
    /// So many deliveries are parked.
    pub(crate) fn parked(&mut self, name: &str, reason: &str, count: u64, now: Duration) {
        if let Some(count) = self.count(count, now) {
            tracing::error!(
                destination = name,
                "deliveries parked for destination {name}: {count}; reason of the latest: {reason}; \
                 see `storescp outbox list --state parked --destination {name}`"
            );
        }
    }

    /// How many are to be told now.
    fn count(&mut self, more: u64, now: Duration) -> Option<u64> {
        self.untold += more;
        if self.last.is_some_and(|last| now.saturating_sub(last) < PARKED_LOG_TIME) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_plain_line_within_the_bound() {
        assert_eq!(clean("503\r\nE: fake\u{1b}[2J\0 \u{202e}x"), "503  E: fake [2J   x");
        assert_eq!(clean(" \n"), "no reason was given");
        let long = clean(&"ä".repeat(REASON_BYTES));
        assert!(long.len() <= REASON_BYTES && long.len() > REASON_BYTES - 2, "{}", long.len());
    }

    #[test]
    fn parked_deliveries_are_told_once_a_minute_with_their_number() {
        let mut log = ParkedLog::default();
        let second = Duration::from_secs(1);
        let told: Vec<_> = (0..600).filter_map(|at| log.count(1, second / 5 * at)).collect();
        assert_eq!(told, [1, 300], "at the start, and a minute later");
    }
}
