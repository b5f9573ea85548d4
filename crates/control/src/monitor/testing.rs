//! Associations for tests.

use dataset::{TransferSyntax, Uid};
use proto::{
    Acceptance, AeTitle, ContextAnswer, ContextId, ContextResult, Proposal, ProposedContext,
};
use receiver::Peer;
use std::net::{IpAddr, Ipv4Addr};

pub(crate) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";

pub(crate) fn uid(text: &str) -> Uid {
    Uid::parse(text.as_bytes()).unwrap()
}

pub(crate) fn peer(association: u64) -> Peer {
    Peer {
        calling_ae: AeTitle::parse(b"CT1").unwrap(),
        called_ae: AeTitle::parse(b"STORE").unwrap(),
        address: IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
        association,
    }
}

/// One that is accepted, one whose class is not, and one whose transfer syntaxes are not.
pub(crate) fn three_contexts() -> (Proposal, Acceptance) {
    let Peer { calling_ae, called_ae, .. } = peer(1);
    let mut proposal = Proposal::new(calling_ae, called_ae, 16384);
    let known: Vec<_> = TransferSyntax::all().iter().take(3).collect();
    for class in [CT, FIND, "1.2.3.4"] {
        proposal.propose(uid(class), &known);
    }
    let last = &mut proposal.contexts[2];
    last.other_transfer_syntaxes = vec![uid("1.2.3.5"), uid("1.2.3.6")];
    last.other_transfer_syntax_count = 8;
    let results = [
        ContextResult::Acceptance,
        ContextResult::AbstractSyntaxNotSupported,
        ContextResult::TransferSyntaxesNotSupported,
    ];
    let acceptance = answers(&proposal, |index| results[index]);
    (proposal, acceptance)
}

/// As much as a peer can make a receiver keep.
pub(crate) fn as_large_as_can_be() -> (Proposal, Acceptance) {
    let Peer { calling_ae, called_ae, .. } = peer(1);
    let mut proposal = Proposal::new(calling_ae, called_ae, 16384);
    let long = |number: usize| uid(&format!("1.2.{number:060}"));
    for number in 0..128 {
        proposal.contexts.push(ProposedContext {
            id: ContextId(number as u8 * 2 + 1),
            abstract_syntax: Some(long(number)),
            transfer_syntaxes: TransferSyntax::all().iter().collect(),
            other_transfer_syntaxes: (0..4).map(long).collect(),
            other_transfer_syntax_count: 5000,
        });
    }
    proposal.contexts_over_limit = 7;
    let acceptance = answers(&proposal, |_| ContextResult::Acceptance);
    (proposal, acceptance)
}

fn answers(proposal: &Proposal, result: impl Fn(usize) -> ContextResult) -> Acceptance {
    let answer = |(index, context): (usize, &ProposedContext)| ContextAnswer {
        id: context.id,
        abstract_syntax: context.abstract_syntax,
        result: result(index),
        transfer_syntax: context.transfer_syntaxes[0],
    };
    let contexts = proposal.contexts.iter().enumerate().map(answer).collect();
    Acceptance { contexts, user_information: proposal.user_information.clone() }
}
