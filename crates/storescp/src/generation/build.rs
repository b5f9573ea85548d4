//! From the settings to a generation: reads profiles and the dictionary, opens directories, reads commands.

use super::advice::Advisor;
use super::deliveries::Deliveries;
use super::outputs::{Outputs, Place, bucket};
use super::{Generation, Sender};
use crate::cli::Config;
use crate::commands::{CommandPool, CommandSettings, Commands};
use crate::commands::{Delivered, destination_settings};
use crate::data_dictionary;
use crate::error::Error;
use crate::negotiation::Negotiation;
use crate::rules::{Decision, Rule, RuleTable, TreatmentSettings};
use dataset::Dictionary;
use dataset::format::OutputTransferSyntax;
use delivery::DestinationSettings;
use receiver::{AcceptorPolicy, AssociationLimit, AssociationTimeouts, Output, Treatment};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use storage::Storage;

/// What the generations of a program share.
pub(crate) struct Shared {
    pub(crate) outputs: Outputs,
    pub(crate) pool: Arc<CommandPool>,
    /// How long peers may be silent as long as no treatment says so.
    node_timeouts: AssociationTimeouts,
    dictionary: Mutex<Option<Arc<Dictionary>>>,
    /// Associations by rule, for limits; without a name for those that no rule names.
    associations: Mutex<HashMap<Option<String>, Weak<AtomicUsize>>>,
}

/// Makes a generation of the settings, which takes the rules out of them. Directories, profiles and the dictionary
/// are read and opened here; the rest of the program sees nothing of it before it is put in place.
///
/// # Errors
/// Everything that is wrong: of senders that no rule names first, then of each rule.
pub(crate) fn build(
    mut config: Config,
    number: u64,
    shared: &Shared,
) -> Result<Generation, Vec<Error>> {
    let rules = std::mem::take(&mut config.rules);
    let commands = command_destinations(&config, &rules);
    config.destinations.extend(commands);
    shared.forget_associations();
    let mut builder = Builder {
        shared,
        number,
        settings_file: config.settings_file.clone(),
        has_catalog: config.catalog.is_some(),
        destinations: config.destinations.iter().cloned().map(Arc::new).collect(),
        dictionary: None,
        policies: HashMap::new(),
        commands: HashMap::new(),
    };
    let mut faults = Vec::new();
    let others = builder.treatment(None, &config.treatment());
    let mut treatments = Vec::with_capacity(rules.len());
    for Rule { name, decision, .. } in &rules {
        treatments.push(match decision {
            Decision::Refuse(_) => None,
            Decision::Accept(settings) => match builder.treatment(Some(name), settings) {
                Ok(treatment) => Some(Arc::new(treatment)),
                Err(source) => {
                    faults.push(Error::Rule { rule: name.clone(), source: Box::new(source) });
                    None
                }
            },
        });
    }
    match others {
        Ok(others) if faults.is_empty() => Ok(Generation {
            number,
            since: SystemTime::now(),
            rules: RuleTable::new(rules, config.refuses_others),
            config,
            others: Arc::new(others),
            treatments,
        }),
        others => Err(others.err().into_iter().chain(faults).collect()),
    }
}

impl Shared {
    /// With nothing open. `config` is what the program starts with.
    pub(crate) fn new(config: &Config, pool: Arc<CommandPool>) -> Self {
        Self {
            outputs: Outputs::new(Arc::clone(&pool)),
            pool,
            node_timeouts: config.treatment().timeouts,
            dictionary: Mutex::default(),
            associations: Mutex::default(),
        }
    }

    /// The dictionary as its files are now: the one that outputs have, if it is the same.
    fn dictionary(&self) -> Result<Arc<Dictionary>, Error> {
        let path = std::env::var_os(data_dictionary::PATH_VARIABLE);
        let shared = data_dictionary::SHARED.map(Path::new);
        let read = data_dictionary::load(path.as_deref(), &shared)?;
        let mut known = self.dictionary.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if **known == read => Ok(Arc::clone(known)),
            _ => Ok(Arc::clone(known.insert(Arc::new(read)))),
        }
    }

    /// Forgets counts of rules that are gone.
    fn forget_associations(&self) {
        let mut counts = self.associations.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, count| count.strong_count() > 0);
    }

    /// The count of associations of a rule: the same before and after a reload.
    fn associations(&self, rule: Option<&str>) -> Arc<AtomicUsize> {
        let mut counts = self.associations.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rule.map(str::to_owned);
        if let Some(count) = counts.get(&rule).and_then(Weak::upgrade) {
            return count;
        }
        let count = Arc::default();
        counts.insert(rule, Arc::downgrade(&count));
        count
    }
}

/// Which commands the outbox runs of these settings, with a catalogue.
fn delivered(settings: &TreatmentSettings) -> Delivered {
    if settings.ignore {
        return Delivered::default();
    }
    Delivered::of(&settings.commands, settings.output.sorting.is_some())
}

/// The destinations for the commands that the outbox runs.
pub(crate) fn command_destinations(config: &Config, rules: &[Rule]) -> Vec<DestinationSettings> {
    if config.catalog.is_none() {
        return Vec::new();
    }
    let others = config.treatment();
    let of_rules = rules.iter().filter_map(|rule| match &rule.decision {
        Decision::Refuse(_) => None,
        Decision::Accept(settings) => Some(settings.as_ref()),
    });
    let mut found: Vec<DestinationSettings> = Vec::new();
    for settings in std::iter::once(&others).chain(of_rules) {
        for name in delivered(settings).names() {
            if found.iter().all(|known| known.name != name) {
                found.push(destination_settings(name, &settings.commands));
            }
        }
    }
    found
}

/// What the treatments of one generation share.
struct Builder<'s> {
    shared: &'s Shared,
    number: u64,
    settings_file: Option<PathBuf>,
    /// Whether objects are taken into a catalogue.
    has_catalog: bool,
    destinations: Vec<Arc<DestinationSettings>>,
    /// Once it is read.
    dictionary: Option<Arc<Dictionary>>,
    /// What is accepted, and the settings that it was made from, by their [`bucket`].
    policies: HashMap<u64, Vec<(Arc<Negotiation>, AcceptorPolicy)>>,
    /// Commands by the address of the place whose objects they are about.
    commands: HashMap<*const Place, Vec<(CommandSettings, Arc<Commands>)>>,
}

impl Builder<'_> {
    fn treatment(
        &mut self,
        rule: Option<&str>,
        settings: &TreatmentSettings,
    ) -> Result<Treatment, Error> {
        let (negotiation, policy) = self.policy(&settings.negotiation)?;
        let delivered = self.delivered_commands(settings);
        let whole = settings;
        let settings = &TreatmentSettings {
            commands: delivered.rest(&whole.commands),
            deliver: whole.deliver.iter().cloned().chain(delivered.names()).collect(),
            ..whole.clone()
        };
        let place = self.place(settings)?;
        let commands = self.commands(settings, place.as_ref())?;
        let delivered_commands = if delivered == Delivered::default() {
            None
        } else {
            let without_journal = CommandSettings { journal: false, ..whole.commands.clone() };
            let whole = TreatmentSettings { commands: without_journal, ..whole.clone() };
            Some(self.commands(&whole, place.as_ref())?)
        };
        let deliveries = self.deliveries(rule, settings, place.as_ref())?;
        let intents = deliveries.as_ref().map(Deliveries::intent_settings);
        let sender = Sender {
            rule: rule.map(Arc::from),
            generation: self.number,
            commands,
            advisor: Advisor {
                negotiation,
                rewrites: settings.output.format.transfer_syntax
                    != OutputTransferSyntax::AsReceived,
                place: self.place_in_file(rule),
            },
            deliveries,
            delivered_commands,
            _place: place.clone(),
        };
        let limit = settings
            .max_associations
            .map(|most| AssociationLimit { most, current: self.shared.associations(rule) });
        let is_as_node = settings.timeouts == self.shared.node_timeouts;
        Ok(Treatment {
            timeouts: (!is_as_node).then_some(settings.timeouts),
            associations: limit,
            leniency: settings.leniency.clone(),
            intents,
            program: Some(Arc::new(sender)),
            ..Treatment::with_policy(policy, place.map(|place| Arc::clone(&place.output)))
        })
    }

    /// Which commands the outbox runs.
    fn delivered_commands(&self, settings: &TreatmentSettings) -> Delivered {
        if self.has_catalog { delivered(settings) } else { Delivered::default() }
    }

    /// To whom objects go, with a catalogue.
    fn deliveries(
        &self,
        rule: Option<&str>,
        settings: &TreatmentSettings,
        place: Option<&Arc<Place>>,
    ) -> Result<Option<Arc<Deliveries>>, Error> {
        let Some(place) = place.filter(|_| self.has_catalog) else { return Ok(None) };
        place.output.check_intents()?;
        let storage = Arc::clone(place.output.storage());
        let Some(intents) = storage.intents() else { return Ok(None) };
        Deliveries::new(rule, settings, &self.destinations, storage, intents)
            .map(|it| Some(Arc::new(it)))
    }

    /// Where the settings file says how these senders are treated.
    fn place_in_file(&self, rule: Option<&str>) -> Option<String> {
        let file = self.settings_file.as_ref()?.display();
        Some(match rule {
            Some(rule) => format!("in rule {rule:?} of {file}"),
            None => format!("at the top of {file}"),
        })
    }

    /// Treatments with the same settings share what is accepted.
    fn policy(
        &mut self,
        settings: &Negotiation,
    ) -> Result<(Arc<Negotiation>, AcceptorPolicy), Error> {
        let known = self.policies.entry(bucket(settings)).or_default();
        if let Some(same) = known.iter().find(|(known, _)| **known == *settings) {
            return Ok(same.clone());
        }
        let made = (Arc::new(settings.clone()), settings.policy()?);
        known.push(made.clone());
        Ok(made)
    }

    fn place(&mut self, settings: &TreatmentSettings) -> Result<Option<Arc<Place>>, Error> {
        let dictionary = match &self.dictionary {
            Some(dictionary) => Arc::clone(dictionary),
            None => Arc::clone(self.dictionary.insert(self.shared.dictionary()?)),
        };
        if settings.ignore {
            Output::exists(&settings.output.directory)?;
            return Ok(None);
        }
        self.shared.outputs.place(settings, &dictionary).map(Some)
    }

    fn commands(
        &mut self,
        settings: &TreatmentSettings,
        place: Option<&Arc<Place>>,
    ) -> Result<Arc<Commands>, Error> {
        let TreatmentSettings { commands: settings, output, .. } = settings;
        let known = place.map(|place| self.commands.entry(Arc::as_ptr(place)).or_default());
        let same = |(known, _): &&(CommandSettings, Arc<Commands>)| known == settings;
        if let Some((_, commands)) = known.as_ref().and_then(|known| known.iter().find(same)) {
            return Ok(Arc::clone(commands));
        }
        let storage: Option<Arc<dyn Storage>> = place.map(|it| Arc::clone(it.output.storage()));
        let pool = Arc::clone(&self.shared.pool);
        let commands = Arc::new(Commands::new(settings, output, storage, pool)?);
        if let Some(known) = known {
            known.push((settings.clone(), Arc::clone(&commands)));
        }
        Ok(commands)
    }
}
