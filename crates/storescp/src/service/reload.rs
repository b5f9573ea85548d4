//! Puts other settings in place while the program serves: all of them, or none.
//!
//! ```text
//!   SIGHUP, API ──► read the file ──► open and check all of it ──► put it in place for associations to come
//!                        └── a fault ──┴──► nothing has changed, and each fault is told
//! ```

use super::start_hints::start_hint;
use super::wiring::{Service, run_commands};
use crate::cli::Config;
use crate::error::Error;
use crate::generation::{Generation, build, needs_restart};
use crate::{logging, settings};
use control::{ReadProtection, ReloadFailure, Reloaded};
use receiver::net::tls::ReadFiles;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// Why settings are reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// SIGHUP.
    HangUp,
    /// A call of the API.
    Api,
}

/// What was read and opened, and is not in place yet.
struct Next {
    /// `None` if there is no settings file.
    generation: Option<Generation>,
    /// `None` without TLS.
    tls: Option<ReadFiles>,
    /// `None` without a control plane.
    protection: Option<ReadProtection>,
}

impl Service {
    /// Reads the settings file again, opens what it names, and puts it in place for new associations; reads keys and
    /// certificates again; reopens log files. If anything is wrong with the settings or the certificates, each fault
    /// is logged, and those that are in effect stay. One reload at a time.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn reload(self: &Arc<Self>, cause: Cause) -> Result<Reloaded, ReloadFailure> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = Vec::new();
        let files = logging::reopen_files();
        if files > 0 {
            done.push(reopened(files));
        }
        let result = match self.read_again() {
            Ok(next) => {
                let needs_restart = self.put_in_place(next, &mut done);
                for what in &needs_restart {
                    tracing::warn!("{cause}: {what}");
                }
                if done.is_empty() {
                    done.push("nothing to reload".to_owned());
                }
                let generation = self.generation.load().number;
                Ok(Reloaded { generation, done: done.clone(), needs_restart })
            }
            Err(faults) => {
                self.log_faults(cause, &faults);
                Err(ReloadFailure { faults })
            }
        };
        if let Some(monitor) = &self.monitor {
            monitor.settings_reloaded(result.is_ok());
        }
        if !done.is_empty() {
            tracing::info!("{cause}: {}", done.join(", "));
        }
        self.audit_reload(result.as_ref().err());
        result
    }

    /// Reports to the audit trail that the settings file was read again.
    fn audit_reload(&self, failure: Option<&ReloadFailure>) {
        let audit = self.telemetry.as_ref().and_then(|telemetry| telemetry.audit());
        if let (Some(audit), Some(file)) = (audit, &self.command_line.settings_file) {
            let why = failure.map(|failure| failure.faults.join("; "));
            audit.settings_reloaded(file, why.as_deref());
        }
    }

    /// Reads and opens everything, and changes nothing that serves.
    fn read_again(&self) -> Result<Next, Vec<String>> {
        let mut next = Next { generation: None, tls: None, protection: None };
        let config = match &self.command_line.settings_file {
            Some(_) => Some(
                settings::effective(&self.command_line)
                    .map_err(|faults| faults.lines().collect::<Vec<_>>())?,
            ),
            None => None,
        };
        let other = config.as_ref().and_then(|config| config.tls.as_ref());
        let (mut faults, mut unplaced) = (Vec::new(), Vec::new());
        match self.node.read_tls_files(other) {
            Ok(read) => next.tls = read,
            Err(error) => faults.push(self.about_file("[tls]", &error)),
        }
        let http = config.as_ref().and_then(|config| config.http.as_ref());
        let protection = self.protection.as_ref().map(|it| it.read_again(http)).transpose();
        match protection {
            Ok(read) => next.protection = read,
            Err(error) => {
                let fault = self.about_file("[http]", &settings::in_words(&error));
                // `storescp check` knows nothing of addresses that are open.
                let is_unplaced = matches!(error, control::Error::StillUnprotected { .. });
                if is_unplaced { &mut unplaced } else { &mut faults }.push(fault);
            }
        }
        if let Some(config) = config {
            match self.open(config) {
                Ok(generation) => next.generation = Some(generation),
                Err(others) => faults.extend(others),
            }
        }
        let mut told = if faults.is_empty() { faults } else { self.with_places(faults) };
        told.extend(unplaced);
        if told.is_empty() { Ok(next) } else { Err(told) }
    }

    /// What is wrong as `storescp check` says it, with line and column, if it finds the same.
    fn with_places(&self, faults: Vec<String>) -> Vec<String> {
        let Some(file) = &self.command_line.settings_file else { return faults };
        let found = settings::faults(file, &self.command_line);
        if found.is_empty() { faults } else { found }
    }

    /// What is wrong with this table of the settings file, or what it names.
    fn about_file(&self, table: &str, error: &dyn fmt::Display) -> String {
        match &self.command_line.settings_file {
            Some(file) => format!("{}: {table}: {error}", file.display()),
            None => error.to_string(),
        }
    }

    fn open(&self, config: Config) -> Result<Generation, Vec<String>> {
        for warning in &config.warnings {
            // Those of the command line were told at the start.
            if !self.command_line.warnings.contains(warning) {
                tracing::warn!("{warning}");
            }
        }
        let at_once = run_commands(&config).then_some(config.commands.max_commands);
        let told = |error: &Error| told(error, &self.command_line);
        let number = self.generation.load().number + 1;
        let generation = build(config, number, &self.shared)
            .map_err(|faults| faults.iter().map(told).collect::<Vec<_>>())?;
        let started = at_once.map_or(Ok(()), |at_once| self.shared.pool.start(at_once));
        let watched = started.and_then(|()| self.watch_studies());
        watched.map_err(|error| vec![told(&error)])?;
        Ok(generation)
    }

    /// Returns what needs a restart.
    fn put_in_place(self: &Arc<Self>, next: Next, done: &mut Vec<String>) -> Vec<String> {
        if let Some(files) = next.tls {
            self.node.replace_tls(files);
            done.push("reloaded keys and certificates".to_owned());
        }
        self.protect(next.protection, done);
        self.warn_of_expiry();
        let Some(generation) = next.generation else { return Vec::new() };
        let needs_restart = needs_restart(&self.started, &generation.config);
        let (number, rules) = (generation.number, generation.rules().len());
        let plural = if rules == 1 { "" } else { "s" };
        done.push(format!("settings generation {number} in effect ({rules} rule{plural})"));
        if let Some(monitor) = &self.monitor {
            monitor.set_titles(generation.calling_titles());
        }
        let generation = Arc::new(generation);
        self.generation.store(Arc::clone(&generation));
        if let Some(archive) = &self.archive {
            archive.follow(&generation);
        }
        self.recover_in_background();
        needs_restart
    }

    /// Puts in place who may use the control plane, and its certificate.
    fn protect(&self, next: Option<ReadProtection>, done: &mut Vec<String>) {
        let Some((protection, next)) = self.protection.as_ref().zip(next) else { return };
        done.extend(protection.replace(next).into_iter().map(|what| format!("reloaded {what}")));
    }

    fn log_faults(&self, cause: Cause, faults: &[String]) {
        if self.command_line.settings_file.is_none() {
            for fault in faults {
                tracing::error!(
                    "{cause}: keeping the keys and certificates that are in use: {fault}"
                );
            }
            return;
        }
        for fault in faults {
            tracing::error!("{cause}: {fault}");
        }
        let number = self.generation.load().number;
        tracing::error!(
            "{cause}: nothing has changed: settings generation {number} stays in effect"
        );
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HangUp => "SIGHUP",
            Self::Api => "reload by the API",
        })
    }
}

/// A fault of the settings that only shows when they are put to use, with what helps.
fn told(error: &Error, command_line: &Config) -> String {
    let file = command_line.settings_file.as_deref().unwrap_or(Path::new("")).display();
    match start_hint(error, command_line) {
        Some(hint) => format!("{file}: {error}: {hint}"),
        None => format!("{file}: {error}"),
    }
}

fn reopened(files: usize) -> String {
    format!("reopened {files} log file{}", if files == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_no_files() {
        assert_eq!(reopened(1), "reopened 1 log file");
        assert_eq!(reopened(2), "reopened 2 log files");
    }
}
