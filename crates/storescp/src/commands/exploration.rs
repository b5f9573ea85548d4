//! The pool does each job once, however its threads and those who bring jobs take turns.

use super::worker_pool::{JobOutcome, WorkerPool};
use crate::limits::{COMMAND_STAGGER, LONGEST_RETRY_DELAY};
use platform::exploration::{ToAll, each_notification_counts, explore};
use platform::sync::{Arc, Condvar, Instant, Mutex, Timers, pause, refuse_threads, thread};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const AT_ONCE: usize = 2;
const JOBS: usize = 5;

#[test]
fn each_job_is_done_once_and_never_too_many_at_a_time() {
    for timers in [Timers::Patient, Timers::Hasty] {
        for at_once in [1, AT_ONCE] {
            explore(timers, move || all_is_done(timers, at_once, 0, 0));
            explore(timers, move || all_is_done(timers, at_once, 2, 0));
            explore(timers, move || all_is_done(timers, at_once, 0, 2));
        }
    }
}

#[test]
fn what_is_not_done_in_the_end_is_told() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, || what_is_left_is_told(Duration::ZERO));
        explore(timers, || what_is_left_is_told(COMMAND_STAGGER));
    }
}

#[test]
fn whoever_waits_for_the_end_can_be_told_to_wait_no_longer() {
    explore(Timers::Patient, end_is_cut_short);
}

#[test]
fn whoever_waits_for_room_has_it_when_a_job_begins() {
    explore(Timers::Patient, room_comes_when_a_job_begins);
    explore(Timers::Patient, one_waits_for_its_turn_in_the_end);
}

#[test]
fn more_jobs_run_at_a_time_once_they_may() {
    explore(Timers::Patient, more_may_run);
    explore(Timers::Patient, an_idle_thread_may_run_a_job);
}

#[test]
fn the_end_frees_whoever_waits() {
    explore(Timers::Patient, the_end_frees_those_who_wait_for_room);
    explore(Timers::Patient, the_end_frees_those_who_wait_for_their_turn);
    explore(Timers::Patient, || two_have_their_turns_side_by_side(2));
    explore(Timers::Patient, || two_have_their_turns_side_by_side(3));
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("worker_pool/mod.rs", &ToAll::NotTried, || {
        all_is_done(Timers::Patient, 1, 0, 0);
        room_comes_when_a_job_begins();
        one_waits_for_its_turn_in_the_end();
        end_is_cut_short();
        more_may_run();
        an_idle_thread_may_run_a_job();
        the_end_frees_those_who_wait_for_room();
        the_end_frees_those_who_wait_for_their_turn();
        two_have_their_turns_side_by_side(2);
        two_have_their_turns_side_by_side(3);
    });
}

/// What became of the jobs.
#[derive(Default)]
struct Tally {
    begun: [AtomicUsize; JOBS],
    /// Those that came when no more were done.
    late: [AtomicUsize; JOBS],
    /// So many jobs that begin find no process.
    lacking: AtomicUsize,
    at_work: AtomicUsize,
    most: AtomicUsize,
    /// Until it is open, jobs that are begun do not end.
    gate: Gate,
}

impl Tally {
    /// A panic would only cost the job.
    fn work(&self, job: usize) -> JobOutcome<usize> {
        let lacks = |left: usize| left.checked_sub(1);
        if self.lacking.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lacks).is_ok() {
            return JobOutcome::Later(job);
        }
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_work, Ordering::SeqCst);
        self.begun[job].fetch_add(1, Ordering::SeqCst);
        pause();
        self.gate.pass();
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        JobOutcome::Done
    }

    /// How often each was begun, or told to have come too late.
    fn times_known(&self) -> [usize; JOBS] {
        let count = |of: &[AtomicUsize; JOBS], job: usize| of[job].load(Ordering::SeqCst);
        std::array::from_fn(|job| count(&self.begun, job) + count(&self.late, job))
    }
}

#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    closed: bool,
    waiting: usize,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        self.state.lock().unwrap().closed = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        while state.closed {
            state = self.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
    }

    /// Opens once so many jobs are at it.
    fn open_for(&self, jobs: usize) {
        let mut state = self.state.lock().unwrap();
        while state.waiting < jobs {
            state = self.changed.wait(state).unwrap();
        }
        drop(state);
        self.set_closed(false);
    }
}

fn pool(at_once: usize) -> (Arc<WorkerPool<usize>>, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    let (counted, late) = (Arc::clone(&tally), Arc::clone(&tally));
    let too_late = move |job: usize| {
        late.late[job].fetch_add(1, Ordering::SeqCst);
    };
    let pool = WorkerPool::new(at_once, move |job| counted.work(job), too_late).unwrap();
    (Arc::new(pool), tally)
}

fn bring(pool: &Arc<WorkerPool<usize>>, jobs: &'static [usize]) -> thread::JoinHandle<()> {
    let pool = Arc::clone(pool);
    thread::spawn(move || jobs.iter().for_each(|job| pool.submit(*job)))
}

/// More jobs than may wait, brought by two threads, and one that waits for its own; some threads of the pool
/// and some processes are refused.
fn all_is_done(timers: Timers, at_once: usize, threads: usize, lacking: usize) {
    let (pool, tally) = pool(at_once);
    tally.lacking.store(lacking, Ordering::SeqCst);
    refuse_threads(threads);
    let begun = Instant::now();
    let bringing = [bring(&pool, &[0, 1]), bring(&pool, &[2, 3])];
    pool.run_here(4);
    bringing.into_iter().for_each(|thread| thread.join().unwrap());
    let (left, cut_short) = pool.finish(Instant::now() + LONG);
    assert!(tally.most.load(Ordering::SeqCst) <= at_once, "more than may be done at a time");
    let mut known = tally.times_known();
    left.iter().for_each(|job| known[*job] += 1);
    assert_eq!((known, cut_short), ([1; JOBS], false), "each once");
    if timers == Timers::Patient {
        assert!(left.is_empty(), "nobody did {left:?}");
        // Each may have waited until another one could begin beside those that were running.
        let most = u32::try_from(JOBS).unwrap() * COMMAND_STAGGER
            + u32::try_from(lacking).unwrap() * LONGEST_RETRY_DELAY;
        assert!(begun.elapsed() <= most, "waited for {:?}", begun.elapsed());
    }
}

fn what_is_left_is_told(patience: Duration) {
    let (pool, tally) = pool(AT_ONCE);
    let bringing = bring(&pool, &[0, 1]);
    pool.submit(2);
    bringing.join().unwrap();
    let (left, cut_short) = pool.finish(Instant::now() + patience);
    assert!(!cut_short);
    // Nothing is begun any more: what is not done now is told.
    let mut known = tally.times_known();
    left.iter().for_each(|job| known[*job] += 1);
    assert_eq!(known, [1, 1, 1, 0, 0]);
}

/// No job that was begun ends before all are brought: two or three are being done then, the others wait.
fn room_comes_when_a_job_begins() {
    let (pool, tally) = pool(3);
    tally.gate.set_closed(true);
    let here = run_here(&pool, 4);
    bring(&pool, &[0, 1, 2, 3]).join().unwrap();
    tally.gate.set_closed(false);
    here.join().unwrap();
    assert!(pool.finish(Instant::now() + LONG).0.is_empty());
}

/// Who waits for his turn has it, also if others wait for the end meanwhile.
fn one_waits_for_its_turn_in_the_end() {
    let (pool, tally) = pool(1);
    pool.submit(0);
    let here = run_here(&pool, 4);
    pool.finish(Instant::now() + LONG);
    here.join().unwrap();
    assert_eq!(tally.times_known(), [1, 0, 0, 0, 1]);
}

/// None that was begun ends before three are being done.
fn more_may_run() {
    let (pool, tally) = pool(1);
    tally.gate.set_closed(true);
    let here = run_here(&pool, 4);
    pool.submit(0);
    pool.submit(1);
    pool.set_at_once(3);
    tally.gate.open_for(3);
    here.join().unwrap();
    assert!(pool.finish(Instant::now() + LONG).0.is_empty());
}

/// There are two threads, of which one must not run anything for a while.
fn an_idle_thread_may_run_a_job() {
    let (pool, tally) = pool(2);
    tally.gate.set_closed(true);
    pool.submit(0);
    pool.submit(1);
    tally.gate.open_for(2);
    pool.set_at_once(1);
    tally.gate.set_closed(true);
    pool.submit(2);
    pool.submit(3);
    pool.set_at_once(2);
    tally.gate.open_for(2);
    assert!(pool.finish(Instant::now() + LONG).0.is_empty());
}

fn run_here(pool: &Arc<WorkerPool<usize>>, job: usize) -> thread::JoinHandle<()> {
    let pool = Arc::clone(pool);
    thread::spawn(move || pool.run_here(job))
}

/// The job goes on for longer than anybody is to wait.
fn end_is_cut_short() {
    let (pool, tally) = pool(1);
    tally.gate.set_closed(true);
    let begun = Instant::now();
    pool.submit(0);
    let here = run_here(&pool, 4);
    let other = Arc::clone(&pool);
    let second_signal = thread::spawn(move || other.cut_short());
    let (left, cut_short) = pool.finish(Instant::now() + LONG);
    assert!(cut_short && begun.elapsed() < LONG, "waited for the whole grace period");
    second_signal.join().unwrap();
    tally.gate.set_closed(false);
    here.join().unwrap();
    assert!(left.len() <= 2);
}

/// As many jobs as may wait, and two more, while the first goes on.
fn the_end_frees_those_who_wait_for_room() {
    let (pool, tally) = pool(1);
    tally.gate.set_closed(true);
    let bringing = [bring(&pool, &[0, 1, 2]), bring(&pool, &[3, 4])];
    pause();
    pool.stop_waiting();
    bringing.into_iter().for_each(|thread| thread.join().unwrap());
    tally.gate.set_closed(false);
    assert!(pool.finish(Instant::now() + LONG).0.is_empty());
}

/// The first job goes on until the end is over.
fn the_end_frees_those_who_wait_for_their_turn() {
    let (pool, tally) = pool(1);
    tally.gate.set_closed(true);
    pool.submit(0);
    let here = [run_here(&pool, 1), run_here(&pool, 2)];
    pause();
    let (left, _) = pool.finish(Instant::now());
    let begun = tally.at_work.load(Ordering::SeqCst);
    if begun == 1 && tally.times_known()[0] == 1 {
        here.into_iter().for_each(|thread| thread.join().unwrap());
        tally.gate.set_closed(false);
    } else {
        tally.gate.set_closed(false);
        here.into_iter().for_each(|thread| thread.join().unwrap());
    }
    let mut known = tally.times_known();
    left.iter().for_each(|job| known[*job] += 1);
    assert_eq!(known, [1, 1, 1, 0, 0]);
}

/// Of those that wait for their turns, two do not wait for each other.
fn two_have_their_turns_side_by_side(waiting: usize) {
    let tally = Arc::new((Mutex::new(0), Condvar::new()));
    let both = Arc::clone(&tally);
    let work = move |job: usize| {
        if job > 1 {
            let mut begun = both.0.lock().unwrap();
            *begun += 1;
            both.1.notify_all();
            while *begun < 2 {
                begun = both.1.wait(begun).unwrap();
            }
        }
        JobOutcome::Done
    };
    let pool = Arc::new(WorkerPool::new(2, work, |_| panic!("too late")).unwrap());
    bring(&pool, &[0, 1]).join().unwrap();
    let here: Vec<_> = (2..2 + waiting).map(|job| run_here(&pool, job)).collect();
    here.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(pool.finish(Instant::now() + LONG).0.is_empty());
}
