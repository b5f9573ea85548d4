//! The kinds of destinations.

mod dicom;
mod exec;
mod folder;
mod programs;
mod webhook;
mod worker;

pub use folder::{FolderTemplate, TemplateFault};
pub use programs::children;
pub use programs::environment::NOT_PASSED_ON;
pub use programs::group::kill_programs;

use crate::{Destination, DestinationKind, DestinationSettings, Error};
use std::sync::Arc;

/// Builds a destination as its settings say. Connects to nothing yet.
///
/// # Errors
/// [`Error::Destination`] if its settings cannot be used, e.g. since a certificate cannot be read.
pub fn build(settings: &DestinationSettings) -> Result<Arc<dyn Destination>, Error> {
    let name = &settings.name;
    match &settings.kind {
        DestinationKind::Exec(kind) => exec::build(name, kind),
        DestinationKind::Worker(kind) => worker::build(name, kind),
        DestinationKind::Webhook(kind) => Ok(Arc::new(webhook::Webhook::new(name, kind)?)),
        DestinationKind::Dicom(kind) => dicom::build(name, kind),
        DestinationKind::Folder(kind) => Ok(Arc::new(folder::Folder::new(name, kind)?)),
    }
}
