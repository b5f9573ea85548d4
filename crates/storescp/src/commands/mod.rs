//! Runs commands and numbers files after objects and studies.
//!
//! ```text
//!   association ──► submit ──► queue ──► at most --exec-max threads ──► /bin/sh -c command
//!        └── --exec-sync: runs it itself, and waits ──────────────────────────┘
//! ```

mod command_line;
mod command_pool;
mod delivered;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod job;
mod job_runner;
mod journal;
mod settings;
mod shared;
#[cfg(test)]
mod tests;
mod worker_pool;

pub(crate) use command_pool::CommandPool;
pub(crate) use delivered::{Delivered, FindCommands, destination, destination_settings};
pub(crate) use job::Reception;
#[cfg(test)]
pub(crate) use job_runner::environment::{NOT_PASSED_ON, VARIABLES};
pub(crate) use journal::{Adopted, Journal, RecoveredStudy, adopt};
pub use settings::CommandSettings;

use crate::error::Error;
use job::Job;
use job_runner::JobRunner;
use journal::{StudyObject, Whose};
use receiver::output::studies::EndedStudy;
use receiver::{OutputSettings, Peer, StoredObject};
use std::sync::Arc;
use storage::{Durability, Storage};
use worker_pool::JobOutcome;

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
        let journal = (settings.journal && settings.do_something()).then(|| {
            let is_durable = storage.is_some() && output.durability != Durability::None;
            pool.journals().of(&output.directory, is_durable)
        });
        let runner = Arc::new(JobRunner::new(settings, output, storage, shared, journal)?);
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

    /// What the command of an object needs to know; `None` if there is no such command any more. To be called before its
    /// success is answered: then it is in the journal, with the object's part in its study.
    pub(crate) fn reception(&self, object: &StoredObject<'_>) -> Option<Box<Reception>> {
        self.note_study(object);
        self.runner.on_reception.as_ref()?;
        let mut reception = Box::new(Reception::of(object));
        let Some(journal) = &self.runner.journal else { return Some(reception) };
        let [whose, _] = self.runner.whose();
        reception.entry = journal.owes_reception(whose, &reception);
        if reception.entry.is_none() {
            // It is not recorded, so a kill would lose it: it is run before success is answered.
            self.pool.run(&self.runner, Job::Reception(reception), true);
            return None;
        }
        Some(reception)
    }

    /// The journal gets what the end of the object's study needs, if something follows it.
    fn note_study(&self, object: &StoredObject<'_>) {
        let Some(journal) = &self.runner.journal else { return };
        if !self.runner.settings.at_end_of_study() {
            return;
        }
        let file = object.file.as_ref();
        let place = file.and_then(|file| Some((file.open_study?, file, file.folders.first()?)));
        if let Some((number, file, folder)) = place {
            let [_, whose] = self.runner.whose();
            journal.study_has(number, whose, &StudyObject::of(object, file, folder));
        }
    }

    /// Runs a job in this thread, to its end.
    fn run_now(&self, job: Job) -> JobOutcome<Job> {
        self.pool.shared().count_brought();
        let mut running = self.pool.shared().begin();
        let outcome = self.runner.run(job);
        running.is_retried = matches!(outcome, JobOutcome::Later(_));
        outcome
    }

    /// The journal of its jobs.
    pub(crate) fn journal(&self) -> Option<&Arc<Journal>> {
        self.runner.journal.as_ref()
    }

    /// Which of an earlier run's jobs of objects it can do: those of the same command first, then any.
    pub(crate) fn does_receptions(&self, whose: Option<Whose>) -> bool {
        let [own, _] = self.runner.whose();
        self.runner.on_reception.is_some() && whose.is_none_or(|whose| whose == own)
    }

    /// The same of jobs of studies.
    pub(crate) fn does_studies(&self, whose: Option<Whose>) -> bool {
        let [_, own] = self.runner.whose();
        self.runner.settings.at_end_of_study() && whose.is_none_or(|whose| whose == own)
    }

    /// Queues the command of an object of an earlier run.
    pub(crate) fn resume(&self, reception: Box<Reception>) {
        self.pool.run(&self.runner, Job::Reception(reception), false);
    }

    /// Runs the command of an object. Returns at once, unless `--exec-sync` waits for it, or the queue is
    /// full.
    pub(crate) fn after_reception(&self, reception: Box<Reception>) {
        self.after_object(Job::Reception(reception));
    }

    /// Does the same for the studies that an object has ended.
    pub(crate) fn after_studies_of_object(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.note_end(&study);
            self.after_object(Job::EndOfStudy(study));
        }
    }

    fn note_end(&self, study: &EndedStudy) {
        if let Some(journal) = &self.runner.journal {
            journal.study_ended(study.number, study.reason);
        }
    }

    fn after_object(&self, job: Job) {
        self.pool.run(&self.runner, job, self.runner.settings.wait);
    }

    /// Queues the jobs of studies that ended without an object; never waits for the commands.
    pub(crate) fn after_studies(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.note_end(&study);
            self.pool.run(&self.runner, Job::EndOfStudy(study), false);
        }
    }
}

/// The placeholders that commands may have.
#[cfg(test)]
pub(crate) fn placeholders() -> impl Iterator<Item = String> {
    command_line::Placeholder::ALL.iter().map(ToString::to_string)
}
