//! What is on disk when success is answered.

/// What "stored" means when success is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// On disk: the file is synced, then named, then its folder is synced. A power loss loses nothing that was
    /// answered.
    #[default]
    Full,
    /// On disk, by one commit of the journal instead of two: the content is written out ([`platform::write_out`]),
    /// the file is named, its folder is synced. As safe as [`Durability::Full`] where the log of the file system
    /// keeps the order ([`platform::keeps_order`]), which POSIX does not require:
    ///
    /// - Once the content is written out, the disk has taken it, in its cache at least, and all that the file
    ///   system has to log about it (where it is, the length of the file) is in its log, in memory: ext4 and XFS end
    ///   the write-back of a page only after that, also where extents are converted or the length is updated by a
    ///   work queue. Content that is itself logged (`data=journal`, `inline_data`) is in the log from the write on.
    /// - The name comes later in the same log, and both file systems write their log in order. So a name on disk
    ///   comes with place and length of the content, whoever has the log written, and when.
    /// - The sync of the folder returns once the log is on disk up to the name. The record that completes this part
    ///   of the log is written behind a flush of the disk's cache, which began after the name was given. So a name
    ///   on disk comes with the content too.
    /// - A write that failed, in the background too, is reported when the content is written out: before the file
    ///   has its name. A log that cannot be written stops the file system: all that comes later fails.
    ///
    /// Hence not on another device than the log, whose cache a commit need not flush; not with `journal_async_commit`,
    /// which does not flush before the record; not with `fast_commit`, which logs in another form.
    Ordered,
    /// Complete and named in the kernel's cache. A crash of the receiver loses nothing; a power loss may lose
    /// what the kernel has not written yet.
    None,
}

impl Durability {
    /// Whether a power loss loses nothing that was answered.
    #[must_use]
    pub fn survives_power_loss(self) -> bool {
        self != Self::None
    }
}
