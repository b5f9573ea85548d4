//! A bounded pool of threads of low priority that run the jobs of a queue.

use crate::limits::{
    COMMAND_NICENESS, COMMAND_STAGGER, FAILURE_LOG_INTERVAL, FIRST_RETRY_DELAY,
    LONGEST_RETRY_DELAY, QUEUED_COMMANDS_WARNING, WAITING_COMMANDS,
};
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError, thread};
use receiver::limits::THREAD_STACK_BYTES;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Runs jobs in the order in which they came, at most so many at a time.
///
/// Short jobs follow each other on half of the cores; only if they take longer than [`COMMAND_STAGGER`],
/// more of them run side by side. Threads of the pool have a low priority. So receiving gets the processor
/// when it needs it, and jobs that only wait do not delay each other. The pool starts with one thread;
/// more are started when first needed, and stay.
pub(super) struct WorkerPool<J>(Arc<Inner<J>>);

/// What became of a job.
pub(super) enum JobOutcome<J> {
    /// It is done, or has failed for good.
    Done,
    /// The system lacked a resource: it is to be retried, before those that came after it.
    Later(J),
}

struct Inner<J> {
    work: Box<dyn Fn(J) -> JobOutcome<J> + Send + Sync>,
    /// Takes the jobs that are submitted after the end.
    too_late: Box<dyn Fn(J) + Send + Sync>,
    /// So many jobs start without delay.
    promptly: usize,
    state: Mutex<State<J>>,
    /// There is a job, or the end has come.
    wanted: Condvar,
    /// A job has ended, or was taken from a queue, or a full queue blocks no submitter any more.
    advanced: Condvar,
}

struct State<J> {
    /// So many jobs may run at a time.
    at_once: usize,
    /// For the threads of the pool, by number.
    waiting: VecDeque<Ticket<J>>,
    /// For the threads that submitted them and wait for their turn, by number.
    waiting_here: VecDeque<Ticket<J>>,
    next_number: u64,
    /// Jobs that are being done, in threads of the pool and in others.
    running: usize,
    last_begun: Option<Instant>,
    /// While the system lacks a resource: the delay before the next job starts, and until when.
    shortage: Option<(Duration, Instant)>,
    threads: usize,
    idle: usize,
    /// Of the idle threads, so many watch the clock for the next job.
    watching: usize,
    /// The number of queued jobs at which the log warns next.
    warn_at: usize,
    /// When the log last said that no thread can be started.
    thread_failure_logged: Option<Instant>,
    /// Shutdown has begun: a full queue blocks no submitter.
    ending: bool,
    ended: bool,
    cut_short: bool,
}

/// A job and its place in the order.
struct Ticket<J> {
    number: u64,
    job: J,
}

impl<J: Send + 'static> WorkerPool<J> {
    /// A pool of one thread, which grows to `at_once`. `work` runs a job; `too_late` gets each that
    /// is submitted after [`finish`](Self::finish).
    ///
    /// # Errors
    /// Not one thread can be started.
    pub(super) fn new(
        at_once: usize,
        work: impl Fn(J) -> JobOutcome<J> + Send + Sync + 'static,
        too_late: impl Fn(J) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let pool = Self(Arc::new(Inner {
            work: Box::new(work),
            too_late: Box::new(too_late),
            promptly: thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            state: Mutex::new(State::new(at_once)),
            wanted: Condvar::new(),
            advanced: Condvar::new(),
        }));
        pool.0.lock().threads = 1;
        pool.start_thread()?;
        Ok(pool)
    }

    /// Queues a job. No job is dropped: once [`WAITING_COMMANDS`] are queued, this blocks until there is
    /// room, or shutdown begins.
    pub(super) fn submit(&self, job: J) {
        let inner = &self.0;
        let mut state = inner.lock();
        if state.is_full() {
            // A slow log must not delay others.
            drop(state);
            tracing::warn!("command queue full ({WAITING_COMMANDS}): associations wait");
            state = inner.lock();
        }
        while state.is_full() {
            state = inner.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            drop(state);
            return (inner.too_late)(job);
        }
        let number = state.take_number();
        state.waiting.push_back(Ticket { number, job });
        let waiting = state.waiting.len();
        let falls_behind = waiting >= state.warn_at;
        if falls_behind {
            state.warn_at *= 2;
        }
        // Threads that are notified, but do not run yet, count as idle too.
        if state.idle < waiting && state.threads < state.at_once {
            self.add_thread(state);
        } else {
            inner.call(&state);
            drop(state);
        }
        if falls_behind {
            tracing::warn!("commands fall behind: {waiting} queued");
        }
    }

    /// Runs a job in this thread, once the limit allows it. Returns without having run it if the end comes
    /// first.
    pub(super) fn run_here(&self, job: J) {
        let inner = &self.0;
        let mut state = inner.lock();
        if state.ended {
            drop(state);
            return (inner.too_late)(job);
        }
        let number = state.take_number();
        state.waiting_here.push_back(Ticket { number, job });
        while let Some(job) = inner.wait_for_turn(state, number) {
            let outcome = inner.run(job);
            let is_done = matches!(outcome, JobOutcome::Done);
            state = inner.settle(number, outcome, |state| &mut state.waiting_here);
            if is_done {
                break;
            }
        }
        inner.wanted.notify_one();
    }

    /// From now on, so many jobs may run at a time. Those that run go on.
    pub(super) fn set_at_once(&self, at_once: usize) {
        let mut state = self.0.lock();
        state.at_once = at_once;
        self.0.wanted.notify_all();
        self.0.advanced.notify_all();
        loop {
            let lacks_thread = state.idle < state.waiting.len() && state.threads < at_once;
            if !lacks_thread || !self.add_thread(state) {
                return;
            }
            state = self.0.lock();
        }
    }

    /// Begins shutdown: from now on a full queue blocks no submitter.
    pub(super) fn stop_waiting(&self) {
        self.0.lock().ending = true;
        self.0.advanced.notify_all();
    }

    /// Waits until all jobs are done, until `deadline` at the latest. Returns the jobs that were not started,
    /// and never will be, and whether [`cut_short`](Self::cut_short) ended the wait.
    pub(super) fn finish(&self, deadline: Instant) -> (Vec<J>, bool) {
        self.stop_waiting();
        let mut state = self.0.lock();
        while !state.is_done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.cut_short {
                break;
            }
            let waited = self.0.advanced.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended = true;
        let cut_short = state.cut_short && !state.is_done();
        let State { waiting, waiting_here, .. } = &mut *state;
        let mut left: Vec<_> = waiting.drain(..).chain(waiting_here.drain(..)).collect();
        drop(state);
        self.0.wanted.notify_all();
        self.0.advanced.notify_all();
        left.sort_by_key(|ticket| ticket.number);
        (left.into_iter().map(|ticket| ticket.job).collect(), cut_short)
    }

    /// Ends [`finish`](Self::finish) now.
    pub(super) fn cut_short(&self) {
        self.0.lock().cut_short = true;
        self.0.advanced.notify_all();
    }

    /// Whether [`cut_short`](Self::cut_short) was called.
    pub(super) fn is_cut_short(&self) -> bool {
        self.0.lock().cut_short
    }

    /// Starts another thread. If that fails, which is logged, the others run what is queued, and the result is
    /// false.
    fn add_thread(&self, mut state: MutexGuard<'_, State<J>>) -> bool {
        state.threads += 1;
        drop(state);
        let Err(error) = self.start_thread() else { return true };
        let mut state = self.0.lock();
        state.threads -= 1;
        if state.thread_failure_logged.is_none_or(|told| told.elapsed() >= FAILURE_LOG_INTERVAL) {
            state.thread_failure_logged = Some(Instant::now());
            drop(state);
            tracing::warn!("cannot start another command thread: {error}");
        }
        false
    }

    fn start_thread(&self) -> io::Result<()> {
        let inner = Arc::clone(&self.0);
        let thread = thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(move || {
            platform::lower_thread_priority(COMMAND_NICENESS);
            inner.serve();
        });
        thread.map(drop)
    }
}

impl<J> State<J> {
    fn new(at_once: usize) -> Self {
        Self {
            at_once,
            waiting: VecDeque::new(),
            waiting_here: VecDeque::new(),
            next_number: 0,
            running: 0,
            last_begun: None,
            shortage: None,
            threads: 0,
            idle: 0,
            watching: 0,
            warn_at: QUEUED_COMMANDS_WARNING,
            thread_failure_logged: None,
            ending: false,
            ended: false,
            cut_short: false,
        }
    }

    fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_COMMANDS && !self.ending
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.waiting_here.is_empty() && self.running == 0
    }

    /// The system lacked a resource: doubles the delay before the next try.
    fn note_shortage(&mut self) {
        let now = Instant::now();
        let wait = match self.shortage {
            // Another job that was started at the same time.
            Some((wait, until)) if until > now => wait,
            Some((wait, _)) => (wait * 2).min(LONGEST_RETRY_DELAY),
            None => FIRST_RETRY_DELAY,
        };
        self.shortage = Some((wait, now + wait));
    }

    fn retry_delay_left(&self) -> Duration {
        self.shortage
            .map_or(Duration::ZERO, |(_, until)| until.saturating_duration_since(Instant::now()))
    }
}

/// Puts a job back to where it was in the order.
fn put_back<J>(queue: &mut VecDeque<Ticket<J>>, ticket: Ticket<J>) {
    let place = queue.partition_point(|other| other.number < ticket.number);
    queue.insert(place, ticket);
}

impl<J> Inner<J> {
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            let delay = self.delay(&state);
            if delay == Some(Duration::ZERO)
                && let Some(Ticket { number, job }) = state.waiting.pop_front()
            {
                let caught_up = self.note_begun(&mut state);
                drop(state);
                if caught_up {
                    tracing::warn!("commands have caught up");
                }
                let outcome = self.run(job);
                state = self.settle(number, outcome, |state| &mut state.waiting);
                continue;
            }
            if state.ended {
                state.threads -= 1;
                return;
            }
            state.idle += 1;
            state = match delay {
                Some(delay) => {
                    state.watching += 1;
                    let waited = self.wanted.wait_timeout(state, delay);
                    let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    state.watching -= 1;
                    state
                }
                None => self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.idle -= 1;
        }
    }

    /// A queued job starts: there is room for another one. True if it was the last of many.
    fn note_begun(&self, state: &mut State<J>) -> bool {
        if state.waiting.len() + 1 == WAITING_COMMANDS {
            self.advanced.notify_all();
        }
        let caught_up = state.waiting.is_empty() && state.warn_at > QUEUED_COMMANDS_WARNING;
        if caught_up {
            state.warn_at = QUEUED_COMMANDS_WARNING;
        }
        state.running += 1;
        state.last_begun = Some(Instant::now());
        self.call(state);
        caught_up
    }

    /// Waits until the job of this number may start in this thread; `None` if the end came first.
    fn wait_for_turn(&self, mut state: MutexGuard<'_, State<J>>, number: u64) -> Option<J> {
        loop {
            if state.ended {
                return None;
            }
            let is_next = state.waiting_here.front().is_some_and(|ticket| ticket.number == number);
            let left = state.retry_delay_left();
            if !is_next || state.running >= state.at_once {
                state = self.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if !left.is_zero() {
                let waited = self.advanced.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                break;
            }
        }
        let ticket = state.waiting_here.pop_front();
        state.running += 1;
        drop(state);
        // The next one may be allowed to begin, too.
        self.advanced.notify_all();
        ticket.map(|ticket| ticket.job)
    }

    /// Wakes an idle thread if a job may start now, or if none watches yet for the time when it may.
    fn call(&self, state: &State<J>) {
        match self.delay(state) {
            Some(delay) if delay.is_zero() || state.watching == 0 => self.wanted.notify_one(),
            _ => {}
        }
    }

    /// After which time the next queued job may start; `None` if there is none, or none may.
    fn delay(&self, state: &State<J>) -> Option<Duration> {
        if state.waiting.is_empty() || state.running >= state.at_once {
            return None;
        }
        let stagger = if state.running < self.promptly {
            Duration::ZERO
        } else {
            let since = state.last_begun.map_or(Duration::MAX, |begun| begun.elapsed());
            COMMAND_STAGGER.saturating_sub(since)
        };
        Some(stagger.max(state.retry_delay_left()))
    }

    /// A bug costs one job, not the thread; the panic is in the log.
    fn run(&self, job: J) -> JobOutcome<J> {
        catch_unwind(AssertUnwindSafe(|| (self.work)(job))).unwrap_or(JobOutcome::Done)
    }

    /// Records the outcome of a running job. One that is to be retried goes back to its place in `queue`,
    /// unless the end has come.
    fn settle(
        &self,
        number: u64,
        outcome: JobOutcome<J>,
        queue: fn(&mut State<J>) -> &mut VecDeque<Ticket<J>>,
    ) -> MutexGuard<'_, State<J>> {
        let mut state = self.lock();
        state.running -= 1;
        self.advanced.notify_all();
        match outcome {
            JobOutcome::Done => state.shortage = None,
            JobOutcome::Later(job) if state.ended => {
                drop(state);
                (self.too_late)(job);
                return self.lock();
            }
            JobOutcome::Later(job) => {
                state.note_shortage();
                put_back(queue(&mut state), Ticket { number, job });
            }
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
