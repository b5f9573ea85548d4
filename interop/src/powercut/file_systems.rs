//! The file systems whose disks lose power.

/// A kind of file system, with its features and its mount options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// What it is called here.
    pub name: &'static str,
    /// The command that makes it; the path of the disk is appended.
    pub(super) make: &'static [&'static str],
    /// A feature for that command (`-O`).
    pub(super) feature: Option<&'static str>,
    /// The options to mount it with, if any.
    pub(super) mount: &'static str,
    /// Size of the disk.
    pub(super) mib: u64,
    /// What the disk writes whole or not at all: 512 bytes, or more if the file system relies on that.
    pub sector_bytes: usize,
    /// Numbers of the blocks of 4 KiB that the disk writes whole nevertheless: those of the superblock, whose
    /// checksum has to be right before the journal is looked for.
    pub(super) whole_blocks: &'static [u64],
    /// The command to be run before it is mounted after a power loss; the path of the disk is appended.
    pub(super) repair: Option<&'static [&'static str]>,
}

impl FileSystem {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ext4("ext4", "has_journal"),
        Self { mount: "data=journal", ..Self::ext4("ext4-journal", "has_journal") },
        Self { mount: "data=writeback", ..Self::ext4("ext4-writeback", "has_journal") },
        Self { mount: "nodelalloc", ..Self::ext4("ext4-nodelalloc", "has_journal") },
        Self::ext4("ext4-bigalloc", "bigalloc"),
        Self::ext4("ext4-inline-data", "inline_data"),
        Self {
            // Otherwise an object that is not acknowledged yet may be found under a damaged name.
            sector_bytes: 4096,
            repair: Some(CHECK_EXT4),
            ..Self::ext4("ext4-no-journal", "^has_journal")
        },
        Self::ext4("ext4-fast-commit", "fast_commit"),
        // If the beginning of a block is newer than its end, the log's copy of it is not used.
        Self { sector_bytes: 4096, ..Self::other("xfs", &["mkfs.xfs", "-q", "-f"], 320) },
        Self {
            whole_blocks: &[16, 16 << 10],
            ..Self::other("btrfs", &["mkfs.btrfs", "-q", "-f"], 256)
        },
    ];

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name == name)
    }

    /// Whether it is a kind of ext4.
    pub(super) fn is_ext4(&self) -> bool {
        self.feature.is_some()
    }

    /// With this feature, or without it, and otherwise with those that large disks have by default.
    const fn ext4(name: &'static str, feature: &'static str) -> Self {
        Self { feature: Some(feature), whole_blocks: &[0], ..Self::other(name, MAKE_EXT4, 160) }
    }

    const fn other(name: &'static str, make: &'static [&'static str], mib: u64) -> Self {
        Self {
            name,
            make,
            feature: None,
            mount: "",
            mib,
            sector_bytes: 512,
            whole_blocks: &[],
            repair: None,
        }
    }
}

/// Everything is written by the command, so that the kernel does not write in the background later on.
const MAKE_EXT4: &[&str] =
    &["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0"];

/// What repairs ext4.
pub(super) const CHECK_EXT4: &[&str] = &["e2fsck", "-fy"];
