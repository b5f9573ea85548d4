//! What a DICOM storage SCP tells other machines of itself: audit messages (PS3.15 §A.5) by syslog, and traces by
//! OTLP/HTTP.
//!
//! ```text
//!   associations ──► Audit  ──► outbox ──► syslog by TLS or UDP, a file
//!                └─► Traces ──► outbox ──► OTLP/HTTP
//! ```
//!
//! An outbox is a bounded queue with a thread of its own. Whoever tells something hands it over and goes on: a server
//! that hangs, or is not there, costs messages and never an association's time.

mod audit;
mod check;
mod connection;
mod error;
pub mod limits;
mod outbox;
mod reporter;
mod settings;
#[cfg(test)]
mod testing;
#[cfg(feature = "traces")]
mod traces;

pub use audit::{Audit, AuditIdentity, Login, LoginOutcome, RemovedObject};
pub use error::{Error, UrlFault};
pub use reporter::Telemetry;
pub use settings::{
    AuditDestination, AuditSettings, ClientTls, Endpoint, Header, TraceSettings, TraceUrl,
};
