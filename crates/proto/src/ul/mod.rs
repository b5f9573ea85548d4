//! The upper layer (PS3.8), without a transport.

pub(crate) mod associate;
mod item;
pub(crate) mod negotiation;
pub(crate) mod p_data;
pub(crate) mod pdu;
pub(crate) mod proposal;
pub(crate) mod user_information;
