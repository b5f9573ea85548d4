//! What is owed for the objects of an association: their intents, and the attributes that are kept of them.

use crate::limits::INTENT_ATTRIBUTES;
use crate::output::PathTemplate;
use crate::peer::Peer;
use crate::treatment::{FinalNames, IntentSettings, OfferedObject, Treatment};
use dataset::WantedAttributes;
use std::sync::Arc;
use std::time::SystemTime;
use storage::{Envelope, IntentName};

/// What is owed for the objects of an association, if anything.
pub(super) struct Owed {
    settings: Option<IntentSettings>,
    wanted: Option<Arc<WantedAttributes>>,
    /// How many objects had intents.
    intents: u32,
}

impl Owed {
    pub(super) fn by(treatment: &Treatment) -> Self {
        let settings = treatment.intents.clone();
        Self { wanted: wanted(treatment, settings.as_ref()), settings, intents: 0 }
    }

    /// The attributes to be noted of each object, if any: for its path, and for what is owed.
    pub(super) fn wanted(&self) -> Option<&Arc<WantedAttributes>> {
        self.wanted.as_ref()
    }

    /// Whether the object gets its final name.
    pub(super) fn keeps_file(&self, object: &OfferedObject<'_>) -> bool {
        match self.settings.as_ref().map(|settings| &settings.final_names) {
            None | Some(FinalNames::All) => true,
            Some(FinalNames::NotTaken(takers)) => !takers.take(object),
        }
    }

    /// The intent of the next object, if anything is owed for it.
    pub(super) fn next_intent(
        &mut self,
        peer: &Peer,
        requested: SystemTime,
        keeps_file: bool,
    ) -> Option<IntentName> {
        let settings = self.settings.as_ref()?;
        self.intents = self.intents.wrapping_add(1);
        let envelope = Envelope {
            received: requested,
            association: peer.association,
            sequence: self.intents,
            is_alone: !keeps_file,
            route: settings.route,
            calling: peer.calling_ae.field(),
            called: peer.called_ae.field(),
            address: peer.address.to_canonical(),
        };
        Some(envelope.name())
    }
}

fn wanted(
    treatment: &Treatment,
    settings: Option<&IntentSettings>,
) -> Option<Arc<WantedAttributes>> {
    let path = treatment.output.as_ref().and_then(|output| output.settings.path.as_ref());
    let path = path.map(PathTemplate::wanted);
    let owed = settings.map(|it| &it.wanted).filter(|it| it.len() <= INTENT_ATTRIBUTES);
    match (path, owed) {
        (Some(path), Some(owed)) => path.with(owed).map(Arc::new).or_else(|| Some(path.clone())),
        (path, owed) => path.or(owed).cloned(),
    }
}
