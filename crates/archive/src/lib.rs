//! Keeps the catalogue true: takes in what was stored, ends studies, verifies files, and removes what is kept no longer.

pub mod attributes;
mod catalog_url;
mod error;
pub mod limits;
mod schedule;
mod settings;

pub use catalog_url::{CATALOG_FILE, CatalogUrl};
pub use error::Error;
pub use schedule::{Clock, SteadyClock, SystemClock};
pub use settings::{CatalogSettings, Every, Keep};
