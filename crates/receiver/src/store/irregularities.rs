//! What is wrong with an object that is stored all the same, as [`Leniency`](crate::Leniency) allows.

use super::status::class_name;
use super::uids::{Mismatch, ObjectUids};
use crate::node::Node;
use crate::observer::{Tolerance, Tolerated};
use crate::peer::Peer;
use crate::treatment::Treatment;
use tracing::warn;

/// What is wrong with one object.
#[derive(Default)]
pub(super) struct Irregularities<'t> {
    /// Its SOP class was not accepted on a presentation context of the association.
    pub(super) class_not_negotiated: bool,
    /// Its UIDs are not those of the command: in which way, for the log.
    pub(super) uids: Option<Mismatch>,
    /// Its text needs a character set and declares none: the one that is assumed.
    pub(super) assumed_character_set: Option<&'t str>,
}

impl Irregularities<'_> {
    /// Says what is wrong, of an object that is stored by these UIDs, and tells the observer.
    pub(super) fn tell(&self, node: &Node, peer: &Peer, treatment: &Treatment, uids: &ObjectUids) {
        let ObjectUids { sop_class, sop_instance } = uids;
        let tell = |what, why: &str| {
            let class = class_name(sop_class);
            warn!("SOP instance {sop_instance} ({class}) is stored although {why}");
            node.observer.tolerated(&Tolerated { peer, treatment, sop_instance, what });
        };
        if self.class_not_negotiated {
            let why = "its SOP class was not negotiated in this association";
            tell(Tolerance::ClassNotNegotiated, why);
        }
        if let Some(Mismatch { what, .. }) = &self.uids {
            tell(Tolerance::MismatchedUids, what);
        }
        if let Some(assumed) = self.assumed_character_set {
            let why = format!(
                "its data set has text beyond ASCII and declares no character set; {assumed} is assumed"
            );
            tell(Tolerance::UndeclaredCharacterSet, &why);
        }
    }
}
