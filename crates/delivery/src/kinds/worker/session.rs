//! Deliveries by one worker, which is started again when it fails.

use super::WorkerCommand;
use super::answer::Answer;
use super::process::Process;
use crate::kinds::programs::output::bounded;
use crate::kinds::programs::{gone, not_started};
use crate::limits::{FIRST_RESTART_PAUSE, LONGEST_RESTART_PAUSE, PROGRAM_STOP, STRAY_ANSWERS};
use crate::{Item, Outcome, Session, Stop, cloud_event};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest time between two looks at whether to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One worker, started with the first delivery.
pub(super) struct WorkerSession {
    worker: Arc<WorkerCommand>,
    process: Option<Process>,
    /// How often in a row it has failed without an answer.
    failures: u32,
    /// When it may be started again.
    restart: Option<Instant>,
    strays: Strays,
}

/// Answers in a row about events that the worker does not have.
#[derive(Default)]
struct Strays(u32);

/// One call of [`Session::deliver`].
struct Round<'r> {
    items: &'r [Item],
    /// Those that were not sent yet.
    waiting: VecDeque<usize>,
    /// Those that were sent and not answered, with their IDs.
    sent: Vec<(usize, String)>,
    tell: &'r mut dyn FnMut(usize, Outcome),
    /// When the worker last answered, or got something to do.
    last: Instant,
}

impl WorkerSession {
    pub(super) fn new(worker: Arc<WorkerCommand>) -> Self {
        Self { worker, process: None, failures: 0, restart: None, strays: Strays::default() }
    }

    /// Waits until the worker may be started, and starts it, unless it runs. False if it is stopped first, or cannot be
    /// started, which is told.
    fn start(&mut self, round: &mut Round<'_>, stop: &Stop) -> bool {
        if self.process.is_some() {
            return true;
        }
        while let Some(left) = self
            .restart
            .map(|at| at.saturating_duration_since(Instant::now()))
            .filter(|it| !it.is_zero())
        {
            if stop.is_set() {
                return false;
            }
            std::thread::sleep(left.min(LOOK_AGAIN));
        }
        match Process::start(&self.worker) {
            Ok(process) => {
                self.process = Some(process);
                self.strays = Strays::default();
                true
            }
            Err(error) => {
                let reason = bounded(&not_started(&self.worker.program, &error));
                if let Some(&first) = round.waiting.front() {
                    (round.tell)(first, Outcome::Unreachable { reason, after: None });
                }
                false
            }
        }
    }

    /// Sends and receives until all is answered, the worker fails, or it is stopped.
    ///
    /// # Errors
    /// How the worker has failed.
    fn converse(&mut self, round: &mut Round<'_>, stop: &Stop) -> Result<(), String> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let mut stop_at = None;
        while !round.is_done() {
            if !stop.is_set() {
                round.send(process, self.worker.window);
            } else if round.sent.is_empty()
                || Instant::now() >= *stop_at.get_or_insert_with(|| Instant::now() + PROGRAM_STOP)
            {
                return Ok(());
            }
            let (failures, strays) = (&mut self.failures, &mut self.strays);
            let whose = process.whose.clone();
            let done = process.exchange(LOOK_AGAIN, &mut |answer| {
                if round.answered(answer, strays, &whose) {
                    *failures = 0;
                }
            });
            // What is answered stands, however it ends.
            if round.is_done() {
                return Ok(());
            }
            done?;
            strays.check()?;
            if let Some(timeout) = self.worker.timeout
                && round.last.elapsed() >= timeout
            {
                return Err(format!("gave no answer within {} s", timeout.as_secs_f64()));
            }
        }
        Ok(())
    }

    /// The worker has failed: ends it, and has it started again after a pause. Why, for people.
    fn failed(&mut self, how: &str) -> String {
        let pause = FIRST_RESTART_PAUSE.saturating_mul(1 << self.failures.min(16));
        let pause = pause.min(LONGEST_RESTART_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.restart = Some(Instant::now() + pause);
        let Some(process) = self.process.take() else { return how.to_owned() };
        let whose = process.whose.clone();
        let last = process.stop_now();
        let reason = if last.is_empty() { String::new() } else { format!(": {last}") };
        let seconds = pause.as_secs_f64();
        tracing::warn!(
            "{whose}: the worker {how}{reason}; it may be started again after {seconds} s"
        );
        bounded(&format!("the worker {how}{reason}"))
    }

    /// Reads what the worker has written while it had nothing to do; if it has ended since, or broken the protocol, it
    /// is started again.
    fn look(&mut self) {
        let Some(process) = &mut self.process else { return };
        let (strays, whose) = (&mut self.strays, process.whose.clone());
        let looked = process.look(&mut |answer| strays.note(&answer, &whose));
        if let Err(how) = looked.and_then(|()| self.strays.check()) {
            // One that ends between events, as some do now and then, has not failed.
            if how.starts_with("ended with exit code 0") && self.failures == 0 {
                tracing::debug!("{whose}: the worker {how}");
                self.process = None;
            } else {
                self.failed(&how);
            }
        }
    }
}

impl Session for WorkerSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        // Whatever it answers before it has got them is not about them.
        self.look();
        let mut round = Round::new(items, tell);
        if round.is_done() || !self.start(&mut round, stop) {
            return;
        }
        if let Err(how) = self.converse(&mut round, stop) {
            let reason = self.failed(&how);
            round.failed(&reason);
        }
    }

    fn idle(&mut self, _: Duration) {
        self.look();
    }
}

impl<'r> Round<'r> {
    fn new(items: &'r [Item], tell: &'r mut dyn FnMut(usize, Outcome)) -> Self {
        let mut waiting = VecDeque::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match gone(item) {
                Some(reason) => tell(index, Outcome::Park { reason }),
                None => waiting.push_back(index),
            }
        }
        Self { items, waiting, sent: Vec::new(), tell, last: Instant::now() }
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Gives the worker as much as it may have at a time.
    fn send(&mut self, process: &mut Process, window: usize) {
        while self.sent.len() < window
            && let Some(index) = self.waiting.pop_front()
        {
            let item = &self.items[index];
            process.send(&cloud_event(item).to_string());
            self.sent.push((index, item.delivery.event.key.clone()));
            self.last = Instant::now();
        }
    }

    /// False if the worker does not have that event.
    fn answered(&mut self, answer: Answer, strays: &mut Strays, whose: &str) -> bool {
        let Some(place) = self.sent.iter().position(|(_, id)| *id == answer.id) else {
            strays.note(&answer, whose);
            return false;
        };
        let (index, _) = self.sent.swap_remove(place);
        (self.tell)(index, answer.outcome);
        self.last = Instant::now();
        strays.0 = 0;
        true
    }

    /// The worker has failed: what it had is tried again. The others are not told of: their turn did not come.
    fn failed(&mut self, reason: &str) {
        for (index, _) in self.sent.drain(..) {
            (self.tell)(index, Outcome::Again { reason: reason.to_owned(), after: None });
        }
    }
}

impl Strays {
    /// Says so at first, and counts.
    fn note(&mut self, answer: &Answer, whose: &str) {
        if self.0 == 0 {
            let id = bounded(&answer.id);
            tracing::warn!(
                "{whose}: answered an event that it does not have, which counts for nothing: {id}"
            );
        }
        self.0 = self.0.saturating_add(1);
    }

    fn check(&self) -> Result<(), String> {
        if self.0 > STRAY_ANSWERS {
            return Err(format!(
                "answered {} times in a row for events that it does not have",
                self.0
            ));
        }
        Ok(())
    }
}
