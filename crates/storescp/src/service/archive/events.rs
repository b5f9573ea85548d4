//! Events about neither an object that is stored nor a study.

use crate::generation::Deliveries;
use ::archive::{Happening, Route};
use catalog::{EndedAssociation, EventKind, NewEvent, Refusal};
use delivery::{DestinationSettings, On};
use receiver::{AssociationEnd, Peer, Refused, Summary};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// Those who are told of refusals, whatever rule they name: of a sender that is refused, none is known.
pub(super) fn refusal_destinations(destinations: &[DestinationSettings]) -> Vec<String> {
    let wanting = destinations.iter().filter(|it| it.on.contains(&On::Refusal));
    wanting.map(|it| it.name.clone()).collect()
}

/// An association has ended: its row, and the event if anybody wants it.
pub(super) fn association_ended(
    summary: &Summary,
    deliveries: Option<&Deliveries>,
    key: String,
) -> Happening {
    let time = SystemTime::now();
    let Summary { peer, objects, bytes, duration, .. } = *summary;
    let rule = deliveries.and_then(Deliveries::rule);
    let end = match summary.end {
        AssociationEnd::Released => "released".to_owned(),
        end => end.to_string(),
    };
    let refused = summary.refused.total();
    let mut data = of_peer(&peer);
    data.extend(fields(json!({
        "objects": objects,
        "refused": refused,
        "bytes": bytes,
        "seconds": duration.as_secs_f64(),
        "end": end,
        "complete": summary.end.is_released(),
    })));
    if let Some(rule) = rule {
        data.insert("rule".to_owned(), rule.into());
    }
    let destinations = deliveries.into_iter().flat_map(|it| it.on(On::Association));
    let destinations = destinations.map(str::to_owned).collect();
    let association = EndedAssociation {
        key: key.clone(),
        number: peer.association,
        ended: time,
        duration,
        calling: peer.calling_ae.to_string(),
        called: peer.called_ae.to_string(),
        peer: peer.address.to_canonical().to_string(),
        rule: rule.map(str::to_owned),
        objects,
        refused,
        bytes,
        end,
    };
    let event = event(EventKind::AssociationEnded, key, time, data, destinations);
    Happening { association: Some(association), event, ..Happening::default() }
}

/// Somebody, or something, was refused: its row, and the event if anybody wants it; `None` for what is part of an association
/// that goes on.
pub(super) fn refused(
    refused: &Refused<'_>,
    destinations: &[String],
    key: impl FnOnce() -> String,
) -> Option<Happening> {
    let (what, peer, reason) = match *refused {
        Refused::Connection { reason, .. } => ("connection", None, reason),
        Refused::Association { peer, reason, .. } => ("association", Some(peer), reason),
        Refused::Object { peer, reason, .. } => ("object", Some(peer), reason),
        _ => return None,
    };
    let (key, time) = (key(), SystemTime::now());
    let mut row = Refusal {
        key: key.clone(),
        time,
        what: what.to_owned(),
        association: peer.map(|it| it.association),
        calling: peer.map(|it| it.calling_ae.to_string()),
        called: peer.map(|it| it.called_ae.to_string()),
        peer: peer.map(|it| it.address.to_canonical().to_string()).unwrap_or_default(),
        rule: None,
        status: None,
        sop_class: None,
        sop_instance: None,
        reason: reason.to_owned(),
    };
    let mut data = peer.map(of_peer).unwrap_or_default();
    data.extend(fields(json!({ "refused": what, "reason": reason })));
    match *refused {
        Refused::Connection { peer, .. } => {
            row.peer = peer.ip().to_canonical().to_string();
            data.insert("peer".to_owned(), row.peer.clone().into());
        }
        Refused::Object { sop_class, sop_instance, status, .. } => {
            row.status = Some(status.0);
            row.sop_class = Some(sop_class.to_string());
            row.sop_instance = Some(sop_instance.to_string());
            data.extend(fields(json!({
                "status": status.0,
                "sopClassUid": sop_class.as_str(),
                "sopInstanceUid": sop_instance.as_str(),
            })));
        }
        _ => {}
    }
    let event = event(EventKind::Refused, key, time, data, destinations.to_vec());
    Some(Happening { refusal: Some(row), event, ..Happening::default() })
}

/// Leaves out those whom the event is to be told to and who have no room for it. Returns their names.
pub(super) fn leave_out(happening: &mut Happening, has_room: impl Fn(&str) -> bool) -> Vec<String> {
    let Some(event) = &mut happening.event else { return Vec::new() };
    let destinations = std::mem::take(&mut event.destinations);
    let (told, left_out) = destinations.into_iter().partition(|name| has_room(name));
    event.destinations = told;
    if event.destinations.is_empty() {
        happening.event = None;
    }
    left_out
}

/// `None` if nobody is to be told.
fn event(
    kind: EventKind,
    key: String,
    time: SystemTime,
    data: Map<String, Value>,
    destinations: Vec<String>,
) -> Option<NewEvent> {
    let is_wanted = !destinations.is_empty();
    is_wanted.then_some(NewEvent { key, kind, time, data: Value::Object(data), destinations })
}

fn of_peer(peer: &Peer) -> Map<String, Value> {
    fields(json!({
        "association": peer.association,
        "callingAeTitle": peer.calling_ae.to_string(),
        "calledAeTitle": peer.called_ae.to_string(),
        "peer": peer.address.to_canonical().to_string(),
    }))
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
