//! The error of this crate: why an object could not be stored.

use std::fmt;
use std::io;

/// An object could not be stored. Only that C-STORE fails; the association goes on.
#[derive(Debug)]
pub struct Error {
    /// The step that failed.
    pub step: Step,
    /// The error of the operating system.
    pub source: io::Error,
}

/// The steps of storing an object, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creating the file.
    Create,
    /// Writing to it.
    Write,
    /// Making its content durable.
    Sync,
    /// Opening or creating its subfolder.
    Subfolder,
    /// Looking at the file that has the name already.
    Existing,
    /// Giving it its intent, or making that durable.
    Intent,
    /// Giving it its final name.
    Name,
    /// Making the name durable.
    SyncFolder,
}

impl Error {
    /// For `map_err`: makes an error of the operating system one of this step.
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
            Self::Existing => "cannot read existing file of this name",
            Self::Intent => "cannot record what is owed for the file",
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
