//! A generation of the settings: what they say, and all that was opened and made from that.
//!
//! ```text
//!   Config ──build──► Generation ──admit──► Treatment of an association, to its end
//!              │                               │
//!              └── Outputs: directories and    └── Sender: its rule, its commands,
//!                  studies, shared                 what to advise
//! ```
//!
//! A generation never changes. Another one takes its place when settings are read again, for the associations to
//! come; those under way keep their treatment, and it keeps what it needs open.

mod advice;
mod build;
mod changes;
mod deliveries;
mod effective;
mod outputs;
mod resumption;
mod sender;
#[cfg(test)]
mod tests;

pub(crate) use advice::refusal_hint;
pub(crate) use build::{Shared, build, command_destinations};
pub(crate) use changes::needs_restart;
pub(crate) use deliveries::{Deliveries, route_of};
pub(crate) use outputs::bucket;
pub(crate) use sender::Sender;

use crate::cli::Config;
use crate::commands::Commands;
use crate::rules::{Found, Rule, RuleTable};
use receiver::{Peer, Proposed, Refusal, Treatment};
use std::sync::Arc;
use std::time::SystemTime;

/// The settings that are in effect, and how they treat each sender.
pub(crate) struct Generation {
    /// 1 at the start, one more after each reload.
    pub(crate) number: u64,
    /// When it was made.
    pub(crate) since: SystemTime,
    /// The settings, without the rules.
    pub(crate) config: Config,
    rules: RuleTable,
    /// How senders are treated that no rule names.
    others: Arc<Treatment>,
    /// How those are treated that a rule names, by its index; `None` if it refuses them.
    treatments: Vec<Option<Arc<Treatment>>>,
}

impl Generation {
    /// How the association that is proposed is treated.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        let Found { rule, result } = self.rules.find(proposed);
        result?;
        let of_rule = rule.and_then(|index| self.treatments.get(index)?.as_ref());
        Ok(Arc::clone(of_rule.unwrap_or(&self.others)))
    }

    /// The rules, in the order of the settings.
    pub(crate) fn rules(&self) -> &[Rule] {
        self.rules.rules()
    }

    /// The calling AE titles that rules name, without those that are patterns.
    pub(crate) fn calling_titles(&self) -> impl Iterator<Item = String> {
        let titles = self.rules().iter().flat_map(|rule| &rule.condition.calling);
        titles.filter(|title| !title.contains(['*', '?'])).cloned()
    }

    /// To whom the objects of a peer would go now, by its titles and address alone. With a catalogue, and where something is
    /// stored at all.
    pub(crate) fn deliveries_of(&self, peer: &Peer) -> Option<Arc<Deliveries>> {
        let matching = self.rules.find_by_peer(peer);
        let treatment = matching.and_then(|at| self.treatments.get(at)?.as_ref());
        let of = |treatment: &Arc<Treatment>| Sender::of(treatment)?.deliveries.clone();
        let chosen = treatment.and_then(of).or_else(|| of(&self.others));
        chosen.or_else(|| self.deliveries().next().cloned())
    }

    /// To whom objects go, of all treatments: first of those that no rule names.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = &Arc<Deliveries>> {
        self.treatments().filter_map(|it| Sender::of(it)?.deliveries.as_ref())
    }

    /// All treatments: first of those that no rule names.
    pub(crate) fn treatments(&self) -> impl Iterator<Item = &Arc<Treatment>> {
        std::iter::once(&self.others).chain(self.treatments.iter().flatten())
    }

    /// The commands that the outbox runs for senders of this rule; those of the senders that no rule names if it is gone.
    pub(crate) fn delivered_commands(&self, rule: Option<&str>) -> Option<Arc<Commands>> {
        let mut senders = self.treatments().filter_map(|treatment| Sender::of(treatment));
        let others = senders.next()?;
        let of_rule = rule.and_then(|_| senders.find(|sender| sender.rule.as_deref() == rule));
        of_rule.unwrap_or(others).delivered_commands.clone()
    }

    /// True if commands of it use the names of peers.
    pub(crate) fn wants_host(&self) -> bool {
        let asks = |treatment: &Arc<Treatment>| {
            Sender::of(treatment).is_some_and(|it| it.all_commands().any(Commands::want_host))
        };
        self.treatments().any(asks)
    }
}
