//! Who is committing which name.

use super::FileName;
use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The names of one folder that are being given at this moment.
///
/// Two commits of the same name go one after the other: otherwise one that fails after the other
/// succeeded could take back a file that was acknowledged.
#[derive(Debug, Default)]
pub(super) struct NameClaims {
    claimed: Mutex<HashSet<FileName>>,
    released: Condvar,
}

impl NameClaims {
    /// Waits until nobody else commits `name`, and claims it until the claim is dropped.
    pub(super) fn claim(self: &Arc<Self>, name: &FileName) -> NameClaim {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        while !claimed.insert(name.clone()) {
            claimed = self.released.wait(claimed).unwrap_or_else(PoisonError::into_inner);
        }
        NameClaim { claims: Arc::clone(self), name: name.clone() }
    }
}

/// A name that its holder alone may give or take back.
#[derive(Debug)]
pub(super) struct NameClaim {
    claims: Arc<NameClaims>,
    pub(super) name: FileName,
}

impl Drop for NameClaim {
    fn drop(&mut self) {
        let mut claimed = self.claims.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.name);
        drop(claimed);
        self.claims.released.notify_all();
    }
}
