//! Values in place of the placeholders of a command line.
//!
//! Where it is proven what a shell makes of the command line, each value is put in so that it arrives as
//! it is. Elsewhere nothing is put in that any shell reads; see [`shell`].

mod placeholder;
mod shell;

pub(super) use placeholder::Placeholder;

use placeholder::{Token, tokens};
use proto::AeTitle;
use receiver::Peer;
use shell::{Form, Quoting};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use storage::FileName;
use unicode_normalization::char::is_combining_mark;

/// An AE title as commands get it: letters, digits, blanks and `- . : @ _` are kept, all else becomes `_`,
/// as DCMTK has it.
fn clean_title(title: AeTitle) -> String {
    clean(&title.to_string())
}

fn clean(text: &str) -> String {
    let is_clean = |letter: char| letter.is_ascii_alphanumeric() || " -.:@_".contains(letter);
    text.chars().map(|letter| if is_clean(letter) { letter } else { '_' }).collect()
}

/// Says so if commands get other AE titles than the peer has sent.
pub(super) fn warn_of_unusual(peer: &Peer) {
    for (what, title) in
        [("calling AE title", peer.calling_ae), ("called AE title", peer.called_ae)]
    {
        warn_if_changed(what, &title.to_string());
    }
}

fn warn_if_changed(what: &str, text: &str) {
    let clean = clean(text);
    if clean != text {
        tracing::warn!(
            "Sanitized unusual characters in {what}, converted from \"{text}\" to \"{clean}\"."
        );
    }
}

/// A host name as commands get it, which it says if it has to change it.
fn clean_host(name: &str) -> String {
    warn_if_changed("host name", name);
    clean(name)
}

/// A command line with placeholders, read once.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) text: OsString,
    tokens: Vec<Token>,
    /// How the values are quoted, one after the other; `None` where that is not proven.
    quotings: Option<Vec<Quoting>>,
}

/// Why a command line is not used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    placeholder: Placeholder,
    why: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { placeholder, why } = self;
        let variable = placeholder.variable();
        write!(f, "{placeholder} {why}; use \"${variable}\" instead")
    }
}

/// What the placeholders stand for.
pub(super) struct Values<'v> {
    pub(super) directory: Option<&'v Path>,
    pub(super) file: Option<&'v FileName>,
    pub(super) peer: &'v Peer,
    /// Asked for only if it is there.
    pub(super) host: &'v dyn Fn() -> String,
}

impl Template {
    /// Reads a command line in which the placeholders `known` have values; others are text. `fixed` is
    /// what paths have of the command line of this program itself.
    ///
    /// # Errors
    /// A value could not be put in without harm, or without being changed.
    pub(super) fn new(
        text: &OsStr,
        known: &[Placeholder],
        fixed: &[(Placeholder, &[u8])],
    ) -> Result<Self, Refusal> {
        let tokens = tokens(text.as_encoded_bytes(), known);
        refuse_names_and_escapes(&tokens)?;
        let quotings = match shell::form(&tokens) {
            Form::Proven(quotings) => Some(quotings),
            Form::Text | Form::Unclear => None,
            Form::NamesCommand(placeholder) => {
                let why = "would let the peer choose the command";
                return Err(Refusal { placeholder, why });
            }
        };
        let template = Self { text: text.to_owned(), tokens, quotings };
        let spoils = |(placeholder, part): &&(Placeholder, &[u8])| {
            template.has(*placeholder) && !is_harmless_path(part)
        };
        match fixed.iter().find(spoils) {
            Some(&(placeholder, _)) if template.quotings.is_none() => {
                let why = "contains characters that the shell may interpret, in a command line that \
                    is more than simple words";
                Err(Refusal { placeholder, why })
            }
            _ => Ok(template),
        }
    }

    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        self.tokens.contains(&Token::Value(placeholder))
    }

    /// The command line with values. Of placeholders that have none, and of other text, every byte is
    /// kept.
    ///
    /// # Errors
    /// A path has characters that must not be put in here.
    pub(super) fn fill_in(&self, values: &Values<'_>) -> Result<OsString, Refusal> {
        let mut filled = Vec::with_capacity(self.text.len() + 256);
        let mut quotings = self.quotings.as_ref().map(|quotings| quotings.iter());
        for token in &self.tokens {
            match token {
                Token::Byte(byte) => filled.push(*byte),
                Token::Value(placeholder) => {
                    let quoting = quotings.as_mut().and_then(Iterator::next).copied();
                    values.push(*placeholder, quoting, &mut filled)?;
                }
            }
        }
        Ok(OsString::from_vec(filled))
    }
}

/// Refuses values that would be read as the name of a variable, or as an escape: even a letter means
/// something there.
fn refuse_names_and_escapes(tokens: &[Token]) -> Result<(), Refusal> {
    let mut before: Vec<u8> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let &placeholder = match token {
            Token::Byte(byte) => {
                before.push(*byte);
                continue;
            }
            Token::Value(placeholder) => placeholder,
        };
        let last = |opens: &[u8], closes: &[u8]| {
            let at = |part: &[u8]| before.windows(part.len()).rposition(|found| found == part);
            at(opens).is_some_and(|opened| at(closes).is_none_or(|closed| closed < opened))
        };
        let why = if before.ends_with(b"\\") {
            "follows a backslash"
        } else if before.ends_with(b"$")
            || (placeholder != Placeholder::Directory && ends_in_name(&before))
            || (placeholder.is_from_peer() && (last(b"${", b"}") || last(b"((", b"))")))
        {
            "would be read as part of a variable name"
        } else {
            before.push(b'#');
            continue;
        };
        return Err(Refusal { placeholder, why });
    }
    Ok(())
}

/// Whether this ends in `$NAME`, whose name a value would go on.
fn ends_in_name(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let name = text.iter().rev().take_while(|byte| is_name(byte)).count();
    name > 0 && text[..text.len() - name].ends_with(b"$")
}

impl Values<'_> {
    fn push(
        &self,
        placeholder: Placeholder,
        quoting: Option<Quoting>,
        filled: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let path = match placeholder {
            Placeholder::Directory => {
                self.directory.map(|path| path.as_os_str().as_encoded_bytes())
            }
            Placeholder::File => self.file.map(|name| name.as_str().as_bytes()),
            Placeholder::CallingAe | Placeholder::CalledAe | Placeholder::Host => {
                let host;
                let text = match placeholder {
                    Placeholder::CallingAe => &clean_title(self.peer.calling_ae),
                    Placeholder::CalledAe => &clean_title(self.peer.called_ae),
                    _ => {
                        host = clean_host(&(self.host)());
                        &host
                    }
                };
                push_text(text, quoting, filled);
                return Ok(());
            }
        };
        let path = path.unwrap_or_default();
        match quoting {
            Some(quoting) => push_quoted(path, quoting, filled),
            None if is_harmless_path(path) => filled.extend_from_slice(path),
            None => {
                let why = "contains characters that the shell may interpret";
                return Err(Refusal { placeholder, why });
            }
        }
        Ok(())
    }
}

/// Puts in what a peer calls itself. As today's DCMTK has it, it is in double quotes of its own; where
/// nothing is proven, a blank and a `-` at the beginning become `_`.
fn push_text(text: &str, quoting: Option<Quoting>, filled: &mut Vec<u8>) {
    match quoting {
        Some(Quoting::Double) => filled.extend_from_slice(text.as_bytes()),
        Some(Quoting::Bare | Quoting::Single) => {
            filled.push(b'"');
            filled.extend_from_slice(text.as_bytes());
            filled.push(b'"');
        }
        None => {
            let start = filled.len();
            filled.extend(text.bytes().map(|byte| if byte == b' ' { b'_' } else { byte }));
            match filled.get_mut(start) {
                Some(first) if *first == b'-' => *first = b'_',
                Some(_) => {}
                None => filled.push(b'_'),
            }
        }
    }
}

fn push_quoted(value: &[u8], quoting: Quoting, filled: &mut Vec<u8>) {
    let bare = quoting == Quoting::Bare && !value.iter().all(|&byte| stands_for_itself(byte));
    if bare {
        filled.push(b'\'');
    }
    for &byte in value {
        match (quoting, byte) {
            (Quoting::Single | Quoting::Bare, b'\'') => filled.extend_from_slice(b"'\\''"),
            (Quoting::Double, b'"' | b'\\' | b'$' | b'`') => {
                filled.extend_from_slice(&[b'\\', byte]);
            }
            _ => filled.push(byte),
        }
    }
    if bare {
        filled.push(b'\'');
    }
}

/// Whether a shell takes this byte as it is, outside of quotes.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/._-+:,@%".contains(&byte)
}

/// Whether no shell reads anything in this: letters of any alphabet, digits and `. _ - @ : + /`.
fn is_harmless_path(path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok_and(|text| {
        let harmless = |letter: char| {
            let of_ascii = letter.is_ascii_alphanumeric() || "._-@:+/".contains(letter);
            // Marks belong to the letters before them.
            of_ascii || letter.is_alphanumeric() || is_combining_mark(letter)
        };
        text.chars().all(harmless)
    })
}

#[cfg(test)]
mod tests;
