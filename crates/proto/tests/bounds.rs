//! What a peer can make us hold is bounded, whatever it sends, and nothing it sends panics.

mod common;

use std::mem::size_of;

use common::{
    Acceptor, CT_IMAGE_STORAGE, Happened, IMPLICIT_LITTLE, acceptor_config, feed, start, wire,
};
use dataset::{TransferSyntax, Uid};
use proptest::prelude::*;
use proto::{
    Association, CommonExtendedNegotiation, ExtendedNegotiation, Proposal, ProposedContext,
    RoleSelection, State, limits,
};

/// Heap bytes of a proposal.
fn heap_bytes(proposal: &Proposal) -> usize {
    let context = |context: &ProposedContext| {
        context.transfer_syntaxes.capacity() * size_of::<&TransferSyntax>()
            + context.other_transfer_syntaxes.capacity() * size_of::<Uid>()
    };
    let information = &proposal.user_information;
    let identity = information.user_identity.as_ref();
    proposal.contexts.capacity() * size_of::<ProposedContext>()
        + proposal.contexts.iter().map(context).sum::<usize>()
        + information.roles.capacity() * size_of::<RoleSelection>()
        + information.extended.capacity() * size_of::<ExtendedNegotiation>()
        + information.extended.iter().map(|it| it.information.capacity()).sum::<usize>()
        + information.common_extended.capacity() * size_of::<CommonExtendedNegotiation>()
        + information
            .common_extended
            .iter()
            .map(|it| it.related_general_classes.capacity() * size_of::<Uid>())
            .sum::<usize>()
        + identity.map_or(0, |it| it.primary.capacity() + it.secondary.capacity())
}

/// As much of everything as a request has room for.
fn greedy_request() -> Vec<u8> {
    let unknown: Vec<String> = (0..230).map(|n| format!("1.2.3.{n}")).collect();
    let mut syntaxes: Vec<&str> = TransferSyntax::all().iter().map(TransferSyntax::uid).collect();
    syntaxes.extend(unknown.iter().map(String::as_str));
    let contexts: Vec<Vec<u8>> =
        (0..128).map(|n| wire::context(2 * n + 1, CT_IMAGE_STORAGE, &syntaxes)).collect();
    let counted = |text: &[u8]| [&(text.len() as u16).to_be_bytes()[..], text].concat();
    let role = wire::item(0x54, &[counted(b"1.2"), vec![1, 1]].concat());
    let related = counted(&counted(b"1.2").repeat(200));
    let common = wire::item(0x57, &[counted(b"1.2"), counted(b"1.2"), related].concat());
    let extended = wire::item(0x56, &[counted(b"1.2"), vec![0; 100]].concat());
    let identity = wire::item(0x58, &[vec![1, 1], counted(&[0; 30_000]), counted(b"")].concat());
    let sub_items = [role.repeat(140), common.repeat(2), extended.repeat(140), identity];
    wire::associate_rq(&[
        wire::application_context(),
        contexts.concat(),
        wire::user_information(&sub_items),
    ])
}

#[test]
fn the_greediest_request_stays_within_the_documented_peak() {
    let request = greedy_request();
    assert!(request.len() > 600_000 && request.len() < 1 << 20, "{}", request.len());
    let happened = Acceptor::connected().receive(&request);
    let [Happened::Proposed(proposal)] = &happened[..] else { panic!("{happened:?}") };
    assert_eq!(proposal.contexts.len(), limits::PRESENTATION_CONTEXTS);
    assert_eq!(proposal.user_information.roles.len(), limits::NEGOTIATION_ITEMS);
    let held = heap_bytes(proposal);
    assert!(held <= limits::PROPOSAL_BYTES, "{held}");
    assert!(held > limits::PROPOSAL_BYTES / 2, "{held} is not very greedy");
}

#[test]
fn an_association_is_small() {
    assert!(size_of::<Association>() <= 512, "{}", size_of::<Association>());
}

#[test]
fn four_gibibytes_are_announced_and_nothing_is_held() {
    for header in [[1, 0, 0xFF, 0xFF, 0xFF, 0xFF], [4, 0, 0xFF, 0xFF, 0xFF, 0xFF]] {
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&header);
        assert_eq!(acceptor.association.state(), State::Sta13);
        for _ in 0..100 {
            assert_eq!(acceptor.receive(&[0; 65536]), []);
        }
    }
}

#[test]
fn a_flood_of_requests_that_nobody_answers_queues_nothing_more() {
    let mut acceptor = Acceptor::established();
    let echo = wire::p_data(1, 3, &wire::c_echo_rq(1));
    let happened = acceptor.receive(&echo.repeat(1000));
    assert_eq!(happened.len(), 1000);
    assert_eq!(acceptor.sent(), b"");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A header that is right, so that what follows is looked at, and then anything.
    #[test]
    fn any_request_is_answered_at_once(body in prop::collection::vec(any::<u8>(), 0..2000)) {
        let request = wire::pdu(1, &[wire::fixed("A", "B"), body].concat());
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&request);
        prop_assert_ne!(acceptor.association.state(), State::Sta2);
        prop_assert!(!acceptor.sent().is_empty());
    }

    #[test]
    fn any_items_are_answered_at_once(
        items in prop::collection::vec(
            (prop::sample::select(vec![0x10_u8, 0x20, 0x21, 0x50, 0x99]),
             prop::collection::vec(
                (prop::sample::select((0x30..0x60_u8).collect::<Vec<u8>>()),
                 prop::collection::vec(any::<u8>(), 0..80)), 0..8)),
            0..8),
    ) {
        let items: Vec<Vec<u8>> = items
            .into_iter()
            .map(|(item_type, sub_items)| {
                let value: Vec<Vec<u8>> =
                    sub_items.into_iter().map(|(kind, value)| wire::item(kind, &value)).collect();
                wire::item(item_type, &[vec![1, 0, 0, 0], value.concat()].concat())
            })
            .collect();
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&wire::associate_rq(&items));
        prop_assert_ne!(acceptor.association.state(), State::Sta2);
        prop_assert!(!acceptor.sent().is_empty());
    }

    /// The requestor's side: any answer to its request.
    #[test]
    fn any_answer_is_survived(
        pdu_type in 1..8_u8,
        body in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let (proposal, _) = common::proposal(&[CT_IMAGE_STORAGE]);
        let close_timeout = acceptor_config().close_timeout;
        let config = proto::RequestorConfig { proposal, close_timeout };
        let mut requestor = Association::requestor(config);
        feed(&mut requestor, &wire::pdu(pdu_type, &body), start(), |_, _| {});
        let accept = [wire::fixed("A", "B"), body].concat();
        feed(&mut requestor, &wire::pdu(2, &accept), start(), |_, _| {});
        prop_assert_ne!(requestor.state(), State::Sta5);
    }

    #[test]
    fn any_command_set_is_an_event_or_an_abort(
        body in prop::collection::vec(any::<u8>(), 0..300),
        field in any::<u16>(),
    ) {
        let sensible = [wire::us(0x0100, field), wire::us(0x0110, 1), body.clone()].concat();
        for command in [body, sensible] {
            let mut acceptor = Acceptor::established();
            let happened = acceptor.receive(&wire::p_data(1, 3, &command));
            prop_assert_eq!(happened.len(), 1);
            if let [Happened::Command(_, command)] = &happened[..] {
                // Whatever it is, it is a request, a fault with a response, or one to abort for.
                let parsed = proto::Request::parse(command);
                let shown = format!("{command:?} {parsed:?}");
                prop_assert!(!shown.is_empty());
            }
        }
    }
}

#[test]
fn a_request_with_one_byte_missing_waits_and_with_one_byte_wrong_is_answered() {
    let request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])]);
    for cut in 0..request.len() {
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&request[..cut]);
        assert_eq!(acceptor.association.state(), State::Sta2, "{cut}");
        assert!(acceptor.association.poll_timeout().is_some(), "ARTIM ends the wait");
    }
    for index in 0..request.len() {
        for byte in [0x00, 0x01, 0x7F, 0xFF] {
            let mut damaged = request.clone();
            damaged[index] = byte;
            let mut acceptor = Acceptor::connected();
            acceptor.receive(&damaged);
            let waits = (2..6).contains(&index);
            let state = acceptor.association.state();
            assert!(waits || state != State::Sta2, "byte {index} is {byte:02X}H");
        }
    }
}
