//! What destinations that are programs share: how they are started and ended, and what they write.

pub mod children;
pub(super) mod environment;
pub(super) mod group;
pub(super) mod output;
#[cfg(test)]
pub(super) mod testing;

use crate::{Error, Item};
use std::ffi::{OsStr, OsString};
use std::io;

/// What a delivery is parked for whose object's file is gone.
pub(super) fn gone(item: &Item) -> Option<String> {
    item.missing.then(|| "the file of the object is gone".to_owned())
}

/// The program and its arguments.
///
/// # Errors
/// There is no program.
pub(super) fn split<'c>(
    name: &str,
    command: &'c [OsString],
) -> Result<(&'c OsStr, &'c [OsString]), Error> {
    match command.split_first() {
        Some((program, arguments)) if !program.is_empty() => Ok((program, arguments)),
        _ => Err(Error::Destination {
            name: name.to_owned(),
            reason: "the command is empty: give a program and its arguments".to_owned(),
        }),
    }
}

/// Why a program was not started, for people.
pub(super) fn not_started(program: &OsStr, error: &io::Error) -> String {
    let program = output::printable(program.as_encoded_bytes());
    format!("cannot start {program}: {}", platform::reason(error))
}
