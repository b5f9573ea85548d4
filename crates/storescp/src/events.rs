//! What happens after an object is stored, and after a study: commands are run, files are numbered.
//!
//! ```text
//!   association ──► submit ──► queue ──► at most --exec-max threads ──► /bin/sh -c command
//!        └── --exec-sync: runs it itself, and waits ──────────────────────────┘
//! ```

mod children;
mod command_line;
mod crew;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod numbering;
#[cfg(test)]
mod tests;

pub(crate) use command_line::Peer;

use crate::cli::{self, Output};
use crate::peer_names::PeerNames;
use crate::storage::{FileName, Storage};
use crate::studies::EndedStudy;
use crate::sync::Instant;
use children::Children;
use command_line::Values;
use crew::Crew;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

/// Runs what is to happen, by itself or in threads of its own.
///
/// A job that waits takes some 200 bytes; [`WAITING_COMMANDS`](crate::limits::WAITING_COMMANDS) of
/// them may.
pub(crate) struct Events {
    doer: Arc<Doer>,
    crew: Crew<Job>,
}

/// Something that is to be done.
pub(crate) enum Job {
    /// An object was received.
    Reception {
        /// The subdirectory that it is in, if objects are sorted.
        folder: Option<FileName>,
        /// Its file, if it is stored.
        file: Option<FileName>,
        peer: Arc<Peer>,
    },
    /// A study has ended.
    EndOfStudy(EndedStudy),
}

/// What it takes to do it.
struct Doer {
    events: cli::Events,
    directory: PathBuf,
    storage: Option<Arc<dyn Storage>>,
    peer_names: Arc<PeerNames>,
    children: Children,
}

impl Events {
    pub(crate) fn new(
        events: &cli::Events,
        output: &Output,
        storage: Option<Arc<dyn Storage>>,
        peer_names: Arc<PeerNames>,
    ) -> Self {
        let directory = output.directory.clone();
        let children = Children::new();
        let doer =
            Arc::new(Doer { events: events.clone(), directory, storage, peer_names, children });
        let worker = Arc::clone(&doer);
        Self { doer, crew: Crew::new(events.max_commands, move |job| worker.run(job)) }
    }

    /// Whether something happens after each object or study, so that it matters who sends.
    pub(crate) fn name_peers(&self) -> bool {
        self.doer.events.on_reception.is_some() || self.doer.events.on_end_of_study.is_some()
    }

    /// Does what is to be done after an object was received, and after the studies that ended by
    /// it. Returns at once, unless `--exec-sync` says to wait for the commands.
    pub(crate) fn after_reception(&self, reception: Job, ended: Vec<EndedStudy>) {
        if self.doer.events.on_reception.is_some() {
            self.act(reception);
        }
        for study in ended {
            self.act(Job::EndOfStudy(study));
        }
    }

    /// Does what is to be done after studies that ended without an object; never waits for it.
    pub(crate) fn after_studies(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.crew.submit(Job::EndOfStudy(study));
        }
    }

    /// Waits for all that is to be done, until `deadline`; what is not begun then is told in the
    /// log. False if [`cut_short`](Self::cut_short) was called and something was left.
    pub(crate) fn finish(&self, deadline: Instant) -> bool {
        let (left, cut_short) = self.crew.finish(deadline);
        if left.is_empty() {
            return !cut_short;
        }
        let why = if cut_short { "cut short" } else { "grace period over" };
        tracing::error!("{why}, not done any more: {} commands", left.len());
        for job in left {
            self.doer.tell(&job);
        }
        !cut_short
    }

    /// Ends [`finish`](Self::finish) now.
    pub(crate) fn cut_short(&self) {
        self.crew.cut_short();
    }

    fn act(&self, job: Job) {
        if self.doer.events.wait {
            self.crew.run_here(job);
        } else {
            self.crew.submit(job);
        }
    }
}

impl Doer {
    fn run(&self, job: Job) {
        let command = self.command(&job);
        if let (Job::EndOfStudy(study), true) = (&job, self.events.rename_on_end_of_study) {
            self.number_files(study);
        }
        drop(job);
        if let Some(command) = command {
            self.run_command(&command);
        }
    }

    /// The command that a job is, with values in place of its placeholders.
    fn command(&self, job: &Job) -> Option<OsString> {
        let (text, folder, file, peer) = match job {
            Job::Reception { folder, file, peer } => {
                (&self.events.on_reception, folder.as_ref(), file.as_ref(), peer)
            }
            Job::EndOfStudy(study) => {
                (&self.events.on_end_of_study, Some(&study.folder), None, &study.peer)
            }
        };
        let text = text.as_deref()?;
        // Where nothing is stored, there is no directory to name.
        let directory = self.storage.as_ref().map(|_| match folder {
            Some(folder) => self.directory.join(folder.as_str()),
            None => self.directory.clone(),
        });
        let values = Values {
            directory: directory.as_deref(),
            file,
            peer,
            host: &|| self.peer_names.name(peer.address).short(),
        };
        Some(OsString::from_vec(command_line::fill_in(text, &values)))
    }

    fn number_files(&self, study: &EndedStudy) {
        let path = self.directory.join(study.folder.as_str());
        if let Some(storage) = &self.storage
            && let Err(error) = numbering::number_files(storage.as_ref(), study, &path)
        {
            tracing::warn!("cannot rename the files in {}: {error}", path.display());
        }
    }

    fn tell(&self, job: &Job) {
        match self.command(job) {
            Some(command) => tracing::error!("not run: {}", command.display()),
            None => tracing::error!("not done: a study that ended"),
        }
    }

    /// Runs a command to its end. Its standard streams, its environment and its working directory are
    /// ours; of our other descriptors it gets none.
    fn run_command(&self, text: &OsStr) {
        tracing::debug!("executing command: {}", text.display());
        match self.children.run(Command::new("/bin/sh").arg("-c").arg(text)) {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!("{}: {}", how_it_ended(status), text.display()),
            Err(error) => tracing::error!("cannot run a command: {error}: {}", text.display()),
        }
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("command failed with exit code {code}"),
        (None, Some(signal)) => format!("command was ended by signal {signal}"),
        (None, None) => "command failed".to_owned(),
    }
}

impl cli::Events {
    /// Whether something happens at the end of a study.
    pub(crate) fn at_end_of_study(&self) -> bool {
        self.on_end_of_study.is_some() || self.rename_on_end_of_study
    }

    /// Whether a command wants to know the peer's name.
    pub(crate) fn want_host(&self) -> bool {
        let asks = |text: &Option<OsString>| {
            text.as_deref().is_some_and(|text: &OsStr| {
                text.as_encoded_bytes().windows(2).any(|letters| letters == b"#r")
            })
        };
        asks(&self.on_reception) || asks(&self.on_end_of_study)
    }
}
