//! Why the catalogue could not do what it was asked to.

use std::fmt;
use std::path::PathBuf;

/// Why the catalogue could not do what it was asked to. Nothing of the call took effect.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL is none that a catalogue has.
    Url {
        /// As it was given, without a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is not there, cannot be reached, or is locked: trying again later may help.
    Unavailable(String),
    /// The file is not a catalogue, or damaged: trying again does not help. It can be set aside and rebuilt from the
    /// files.
    Damaged {
        /// The file, where it is one.
        path: Option<PathBuf>,
        /// What SQLite or PostgreSQL says.
        reason: String,
    },
    /// It was made by a newer version of this program.
    Newer {
        /// The version of its schema.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// A statement failed for another reason: a mistake of this program, or of whoever changed the tables.
    Statement(String),
}

impl Error {
    /// The URL is none that a catalogue has, for this reason.
    pub(crate) fn url(url: &str, reason: impl Into<String>) -> Self {
        Self::Url { url: without_password(url), reason: reason.into() }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, reason } => write!(f, "{url:?} is not a catalogue: {reason}"),
            Self::Unavailable(reason) => write!(f, "the catalogue is unavailable: {reason}"),
            Self::Damaged { path: Some(path), reason } => {
                write!(f, "the catalogue {} is damaged: {reason}", path.display())
            }
            Self::Damaged { path: None, reason } => write!(f, "the catalogue is damaged: {reason}"),
            Self::Newer { found, known } => write!(
                f,
                "the catalogue has schema version {found}, this program knows up to {known}: use a newer version"
            ),
            Self::Statement(reason) => write!(f, "the catalogue refused a statement: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// The URL without what follows the user's name, and without its parameters.
fn without_password(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((before, host))) => {
            let user = before.split_once("://").map_or("", |(_, user)| user);
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        _ => url.to_owned(),
    }
}
