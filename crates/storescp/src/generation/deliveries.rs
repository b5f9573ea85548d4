//! To whom the objects of some senders go, and how long their files are kept.

use crate::error::Error;
use crate::rules::TreatmentSettings;
use archive::attributes::Values;
use archive::{Destinations, Keep, Route};
use catalog::ReceivedObject;
use dataset::{AttributeName, WantedAttributes};
use delivery::{DestinationSettings, Known, On, OverBounds};
use receiver::limits::INTENT_ATTRIBUTES;
use receiver::{FinalNames, IntentSettings, OfferedObject, Takers};
use std::path::PathBuf;
use std::sync::Arc;
use storage::{Intents, Storage};

/// To whom the objects of some senders go: of those that a rule names, or of the others.
pub(crate) struct Deliveries {
    /// The rule; `None` for those that none names.
    rule: Option<Arc<str>>,
    /// The output directory.
    pub(crate) directory: PathBuf,
    /// What stores there.
    pub(crate) storage: Arc<dyn Storage>,
    /// Its intents.
    pub(crate) intents: Arc<dyn Intents>,
    /// How long their files are kept.
    pub(crate) keep: Keep,
    destinations: Vec<Arc<DestinationSettings>>,
    wanted: Arc<WantedAttributes>,
    default_character_set: Option<String>,
}

impl Deliveries {
    /// From the settings of a treatment. `destinations` are all that there are.
    ///
    /// # Errors
    /// [`Error::Attributes`]: the filters look at too many attributes.
    pub(super) fn new(
        rule: Option<&str>,
        settings: &TreatmentSettings,
        destinations: &[Arc<DestinationSettings>],
        storage: Arc<dyn Storage>,
        intents: Arc<dyn Intents>,
    ) -> Result<Self, Error> {
        let is_named = |it: &&Arc<DestinationSettings>| settings.deliver.contains(&it.name);
        let destinations: Vec<_> = destinations.iter().filter(is_named).cloned().collect();
        let filters = destinations.iter().filter_map(|it| it.filter.as_ref());
        let looked_at = filters.flat_map(delivery::Filter::attributes);
        let wanted = WantedAttributes::new(archive::attributes::catalogued().chain(looked_at));
        let wanted = wanted.filter(|it| it.len() <= INTENT_ATTRIBUTES);
        Ok(Self {
            rule: rule.map(Arc::from),
            directory: settings.output.directory.clone(),
            storage,
            intents,
            keep: settings.keep,
            destinations,
            wanted: Arc::new(wanted.ok_or(Error::Attributes)?),
            default_character_set: settings.leniency.default_character_set.clone(),
        })
    }

    /// How their objects get intents.
    pub(super) fn intent_settings(self: &Arc<Self>) -> IntentSettings {
        let final_names = match self.keep {
            Keep::UntilDelivered => FinalNames::NotTaken(Arc::clone(self) as Arc<dyn Takers>),
            Keep::Forever | Keep::For { .. } | Keep::Percent { .. } => FinalNames::All,
        };
        let route = route_of(self.rule.as_deref());
        IntentSettings { route, wanted: Arc::clone(&self.wanted), final_names }
    }

    /// The destinations that want events of this kind.
    pub(crate) fn on(&self, event: On) -> impl Iterator<Item = &str> {
        let wanting = self.destinations.iter().filter(move |it| it.on.contains(&event));
        wanting.map(|it| it.name.as_str())
    }

    /// The destinations past whose bounds no more is accepted.
    pub(crate) fn refusing(&self) -> impl Iterator<Item = &str> {
        let refusing = self.destinations.iter().filter(|it| {
            it.bounds.over == OverBounds::Refuse
                && (it.bounds.bytes.is_some() || it.bounds.age.is_some())
        });
        refusing.map(|it| it.name.as_str())
    }
}

impl Route for Deliveries {
    fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    fn wanted(&self) -> &Arc<WantedAttributes> {
        &self.wanted
    }

    fn default_character_set(&self) -> Option<&str> {
        self.default_character_set.as_deref()
    }

    fn destinations(
        &self,
        object: &ReceivedObject,
        values: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> Destinations {
        let known = Known {
            calling_ae_title: &object.calling,
            called_ae_title: &object.called,
            sop_class_uid: &object.sop_class,
            transfer_syntax_uid: &object.transfer_syntax,
            rule: self.rule(),
        };
        let mut chosen = Destinations::default();
        for destination in &self.destinations {
            if takes(destination, &known, values) {
                for (event, names) in
                    [(On::Object, &mut chosen.object), (On::Study, &mut chosen.study)]
                {
                    if destination.on.contains(&event) {
                        names.push(destination.name.clone());
                    }
                }
            }
        }
        chosen
    }
}

impl Takers for Deliveries {
    fn take(&self, object: &OfferedObject<'_>) -> bool {
        let (calling, called) =
            (object.peer.calling_ae.to_string(), object.peer.called_ae.to_string());
        let known = Known {
            calling_ae_title: &calling,
            called_ae_title: &called,
            sop_class_uid: object.sop_class.as_str(),
            transfer_syntax_uid: object.transfer_syntax,
            rule: self.rule(),
        };
        let values = Values::new(object.attributes, self.default_character_set());
        let mut getting = self.destinations.iter().filter(|it| it.on.contains(&On::Object));
        getting.any(|destination| takes(destination, &known, &|name| values.all(name)))
    }
}

fn takes(
    destination: &DestinationSettings,
    known: &Known<'_>,
    values: &dyn Fn(&AttributeName) -> Vec<String>,
) -> bool {
    destination.filter.as_ref().is_none_or(|filter| filter.matches(known, values))
}

/// The number by which intents know a rule: made from its name (the hash FNV-1a), so that it is the same in each run; 0
/// for no rule.
pub(crate) fn route_of(rule: Option<&str>) -> u32 {
    let Some(rule) = rule else { return 0 };
    let add = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    rule.bytes().fold(0x811c_9dc5, add).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_the_same_number_in_every_run() {
        assert_eq!(route_of(None), 0);
        assert_eq!(route_of(Some("ct")), route_of(Some("ct")));
        // As intents on disk have them.
        assert_eq!(route_of(Some("a")), 0xe40c_292c);
        assert_ne!(route_of(Some("ct")), route_of(Some("mr")));
    }
}
