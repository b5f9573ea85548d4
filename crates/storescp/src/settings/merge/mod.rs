//! What was typed, merged over what the command line says: a [`Config`].

mod catalog;
mod destinations;
mod faults;
mod http;
mod log;
mod merging;
mod network;
mod output;
mod rules;
mod telemetry;
mod tls;
mod treatment;

use super::typed::File;
use crate::cli::Config;

pub(crate) use http::in_words;
pub(super) use merging::Merging;

use merging::value;

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
