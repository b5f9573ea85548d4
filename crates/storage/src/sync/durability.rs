//! What is on disk when an answer goes out.

/// What "stored" means when the answer goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On disk: file synced, named, folder synced. A power loss after the answer loses nothing.
    #[default]
    Full,
    /// Whole and named, in the kernel's hands. A crash of the receiver loses nothing; a power loss
    /// can lose what the kernel has not written yet. There was room for it.
    None,
}
