//! One association, from the first byte of the transport connection to the last: the crate's face.

mod contexts;
mod core;
mod event;
mod receive;
mod stage;

pub use self::contexts::{AcceptedContext, SopClassNegotiation};
pub use self::core::{AcceptorConfig, Association, RequestorConfig};
pub use self::event::{AbortCause, Ending, Event, Step};
