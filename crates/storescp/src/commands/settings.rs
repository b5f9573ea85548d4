//! The settings of commands.

use std::ffi::OsString;
use std::time::Duration;

/// Commands and renaming after objects and studies. In commands, the placeholders `#p #f #a #c #r` are
/// replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandSettings {
    /// `--exec-on-reception`: a command for the shell, run after each C-STORE.
    pub on_reception: Option<OsString>,
    /// `--exec-on-eostudy`: one that is run after each study.
    pub on_end_of_study: Option<OsString>,
    /// `--rename-on-eostudy`: the files of a study get numbers for names.
    pub rename_on_end_of_study: bool,
    /// `--eostudy-timeout`: time without objects after which a study has ended.
    pub end_of_study_timeout: Option<Duration>,
    /// `--exec-sync`: an association waits for its commands.
    pub wait: bool,
    /// `--exec-max`: commands that run at a time, at least 1.
    pub max_commands: usize,
    /// `--exec-journal`: what waits is noted on disk, and run at the next start if the program is killed.
    pub journal: bool,
}

impl CommandSettings {
    /// True if a command is run or files are renamed at the end of a study.
    pub(crate) fn at_end_of_study(&self) -> bool {
        self.on_end_of_study.is_some() || self.rename_on_end_of_study
    }

    /// True if commands or renaming follow when studies time out.
    pub(crate) fn watches_studies(&self) -> bool {
        self.at_end_of_study() && self.end_of_study_timeout.is_some()
    }

    /// True if anything happens at all.
    pub(crate) fn do_something(&self) -> bool {
        self.on_reception.is_some() || self.at_end_of_study()
    }
}
