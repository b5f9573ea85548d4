//! The other side of an association.

use proto::AeTitle;
use std::net::{IpAddr, Ipv4Addr};

/// Who proposed an association, as it named itself; the titles are not verified. Untrusted: escape it before
/// use in a shell, a path or HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The calling AE title (PS3.8 §9.3.2).
    pub calling_ae: AeTitle,
    /// The called AE title.
    pub called_ae: AeTitle,
    /// Where it connected from. On a socket for both protocols, an IPv4 address comes as an IPv6 one
    /// (`::ffff:a.b.c.d`): see [`IpAddr::to_canonical`].
    pub address: IpAddr,
    /// The number of its association, which all lines of the log about it share: from 1 on, for each connection
    /// of a receiver the next one; of a [`SingleConnection`](crate::SingleConnection) the number of the process.
    /// 0 for no association.
    pub association: u64,
}

impl Default for Peer {
    /// A peer that has not proposed an association: blank titles, and no address.
    fn default() -> Self {
        let blank = AeTitle::from_field([b' '; AeTitle::BYTES]);
        Self {
            calling_ae: blank,
            called_ae: blank,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            association: 0,
        }
    }
}
