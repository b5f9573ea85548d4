//! Threads of the explorer's.

use super::{CLOCK, deadline_in, pick, wait_until};
use std::io;
use std::num::NonZero;
use std::time::Duration;

#[allow(unused_imports, reason = "as much as the modules that are explored may need")]
pub use shuttle::thread::{JoinHandle, current, scope, spawn, yield_now};

/// As many cores as the explorer likes.
///
/// # Errors
/// Never.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    Ok(NonZero::new(1 << pick(3)).unwrap_or(NonZero::<usize>::MIN))
}

/// As [`std::thread::sleep`], in the explorer's time.
pub fn sleep(duration: Duration) {
    wait_until(deadline_in(duration), || false);
}

/// As the standard library's; stacks are the explorer's.
#[derive(Default)]
pub struct Builder(shuttle::thread::Builder);

impl Builder {
    /// As [`std::thread::Builder::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`std::thread::Builder::name`].
    pub fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    /// Changes nothing.
    pub fn stack_size(self, _bytes: usize) -> Self {
        self
    }

    /// As [`std::thread::Builder::spawn`].
    ///
    /// # Errors
    /// `WouldBlock` where [`refuse_threads`](super::refuse_threads) has it so.
    pub fn spawn<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let refused = CLOCK.with(|clock| clock.refused_threads.get());
        if refused > 0 && pick(refused) == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.spawn(work)
    }
}
