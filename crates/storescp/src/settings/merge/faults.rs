//! Faults on purpose: those of the file replace those of the command line.

use super::{Merging, value};
use crate::cli::{self, Config};
use crate::limits::SETTINGS_BYTES;
use crate::settings::reader::read_at_most;
use crate::settings::typed::Faults;
use receiver::faults::{Action, Rule};
use receiver::limits::FAULT_RULES;
use std::path::Path;

pub(super) fn merge(typed: &Faults, config: &mut Config, merging: &mut Merging<'_>) {
    if typed.provoke.is_some() || typed.files.is_some() {
        config.faults.clear();
    }
    for fault in typed.provoke.iter().flat_map(|list| &list.value) {
        config.faults.push(fault.value.0.clone());
        let is_alert = matches!(fault.value.0.action, Action::TlsAlert(_));
        if is_alert && config.tls.is_none() {
            merging.fault(&fault.span, "faults.provoke: the fault 'tls alert' needs [tls]");
        }
    }
    for file in typed.files.iter().flat_map(|files| &files.value.0) {
        match read(&merging.path(&file.value)) {
            Ok((rules, seed)) => {
                let is_alert = |rule: &Rule| matches!(rule.action, Action::TlsAlert(_));
                if config.tls.is_none() && rules.iter().any(is_alert) {
                    merging.fault(&file.span, "faults.files: the fault 'tls alert' needs [tls]");
                }
                config.faults.extend(rules);
                config.fault_seed = seed.or(config.fault_seed);
            }
            Err(why) => merging.fault(&file.span, format!("faults.files: {why}")),
        }
    }
    if let Some(seed) = value(&typed.seed) {
        config.fault_seed = Some(seed.0);
    }
    let list = typed.provoke.as_ref().map(|it| &it.span);
    if let Some(span) = list.or(typed.files.as_ref().map(|it| &it.span))
        && config.faults.len() > FAULT_RULES
    {
        let message = format!("faults: {} faults, at most {FAULT_RULES}", config.faults.len());
        merging.fault(span, message);
    }
}

/// The faults in a file, and its seed.
fn read(path: &Path) -> Result<(Vec<Rule>, Option<u64>), String> {
    let shown = path.display();
    let content = read_at_most(path, SETTINGS_BYTES)
        .map_err(|error| format!("cannot read {shown}: {}", platform::reason(&error)))?
        .ok_or_else(|| format!("{shown} is larger than {} MiB", SETTINGS_BYTES >> 20))?;
    cli::fault_file(path, &content)
}
