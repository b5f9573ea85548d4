//! From a C-STORE-RQ to a stored object and its answer.
//!
//! ```text
//!   service ──► filing ──► crate::output      which folder, which name, in which form
//!      └──────────┴──────► status              why not, and what the sender is told
//! ```

mod filing;
mod service;
mod status;

pub(crate) use service::{Answer, FollowUp, StorageService};
pub(crate) use status::Failure;
