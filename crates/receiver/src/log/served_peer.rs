//! Whose association this thread serves, for lines of the log.

use proto::AeTitle;
use std::cell::RefCell;
use std::fmt::{self, Write};
use std::net::SocketAddr;

thread_local! {
    /// The peer that this thread serves.
    static PEER: RefCell<Option<Peer>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy)]
struct Peer {
    address: SocketAddr,
    /// The calling AE title, once the peer has proposed an association.
    title: Option<AeTitle>,
}

/// As long as this lives, warnings and errors logged by this thread end with the peer: ` (peer TITLE@address)`
/// or, before its title is known, ` (peer address:port)`.
pub struct ServedPeer(());

impl ServedPeer {
    /// This thread serves a connection from `address`.
    #[must_use]
    pub fn begin(address: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        PEER.set(Some(Peer { address, title: None }));
        Self(())
    }

    /// The peer calls itself so.
    pub fn set_title(&self, calling_ae: AeTitle) {
        PEER.with_borrow_mut(|peer| {
            if let Some(peer) = peer {
                peer.title = Some(calling_ae);
            }
        });
    }
}

impl Drop for ServedPeer {
    fn drop(&mut self) {
        PEER.set(None);
    }
}

/// Writes the end of a line about the peer that this thread serves, if it does.
///
/// # Errors
/// Those of `line`.
pub fn write_suffix(line: &mut impl Write) -> fmt::Result {
    match PEER.with_borrow(|peer| *peer) {
        None => Ok(()),
        Some(Peer { address, title: None }) => write!(line, " (peer {address})"),
        Some(Peer { address, title: Some(title) }) => {
            write!(line, " (peer {title}@{})", address.ip())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix() -> String {
        let mut line = String::new();
        write_suffix(&mut line).unwrap();
        line
    }

    #[test]
    fn a_line_says_whose_it_is() {
        assert_eq!(suffix(), "");
        let peer = ServedPeer::begin("[::ffff:10.1.2.3]:4711".parse().unwrap());
        assert_eq!(suffix(), " (peer 10.1.2.3:4711)");
        peer.set_title(AeTitle::from_field(*b"MODALITY 7      "));
        assert_eq!(suffix(), " (peer MODALITY 7@10.1.2.3)");
        std::thread::spawn(|| assert_eq!(suffix(), "")).join().unwrap();
        drop(peer);
        assert_eq!(suffix(), "");
        let peer = ServedPeer::begin("[fe80::1]:1".parse().unwrap());
        assert_eq!(suffix(), " (peer [fe80::1]:1)");
        peer.set_title(AeTitle::from_field([b' '; 16]));
        assert_eq!(suffix(), " (peer @fe80::1)");
    }
}
