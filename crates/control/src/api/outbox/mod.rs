//! `/outbox/…`: destinations, what is owed to them, and what operators do about that.

pub(super) mod changes;
pub(super) mod deliveries;
pub(super) mod destinations;
