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
mod store;
mod study;
#[cfg(feature = "testing")]
pub mod testing;

pub use catalog::{Batch, Catalog, Removable, SpooledObject, TakenIn, TakenObject};
pub use delivery::{
    Delivery, DeliveryId, DeliveryState, DestinationCounts, Lease, LeaseOrder, Settlement, Verdict,
};
pub use error::Error;
pub use event::{EndedAssociation, Event, EventKind, NewEvent, Refusal};
pub use object::{InstanceId, ObjectAttributes, ReceivedObject, StoredInstance};
pub use query::{
    DeliveryFilter, DeliveryRow, InstanceRow, Page, SeriesRow, Statistics, StudyFilter, StudyRow,
};
pub use store::{check, open, open_later, set_aside};
pub use study::EndedStudy;
