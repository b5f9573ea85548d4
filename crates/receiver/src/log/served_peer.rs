//! Whose association a thread deals with, for lines of the log.

use crate::peer::Peer;
use proto::AeTitle;
use std::cell::Cell;
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

thread_local! {
    /// Whose association this thread deals with.
    static SERVED: Cell<Option<Served>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Served {
    address: SocketAddr,
    /// The calling AE title, once the peer has proposed an association.
    title: Option<AeTitle>,
    /// The called one, likewise.
    called: Option<AeTitle>,
    association: u64,
}

/// Whose association a thread deals with: see [`served`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedBy {
    /// Where the peer connected from.
    pub address: IpAddr,
    /// Its port; `None` for what is done on account of an association that need not be there any more.
    pub port: Option<u16>,
    /// The calling AE title, once the peer has proposed an association.
    pub calling_ae: Option<AeTitle>,
    /// The called AE title, likewise.
    pub called_ae: Option<AeTitle>,
    /// The number of its association.
    pub association: u64,
}

/// As long as this lives, lines that this thread logs can end with the peer and the number of its association:
/// see [`write_suffix`]. Those of one thread may nest.
pub struct ServedPeer {
    before: Option<Served>,
}

impl ServedPeer {
    /// This thread serves a connection from `address`, which is to be association number `association`.
    #[must_use]
    pub fn begin(address: SocketAddr, association: u64) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        Self::enter(Some(Served { address, title: None, called: None, association }))
    }

    /// This thread does something on account of an object or a study that `peer` has sent. Without a number of
    /// its association, nothing is known of it.
    #[must_use]
    pub fn on_account_of(peer: &Peer) -> Self {
        let address = SocketAddr::new(peer.address.to_canonical(), 0);
        let (title, called) = (Some(peer.calling_ae), Some(peer.called_ae));
        let association = peer.association;
        Self::enter((association > 0).then_some(Served { address, title, called, association }))
    }

    fn enter(served: Option<Served>) -> Self {
        Self { before: SERVED.replace(served) }
    }

    /// The peer calls itself, and us, so.
    pub fn set_titles(&self, calling_ae: AeTitle, called_ae: AeTitle) {
        if let Some(served) = SERVED.get() {
            let (title, called) = (Some(calling_ae), Some(called_ae));
            SERVED.set(Some(Served { title, called, ..served }));
        }
    }
}

impl Drop for ServedPeer {
    fn drop(&mut self) {
        SERVED.set(self.before);
    }
}

/// Whose association this thread deals with, if it does, for subscribers that write more than text.
#[must_use]
pub fn served() -> Option<ServedBy> {
    let Served { address, title, called, association } = SERVED.get()?;
    Some(ServedBy {
        address: address.ip(),
        port: Some(address.port()).filter(|&port| port > 0),
        calling_ae: title,
        called_ae: called,
        association,
    })
}

/// Writes the end of a line about the association that this thread deals with, if it does:
/// ` (peer TITLE@address, association 17)` or, before its title is known, ` (peer address:port, association 17)`.
///
/// A title is up to 16 characters that the peer chose, so the suffix is read from its end: the number is what
/// follows the last comma, the address what follows the last `@`.
///
/// # Errors
/// Those of `line`.
pub fn write_suffix(line: &mut impl Write) -> fmt::Result {
    match SERVED.get() {
        None => Ok(()),
        Some(Served { address, title: None, association, .. }) => {
            write!(line, " (peer {address}, association {association})")
        }
        Some(Served { address, title: Some(title), association, .. }) => {
            write!(line, " (peer {title}@{}, association {association})", address.ip())
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
        let peer = ServedPeer::begin("[::ffff:10.1.2.3]:4711".parse().unwrap(), 17);
        assert_eq!(suffix(), " (peer 10.1.2.3:4711, association 17)");
        assert_eq!(served().map(|it| (it.port, it.calling_ae)), Some((Some(4711), None)));
        let titles = [b"MODALITY 7      ", b"ARCHIVE         "].map(|it| AeTitle::from_field(*it));
        peer.set_titles(titles[0], titles[1]);
        assert_eq!(suffix(), " (peer MODALITY 7@10.1.2.3, association 17)");
        let by = served().unwrap();
        assert_eq!((by.calling_ae, by.called_ae), (Some(titles[0]), Some(titles[1])));
        assert_eq!((by.address.to_string().as_str(), by.association), ("10.1.2.3", 17));
        std::thread::spawn(|| assert_eq!(suffix(), "")).join().unwrap();
        drop(peer);
        assert_eq!((suffix().as_str(), served()), ("", None));
        let peer = ServedPeer::begin("[fe80::1]:1".parse().unwrap(), 18);
        assert_eq!(suffix(), " (peer [fe80::1]:1, association 18)");
        peer.set_titles(AeTitle::from_field([b' '; 16]), AeTitle::from_field([b' '; 16]));
        assert_eq!(suffix(), " (peer @fe80::1, association 18)");
    }

    #[test]
    fn a_thread_that_does_something_for_another_association_says_so_meanwhile() {
        let address = "::ffff:10.9.9.9".parse().unwrap();
        let calling_ae = AeTitle::from_field(*b"CT1             ");
        let other = Peer { calling_ae, address, association: 4, ..Peer::default() };
        let own = ServedPeer::begin("10.1.2.3:4711".parse().unwrap(), 17);
        let meanwhile = ServedPeer::on_account_of(&other);
        assert_eq!(served().map(|it| (it.port, it.association)), Some((None, 4)));
        assert_eq!(suffix(), " (peer CT1@10.9.9.9, association 4)");
        drop(meanwhile);
        assert_eq!(suffix(), " (peer 10.1.2.3:4711, association 17)");
        drop(own);
        assert_eq!(suffix(), "");
    }
}
