//! Temporary names, which say what they hold and which process owns them.

use crate::FileName;
use crate::file_id::Stamp;
use platform::{self, ProcessIdentity};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const INCOMING: &str = ".incoming-";
const REPLACED: &str = ".replaced-";
/// Ends the names, so that none looks like the one of an instance.
const END: char = '~';

/// What has a temporary name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TemporaryKind<'a> {
    /// A file on its way, which was never acknowledged.
    Incoming,
    /// What had the name `name` before `newer` got it, or was to get it; or `newer` itself, before and after
    /// that. Anything but `newer` may be the only copy of an acknowledged object.
    Replaced {
        /// The file that was never acknowledged as long as this one is there.
        newer: Stamp,
        /// The subfolder of `name`, if it is in one.
        folder: Option<&'a FileName>,
        name: &'a FileName,
    },
}

/// What a temporary name says, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParsedKind {
    Incoming,
    Replaced {
        /// Inode of the newer file, and when it was written.
        newer: (u64, u64),
        /// Subfolder and name; `None` if they were too long to be said.
        place: Option<(Option<FileName>, FileName)>,
    },
}

impl TemporaryKind<'_> {
    /// A name that says so, and that `owner` has it; another one each time.
    pub(crate) fn file_name(&self, owner: ProcessIdentity) -> String {
        let number = next_number();
        let owner =
            format!("{:x}-{:x}-{}-{:x}-{number:x}", owner.boot, owner.space, owner.id, owner.start);
        match self {
            Self::Incoming => format!("{INCOMING}{owner}{END}"),
            Self::Replaced { newer, folder, name } => {
                let folder = folder.map_or("", FileName::as_str);
                let start = format!("{REPLACED}{owner}-{:x}-{:x}", newer.id.inode, newer.modified);
                let whole = format!("{start}-{}-{folder}{name}{END}", folder.len());
                if whole.len() <= FileName::MAX_BYTES { whole } else { format!("{start}{END}") }
            }
        }
    }
}

impl ParsedKind {
    /// What the name of a file in the hidden folder says, and whose it is; `None` if it is none of ours.
    pub(crate) fn parse(name: &str) -> Option<(ProcessIdentity, Self)> {
        let name = name.strip_suffix(END)?;
        let (is_incoming, rest) = match name.strip_prefix(INCOMING) {
            Some(rest) => (true, rest),
            None => (false, name.strip_prefix(REPLACED)?),
        };
        let mut fields = rest.splitn(9, '-');
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (boot, space) = (hexadecimal()?, hexadecimal()?);
        let id = fields.next()?.parse().ok()?;
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (start, _number) = (hexadecimal()?, hexadecimal()?);
        let owner = ProcessIdentity { boot, space, id, start };
        if is_incoming {
            return fields.next().is_none().then_some((owner, Self::Incoming));
        }
        let newer = (hexadecimal()?, hexadecimal()?);
        let place = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(length), Some(names)) => {
                let (folder, name) = names.split_at_checked(length.parse().ok()?)?;
                let folder =
                    if folder.is_empty() { None } else { Some(FileName::new(folder.to_owned())?) };
                Some((folder, FileName::new(name.to_owned())?))
            }
            _ => return None,
        };
        Some((owner, Self::Replaced { newer, place }))
    }
}

/// A temporary name as it may be logged, with `*` for the names in it, which may be of a patient.
pub(crate) fn without_names(path: &str) -> String {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    // Ahead of what comes from the object are kind, owner, number and newer file.
    match path[start..].match_indices('-').nth(7) {
        Some((end, _)) if path[start..].starts_with(REPLACED) => {
            format!("{}-*", &path[..start + end])
        }
        _ => path.to_owned(),
    }
}

/// This process; all zeros but its number where `/proc` does not tell.
pub(crate) fn owner() -> ProcessIdentity {
    static OWNER: OnceLock<ProcessIdentity> = OnceLock::new();
    *OWNER.get_or_init(|| {
        let unknown = ProcessIdentity { boot: 0, space: 0, id: std::process::id(), start: 0 };
        platform::this_process().unwrap_or(unknown)
    })
}

/// Not the same twice in one process, nor soon in another one that had its number before.
fn next_number() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let first = FIRST.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos())
    });
    first + COUNTER.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    fn name(text: &str) -> FileName {
        FileName::new(text.to_owned()).unwrap()
    }

    #[test]
    fn names_say_what_they_hold_and_whose_they_are() {
        assert_eq!(
            ParsedKind::parse(&TemporaryKind::Incoming.file_name(owner())),
            Some((platform::this_process().unwrap(), ParsedKind::Incoming))
        );
        let id = FileId { device: 1, inode: 0xFFFF_FFFF_FFFF_FFFF };
        let newer = Stamp { id, modified: 0x1234 };
        let said = (id.inode, newer.modified);
        let (folder, file) = (name("DOE^JANE_1-2-3"), name("CT.1-2.3~"));
        for folder in [None, Some(&folder)] {
            let text = TemporaryKind::Replaced { newer, folder, name: &file }.file_name(owner());
            let place = Some((folder.cloned(), file.clone()));
            let (_, held) = ParsedKind::parse(&text).unwrap();
            assert_eq!(held, ParsedKind::Replaced { newer: said, place });
            let logged = without_names(&format!(".storescp-1/{text}"));
            let start = logged.strip_suffix('*').unwrap().strip_prefix(".storescp-1/").unwrap();
            assert!(text.starts_with(start) && start.ends_with("-1234-"), "{logged}");
        }
        let long = name(&"x".repeat(255));
        let text = TemporaryKind::Replaced { newer, folder: None, name: &long }.file_name(owner());
        assert!(text.len() <= 255);
        let (_, held) = ParsedKind::parse(&text).unwrap();
        assert_eq!(held, ParsedKind::Replaced { newer: said, place: None });
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for other in [
            "",
            "~",
            ".incoming-~",
            ".incoming-1-2-3-4~",
            ".incoming-1-2-3-4-5",
            ".incoming-1-2-3-4-5-6~",
            ".incoming-x-2-3-4-5~",
            ".storescp-1-1.part",
            ".replaced-1-2-3-4-5-6~",
            ".replaced-1-2-3-4-5-6-7-0-~",
            ".replaced-1-2-3-4-5-6-7-2-..CT.1~",
            ".replaced-1-2-3-4-5-6-7-9-CT.1~",
            ".replaced-1-2-3-4-5-6-7-0-a/b~",
            ".replaced-1-2-3-4-5-6-7-0~",
        ] {
            assert_eq!(ParsedKind::parse(other), None, "{other}");
        }
    }
}
