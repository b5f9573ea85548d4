//! What is wrong with an object that is stored all the same: repaired, or tolerated as
//! [`Leniency`](crate::Leniency) allows.

use super::status::class_name;
use super::uids::{Mismatch, ObjectUids};
use crate::node::Node;
use crate::observer::{Tolerance, Tolerated};
use crate::peer::Peer;
use crate::treatment::Treatment;
use dataset::Transcoder;
use tracing::{debug, warn};

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

/// Says what had to be put right in an object that is stored, or that it could not be read to its end.
pub(super) fn warn_of_repairs(uids: &ObjectUids, transcoder: &Transcoder) {
    let instance = &uids.sop_instance;
    let repairs = transcoder.repairs();
    if !repairs.is_empty() {
        warn!(sopInstanceUid = %instance, "SOP instance {instance} has encoding errors: {repairs}");
    }
    let attributes = transcoder.attributes();
    if transcoder.is_untouched() && attributes.other_study_instance_uids().next().is_some() {
        warn!(
            sopInstanceUid = %instance,
            "SOP instance {instance} has two Study Instance UIDs; using the first"
        );
    }
    match transcoder.unread() {
        Some(error) if transcoder.output_transfer_syntax().is_unlisted() => {
            debug!("SOP instance {instance} could not be parsed to its end: {error}");
        }
        Some(error) => {
            warn!(
                "SOP instance {instance} is stored as received, but could not be parsed to its end: \
                 {error}"
            );
        }
        None => {}
    }
}
