//! Runs commands and numbers files after objects and studies.
//!
//! ```text
//!   association ──► submit ──► queue ──► at most --exec-max threads ──► /bin/sh -c command
//!        └── --exec-sync: runs it itself, and waits ──────────────────────────┘
//! ```

mod children;
mod command_line;
mod environment;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod job;
mod job_runner;
mod numbering;
mod placeholder;
mod settings;
mod shell;
#[cfg(test)]
mod tests;
mod worker_pool;

#[cfg(test)]
pub(crate) use environment::{NOT_PASSED_ON, VARIABLES};
pub use settings::CommandSettings;

use crate::error::Error;
use crate::limits::NOT_RUN_LOG_TIME;
use job::{Job, Reception};
use job_runner::JobRunner;
use platform::sync::Instant;
use receiver::net::PeerNames;
use receiver::output::studies::EndedStudy;
use receiver::{OutputSettings, Peer, StoredObject};
use std::sync::Arc;
use storage::Storage;
use worker_pool::WorkerPool;

/// Runs the commands of objects and studies, in the calling thread or in a pool.
///
/// Holds up to [`WAITING_COMMANDS`](crate::limits::WAITING_COMMANDS) queued jobs of about 500 bytes and
/// a Study Instance UID of up to 1024 bytes each.
pub(crate) struct Commands {
    runner: Arc<JobRunner>,
    /// `None` if there is nothing to run.
    pool: Option<WorkerPool<Job>>,
}

impl Commands {
    /// # Errors
    /// [`Error::CommandLine`] if a value cannot be substituted safely, [`Error::Threads`] if no
    /// thread can be started.
    pub(crate) fn new(
        settings: &CommandSettings,
        output: &OutputSettings,
        storage: Option<Arc<dyn Storage>>,
        peer_names: Arc<PeerNames>,
    ) -> Result<Self, Error> {
        let runner = Arc::new(JobRunner::new(settings, output, storage, peer_names)?);
        let (worker, latecomer) = (Arc::clone(&runner), Arc::clone(&runner));
        let pool = || {
            let work = move |job| worker.run(job);
            WorkerPool::new(settings.max_commands, work, move |job| latecomer.log_not_run(&job))
        };
        let happens = settings.on_reception.is_some() || settings.at_end_of_study();
        let pool = happens.then(pool).transpose().map_err(Error::Threads)?;
        Ok(Self { runner, pool })
    }

    /// Whether these commands can be run. Runs and starts nothing.
    ///
    /// # Errors
    /// As [`Commands::new`].
    pub(crate) fn check(settings: &CommandSettings, output: &OutputSettings) -> Result<(), Error> {
        JobRunner::new(settings, output, None, Arc::new(PeerNames::new(false))).map(drop)
    }

    /// True if a command uses the name of the peer.
    pub(crate) fn want_host(&self) -> bool {
        self.runner.wants_host
    }

    /// Warns if commands get the AE titles of an accepted association changed.
    pub(crate) fn association_accepted(&self, peer: &Peer) {
        if self.runner.on_reception.is_some() || self.runner.on_end_of_study.is_some() {
            command_line::warn_of_unusual(peer);
        }
    }

    /// What the command of an object needs to know; `None` if there is no such command.
    pub(crate) fn reception(&self, object: &StoredObject<'_>) -> Option<Box<Reception>> {
        self.runner.on_reception.is_some().then(|| Box::new(Reception::of(object)))
    }

    /// Runs the command of an object. Returns at once, unless `--exec-sync` waits for it, or the queue is
    /// full.
    pub(crate) fn after_reception(&self, reception: Box<Reception>) {
        self.after_object(Job::Reception(reception));
    }

    /// Does the same for the studies that an object has ended.
    pub(crate) fn after_studies_of_object(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.after_object(Job::EndOfStudy(study));
        }
    }

    fn after_object(&self, job: Job) {
        let Some(pool) = &self.pool else { return };
        if self.runner.settings.wait {
            pool.run_here(job);
        } else {
            pool.submit(job);
        }
    }

    /// Queues the jobs of studies that ended without an object; never waits for the commands.
    pub(crate) fn after_studies(&self, ended: Vec<EndedStudy>) {
        let Some(pool) = &self.pool else { return };
        for study in ended {
            pool.submit(Job::EndOfStudy(study));
        }
    }

    /// Begins shutdown: from now on a full queue blocks no submitter.
    pub(crate) fn stop_waiting(&self) {
        if let Some(pool) = &self.pool {
            pool.stop_waiting();
        }
    }

    /// Waits until all jobs are done, until `deadline` at the latest; logs those not started by then.
    /// False if [`cut_short`](Self::cut_short) was called and jobs were left.
    pub(crate) fn finish(&self, deadline: Instant) -> bool {
        let Some(pool) = &self.pool else { return true };
        let (left, cut_short) = pool.finish(deadline);
        if left.is_empty() {
            return !cut_short;
        }
        let why = if cut_short { "cut short" } else { "grace period expired" };
        let plural = if left.len() == 1 { "" } else { "s" };
        tracing::error!("{why}: {} command{plural} not run", left.len());
        let begun = Instant::now();
        for (told, job) in left.iter().enumerate() {
            if begun.elapsed() > NOT_RUN_LOG_TIME || (!cut_short && pool.is_cut_short()) {
                tracing::error!("{} more commands not run", left.len() - told);
                break;
            }
            self.runner.log_not_run(job);
        }
        !cut_short
    }

    /// Ends [`finish`](Self::finish) now.
    pub(crate) fn cut_short(&self) {
        if let Some(pool) = &self.pool {
            pool.cut_short();
        }
    }
}

/// The placeholders that commands may have.
#[cfg(test)]
pub(crate) fn placeholders() -> impl Iterator<Item = String> {
    placeholder::Placeholder::ALL.iter().map(ToString::to_string)
}
