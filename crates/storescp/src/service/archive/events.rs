//! Events about neither an object that is stored nor a study.

use crate::generation::Deliveries;
use ::archive::Route;
use catalog::{EventKind, NewEvent};
use delivery::{DestinationSettings, On};
use receiver::{AssociationEnd, ConnectionRefusal, Peer, Refused, Summary};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// Those who are told of refusals, whatever rule they name: of a sender that is refused, none is known.
pub(super) fn refusal_destinations(destinations: &[DestinationSettings]) -> Vec<String> {
    let wanting = destinations.iter().filter(|it| it.on.contains(&On::Refusal));
    wanting.map(|it| it.name.clone()).collect()
}

/// An association has ended.
pub(super) fn association_ended(
    summary: &Summary,
    deliveries: Option<&Deliveries>,
    key: String,
) -> NewEvent {
    let mut data = of_peer(&summary.peer);
    let end = match summary.end {
        AssociationEnd::Released => "released".to_owned(),
        end => end.to_string(),
    };
    data.extend(fields(json!({
        "objects": summary.objects,
        "refused": summary.refused.total(),
        "bytes": summary.bytes,
        "seconds": summary.duration.as_secs_f64(),
        "end": end,
        "complete": summary.end.is_released(),
    })));
    if let Some(rule) = deliveries.and_then(|it| it.rule()) {
        data.insert("rule".to_owned(), rule.into());
    }
    let destinations = deliveries.into_iter().flat_map(|it| it.on(On::Association));
    NewEvent {
        key,
        kind: EventKind::AssociationEnded,
        time: SystemTime::now(),
        data: Value::Object(data),
        destinations: destinations.map(str::to_owned).collect(),
    }
}

/// Somebody, or something, was refused; `None` for what is part of an association that goes on.
pub(super) fn refused(
    refused: &Refused<'_>,
    destinations: &[String],
    key: impl FnOnce() -> String,
) -> Option<NewEvent> {
    let data = match *refused {
        Refused::Connection { peer, cause, reason } => fields(json!({
            "refused": "connection",
            "reason": reason,
            "cause": match cause {
                ConnectionRefusal::HostAccess => "host-access",
                ConnectionRefusal::TlsHandshake => "tls-handshake",
                ConnectionRefusal::TooMany => "too-many",
            },
            "peer": peer.ip().to_canonical().to_string(),
        })),
        Refused::Association { peer, reason, .. } => {
            let mut data = of_peer(peer);
            data.extend(fields(json!({ "refused": "association", "reason": reason })));
            data
        }
        Refused::Object { peer, sop_class, sop_instance, status, reason } => {
            let mut data = of_peer(peer);
            data.extend(fields(json!({
                "refused": "object",
                "reason": reason,
                "status": status.0,
                "sopClassUid": sop_class.as_str(),
                "sopInstanceUid": sop_instance.as_str(),
            })));
            data
        }
        _ => return None,
    };
    Some(NewEvent {
        key: key(),
        kind: EventKind::Refused,
        time: SystemTime::now(),
        data: Value::Object(data),
        destinations: destinations.to_vec(),
    })
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
