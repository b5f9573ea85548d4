//! Why an object could not be stored.

use std::fmt;
use std::io;

/// An object could not be stored; it costs that one C-STORE.
#[derive(Debug)]
pub struct Error {
    /// What was being done.
    pub step: Step,
    /// What the operating system said.
    pub source: io::Error,
}

/// The steps of storing an object, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Making the file.
    Create,
    /// Writing to it.
    Write,
    /// Making its content durable.
    Sync,
    /// Finding or making the subfolder it belongs into.
    Subfolder,
    /// Giving it its name.
    Name,
    /// Making the name durable.
    SyncFolder,
}

impl Error {
    /// For `map_err`: what the operating system said, and at which step.
    pub fn at(step: Step) -> impl Fn(io::Error) -> Self {
        move |source| Self { step, source }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "cannot create file",
            Self::Write => "cannot write file",
            Self::Sync => "cannot sync file",
            Self::Subfolder => "cannot create subdirectory",
            Self::Name => "cannot name file",
            Self::SyncFolder => "cannot sync directory",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, platform::reason(&self.source))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
