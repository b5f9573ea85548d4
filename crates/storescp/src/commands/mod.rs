//! What happens after an object is stored, and after a study: commands are run, files are numbered.
//!
//! ```text
//!   association ──► submit ──► queue ──► at most --exec-max threads ──► /bin/sh -c command
//!        └── --exec-sync: runs it itself, and waits ──────────────────────────┘
//! ```

mod children;
mod command_line;
mod crew;
mod environment;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
mod numbering;
mod settings;
mod shell;
#[cfg(test)]
mod tests;

pub use settings::CommandSettings;

use crate::error::Error;
use crate::limits::{FAILURES_TOLD, NOT_RUN_PATIENCE};
use children::{Children, Run, is_lack};
use command_line::{Placeholder, Template, Values};
use crew::{Crew, Outcome};
use dataset::Uid;
use platform::sync::Instant;
use receiver::net::PeerNames;
use receiver::output::studies::{EndedStudy, unpadded};
use receiver::{LogPath, OutputSettings, Peer, Sorting, StoredObject};
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use storage::{FileName, Storage};

/// Runs what is to happen, by itself or in threads of its own.
///
/// A job that waits takes some 500 bytes, and a Study Instance UID of up to 1024;
/// [`WAITING_COMMANDS`](crate::limits::WAITING_COMMANDS) of them may.
pub(crate) struct Commands {
    doer: Arc<Doer>,
    /// `None` where nothing happens.
    crew: Option<Crew<Job>>,
}

/// Something that is to be done.
pub(crate) enum Job {
    /// An object was received.
    Reception(Box<Reception>),
    /// A study has ended.
    EndOfStudy(EndedStudy),
}

/// An object that was received: what of a [`StoredObject`] commands are told.
pub(crate) struct Reception {
    /// The subdirectory that it is in, if objects are sorted.
    folder: Option<FileName>,
    /// Its file, if it is stored.
    file: Option<FileName>,
    peer: Peer,
    sop_class: Uid,
    sop_instance: Uid,
    /// Study Instance UID as it was sent, without padding.
    study: Option<Box<[u8]>>,
    /// That of the file, if it is stored.
    transfer_syntax: Option<&'static str>,
}

impl Reception {
    fn of(object: &StoredObject<'_>) -> Self {
        let file = object.file.as_ref();
        Self {
            folder: file.and_then(|file| file.folder.cloned()),
            file: file.map(|file| file.name.clone()),
            peer: *object.peer,
            sop_class: *object.sop_class,
            sop_instance: *object.sop_instance,
            study: file.and_then(|file| file.study).map(unpadded),
            transfer_syntax: file.map(|file| file.transfer_syntax),
        }
    }
}

/// What it takes to do it.
struct Doer {
    on_reception: Option<Template>,
    on_end_of_study: Option<Template>,
    /// Whether a command asks for the name of the peer.
    wants_host: bool,
    settings: CommandSettings,
    output: OutputSettings,
    storage: Option<Arc<dyn Storage>>,
    peer_names: Arc<PeerNames>,
    children: Children,
    /// When it was last told that commands cannot be run.
    failure_told: Mutex<Option<Instant>>,
}

impl Commands {
    /// # Errors
    /// [`Error::CommandLine`] if a value cannot be put into a command as it is, [`Error::Threads`] if
    /// there is no thread to run commands in.
    pub(crate) fn new(
        settings: &CommandSettings,
        output: &OutputSettings,
        storage: Option<Arc<dyn Storage>>,
        peer_names: Arc<PeerNames>,
    ) -> Result<Self, Error> {
        let doer = Arc::new(Doer::new(settings, output, storage, peer_names)?);
        let (worker, latecomer) = (Arc::clone(&doer), Arc::clone(&doer));
        let crew = || {
            let work = move |job| worker.run(job);
            Crew::new(settings.max_commands, work, move |job| latecomer.tell(&job))
        };
        let happens = settings.on_reception.is_some() || settings.at_end_of_study();
        let crew = happens.then(crew).transpose().map_err(Error::Threads)?;
        Ok(Self { doer, crew })
    }

    /// Whether a command wants to know the peer's name.
    pub(crate) fn want_host(&self) -> bool {
        self.doer.wants_host
    }

    /// An association was accepted: says so if commands cannot have its AE titles as they are.
    pub(crate) fn association_accepted(&self, peer: &Peer) {
        if self.doer.on_reception.is_some() || self.doer.on_end_of_study.is_some() {
            command_line::warn_of_unusual(peer);
        }
    }

    /// What the command of an object is to be told; `None` if there is no such command.
    pub(crate) fn reception(&self, object: &StoredObject<'_>) -> Option<Box<Reception>> {
        self.doer.on_reception.is_some().then(|| Box::new(Reception::of(object)))
    }

    /// Does what is to be done after an object was received. Returns at once, unless `--exec-sync` says to
    /// wait for the command.
    pub(crate) fn after_reception(&self, reception: Box<Reception>) {
        self.after_object(Job::Reception(reception));
    }

    /// Does what is to be done after the studies that an object has ended, as
    /// [`after_reception`](Self::after_reception) does.
    pub(crate) fn after_studies_of_object(&self, ended: Vec<EndedStudy>) {
        for study in ended {
            self.after_object(Job::EndOfStudy(study));
        }
    }

    fn after_object(&self, job: Job) {
        let Some(crew) = &self.crew else { return };
        if self.doer.settings.wait {
            crew.run_here(job);
        } else {
            crew.submit(job);
        }
    }

    /// Does what is to be done after studies that ended without an object; never waits for it.
    pub(crate) fn after_studies(&self, ended: Vec<EndedStudy>) {
        let Some(crew) = &self.crew else { return };
        for study in ended {
            crew.submit(Job::EndOfStudy(study));
        }
    }

    /// The server is ending: from now on nobody waits for room among the waiting commands.
    pub(crate) fn stop_waiting(&self) {
        if let Some(crew) = &self.crew {
            crew.stop_waiting();
        }
    }

    /// Waits for all that is to be done, until `deadline`; what is not begun then is told in the
    /// log. False if [`cut_short`](Self::cut_short) was called and something was left.
    pub(crate) fn finish(&self, deadline: Instant) -> bool {
        let Some(crew) = &self.crew else { return true };
        let (left, cut_short) = crew.finish(deadline);
        if left.is_empty() {
            return !cut_short;
        }
        let why = if cut_short { "cut short" } else { "grace period over" };
        tracing::error!("{why}, not done any more: {} commands", left.len());
        let begun = Instant::now();
        for (told, job) in left.iter().enumerate() {
            if begun.elapsed() > NOT_RUN_PATIENCE || (!cut_short && crew.is_cut_short()) {
                tracing::error!("not run, and not told one by one: {} more", left.len() - told);
                break;
            }
            self.doer.tell(job);
        }
        !cut_short
    }

    /// Ends [`finish`](Self::finish) now.
    pub(crate) fn cut_short(&self) {
        if let Some(crew) = &self.crew {
            crew.cut_short();
        }
    }
}

impl Doer {
    fn new(
        settings: &CommandSettings,
        output: &OutputSettings,
        storage: Option<Arc<dyn Storage>>,
        peer_names: Arc<PeerNames>,
    ) -> Result<Self, Error> {
        let prefix = match &output.sorting {
            Some(Sorting::ByTime { prefix } | Sorting::ByStudyUid { prefix }) => prefix.as_bytes(),
            Some(Sorting::ByPatientName) | None => b"",
        };
        let fixed = [
            (Placeholder::Directory, output.directory.as_os_str().as_encoded_bytes()),
            (Placeholder::Directory, prefix),
            (Placeholder::File, output.file_naming.extension.as_bytes()),
        ];
        let read = |option, text: &Option<_>, without: &[Placeholder]| {
            let known: Vec<_> =
                Placeholder::ALL.into_iter().filter(|known| !without.contains(known)).collect();
            let template = |text: &std::ffi::OsString| Template::new(text, &known, &fixed);
            text.as_ref().map(template).transpose().map_err(|refusal| Error::CommandLine {
                option,
                command: text.clone().unwrap_or_default(),
                reason: refusal.to_string(),
            })
        };
        // Where nothing is stored, there is neither directory nor file to name.
        let nothing: &[_] = &[Placeholder::Directory, Placeholder::File];
        let without = if storage.is_some() { &[] } else { nothing };
        let on_reception = read("--exec-on-reception", &settings.on_reception, without)?;
        let without: &[_] = if storage.is_some() { &[Placeholder::File] } else { nothing };
        let on_end_of_study = read("--exec-on-eostudy", &settings.on_end_of_study, without)?;
        let asks = |template: &Option<Template>| {
            template.as_ref().is_some_and(|template| {
                template.has(Placeholder::Host) || mentions(&template.text, environment::PEER_NAME)
            })
        };
        Ok(Self {
            wants_host: asks(&on_reception) || asks(&on_end_of_study),
            on_reception,
            on_end_of_study,
            settings: settings.clone(),
            output: output.clone(),
            storage,
            peer_names,
            children: Children::new(),
            failure_told: Mutex::default(),
        })
    }

    fn run(&self, mut job: Job) -> Outcome<Job> {
        if let (Job::EndOfStudy(study), true) = (&mut job, self.settings.rename_on_end_of_study)
            && !study.files.is_empty()
        {
            if !self.number_files(study) {
                return Outcome::Later(job);
            }
            // Should the command have to wait, they have their numbers.
            study.files = Vec::new();
        }
        match self.template(&job) {
            Some(template) => self.run_command(template, job),
            None => Outcome::Done,
        }
    }

    fn template(&self, job: &Job) -> Option<&Template> {
        match job {
            Job::Reception(_) => self.on_reception.as_ref(),
            Job::EndOfStudy(_) => self.on_end_of_study.as_ref(),
        }
    }

    /// False if it has to be done later.
    fn number_files(&self, study: &EndedStudy) -> bool {
        let Some(storage) = &self.storage else { return true };
        let shown = self.study_name(study);
        match numbering::number_files(storage.as_ref(), study, shown.as_ref()) {
            Ok(()) => true,
            Err(error) if is_lack(&error) => {
                self.tell_at_times("cannot rename the files of a study for now", &error);
                false
            }
            Err(error) => {
                tracing::warn!("cannot rename the files of {}: {error}", self.study_name(study));
                true
            }
        }
    }

    /// Runs a command to its end. Its standard streams and its working directory are ours; its
    /// environment is ours and [what it is about](environment::give); of our other descriptors it gets
    /// none.
    fn run_command(&self, template: &Template, job: Job) -> Outcome<Job> {
        let (folder, file, peer) = match &job {
            Job::Reception(it) => (it.folder.as_ref(), it.file.as_ref(), &it.peer),
            Job::EndOfStudy(study) => (Some(&study.folder), None, &study.peer),
        };
        // Where nothing is stored, there is no directory to name.
        let directory = self.storage.as_ref().map(|_| match folder {
            Some(folder) => self.output.directory.join(folder.as_str()),
            None => self.output.directory.clone(),
        });
        let host = || self.peer_names.name(peer.address).short();
        let values = Values { directory: directory.as_deref(), file, peer, host: &host };
        let text = match template.fill_in(&values) {
            Ok(text) => text,
            Err(refusal) => {
                tracing::error!("command not run: {refusal}: {}", self.named(template, &job));
                return Outcome::Done;
            }
        };
        if self.names_patient(&job) {
            tracing::debug!("executing command: {}", self.named(template, &job));
        } else {
            tracing::debug!("executing command: {}", text.display());
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(text);
        environment::give(&mut command, &job, &values, self.wants_host);
        match self.children.run(&mut command) {
            Run::Ended(status) if status.success() => {}
            Run::Ended(status) => {
                tracing::warn!("{}: {}", how_it_ended(status), self.named(template, &job));
            }
            Run::Lost(error) => {
                tracing::warn!("how it ended is lost: {error}: {}", self.named(template, &job));
            }
            Run::Lacking(error) => {
                self.tell_at_times("cannot start a command for now, trying again", &error);
                return Outcome::Later(job);
            }
            Run::Failed(error) => {
                self.tell_at_times("cannot run commands", &error);
                tracing::info!("not run: {error}: {}", self.named(template, &job));
            }
        }
        Outcome::Done
    }

    /// Tells what may fail very often, now and then.
    fn tell_at_times(&self, what: &str, error: &std::io::Error) {
        let mut told = self.failure_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= FAILURES_TOLD) {
            *told = Some(Instant::now());
            drop(told);
            tracing::error!("{what}: {error}");
        }
    }

    fn tell(&self, job: &Job) {
        match (self.template(job), job) {
            (Some(template), _) => tracing::error!("not run: {}", self.named(template, job)),
            (None, Job::EndOfStudy(study)) => {
                tracing::error!("files not renamed: {}", self.study_name(study));
            }
            (None, Job::Reception(_)) => {}
        }
    }

    /// A command as it was asked for, and what it is about: nothing that names a patient.
    fn named(&self, template: &Template, job: &Job) -> String {
        let command = template.text.display();
        match job {
            Job::Reception(it) => format!("{command} (SOP instance {})", it.sop_instance),
            Job::EndOfStudy(study) => format!("{command} ({})", self.study_name(study)),
        }
    }

    fn study_name(&self, study: &EndedStudy) -> String {
        LogPath::new(&self.output, Some(&study.folder), None).to_string()
    }

    /// Whether the path may name a patient, which no line of the log is to do.
    fn names_patient(&self, job: &Job) -> bool {
        let folder = match job {
            Job::Reception(reception) => reception.folder.as_ref(),
            Job::EndOfStudy(study) => Some(&study.folder),
        };
        LogPath::new(&self.output, folder, None).hides_something()
    }
}

fn mentions(text: &OsStr, word: &str) -> bool {
    text.as_encoded_bytes().windows(word.len()).any(|letters| letters == word.as_bytes())
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("command failed with exit code {code}"),
        (None, Some(signal)) => format!("command was ended by signal {signal}"),
        (None, None) => "command failed".to_owned(),
    }
}
