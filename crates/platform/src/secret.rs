//! Secrets that somebody types, or that a pipe brings.

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Asks on the terminal, without showing what is typed; `None` if the process has no terminal.
///
/// # Errors
/// The terminal fails.
pub fn ask_for_secret(prompt: &str) -> io::Result<Option<Vec<u8>>> {
    let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let silent = Silent::new(&terminal)?;
    write!(&terminal, "{prompt}")?;
    let line = read_secret(BufReader::new(&terminal));
    drop(silent);
    line.map(Some)
}

/// The bytes before the first line's end, which may be missing, LF or CR LF; at most 1024, as much as OpenSSL takes
/// of a password.
///
/// # Errors
/// Those of the input.
pub fn read_secret(input: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(LONGEST_SECRET_BYTES).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

const LONGEST_SECRET_BYTES: u64 = 1024;

/// A terminal that shows nothing of what is typed but the line's end, until this is dropped.
struct Silent<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Silent<'t> {
    fn new(terminal: &'t File) -> io::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        termios::tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // If the terminal is gone, there is nothing to restore.
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_in_any_way() {
        for text in ["secret", "secret\n", "secret\r\n", "secret\nmore\n"] {
            assert_eq!(read_secret(text.as_bytes()).unwrap(), b"secret", "{text:?}");
        }
        assert_eq!(read_secret(&b""[..]).unwrap(), b"");
        assert_eq!(read_secret(&b" a\rb \n"[..]).unwrap(), b" a\rb ", "no more is cut off");
        assert_eq!(read_secret(io::BufReader::new(io::repeat(b'x'))).unwrap().len(), 1024);
    }
}
