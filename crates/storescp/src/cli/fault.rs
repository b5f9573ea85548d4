//! What can be wrong with a command line, worded as DCMTK's tools word it, since scripts read it.

use std::ffi::OsString;
use std::fmt;

use super::fault_rules::RuleError;
use crate::logging::LogConfigFault;

/// The first fault found in a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A file named by `@file` cannot be read.
    CommandFile(OsString),
    UnknownOption(OsString),
    /// The line ends before the option has all its values.
    MissingValue(&'static str),
    /// There is no port; which option may have taken it for its value.
    MissingPort(Option<Taken>),
    /// All of them.
    TooManyParameters(Vec<OsString>),
    Port(OsString, Misfit),
    Value(&'static str, OsString, Misfit),
    LogLevel(OsString),
    /// The file, and what is wrong with it.
    LogConfig(OsString, LogConfigFault),
    /// The file of `--fault-file` cannot be read, and why.
    UnreadableFaults(OsString, String),
    /// More faults on purpose than this.
    TooManyFaults(usize),
    /// A fault on purpose is not understood.
    OnPurpose(RuleError),
    /// The first option excludes what the second says.
    NotAllowedWith(&'static str, &'static str),
    /// The first option means nothing without what the second says.
    OnlyAllowedWith(&'static str, &'static str),
}

/// A value that may have been meant as the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// The option whose value it is.
    pub(super) option: &'static str,
    pub(super) value: OsString,
}

/// Why a value is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Not a number, or not one of the words expected.
    Malformed,
    Underflow,
    Overflow,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandFile(name) => write!(f, "Cannot open command file '{}'", name.display()),
            Self::UnknownOption(name) => write!(f, "Unknown option {}", name.display()),
            Self::MissingValue(option) => write!(f, "Missing value for option {option}"),
            Self::MissingPort(_) => f.write_str("Missing parameter port"),
            Self::TooManyParameters(_) => f.write_str("Too many parameters"),
            Self::Port(value, misfit) => {
                write!(f, "Invalid parameter value {}", value.display())?;
                match misfit {
                    Misfit::Malformed => Ok(()),
                    Misfit::Underflow => f.write_str(" (underflow)"),
                    Misfit::Overflow => f.write_str(" (overflow)"),
                }
            }
            Self::Value(option, value, misfit) => {
                write!(f, "Invalid value for option {option}")?;
                let value = value.display();
                match misfit {
                    Misfit::Malformed if value.to_string().is_empty() => Ok(()),
                    // It may have a password in it.
                    Misfit::Malformed
                        if *option == "--catalog" && value.to_string().contains("://") =>
                    {
                        Ok(())
                    }
                    Misfit::Malformed => write!(f, " ({value})"),
                    Misfit::Underflow => write!(f, " (underflow: {value})"),
                    Misfit::Overflow => write!(f, " (overflow: {value})"),
                }
            }
            Self::LogLevel(_) => f.write_str("Invalid log level for --log-level option"),
            Self::LogConfig(_, fault) => {
                write!(f, "Specified --log-config file {}", log_config_fault(*fault))
            }
            Self::UnreadableFaults(name, why) => {
                write!(f, "Cannot read fault file '{}': {why}", name.display())
            }
            Self::TooManyFaults(most) => write!(f, "More than {most} faults"),
            Self::OnPurpose(error) => error.fmt(f),
            Self::NotAllowedWith(option, other) => write!(f, "{option} not allowed with {other}"),
            Self::OnlyAllowedWith(option, other) => {
                write!(f, "{option} only allowed with {other}")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// What is wrong with a log configuration file, behind its name.
pub(crate) fn log_config_fault(fault: LogConfigFault) -> &'static str {
    match fault {
        LogConfigFault::Missing => "does not exist",
        LogConfigFault::Unreadable => "cannot be read",
        LogConfigFault::Empty => "does not contain any settings",
        LogConfigFault::NoLogging => "does not contain any valid settings",
        LogConfigFault::NoRootLogger => "does not set up log4cplus.rootLogger",
        LogConfigFault::RootLevel => "gives log4cplus.rootLogger no valid log level",
    }
}
