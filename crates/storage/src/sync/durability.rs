//! What is on disk when success is answered.

/// What "stored" means when success is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On disk: the file is synced, then named, then its folder is synced. A power loss loses nothing that was
    /// answered.
    #[default]
    Full,
    /// Complete and named in the kernel's cache. A crash of the receiver loses nothing; a power loss may lose
    /// what the kernel has not written yet.
    None,
}
