//! The pool that runs the commands of all treatments.

use super::job::{Job, JobKey};
use super::job_runner::JobRunner;
use super::journal::{Journal, Journals};
use super::shared::Shared;
use super::worker_pool::{JobOutcome, WorkerPool};
use crate::error::Error;
use crate::limits::NOT_RUN_LOG_TIME;
use control::CommandCounts;
use platform::sync::Instant;
use receiver::net::PeerNames;
use std::sync::{Arc, OnceLock};

/// Runs the commands of all treatments: one queue, and as many at a time as the settings in effect say
/// (`--exec-max`). It has threads once there is a command to run.
///
/// Holds up to [`WAITING_COMMANDS`](crate::limits::WAITING_COMMANDS) queued jobs of about 500 bytes and
/// a Study Instance UID of up to 1024 bytes each.
pub(crate) struct CommandPool {
    pool: OnceLock<WorkerPool<Task>>,
    shared: Arc<Shared>,
    /// Of jobs that survive the program.
    journals: Journals,
}

/// A job, and who knows how to do it.
struct Task {
    runner: Arc<JobRunner>,
    job: Job,
}

impl CommandPool {
    /// Without a thread.
    pub(crate) fn new(peer_names: Arc<PeerNames>) -> Self {
        let shared = Shared::new(peer_names);
        Self { pool: OnceLock::new(), shared: Arc::new(shared), journals: Journals::default() }
    }

    /// Makes it ready to run jobs, so many at a time. May be called again, by one thread at a time; jobs that run
    /// go on.
    ///
    /// # Errors
    /// [`Error::Threads`] if not one thread can be started.
    pub(crate) fn start(&self, at_once: usize) -> Result<(), Error> {
        if let Some(pool) = self.pool.get() {
            pool.set_at_once(at_once);
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let pool = WorkerPool::new(at_once, move |task: Task| task.run(&shared), Task::log_not_run);
        let _ = self.pool.set(pool.map_err(Error::Threads)?);
        Ok(())
    }

    /// Where jobs are recorded that survive the program.
    pub(super) fn journals(&self) -> &Journals {
        &self.journals
    }

    /// The journals that are in use.
    pub(crate) fn all_journals(&self) -> Vec<Arc<Journal>> {
        self.journals.all()
    }

    /// The program ends: what is recorded now is run at the next start. Removes journals with nothing in them.
    pub(crate) fn close_journals(&self) {
        let owed: usize = self.journals.all().iter().map(|journal| journal.close()).sum();
        if owed > 0 {
            let plural = if owed == 1 { "" } else { "s" };
            tracing::warn!(
                "{owed} command{plural} and ends of studies are in the journal, for the next start"
            );
        }
    }

    /// What the jobs of all treatments share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs a job. Returns at once, unless it `waits` for its end, or the queue is full.
    pub(super) fn run(&self, runner: &Arc<JobRunner>, job: Job, waits: bool) {
        let Some(pool) = self.pool.get() else { return };
        if !runner.has_work(&job) {
            return runner.strike_out(job.key());
        }
        self.shared.count_brought();
        let task = Task { runner: Arc::clone(runner), job };
        if waits {
            pool.run_here(task);
        } else {
            pool.submit(task);
        }
    }

    /// How many commands wait, run and have ended. Waits for no lock.
    pub(crate) fn counts(&self) -> CommandCounts {
        self.shared.counts()
    }

    /// Begins shutdown: from now on a full queue blocks no submitter.
    pub(crate) fn stop_waiting(&self) {
        if let Some(pool) = self.pool.get() {
            pool.stop_waiting();
        }
    }

    /// Waits until all jobs are done, until `deadline` at the latest; logs those not started by then.
    /// False if [`cut_short`](Self::cut_short) was called and jobs were left.
    pub(crate) fn finish(&self, deadline: Instant) -> bool {
        let Some(pool) = self.pool.get() else { return true };
        let (left, cut_short) = pool.finish(deadline);
        if left.is_empty() {
            return !cut_short;
        }
        let why = if cut_short { "cut short" } else { "grace period expired" };
        let plural = if left.len() == 1 { "" } else { "s" };
        let count = left.len();
        tracing::error!("{why}: {count} command{plural} not run");
        let begun = Instant::now();
        for (told, task) in left.into_iter().enumerate() {
            if begun.elapsed() > NOT_RUN_LOG_TIME || (!cut_short && pool.is_cut_short()) {
                tracing::error!("{} more commands not run", count - told);
                break;
            }
            task.log_not_run();
        }
        !cut_short
    }

    /// Ends [`finish`](Self::finish) now.
    pub(crate) fn cut_short(&self) {
        if let Some(pool) = self.pool.get() {
            pool.cut_short();
        }
    }
}

/// Strikes a job out of the journal when it is dropped.
struct StrikeOut {
    runner: Arc<JobRunner>,
    job: Option<JobKey>,
}

impl Drop for StrikeOut {
    fn drop(&mut self) {
        if let Some(job) = self.job {
            self.runner.strike_out(job);
        }
    }
}

impl Task {
    fn run(self, shared: &Shared) -> JobOutcome<Self> {
        let mut running = shared.begin();
        let Self { runner, job } = self;
        // Also after a panic: it would be the same at each start.
        let mut end = StrikeOut { runner: Arc::clone(&runner), job: Some(job.key()) };
        match runner.run(job) {
            JobOutcome::Later(job) => {
                running.is_retried = true;
                end.job = None;
                JobOutcome::Later(Self { runner, job })
            }
            JobOutcome::Done => JobOutcome::Done,
        }
    }

    fn log_not_run(self) {
        self.runner.log_not_run(&self.job);
    }
}
