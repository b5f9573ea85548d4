//! Any words, as a command line.
//!
//! The input, split at NULs, has the words, one per line; the content of `@file`; and the content of the files
//! of `--log-config` and `--fault-file`. No file is opened. Checked: there is no panic; a configuration is within
//! its bounds; words mean the same in a command file and on the command line; a fault prints as a text that means
//! the same; a password is not shown.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use receiver::net::tls::KeyPassword;
use receiver::output::naming::NameStyle;
use storescp::cli::{self, Action, Config, Files};
use storescp::logging::{LogConfig, LogConfigFault};

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |&byte| byte == 0);
    let mut part = || parts.next().unwrap_or_default().to_vec();
    let (line, command_file, log_config) = (part(), part(), part());
    let words: Vec<Vec<u8>> = line.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();

    let given = InMemory { command_file, log_config: log_config.clone() };
    let outcome = parse(&words, &given);
    if let Action::Run(config) = &outcome {
        check(config);
        check_faults(config);
        check_password(config, &words, &given);
    }
    if let Action::UsageError(text) = &outcome {
        assert!(text.is_empty() || text.ends_with('\n'));
    }

    let refers = words.iter().any(|word| word.len() > 1 && word[0] == b'@');
    if let Some(text) = quoted(&words).filter(|_| !refers) {
        let quoting = InMemory { command_file: text, log_config };
        let again = parse(&[b"@words".to_vec()], &quoting);
        assert_eq!(format!("{again:?}"), format!("{outcome:?}"));
    }
}

struct InMemory {
    command_file: Vec<u8>,
    log_config: Vec<u8>,
}

impl Files for InMemory {
    fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        match name.to_str() {
            Some("words") => Ok(self.command_file.clone()),
            Some("faults") => Ok(self.log_config.clone()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn log_config(&self, path: &Path) -> Result<LogConfig, LogConfigFault> {
        let text = String::from_utf8_lossy(&self.log_config);
        if path == "log" { LogConfig::parse(&text) } else { Err(LogConfigFault::Missing) }
    }
}

fn parse(words: &[Vec<u8>], files: &InMemory) -> Action {
    cli::parse_with(words.iter().cloned().map(OsString::from_vec), files)
}

/// Quotes the words; `None` if a word contains both kinds of quotes.
fn quoted(words: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    for word in words {
        let quote = [b'"', b'\''].into_iter().find(|quote| !word.contains(quote))?;
        text.push(quote);
        text.extend_from_slice(word);
        text.extend([quote, b'\n']);
    }
    Some(text)
}

/// Checks what the rest of the program relies on.
fn check(config: &Config) {
    const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

    assert!(config.network.port > 0 || config.inetd || config.settings_file.is_some());
    let negotiation = &config.negotiation;
    assert!((4096..=131_072).contains(&negotiation.max_pdu_bytes));
    assert!(negotiation.max_pdu_bytes.is_multiple_of(2));
    let uids: Vec<&str> = negotiation.transfer_syntaxes.iter().map(|it| it.uid()).collect();
    assert!(!uids.is_empty());
    assert!((1..uids.len()).all(|index| !uids[..index].contains(&uids[index])), "one twice");
    assert!(negotiation.profile.is_none() || !negotiation.promiscuous);

    let timeouts = &config.timeouts;
    let commands = &config.commands;
    let durations = [
        Some(timeouts.acse),
        timeouts.dimse,
        Some(config.grace_period),
        commands.end_of_study_timeout,
    ];
    assert!(durations.into_iter().flatten().all(|it| it <= LONGEST));
    assert!(config.limits.max_associations != Some(0));
    assert!(config.limits.max_associations_per_host != Some(0));
    assert!(commands.max_commands > 0);

    let output = &config.output;
    assert!(output.format.compression_level <= 9);
    let naming = &output.file_naming;
    assert!(!naming.extension.chars().any(|it| it == '/' || it.is_control()));
    assert!(matches!(naming.style, NameStyle::SopInstance | NameStyle::NewUid | NameStyle::Time));
    let sorted = output.sorting.is_some();
    let at_ends = commands.on_end_of_study.is_some()
        || commands.rename_on_end_of_study
        || commands.end_of_study_timeout.is_some();
    assert!(sorted || !at_ends, "ends of studies want sorting");
}

/// Checks that faults print as they can be typed.
fn check_faults(config: &Config) {
    assert!(config.faults.len() <= receiver::limits::FAULT_RULES);
    for fault in &config.faults {
        let words = ["1", "--enable-tls", "key", "certificate", "--fault", &fault.to_string()]
            .map(|word| word.as_bytes().to_vec());
        let none = InMemory { command_file: Vec::new(), log_config: Vec::new() };
        let Action::Run(again) = parse(&words, &none) else { panic!("{fault} is understood") };
        assert_eq!(again.faults, std::slice::from_ref(fault));
    }
}

/// Checks that nothing that could be logged depends on the password.
fn check_password(config: &Config, words: &[Vec<u8>], given: &InMemory) {
    let Some(KeyPassword::Given(password)) = config.tls.as_ref().map(|tls| &tls.password) else {
        return;
    };
    let password = password.as_encoded_bytes();
    let refers = words.iter().any(|word| word.starts_with(b"@"));
    if refers || words.iter().filter(|word| *word == password).count() != 1 {
        return;
    }
    let other: Vec<Vec<u8>> = words
        .iter()
        .map(|word| if word == password { b"another one".to_vec() } else { word.clone() })
        .collect();
    let Action::Run(other) = parse(&other, given) else { panic!("a password matters") };
    assert_eq!(format!("{other:?}"), format!("{config:?}"));
}
