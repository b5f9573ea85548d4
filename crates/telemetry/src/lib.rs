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

pub mod audit;
mod connection;
mod error;
pub mod limits;
mod outbox;
mod settings;
#[cfg(feature = "traces")]
pub mod traces;

pub use audit::Audit;
pub use error::{Error, UrlFault};
pub use settings::{
    AuditDestination, AuditSettings, ClientTls, Endpoint, Header, TraceSettings, TraceUrl,
};
#[cfg(feature = "traces")]
pub use traces::Traces;
