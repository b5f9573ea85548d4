//! Any bytes, as a settings file over a command line.
//!
//! Checked: there is no panic; settings are within their bounds, and the same for the same file; faults are in the file, and
//! move with it; the rules can be asked.

use std::ffi::OsString;

use receiver::limits::FAULT_RULES;
use storescp::cli::{self, Action, Config};
use storescp::limits::{DESTINATIONS, RULES, SETTINGS_FAULTS};
use storescp::rules::{Decision, RuleTable, TreatmentSettings};
use storescp::settings::{Faults, parse};

/// Runs one input.
pub fn run(data: &[u8]) {
    // Files that it may name are read: no devices.
    let text = String::from_utf8_lossy(data);
    if ["/dev", "/proc", "/sys", "\\"].iter().any(|part| text.contains(part)) {
        return;
    }
    for line in ["--settings x", "11112 -od /out -su p -xcs x +tls k c +te --http 8042"] {
        let command_line = command_line(line);
        let read = parse(data, &command_line);
        assert_eq!(format!("{read:?}"), format!("{:?}", parse(data, &command_line)));
        match read {
            Ok(config) => check(config),
            Err(faults) => check_faults(&faults, data, &command_line),
        }
    }
}

fn command_line(line: &str) -> Config {
    match cli::parse(line.split(' ').map(OsString::from)) {
        Action::Run(config) => *config,
        other => panic!("{other:?}"),
    }
}

/// Checks what the rest of the program relies on.
fn check(config: Config) {
    assert!(config.settings_file.is_some() && config.rules.len() <= RULES);
    assert!(config.faults.len() <= FAULT_RULES);
    assert!(config.commands.max_commands > 0);
    assert!(config.network.addresses.iter().all(|address| address.port() > 0));
    assert!(config.http.as_ref().is_none_or(|http| http.check().is_ok()));
    check_destinations(&config);
    check_treatment(&config.treatment());
    for rule in &config.rules {
        if let Decision::Accept(settings) = &rule.decision {
            check_treatment(settings);
        }
    }
    let table = RuleTable::new(config.rules, config.refuses_others);
    assert!(table.rules().len() <= RULES);
}

fn check_destinations(config: &Config) {
    let names: Vec<&str> = config.destinations.iter().map(|it| it.name.as_str()).collect();
    assert!(names.len() <= DESTINATIONS && (names.is_empty() || config.catalog.is_some()));
    assert!((1..names.len()).all(|index| !names[..index].contains(&names[index])), "one twice");
    assert!(config.treatment().deliver.iter().all(|name| names.contains(&name.as_str())));
    for destination in &config.destinations {
        assert!(delivery::is_destination_name(&destination.name));
        assert!(destination.concurrency > 0 && !destination.on.is_empty());
        assert!(destination.retry.attempts != Some(0) && destination.bandwidth != Some(0));
    }
}

fn check_treatment(settings: &TreatmentSettings) {
    let negotiation = &settings.negotiation;
    assert!((4096..=131_072).contains(&negotiation.max_pdu_bytes));
    assert!(negotiation.max_pdu_bytes.is_multiple_of(2));
    let uids: Vec<&str> = negotiation.transfer_syntaxes.iter().map(|it| it.uid()).collect();
    assert!(!uids.is_empty());
    assert!((1..uids.len()).all(|index| !uids[..index].contains(&uids[index])), "one twice");
    assert!(negotiation.profile.is_none() || negotiation.classes.is_none());
    assert!(settings.max_associations != Some(0));
    let output = &settings.output;
    assert!(output.format.compression_level <= 9);
    assert!(output.path.is_none() || output.sorting.is_none());
    let commands = &settings.commands;
    let at_ends = commands.on_end_of_study.is_some() || commands.rename_on_end_of_study;
    assert!(output.sorting.is_some() || !at_ends, "ends of studies want sorting");
}

/// Checks that each fault has its place in the file, and moves with it.
fn check_faults(faults: &Faults, data: &[u8], command_line: &Config) {
    assert!((1..=SETTINGS_FAULTS + 1).contains(&faults.faults.len()));
    let lines = data.iter().filter(|&&byte| byte == b'\n').count() + 1;
    for (line, column) in faults.faults.iter().filter_map(|fault| fault.place) {
        assert!((1..=lines).contains(&line) && (1..=data.len() + 1).contains(&column));
    }
    if data.starts_with("\u{feff}".as_bytes()) {
        return;
    }
    let further = [b"#\n", data].concat();
    let Err(further) = parse(&further, command_line) else { panic!("a comment mends nothing") };
    let places = |faults: &Faults| -> Vec<_> { faults.faults.iter().map(|it| it.place).collect() };
    let moved = |place: Option<(usize, usize)>| place.map(|(line, column)| (line + 1, column));
    assert_eq!(places(&further), places(faults).into_iter().map(moved).collect::<Vec<_>>());
}
