//! Does a job: numbers the files of a study, runs a command.

pub(super) mod environment;
pub(super) mod numbering;

use super::command_line::{Placeholder, Template, Values};
use super::job::{Job, JobKey};
use super::journal::{Journal, Whose};
use super::settings::CommandSettings;
use super::shared::Shared;
use super::shared::children::{self, Execution, is_shortage};
use super::worker_pool::JobOutcome;
use crate::error::Error;
use receiver::log::ServedPeer;
use receiver::output::studies::EndedStudy;
use receiver::{LogPath, OutputSettings, PathTemplate, Sorting};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::slice::from_ref;
use std::sync::Arc;
use storage::{FileName, Storage};

/// Runs jobs, one at a time in each thread.
pub(super) struct JobRunner {
    pub(super) on_reception: Option<Template>,
    pub(super) on_end_of_study: Option<Template>,
    /// True if a command uses the name of the peer.
    pub(super) wants_host: bool,
    pub(super) settings: CommandSettings,
    output: OutputSettings,
    storage: Option<Arc<dyn Storage>>,
    shared: Arc<Shared>,
    /// Where jobs are recorded, if they are to survive the program.
    pub(super) journal: Option<Arc<Journal>>,
}

impl JobRunner {
    pub(super) fn new(
        settings: &CommandSettings,
        output: &OutputSettings,
        storage: Option<Arc<dyn Storage>>,
        shared: Arc<Shared>,
        journal: Option<Arc<Journal>>,
    ) -> Result<Self, Error> {
        let [on_reception, on_end_of_study] = Self::templates(settings, output, storage.is_some())?;
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
            shared,
            journal,
        })
    }

    /// The commands after objects and after studies, checked. `stores`: there are files.
    ///
    /// # Errors
    /// [`Error::CommandLine`].
    pub(super) fn templates(
        settings: &CommandSettings,
        output: &OutputSettings,
        stores: bool,
    ) -> Result<[Option<Template>; 2], Error> {
        let prefix = match &output.sorting {
            Some(Sorting::ByTime { prefix } | Sorting::ByStudyUid { prefix }) => prefix.as_bytes(),
            Some(Sorting::ByPatientName) | None => b"",
        };
        let mut fixed = vec![
            (Placeholder::Directory, output.directory.as_os_str().as_encoded_bytes()),
            (Placeholder::Directory, prefix),
            (Placeholder::File, output.file_naming.extension.as_bytes()),
        ];
        for text in output.path.iter().flat_map(PathTemplate::literals) {
            fixed.push((Placeholder::Directory, text.as_bytes()));
            fixed.push((Placeholder::File, text.as_bytes()));
        }
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
        // With --ignore there is neither directory nor file.
        let nothing: &[_] = &[Placeholder::Directory, Placeholder::File];
        let without = if stores { &[] } else { nothing };
        let on_reception = read("--exec-on-reception", &settings.on_reception, without)?;
        let without: &[_] = if stores { &[Placeholder::File] } else { nothing };
        let on_end_of_study = read("--exec-on-eostudy", &settings.on_end_of_study, without)?;
        Ok([on_reception, on_end_of_study])
    }

    /// Whether there is anything to do.
    pub(super) fn has_work(&self, job: &Job) -> bool {
        let renames = self.settings.rename_on_end_of_study && matches!(job, Job::EndOfStudy(_));
        renames || self.template(job).is_some()
    }

    pub(super) fn run(&self, mut job: Job) -> JobOutcome<Job> {
        let _about = ServedPeer::on_account_of(job.peer());
        if let (Job::EndOfStudy(study), true) = (&mut job, self.settings.rename_on_end_of_study)
            && !study.files.is_empty()
        {
            if !self.number_files(study) {
                return JobOutcome::Later(job);
            }
            // If the command is retried, the files are numbered already.
            study.files = Vec::new();
            if let Some(journal) = &self.journal {
                journal.study_numbered(study.number);
            }
        }
        match self.template(&job) {
            Some(template) => self.run_command(template, job),
            None => JobOutcome::Done,
        }
    }

    fn template(&self, job: &Job) -> Option<&Template> {
        match job {
            Job::Reception(_) => self.on_reception.as_ref(),
            Job::EndOfStudy(_) => self.on_end_of_study.as_ref(),
        }
    }

    /// False if it has to be retried.
    fn number_files(&self, study: &EndedStudy) -> bool {
        let Some(storage) = &self.storage else { return true };
        let shown = self.study_name(study);
        match numbering::number_files(storage.as_ref(), study, shown.as_ref()) {
            Ok(()) => true,
            Err(error) if is_shortage(&error) => {
                self.shared.log_now_and_then("cannot rename the files of a study for now", &error);
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
    fn run_command(&self, template: &Template, job: Job) -> JobOutcome<Job> {
        let (folders, file) = place(&job);
        let peer = job.peer();
        // With --ignore there is no directory.
        let directory = self.storage.as_ref().map(|_| {
            let mut directory = self.output.directory.clone();
            directory.extend(folders.iter().map(FileName::as_str));
            directory
        });
        let host = || self.shared.peer_names.name(peer.address).short();
        let values = Values { directory: directory.as_deref(), file, peer, host: &host };
        let text = match template.fill_in(&values) {
            Ok(text) => text,
            Err(refusal) => {
                self.shared.count_failure();
                tracing::error!("command not run: {refusal}: {}", self.named(template, &job));
                return JobOutcome::Done;
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
        match children::run(&mut command) {
            Execution::Ended(status) if status.success() => {}
            Execution::Ended(status) => {
                self.shared.count_failure();
                tracing::warn!("{}: {}", how_it_ended(status), self.named(template, &job));
            }
            Execution::Lost(error) => {
                tracing::warn!("exit status unknown: {error}: {}", self.named(template, &job));
            }
            Execution::Shortage(error) => {
                self.shared
                    .log_now_and_then("cannot start a command for now, trying again", &error);
                return JobOutcome::Later(job);
            }
            Execution::Failed(error) => {
                self.shared.count_failure();
                self.shared.log_now_and_then("cannot run commands", &error);
                tracing::info!("not run: {error}: {}", self.named(template, &job));
            }
        }
        JobOutcome::Done
    }

    /// Nothing is owed for a job any more.
    pub(super) fn strike_out(&self, job: JobKey) {
        let Some(journal) = &self.journal else { return };
        match job {
            JobKey::Reception(Some(entry)) => journal.reception_done(entry),
            JobKey::Reception(None) => {}
            JobKey::EndOfStudy(number) => journal.study_done(number),
        }
    }

    /// Which commands its jobs are about, for the journal: of objects, of studies.
    pub(super) fn whose(&self) -> [Whose; 2] {
        let text = |text: &Option<OsString>| {
            text.as_ref().map(|text| text.as_encoded_bytes().to_vec()).unwrap_or_default()
        };
        let CommandSettings { on_reception, on_end_of_study, rename_on_end_of_study, .. } =
            &self.settings;
        let renames: &[u8] = if *rename_on_end_of_study { b"-rns" } else { b"" };
        [
            Whose::of(&[b"-xcr", &text(on_reception)]),
            Whose::of(&[b"-xcs", &text(on_end_of_study), renames]),
        ]
    }

    pub(super) fn log_not_run(&self, job: &Job) {
        let _about = ServedPeer::on_account_of(job.peer());
        match (self.template(job), job) {
            (Some(template), _) => tracing::error!("not run: {}", self.named(template, job)),
            (None, Job::EndOfStudy(study)) => {
                tracing::error!("files not renamed: {}", self.study_name(study));
            }
            (None, Job::Reception(_)) => {}
        }
    }

    /// The command as given on the command line, and its object or study: nothing that names a patient.
    fn named(&self, template: &Template, job: &Job) -> String {
        let command = template.text.display();
        match job {
            Job::Reception(it) => format!("{command} (SOP instance {})", it.sop_instance),
            Job::EndOfStudy(study) => format!("{command} ({})", self.study_name(study)),
        }
    }

    fn study_name(&self, study: &EndedStudy) -> String {
        LogPath::new(&self.output, from_ref(&study.folder), None).to_string()
    }

    /// True if the path may name a patient, which the log must not.
    fn names_patient(&self, job: &Job) -> bool {
        let (folders, file) = place(job);
        LogPath::new(&self.output, folders, file).hides_something()
    }
}

/// The folders that a job is about, the outermost first, and its file.
fn place(job: &Job) -> (&[FileName], Option<&FileName>) {
    match job {
        Job::Reception(it) => (&it.folders, it.file.as_ref()),
        Job::EndOfStudy(study) => (from_ref(&study.folder), None),
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
