//! Whose association a line is about.

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

/// As long as this lives, warnings and errors logged by this thread end with the peer:
/// ` (peer TITLE@address)` or, before it has told its title, ` (peer address:port)`.
pub(crate) struct PeerInLog(());

impl PeerInLog {
    /// This thread serves a connection from `address`.
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        PEER.set(Some(Peer { address, title: None }));
        Self(())
    }
}

impl Drop for PeerInLog {
    fn drop(&mut self) {
        PEER.set(None);
    }
}

/// The peer that this thread serves calls itself so.
pub(crate) fn peer_title(calling_ae: AeTitle) {
    PEER.with_borrow_mut(|peer| {
        if let Some(peer) = peer {
            peer.title = Some(calling_ae);
        }
    });
}

/// Writes the end of a line about the peer that this thread serves, if it does.
pub(super) fn write_suffix(line: &mut impl Write) -> fmt::Result {
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
        let peer = PeerInLog::begin("[::ffff:10.1.2.3]:4711".parse().unwrap());
        assert_eq!(suffix(), " (peer 10.1.2.3:4711)");
        peer_title(AeTitle::from_field(*b"MODALITY 7      "));
        assert_eq!(suffix(), " (peer MODALITY 7@10.1.2.3)");
        std::thread::spawn(|| assert_eq!(suffix(), "")).join().unwrap();
        drop(peer);
        assert_eq!(suffix(), "");
        let _peer = PeerInLog::begin("[fe80::1]:1".parse().unwrap());
        assert_eq!(suffix(), " (peer [fe80::1]:1)");
        peer_title(AeTitle::from_field([b' '; 16]));
        assert_eq!(suffix(), " (peer @fe80::1)");
    }
}
