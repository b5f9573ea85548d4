//! DIMSE (PS3.7): command sets and messages.

pub(crate) mod command;
pub(crate) mod message;
pub(crate) mod request;
pub(crate) mod status;
