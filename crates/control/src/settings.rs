//! Settings of the control plane.

use std::net::SocketAddr;

/// Where the control plane listens, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSettings {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
}
