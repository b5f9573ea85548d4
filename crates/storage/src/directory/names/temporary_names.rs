//! Temporary names, which say what they hold and which process owns them.

use crate::FileName;
use crate::file_id::Stamp;
use platform::{self, ProcessIdentity};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const INCOMING: &str = ".incoming-";
const REPLACED: &str = ".replaced-";
const PLACE: &str = ".place-";
/// In front of the number of a [note](TemporaryKind::Place), where others have the length of a folder's name.
const NOTED: char = '@';
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
        /// The folders around `name`, the outermost first.
        folders: &'a [FileName],
        name: &'a FileName,
        /// The number of the note that says the same, if there is one.
        note: Option<u64>,
    },
    /// A note of where a file belongs that has a temporary name with the number of the note.
    Place,
}

/// What a temporary name says, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParsedKind {
    Incoming,
    Replaced {
        /// Inode of the newer file, and when it was written.
        newer: (u64, u64),
        /// `None` if it was too long to be said.
        place: Option<SaidPlace>,
    },
    /// A note with this number.
    Place(u64),
}

/// Where a file belongs, as far as its temporary name says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SaidPlace {
    /// The folders around it, the outermost first, and its name.
    Here(Vec<FileName>, FileName),
    /// A note with this number says it.
    Noted(u64),
}

impl TemporaryKind<'_> {
    /// A name that says so, and that `owner` has it; another one each time.
    pub(crate) fn file_name(&self, owner: ProcessIdentity) -> String {
        let number = next_number();
        let owner =
            format!("{:x}-{:x}-{}-{:x}-{number:x}", owner.boot, owner.space, owner.id, owner.start);
        match self {
            Self::Incoming => format!("{INCOMING}{owner}{END}"),
            Self::Place => format!("{PLACE}{owner}{END}"),
            Self::Replaced { newer, folders, name, note } => {
                let start = format!("{REPLACED}{owner}-{:x}-{:x}", newer.id.inode, newer.modified);
                let folder = match folders {
                    [] => Some(""),
                    [folder] => Some(folder.as_str()),
                    _ => None,
                };
                let whole = folder.map(|it| format!("{start}-{}-{it}{name}{END}", it.len()));
                match (whole, note) {
                    (Some(whole), _) if whole.len() <= FileName::MAX_BYTES => whole,
                    (_, Some(note)) => format!("{start}-{NOTED}{note:x}{END}"),
                    (_, None) => format!("{start}{END}"),
                }
            }
        }
    }

    /// Whether temporary names of this kind have room for the place, now and for millions of names to come.
    pub(crate) fn has_room(&self, owner: ProcessIdentity) -> bool {
        let name = self.file_name(owner);
        let said = matches!(
            ParsedKind::parse(&name),
            Some((_, ParsedKind::Replaced { place: Some(SaidPlace::Here(..)), .. }))
        );
        said && name.len() + 4 <= FileName::MAX_BYTES
    }
}

/// The name of the note with this number.
pub(crate) fn note_name(owner: ProcessIdentity, number: u64) -> String {
    let ProcessIdentity { boot, space, id, start } = owner;
    format!("{PLACE}{boot:x}-{space:x}-{id}-{start:x}-{number:x}{END}")
}

impl ParsedKind {
    /// What the name of a file in the hidden folder says, and whose it is; `None` if it is none of ours.
    pub(crate) fn parse(name: &str) -> Option<(ProcessIdentity, Self)> {
        let name = name.strip_suffix(END)?;
        let kinds = [INCOMING, PLACE, REPLACED];
        let (kind, rest) =
            kinds.into_iter().find_map(|kind| Some((kind, name.strip_prefix(kind)?)))?;
        let mut fields = rest.splitn(9, '-');
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (boot, space) = (hexadecimal()?, hexadecimal()?);
        let id = fields.next()?.parse().ok()?;
        let mut hexadecimal = || u64::from_str_radix(fields.next()?, 16).ok();
        let (start, number) = (hexadecimal()?, hexadecimal()?);
        let owner = ProcessIdentity { boot, space, id, start };
        if kind != REPLACED {
            let held = if kind == PLACE { Self::Place(number) } else { Self::Incoming };
            return fields.next().is_none().then_some((owner, held));
        }
        let newer = (hexadecimal()?, hexadecimal()?);
        let place = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(length), Some(names)) => {
                let (folder, name) = names.split_at_checked(length.parse().ok()?)?;
                let folder = match folder {
                    "" => Vec::new(),
                    _ => vec![FileName::new(folder.to_owned())?],
                };
                Some(SaidPlace::Here(folder, FileName::new(name.to_owned())?))
            }
            (Some(note), None) => {
                let number = u64::from_str_radix(note.strip_prefix(NOTED)?, 16).ok()?;
                Some(SaidPlace::Noted(number))
            }
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
        for folders in [&[][..], &[folder]] {
            let kind = TemporaryKind::Replaced { newer, folders, name: &file, note: Some(7) };
            let text = kind.file_name(owner());
            let place = Some(SaidPlace::Here(folders.to_vec(), file.clone()));
            let (_, held) = ParsedKind::parse(&text).unwrap();
            assert_eq!(held, ParsedKind::Replaced { newer: said, place });
            let logged = without_names(&format!(".storescp-1/{text}"));
            let start = logged.strip_suffix('*').unwrap().strip_prefix(".storescp-1/").unwrap();
            assert!(text.starts_with(start) && start.ends_with("-1234-"), "{logged}");
        }
        let long = name(&"x".repeat(255));
        let nested = [name("DOE"), name("JANE")];
        for (folders, file) in [(&[][..], &long), (&nested, &file)] {
            for (note, place) in [(None, None), (Some(0xAB), Some(SaidPlace::Noted(0xAB)))] {
                let kind = TemporaryKind::Replaced { newer, folders, name: file, note };
                assert!(!kind.has_room(owner()));
                let text = kind.file_name(owner());
                assert!(text.len() <= 255 && !text.contains("DOE"));
                let (_, held) = ParsedKind::parse(&text).unwrap();
                assert_eq!(held, ParsedKind::Replaced { newer: said, place });
            }
        }
    }

    #[test]
    fn a_note_is_found_by_its_number() {
        let text = TemporaryKind::Place.file_name(owner());
        let Some((whose, ParsedKind::Place(number))) = ParsedKind::parse(&text) else { panic!() };
        assert_eq!((whose, note_name(whose, number)), (owner(), text));
    }

    #[test]
    fn what_has_room_is_said() {
        let most = u64::MAX;
        let owner = ProcessIdentity { boot: most, space: most, id: u32::MAX, start: most };
        let newer = Stamp { id: FileId { device: 1, inode: most }, modified: most };
        let has_room = |length: usize| {
            let file = name(&"x".repeat(length));
            TemporaryKind::Replaced { newer, folders: &[], name: &file, note: None }.has_room(owner)
        };
        let longest = (1..=255).filter(|&length| has_room(length)).count();
        assert!(longest > 100 && has_room(longest) && !has_room(longest + 1), "{longest}");
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
            ".replaced-1-2-3-4-5-6-7-@~",
            ".replaced-1-2-3-4-5-6-7-@1-x~",
            ".place-1-2-3-4~",
            ".place-1-2-3-4-5-6~",
        ] {
            assert_eq!(ParsedKind::parse(other), None, "{other}");
        }
    }
}
