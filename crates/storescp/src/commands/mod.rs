//! Runs commands and numbers files after objects and studies.
//!
//! ```text
//!   association ──► submit ──► queue ──► at most --exec-max threads ──► /bin/sh -c command
//!        └── --exec-sync: runs it itself, and waits ──────────────────────────┘
//! ```

mod children;
mod command_line;
mod command_pool;
mod environment;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod job;
mod job_runner;
mod numbering;
mod placeholder;
mod settings;
mod shared;
mod shell;
#[cfg(test)]
mod tests;
mod worker_pool;

pub(crate) use command_pool::CommandPool;
#[cfg(test)]
pub(crate) use environment::{NOT_PASSED_ON, VARIABLES};
pub use settings::CommandSettings;

use crate::error::Error;
use job::{Job, Reception};
use job_runner::JobRunner;
use receiver::output::studies::EndedStudy;
use receiver::{OutputSettings, Peer, StoredObject};
use std::sync::Arc;
use storage::Storage;

/// What happens after the objects and studies of a treatment. The commands of all treatments are run by one
/// [`CommandPool`].
pub(crate) struct Commands {
    runner: Arc<JobRunner>,
    pool: Arc<CommandPool>,
}

impl Commands {
    /// # Errors
    /// [`Error::CommandLine`] if a value cannot be substituted safely.
    pub(crate) fn new(
        settings: &CommandSettings,
        output: &OutputSettings,
        storage: Option<Arc<dyn Storage>>,
        pool: Arc<CommandPool>,
    ) -> Result<Self, Error> {
        let shared = Arc::clone(pool.shared());
        let runner = Arc::new(JobRunner::new(settings, output, storage, shared)?);
        Ok(Self { runner, pool })
    }

    /// Whether these commands can be run. Runs and starts nothing. `stores`: there are files.
    ///
    /// # Errors
    /// As [`Commands::new`].
    pub(crate) fn check(
        settings: &CommandSettings,
        output: &OutputSettings,
        stores: bool,
    ) -> Result<(), Error> {
        JobRunner::templates(settings, output, stores).map(drop)
    }

    /// True if a command uses the name of the peer.
    pub(crate) fn want_host(&self) -> bool {
        self.runner.wants_host
    }

    /// True if commands or renaming follow when studies time out.
    pub(crate) fn watch_studies(&self) -> bool {
        self.runner.settings.watches_studies()
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
        self.pool.run(&self.runner, job, self.runner.settings.wait);
    }

    /// Queues the jobs of studies that ended without an object; never waits for the commands.
    pub(crate) fn after_studies(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.pool.run(&self.runner, Job::EndOfStudy(study), false);
        }
    }
}

/// The placeholders that commands may have.
#[cfg(test)]
pub(crate) fn placeholders() -> impl Iterator<Item = String> {
    placeholder::Placeholder::ALL.iter().map(ToString::to_string)
}
