//! `storescp hash-password`: makes the hash of a password, for a user of the control plane.

use super::hasher_help;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Runs it with the words behind `hash-password`. Exit code 0 if a hash, or the help text, was printed.
pub(crate) fn hash_password(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.collect();
    let printed = match words.as_slice() {
        [] => read().and_then(|password| hash(&password)).map(|hash| format!("{hash}\n")),
        [word] if word == "--help" || word == "-h" => Ok(hasher_help()),
        // Not repeated: it may be the password.
        _ => Err("it takes no arguments, where others could read a password: enter it when asked, or write it to \
                  standard input"
            .to_owned()),
    };
    match printed {
        Ok(text) => {
            // A reader that closes the pipe early is no error.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            let text = format!("error: {fault}\nhint: storescp hash-password --help\n");
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn hash(password: &[u8]) -> Result<String, String> {
    let password = std::str::from_utf8(password)
        .map_err(|_| "cannot hash the password: it is not UTF-8, which browsers send it in")?;
    control::hash_password(password).map_err(|error| error.to_string())
}

/// Asks twice on a terminal; otherwise the first line of standard input.
fn read() -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("cannot read the password: {error}");
    if !io::stdin().is_terminal() {
        return platform::read_secret(io::stdin().lock()).map_err(unreadable);
    }
    let ask = |prompt| match platform::ask_for_secret(prompt) {
        Ok(Some(typed)) => Ok(typed),
        Ok(None) => Err("cannot read the password: there is no terminal to ask on".to_owned()),
        Err(error) => Err(unreadable(error)),
    };
    let typed = ask("Password: ")?;
    if ask("The same again: ")? != typed {
        return Err("the two passwords differ".to_owned());
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_becomes_a_hash_that_the_settings_take() {
        let hash = hash("würde".as_bytes()).unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        for (password, expected) in [(&b""[..], "it is empty"), (b"\xff", "not UTF-8")] {
            let fault = super::hash(password).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
        assert!(super::hash(&[b'x'; 2000]).unwrap_err().contains("more than 1024 bytes"));
    }
}
