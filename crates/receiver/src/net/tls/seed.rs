//! `--seed` and `--write-seed`: randomness from a file and back to it.

use super::error::{Error, TlsFile};
use super::reason::file_reason;
use crate::limits::TLS_FILE_BYTES;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Adds the contents of a file to the kernel's random number generator, from which OpenSSL's is
/// seeded. The kernel counts it as no entropy, so a known or constant file does no harm.
///
/// # Errors
/// The file is unreadable.
pub(super) fn add_to_kernel(path: &Path, warnings: &mut Vec<String>) -> Result<(), Error> {
    let content =
        platform::read_at_most(path, TLS_FILE_BYTES).map_err(|error| Error::Unreadable {
            what: TlsFile::Seed,
            path: path.to_owned(),
            reason: file_reason(&error),
        })?;
    let added = File::options()
        .write(true)
        .open("/dev/urandom")
        .and_then(|mut kernel| kernel.write_all(&content));
    if let Err(error) = added {
        warnings.push(format!(
            "cannot add seed to the random number generator: {}",
            file_reason(&error)
        ));
    }
    Ok(())
}

/// Where new randomness goes after each association.
pub(super) struct SeedFile {
    path: PathBuf,
    /// One writer at a time.
    writing: Mutex<()>,
}

impl SeedFile {
    /// A file to be written, and written at once, so that what is wrong shows at the start.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = Self { path: path.to_owned(), writing: Mutex::default() };
        file.write().map_err(|error| Error::Unreadable {
            what: TlsFile::WrittenSeed,
            path: path.to_owned(),
            reason: file_reason(&error),
        })?;
        Ok(file)
    }

    /// Writes new randomness; a failure is logged.
    pub(super) fn renew(&self) {
        if let Err(error) = self.write() {
            let path = self.path.display();
            tracing::warn!("cannot write seed file '{path}': {}", file_reason(&error));
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut seed = [0; SEED_BYTES];
        openssl::rand::rand_bytes(&mut seed)?;
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&self.path)?.write_all(&seed)
    }
}

const SEED_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_without_an_end_is_refused() {
        let error = add_to_kernel(Path::new("/dev/zero"), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("longer than 67108864 bytes"), "{error}");
    }
}
