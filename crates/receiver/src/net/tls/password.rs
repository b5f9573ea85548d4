//! The password of the private key.

use super::settings::KeyPassword;
use rustix::fs::FileType;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::OnceLock;

/// A password, asked for when it is first needed; kept, since the key is read again on SIGHUP.
pub(super) struct Password {
    known: OnceLock<Vec<u8>>,
    may_ask: bool,
}

impl Password {
    /// What the command line says of it.
    pub(super) fn new(typed: &KeyPassword) -> Self {
        let known = OnceLock::new();
        let typed = match typed {
            KeyPassword::Ask => return Self { known, may_ask: true },
            KeyPassword::Given(password) => password.as_encoded_bytes().to_vec(),
            KeyPassword::Empty => Vec::new(),
        };
        // The cell is new.
        let _ = known.set(typed);
        Self { known, may_ask: true }
    }

    /// The same, which is never asked for: a receiver that serves does not wait for somebody at a terminal.
    pub(super) fn unasked(self) -> Self {
        Self { may_ask: false, ..self }
    }

    /// The password, asked for if need be: on the terminal without echo, and where there is none,
    /// as the first line of standard input.
    ///
    /// # Errors
    /// It cannot be read; it has a zero byte, which no password can hold.
    pub(super) fn reveal(&self, key_file: &Path) -> io::Result<&[u8]> {
        let password = match self.known.get() {
            Some(password) => password,
            None if !self.may_ask => {
                let reason =
                    "it is asked for at the start only: give it in the settings, or restart";
                return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
            }
            None => {
                let asked = ask(key_file)?;
                self.known.get_or_init(|| asked)
            }
        };
        if password.contains(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it contains a zero byte"));
        }
        Ok(password)
    }
}

fn ask(key_file: &Path) -> io::Result<Vec<u8>> {
    if let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") {
        let silent = Silent::new(&terminal)?;
        write!(&terminal, "Enter pass phrase for {}: ", key_file.display())?;
        let line = first_line(BufReader::new(&terminal));
        drop(silent);
        return line;
    }
    let status = rustix::fs::fstat(io::stdin())?;
    if FileType::from_raw_mode(status.st_mode) == FileType::Socket {
        let reason = "there is no terminal to ask on, and standard input is a connection";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    first_line(io::stdin().lock())
}

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

/// The bytes before the line's end, which may be missing, LF or CR LF.
fn first_line(input: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(LONGEST_PASSWORD_BYTES).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

/// As much as OpenSSL takes.
const LONGEST_PASSWORD_BYTES: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_in_any_way() {
        for text in ["secret", "secret\n", "secret\r\n", "secret\nmore\n"] {
            assert_eq!(first_line(text.as_bytes()).unwrap(), b"secret", "{text:?}");
        }
        assert_eq!(first_line(&b""[..]).unwrap(), b"");
        assert_eq!(first_line(&b" a\rb \n"[..]).unwrap(), b" a\rb ", "no more is cut off");
        assert_eq!(first_line(io::BufReader::new(io::repeat(b'x'))).unwrap().len(), 1024);
    }

    #[test]
    fn what_is_given_is_not_asked_for() {
        let given = Password::new(&KeyPassword::Given("secret".into()));
        assert_eq!(given.reveal(Path::new("key")).unwrap(), b"secret");
        assert_eq!(Password::new(&KeyPassword::Empty).reveal(Path::new("key")).unwrap(), b"");
        assert!(Password::new(&KeyPassword::Ask).unasked().reveal(Path::new("key")).is_err());
        let zero = Password::new(&KeyPassword::Given("a\0b".into()));
        assert!(zero.reveal(Path::new("key")).is_err());
    }
}
