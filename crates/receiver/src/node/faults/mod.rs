//! Faults on purpose, to test senders: which connections, associations and objects they strike, and what happens
//! then. Plain data, and the counting that selects; what a strike does is in `serve::association`.
//!
//! A receiver without a [`FaultPlan`] provokes none: [`NodeSettings::faults`](super::NodeSettings::faults) is
//! looked at once for each connection and each association.

mod action;
mod draw;
mod range;
mod selection;
mod strikes;
pub mod words;

pub(crate) use action::stores;
pub use action::{Action, End, Moment, When};
pub use range::DelayRange;
pub use selection::{ClassPattern, Pattern, Percent, Selection, Subject, Which};
pub(crate) use strikes::{AssociationCounts, Faults, Strike};

use std::fmt;

/// Faults to provoke. Each rule strikes by itself; of several that decide the same thing, the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// What happens to what.
    pub rules: Vec<Rule>,
    /// Where the draws of percentages and ranges start from: with the same seed and the same senders they come
    /// out the same.
    pub seed: u64,
}

/// One fault: what it strikes, and what happens. Its text (`Display`) is what the command line takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it strikes.
    pub selection: Selection,
    /// What happens.
    pub action: Action,
}

impl Rule {
    /// Whether it depends on the seed.
    #[must_use]
    pub fn draws(&self) -> bool {
        let delay = match &self.action {
            Action::Delay(_, range) => Some(range),
            Action::End(End::Silence(range), _) => range.as_ref(),
            _ => None,
        };
        matches!(self.selection.which, Which::Percent(_)) || delay.is_some_and(DelayRange::is_drawn)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.selection, self.action)
    }
}
