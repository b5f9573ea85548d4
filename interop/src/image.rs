//! Files that contain a file system.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::run;
use crate::{Scratch, peers};

/// An ordinary file with a file system in it, deleted when this is dropped and nothing has it mounted.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    _scratch: Scratch,
}

impl Image {
    /// Makes one of this size with this command of Debian's packages, to which its path is appended.
    ///
    /// # Panics
    /// If the command fails.
    #[must_use]
    pub fn made(mebibytes: u64, make: &[&str]) -> Self {
        let scratch = Scratch::new();
        let path = scratch.path().join("image");
        File::create(&path).and_then(|file| file.set_len(mebibytes << 20)).expect("an image");
        let mut command = peers::debian(make[0]);
        run(command.args(&make[1..]).arg(&path), Duration::from_secs(60)).expect_success("mkfs");
        Self { path, _scratch: scratch }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
