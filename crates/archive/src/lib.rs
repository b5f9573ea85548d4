//! Keeps the catalogue true: takes in what was stored, ends studies, verifies files, and removes what is kept no longer.

mod catalog_url;
mod error;
pub mod limits;
mod settings;

pub use catalog_url::{CATALOG_FILE, CatalogUrl};
pub use error::Error;
pub use settings::{CatalogSettings, Every, Keep};
