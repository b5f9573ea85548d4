//! The output directories whose objects are in a catalogue.

use crate::cli::Config;
use crate::rules::{Decision, TreatmentSettings};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Each once, without those of rules that store nothing.
pub(super) fn directories(config: &Config) -> BTreeSet<PathBuf> {
    let of_rules = config.rules.iter().filter_map(|rule| match &rule.decision {
        Decision::Accept(settings) => Some(settings.as_ref().clone()),
        Decision::Refuse(_) => None,
    });
    let all = std::iter::once(config.treatment()).chain(of_rules);
    let stored = all.filter(|settings: &TreatmentSettings| !settings.ignore);
    stored.map(|settings| settings.output.directory).collect()
}
