//! What SQLite's errors mean.

use crate::Error;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHORT_READ};
use std::path::Path;

/// An error of the file at `path`.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error();
    let extended = code.map_or(0, |code| code.extended_code);
    let damaged = [SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHORT_READ].contains(&extended);
    match code.map(|code| code.code) {
        _ if damaged => self::damaged(path, error.to_string()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            self::damaged(path, error.to_string())
        }
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted,
        ) => Error::Unavailable(format!("{}: {error}", path.display())),
        _ => Error::Statement(error.to_string()),
    }
}

/// The file at `path` is damaged.
pub(super) fn damaged(path: &Path, reason: String) -> Error {
    Error::Damaged { path: Some(path.to_owned()), reason }
}
