//! What the control plane is told of associations: by their own threads, without waiting for readers.

use receiver::{Accepted, Answered, Refused, StoredObject, Summary, Tolerated};

/// Notes what happens, for the metrics and the API. Each method is called by the thread of an association and waits
/// for nobody.
#[derive(Debug, Default)]
pub struct Monitor {}

impl Monitor {
    /// An association is accepted.
    pub fn association_accepted(&self, accepted: &Accepted<'_>) {
        let _ = accepted;
    }

    /// An object is stored.
    pub fn stored(&self, object: &StoredObject<'_>) {
        let _ = object;
    }

    /// Its answer was sent.
    pub fn answered(&self, answered: &Answered<'_>) {
        let _ = answered;
    }

    /// Something wrong with an object was tolerated.
    pub fn tolerated(&self, tolerated: &Tolerated<'_>) {
        let _ = tolerated;
    }

    /// A connection, an association or an object was refused; `hint` says what an operator can do.
    pub fn refused(&self, refused: &Refused<'_>, hint: Option<&str>) {
        let _ = (refused, hint);
    }

    /// An association has ended.
    pub fn association_ended(&self, summary: &Summary) {
        let _ = summary;
    }
}
