//! Long-lived processes that read a JSON object a line and acknowledge it.

use crate::{Destination, Error, WorkerSettings};
use std::sync::Arc;

/// Builds a destination of this kind.
///
/// # Errors
/// [`Error::Destination`] if its settings cannot be used.
pub(crate) fn build(name: &str, settings: &WorkerSettings) -> Result<Arc<dyn Destination>, Error> {
    let _ = settings;
    Err(Error::Destination { name: name.to_owned(), reason: "not available yet".to_owned() })
}
