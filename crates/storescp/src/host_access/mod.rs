//! Host access control (`--access-control`): who is served, as `/etc/hosts.allow` and
//! `/etc/hosts.deny` say (hosts_access(5), hosts_options(5)).
//!
//! The two files are read for each connection, as the TCP wrappers do, so a change holds at once.
//! Neither is written in a language that needs more than reading: commands in them are not run.

mod client;
mod pattern;
mod rule;

pub use client::{Client, HostName, World};

use rule::{Rule, Verdict};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The name that the files know this program by, whatever its file is called.
const SERVICE: &str = "storescp";

/// The two files.
#[derive(Debug)]
pub(crate) struct HostAccess {
    allow: PathBuf,
    deny: PathBuf,
}

/// Why a peer is not served though no rule denies it: something in the files cannot be obeyed, and
/// in doubt nobody is let in.
#[derive(Debug)]
pub enum Fault {
    /// A file is there and cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A rule says something that is not understood, or not supported.
    Rule {
        /// Its file.
        file: PathBuf,
        /// The number of its first line.
        line: usize,
        /// What of it.
        what: String,
    },
}

impl HostAccess {
    /// The system's files.
    pub(crate) fn system() -> Self {
        Self { allow: "/etc/hosts.allow".into(), deny: "/etc/hosts.deny".into() }
    }

    /// Whether a peer is to be served. May look its name up, if a rule needs it.
    ///
    /// # Errors
    /// [`Fault`]; the peer is not to be served then.
    pub(crate) fn admits(&self, client: &Client) -> Result<bool, Fault> {
        decide([&self.allow, &self.deny], &read, client)
    }
}

/// What two files, one that allows and one that denies, say of a client. A file is read by `read`
/// once it is needed; where there is none, it is empty.
///
/// # Errors
/// [`Fault`]; the peer is not to be served then.
pub fn decide(
    [allow, deny]: [&Path; 2],
    read: &dyn Fn(&Path) -> Result<String, Fault>,
    client: &Client,
) -> Result<bool, Fault> {
    if let Some(verdict) = first_match(allow, &read(allow)?, client)? {
        return Ok(verdict != Verdict::Denied);
    }
    Ok(matches!(first_match(deny, &read(deny)?, client)?, None | Some(Verdict::Granted)))
}

/// The text of a file; a file that does not exist has none.
fn read(file: &Path) -> Result<String, Fault> {
    match std::fs::read(file) {
        Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Fault::Unreadable(file.to_owned(), error)),
    }
}

/// What the first rule that matches says.
fn first_match(file: &Path, text: &str, client: &Client) -> Result<Option<Verdict>, Fault> {
    for (line, text) in rule::lines(text) {
        let fault = |what| Fault::Rule { file: file.to_owned(), line, what };
        let Some(rule) = Rule::parse(&text) else {
            tracing::warn!("{}: line {line}: no ':', ignored", file.display());
            continue;
        };
        if rule.matches(client).map_err(fault)? {
            let fault = |what| Fault::Rule { file: file.to_owned(), line, what };
            return rule.verdict().map(Some).map_err(fault);
        }
    }
    Ok(None)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "cannot read {}: {error}", file.display()),
            Self::Rule { file, line, what } => {
                write!(f, "{}: line {line}: {what}", file.display())
            }
        }
    }
}

#[cfg(test)]
mod tests;
