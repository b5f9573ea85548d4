//! Every bound on what a sender can make this crate hold or do.
//!
//! The sum for one [`Transcoder`](crate::Transcoder) is stated there; nothing depends on the size of
//! the object.

/// The longest UID (PS3.5 §9.1).
pub const UID_BYTES: usize = 64;

/// How deep sequences may nest. Real objects stay below 15; DCMTK 3.6.7 has no bound and its
/// successor stops at 64.
pub const NESTING_LEVELS: usize = 1024;

/// The longest value of an attribute that is kept for naming: see [`Attributes`](crate::Attributes).
/// Text beyond it is not kept, though it is stored.
pub const ATTRIBUTE_BYTES: usize = 1024;

/// How many stretches of elements that are in order are held in mind while elements do not come in
/// order, before they are made one; then as many of these, and so on. 16 bytes each in each open item,
/// 64 while they are merged.
pub const REORDER_FAN_IN: usize = 128;

/// How many sequences and items may be held in mind that are complete, but not in order. 64 bytes each
/// at most.
pub const REORDER_NODES: usize = 8 * 1024;

/// How many pages of what was written are held while it is put in order, and how large they are.
pub const REORDER_PAGES: usize = 512;

/// The size of one of [`REORDER_PAGES`].
pub const REORDER_PAGE_BYTES: usize = 512;

/// How much may be read and written to put elements in order: so many times what was written, ..
pub const REORDER_FACTOR: u64 = 16;

/// .. and so many bytes more.
pub const REORDER_BYTES: u64 = 64 * 1024 * 1024;

/// How many private blocks may be reserved in one item and those around it, if a dictionary with
/// private elements is in use.
pub const PRIVATE_BLOCKS: usize = 16 * 1024;

/// Of each kind of repair, how many places are kept for the log.
pub const REPAIR_PLACES: usize = 4;
