//! From an object that was stored to what the catalogue takes in.

use crate::generation::Deliveries;
use ::archive::attributes::Values;
use ::archive::{Arrival, Route};
use catalog::{ObjectAttributes, ReceivedObject};
use receiver::{StoredFile, StoredObject};
use std::sync::Arc;
use storage::FileName;

/// What is taken in for an object; `None` if it was dropped on purpose.
pub(super) fn arrival(object: &StoredObject<'_>, deliveries: &Arc<Deliveries>) -> Option<Arrival> {
    let intent = object.intent?;
    let file = object.file.as_ref();
    let values = object.attributes.map(|it| Values::new(it, deliveries.default_character_set()));
    let peer = object.peer;
    let mut received = ReceivedObject {
        key: intent.to_string(),
        directory: deliveries.directory.clone(),
        file: file.map(path),
        spool: None,
        sop_class: object.sop_class.to_string(),
        sop_instance: object.sop_instance.to_string(),
        transfer_syntax: object.transfer_syntax.to_owned(),
        // Of an equal file that is kept in its place, that one's.
        size: file.map_or(object.stored_bytes, |it| it.size),
        digest: None,
        received: object.requested,
        association: peer.association,
        calling: peer.calling_ae.to_string(),
        called: peer.called_ae.to_string(),
        peer: peer.address.to_canonical().to_string(),
        rule: deliveries.rule().map(str::to_owned),
        replaced: file.is_some_and(|it| it.replaced),
        kept: file.is_some_and(|it| it.kept),
        attributes: values.map_or_else(ObjectAttributes::default, |it| it.catalogued()),
    };
    let all = |name: &_| values.map(|it| it.all(name)).unwrap_or_default();
    let destinations = deliveries.destinations(&received, &all);
    received.spool = (!destinations.object.is_empty()).then(|| received.key.clone());
    Some(Arrival {
        object: received,
        intent: Some((Arc::clone(&deliveries.intents), intent.clone())),
        destinations: destinations.object,
        study_destinations: destinations.study,
    })
}

/// Beneath the output directory.
fn path(file: &StoredFile<'_>) -> String {
    let folders = file.folders.iter().map(FileName::as_str);
    folders.chain([file.name.as_str()]).collect::<Vec<_>>().join("/")
}
