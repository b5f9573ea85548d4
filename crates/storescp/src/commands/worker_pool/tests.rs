//! The pool, with jobs that tell what became of them.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const LONG: Duration = Duration::from_secs(20);

fn later(duration: Duration) -> Instant {
    Instant::now() + duration
}

/// A pool whose jobs never fail, and that nobody brings one too late.
fn pool<J: Send + 'static>(
    at_once: usize,
    work: impl Fn(J) + Send + Sync + 'static,
) -> WorkerPool<J> {
    let work = move |job| {
        work(job);
        JobOutcome::Done
    };
    WorkerPool::new(at_once, work, |_| panic!("too late")).unwrap()
}

#[test]
fn all_jobs_are_done_and_no_more_than_allowed_at_a_time() {
    let at_work = Arc::new([0; 3].map(|_| AtomicUsize::new(0)));
    let [now, most, done] = [0, 1, 2];
    let counters = Arc::clone(&at_work);
    let pool = Arc::new(pool(3, move |()| {
        let running = counters[now].fetch_add(1, Ordering::SeqCst) + 1;
        counters[most].fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(3 * COMMAND_STAGGER);
        counters[now].fetch_sub(1, Ordering::SeqCst);
        counters[done].fetch_add(1, Ordering::SeqCst);
    }));
    std::thread::scope(|scope| {
        for number in 0..4 {
            let pool = &pool;
            scope.spawn(move || {
                for _ in 0..5 {
                    if number == 0 { pool.run_here(()) } else { pool.submit(()) }
                }
            });
        }
    });
    assert_eq!(pool.finish(later(LONG)).0.len(), 0);
    assert_eq!(at_work[done].load(Ordering::SeqCst), 20);
    assert_eq!(at_work[most].load(Ordering::SeqCst), 3);
}

#[test]
fn jobs_begin_in_their_order() {
    let (sender, order) = std::sync::mpsc::channel();
    let pool = pool(1, move |number: i32| sender.send(number).unwrap());
    (0..100).for_each(|number| pool.submit(number));
    assert_eq!(pool.finish(later(LONG)).0.len(), 0);
    assert_eq!(order.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

#[test]
fn what_is_not_begun_in_time_is_told() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let pool = pool(1, move |_: i32| {
        let _ = gate.lock().unwrap().recv();
    });
    (0..3).for_each(|number| pool.submit(number));
    while pool.0.lock().running == 0 {
        std::thread::yield_now();
    }
    assert_eq!(pool.finish(later(Duration::from_millis(20))), (vec![1, 2], false));
    drop(go);
}

#[test]
fn waiting_for_the_end_can_be_cut_short() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let pool = pool(1, move |_: i32| {
        let _ = gate.lock().unwrap().recv();
    });
    pool.submit(1);
    pool.cut_short();
    let (left, cut_short) = pool.finish(later(LONG));
    assert!(cut_short && left.len() <= 1);
    drop(go);
}

#[test]
fn a_panic_costs_one_job() {
    let (sender, done) = std::sync::mpsc::channel();
    let pool = pool(2, move |number: i32| {
        assert!(number % 2 == 0, "a bug");
        sender.send(number).unwrap();
    });
    (0..10).for_each(|number| pool.submit(number));
    assert_eq!(pool.finish(later(LONG)).0.len(), 0);
    assert_eq!(done.try_iter().count(), 5);
}

/// No job is lost and no memory taken without end: whoever brings more waits.
#[test]
fn a_full_queue_holds_up_those_who_fill_it() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let done = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&done);
    let pool = Arc::new(pool(1, move |()| {
        let _ = gate.lock().unwrap().recv();
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    pool.submit(());
    while pool.0.lock().running == 0 {
        std::thread::yield_now();
    }
    (0..WAITING_COMMANDS).for_each(|_| pool.submit(()));
    let filler = Arc::clone(&pool);
    let one_more = std::thread::spawn(move || filler.submit(()));
    std::thread::sleep(Duration::from_millis(20));
    assert!(!one_more.is_finished());
    go.send(()).unwrap();
    one_more.join().unwrap();
    drop(go);
    assert_eq!(pool.finish(later(LONG)).0.len(), 0);
    assert_eq!(done.load(Ordering::SeqCst), WAITING_COMMANDS + 2);
}

/// While the system has no process for a job, it and those behind it wait; each is done once.
#[test]
fn what_cannot_begin_for_a_moment_is_done_later_in_order() {
    let (sender, order) = std::sync::mpsc::channel();
    let tries = AtomicUsize::new(0);
    let work = move |number: usize| {
        if (3..7).contains(&tries.fetch_add(1, Ordering::SeqCst)) {
            return JobOutcome::Later(number);
        }
        sender.send(number).unwrap();
        JobOutcome::Done
    };
    let pool = WorkerPool::new(1, work, |_| panic!("too late")).unwrap();
    (0..5).for_each(|number| pool.submit(number));
    pool.run_here(5);
    assert_eq!(pool.finish(later(LONG)).0.len(), 0);
    let mut done: Vec<_> = order.try_iter().collect();
    done.retain(|&number| number != 5);
    assert_eq!(done, [0, 1, 2, 3, 4]);
}

#[test]
fn what_can_never_begin_is_told_in_order_at_the_end() {
    let pool = Arc::new(WorkerPool::new(4, JobOutcome::Later, |_| panic!("too late")).unwrap());
    (0..5).for_each(|number| pool.submit(number));
    let here = Arc::clone(&pool);
    let waits = std::thread::spawn(move || here.run_here(5));
    while pool.0.lock().next_number < 6 {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    assert_eq!(pool.finish(later(Duration::from_millis(50))).0, [0, 1, 2, 3, 4, 5]);
    assert!(begun.elapsed() < LONG / 4);
    waits.join().unwrap();
}

/// The end frees those who wait for room, and those who wait for their turn.
#[test]
fn at_the_end_nobody_waits_for_room_or_for_a_turn() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let too_late = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&too_late);
    let work = move |_| {
        let _ = gate.lock().unwrap().recv();
        JobOutcome::Done
    };
    let count = move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    let pool = Arc::new(WorkerPool::new(1, work, count).unwrap());
    pool.submit(0);
    while pool.0.lock().running == 0 {
        std::thread::yield_now();
    }
    (0..WAITING_COMMANDS).for_each(|_| pool.submit(0));
    let waiting = [0, 1].map(|number| {
        let pool = Arc::clone(&pool);
        let bring = move || if number == 0 { pool.submit(1) } else { pool.run_here(2) };
        std::thread::spawn(bring)
    });
    std::thread::sleep(Duration::from_millis(20));
    assert!(!waiting[0].is_finished() && !waiting[1].is_finished());
    pool.stop_waiting();
    while !waiting[0].is_finished() {
        std::thread::yield_now();
    }
    let (left, _) = pool.finish(later(Duration::from_millis(20)));
    for thread in waiting {
        thread.join().unwrap();
    }
    let brought: Vec<_> = left.iter().filter(|&&job| job > 0).copied().collect();
    assert_eq!((left.len(), brought.len()), (WAITING_COMMANDS + 2, 2));
    pool.submit(3);
    pool.run_here(3);
    assert_eq!(too_late.load(Ordering::SeqCst), 2);
    drop(go);
}
