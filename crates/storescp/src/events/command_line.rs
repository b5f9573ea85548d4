//! Values in place of the placeholders of a command line, quoted for the shell.

use crate::storage::FileName;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Who sent an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The calling AE title, harmless to a shell.
    calling_ae: String,
    /// The called AE title, likewise.
    called_ae: String,
    /// Its address.
    pub(crate) address: IpAddr,
}

impl Peer {
    /// Of AE titles, letters, digits, blanks and `- . : @ _` are kept, all else becomes `_`.
    pub(crate) fn new(calling_ae: &str, called_ae: &str, address: IpAddr) -> Self {
        Self {
            calling_ae: harmless("calling AE title", calling_ae),
            called_ae: harmless("called AE title", called_ae),
            address,
        }
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self::new("", "", IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// What the placeholders stand for.
pub(super) struct Values<'v> {
    /// `#p`
    pub(super) directory: Option<&'v Path>,
    /// `#f`
    pub(super) file: Option<&'v FileName>,
    /// `#a`, `#c`
    pub(super) peer: &'v Peer,
    /// `#r`, asked for only if it is there.
    pub(super) host: &'v dyn Fn() -> String,
}

/// A command line with values in place of `#p #f #a #c #r`; of those that have none, and of other
/// text, every byte is kept.
///
/// Each value is one word, or part of one, to the shell, where the placeholder stands bare and where it
/// stands in quotes: blanks, quotes and whatever else a path may have reach the command as they are.
pub(super) fn fill_in(text: &OsStr, values: &Values<'_>) -> Vec<u8> {
    let text = text.as_encoded_bytes();
    let mut filled = Vec::with_capacity(text.len() + 256);
    let mut shell = Shell::default();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'#'
            && let Some((&letter, after)) = after.split_first()
            && values.push(letter, shell.quoting(), &mut filled)
        {
            shell.word();
            rest = after;
            continue;
        }
        let length = shell.read(rest);
        filled.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
    filled
}

impl Values<'_> {
    /// Writes the value of a placeholder; false if it has none.
    fn push(&self, letter: u8, quoting: Quoting, filled: &mut Vec<u8>) -> bool {
        match letter {
            b'p' => self.directory.is_some_and(|path| {
                push_quoted(path.as_os_str().as_encoded_bytes(), quoting, filled);
                true
            }),
            b'f' => self.file.is_some_and(|name| {
                push_quoted(name.as_str().as_bytes(), quoting, filled);
                true
            }),
            b'a' => push_harmless(&self.peer.calling_ae, quoting, filled),
            b'c' => push_harmless(&self.peer.called_ae, quoting, filled),
            b'r' => push_harmless(&harmless("host name", &(self.host)()), quoting, filled),
            _ => false,
        }
    }
}

/// In what a shell would find itself at some place of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    Bare,
    Single,
    Double,
}

/// A value without anything that quotes would not make harmless. As today's DCMTK has it, it is in
/// double quotes of its own.
fn push_harmless(value: &str, quoting: Quoting, filled: &mut Vec<u8>) -> bool {
    let own_quotes: &[u8] = if quoting == Quoting::Double { b"" } else { b"\"" };
    filled.extend_from_slice(own_quotes);
    filled.extend_from_slice(value.as_bytes());
    filled.extend_from_slice(own_quotes);
    true
}

fn push_quoted(value: &[u8], quoting: Quoting, filled: &mut Vec<u8>) {
    for &byte in value {
        match (quoting, byte) {
            (Quoting::Single, b'\'') => filled.extend_from_slice(b"'\\''"),
            (Quoting::Double, b'"' | b'\\' | b'$' | b'`') => {
                filled.extend_from_slice(&[b'\\', byte]);
            }
            (Quoting::Bare, b'\n') => filled.extend_from_slice(b"'\n'"),
            (Quoting::Bare, _) if !stands_for_itself(byte) => {
                filled.extend_from_slice(&[b'\\', byte]);
            }
            _ => filled.push(byte),
        }
    }
}

/// Whether a shell takes this byte as it is, outside of quotes.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/._-+=:,@%".contains(&byte)
}

/// Text from a peer, reduced as today's DCMTK does it.
fn harmless(what: &str, text: &str) -> String {
    let is_harmless = |letter: char| letter.is_ascii_alphanumeric() || " -.:@_".contains(letter);
    let clean: String =
        text.chars().map(|letter| if is_harmless(letter) { letter } else { '_' }).collect();
    if clean != text {
        tracing::warn!(
            "Sanitized unusual characters in {what}, converted from \"{text}\" to \"{clean}\"."
        );
    }
    clean
}

/// Reads a command line as far as it matters for quoting: quotes, escapes, comments, and commands
/// within commands.
struct Shell {
    /// What is open, outermost first.
    open: Vec<Open>,
    /// Whether a comment could begin here.
    at_word_start: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    /// `$(`, with as many more brackets open in it.
    Substitution(usize),
    Backquote,
}

impl Default for Shell {
    fn default() -> Self {
        Self { open: Vec::new(), at_word_start: true }
    }
}

impl Shell {
    fn quoting(&self) -> Quoting {
        match self.open.last() {
            Some(Open::Single) => Quoting::Single,
            Some(Open::Double) => Quoting::Double,
            _ => Quoting::Bare,
        }
    }

    /// A value stands here.
    fn word(&mut self) {
        self.at_word_start = false;
    }

    /// Takes what stands first in `rest`, and returns its length.
    fn read(&mut self, rest: &[u8]) -> usize {
        let at_word_start = std::mem::replace(&mut self.at_word_start, false);
        let top = self.open.last().copied();
        match (top, rest) {
            (Some(Open::Single), [b'\'', ..]) | (Some(Open::Double), [b'"', ..]) => self.close(),
            (Some(Open::Single), _) => 1,
            // Before a placeholder, it is one of the value's first character.
            (_, [b'\\', next, ..]) if *next != b'#' => 2,
            (_, [b'$', b'(', ..]) => self.open(Open::Substitution(0), 2),
            (Some(Open::Backquote), [b'`', ..]) => self.close(),
            (_, [b'`', ..]) => self.open(Open::Backquote, 1),
            (Some(Open::Double), _) => 1,
            (_, [b'\'', ..]) => self.open(Open::Single, 1),
            (_, [b'"', ..]) => self.open(Open::Double, 1),
            (Some(Open::Substitution(0)), [b')', ..]) => self.close(),
            (Some(Open::Substitution(depth)), [bracket @ (b'(' | b')'), ..]) => {
                self.open.pop();
                let depth = if *bracket == b'(' { depth + 1 } else { depth - 1 };
                self.open(Open::Substitution(depth), 1)
            }
            (_, [b'#', ..]) if at_word_start => {
                rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
            }
            (_, [byte, ..]) => {
                self.at_word_start = b" \t\n;&|(".contains(byte);
                1
            }
            (_, []) => 0,
        }
    }

    fn open(&mut self, what: Open, length: usize) -> usize {
        self.open.push(what);
        self.at_word_start = !matches!(what, Open::Single | Open::Double);
        length
    }

    fn close(&mut self) -> usize {
        self.open.pop();
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    fn filled(text: &str, directory: &str, name: &str) -> String {
        let peer = Peer::new("MY AE", "THEIR$(AE)", IpAddr::V4(Ipv4Addr::LOCALHOST));
        let file = FileName::new(name.to_owned()).unwrap();
        let host = || "host".to_owned();
        let directory = Some(Path::new(directory));
        let values = Values { directory, file: Some(&file), peer: &peer, host: &host };
        String::from_utf8(fill_in(OsStr::new(text), &values)).unwrap()
    }

    /// The words that a shell makes of `text`, a command's arguments, once values are in it.
    fn words(text: &str, directory: &str, name: &str) -> Vec<String> {
        let line = format!("printf '<%s>' {}", filled(text, directory, name));
        let run = Command::new("/bin/sh").arg("-c").arg(&line).output().unwrap();
        assert!(run.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
        let printed = String::from_utf8(run.stdout).unwrap();
        let inner = printed.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap();
        inner.split("><").map(str::to_owned).collect()
    }

    const NASTY: [&str; 8] = [
        "/plain/path",
        "/with blanks  and\ttabs",
        "/it's",
        "/say \"hello\"",
        "/$HOME/`id`/$(id)",
        "/back\\slash;id&|<>*?[a]!{a,b}~#x",
        "/two\nlines",
        "/größe/山田",
    ];

    #[test]
    fn paths_reach_the_command_as_they_are_bare_and_quoted() {
        for path in NASTY {
            let name = "it's \"$x\" 1 2;`id`";
            let whole = format!("{path}/{name}");
            assert_eq!(words("#p/#f", path, name), [whole.as_str()]);
            assert_eq!(words("\"#p/#f\" x", path, name), [whole.as_str(), "x"]);
            assert_eq!(words("'#p/#f'", path, name), [whole.as_str()]);
            assert_eq!(words("#p \"#f\" '#p'", path, name), [path, name, path]);
            assert_eq!(words("a'b #p'c\"d #f\"", path, name), [format!("ab {path}cd {name}")]);
            assert_eq!(words("\\\"#p\\\"", path, name), [format!("\"{path}\"")]);
            // Commands within commands; a shell drops line ends after them.
            assert_eq!(words("\"$(printf %s \"#p\")\"", path, name), [path]);
            assert_eq!(words("\"$(printf %s #p; (true))\" '#p'", path, name), [path, path]);
            assert_eq!(words("x # it's \"#p\ntrue #p", path, name), ["x"], "a comment to the end");
        }
    }

    #[test]
    fn titles_are_reduced_and_one_word() {
        let expected = ["MY AE", "THEIR__AE_", "host"];
        assert_eq!(words("#a #c #r", "/p", "f"), expected);
        assert_eq!(words("\"#a\" \"#c\" \"#r\"", "/p", "f"), expected);
        assert_eq!(words("x#a", "/p", "f"), ["xMY AE"]);
        // As today's DCMTK: quotes within single quotes, for a shell that this one calls.
        assert_eq!(filled("sh -c 'echo #a'", "/p", "f"), "sh -c 'echo \"MY AE\"'");
        assert_eq!(filled("#a", "/p", "f"), "\"MY AE\"");
    }

    #[test]
    fn other_text_is_kept() {
        for text in
            ["", "#", "a#", "#x #P ##", "echo \\", "'", "\"", "`", "$(", "a # b", "$((1+(2)))"]
        {
            assert_eq!(filled(text, "/p", "f"), text);
        }
        assert_eq!(filled("x##p\\#p", "/p", "f"), "x#/p\\/p");
        let bytes = OsStr::from_bytes(b"\xff#f\xfe");
        let (peer, file) = (Peer::default(), FileName::new("f".to_owned()).unwrap());
        let host = String::new;
        let values = Values { directory: None, file: Some(&file), peer: &peer, host: &host };
        assert_eq!(fill_in(bytes, &values), b"\xfff\xfe");
    }

    #[test]
    fn what_has_no_value_stays() {
        let (peer, host) = (Peer::default(), String::new);
        let values = Values { directory: None, file: None, peer: &peer, host: &host };
        assert_eq!(fill_in(OsStr::new("echo '#p #f' #a"), &values), b"echo '#p #f' \"\"");
        // A shell takes this for a comment.
        assert_eq!(fill_in(OsStr::new("echo #p #a"), &values), b"echo #p #a");
    }
}
