//! The outbox: everything that is owed is delivered to its destination, or parked with a reason that an operator sees.
//!
//! ```text
//!   catalog ──lease──► Engine ──► Session::deliver ──► done | again | park
//!      ▲                 │  a breaker, a pace and sessions for each destination
//!      └─────settle──────┘
//! ```
//!
//! At least once: a crash between a delivery and its settlement repeats it, with the same key, by which whoever receives
//! it drops the repeat.

mod destination;
mod engine;
mod error;
mod event;
mod filter;
mod kinds;
pub mod limits;
mod machine;
#[cfg(test)]
mod model;
mod settings;

pub use destination::{Destination, Item, Outcome, Session, Stop};
pub use engine::{
    BreakerReport, Build, DestinationReport, FailureClass, Histogram, Outbox, Parts, Spool, Stopped,
};
pub use error::Error;
pub use event::{cloud_event, event_field, event_source, is_event_field};
pub use filter::{Filter, FilterFault, Known};
pub use kinds::{FolderTemplate, NOT_PASSED_ON, TemplateFault, build, children, kill_programs};
pub use settings::{
    Bounds, DestinationKind, DestinationSettings, DicomSettings, ExecSettings, FolderSettings,
    Hours, HttpSettings, On, OverBounds, RetrySettings, TlsClientSettings, WebhookSettings,
    WorkerSettings, check_http_url, is_destination_name,
};
