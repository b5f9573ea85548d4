//! What was typed, merged over what the command line says: a [`Config`].

mod catalog;
mod destinations;
mod faults;
mod http;
mod log;
mod network;
mod output;
mod rules;
mod telemetry;
mod tls;
mod treatment;

use super::reader::{At, Report};
use super::typed::File;
use crate::cli::Config;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What merging needs beside the values.
pub(super) struct Merging<'a> {
    pub(super) report: &'a mut Report,
    /// The folder of the settings file, in which relative paths begin.
    pub(super) folder: &'a Path,
}

impl Merging<'_> {
    /// A path as the file has it.
    fn path(&self, typed: &Path) -> PathBuf {
        self.folder.join(typed)
    }

    /// Merges what stands under a key: messages name it.
    fn inside<T>(&mut self, key: &str, merge: impl FnOnce(&mut Merging<'_>) -> T) -> T {
        let folder = self.folder;
        self.report.inside(key, |report| merge(&mut Merging { report, folder }))
    }

    fn fault(&mut self, span: &Range<usize>, message: impl AsRef<str>) {
        self.report.fault(span, message);
    }

    /// Faults for each of the keys that were typed beside one that excludes them.
    fn exclude(&mut self, typed: &[(&'static str, Range<usize>)], excluded: &[&str], by: &str) {
        for (field, span) in typed.iter().filter(|(field, _)| excluded.contains(field)) {
            let key = field.replace('_', "-");
            self.fault(span, format!("{key} has no effect with {by}: leave one of them out"));
        }
    }
}

/// The value of a key, if it is there.
fn value<T: Clone>(typed: &Option<At<T>>) -> Option<T> {
    typed.as_ref().map(|it| it.value.clone())
}

pub(crate) use http::in_words;

/// What the file says over what the command line says.
pub(super) fn config(file: &File, command_line: &Config, merging: &mut Merging<'_>) -> Config {
    let mut config = Config { port_only: false, ..command_line.clone() };
    network::merge(file, &mut config, merging);
    if let Some(tls) = &file.tls {
        let before = config.tls.take();
        config.tls = merging.inside("tls", |merging| tls::merge(tls, before, merging));
    }
    if let Some(http) = &file.http {
        let (before, receiver) = (config.http.take(), config.tls.as_ref());
        config.http =
            merging.inside("http", |merging| http::merge(http, before, receiver, merging));
    }
    if let Some(audit) = &file.audit {
        let before = config.audit.take();
        config.audit = merging.inside("audit", |merging| telemetry::audit(audit, before, merging));
    }
    if let Some(traces) = &file.traces {
        let before = config.traces.take();
        config.traces =
            merging.inside("traces", |merging| telemetry::traces(traces, before, merging));
    }
    if let Some(log) = &file.log {
        log::merge(&log.value, &mut config.log, merging);
    }
    if let Some(faults) = &file.faults {
        faults::merge(&faults.value, &mut config, merging);
    }
    destinations::merge(file, &mut config, merging);
    let top = treatment::merge(&file.treatment, config.treatment(), merging);
    rules::merge(file, &top, &mut config, merging);
    config.negotiation = top.negotiation;
    config.timeouts.socket = top.timeouts.socket;
    config.timeouts.dimse = top.timeouts.dimse;
    config.ignore = top.ignore;
    config.output = top.output;
    config.leniency = top.leniency;
    config.commands = top.commands;
    config.deliver = top.deliver;
    config.keep = top.keep;
    destinations::check(file, &config, merging);
    catalog::merge(file, &mut config, merging);
    config
}
