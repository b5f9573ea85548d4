//! Where objects go that are known by their intents alone.

use crate::generation::{Deliveries, Generation, route_of};
use ::archive::attributes::catalogued;
use ::archive::{Destinations, Route, Routing};
use arc_swap::ArcSwap;
use catalog::ReceivedObject;
use dataset::{AttributeName, WantedAttributes};
use receiver::Peer;
use std::path::Path;
use std::sync::Arc;
use storage::Envelope;

/// Routes by the settings that are in effect.
pub(super) struct GenerationRouting {
    generation: Arc<ArcSwap<Generation>>,
    /// Rules that are gone, which the log has told of.
    told: std::sync::Mutex<std::collections::BTreeSet<u32>>,
}

impl GenerationRouting {
    pub(super) fn new(generation: Arc<ArcSwap<Generation>>) -> Self {
        Self { generation, told: std::sync::Mutex::default() }
    }

    /// The rule that decided is gone: as others do that have its titles and address now.
    fn by_current_rules(
        &self,
        generation: &Generation,
        envelope: &Envelope,
    ) -> Option<Arc<Deliveries>> {
        let peer = Peer {
            calling_ae: proto::AeTitle::from_field(envelope.calling),
            called_ae: proto::AeTitle::from_field(envelope.called),
            address: envelope.address,
            association: envelope.association,
        };
        let found = generation.deliveries_of(&peer)?;
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Bounded: each rule of a few settings, and no more.
        if told.len() < 1000 && told.insert(envelope.route) {
            let rule = found.rule().unwrap_or("the top of the settings");
            tracing::warn!(
                "objects of {} were received by a rule that the settings do not have any more: they are delivered by {rule:?}",
                peer.calling_ae
            );
        }
        Some(found)
    }
}

/// Nothing is stored any more, whoever sends it.
struct Nobody(Arc<WantedAttributes>);

impl Default for Nobody {
    fn default() -> Self {
        Self(Arc::new(WantedAttributes::new(catalogued()).unwrap_or_default()))
    }
}

impl Route for Nobody {
    fn rule(&self) -> Option<&str> {
        None
    }

    fn wanted(&self) -> &Arc<WantedAttributes> {
        &self.0
    }

    fn default_character_set(&self) -> Option<&str> {
        None
    }

    fn destinations(
        &self,
        _: &ReceivedObject,
        _: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> Destinations {
        Destinations::default()
    }
}

impl Routing for GenerationRouting {
    fn route(&self, _directory: &Path, envelope: &Envelope) -> Arc<dyn Route> {
        let generation = self.generation.load();
        let same = generation.deliveries().find(|it| route_of(it.rule()) == envelope.route);
        match same {
            Some(deliveries) => Arc::clone(deliveries) as Arc<dyn Route>,
            None => match self.by_current_rules(&generation, envelope) {
                Some(deliveries) => deliveries,
                None => Arc::new(Nobody::default()),
            },
        }
    }
}
