//! Connections: who may make one, how it is encrypted, and how bytes are received from it.
//!
//! ```text
//!   listening sockets        settings, or inherited from systemd or inetd
//!   an accepted connection   host_access: may this peer connect?    peer_names: what is it called?
//!   transport ──► receive_buffer                                    TCP, the next bytes
//!       └──► tls                                                    the same, encrypted
//! ```
//!
//! Nothing here knows of DICOM: `serve` gives the bytes to [`proto::Association`].

pub mod host_access;
pub mod inherited;
mod peer_names;
mod receive_buffer;
mod settings;
mod spin_wait;
pub mod tls;
mod transport;

pub(crate) use host_access::HostAccess;
pub use peer_names::{PeerName, PeerNames};
pub(crate) use receive_buffer::ReceiveBuffer;
pub use settings::{AddressFamily, Network, SocketTimeout};
pub(crate) use transport::{Filled, Transport};
