//! General options: help, and what is logged.

use super::spec::{Choice, Opt, OptionSpec, Part, Section, Value, Words};
use super::typed::Typed;
use crate::cli::fault::{Fault, Misfit};
use crate::cli::files::Files;
use crate::logging::{LogFormat, LogLevel, LogSettings};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use telemetry::{AuditDestination, AuditSettings, TraceSettings, TraceUrl};

pub(super) const GENERAL: Section =
    Section { title: "general options", parts: &[Part { heading: None, options: LOGGING }] };

const LOGGING: &[OptionSpec] = &[
    OptionSpec::new(Opt::Help, "-h", "--help", &["show this text and exit"]).stands_alone(),
    OptionSpec::new(Opt::Version, "", "--version", &["show version information and exit"])
        .stands_alone(),
    OptionSpec::new(
        Opt::Settings,
        "",
        "--settings",
        &[
            "read TOML file f, with rules for each sender;",
            "options are the defaults beneath it",
            "(all of it: docs/settings.md)",
        ],
    )
    .takes("[f]ilename: string", &[Value::File]),
    OptionSpec::new(Opt::Arguments, "", "--arguments", &["log the expanded command line"]),
    OptionSpec::new(Opt::Quiet, "-q", "--quiet", &["log fatal errors only"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(Opt::Verbose, "-v", "--verbose", &["also log each association and object"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(Opt::Debug, "-d", "--debug", &["also log each message"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(
        Opt::LogLevel,
        "-ll",
        "--log-level",
        &["(fatal, error, warn, info, debug, trace)", "log from level l up (default: warn)"],
    )
    .takes("[l]evel: string constant", &[Value::OneOf(&LEVELS)]),
    OptionSpec::new(Opt::LogConfig, "-lc", "--log-config", &["configure logging from file f"])
        .takes("[f]ilename: string", &[Value::File]),
    OptionSpec::new(
        Opt::LogFormat,
        "",
        "--log-format",
        &[
            "(dcmtk, extended, json)",
            "extended: each line names its association",
            "json: each line is a JSON object",
        ],
    )
    .takes("[f]ormat: string constant", &[Value::OneOf(&FORMATS)]),
    OptionSpec::new(
        Opt::VerbosePc,
        "+v",
        "--verbose-pc",
        &["with --verbose, log presentation contexts too"],
    ),
    OptionSpec::new(
        Opt::Audit,
        "",
        "--audit",
        &[
            "send audit messages (PS3.15 A.5) to",
            "syslog+tls://HOST:PORT, syslog+udp://HOST:PORT",
            "or file:/PATH",
        ],
    )
    .takes("[u]rl: string", &[Value::Text]),
    OptionSpec::new(
        Opt::Traces,
        "",
        "--traces",
        &["send traces by OTLP/HTTP to http://HOST:PORT", "or https://HOST:PORT"],
    )
    .takes("[u]rl: string", &[Value::Text]),
];

pub(in crate::cli) const LEVELS: Words =
    Words { kind: "level", words: "fatal error warn info debug trace" };

const FORMATS: Words = Words { kind: "format", words: "dcmtk extended json" };

/// How much is logged; until this is known, every error is reported.
pub(in crate::cli) fn log(typed: &Typed, files: &impl Files) -> Result<LogSettings, Fault> {
    const VERBOSITY: &str = "--verbose, --debug or --quiet";
    let verbosity = typed.chosen(Choice::Verbosity);
    let mut level = match verbosity {
        Some(Opt::Quiet) => LogLevel::Fatal,
        Some(Opt::Verbose) => LogLevel::Info,
        Some(Opt::Debug) => LogLevel::Debug,
        _ => LogLevel::Warn,
    };
    let mut config = None;
    if let Some(word) = typed.text(Opt::LogLevel) {
        if verbosity.is_some() {
            return Err(Fault::NotAllowedWith("--log-level", VERBOSITY));
        }
        level = log_level(word).ok_or_else(|| Fault::LogLevel(word.to_owned()))?;
    }
    if let Some(file) = typed.text(Opt::LogConfig) {
        if verbosity.is_some() {
            return Err(Fault::NotAllowedWith("--log-config", VERBOSITY));
        }
        if typed.has(Opt::LogLevel) {
            return Err(Fault::NotAllowedWith("--log-config", "--log-level"));
        }
        let read = files
            .log_config(Path::new(file))
            .map_err(|fault| Fault::LogConfig(file.to_owned(), fault))?;
        level = read.level().unwrap_or(LogLevel::Fatal);
        config = Some(read);
    }
    let arguments = typed.has(Opt::Arguments).then(|| called_with(typed));
    Ok(LogSettings {
        level,
        config,
        format: log_format(typed)?,
        verbose_presentation_contexts: typed.has(Opt::VerbosePc),
        arguments,
    })
}

/// `--settings`: the file that is merged over the command line. Not opened yet.
pub(super) fn settings_file(typed: &Typed) -> Option<PathBuf> {
    typed.text(Opt::Settings).map(PathBuf::from)
}

fn log_format(typed: &Typed) -> Result<LogFormat, Fault> {
    let Some(word) = typed.text(Opt::LogFormat) else { return Ok(LogFormat::default()) };
    match word.to_str() {
        Some("dcmtk") => Ok(LogFormat::Dcmtk),
        Some("extended") => Ok(LogFormat::Extended),
        Some("json") => Ok(LogFormat::Json),
        _ => Err(Fault::Value("--log-format", word.into(), Misfit::Malformed)),
    }
}

/// `--audit`: where audit messages go.
pub(super) fn audit(typed: &Typed) -> Result<Option<AuditSettings>, Fault> {
    Ok(url::<AuditDestination>(typed, Opt::Audit, "--audit")?.map(AuditSettings::new))
}

/// `--traces`: where traces go.
pub(super) fn traces(typed: &Typed) -> Result<Option<TraceSettings>, Fault> {
    Ok(url::<TraceUrl>(typed, Opt::Traces, "--traces")?.map(TraceSettings::new))
}

fn url<U: FromStr>(typed: &Typed, option: Opt, name: &'static str) -> Result<Option<U>, Fault> {
    let Some(word) = typed.text(option) else { return Ok(None) };
    let url = word.to_str().and_then(|word| word.parse().ok());
    url.map(Some).ok_or_else(|| Fault::Value(name, word.into(), Misfit::Malformed))
}

fn log_level(word: &OsStr) -> Option<LogLevel> {
    match word.to_str()?.to_ascii_lowercase().as_str() {
        "fatal" => Some(LogLevel::Fatal),
        "error" => Some(LogLevel::Error),
        "warn" => Some(LogLevel::Warn),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        "trace" => Some(LogLevel::Trace),
        _ => None,
    }
}

/// The line for `--arguments`: empty arguments are counted but not shown, nor are passwords.
fn called_with(typed: &Typed) -> String {
    let words = typed.words();
    let mut line = format!("calling 'storescp' with {} arguments: ", words.len());
    let mut is_password = false;
    for word in words {
        if is_password {
            line.push_str("'***' ");
        } else if !word.is_empty() {
            line.push_str(&format!("'{}' ", word.display()));
        }
        is_password = word == "--use-passwd";
    }
    line
}

/// `--verbose-pc` needs a level at which it shows something.
pub(super) fn check_verbose_pc(log: &LogSettings) -> Result<(), Fault> {
    if log.verbose_presentation_contexts && log.level < LogLevel::Info {
        return Err(Fault::OnlyAllowedWith("--verbose-pc", "verbose mode"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};

    #[test]
    fn log_levels() {
        for (word, level) in [
            ("fatal", LogLevel::Fatal),
            ("ERROR", LogLevel::Error),
            ("Warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ] {
            assert_eq!(config(&format!("1 -ll {word}")).log.level, level);
        }
        assert!(config("1 -v +v").log.verbose_presentation_contexts);
    }

    #[test]
    fn log_formats() {
        let format = |line: &str| config(line).log.format;
        assert_eq!((format("1"), format("1 --log-format dcmtk")), Default::default());
        assert_eq!(format("1 --log-format extended -v"), LogFormat::Extended);
        assert_eq!(format("1 --log-format json -v"), LogFormat::Json);
        assert_eq!(fault("1 --log-format xml"), "Invalid value for option --log-format (xml)");
    }

    #[test]
    fn where_audit_messages_and_traces_go() {
        let both = config("1 --audit syslog+udp://host --traces http://[::1]:4318");
        let audit = both.audit.map(|audit| audit.destination.to_string());
        assert_eq!(audit.as_deref(), Some("syslog+udp://host:514"));
        let traces = both.traces.map(|traces| traces.url.to_string());
        assert_eq!(traces.as_deref(), Some("http://[::1]:4318/v1/traces"));
        let neither = config("1");
        assert_eq!((neither.audit, neither.traces), (None, None));
        assert_eq!(fault("1 --audit host"), "Invalid value for option --audit (host)");
        assert_eq!(fault("1 --traces host"), "Invalid value for option --traces (host)");
    }

    #[test]
    fn arguments_are_shown_by_their_long_names() {
        let log = config("--arguments -q -aet ME 104").log;
        let line =
            "calling 'storescp' with 5 arguments: '--arguments' '--quiet' '--aetitle' 'ME' '104' ";
        assert_eq!(log.arguments.as_deref(), Some(line));
    }

    #[test]
    fn passwords_are_not_shown() {
        let line = config("--arguments +tls k c +pw secret 104").log.arguments.unwrap_or_default();
        assert!(line.ends_with("'k' 'c' '--use-passwd' '***' '104' "), "{line}");
    }
}
