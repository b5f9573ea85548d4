//! What a file system supports, tried out once.

use super::inode_lock::{Lock, try_lock};
use super::syscalls;
use super::system_errors::{is_full, is_unavailable};
use super::temporary_files::Temporaries;
use super::temporary_names::TemporaryKind;

use std::fs::File;
use std::io;

/// What the file system of an output directory supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// Rename a file to a name that is free, in one step.
    pub(crate) no_replace: bool,
    /// Swap two names.
    pub(crate) exchange: bool,
    /// Give a file a second name.
    pub(crate) links: bool,
    /// Lock a file.
    pub(crate) locks: bool,
}

impl Abilities {
    /// All of them, until something else is found out.
    #[cfg(test)]
    pub(crate) const ALL: Self =
        Self { no_replace: true, exchange: true, links: true, locks: true };

    /// Tries each of them out with files that are gone afterwards: 14 system calls with all that belongs to
    /// it, and some 40 by which `/proc` is asked whose they are. Where there is room for one file, but not
    /// for a second, it is found out when it is needed.
    ///
    /// # Errors
    /// Whatever else the operating system says than that it cannot; nothing stays.
    pub(crate) fn probe(temporaries: &Temporaries) -> io::Result<Self> {
        let (mut one, file) = temporaries.create()?;
        let tried = has_locks(temporaries, &file)
            .and_then(|locks| Self::try_out(temporaries, &mut one, locks));
        remove_probe(temporaries, &one);
        tried
    }

    fn try_out(temporaries: &Temporaries, one: &mut String, locks: bool) -> io::Result<Self> {
        let top = temporaries.top();
        let from = one.clone();
        // Nothing is replaced without this one, and it may be the last resort.
        let aside = |to: &str| syscalls::rename_aside((top, &from), (top, to));
        *one = temporaries.with_new_name(TemporaryKind::Incoming, aside)?.0;
        let from = one.clone();
        let rename = |to: &str| syscalls::rename_to_free_name((top, &from), (top, to));
        let no_replace = match temporaries.with_new_name(TemporaryKind::Incoming, rename) {
            Ok((renamed, ())) => {
                *one = renamed;
                true
            }
            // Sandboxes may refuse calls that they do not know.
            Err(error) if is_unavailable(&error) => false,
            Err(error) => return Err(error),
        };
        let link = |to: &str| syscalls::link((top, one), (top, to));
        let links = match temporaries.with_new_name(TemporaryKind::Incoming, link) {
            Ok((second, ())) => {
                remove_probe(temporaries, &second);
                true
            }
            Err(error) if is_unavailable(&error) => false,
            Err(error) if is_full(&error) => true,
            Err(error) => return Err(error),
        };
        let exchange = match temporaries.create() {
            Ok((other, _)) => {
                let swapped = syscalls::exchange((top, one), (top, &other));
                remove_probe(temporaries, &other);
                match swapped {
                    Ok(()) => true,
                    Err(error) if is_unavailable(&error) => false,
                    Err(error) => return Err(error),
                }
            }
            Err(error) if is_full(&error) => true,
            Err(error) => return Err(error),
        };
        Ok(Self { no_replace, exchange, links, locks })
    }

    /// Whether a file can be given a name that is known to be free: what unique names and numbers need.
    pub(crate) fn give_free_names(self) -> bool {
        self.no_replace || self.links
    }
}

/// A start of another receiver may be looking at the one file; where the next one is busy too, no lock tells
/// anything.
fn has_locks(temporaries: &Temporaries, file: &File) -> io::Result<bool> {
    let lock = match try_lock(file) {
        Lock::Busy => {
            let (other, file) = temporaries.create()?;
            remove_probe(temporaries, &other);
            try_lock(&file)
        }
        lock => lock,
    };
    Ok(lock == Lock::Held)
}

/// Removes a name that was made to try something out. Should that fail, a start removes it; objects may be
/// stored all the same.
pub(crate) fn remove_probe(temporaries: &Temporaries, name: &str) {
    if let Err(error) = temporaries.remove(name) {
        tracing::debug!("cannot remove {name}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::syscalls::hooks;
    use super::*;
    use crate::directory::testing::Scratch;
    use crate::{Directory, Durability};
    use rustix::io::Errno;

    /// What is found out where one kind of call always fails.
    fn found(scratch: &Scratch, kind: &'static str, errno: Errno) -> io::Result<Abilities> {
        let fails = move |call: &str| if call == kind { Err(errno.into()) } else { Ok(()) };
        let opened = hooks::with(fails, || Directory::open(&scratch.0, Durability::Full))?;
        Ok(opened.current()?.abilities())
    }

    #[test]
    fn what_is_refused_is_done_without_and_what_is_needed_is_tried() {
        let scratch = Scratch::in_memory("abilities");
        for errno in [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::OPNOTSUPP] {
            let all = Abilities::ALL;
            let no_replace = Abilities { no_replace: false, ..all };
            let exchange = Abilities { exchange: false, ..all };
            let links = Abilities { links: false, ..all };
            let kinds = [("rename to a free name", no_replace), ("exchange", exchange)];
            for (kind, expected) in kinds.into_iter().chain([("link", links)]) {
                assert_eq!(found(&scratch, kind, errno).unwrap(), expected, "{kind}: {errno:?}");
            }
            // Else each object would find out for itself.
            assert!(found(&scratch, "rename", errno).is_err(), "{errno:?}");
        }
        assert_eq!(scratch.content().len(), 0);
    }
}
