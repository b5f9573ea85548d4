//! The peers that sent the last objects of open studies, each kept once.

use crate::peer::Peer;
use std::collections::HashSet;
use std::sync::Arc;

/// Holds some 100 bytes for each peer that differs from the others.
#[derive(Default)]
pub(super) struct Peers(HashSet<Arc<Peer>>);

impl Peers {
    /// Puts `peer` into `holder`.
    pub(super) fn put(&mut self, holder: &mut Option<Arc<Peer>>, peer: &Peer) {
        if holder.as_deref() == Some(peer) {
            return;
        }
        self.take(holder);
        let shared = match self.0.get(peer) {
            Some(known) => Arc::clone(known),
            None => {
                let new = Arc::new(*peer);
                self.0.insert(Arc::clone(&new));
                new
            }
        };
        *holder = Some(shared);
    }

    /// Takes out of `holder` the peer that is in it.
    pub(super) fn take(&mut self, holder: &mut Option<Arc<Peer>>) -> Option<Peer> {
        let held = holder.take()?;
        // One of these is that of the set.
        if Arc::strong_count(&held) == 2 {
            self.0.remove(&*held);
        }
        Some(*held)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
