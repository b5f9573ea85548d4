//! The files that a command line names.

use crate::logging::{LogConfig, LogConfigFault};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// What a command line needs of the files that it names.
pub trait Files {
    /// The content of an `@file`, or of the file of `--fault-file`.
    ///
    /// # Errors
    /// It cannot be read.
    fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>>;

    /// What the file of `--log-config` asks for.
    ///
    /// # Errors
    /// It cannot be read, or is no log configuration.
    fn log_config(&self, path: &Path) -> Result<LogConfig, LogConfigFault>;
}

/// The files of this machine.
pub(super) struct FileSystem;

impl Files for FileSystem {
    fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        std::fs::read(name)
    }

    fn log_config(&self, path: &Path) -> Result<LogConfig, LogConfigFault> {
        LogConfig::read(path)
    }
}
