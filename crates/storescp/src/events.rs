//! What happens after an object is stored, and after a study.

use std::net::{IpAddr, Ipv4Addr};

/// Who sent an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The calling AE title.
    pub(crate) calling_ae: String,
    /// The called AE title.
    pub(crate) called_ae: String,
    /// Its address.
    pub(crate) address: IpAddr,
}

impl Default for Peer {
    fn default() -> Self {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { calling_ae: String::new(), called_ae: String::new(), address }
    }
}
