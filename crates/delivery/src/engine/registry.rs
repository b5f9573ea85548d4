//! The destinations that there are.

use super::running::Running;
use std::sync::{Arc, Mutex, PoisonError};

/// The destinations, in the order of the settings. Those that were removed stay until their sessions have ended.
#[derive(Default)]
pub(crate) struct Registry {
    running: Mutex<Vec<Arc<Running>>>,
}

impl Registry {
    /// All of them.
    pub(crate) fn list(&self) -> Vec<Arc<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Running>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().find(|it| it.name == name).cloned()
    }

    /// Puts others in their place.
    pub(crate) fn replace(&self, with: Vec<Arc<Running>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = with;
    }
}
