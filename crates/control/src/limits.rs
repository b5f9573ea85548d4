//! Every bound of the control plane, and the memory that they add up to.
//!
//! | what | bytes at most | when |
//! |---|---|---|
//! | associations being served | [`ASSOCIATION_BYTES`] each | while they are |
//! | the last [`ENDED_ASSOCIATIONS`] associations | [`HISTORY_BYTES`] | always, as they come |
//! | the last [`REFUSALS`] refusals | [`REFUSALS_BYTES`] | always, as they come |
//!
//! An association that has ended leaves [`LEFT_BEHIND_BYTES`] for each thread that serves associations, until that
//! thread has served some more.

/// Associations that are remembered after their end.
pub const ENDED_ASSOCIATIONS: usize = 1000;

/// Refusals that are remembered.
pub const REFUSALS: usize = 10_000;

/// What the presentation contexts of an association may take, in bytes: 128 private SOP classes with 64 characters
/// and 30 transfer syntaxes each have less. Contexts that do not fit are counted.
pub const CONTEXTS_BYTES: usize = 16 * 1024;

/// What else is remembered of an association, in bytes: who, since when, how far, how it ended.
pub const ASSOCIATION_REST_BYTES: usize = 1536;

/// What an association takes, in bytes.
pub const ASSOCIATION_BYTES: usize = CONTEXTS_BYTES + ASSOCIATION_REST_BYTES;

/// What the associations that have ended take, in bytes: 17 MiB.
pub const HISTORY_BYTES: usize = ENDED_ASSOCIATIONS * (ASSOCIATION_BYTES + 16);

/// The longest reason of a refusal in bytes; what is longer is cut.
pub const REASON_BYTES: usize = 480;

/// The longest hint in bytes; what is longer is cut.
pub const HINT_BYTES: usize = 320;

/// The longest name of a rule that is shown with an association in bytes; what is longer is cut.
pub const RULE_BYTES: usize = 128;

/// What a refusal takes, in bytes.
pub const REFUSAL_BYTES: usize = 384 + REASON_BYTES + HINT_BYTES;

/// What the refusals take, in bytes: 11 MiB.
pub const REFUSALS_BYTES: usize = REFUSALS * (REFUSAL_BYTES + 16);

/// What ended associations leave behind in each thread that serves associations, in bytes: up to 32 of them wait there
/// for their memory to be given back, without their presentation contexts.
pub const LEFT_BEHIND_BYTES: usize = 32 * 256;

/// Entries of a page of the API at most.
pub const PAGE: u16 = 1000;

/// Entries of a page unless another number is asked for.
pub const DEFAULT_PAGE: u16 = 100;

/// The longest body of a request to the API in bytes.
pub const REQUEST_BODY_BYTES: usize = 4096;

/// Requests to the API that are answered at a time; others wait.
pub const QUESTIONS_AT_ONCE: usize = 8;

const _: () = assert!(HISTORY_BYTES < 18 << 20);
const _: () = assert!(REFUSALS_BYTES < 12 << 20);
const _: () = assert!(DEFAULT_PAGE <= PAGE);
