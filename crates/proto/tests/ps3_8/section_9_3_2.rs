//! PS3.8 §9.3.2: A-ASSOCIATE-RQ.

use proto::{ContextId, PeerFault, Proposal, Rejection, State, limits};

use crate::common::{
    Acceptor, CT_IMAGE_STORAGE, EXPLICIT_LITTLE, Happened, IMPLICIT_LITTLE, ae, uid, wire,
};

const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";

fn proposed(request: &[u8]) -> Proposal {
    let happened = Acceptor::connected().receive(request);
    match &happened[..] {
        [Happened::Proposed(proposal)] => (**proposal).clone(),
        other => panic!("{other:?}"),
    }
}

/// What a request is answered with, if it is a rejection.
fn rejected(request: &[u8]) -> Rejection {
    let mut acceptor = Acceptor::connected();
    acceptor.receive(request);
    let Some(proto::Ending::Rejected(rejection)) = acceptor.association.ending() else {
        panic!("{:?}", acceptor.association.ending())
    };
    let Rejection { result, source, reason } = rejection;
    assert_eq!(acceptor.sent(), [3, 0, 0, 0, 0, 4, 0, result, source, reason]);
    assert_eq!(acceptor.association.state(), State::Sta13);
    assert!(acceptor.association.poll_timeout().is_some());
    rejection
}

#[test]
fn every_field_is_read() {
    let proposal = proposed(&wire::usual_rq(&[
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE, JPEG_BASELINE, "1.2.3.4"]),
        wire::context(3, "1.2.840.10008.1.1", &[EXPLICIT_LITTLE, EXPLICIT_LITTLE]),
    ]));
    assert_eq!(proposal.called_ae, ae("STORESCP"));
    assert_eq!(proposal.calling_ae, ae("REQUESTOR"));
    assert_eq!(proposal.application_context, Some(uid("1.2.840.10008.3.1.1.1")));
    assert_eq!(proposal.user_information.max_pdu_bytes, Some(16384));
    let [first, second] = &proposal.contexts[..] else { panic!() };
    assert_eq!((first.id, second.id), (ContextId(1), ContextId(3)));
    assert_eq!(first.abstract_syntax, Some(uid(CT_IMAGE_STORAGE)));
    let known: Vec<&str> = first.transfer_syntaxes.iter().map(|each| each.uid()).collect();
    assert_eq!(known, [IMPLICIT_LITTLE, JPEG_BASELINE]);
    assert_eq!(first.other_transfer_syntaxes, [uid("1.2.3.4")]);
    assert_eq!(first.other_transfer_syntax_count, 1);
    assert_eq!(second.transfer_syntaxes.len(), 1, "each once");
}

#[test]
fn items_may_come_in_any_order_and_unknown_ones_are_skipped() {
    let context = wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]);
    let usual = proposed(&wire::usual_rq(std::slice::from_ref(&context)));
    let other = proposed(&wire::associate_rq(&[
        wire::item(0x99, &[7; 1000]),
        wire::user_information(&[wire::item(0x77, &[1])]),
        wire::item(0x00, &[]),
        context,
        wire::item(0x21, &[1, 0, 0, 0]),
        wire::application_context(),
    ]));
    assert_eq!(other, usual);
}

#[test]
fn unknown_sub_items_are_skipped() {
    let mut value = vec![1, 0, 0, 0];
    value.extend(wire::item(0x31, b"?"));
    value.extend(wire::item(0x30, CT_IMAGE_STORAGE.as_bytes()));
    value.extend(wire::item(0x41, &[]));
    value.extend(wire::item(0x40, IMPLICIT_LITTLE.as_bytes()));
    let proposal = proposed(&wire::usual_rq(&[wire::item(0x20, &value)]));
    assert_eq!(proposal.contexts[0].abstract_syntax, Some(uid(CT_IMAGE_STORAGE)));
    assert_eq!(proposal.contexts[0].transfer_syntaxes.len(), 1);
}

#[test]
fn uids_may_be_padded() {
    let proposal = proposed(&wire::usual_rq(&[wire::context(
        1,
        "1.2.840.10008.1.1\0",
        &["1.2.840.10008.1.2 ", "1.2.840.10008.1.2.1\0"],
    )]));
    assert_eq!(proposal.contexts[0].abstract_syntax, Some(uid("1.2.840.10008.1.1")));
    assert_eq!(proposal.contexts[0].transfer_syntaxes.len(), 2);
}

#[test]
fn a_bad_context_does_not_spoil_the_others() {
    let long = "1".repeat(65);
    let request = wire::usual_rq(&[
        wire::item(0x20, &[1, 0, 0, 0]),
        wire::context(3, CT_IMAGE_STORAGE, &[]),
        wire::context(5, CT_IMAGE_STORAGE, &[&long]),
        wire::context(7, &long, &[IMPLICIT_LITTLE]),
        wire::context(9, "", &[IMPLICIT_LITTLE]),
        wire::context(11, CT_IMAGE_STORAGE, &["", IMPLICIT_LITTLE]),
    ]);
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&request);
    assert_eq!(results(&acceptor.sent()), [(1, 3), (3, 4), (5, 4), (7, 3), (9, 3), (11, 0)]);
    assert_eq!(acceptor.association.contexts().len(), 1);
}

/// IDs and results in an A-ASSOCIATE-AC, in order.
fn results(accept: &[u8]) -> Vec<(u8, u8)> {
    assert_eq!(accept[0], 2, "A-ASSOCIATE-AC");
    let mut rest = &accept[74..];
    let mut results = Vec::new();
    while let [item_type, _, high, low, tail @ ..] = rest {
        let (value, after) = tail.split_at(usize::from(*high) << 8 | usize::from(*low));
        if *item_type == 0x21 {
            results.push((value[0], value[2]));
        }
        rest = after;
    }
    results
}

#[test]
fn odd_even_zero_and_repeated_ids_are_tolerated() {
    let request = wire::usual_rq(&[
        wire::context(2, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::context(0, "1.2.840.10008.1.1", &[IMPLICIT_LITTLE]),
        wire::context(2, "1.2.3", &[IMPLICIT_LITTLE]),
        wire::context(255, "1.2.3", &[IMPLICIT_LITTLE]),
    ]);
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&request);
    assert_eq!(results(&acceptor.sent()), [(2, 0), (0, 0), (255, 3)]);
    acceptor.receive(&wire::p_data(0, 3, &wire::c_echo_rq(1)));
    assert_eq!(acceptor.association.state(), State::Sta6, "context 0 can be used");
}

#[test]
fn requests_that_ask_for_nothing_possible_are_rejected() {
    let context = wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]);
    let other_name = wire::item(0x10, b"1.2.840.10008.3.1.1.2");
    let long_name = wire::item(0x10, "1".repeat(65).as_bytes());
    for (request, expected) in [
        (wire::usual_rq(&[]), Rejection::NO_REASON_GIVEN),
        (wire::associate_rq(&[]), Rejection::APPLICATION_CONTEXT_NAME),
        (wire::associate_rq(std::slice::from_ref(&context)), Rejection::APPLICATION_CONTEXT_NAME),
        (wire::associate_rq(&[other_name, context.clone()]), Rejection::APPLICATION_CONTEXT_NAME),
        (wire::associate_rq(&[long_name, context]), Rejection::APPLICATION_CONTEXT_NAME),
    ] {
        assert_eq!(rejected(&request), expected);
    }
}

#[test]
fn only_bit_0_of_the_protocol_version_counts() {
    let mut request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])]);
    for (version, accepted) in [(1, true), (3, true), (0xFFFF, true), (0, false), (2, false)] {
        request[6..8].copy_from_slice(&u16::to_be_bytes(version));
        if accepted {
            let mut acceptor = Acceptor::connected();
            acceptor.receive(&request);
            assert_eq!(acceptor.association.state(), State::Sta6, "{version}");
        } else {
            assert_eq!(rejected(&request), Rejection::PROTOCOL_VERSION, "{version}");
            let happened = Acceptor::connected().receive(&request);
            assert_eq!(happened, [Happened::Rejected(Rejection::PROTOCOL_VERSION)]);
        }
    }
}

#[test]
fn lengths_that_contradict_each_other_are_aborted() {
    let context = |value: &[u8]| wire::usual_rq(&[wire::item(0x20, value)]);
    let overrun = [&[0x30, 0, 0, 9][..], b"1.2"].concat();
    let sub_item = [&[1, 0, 0, 0][..], &overrun].concat();
    for (request, item_type) in [
        // Shorter than a presentation context item is without sub-items.
        (context(&[1, 0, 0]), 0x20),
        (context(&[]), 0x20),
        // Its sub-item is longer than the item.
        (context(&sub_item), 0x20),
        // An item is longer than the PDU, known or not.
        (wire::associate_rq(&[vec![0x10, 0, 0, 30, b'1']]), 0x10),
        (wire::associate_rq(&[vec![0x99, 0, 0xFF, 0xFF]]), 0x99),
        // Bytes that make no item header.
        (wire::associate_rq(&[vec![0x10, 0, 0]]), 0),
        // A maximum length that is no number.
        (wire::associate_rq(&[wire::item(0x50, &wire::item(0x51, &[1]))]), 0x51),
        (wire::associate_rq(&[wire::item(0x50, &[0x51])]), 0x50),
    ] {
        let fault = Acceptor::connected().faults(&request, 0, 0);
        assert_eq!(fault, PeerFault::ItemLength { item_type });
    }
}

#[test]
fn a_request_of_128_contexts_with_100_transfer_syntaxes_each_is_answered() {
    let unknown: Vec<String> = (0..99).map(|n| format!("1.2.3.4.5.6.7.8.9.{n}")).collect();
    let mut syntaxes: Vec<&str> = unknown.iter().map(String::as_str).collect();
    syntaxes.push(IMPLICIT_LITTLE);
    let contexts: Vec<Vec<u8>> =
        (0..128).map(|n| wire::context(n * 2 + 1, CT_IMAGE_STORAGE, &syntaxes)).collect();
    let request = wire::usual_rq(&contexts);
    assert!(request.len() > 300_000);
    let proposal = proposed(&request);
    assert_eq!(proposal.contexts.len(), 128);
    for context in &proposal.contexts {
        assert_eq!(context.transfer_syntaxes.len(), 1);
        assert_eq!(context.other_transfer_syntaxes.len(), limits::OTHER_TRANSFER_SYNTAXES);
        assert_eq!(context.other_transfer_syntax_count, 99);
    }
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&request);
    assert_eq!(acceptor.association.contexts().len(), 128);
}

#[test]
fn more_contexts_than_there_are_ids_are_rejected() {
    let contexts: Vec<Vec<u8>> =
        (0..129).map(|n| wire::context(n, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])).collect();
    assert_eq!(rejected(&wire::usual_rq(&contexts)), Rejection::REQUEST_TOO_LARGE);
    let repeated = vec![contexts[1].clone(); 5000];
    assert_eq!(proposed(&wire::usual_rq(&repeated)).contexts.len(), 1);
}

#[test]
fn reserved_bytes_and_repeated_items_are_not_looked_at() {
    let mut context = wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]);
    context[1] = 0xAA;
    context[5..8].copy_from_slice(&[1, 2, 3]);
    let proposal = proposed(&wire::associate_rq(&[
        wire::application_context(),
        context,
        wire::user_information(&[]),
        wire::item(0x50, &wire::item(0x51, &[0, 0, 0, 9])),
        wire::item(0x10, b"1.2"),
    ]));
    assert_eq!(proposal.user_information.max_pdu_bytes, Some(16384));
    assert_eq!(proposal.application_context, Some(uid("1.2.840.10008.3.1.1.1")));
    assert_eq!(proposal.contexts.len(), 1);
}
