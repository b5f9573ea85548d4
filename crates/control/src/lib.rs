//! The control plane of the receiver: metrics, health and an API over HTTP.
//!
//! ```text
//!   associations ──► Monitor ──► metrics, history        written without a lock that a reader holds
//!                                   ▲       ▲
//!   HTTP client ──► server ──► access ──► /metrics  /livez /readyz  /api/v1
//!                                                      │
//!                                                      ▼
//!                                                   Program: settings, reload, what only the program knows
//! ```
//!
//! It has threads of its own, which are the only ones with an async runtime.

mod access;
mod api;
mod error;
pub mod limits;
mod metrics;
mod monitor;
mod problem;
mod program;
mod routes;
mod server;
mod settings;
mod state;

pub use access::{Protection, ReadProtection};
pub use error::Error;
pub use metrics::{Answer, Metrics, render};
pub use monitor::Monitor;
pub use program::{
    AccessEvent, AccessOutcome, CatalogStatus, CertificateStatus, CommandCounts, Credential,
    DELIVERY_FAILURES, DestinationStatus, Directory, Distribution, OpenStudy, Outage, Program,
    ReloadFailure, Reloaded, Status, VERIFICATION_FINDINGS,
};
pub use server::{ControlHandle, descriptors, start};
pub use settings::{
    ControlSettings, ControlTls, DEFAULT_PORT, Role, Token, TokenHash, User, hash_password,
    parse_listen,
};
