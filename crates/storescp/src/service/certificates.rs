//! Warns every day of certificates that expire soon.

use receiver::{Node, thread_builder};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Starts the thread for it, if there is TLS. At the start, and after a reload, the caller warns itself.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn warn_daily(node: &Arc<Node>) -> io::Result<()> {
    if node.settings().tls.is_none() {
        return Ok(());
    }
    let node = Arc::clone(node);
    repeat(DAY, move || node.warn_of_expiry())
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Does the work after each period, for as long as the process runs.
fn repeat(period: Duration, work: impl Fn() + Send + 'static) -> io::Result<()> {
    let repeat = move || {
        loop {
            std::thread::sleep(period);
            work();
        }
    };
    thread_builder().spawn(repeat).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn work_is_repeated() {
        let (done, works) = mpsc::channel();
        repeat(Duration::from_millis(1), move || {
            let _ = done.send(());
        })
        .unwrap();
        for _ in 0..3 {
            works.recv_timeout(Duration::from_secs(30)).unwrap();
        }
    }
}
