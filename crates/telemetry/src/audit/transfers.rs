//! What came in on an association, gathered for its audit messages.

use super::message::{Action, SopClass};
use crate::limits::{NAMED_INSTANCES, TRANSFER_GROUPS};
use dataset::Uid;
use proto::Status;
use std::collections::BTreeMap;

/// The objects of one association: those that are stored by study, action and SOP class, those that are not by
/// SOP class. At most [`TRANSFER_GROUPS`] of these.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    stored: BTreeMap<(Option<Uid>, Action), BTreeMap<Uid, u64>>,
    /// How many pairs of a key above and a SOP class there are.
    groups: usize,
    pub(super) refused: Refusals,
}

/// Objects that were not stored.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    classes: BTreeMap<Uid, SopClass>,
    statuses: BTreeMap<u16, u64>,
    named: usize,
}

impl Transfers {
    /// An object is stored. False if there are so many groups that the messages of those should be sent first.
    pub(super) fn stored(&mut self, study: Option<Uid>, action: Action, class: &Uid) -> bool {
        let classes = self.stored.entry((study, action)).or_default();
        match classes.get_mut(class) {
            Some(count) => *count += 1,
            None => {
                classes.insert(*class, 1);
                self.groups += 1;
            }
        }
        self.groups + self.refused.classes.len() < TRANSFER_GROUPS
    }

    /// An object is not stored. False as above.
    pub(super) fn refused(&mut self, class: &Uid, instance: &Uid, status: Status) -> bool {
        self.refused.add(class, instance, status);
        self.groups + self.refused.classes.len() < TRANSFER_GROUPS
    }

    /// The objects that are stored: study, action and SOP classes of each message.
    pub(super) fn into_stored(self) -> impl Iterator<Item = (Option<Uid>, Action, Vec<SopClass>)> {
        self.stored.into_iter().map(|((study, action), classes)| {
            let classes = classes.into_iter().map(|(uid, objects)| SopClass {
                uid: uid.to_string(),
                objects,
                instances: Vec::new(),
            });
            (study, action, classes.collect())
        })
    }
}

impl Refusals {
    fn add(&mut self, class: &Uid, instance: &Uid, status: Status) {
        *self.statuses.entry(status.0).or_default() += 1;
        let uid = || class.to_string();
        let class = self.classes.entry(*class).or_insert_with(|| SopClass {
            uid: uid(),
            objects: 0,
            instances: Vec::new(),
        });
        class.objects += 1;
        if self.named < NAMED_INSTANCES {
            self.named += 1;
            class.instances.push(instance.to_string());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// What the statuses were: `refused: 2 A700H, 1 C000H`.
    pub(super) fn statuses(&self) -> String {
        let each: Vec<String> = self
            .statuses
            .iter()
            .take(8)
            .map(|(status, count)| format!("{count} {}", Status(*status)))
            .collect();
        each.join(", ")
    }

    pub(super) fn into_classes(self) -> impl Iterator<Item = SopClass> {
        self.classes.into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> Uid {
        Uid::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn objects_are_counted_by_study_action_and_class() {
        let mut transfers = Transfers::default();
        let (ct, mr) = (uid("1.2.840.10008.5.1.4.1.1.2"), uid("1.2.840.10008.5.1.4.1.1.4"));
        for (study, action, class) in [
            ("1.2", Action::Create, &ct),
            ("1.2", Action::Create, &mr),
            ("1.2", Action::Create, &ct),
            ("1.2", Action::Update, &ct),
            ("1.3", Action::Create, &ct),
        ] {
            assert!(transfers.stored(Some(uid(study)), action, class));
        }
        assert!(transfers.stored(None, Action::Create, &ct));
        let groups: Vec<_> = transfers
            .into_stored()
            .map(|(study, action, classes)| {
                let counts: Vec<u64> = classes.iter().map(|class| class.objects).collect();
                (study.map(|it| it.to_string()).unwrap_or_default(), action, counts)
            })
            .collect();
        let expected = [
            (String::new(), Action::Create, vec![1]),
            ("1.2".to_owned(), Action::Create, vec![2, 1]),
            ("1.2".to_owned(), Action::Update, vec![1]),
            ("1.3".to_owned(), Action::Create, vec![1]),
        ];
        assert_eq!(groups, expected);
    }

    #[test]
    fn refused_objects_are_counted_and_the_first_are_named() {
        let mut refusals = Refusals::default();
        assert!(refusals.is_empty());
        for number in 0..100 {
            let status = if number == 0 { Status::OUT_OF_RESOURCES } else { Status(0xC000) };
            refusals.add(&uid("1.2"), &uid(&format!("2.25.{number}")), status);
        }
        assert_eq!(refusals.statuses(), "1 A700H, 99 C000H");
        let classes: Vec<_> = refusals.into_classes().collect();
        assert_eq!((classes.len(), classes[0].objects), (1, 100));
        assert_eq!(classes[0].instances.len(), NAMED_INSTANCES);
    }

    #[test]
    fn many_groups_are_to_be_sent_before_there_are_more() {
        let mut transfers = Transfers::default();
        let class = uid("1.2");
        let last = (1..).find(|number| {
            !transfers.stored(Some(uid(&format!("2.25.{number}"))), Action::Create, &class)
        });
        assert_eq!(last, Some(TRANSFER_GROUPS));
    }
}
