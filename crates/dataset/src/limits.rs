//! Every bound on what a sender can make this crate hold or do, and the memory that results.
//!
//! Nothing depends on the size of an object. At worst, one [`Transcoder`](crate::Transcoder) holds
//!
//! | what | bytes | when |
//! |---|---|---|
//! | parser | [`PARSER_BYTES`] | always |
//! | rewriting | [`REWRITE_BYTES`] | unless the data set is written as received |
//! | inflating | [`INFLATE_BYTES`] | the input is deflated |
//! | deflating | [`DEFLATE_BYTES`] | the output is deflated |
//! | wanted attributes | [`WANTED_BYTES`] | there are any |
//!
//! and rarely more than 200 KiB in all. The sizes of private types that the sums are made of, such as
//! [`PARSER_LEVEL_BYTES`], are checked at compile time where these types are defined.

// Identifiers and attributes.

/// The longest UID in bytes (PS3.5 §9.1).
pub const UID_BYTES: usize = 64;
const _: () = assert!(UID_BYTES <= u8::MAX as usize, "a Uid keeps its length in a byte");

/// The longest value of an attribute that is kept for naming, in bytes: see
/// [`Attributes`](crate::Attributes). The rest of a longer value is stored, but not kept.
pub const ATTRIBUTE_BYTES: usize = 1024;
const _: () = assert!(ATTRIBUTE_BYTES >= UID_BYTES);

/// How many attributes may be [wanted](crate::WantedAttributes) beside those that are always kept.
pub const WANTED_ATTRIBUTES: usize = 96;

/// What each of the wanted attributes holds at worst, in bytes: its value, which doubles as it grows.
pub const WANTED_ATTRIBUTE_BYTES: usize = GROWTH * (ATTRIBUTE_BYTES + 64);

/// What the wanted attributes hold at worst, in bytes.
pub const WANTED_BYTES: usize = WANTED_ATTRIBUTES * WANTED_ATTRIBUTE_BYTES;

/// How many other values are kept of a UID that occurs more than once. Two suffice to see that they
/// differ.
pub const OTHER_UIDS: usize = 2;

/// How many values are kept at most: the first ones of five attributes, and other ones of three.
const ATTRIBUTE_VALUES: usize = 5 + 3 * OTHER_UIDS;

// Reading.

/// How many sequences and items may be open at a time. Real objects stay below 15; DCMTK 3.6.7 has no
/// bound, and its successor stops at 64.
pub const NESTING_LEVELS: usize = 1024;

/// What the parser holds for each open sequence or item, in bytes: once for the data set, and once
/// for a value of VR `UN` that is checked for being a sequence.
pub const PARSER_LEVEL_BYTES: usize = 128;

/// How many private blocks may be reserved in one item and those around it, if the dictionary has
/// private elements.
pub const PRIVATE_BLOCKS: usize = 16 * 1024;

/// What each of the [`PRIVATE_BLOCKS`] takes, in bytes.
pub const PRIVATE_BLOCK_BYTES: usize = 16;

/// How many bytes are kept of a value that decides about later elements: the longest is a private
/// creator, of 64 characters.
pub const DECIDING_VALUE_BYTES: usize = 64;

/// For how many tags the parser keeps what the dictionary has about them. Elements of an item occur
/// again in the next item.
pub const CACHED_TAGS: usize = 512;
const _: () = assert!(CACHED_TAGS.is_power_of_two() && CACHED_TAGS <= 1 << 16);

/// How many ranges of tags a dictionary may have to be supplemented with another one: each of them is
/// compared with all others.
pub const SUPPLEMENTED_RANGES: usize = 4096;

// Writing.

/// How many bytes are gathered before they are handed to the sink. The buffer holds at most twice as
/// much.
pub const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// A value, or a piece of one, of at least this size in bytes is handed to the sink as it is rather
/// than copied. Shorter ones are gathered: copying them takes less time than a system call for each.
pub const DIRECT_WRITE_BYTES: usize = 32 * 1024;
const _: () = assert!(DIRECT_WRITE_BYTES <= WRITE_BUFFER_BYTES);

/// How many slices of the caller are handed to the sink in one call, after what was gathered.
pub const WRITE_SLICES: usize = 32;

/// What the encoder holds for each open sequence or item, in bytes.
pub const ENCODER_LEVEL_BYTES: usize = 128;

/// The buffers used for inflating and deflating, in bytes.
pub const DEFLATE_BUFFER_BYTES: usize = 32 * 1024;

// Sorting of elements that do not come in ascending order.

/// How many runs, stretches of elements in ascending order, an item that is not in order may have
/// before they are merged into one; and how many of those that were merged once, and so on.
pub const REORDER_FAN_IN: usize = 128;

/// How many runs all open items may have in total before those of one are merged.
pub const REORDER_RUNS: usize = 8 * 1024;
const _: () = assert!(REORDER_FAN_IN >= 2 && REORDER_FAN_IN <= REORDER_RUNS);

/// What each of the [`REORDER_RUNS`] takes, in bytes,
pub const REORDER_RUN_BYTES: usize = 16;
/// and while they are merged.
pub const REORDER_MERGED_RUN_BYTES: usize = 64;

/// How many nodes, complete sequences and items that contain elements out of order, and runs in them
/// may wait for being merged. Beyond that, those of an item are merged as soon as there are
/// [`REORDER_NODES_AT_LEAST`].
pub const REORDER_NODES: usize = 4 * 1024;

/// The smallest number of nodes that are merged early: see [`REORDER_NODES`].
pub const REORDER_NODES_AT_LEAST: usize = 4;
const _: () = assert!(REORDER_NODES_AT_LEAST < REORDER_NODES);

/// What each of the [`REORDER_NODES`] takes, in bytes.
pub const REORDER_NODE_BYTES: usize = 32;

/// For how many sequences of undefined length the offset of their end is kept.
pub const REORDER_SEQUENCES: usize = 1024;

/// What each of the [`REORDER_SEQUENCES`] takes, in bytes.
pub const REORDER_SEQUENCE_BYTES: usize = 16;

/// How many pages of the output are cached while it is merged.
pub const REORDER_PAGES: usize = 512;
const _: () = assert!(REORDER_PAGES <= 1 << 16, "pages are numbered with 16 bits");

/// The size of each of the [`REORDER_PAGES`] in bytes: many short elements.
pub const REORDER_PAGE_BYTES: usize = 512;

/// How many bytes may be read and copied to put elements in order: this many times what was written,
pub const REORDER_FACTOR: u64 = 16;
/// and this many bytes in addition.
pub const REORDER_BYTES: u64 = 64 * 1024 * 1024;
const _: () = assert!((REORDER_PAGES * REORDER_PAGE_BYTES) as u64 <= REORDER_BYTES);

// What is kept for the log.

/// How many locations are kept for each kind of repair.
pub const REPAIR_LOCATIONS: usize = 4;

/// How many sequences the path to an element names: the outermost ones.
pub const TAG_PATH_LEVELS: usize = 8;
const _: () = assert!(TAG_PATH_LEVELS <= NESTING_LEVELS);

// The sums.

/// A vector that grows holds up to three times its content for a moment: its old memory, and new
/// memory of twice the size.
const GROWTH: usize = 3;

/// What is held at worst to take a data set apart, in bytes: its open sequences and items, private
/// blocks, and the values of [`Attributes`](crate::Attributes).
pub const PARSER_BYTES: usize = GROWTH
    * (NESTING_LEVELS * PARSER_LEVEL_BYTES
        + PRIVATE_BLOCKS * PRIVATE_BLOCK_BYTES
        + 16 * ATTRIBUTE_BYTES);
// Of the 16, the attributes need 11. The rest is for two parsers' caches of tags, 8 bytes each, for the
// deciding values, and for what is kept for the log.
const _: () = assert!(ATTRIBUTE_VALUES < 16);
const _: () = assert!(
    2 * (CACHED_TAGS * 8 + DECIDING_VALUE_BYTES)
        < GROWTH * (16 - ATTRIBUTE_VALUES) * ATTRIBUTE_BYTES
);

/// What is held at worst to put elements in order, in bytes.
pub const REORDER_MEMORY_BYTES: usize = GROWTH
    * (REORDER_RUNS * REORDER_RUN_BYTES
        + (REORDER_NODES + (1 + REORDER_NODES_AT_LEAST) * NESTING_LEVELS) * REORDER_NODE_BYTES
        + REORDER_SEQUENCES * REORDER_SEQUENCE_BYTES)
    + REORDER_RUNS * REORDER_MERGED_RUN_BYTES
    + REORDER_PAGES * (REORDER_PAGE_BYTES + 16);

/// What is held at worst to write a data set in another encoding, in bytes: what puts elements in
/// order, the open sequences and items, and the write buffer.
pub const REWRITE_BYTES: usize = REORDER_MEMORY_BYTES
    + GROWTH * NESTING_LEVELS * ENCODER_LEVEL_BYTES
    + GROWTH * 2 * WRITE_BUFFER_BYTES;

/// What is held to inflate a data set, in bytes: the window of 32 KiB, tables, and one buffer.
pub const INFLATE_BYTES: usize = 96 * 1024;
const _: () = assert!(INFLATE_BYTES >= (32 + 16) * 1024 + DEFLATE_BUFFER_BYTES);

/// What is held to deflate a data set, in bytes: the windows and tables of zlib (256 KiB), and three
/// buffers.
pub const DEFLATE_BYTES: usize = 384 * 1024;
const _: () = assert!(DEFLATE_BYTES >= 256 * 1024 + 3 * DEFLATE_BUFFER_BYTES);
