//! Keeps the catalogue true: takes in what was stored, ends studies, verifies files, and removes what is kept no longer.

mod error;
pub mod limits;
mod settings;

pub use error::Error;
pub use settings::{CatalogSettings, Every, Keep};
