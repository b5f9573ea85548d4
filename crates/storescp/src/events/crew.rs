//! A bounded number of threads that work off a queue.

use crate::limits::{
    COMMAND_NICENESS, COMMAND_STAGGER, COMMANDS_BEHIND, THREAD_STACK_BYTES, WAITING_COMMANDS,
};
use crate::platform;
use crate::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError, thread};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Does jobs in the order in which they came, at most so many at a time.
///
/// Short jobs follow each other on half of the processor's cores; only where they take longer than
/// [`COMMAND_STAGGER`], more of them run side by side. Their threads have a lower priority than others.
/// So receiving has the processor when it needs it, and jobs that only wait do not wait for each other.
/// Threads are started when they are first needed, and stay.
pub(super) struct Crew<J>(Arc<Inner<J>>);

struct Inner<J> {
    work: Box<dyn Fn(J) + Send + Sync>,
    at_once: usize,
    /// Of those, so many begin without delay.
    promptly: usize,
    state: Mutex<State<J>>,
    /// There is a job, or the end has come.
    wanted: Condvar,
    /// A job has ended, or was taken from the queue.
    advanced: Condvar,
}

struct State<J> {
    waiting: VecDeque<J>,
    /// Jobs that are being done, in threads of the crew and in others.
    running: usize,
    last_begun: Option<Instant>,
    threads: usize,
    idle: usize,
    /// Of the idle threads, so many watch the clock for the next job.
    watching: usize,
    /// So many waiting jobs are told of next.
    told_at: usize,
    ended: bool,
    cut_short: bool,
}

impl<J: Send + 'static> Crew<J> {
    pub(super) fn new(at_once: usize, work: impl Fn(J) + Send + Sync + 'static) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            running: 0,
            last_begun: None,
            threads: 0,
            idle: 0,
            watching: 0,
            told_at: COMMANDS_BEHIND,
            ended: false,
            cut_short: false,
        };
        Self(Arc::new(Inner {
            work: Box::new(work),
            at_once,
            promptly: thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            state: Mutex::new(state),
            wanted: Condvar::new(),
            advanced: Condvar::new(),
        }))
    }

    /// Has a job done. Returns at once, unless [`WAITING_COMMANDS`] jobs are waiting already: none is
    /// lost, so whoever brings another waits then.
    pub(super) fn submit(&self, job: J) {
        let inner = &self.0;
        let mut state = inner.lock();
        if state.waiting.len() >= WAITING_COMMANDS {
            tracing::warn!("{WAITING_COMMANDS} commands are waiting, receiving waits for them");
        }
        while state.waiting.len() >= WAITING_COMMANDS {
            state = inner.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.push_back(job);
        if state.waiting.len() >= state.told_at {
            tracing::warn!("commands fall behind: {} are waiting", state.waiting.len());
            state.told_at *= 2;
        }
        if state.idle == 0 && state.threads < inner.at_once {
            self.add_thread(state);
        } else {
            inner.call(&state);
        }
    }

    /// Does a job in this thread, once that is one of those that may be done at a time.
    pub(super) fn run_here(&self, job: J) {
        let mut state = self.0.lock();
        while state.running >= self.0.at_once {
            state = self.0.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.running += 1;
        drop(state);
        self.0.run(job);
        self.0.wanted.notify_one();
    }

    /// Waits until everything is done, until `deadline` at the latest. Returns what is not begun
    /// then, and never will be, and whether [`cut_short`](Self::cut_short) ended the wait.
    pub(super) fn finish(&self, deadline: Instant) -> (Vec<J>, bool) {
        let mut state = self.0.lock();
        while !state.waiting.is_empty() || state.running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.cut_short {
                break;
            }
            let waited = self.0.advanced.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended = true;
        self.0.wanted.notify_all();
        let cut_short = state.cut_short && (state.running > 0 || !state.waiting.is_empty());
        (state.waiting.drain(..).collect(), cut_short)
    }

    /// Ends [`finish`](Self::finish) now.
    pub(super) fn cut_short(&self) {
        self.0.lock().cut_short = true;
        self.0.advanced.notify_all();
    }

    fn add_thread(&self, mut state: MutexGuard<'_, State<J>>) {
        state.threads += 1;
        drop(state);
        let inner = Arc::clone(&self.0);
        let thread = thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(move || {
            platform::lower_thread_priority(COMMAND_NICENESS);
            inner.serve();
        });
        if let Err(error) = thread {
            tracing::error!("no thread to run commands in: {error}");
            self.0.lock().threads -= 1;
            // Without any thread, nobody else would do what waits: also the jobs of those whose own
            // attempt failed while this one seemed to become a thread.
            while let Some(job) = self.without_thread() {
                self.run_here(job);
            }
        }
    }

    /// The next job, if there is no thread that will do it.
    fn without_thread(&self) -> Option<J> {
        let mut state = self.0.lock();
        if state.threads == 0 { state.waiting.pop_front() } else { None }
    }
}

impl<J> Inner<J> {
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            let delay = self.delay(&state);
            if delay == Some(Duration::ZERO)
                && let Some(job) = state.waiting.pop_front()
            {
                if state.waiting.len() + 1 == WAITING_COMMANDS {
                    self.advanced.notify_all();
                }
                if state.waiting.is_empty() && state.told_at > COMMANDS_BEHIND {
                    tracing::warn!("commands have caught up");
                    state.told_at = COMMANDS_BEHIND;
                }
                state.running += 1;
                state.last_begun = Some(Instant::now());
                self.call(&state);
                drop(state);
                self.run(job);
                state = self.lock();
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

    /// Wakes an idle thread, if there is a job that it may begin now, or nobody yet who watches for
    /// the time when it may.
    fn call(&self, state: &State<J>) {
        match self.delay(state) {
            Some(delay) if delay.is_zero() || state.watching == 0 => self.wanted.notify_one(),
            _ => {}
        }
    }

    /// After which time the next waiting job may begin; `None` if there is none, or none may.
    fn delay(&self, state: &State<J>) -> Option<Duration> {
        if state.waiting.is_empty() || state.running >= self.at_once {
            None
        } else if state.running < self.promptly {
            Some(Duration::ZERO)
        } else {
            let since = state.last_begun.map_or(Duration::MAX, |begun| begun.elapsed());
            Some(COMMAND_STAGGER.saturating_sub(since))
        }
    }

    /// Does a job that is counted as running.
    fn run(&self, job: J) {
        // A bug costs one job, not the thread; the panic is in the log.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.work)(job)));
        let mut state = self.lock();
        state.running -= 1;
        drop(state);
        self.advanced.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LONG: Duration = Duration::from_secs(20);

    fn later(duration: Duration) -> Instant {
        Instant::now() + duration
    }

    #[test]
    fn all_jobs_are_done_and_no_more_than_allowed_at_a_time() {
        let at_work = Arc::new([0; 3].map(|_| AtomicUsize::new(0)));
        let [now, most, done] = [0, 1, 2];
        let counters = Arc::clone(&at_work);
        let crew = Arc::new(Crew::new(3, move |()| {
            let running = counters[now].fetch_add(1, Ordering::SeqCst) + 1;
            counters[most].fetch_max(running, Ordering::SeqCst);
            std::thread::sleep(3 * COMMAND_STAGGER);
            counters[now].fetch_sub(1, Ordering::SeqCst);
            counters[done].fetch_add(1, Ordering::SeqCst);
        }));
        std::thread::scope(|scope| {
            for number in 0..4 {
                let crew = &crew;
                scope.spawn(move || {
                    for _ in 0..5 {
                        if number == 0 { crew.run_here(()) } else { crew.submit(()) }
                    }
                });
            }
        });
        assert_eq!(crew.finish(later(LONG)).0.len(), 0);
        assert_eq!(at_work[done].load(Ordering::SeqCst), 20);
        assert_eq!(at_work[most].load(Ordering::SeqCst), 3);
    }

    #[test]
    fn jobs_begin_in_their_order() {
        let (sender, order) = std::sync::mpsc::channel();
        let crew = Crew::new(1, move |number: i32| sender.send(number).unwrap());
        (0..100).for_each(|number| crew.submit(number));
        assert_eq!(crew.finish(later(LONG)).0.len(), 0);
        assert_eq!(order.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_begun_in_time_is_told() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let crew = Crew::new(1, move |_: i32| {
            let _ = gate.lock().unwrap().recv();
        });
        (0..3).for_each(|number| crew.submit(number));
        while crew.0.lock().running == 0 {
            std::thread::yield_now();
        }
        assert_eq!(crew.finish(later(Duration::from_millis(20))), (vec![1, 2], false));
        drop(go);
    }

    #[test]
    fn waiting_for_the_end_can_be_cut_short() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let crew = Crew::new(1, move |_: i32| {
            let _ = gate.lock().unwrap().recv();
        });
        crew.submit(1);
        crew.cut_short();
        let (left, cut_short) = crew.finish(later(LONG));
        assert!(cut_short && left.len() <= 1);
        drop(go);
    }

    #[test]
    fn a_panic_costs_one_job() {
        let (sender, done) = std::sync::mpsc::channel();
        let crew = Crew::new(2, move |number: i32| {
            assert!(number % 2 == 0, "a bug");
            sender.send(number).unwrap();
        });
        (0..10).for_each(|number| crew.submit(number));
        assert_eq!(crew.finish(later(LONG)).0.len(), 0);
        assert_eq!(done.try_iter().count(), 5);
    }

    /// No job is lost and no memory taken without end: whoever brings more waits.
    #[test]
    fn a_full_queue_holds_up_those_who_fill_it() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let done = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&done);
        let crew = Arc::new(Crew::new(1, move |()| {
            let _ = gate.lock().unwrap().recv();
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        crew.submit(());
        while crew.0.lock().running == 0 {
            std::thread::yield_now();
        }
        (0..WAITING_COMMANDS).for_each(|_| crew.submit(()));
        let filler = Arc::clone(&crew);
        let one_more = std::thread::spawn(move || filler.submit(()));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!one_more.is_finished());
        go.send(()).unwrap();
        one_more.join().unwrap();
        drop(go);
        assert_eq!(crew.finish(later(LONG)).0.len(), 0);
        assert_eq!(done.load(Ordering::SeqCst), WAITING_COMMANDS + 2);
    }
}
