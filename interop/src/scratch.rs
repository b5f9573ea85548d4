//! Provides a temporary directory for one test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// An empty directory, deleted with its contents when dropped.
///
/// It is kept if `INTEROP_KEEP` is set, so that the files of a failed test can be examined.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one below the system's directory for temporary files.
    #[must_use]
    pub fn new() -> Self {
        Self::below(&env::temp_dir())
    }

    /// Makes one below this directory.
    #[must_use]
    pub fn below(parent: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("storescp-interop-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap_or_else(|error| panic!("cannot make {path:?}: {error}"));
        Self { path }
    }

    /// Path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it.
    #[must_use]
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir(&path).unwrap_or_else(|error| panic!("cannot make {path:?}: {error}"));
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if env::var_os("INTEROP_KEEP").is_none() {
            // A server may create a file in it at the same time; a leftover is only a temporary file.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
