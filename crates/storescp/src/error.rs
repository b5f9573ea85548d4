//! Why the program cannot start, or exits with a failure.

use crate::negotiation::profile;
use std::fmt;
use std::io;

/// Why the program exits with code 1.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The receiver cannot be started.
    Receiver(receiver::Error),
    /// The negotiation profile cannot be used.
    Profile(profile::Fault),
    /// No file that `DCMDICTPATH` names has an entry.
    NoDictionary,
    /// A value cannot be substituted safely into a command.
    CommandLine {
        /// The option with the command.
        option: &'static str,
        /// The command, as given on the command line.
        command: std::ffi::OsString,
        /// The placeholder, why not, and what to use instead.
        reason: String,
    },
    /// Audit messages or traces cannot be set up.
    Telemetry(telemetry::Error),
    /// The treatment that a rule chooses cannot be set up.
    Rule {
        /// The name of the rule.
        rule: String,
        /// Why not.
        source: Box<Error>,
    },
    /// The control plane cannot be started.
    Control(control::Error),
    /// Signals cannot be received.
    Signals(io::Error),
    /// A second signal stopped the server before all was finished.
    CutShort {
        /// Associations that were closed.
        cut_off: usize,
    },
    /// Filters of destinations look at more attributes than are kept of a data set.
    Attributes,
    /// The catalogue cannot be used.
    Catalog(catalog::Error),
    /// The catalogue cannot be kept.
    Archive(archive::Error),
    /// A destination cannot be used.
    Delivery(delivery::Error),
    /// No thread can be started for commands, studies or signals.
    Threads(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receiver(error) => error.fmt(f),
            Self::Profile(fault) => fault.fmt(f),
            Self::NoDictionary => {
                f.write_str("no data dictionary loaded, check environment variable: DCMDICTPATH")
            }
            Self::CommandLine { option, command, reason } => {
                write!(f, "{option}: {reason}: {}", command.display())
            }
            Self::Telemetry(error) => error.fmt(f),
            Self::Control(error) => error.fmt(f),
            Self::Rule { rule, source } => write!(f, "{rule}: {source}"),
            Self::Signals(source) => write!(f, "cannot receive signals: {source}"),
            Self::CutShort { cut_off } => {
                let plural = if *cut_off == 1 { "" } else { "s" };
                write!(f, "second signal: closed {cut_off} association{plural}")
            }
            Self::Attributes => f.write_str(
                "the filters of its destinations look at too many attributes: use fewer, or filter in the destinations",
            ),
            Self::Catalog(error) => write!(f, "[catalog]: {error}"),
            Self::Archive(error) => error.fmt(f),
            Self::Delivery(error) => error.fmt(f),
            Self::Threads(source) => write!(f, "cannot start a thread: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Receiver(error) => Some(error),
            Self::Profile(fault) => Some(fault),
            Self::Telemetry(error) => Some(error),
            Self::Catalog(error) => Some(error),
            Self::Archive(error) => Some(error),
            Self::Delivery(error) => Some(error),
            Self::Control(error) => Some(error),
            Self::Rule { source, .. } => Some(source.as_ref()),
            Self::Signals(source) | Self::Threads(source) => Some(source),
            _ => None,
        }
    }
}

impl From<profile::Fault> for Error {
    fn from(fault: profile::Fault) -> Self {
        Self::Profile(fault)
    }
}

impl From<receiver::Error> for Error {
    fn from(error: receiver::Error) -> Self {
        Self::Receiver(error)
    }
}

impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Self {
        Self::Archive(error)
    }
}

impl From<telemetry::Error> for Error {
    fn from(error: telemetry::Error) -> Self {
        Self::Telemetry(error)
    }
}
