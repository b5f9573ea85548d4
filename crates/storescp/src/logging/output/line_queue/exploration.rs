//! Each line is written once, in its order, or counted as lost, and no thread waits for an output for longer than
//! it is to.

use super::{LineOutput, LineQueue, LossLine};
use crate::limits::{LAST_LINES_STANDSTILL, LOG_LONGEST_WAIT};
use chrono::{DateTime, Local};
use platform::exploration::{ToAll, each_notification_counts, explore};
use platform::sync::{Arc, Condvar, Instant, Mutex, Timers, pause, thread};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const THREADS: usize = 3;
const LINES_EACH: usize = 2;
/// Ends the thread that writes, which otherwise writes as long as the program runs.
const END: &str = "end";

#[test]
fn each_line_is_written_once_or_counted() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, move || write_by_turns(timers));
    }
}

#[test]
fn an_output_that_stands_still_holds_up_nobody_for_long() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, move || stand_still(timers));
    }
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("line_queue/mod.rs", &ToAll::NotTried, || {
        write_by_turns(Timers::Patient);
    });
}

/// What was written, and the way to it.
#[derive(Default)]
struct Written {
    lines: Mutex<Vec<String>>,
    standing: Mutex<bool>,
    moving: Condvar,
    /// The thread that writes has ended.
    ended: AtomicBool,
}

struct Paper(Arc<Written>);

impl LineOutput for Paper {
    fn write(&mut self, _: Option<DateTime<Local>>, lines: &str) -> io::Result<()> {
        pause();
        let mut standing = self.0.standing.lock().unwrap();
        while *standing {
            standing = self.0.moving.wait(standing).unwrap();
        }
        drop(standing);
        for line in lines.lines() {
            if line == END {
                self.0.ended.store(true, Ordering::SeqCst);
                resume_unwind(Box::new(()));
            }
            self.0.lines.lock().unwrap().push(line.to_owned());
        }
        Ok(())
    }
}

/// A queue, its output, and the thread that writes.
fn queue() -> (Arc<LineQueue>, Arc<Written>, thread::JoinHandle<()>) {
    let written = Arc::new(Written::default());
    let loss_line: LossLine = Box::new(|count| Some(format!("{count} lost\n")));
    let queue = Arc::new(LineQueue {
        state: Mutex::default(),
        work: Condvar::new(),
        progress: Condvar::new(),
        output: Mutex::new(Box::new(Paper(Arc::clone(&written)))),
        loss_line,
    });
    let writer = Arc::clone(&queue);
    let thread = thread::spawn(move || drop(catch_unwind(AssertUnwindSafe(|| writer.write_all()))));
    (queue, written, thread)
}

fn log_by_turns(queue: &Arc<LineQueue>, most: Option<Duration>) {
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let queue = Arc::clone(queue);
            thread::spawn(move || {
                for line in 0..LINES_EACH {
                    let begun = Instant::now();
                    queue.push(None, format!("{number} {line}\n"), 1);
                    let waited = begun.elapsed();
                    assert!(most.is_none_or(|most| waited <= most), "waited for {waited:?}");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn write_by_turns(timers: Timers) {
    let (queue, written, writer) = queue();
    let begun = Instant::now();
    log_by_turns(&queue, None);
    queue.finish(Instant::now() + LONG);
    if timers == Timers::Patient {
        assert!(begun.elapsed().is_zero(), "waited for {:?}", begun.elapsed());
    }
    end(&queue, &written, writer);
    let lost = check(&written);
    assert!(timers == Timers::Hasty || lost == 0, "{lost} lines are lost");
}

fn stand_still(timers: Timers) {
    let longest = (timers == Timers::Patient).then_some(LOG_LONGEST_WAIT);
    let (queue, written, writer) = queue();
    *written.standing.lock().unwrap() = true;
    log_by_turns(&queue, longest);
    let begun = Instant::now();
    queue.finish(begun + LONG);
    assert!(begun.elapsed() <= 2 * LAST_LINES_STANDSTILL, "waited for {:?}", begun.elapsed());
    *written.standing.lock().unwrap() = false;
    written.moving.notify_all();
    queue.finish(Instant::now() + LONG);
    end(&queue, &written, writer);
    check(&written);
}

fn end(queue: &LineQueue, written: &Written, writer: thread::JoinHandle<()>) {
    // As long as lines are dropped, so is this one.
    while !written.ended.load(Ordering::SeqCst) {
        queue.finish(Instant::now() + LONG);
        queue.push(None, format!("{END}\n"), 0);
        thread::sleep(LONG);
    }
    writer.join().unwrap();
}

/// Returns how many lines are lost.
fn check(written: &Written) -> usize {
    let lines = written.lines.lock().unwrap().clone();
    let mut lost = 0;
    let mut next = [0; THREADS];
    let mut count = 0;
    for line in &lines {
        if let Some(number) = line.strip_suffix(" lost") {
            lost += number.parse::<usize>().unwrap();
            continue;
        }
        let (thread, line) = line.split_once(' ').unwrap();
        let (thread, line): (usize, usize) = (thread.parse().unwrap(), line.parse().unwrap());
        assert!(line >= next[thread], "out of order, or twice: {lines:?}");
        next[thread] = line + 1;
        count += 1;
    }
    assert_eq!(count + lost, THREADS * LINES_EACH, "{lines:?}");
    lost
}
