//! `storescp check`: everything that is wrong with a settings file, and with what it names.

mod deliveries;

use super::faults::{Fault, Faults};
use super::merge::in_words;
use super::reader::{At, Report};
use super::typed::{Rule, Tls as TypedTls, Treatment};
use super::{Loaded, read};
use crate::cli::{self, Action, Config};
use crate::commands::Commands;
use crate::error::Error;
use crate::negotiation::profile::Profile;
use crate::rules::{Decision, TreatmentSettings};
use receiver::net::tls::{Error as TlsError, PeerCertificate, Tls};
use rustix::fs::{Access, access};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use telemetry::AuditDestination;

/// Runs `storescp check` with the words behind it. Exit code 0 if nothing is wrong.
pub(crate) fn check(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.collect();
    let [file] = words.as_slice() else {
        return misused("storescp check takes one settings file");
    };
    if file == "--help" || file == "-h" {
        return print(&cli::checker_help());
    }
    let path = Path::new(file);
    let (text, is_right) = match examine(path) {
        Ok(Examined { faults, warnings, rules, destinations }) => {
            let mut lines: Vec<String> = faults.iter().map(|fault| fault.line(path)).collect();
            lines.extend(warnings.iter().map(|warning| {
                let message = format!("warning: {}", warning.message);
                Fault { message, ..warning.clone() }.line(path)
            }));
            lines.push(conclusion(path, faults.len(), (rules, destinations)));
            (lines.join("\n"), faults.is_empty())
        }
        Err(faults) => {
            (format!("{faults}\n{}", conclusion(path, faults.faults.len(), (0, 0))), false)
        }
    };
    print(&format!("{text}\n"));
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs `storescp schema` with the words behind it: prints the JSON Schema of the settings file.
pub(crate) fn print_schema(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    match words.next() {
        None => print(&super::schema()),
        Some(word) if word == "--help" || word == "-h" => print(&cli::schema_help()),
        Some(_) => misused("storescp schema takes no arguments"),
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that closes the pipe early is no error.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn misused(fault: &str) -> ExitCode {
    let text = format!("error: {fault}\nhint: storescp --help\n");
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn conclusion(path: &Path, faults: usize, (rules, destinations): (usize, usize)) -> String {
    let counted = |number: usize, what: &str| {
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    let path = path.display();
    match faults {
        0 if destinations == 0 => format!("{path}: all is well, {}", counted(rules, "rule")),
        0 => {
            let (rules, destinations) =
                (counted(rules, "rule"), counted(destinations, "destination"));
            format!("{path}: all is well, {rules}, {destinations}")
        }
        _ => format!("{path}: {}", counted(faults, "fault")),
    }
}

/// Everything that is wrong with a settings file and what it names, one line each with its place, as
/// `storescp check` says it.
pub(crate) fn faults(path: &Path, command_line: &Config) -> Vec<String> {
    match examine_over(path, command_line, Servers::LeaveAlone) {
        Ok(found) => found.faults.iter().map(|fault| fault.line(path)).collect(),
        Err(faults) => faults.lines().collect(),
    }
}

/// What was found.
pub(super) struct Examined {
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    pub(super) rules: usize,
    pub(super) destinations: usize,
}

/// Reads a settings file, and opens what it names as the service would; writes nothing.
///
/// # Errors
/// What is wrong with the file itself: then nothing that it names was looked at.
pub(super) fn examine(path: &Path) -> Result<Examined, Faults> {
    examine_over(path, &nothing_typed(), Servers::Ask)
}

/// Whether servers are asked that the file names: that may take seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Servers {
    Ask,
    LeaveAlone,
}

/// The same over a command line.
fn examine_over(path: &Path, command_line: &Config, servers: Servers) -> Result<Examined, Faults> {
    let source = read(path)?;
    let Loaded { file, config, warnings } = Loaded::new(path, &source, command_line)?;
    let mut report = Report::default();
    let mut looked_at = HashSet::new();
    treatment(&file.treatment, &config.treatment(), &mut looked_at, &mut report);
    let rules: &[At<Rule>] = file.rule.as_ref().map_or(&[], |rules| &rules.value);
    for (typed, rule) in rules.iter().zip(&config.rules) {
        if let Decision::Accept(settings) = &rule.decision {
            report.inside("rule", |report| {
                treatment(&typed.value.treatment, settings, &mut looked_at, report);
            });
        }
    }
    deliveries::look(&file, &config, servers, &mut report);
    if let Some(typed) = &file.tls {
        report.inside("tls", |report| tls(typed, &config, report));
    }
    if let (Some(typed), Some(settings)) = (&file.http, &config.http)
        && let Err(error) = control::Protection::new(settings)
    {
        let place = typed.value.tls.as_ref().map_or(&typed.span, |tls| &tls.span);
        report.inside("http.tls", |report| report.fault(place, in_words(&error)));
    }
    // Not a fault: the service starts all the same, and tries again until there is such a folder.
    if let (Some(typed), Some(audit)) = (&file.audit, &config.audit)
        && let AuditDestination::File(path) = &audit.destination
        && let (Err(_), Some(folder)) = (fs::metadata(path), path.parent())
        && let Err(why) = directory(folder, false)
    {
        let place = typed.value.destination.as_ref().map_or(&typed.span, |it| &it.span);
        report.warn(place, format!("audit.destination: {why}"));
    }
    let (faults, found) = report.finish(path, &source);
    let warnings = warnings.into_iter().chain(found).collect();
    let faults = faults.map(|it| it.faults).unwrap_or_default();
    let (rules, destinations) = (config.rules.len(), config.destinations.len());
    Ok(Examined { faults, warnings, rules, destinations })
}

/// What is so without a command line. Where to listen may be said there.
fn nothing_typed() -> Config {
    match cli::parse(["--settings", "-"].map(OsString::from).into_iter()) {
        Action::Run(config) => *config,
        other => unreachable!("a command line of two words: {other:?}"),
    }
}

/// What the top or a rule names that is not so already further up.
fn treatment(
    typed: &Treatment,
    settings: &TreatmentSettings,
    looked_at: &mut HashSet<PathBuf>,
    report: &mut Report,
) {
    if let Some(place) = &typed.directory
        && looked_at.insert(settings.output.directory.clone())
        && let Err(why) = directory(&settings.output.directory, settings.ignore)
    {
        report.inside("directory", |report| report.fault(&place.span, why));
    }
    if let (Some(place), Some(profile)) = (&typed.profile, &settings.negotiation.profile) {
        match Profile::read(&profile.file, &profile.name) {
            Ok(found) => {
                for warning in found.warnings() {
                    let shown = profile.file.display();
                    report.warn(&place.span, format!("profile: {shown}: {warning}"));
                }
            }
            Err(fault) => {
                report.inside("profile", |report| report.fault(&place.span, fault.to_string()));
            }
        }
    }
    if let Some(place) = &typed.commands
        && let Err(Error::CommandLine { option, command, reason }) =
            Commands::check(&settings.commands, &settings.output, !settings.ignore)
    {
        let typed = &place.value;
        let is_study = option == "--exec-on-eostudy";
        let key = if is_study { "on-end-of-study" } else { "on-reception" };
        let line = if is_study { &typed.on_end_of_study } else { &typed.on_reception };
        let span = line.as_ref().map_or(&place.span, |line| &line.span);
        let message = format!("{reason}: {}", command.display());
        report.inside(&format!("commands.{key}"), |report| report.fault(span, message));
    }
}

/// Whether objects can be stored there.
fn directory(path: &Path, is_only_named: bool) -> Result<(), String> {
    let shown = path.display();
    let found = fs::metadata(path).map_err(|error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let help = if is_missing { "; create it (mkdir -p), or name another" } else { "" };
        format!("cannot use '{shown}': {}{help}", platform::reason(&error))
    })?;
    if !found.is_dir() {
        return Err(format!("'{shown}' is not a directory"));
    }
    let wanted = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if !is_only_named && let Err(error) = access(path, wanted) {
        let reason = platform::reason(&error.into());
        return Err(format!("this user cannot create files in '{shown}': {reason}"));
    }
    Ok(())
}

fn tls(typed: &At<TypedTls>, config: &Config, report: &mut Report) {
    let Some(settings) = &config.tls else { return };
    // No new randomness is written.
    let mut settings = settings.clone();
    settings.write_seed = None;
    if let Err(error) = Tls::new(&settings) {
        report.fault(&place_of(&error, typed), error.to_string());
        return;
    }
    let trusts_none = settings.trusted_files.is_empty() && settings.trusted_directories.is_empty();
    if trusts_none && settings.peer_certificate != PeerCertificate::Ignore {
        report.warn(
            &typed.span,
            "tls: no authority is trusted, so every certificate of a sender will be refused: set trust, or \
             peer-certificate = \"ignore\"",
        );
    }
}

/// Where the file is named that is wrong: its name is in the message.
fn place_of(error: &TlsError, typed: &At<TypedTls>) -> Range<usize> {
    let message = error.to_string();
    let At { value: tls, span } = typed;
    let one = |key: &Option<At<PathBuf>>| {
        key.iter().map(|it| (it.value.clone(), it.span.clone())).collect()
    };
    let mut named: Vec<(PathBuf, Range<usize>)> = one(&tls.key);
    named.extend::<Vec<_>>(one(&tls.certificate));
    named.extend::<Vec<_>>(one(&tls.dh_parameters));
    named.extend::<Vec<_>>(one(&tls.random_seed));
    for list in [&tls.trust, &tls.trust_directories, &tls.revocation_lists].into_iter().flatten() {
        named.extend(list.value.0.iter().map(|it| (it.value.clone(), it.span.clone())));
    }
    for suite in tls.cipher_suites.iter().flat_map(|list| &list.value) {
        named.push((suite.value.clone().into(), suite.span.clone()));
    }
    let of_message =
        |(name, _): &(PathBuf, Range<usize>)| message.contains(&*name.to_string_lossy());
    // A long name may have a short one in it.
    named.sort_by_key(|(name, _)| std::cmp::Reverse(name.as_os_str().len()));
    named.into_iter().find(of_message).map_or(span.clone(), |(_, span)| span)
}
