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

/// How many stretches of elements that are in order are held in mind for each open item, while elements do
/// not come in order, before they are made one; then as many of these, and so on.
pub const REORDER_FAN_IN: usize = 128;

/// How many of these stretches are held in mind for all open items. 16 bytes each, 64 while they are merged.
pub const REORDER_RUNS: usize = 8 * 1024;

/// How many sequences and items that are complete, but not in order, are held in mind, with the stretches in
/// them; beyond that, those of an item are merged as soon as there are [`REORDER_NODES_AT_LEAST`].
pub const REORDER_NODES: usize = 4 * 1024;

/// See [`REORDER_NODES`].
pub const REORDER_NODES_AT_LEAST: usize = 4;

/// Of how many sequences the end is known at most. 16 bytes each.
pub const REORDER_SEQUENCES: usize = 1024;

/// How many pages of what was written are held while it is put in order.
pub const REORDER_PAGES: usize = 512;

/// The size of one of [`REORDER_PAGES`].
pub const REORDER_PAGE_BYTES: usize = 512;

/// What is held at worst to put elements in order: vectors that grow have up to three times their content
/// for a moment.
pub const REORDER_MEMORY_BYTES: usize = 3
    * (16 * REORDER_RUNS
        + 32 * (REORDER_NODES + (1 + REORDER_NODES_AT_LEAST) * NESTING_LEVELS)
        + 16 * REORDER_SEQUENCES)
    + 64 * REORDER_RUNS
    + REORDER_PAGES * (REORDER_PAGE_BYTES + 16);

/// How much may be read and written to put elements in order: so many times what was written, ..
pub const REORDER_FACTOR: u64 = 16;

/// .. and so many bytes more.
pub const REORDER_BYTES: u64 = 64 * 1024 * 1024;

/// How many private blocks may be reserved in one item and those around it, if a dictionary with
/// private elements is in use.
pub const PRIVATE_BLOCKS: usize = 16 * 1024;

/// Of each kind of repair, how many places are kept for the log.
pub const REPAIR_PLACES: usize = 4;
