//! Which presentation contexts are proposed, and on which accepted one an object goes.

use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{TransferSyntax, Uid};
use proto::limits::PRESENTATION_CONTEXTS;
use requestor::{AcceptedContext, ContextProposal};
use std::collections::VecDeque;

/// What an object needs: its SOP class, and the transfer syntax of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) sop_class: Uid,
    pub(super) transfer_syntax: &'static TransferSyntax,
}

/// The transfer syntaxes between which data sets are encoded anew, most preferred first.
const UNCOMPRESSED: [&TransferSyntax; 4] = [
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];

impl Need {
    /// The transfer syntaxes in which the object may be sent in place of that of its file.
    pub(super) fn alternatives(&self) -> Vec<&'static TransferSyntax> {
        if !UNCOMPRESSED.contains(&self.transfer_syntax) {
            return Vec::new();
        }
        UNCOMPRESSED.into_iter().filter(|other| *other != self.transfer_syntax).collect()
    }

    /// The presentation contexts to propose for it. That of the file stands alone, so that the peer does not choose
    /// another one although it would take it.
    fn proposals(&self) -> impl Iterator<Item = ContextProposal> {
        let sop_class = self.sop_class;
        [vec![self.transfer_syntax], self.alternatives()]
            .into_iter()
            .filter(|syntaxes| !syntaxes.is_empty())
            .map(move |transfer_syntaxes| ContextProposal { sop_class, transfer_syntaxes })
    }

    /// The transfer syntax in which the object is sent: that of the file, or else another one that was accepted.
    pub(super) fn accepted_in(
        &self,
        contexts: &[AcceptedContext],
    ) -> Option<&'static TransferSyntax> {
        let is_accepted = |syntax: &&'static TransferSyntax| {
            contexts.iter().any(|context| {
                context.abstract_syntax == self.sop_class
                    && context.requestor_is_scu
                    && context.transfer_syntax == *syntax
            })
        };
        [self.transfer_syntax].into_iter().chain(self.alternatives()).find(is_accepted)
    }
}

/// The needs of recent objects, the latest last: an association that is opened proposes them too.
#[derive(Debug, Default)]
pub(super) struct RecentNeeds(VecDeque<Need>);

impl RecentNeeds {
    /// Remembers this one as the latest.
    pub(super) fn note(&mut self, need: Need) {
        if self.0.back() == Some(&need) {
            return;
        }
        self.0.retain(|known| *known != need);
        if self.0.len() == PRESENTATION_CONTEXTS {
            self.0.pop_front();
        }
        self.0.push_back(need);
    }

    /// What to propose for these objects, the first of them in any case, and for recent ones, as far as an
    /// association has room; and whose needs that are.
    pub(super) fn proposal(
        &self,
        upcoming: impl Iterator<Item = Need>,
    ) -> (Vec<ContextProposal>, Vec<Need>) {
        let mut contexts: Vec<ContextProposal> = Vec::new();
        let mut proposed = Vec::new();
        for need in upcoming.chain(self.0.iter().rev().copied()) {
            if proposed.contains(&need) {
                continue;
            }
            let new: Vec<_> = need.proposals().filter(|it| !contexts.contains(it)).collect();
            if contexts.len() + new.len() > PRESENTATION_CONTEXTS {
                continue;
            }
            contexts.extend(new);
            proposed.push(need);
        }
        (contexts, proposed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::transfer_syntax::RLE_LOSSLESS;
    use proto::ContextId;

    fn need(class: &str, transfer_syntax: &'static TransferSyntax) -> Need {
        Need { sop_class: class.parse().unwrap(), transfer_syntax }
    }

    fn accepted(class: &str, transfer_syntax: &'static TransferSyntax) -> AcceptedContext {
        AcceptedContext {
            id: ContextId(1),
            abstract_syntax: class.parse().unwrap(),
            transfer_syntax,
            requestor_is_scu: true,
        }
    }

    #[test]
    fn only_what_is_needed_is_proposed() {
        let recent = RecentNeeds::default();
        let compressed = need("1.2.3", RLE_LOSSLESS);
        let plain = need("1.2.3", EXPLICIT_VR_LITTLE_ENDIAN);
        let (contexts, proposed) = recent.proposal([compressed, plain, compressed].into_iter());
        assert_eq!(proposed, [compressed, plain]);
        let syntaxes: Vec<_> = contexts.iter().map(|it| it.transfer_syntaxes.clone()).collect();
        let others = vec![
            IMPLICIT_VR_LITTLE_ENDIAN,
            EXPLICIT_VR_BIG_ENDIAN,
            DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        ];
        assert_eq!(syntaxes, [vec![RLE_LOSSLESS], vec![EXPLICIT_VR_LITTLE_ENDIAN], others]);
    }

    #[test]
    fn an_association_has_room_for_128_contexts_and_the_first_object_is_among_them() {
        let mut recent = RecentNeeds::default();
        for number in 0..300 {
            recent.note(need(&format!("1.2.{number}"), IMPLICIT_VR_LITTLE_ENDIAN));
        }
        assert_eq!(recent.0.len(), PRESENTATION_CONTEXTS);
        let upcoming = (0..200).map(|number| need(&format!("1.3.{number}"), RLE_LOSSLESS));
        let (contexts, proposed) = recent.proposal(upcoming);
        assert_eq!((contexts.len(), proposed.len()), (128, 128));
        assert_eq!(proposed[0], need("1.3.0", RLE_LOSSLESS));

        let first = need("1.3.0", IMPLICIT_VR_LITTLE_ENDIAN);
        let (contexts, proposed) = recent.proposal([first].into_iter());
        assert_eq!((contexts.len(), proposed.len(), proposed[0]), (128, 64, first));
        assert_eq!(proposed[1], need("1.2.299", IMPLICIT_VR_LITTLE_ENDIAN), "the latest first");
    }

    #[test]
    fn the_syntax_of_the_file_is_preferred_and_compressed_objects_have_no_other() {
        let plain = need("1.2.3", EXPLICIT_VR_LITTLE_ENDIAN);
        let implicit = accepted("1.2.3", IMPLICIT_VR_LITTLE_ENDIAN);
        let explicit = accepted("1.2.3", EXPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(plain.accepted_in(&[implicit, explicit]), Some(EXPLICIT_VR_LITTLE_ENDIAN));
        assert_eq!(plain.accepted_in(&[implicit]), Some(IMPLICIT_VR_LITTLE_ENDIAN));
        assert_eq!(plain.accepted_in(&[accepted("1.2.4", EXPLICIT_VR_LITTLE_ENDIAN)]), None);
        assert_eq!(plain.accepted_in(&[accepted("1.2.3", RLE_LOSSLESS)]), None);
        let not_scu = AcceptedContext { requestor_is_scu: false, ..explicit };
        assert_eq!(plain.accepted_in(&[not_scu]), None);
        assert_eq!(need("1.2.3", RLE_LOSSLESS).accepted_in(&[implicit, explicit]), None);
    }
}
