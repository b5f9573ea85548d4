//! A thread that takes one step after another.

use crate::Error;
use platform::sync::{Arc, Instant, PoisonError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Says that a thread is to end, and wakes it.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    is_woken: bool,
}

impl Stopping {
    pub(crate) fn is_set(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_set
    }

    pub(crate) fn set(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_set = true;
        self.changed.notify_all();
    }

    /// Ends the pause that is going on, or the next one.
    pub(crate) fn wake(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_woken = true;
        self.changed.notify_all();
    }

    /// Waits until the time has passed, whether or not it is woken. True if the thread is to end.
    pub(crate) fn pause_or_stop(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if time.is_zero() {
            return state.is_set;
        }
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.is_set);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_set
    }

    /// Waits until the time has passed or it is woken. True if the thread is to end.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |state: &mut State| !state.is_set && !state.is_woken;
        let waited = self.changed.wait_timeout_while(state, time, goes_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_woken = false;
        state.is_set
    }
}

/// A thread that takes steps, each of which says how long to pause behind it. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Worker {
    stopping: Arc<Stopping>,
    thread: Option<JoinHandle<()>>,
}

/// Stack of a thread of this crate.
const STACK_BYTES: usize = 256 * 1024;

/// The pause after a step that has panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

impl Worker {
    /// Starts the thread, `niceness` behind others. A step that panics is told and tried again after a while: as the first
    /// thing, the next one should put right what that has left.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(crate) fn start(
        name: &str,
        niceness: i32,
        mut step: impl FnMut(&Stopping) -> Duration + Send + 'static,
    ) -> Result<Self, Error> {
        let stopping = Arc::new(Stopping::default());
        let stops = Arc::clone(&stopping);
        let called = name.to_owned();
        let run = move || {
            if niceness > 0 {
                platform::lower_thread_priority(niceness);
            }
            while !stops.is_set() {
                let stepped = catch_unwind(AssertUnwindSafe(|| step(&stops)));
                let pause = stepped.unwrap_or_else(|_| {
                    tracing::error!(
                        "a mistake of this program: the thread {called} goes on after it"
                    );
                    PANIC_PAUSE
                });
                if !pause.is_zero() && stops.pause(pause) {
                    break;
                }
            }
        };
        let builder = Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        let thread = Some(builder.spawn(run).map_err(Error::Thread)?);
        Ok(Self { stopping, thread })
    }

    /// Ends its pause.
    pub(crate) fn wake(&self) {
        self.stopping.wake();
    }

    /// Has it end after its step, and waits for that until `deadline`. False if it is still at it.
    pub(crate) fn finish(&mut self, deadline: Instant) -> bool {
        self.stopping.set();
        let Some(thread) = self.thread.take() else { return true };
        while !thread.is_finished() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = thread.join();
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stopping.set();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_worker_steps_pauses_is_woken_and_ends() {
        let (told, steps) = mpsc::channel();
        let mut count = 0;
        let step = move |_: &Stopping| {
            count += 1;
            let _ = told.send(count);
            Duration::from_secs(3600)
        };
        let mut worker = Worker::start("test", 0, step).unwrap();
        assert_eq!(steps.recv(), Ok(1));
        worker.wake();
        assert_eq!(steps.recv(), Ok(2));
        assert!(worker.finish(Instant::now() + Duration::from_secs(60)));
        assert!(steps.recv().is_err(), "it has ended");
    }

    #[test]
    fn a_worker_survives_a_step_that_panics() {
        let (told, steps) = mpsc::channel();
        let mut count = 0;
        let step = move |_: &Stopping| {
            count += 1;
            let _ = told.send(count);
            assert!(count > 1, "of no use");
            Duration::from_secs(3600)
        };
        let mut worker = Worker::start("test", 0, step).unwrap();
        assert_eq!((steps.recv(), steps.recv()), (Ok(1), Ok(2)));
        assert!(worker.finish(Instant::now() + Duration::from_secs(60)));
    }
}
