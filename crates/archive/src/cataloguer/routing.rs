//! Who gets an object: what the program around this crate tells of its settings.

use catalog::ReceivedObject;
use dataset::{AttributeName, WantedAttributes};
use platform::sync::Arc;
use std::path::Path;
use storage::Envelope;

/// Finds out how objects are treated that are known by their intents alone.
pub trait Routing: Send + Sync {
    /// How the object with this envelope is treated: as by the rule that decided about it, if that is still there.
    fn route(&self, directory: &Path, envelope: &Envelope) -> Arc<dyn Route>;
}

/// How the objects of some senders are treated.
pub trait Route: Send + Sync {
    /// The rule that says so; `None` if none does.
    fn rule(&self) -> Option<&str>;

    /// The attributes that are needed of data sets.
    fn wanted(&self) -> &Arc<WantedAttributes>;

    /// The character set of data sets that declare none.
    fn default_character_set(&self) -> Option<&str>;

    /// Who gets an object. `values` gives those of an attribute of its data set.
    fn destinations(
        &self,
        object: &ReceivedObject,
        values: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> Destinations;
}

/// Who gets an object, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Who gets it.
    pub object: Vec<String>,
    /// Who is told when its study has ended.
    pub study: Vec<String>,
}
