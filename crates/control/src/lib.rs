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

mod api;
pub mod limits;
mod monitor;
mod program;
mod settings;

pub use monitor::Monitor;
pub use program::{
    CertificateStatus, CommandCounts, Directory, OpenStudy, Program, ReloadFailure, Reloaded,
    Status,
};
pub use settings::ControlSettings;
