//! An association as it is proposed and accepted, for the program around the receiver.

use super::certificate::PeerCertificate;
use crate::peer::Peer;
use crate::treatment::Treatment;
use openssl::ssl::SslRef;
use proto::{Acceptance, Proposal};
use std::net::SocketAddr;

/// An association that a peer proposes (PS3.8 §9.3.2), and what is known of the peer.
#[derive(Clone, Copy)]
pub struct Proposed<'a> {
    /// What is proposed.
    pub proposal: &'a Proposal,
    /// Who proposes it, as it names itself.
    pub peer: &'a Peer,
    /// Where it connected from.
    pub address: SocketAddr,
    /// Its TLS connection.
    tls: Option<&'a SslRef>,
}

impl<'a> Proposed<'a> {
    pub(crate) fn new(
        proposal: &'a Proposal,
        peer: &'a Peer,
        address: SocketAddr,
        tls: Option<&'a SslRef>,
    ) -> Self {
        Self { proposal, peer, address, tls }
    }

    /// The certificate by which the peer has proved who it is; `None` without TLS, or where no certificate is
    /// asked for or verified. Reads it anew at each call: whoever needs it more than once keeps it.
    #[must_use]
    pub fn certificate(&self) -> Option<PeerCertificate> {
        PeerCertificate::of(self.tls?)
    }
}

/// An association that is accepted.
#[derive(Clone, Copy)]
pub struct Accepted<'a> {
    /// Whose it is.
    pub peer: &'a Peer,
    /// What was proposed.
    pub proposal: &'a Proposal,
    /// What is accepted of it.
    pub acceptance: &'a Acceptance,
    /// How it is treated.
    pub treatment: &'a Treatment,
    /// What was agreed on by the TLS handshake; `None` without TLS.
    pub tls: Option<TlsSession>,
}

/// What a TLS handshake has agreed on, by OpenSSL's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite.
    pub cipher_suite: &'static str,
}

impl TlsSession {
    pub(crate) fn new(tls: &SslRef) -> Self {
        let cipher_suite = tls.current_cipher().map_or("none", |cipher| cipher.name());
        Self { version: tls.version_str(), cipher_suite }
    }
}
