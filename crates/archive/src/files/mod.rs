//! The files of an output directory: those that are stored, reached folder by folder: never through a symbolic link.

mod place;

pub use place::{Place, request_spool_scan};
pub(crate) use place::{PlaceInUse, hidden_folder, make_hidden_folder};

use crate::limits::FOLDER_LEVELS;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// An output directory. Holds a descriptor.
#[derive(Debug)]
pub(crate) struct Tree {
    top: OwnedFd,
}

/// A file that was found.
pub(crate) struct FoundFile<'a> {
    /// Its name beneath the output directory, `/` between names.
    pub(crate) path: &'a str,
    /// The folder that it is in, and its name in there.
    folder: &'a OwnedFd,
    name: &'a str,
}

/// What a walk has passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PassedOver {
    /// Symbolic links, devices, and the like.
    pub(crate) special: u64,
    /// Names that are not UTF-8.
    pub(crate) unnamed: u64,
    /// Folders that are too deep, or cannot be opened.
    pub(crate) folders: u64,
}

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
// A pipe of that name does not hold it up.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Names that begin so are the receiver's own.
const OURS: &str = ".storescp";

impl Tree {
    /// Opens an output directory, which may be a symbolic link.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { top: rustix::fs::open(directory, flags, Mode::empty())? })
    }

    /// Opens a regular file for reading; `None` if there is none, or something in its path is a symbolic link.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn open_file(&self, path: &str) -> io::Result<Option<File>> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = rustix::io::fcntl_dupfd_cloexec(&self.top, 0)?;
        for inner in folders.split('/').filter(|it| !it.is_empty()) {
            match enter(&folder, inner)? {
                Some(entered) => folder = entered,
                None => return Ok(None),
            }
        }
        open_regular(&folder, name)
    }

    /// Calls `each` for every regular file, and does not keep their names: a folder of a million files takes no more memory
    /// than one of ten. The receiver's own folder is passed over.
    ///
    /// # Errors
    /// Those of the operating system, for the output directory itself.
    pub(crate) fn walk<B>(
        &self,
        each: &mut dyn FnMut(&FoundFile<'_>) -> ControlFlow<B>,
    ) -> io::Result<(PassedOver, Option<B>)> {
        let mut passed_over = PassedOver::default();
        let top = rustix::io::fcntl_dupfd_cloexec(&self.top, 0)?;
        let broken = walk_folder(&top, &mut String::new(), 0, &mut passed_over, each)?;
        Ok((passed_over, broken))
    }
}

impl FoundFile<'_> {
    /// Opens it for reading; `None` if it is gone, or something else by now.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn open(&self) -> io::Result<Option<File>> {
        open_regular(self.folder, self.name)
    }
}

fn walk_folder<B>(
    folder: &OwnedFd,
    path: &mut String,
    level: usize,
    passed_over: &mut PassedOver,
    each: &mut dyn FnMut(&FoundFile<'_>) -> ControlFlow<B>,
) -> io::Result<Option<B>> {
    let length = path.len();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            passed_over.unnamed += 1;
            continue;
        };
        if matches!(name, "." | "..") || name.starts_with(OURS) {
            continue;
        }
        path.truncate(length);
        if length > 0 {
            path.push('/');
        }
        path.push_str(name);
        let broken = match type_of(folder, name, entry.file_type()) {
            Some(FileType::RegularFile) => each(&FoundFile { path, folder, name }).break_value(),
            Some(FileType::Directory) if level < FOLDER_LEVELS => match enter(folder, name) {
                Ok(Some(inner)) => walk_folder(&inner, path, level + 1, passed_over, each)
                    .unwrap_or_else(|_| {
                        passed_over.folders += 1;
                        None
                    }),
                Ok(None) => None,
                Err(_) => {
                    passed_over.folders += 1;
                    None
                }
            },
            Some(FileType::Directory) => {
                passed_over.folders += 1;
                None
            }
            Some(_) => {
                passed_over.special += 1;
                None
            }
            // It is gone.
            None => None,
        };
        path.truncate(length);
        if broken.is_some() {
            return Ok(broken);
        }
    }
    Ok(None)
}

fn type_of(folder: &OwnedFd, name: &str, listed: FileType) -> Option<FileType> {
    if listed != FileType::Unknown {
        return Some(listed);
    }
    let status = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(status.st_mode))
}

/// `None` if there is no folder of this name.
fn enter(folder: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    if matches!(name, "." | "..") {
        return Ok(None);
    }
    match rustix::fs::openat(folder, name, FOLDER, Mode::empty()) {
        Ok(entered) => Ok(Some(entered)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open_regular(folder: impl AsFd, name: &str) -> io::Result<Option<File>> {
    match rustix::fs::openat(folder, name, FILE, Mode::empty()) {
        Ok(file) => {
            let file = File::from(file);
            Ok(file.metadata()?.is_file().then_some(file))
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::testing::Scratch;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_walk_finds_regular_files_and_follows_no_link() {
        let scratch = Scratch::new("archive-walk");
        let outside = Scratch::new("archive-walk-outside");
        std::fs::write(outside.0.join("secret"), "x").unwrap();
        for folder in ["a/b", "a/c", ".storescp/pending"] {
            std::fs::create_dir_all(scratch.0.join(folder)).unwrap();
        }
        for file in ["1", "a/2", "a/b/3", ".storescp/pending/4", ".storescp-9.part"] {
            std::fs::write(scratch.0.join(file), file).unwrap();
        }
        symlink(&outside.0, scratch.0.join("a/link")).unwrap();
        symlink(outside.0.join("secret"), scratch.0.join("a/c/link")).unwrap();
        let tree = Tree::open(&scratch.0).unwrap();
        let mut found = Vec::new();
        let walked = tree.walk::<()>(&mut |file| {
            let mut content = String::new();
            file.open().unwrap().unwrap().read_to_string(&mut content).unwrap();
            assert_eq!(content, file.path);
            found.push(file.path.to_owned());
            ControlFlow::Continue(())
        });
        found.sort();
        assert_eq!(found, ["1", "a/2", "a/b/3"]);
        let special = PassedOver { special: 2, ..PassedOver::default() };
        assert_eq!(walked.unwrap(), (special, None));
        let stopped = tree.walk(&mut |file| ControlFlow::Break(file.path.to_owned())).unwrap();
        assert!(stopped.1.is_some());

        assert!(tree.open_file("a/b/3").unwrap().is_some());
        for none in ["a/link/secret", "a/c/link", "a/b", "a/b/4", "../x", "a/../1", ""] {
            assert!(tree.open_file(none).unwrap().is_none(), "{none}");
        }
    }
}
