//! Test support: a directory for each test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of its own for each test, removed at its end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Makes the directory; `test` is a name that no other test uses.
    ///
    /// # Panics
    /// If it cannot be made, or is there already.
    #[must_use]
    pub fn new(test: &str) -> Self {
        Self::beneath(&std::env::temp_dir(), test)
    }

    /// The same in memory, where there is such a place: for tests that do the same a thousand times.
    ///
    /// # Panics
    /// As [`Scratch::new`].
    #[must_use]
    pub fn in_memory(test: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self::beneath(&parent, test)
    }

    /// The same beneath a folder.
    ///
    /// # Panics
    /// As [`Scratch::new`].
    #[must_use]
    pub fn beneath(parent: &Path, test: &str) -> Self {
        let path = parent.join(format!("storescp-{}-{test}", std::process::id()));
        fs::create_dir(&path).expect("no other test has made it");
        Self(path)
    }

    /// Path, beneath the directory, and content of every file in it.
    ///
    /// # Panics
    /// If a file cannot be read.
    #[must_use]
    pub fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("nobody else removes it").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.0).expect("it is beneath").to_str();
                let name = name.expect("tests use such names").to_owned();
                files.insert(name, fs::read(path).expect("it is ours"));
            }
        }
        files
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
