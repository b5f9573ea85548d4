//! Giving names and taking them back, in an order of steps that loses nothing, whichever step fails and
//! whatever other processes do to the names.

pub(crate) mod abilities;
pub(crate) mod final_name;
pub(crate) mod inode_lock;
pub(crate) mod name_claims;
pub(crate) mod place_note;
pub(crate) mod syscalls;
pub(crate) mod system_errors;
pub(crate) mod temporary_files;
pub(crate) mod temporary_names;
pub(crate) mod turns;
