//! Host access control (`--access-control`): who is served, as `/etc/hosts.allow` and
//! `/etc/hosts.deny` say (hosts_access(5), hosts_options(5)).
//!
//! The two files are looked at for each connection, as the TCP wrappers do, so a change holds at once. They
//! are read when they have changed.
//! Neither is written in a language that needs more than reading: commands in them are not run.
//!
//! In doubt the peer is refused. Whether a pattern matches is a `Match`, which may be that
//! nobody can tell: [`decide`] is the only place that makes something of it.

mod client;
mod content;
mod file;
mod list;
mod listed;
mod matching;
mod network;
mod pattern;
mod rule;

pub use client::{Client, HostName, World};
pub use content::{Content, Kind};

use crate::limits::ACCESS_FILE_SETTLING;
use matching::Match;
use rule::{Rule, Verdict};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The two files.
#[derive(Debug)]
pub(crate) struct HostAccess {
    allow: PathBuf,
    deny: PathBuf,
    /// Those that were there when they were last read.
    found: Mutex<BTreeSet<PathBuf>>,
}

/// Why a peer is not served though no rule denies it: something in the files cannot be obeyed, and
/// in doubt the peer is refused.
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
        Self::of("/etc/hosts.allow".into(), "/etc/hosts.deny".into())
    }

    /// Other files than those.
    pub(crate) fn of(allow: PathBuf, deny: PathBuf) -> Self {
        Self { allow, deny, found: Mutex::default() }
    }

    /// Whether a peer is to be served. May look its name up, if a rule needs it.
    ///
    /// # Errors
    /// [`Fault`]; the peer is not to be served then.
    pub(crate) fn admits(&self, client: &Client) -> Result<bool, Fault> {
        decide([&self.allow, &self.deny], &|file| self.read(file), client)
    }

    /// The content of a file; a file that does not exist has none. One that did a moment ago may be on its
    /// way back: not every editor replaces files in one step.
    fn read(&self, file: &Path) -> Result<Arc<Content>, Fault> {
        let fault = |error| Fault::Unreadable(file.to_owned(), error);
        let is_missing = |result: &io::Result<Arc<Content>>| {
            result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
                // A link that leads nowhere is no missing file.
                && file.symlink_metadata().is_err()
        };
        let mut content = file::read_settled(file, Kind::Rules);
        if is_missing(&content) && self.found().contains(file) {
            thread::sleep(ACCESS_FILE_SETTLING);
            content = file::read_settled(file, Kind::Rules);
        }
        if is_missing(&content) {
            self.found().remove(file);
            return Ok(Arc::new(Content::text(Kind::Rules, String::new())));
        }
        let content = content.map_err(fault)?;
        self.found().insert(file.to_owned());
        Ok(content)
    }

    fn found(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What two files, one that allows and one that denies, say of a client. A file is read by `read`
/// once it is needed; where there is none, it is empty.
///
/// A rule that cannot be obeyed for sure is taken for what keeps the client out: one that would let it in
/// does not match, one that would deny it does. So a client gets in only if it does whatever is not known.
///
/// # Errors
/// [`Fault`], the first one; the peer is not to be served then.
pub fn decide(
    [allow, deny]: [&Path; 2],
    read: &dyn Fn(&Path) -> Result<Arc<Content>, Fault>,
    client: &Client,
) -> Result<bool, Fault> {
    let mut doubt = None;
    for (file, lets_in) in [(allow, true), (deny, false)] {
        let found = first_match(file, lets_in, &*read(file)?, client, &mut doubt)?;
        match (found, doubt) {
            (Some(Decision::Admitted), Some(doubt)) => {
                tracing::warn!("host access control: {doubt}; a later rule grants access");
                return Ok(true);
            }
            (Some(Decision::Admitted), None) => return Ok(true),
            (Some(Decision::Denied), None) => return Ok(false),
            (Some(Decision::Denied), Some(doubt)) => return Err(doubt),
            (None, still) => doubt = still,
        }
    }
    doubt.map_or(Ok(true), Err)
}

/// What a rule comes to that surely matches.
enum Decision {
    Admitted,
    Denied,
}

/// What the first rule says that surely matches, in a file that by itself `lets_in` or denies. The first
/// rule that would let the client in, if that could be told, goes into `doubt`.
///
/// # Errors
/// [`Fault`], of a rule that would deny the client, if that could be told.
fn first_match(
    file: &Path,
    lets_in: bool,
    content: &Content,
    client: &Client,
    doubt: &mut Option<Fault>,
) -> Result<Option<Decision>, Fault> {
    for (line, text) in content.lines(client.peer.address) {
        let fault = |what| Fault::Rule { file: file.to_owned(), line, what };
        let (matched, verdict) = match Rule::parse(&text) {
            None => continue,
            Some(Ok(rule)) => match listed::matches(&rule, client) {
                Match::No => continue,
                matched => (matched, rule.verdict()),
            },
            Some(Err(why)) => (Match::CannotTell(why.to_owned()), Ok(Verdict::AsTheFileSays)),
        };
        let admits = match &verdict {
            Ok(Verdict::Granted) => true,
            Ok(Verdict::AsTheFileSays) => lets_in,
            Ok(Verdict::Denied) | Err(_) => false,
        };
        match (matched, verdict) {
            (Match::No, _) => {}
            (Match::Yes, Err(what)) => return Err(fault(what)),
            (Match::Yes, Ok(_)) if admits => return Ok(Some(Decision::Admitted)),
            (Match::Yes, Ok(_)) => return Ok(Some(Decision::Denied)),
            (Match::CannotTell(why), _) if admits => {
                doubt.get_or_insert(fault(why));
            }
            (Match::CannotTell(why), _) => return Err(fault(why)),
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
