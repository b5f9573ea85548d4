//! Polling for the next message for a moment before the thread sleeps.

use crate::limits::SHORT_MESSAGE_BYTES;
use platform::permits::{Permit, Permits};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// Whether the thread of an association polls for the next message for a moment before it blocks.
///
/// To put a thread to sleep and to wake it takes the system tens of microseconds where the core goes idle
/// meanwhile, which is most of the time that a small object takes on a fast network. So after a short message
/// that came quickly, the thread polls for the next one for [`SPIN_WAIT`](crate::limits::SPIN_WAIT), and lets
/// other threads go first. At most half of the cores do so at a time. Where nothing comes, it is tried less and
/// less often.
#[derive(Debug, Default)]
pub(crate) struct SpinWait {
    /// Bytes that came since the last answer.
    received: usize,
    /// The last message was a short one.
    short: bool,
    /// The wait for it was short too.
    soon: bool,
    /// How often in a row nothing came while it was looked for.
    misses: u32,
    /// For how many messages it is not tried again.
    rest: u32,
}

impl SpinWait {
    /// Bytes have come.
    pub(crate) fn received(&mut self, count: usize) {
        self.received = self.received.saturating_add(count);
    }

    /// What has come is answered.
    pub(crate) fn answered(&mut self) {
        self.short = self.received < SHORT_MESSAGE_BYTES;
        self.received = 0;
        self.rest = self.rest.saturating_sub(1);
    }

    /// Whether what comes next is a new message.
    #[must_use]
    pub(crate) fn is_between_messages(&self) -> bool {
        self.received == 0
    }

    /// How long a new message was waited for.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.soon = time < SOON;
    }

    /// A message has come while it was looked for.
    pub(crate) fn found(&mut self) {
        self.misses = 0;
    }

    /// None has come, and the core did that for nothing.
    pub(crate) fn missed(&mut self) {
        self.misses = (self.misses + 1).min(MOST_MISSES);
        self.rest = 1 << self.misses;
    }

    /// A permit to be among those who look, where it is likely that a message comes at once.
    #[must_use]
    pub(crate) fn begin(&self) -> Option<Permit> {
        if self.is_promising() { PERMITS.take(most_at_a_time()) } else { None }
    }

    fn is_promising(&self) -> bool {
        self.is_between_messages() && self.short && self.soon && self.rest == 0
    }
}

/// A wait that was shorter than this, with the time that it takes to be woken, was as good as none.
const SOON: Duration = Duration::from_micros(250);

/// Looking that never pays is tried again every 64th message.
const MOST_MISSES: u32 = 6;

/// Of those who look at the same time.
static PERMITS: Permits = Permits::new();

fn most_at_a_time() -> usize {
    static HALF_OF_THE_CORES: LazyLock<usize> = LazyLock::new(|| {
        thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
    });
    *HALF_OF_THE_CORES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_message(bytes: usize, waited: Duration) -> SpinWait {
        let mut wait = SpinWait::default();
        wait.waited(waited);
        wait.received(bytes);
        wait.answered();
        wait
    }

    #[test]
    fn short_messages_that_come_soon_are_looked_for() {
        let soon = Duration::from_micros(90);
        assert!(after_message(4_096, soon).is_promising());
        assert!(!after_message(SHORT_MESSAGE_BYTES, soon).is_promising(), "a large one took long");
        assert!(!after_message(4_096, SOON).is_promising(), "the one before was late");
        assert!(!SpinWait::default().is_promising(), "nothing is known of the sender yet");

        let mut within = after_message(4_096, soon);
        within.received(1);
        assert!(!within.is_promising(), "the message is coming in");
        within.received(usize::MAX);
        within.answered();
        assert!(!within.is_promising());
    }

    #[test]
    fn what_does_not_pay_is_tried_less_and_less_often() {
        let mut wait = after_message(4_096, Duration::ZERO);
        let mut tried = Vec::new();
        for message in 0..300 {
            if wait.is_promising() {
                tried.push(message);
                wait.missed();
            }
            wait.received(100);
            wait.answered();
        }
        assert_eq!(tried, [0, 2, 6, 14, 30, 62, 126, 190, 254]);
        wait.rest = 0;
        wait.found();
        wait.missed();
        assert_eq!(wait.rest, 2, "it had paid since");
    }
}
