//! What is known of a command line that a shell is to read, so that values can be put into it.
//!
//! Few forms are understood, and those exactly: simple commands of words without escapes, joined by
//! `; & | && ||`, line ends and redirections, and the same within `$( )`. No reserved words, comments,
//! functions, subshells, here-documents, back quotes, arithmetic. Of everything else it is not attempted
//! to know what a shell makes of it.

mod reader;
mod unclear;
mod words;

pub(super) use reader::Quoting;

use super::placeholder::{Placeholder, Token};
use reader::{Reader, Unknown};

/// What is known of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each value is one word or a part of one, quoted so, and nothing that is known reads it a second
    /// time.
    Proven(Vec<Quoting>),
    /// A value stands among quoted text that may be a program in some language.
    Text,
    /// Not understood, or a shell or the like reads it a second time.
    Unclear,
    /// A peer would decide which command is run.
    NamesCommand(Placeholder),
}

/// What is known of a command line.
pub(super) fn form(tokens: &[Token]) -> Form {
    let mut reader = Reader::new(tokens);
    match reader.read() {
        Ok(()) if reader.has_text => Form::Text,
        Ok(()) => Form::Proven(reader.quotings),
        Err(Unknown::NamesCommand(placeholder)) => Form::NamesCommand(placeholder),
        Err(Unknown::Syntax) => {
            unclear::named_by_peer(tokens).map_or(Form::Unclear, Form::NamesCommand)
        }
    }
}
