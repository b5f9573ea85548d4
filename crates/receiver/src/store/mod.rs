//! From a C-STORE-RQ to a stored object and its answer (PS3.4 Annex B).
//!
//! Data set fragments go through a [`dataset::Transcoder`] into a [`storage::InstanceFile`]; at the last one the
//! file is committed, and only then is there an answer.
//!
//! ```text
//!   service ──► filing ──► crate::output      which folder, which name, in which form
//!      │          ├──────► duplicates          what becomes of it if it is stored already
//!      │          └──────► same_instance       whether it is, where names do not say so
//!      ├─────────────────► owed                its intent, and the attributes that are kept of it
//!      ├─────────────────► uids                whether it is what was announced
//!      ├─────────────────► irregularities      what is wrong with it and tolerated
//!      └─────────────────► status              why not, and what the sender is told
//! ```

mod duplicates;
mod filing;
mod irregularities;
mod owed;
mod same_instance;
mod service;
mod status;
mod uids;

pub(crate) use service::{Answer, FollowUp, StorageService};
pub(crate) use status::{Failure, class_name};
