//! One association as requestor, over a blocking connection.
//!
//! - `core`: the association and its connection: what is sent, what is awaited, how it ends.
//! - `open`: from a connection to an association; echo, release, abort.
//! - `store`: C-STORE, also several at a time.

mod core;
mod open;
mod store;

pub use self::core::Requestor;
pub use self::store::Encoded;
