//! Whose request it is, and how it came.

use crate::settings::Role;
use std::net::SocketAddr;
use std::sync::Arc;

/// The connection that a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The address that connected.
    pub(crate) peer: SocketAddr,
    /// The address of ours that it connected to.
    pub(crate) local: SocketAddr,
    /// The address that is listened on, which may be unspecified.
    pub(crate) listening: SocketAddr,
    /// TLS is spoken.
    pub(crate) is_encrypted: bool,
}

impl Connection {
    /// It came from this machine, to an address that only this machine reaches.
    pub(super) fn is_local(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback() && self.listening.ip().is_loopback()
    }

    /// It is plain, to an address that other machines reach.
    pub(super) fn needs_encryption(&self) -> bool {
        !self.is_encrypted && !self.listening.ip().is_loopback()
    }
}

/// Who sent a request, once that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name of the token or the user; `local` without a log-in.
    pub(crate) name: Arc<str>,
    /// What they may do.
    pub(crate) role: Role,
    /// They may see paths and reasons; others see only what works.
    pub(crate) sees_details: bool,
}

impl Caller {
    /// Somebody on this machine, or anywhere with `insecure`.
    pub(super) fn local() -> Self {
        Self::named("local", Role::Operator)
    }

    /// Somebody who has logged in.
    pub(super) fn named(name: &str, role: Role) -> Self {
        Self { name: name.into(), role, sees_details: true }
    }

    /// Somebody of whom nothing is known.
    pub(super) fn anyone() -> Self {
        Self { name: "anyone".into(), role: Role::Viewer, sees_details: false }
    }
}
