//! The password of the private key.

use super::settings::KeyPassword;
use rustix::fs::FileType;
use std::io;
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
    let prompt = format!("Enter pass phrase for {}: ", key_file.display());
    if let Some(typed) = platform::ask_for_secret(&prompt)? {
        return Ok(typed);
    }
    let status = rustix::fs::fstat(io::stdin())?;
    if FileType::from_raw_mode(status.st_mode) == FileType::Socket {
        let reason = "there is no terminal to ask on, and standard input is a connection";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    platform::read_secret(io::stdin().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

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
