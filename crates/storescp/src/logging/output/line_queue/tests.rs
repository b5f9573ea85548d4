use super::*;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// Takes writes in only when it is told to, and keeps them.
struct Slow {
    go: Receiver<()>,
    written: Arc<Mutex<Vec<String>>>,
    fails: Arc<Mutex<bool>>,
}

impl LineOutput for Slow {
    fn write(&mut self, _: Option<DateTime<Local>>, lines: &str) -> io::Result<()> {
        // When nobody tells any more, it is fast.
        let _ = self.go.recv();
        if *self.fails.lock().unwrap() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.lock().unwrap().push(lines.to_owned());
        Ok(())
    }
}

struct Fixture {
    queue: Arc<LineQueue>,
    go: Option<Sender<()>>,
    written: Arc<Mutex<Vec<String>>>,
    fails: Arc<Mutex<bool>>,
}

impl Fixture {
    fn new() -> Self {
        let (go, wait) = mpsc::channel();
        let (written, fails) = (Arc::default(), Arc::default());
        let output = Slow { go: wait, written: Arc::clone(&written), fails: Arc::clone(&fails) };
        let queue =
            LineQueue::start(Box::new(output), Box::new(|count| Some(format!("{count} lost\n"))));
        Self { queue, go: Some(go), written, fails }
    }

    fn push(&self, line: &str) {
        self.queue.push(None, format!("{line}\n"), 1);
    }

    fn text(&self) -> String {
        self.queue.finish(Instant::now() + Duration::from_secs(60));
        self.written.lock().unwrap().concat()
    }
}

/// A line that a full queue has room for so many of.
fn long_line(number: usize) -> String {
    format!("{number:0$}", LOG_BYTES_WAITING / LINES_WAITING - size_of::<QueuedText>() - 1)
}

const LINES_WAITING: usize = 512;

#[test]
fn an_output_that_takes_nothing_in_holds_up_nobody() {
    let mut slow = Fixture::new();
    let count = 3 * LINES_WAITING;
    let started = Instant::now();
    thread::scope(|scope| {
        for start in 0..4 {
            let slow = &slow;
            scope.spawn(move || {
                for number in (start..count).step_by(4) {
                    slow.push(&long_line(number));
                }
            });
        }
    });
    // One wait in all, not one for each line.
    assert!(started.elapsed() < LOG_PATIENCE * 3, "{:?}", started.elapsed());
    let asked = Instant::now();
    slow.queue.finish(asked + Duration::from_secs(60));
    assert!(asked.elapsed() < LAST_LINES_STANDSTILL * 2, "{:?}", asked.elapsed());
    slow.go = None;
    let text = slow.text();
    slow.push("last");
    let lines: Vec<&str> = text.lines().collect();
    let lost: u64 = lines.last().unwrap().strip_suffix(" lost").unwrap().parse().unwrap();
    assert_eq!(lines.len() - 1 + usize::try_from(lost).unwrap(), count);
    assert!(lines.len() >= LINES_WAITING, "{}", lines.len());
    assert!(slow.text().ends_with(" lost\nlast\n"));
}

#[test]
fn what_is_lost_is_told_where_it_would_have_stood() {
    let mut slow = Fixture::new();
    for number in 0..LINES_WAITING + 10 {
        slow.push(&long_line(number));
    }
    slow.go = None;
    slow.text();
    for word in ["one", "two"] {
        slow.push(word);
    }
    let text = slow.text();
    let end: Vec<&str> = text.lines().rev().take(4).collect();
    assert_eq!(end[..2], ["two", "one"]);
    assert!(end[2].ends_with(" lost"), "{}", end[2]);
    // In order up to there.
    let numbers = text.lines().map_while(|line| line.parse::<usize>().ok());
    assert!(numbers.enumerate().all(|(index, number)| index == number));
}

/// Whoever reads goes on reading: everybody waits, and nothing is lost.
#[test]
fn an_output_that_keeps_pace_gets_every_line() {
    let mut slow = Fixture::new();
    let go = slow.go.take().unwrap();
    // 4 KiB every millisecond.
    let reader = thread::spawn(move || {
        while go.send(()).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let count = 2 * LINES_WAITING;
    for number in 0..count {
        slow.push(&long_line(number));
    }
    let text = slow.text();
    assert!(text.lines().eq((0..count).map(long_line)), "{} lines", text.lines().count());
    drop(slow);
    drop(reader);
}

/// Somebody reads, but far too slowly: that is no pace to wait for.
#[test]
fn an_output_that_falls_behind_is_not_waited_for() {
    let mut slow = Fixture::new();
    let go = slow.go.take().unwrap();
    let reader = thread::spawn(move || {
        while go.send(()).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    let started = Instant::now();
    for number in 0..4 * LINES_WAITING {
        slow.push(&long_line(number));
    }
    assert!(started.elapsed() < LOG_PATIENCE * 4, "{:?}", started.elapsed());
    drop(reader);
}

#[test]
fn lines_are_written_together_and_never_cut() {
    let mut slow = Fixture::new();
    for number in 0..1000 {
        slow.push(&format!("line {number}"));
    }
    slow.queue.push(None, "a\nb\n".repeat(LOG_WRITE_BYTES), 2 * LOG_WRITE_BYTES as u64);
    slow.go = None;
    slow.text();
    let writes = slow.written.lock().unwrap();
    assert!(writes.len() < 20, "{}", writes.len());
    for write in &writes[..writes.len() - 1] {
        assert!(write.ends_with('\n') && write.len() <= LOG_WRITE_BYTES);
    }
    assert_eq!(writes.last().unwrap().len(), 4 * LOG_WRITE_BYTES);
}

#[test]
fn lines_that_cannot_be_written_are_counted_too() {
    let mut slow = Fixture::new();
    slow.go = None;
    *slow.fails.lock().unwrap() = true;
    for number in 0..10 {
        slow.push(&number.to_string());
    }
    assert_eq!(slow.text(), "");
    *slow.fails.lock().unwrap() = false;
    slow.push("works");
    slow.text();
    assert_eq!(slow.text(), "works\n10 lost\n");
}
