//! Lines on their way out: a bounded queue, and the thread that writes.
//!
//! A thread that logs hands its line over and goes on. A line waits for room as long as lines are being
//! written at [`LOG_PACE_BYTES`] in each [`LOG_PATIENCE`], which every file and every program that
//! reads a pipe exceeds by far. Behind an output that is slower, or stands still, lines are dropped at
//! once and counted until half of the queue is free; then the count is written where they would have
//! stood.

use crate::limits::{
    LAST_LINES_STANDSTILL, LOG_BYTES_WAITING, LOG_LONGEST_WAIT, LOG_PACE_BYTES, LOG_PATIENCE,
    LOG_WRITE_BYTES,
};
use chrono::{DateTime, Local};
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError, thread};
use receiver::limits::THREAD_STACK_BYTES;
use std::io;
use std::time::Duration;

/// Where lines are written to.
pub(in crate::logging) trait LineOutput: Send {
    /// Writes whole lines, the first of which was logged at this time.
    ///
    /// # Errors
    /// They are not written, or in part; more may be tried later.
    fn write(&mut self, time: Option<DateTime<Local>>, lines: &str) -> io::Result<()>;

    /// Whether several lines may be written at once.
    fn takes_batches(&self) -> bool {
        true
    }

    /// Opens a file anew, which may have been renamed.
    ///
    /// # Errors
    /// It cannot be opened.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Says that writing has begun to fail.
    fn failed(&self, _error: &io::Error) {}
}

/// What is written in place of so many lines that were lost; `None` for nothing.
pub(in crate::logging) type LossLine = Box<dyn Fn(u64) -> Option<String> + Send + Sync>;

/// A bounded queue of lines with a thread that writes them, one write for each batch of whole lines.
///
/// Holds up to [`LOG_BYTES_WAITING`], and next to nothing while nothing waits.
pub(in crate::logging) struct LineQueue {
    state: Mutex<State>,
    /// There is something to do for the thread that writes.
    work: Condvar,
    /// Something was written.
    progress: Condvar,
    output: Mutex<Box<dyn LineOutput>>,
    loss_line: LossLine,
}

#[derive(Default)]
struct State {
    waiting: Vec<QueuedText>,
    /// Of the lines that wait and of those that are being written.
    bytes: usize,
    /// Of all lines that were ever written, or could not be.
    written: u64,
    /// Since when there has been no room, and `written` at that time.
    full: Option<(Instant, u64)>,
    /// Lines are dropped until half of the queue is free.
    dropping: bool,
    /// Lost lines that are not reported yet.
    lost: u64,
    reopen: bool,
    writer_sleeps: bool,
    /// How many threads wait for room, or for the end of the queue.
    watchers: usize,
    /// There is no thread: those that log write themselves.
    no_thread: bool,
}

/// One line, or several that belong together.
struct QueuedText {
    time: Option<DateTime<Local>>,
    text: String,
    lines: u64,
}

impl QueuedText {
    fn bytes(&self) -> usize {
        self.text.len() + size_of::<Self>()
    }
}

impl LineQueue {
    /// Starts the thread. If none can be started, threads that log write themselves.
    pub(in crate::logging) fn start(output: Box<dyn LineOutput>, loss_line: LossLine) -> Arc<Self> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            output: Mutex::new(output),
            loss_line,
        });
        let writer = Arc::clone(&queue);
        let thread = thread::Builder::new().name("log".to_owned()).stack_size(THREAD_STACK_BYTES);
        if thread.spawn(move || writer.write_all()).is_err() {
            queue.lock().no_thread = true;
        }
        queue
    }

    /// Hands over text that counts as so many lines. Nothing comes between its lines.
    pub(in crate::logging) fn push(&self, time: Option<DateTime<Local>>, text: String, lines: u64) {
        let text = QueuedText { time, text, lines };
        let Some(mut state) = self.room_for(&text) else { return };
        if state.no_thread {
            drop(state);
            let _ = self.output().write(time, &text.text);
            return;
        }
        state.bytes += text.bytes();
        state.waiting.push(text);
        self.wake_writer(state);
    }

    /// Has the file opened anew before the next line.
    pub(in crate::logging) fn reopen(&self) {
        let mut state = self.lock();
        state.reopen = true;
        self.wake_writer(state);
    }

    /// Returns when all lines are written, or at `deadline`, or once nothing was written for
    /// [`LAST_LINES_STANDSTILL`].
    pub(in crate::logging) fn finish(&self, deadline: Instant) {
        let mut state = self.lock();
        let mut seen = (state.written, Instant::now());
        while state.bytes > 0 && !state.no_thread {
            let now = Instant::now();
            if state.written != seen.0 {
                seen = (state.written, now);
            }
            let end = deadline.min(seen.1 + LAST_LINES_STANDSTILL);
            if now >= end {
                return;
            }
            state = self.watch(state, end - now);
        }
    }

    /// The state, with room for this; `None` if it is lost, and counted.
    fn room_for(&self, text: &QueuedText) -> Option<MutexGuard<'_, State>> {
        let bytes = text.bytes();
        let mut state = self.lock();
        let mut began = None;
        while !state.dropping {
            if state.has_room(bytes) {
                return Some(state);
            }
            let now = Instant::now();
            let written = state.written;
            let (since, written_then) = *state.full.get_or_insert((now, written));
            let waited = now - since;
            if now - *began.get_or_insert(now) >= LOG_LONGEST_WAIT
                || (waited >= LOG_PATIENCE && written - written_then < LOG_PACE_BYTES)
            {
                state.dropping = true;
                self.progress.notify_all();
                break;
            }
            if waited >= LOG_PATIENCE {
                state.full = Some((now, written));
            }
            state = self.watch(state, LOG_PATIENCE.saturating_sub(waited));
        }
        // Under the same lock, so that the next one to make room reports it.
        state.lost += text.lines;
        None
    }

    fn watch<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        limit: Duration,
    ) -> MutexGuard<'s, State> {
        state.watchers += 1;
        let woken = self.progress.wait_timeout(state, limit.max(Duration::from_millis(1)));
        let mut state = woken.unwrap_or_else(PoisonError::into_inner).0;
        state.watchers -= 1;
        state
    }

    fn wake_writer(&self, state: MutexGuard<'_, State>) {
        let sleeps = state.writer_sleeps;
        drop(state);
        if sleeps {
            self.work.notify_one();
        }
    }

    /// What the thread does, as long as the program runs.
    fn write_all(&self) {
        let mut failing = false;
        loop {
            let (texts, reopen) = self.next_texts();
            if reopen {
                let opened = self.output().reopen();
                self.report(&opened, &mut failing);
            }
            let mut texts = texts.into_iter().peekable();
            while let Some(mut batch) = texts.next() {
                let mut bytes = batch.bytes();
                while let Some(next) = texts.next_if(|next| self.goes_with(&batch, next)) {
                    bytes += next.bytes();
                    batch.text.push_str(&next.text);
                    batch.lines += next.lines;
                }
                let written = self.output().write(batch.time, &batch.text);
                self.report(&written, &mut failing);
                self.done_with(bytes, if failing { batch.lines } else { 0 });
            }
        }
    }

    /// Reports a failure once, until it works again.
    fn report(&self, done: &io::Result<()>, failing: &mut bool) {
        if let (Err(error), false) = (done, *failing) {
            self.output().failed(error);
        }
        *failing = done.is_err();
    }

    /// Waits for something to do.
    fn next_texts(&self) -> (Vec<QueuedText>, bool) {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.reopen {
            state.writer_sleeps = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.writer_sleeps = false;
        }
        (std::mem::take(&mut state.waiting), std::mem::take(&mut state.reopen))
    }

    fn goes_with(&self, batch: &QueuedText, next: &QueuedText) -> bool {
        batch.text.len() + next.text.len() <= LOG_WRITE_BYTES && self.output().takes_batches()
    }

    /// Makes room for lines that were written, or could not be.
    fn done_with(&self, bytes: usize, lost: u64) {
        let mut state = self.lock();
        state.bytes -= bytes;
        state.written += bytes as u64;
        state.lost += lost;
        if state.bytes <= LOG_BYTES_WAITING / 2 {
            state.full = None;
            state.dropping = false;
            if state.lost > 0 && lost == 0 {
                let count = std::mem::take(&mut state.lost);
                if let Some(text) = (self.loss_line)(count) {
                    let told = QueuedText { time: Some(Local::now()), text, lines: count };
                    state.bytes += told.bytes();
                    state.waiting.push(told);
                }
            }
        }
        if state.watchers > 0 {
            self.progress.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Box<dyn LineOutput>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is longer than the whole queue has room when that is empty.
    fn has_room(&self, bytes: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= LOG_BYTES_WAITING
    }
}

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
#[cfg(test)]
mod tests;
