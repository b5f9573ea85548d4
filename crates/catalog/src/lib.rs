//! What was received, and what is owed for it: a catalogue of studies, series and instances, of events and of their
//! deliveries, in SQLite or PostgreSQL.
//!
//! ```text
//!   archive  ──take_in──►  study ◄ series ◄ instance         one transaction for a batch
//!                                  event ◄ delivery
//!   delivery ──lease──►  delivery  ──settle──►  done | again at a time | parked
//! ```
//!
//! [`Catalog`] is one trait with two implementations, and one suite of tests runs on both. Its methods block, and any
//! thread may call them at any time. Times are the caller's: the catalogue has no clock.

mod catalog;
mod delivery;
mod error;
mod event;
pub mod limits;
mod object;
mod query;
mod study;

pub use catalog::{Batch, Catalog, Removable, SpooledObject, TakenIn, TakenObject, open, set_aside};
pub use delivery::{
    Delivery, DeliveryId, DeliveryState, DestinationCounts, Lease, LeaseOrder, Settlement, Verdict,
};
pub use error::Error;
pub use event::{Event, EventKind, NewEvent};
pub use object::{InstanceId, ObjectAttributes, ReceivedObject, StoredInstance};
pub use query::{
    DeliveryFilter, DeliveryRow, InstanceRow, Page, Statistics, StudyFilter, StudyRow,
};
pub use study::EndedStudy;
