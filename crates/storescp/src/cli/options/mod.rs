//! The options. From their table the parser, the help text, the manual page, `docs/cli.md` and the
//! completions are made.
//!
//! To add an option:
//!
//! | where | what |
//! |---|---|
//! | [`spec::Opt`] | its name, at its place in the help text; for a new group of options that exclude each other a [`spec::Choice`] |
//! | the file of its theme | its entry in the list: names, values, help |
//! | below, in the same file | what it does: the field of the settings that the theme makes, and what it excludes |
//! | beneath, in the same file | a test |
//! | [`config`] | a line, if the theme is new: of several faults the one that DCMTK finds first is reported |
//!
//! Then `BLESS=1 cargo test -p storescp --test cli` writes the documents and completions anew.

mod control;
mod events;
mod faults;
mod general;
mod network;
mod output;
mod overridden;
mod preferences;
mod processes;
mod spec;
mod tls;
mod typed;

pub(super) use general::{LEVELS, log};
pub(super) use network::port;
pub(super) use spec::{Opt, OptionSpec, Section, Value};
pub(super) use typed::Typed;

use super::config::Config;
use super::fault::Fault;
use super::files::Files;
use crate::logging::LogSettings;
use receiver::Leniency;

/// Every option, in the order of the help text.
pub(super) static SECTIONS: [Section; 7] = [
    general::GENERAL,
    processes::PROCESSES,
    network::NETWORK,
    faults::FAULTS,
    tls::TLS,
    output::OUTPUT,
    events::EVENTS,
];

/// All entries of the table, in its order.
pub(super) fn all() -> impl Iterator<Item = &'static OptionSpec> {
    SECTIONS.iter().flat_map(|section| section.parts).flat_map(|part| part.options)
}

/// The entry with this long or short name; no abbreviations.
pub(super) fn find(name: &str) -> Option<&'static OptionSpec> {
    all().find(|option| option.long == name || (!name.is_empty() && option.short == name))
}

/// All settings but those of the log, which come first.
///
/// The order is that in which DCMTK's `storescp` looks for faults, so that of several the same one is
/// reported.
pub(super) fn config(
    typed: &Typed,
    port: u16,
    log: LogSettings,
    files: &impl Files,
) -> Result<Config, Fault> {
    let mut warnings = Vec::new();
    general::check_verbose_pc(&log)?;
    network::check_inetd(typed)?;
    let (limits, grace_period) = processes::limits(typed)?;
    let timeouts = network::timeouts(typed)?;
    let http = control::http(typed)?;
    let network = network::network(typed, port, &mut warnings);
    let max_pdu_bytes = network::max_pdu_bytes(typed, &mut warnings)?;
    let (faults, fault_seed) = faults::faults(typed, files)?;
    let profile = network::profile(typed)?;
    let output = output::settings(typed)?;
    let catalog = output::catalog(typed)?;
    let commands = events::settings(typed)?;
    let tls = tls::settings(typed)?;
    let (audit, traces) = (general::audit(typed)?, general::traces(typed)?);
    overridden::warn(typed, &mut warnings);
    faults::check_tls(&faults, tls.is_some())?;
    Ok(Config {
        port_only: typed.has_no_options(),
        network,
        negotiation: network::negotiation(typed, max_pdu_bytes, profile),
        timeouts,
        limits,
        grace_period,
        inetd: network::inetd(typed),
        faults,
        fault_seed,
        ignore: network::ignore(typed),
        tls,
        output,
        commands,
        log,
        settings_file: general::settings_file(typed),
        leniency: Leniency::default(),
        rules: Vec::new(),
        refuses_others: false,
        http,
        audit,
        traces,
        catalog,
        destinations: Vec::new(),
        deliver: Vec::new(),
        keep: archive::Keep::Forever,
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_table_once_and_in_order() {
        for (position, option) in all().enumerate() {
            assert_eq!(option.id as usize, position, "{}", option.long);
            assert_eq!(find(option.long).map(|found| found.id), Some(option.id));
            if !option.short.is_empty() {
                assert_eq!(find(option.short).map(|found| found.id), Some(option.id));
            }
        }
        assert_eq!(all().count(), Opt::ExecJournal as usize + 1);
    }

    #[test]
    fn only_whole_names_are_found() {
        for name in ["", "-", "--", "--verb", "--verbose=1", "-V", "+verbose"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn names_and_texts_fit_their_columns() {
        for option in all() {
            assert!(option.short.len() <= 5, "{}", option.long);
            assert!(option.long.len() <= 32, "{}", option.long);
            assert!(option.long.starts_with("--"), "{}", option.long);
            for line in option.help.iter().chain([&option.values_text]) {
                assert!(line.len() <= 47, "{line}");
            }
            assert_eq!(option.values_text.is_empty(), option.values.is_empty(), "{}", option.long);
        }
    }
}
