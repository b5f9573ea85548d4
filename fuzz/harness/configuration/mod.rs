//! The targets for configuration: command line, files and other text written by an administrator.

pub mod hosts_access;
pub mod log4cplus;
pub mod options;
pub mod profile;
pub mod settings;

/// The number after the first `line ` in a message.
fn line_number(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("line ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok()
}

/// Fails unless a message names one of the lines of a text.
fn check_line(message: &str, text: &str) {
    let lines = text.lines().count();
    let number = line_number(message);
    assert!(number.is_some_and(|line| (1..=lines).contains(&line)), "{message} of {lines}");
}

/// The message expected after one line is inserted before the text.
fn one_further(message: &str) -> String {
    let number = line_number(message).expect("checked before");
    message.replacen(&format!("line {number}"), &format!("line {}", number + 1), 1)
}
