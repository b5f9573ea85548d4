//! Which rules strike: counts what matches, and draws.

use super::action::{Action, Moment};
use super::draw::Draw;
use super::range::DelayRange;
use super::selection::{Selection, Subject, Which};
use super::{FaultPlan, Rule};
use crate::peer::Peer;
use dataset::Uid;
use proto::Proposal;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A plan, and how often its rules matched and struck since the receiver runs.
pub(crate) struct Faults {
    plan: FaultPlan,
    associations: AtomicU64,
    counts: Vec<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Of connections, of associations, and of objects of all associations.
    matched: AtomicU64,
    struck: AtomicU64,
}

/// How many objects of one association matched each rule.
pub(crate) struct AssociationCounts {
    /// The number of the association.
    association: u64,
    matched: Vec<u64>,
}

/// A rule that strikes.
#[derive(Clone, Copy)]
pub(crate) struct Strike<'n> {
    pub(crate) rule: &'n Rule,
    /// The number of what it strikes.
    pub(crate) number: u64,
    /// How often the rule struck before, in the whole process.
    pub(crate) turn: u64,
    draw: Draw,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let counts = plan.rules.iter().map(|_| Counts::default()).collect();
        Self { plan, associations: AtomicU64::new(0), counts }
    }

    /// What strikes a connection.
    pub(crate) fn connection(&self, address: IpAddr) -> Vec<Strike<'_>> {
        self.strike(None, |selection| {
            selection.subject == Subject::Connection && is_from(selection, address)
        })
    }

    /// What strikes an association.
    pub(crate) fn association(&self, proposal: &Proposal, peer: &Peer) -> Vec<Strike<'_>> {
        self.strike(None, |selection| {
            let proposes = |class: &super::ClassPattern| {
                let mut contexts = proposal.contexts.iter();
                contexts.any(|it| it.abstract_syntax.is_some_and(|uid| class.matches(&uid)))
            };
            selection.subject == Subject::Association
                && is_of(selection, peer)
                && selection.class.as_ref().is_none_or(proposes)
        })
    }

    /// An association begins whose objects are to be counted.
    pub(crate) fn begin_association(&self) -> AssociationCounts {
        let association = self.associations.fetch_add(1, Ordering::Relaxed) + 1;
        AssociationCounts { association, matched: vec![0; self.counts.len()] }
    }

    /// What strikes the next object of an association.
    pub(crate) fn object(
        &self,
        counts: &mut AssociationCounts,
        peer: &Peer,
        class: &Uid,
    ) -> Vec<Strike<'_>> {
        self.strike(Some(counts), |selection| {
            selection.subject == Subject::Object
                && is_of(selection, peer)
                && selection.class.as_ref().is_none_or(|wanted| wanted.matches(class))
        })
    }

    fn strike(
        &self,
        mut objects: Option<&mut AssociationCounts>,
        matches: impl Fn(&Selection) -> bool,
    ) -> Vec<Strike<'_>> {
        let mut strikes = Vec::new();
        for (index, (rule, counts)) in self.plan.rules.iter().zip(&self.counts).enumerate() {
            if !matches(&rule.selection) {
                continue;
            }
            let (association, number) = match &mut objects {
                Some(objects) if !rule.selection.of_all => objects.next(index),
                _ => (0, counts.matched.fetch_add(1, Ordering::Relaxed) + 1),
            };
            let draw = Draw { seed: self.plan.seed, rule: index, association, number };
            if selects(rule.selection.which, draw) {
                let turn = counts.struck.fetch_add(1, Ordering::Relaxed);
                strikes.push(Strike { rule, number, turn, draw });
            }
        }
        strikes
    }
}

impl AssociationCounts {
    fn next(&mut self, rule: usize) -> (u64, u64) {
        self.matched[rule] += 1;
        (self.association, self.matched[rule])
    }
}

impl Strike<'_> {
    /// Whether the connection ends.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self.rule.action, Action::End(..))
    }

    /// How long the delay is that the rule asks for at this moment, for the n-th time.
    pub(crate) fn delay(&self, moment: Moment, time: u64) -> Option<Duration> {
        match &self.rule.action {
            Action::Delay(when, range) if *when == moment => Some(self.drawn(range, time)),
            _ => None,
        }
    }

    /// A time within `range`, for the n-th time.
    pub(crate) fn drawn(&self, range: &DelayRange, time: u64) -> Duration {
        range.at(self.draw.step(1 + time))
    }
}

fn selects(which: Which, draw: Draw) -> bool {
    match which {
        Which::Each => true,
        Which::Numbers { first, last } => {
            draw.number >= first && last.is_none_or(|last| draw.number <= last)
        }
        Which::Every(count) => draw.number.is_multiple_of(count),
        Which::Percent(percent) => percent.includes(draw.step(0)),
    }
}

fn is_of(selection: &Selection, peer: &Peer) -> bool {
    let is = |pattern: &Option<super::Pattern>, title: &proto::AeTitle| {
        pattern.as_ref().is_none_or(|pattern| pattern.matches(&title.to_string()))
    };
    is(&selection.calling, &peer.calling_ae)
        && is(&selection.called, &peer.called_ae)
        && is_from(selection, peer.address)
}

fn is_from(selection: &Selection, address: IpAddr) -> bool {
    let text = || address.to_canonical().to_string();
    selection.address.as_ref().is_none_or(|pattern| pattern.matches(&text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::faults::{End, Pattern};
    use crate::node::faults::{Percent, When};
    use proto::AeTitle;

    fn faults(selection: Selection) -> Faults {
        let action = Action::End(End::Close, When::Answer);
        Faults::new(FaultPlan { rules: vec![Rule { selection, action }], seed: 42 })
    }

    fn peer(title: &str) -> Peer {
        Peer { calling_ae: AeTitle::parse(title.as_bytes()).unwrap(), ..Peer::default() }
    }

    /// Which of 30 objects of an association are struck.
    fn struck(faults: &Faults, title: &str) -> Vec<u64> {
        let mut counts = faults.begin_association();
        let class = "1.2".parse().unwrap();
        let strikes = |number| {
            let strikes = faults.object(&mut counts, &peer(title), &class);
            strikes.first().map(|_| number)
        };
        (1..=30).filter_map(strikes).collect()
    }

    #[test]
    fn objects_are_counted_within_their_association_unless_of_all() {
        let object = Selection::each(Subject::Object);
        let seventh = Which::Numbers { first: 7, last: Some(7) };
        let each = faults(Selection { which: seventh, ..object.clone() });
        assert_eq!((struck(&each, "A"), struck(&each, "A")), (vec![7], vec![7]));
        let all = faults(Selection { which: seventh, of_all: true, ..object.clone() });
        assert_eq!((struck(&all, "A"), struck(&all, "A")), (vec![7], vec![]));
        let every = faults(Selection { which: Which::Every(10), ..object.clone() });
        assert_eq!(struck(&every, "A"), [10, 20, 30]);
        let from = faults(Selection { calling: Pattern::new("CT*"), ..object });
        assert_eq!((struck(&from, "CT1").len(), struck(&from, "MR1").len()), (30, 0));
    }

    #[test]
    fn draws_are_the_same_again_and_differ_between_associations() {
        let which = Which::Percent(Percent::of_millionths(300_000).unwrap());
        let selection = Selection { which, ..Selection::each(Subject::Object) };
        let run = || {
            let faults = faults(selection.clone());
            [struck(&faults, "A"), struck(&faults, "A")]
        };
        let [first, second] = run();
        assert_eq!(run(), [first.clone(), second.clone()]);
        assert_ne!(first, second);
        assert!((3..20).contains(&first.len()), "{first:?}");
    }

    #[test]
    fn connections_and_associations_are_counted_in_the_process() {
        let second = Which::Numbers { first: 2, last: None };
        let selection = Selection { which: second, ..Selection::each(Subject::Connection) };
        let address = Pattern::new("10.*");
        let faults = faults(Selection { address, ..selection });
        let [ours, other] = ["::ffff:10.0.0.1", "11.0.0.1"].map(|text| text.parse().unwrap());
        let strikes = |address| faults.connection(address).len();
        assert_eq!([ours, other, other, ours, ours].map(strikes), [0, 0, 0, 1, 1]);
    }
}
