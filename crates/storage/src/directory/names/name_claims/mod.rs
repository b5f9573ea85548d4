//! Names that are being committed by this process.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::FileName;
use platform::sync::{Arc, Condvar, Mutex, PoisonError};
use std::collections::HashSet;

/// The names of one folder that are being given at this moment.
///
/// Two commits of the same name go one after the other: otherwise one that fails after the other
/// succeeded could take back a file that was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct NameClaims {
    claims: Mutex<Claims>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Claims {
    names: HashSet<FileName>,
    /// How many wait for one. A needless wake-up costs a system call.
    waiting: usize,
}

impl NameClaims {
    /// Waits until no other thread commits `name`, and claims it until the claim is dropped.
    pub(crate) fn claim(self: &Arc<Self>, name: &FileName) -> NameClaim {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        while !claims.names.insert(name.clone()) {
            claims.waiting += 1;
            claims = self.released.wait(claims).unwrap_or_else(PoisonError::into_inner);
            claims.waiting -= 1;
        }
        NameClaim { folder: Arc::clone(self), name: name.clone() }
    }
}

/// A name that its holder alone may give or take back.
#[derive(Debug)]
pub(crate) struct NameClaim {
    folder: Arc<NameClaims>,
    pub(crate) name: FileName,
}

impl Drop for NameClaim {
    fn drop(&mut self) {
        let mut claims = self.folder.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.names.remove(&self.name);
        if claims.waiting > 0 {
            self.folder.released.notify_all();
        }
    }
}
