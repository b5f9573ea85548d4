//! The ways of any Unix.

use rustix::fs::Mode;
use std::fs::File;
use std::io;
use std::net::TcpStream;

/// Never: temporary names do the same, if visibly.
#[must_use]
pub fn has_unnamed_files(_folder: &File) -> bool {
    false
}

/// Not offered.
///
/// # Errors
/// Always `Unsupported`.
pub fn create_unnamed(_folder: &File, _mode: Mode) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
///
/// # Errors
/// Always `Unsupported`.
pub fn link_unnamed(_file: &File, _folder: &File, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not offered.
///
/// # Errors
/// Always `Unsupported`.
pub fn exchange(_folder: &File, _one: &str, _other: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing: the system acknowledges when it thinks fit.
pub fn acknowledge_now(_stream: &TcpStream) {}

/// Not known here.
#[must_use]
pub fn thread_limit() -> Option<usize> {
    None
}
