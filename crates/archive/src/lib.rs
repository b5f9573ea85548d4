//! Keeps the catalogue true: takes in what was stored, ends studies, verifies files, and removes what is kept no longer.
//!
//! ```text
//!   stored ──► Cataloguer ──take_in──► Catalog ◄──end_studies── EndOfStudy
//!                  ▲                      ▲
//!   pending intents┘ after a crash        └── Digests
//! ```
//!
//! All of it works in threads of its own, behind reception; the times are a [`Clock`]'s, so that tests set them.

pub mod attributes;
mod availability;
mod catalog_url;
mod cataloguer;
mod end_of_study;
mod error;
mod files;
pub mod limits;
mod report;
mod schedule;
mod settings;
mod upkeep;

pub use availability::{Availability, SetAside};
pub use catalog_url::{CATALOG_FILE, CatalogUrl};
pub use cataloguer::{Arrival, Cataloguer, Destinations, Happening, Parts, Route, Routing};
pub use end_of_study::EndOfStudy;
pub use error::Error;
pub use files::{Place, request_spool_scan};
pub use report::{Counter, Counters, Deaf, Differences, Listener, Removed};
pub use schedule::{Clock, SteadyClock, SystemClock};
pub use settings::{CatalogSettings, Every, Keep};
pub use upkeep::{
    Difference, DifferenceKind, Digests, Policy, Rebuild, Rebuilt, Upkeep, UpkeepParts,
    UpkeepSettings, Verify,
};

#[cfg(test)]
mod testing;
