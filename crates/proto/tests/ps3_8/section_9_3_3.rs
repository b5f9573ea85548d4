//! PS3.8 §9.3.3: A-ASSOCIATE-AC, sent and received.

use std::time::Duration;

use proto::{
    Acceptance, Association, ContextId, ContextResult, Error, PeerFault, RequestorConfig, State,
};

use crate::common::{
    Acceptor, CT_IMAGE_STORAGE, EXPLICIT_LITTLE, Happened, IMPLICIT_LITTLE, MR_IMAGE_STORAGE, feed,
    proposal, start, take_outgoing, uid, wire,
};

#[test]
fn what_is_sent_has_the_bytes_of_the_standard() {
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&wire::usual_rq(&[
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE, EXPLICIT_LITTLE]),
        wire::context(3, "1.2.3", &[EXPLICIT_LITTLE]),
        wire::context(5, CT_IMAGE_STORAGE, &["1.2.840.10008.1.2.4.50"]),
    ]));
    let answer = |id, result, transfer_syntax: &str| {
        let sub_item = wire::item(0x40, transfer_syntax.as_bytes());
        wire::item(0x21, &[&[id, 0, result, 0][..], &sub_item].concat())
    };
    let user_information = [
        wire::item(0x51, &16384_u32.to_be_bytes()),
        wire::item(0x52, b"2.25.1"),
        wire::item(0x55, b"TEST"),
    ];
    let expected = [
        // AE titles and reserved bytes as in the request.
        wire::fixed("STORESCP", "REQUESTOR"),
        wire::application_context(),
        // The acceptor's order counts, not the requestor's.
        answer(1, 0, EXPLICIT_LITTLE),
        answer(3, 3, IMPLICIT_LITTLE),
        answer(5, 4, IMPLICIT_LITTLE),
        wire::item(0x50, &user_information.concat()),
    ];
    assert_eq!(acceptor.sent(), wire::pdu(2, &expected.concat()));
}

#[test]
fn an_acceptance_of_nothing_is_still_one() {
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&wire::usual_rq(&[wire::context(1, "1.2.3", &[IMPLICIT_LITTLE])]));
    assert_eq!(acceptor.sent()[0], 2);
    assert_eq!(acceptor.association.state(), State::Sta6);
    assert!(acceptor.association.contexts().is_empty());
}

#[test]
fn titles_are_echoed_as_they_came() {
    let mut request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])]);
    for (called, calling, expected) in [
        (b"  LEAD\0\0        ", b"M\xDCNCHEN         ", [&b"  LEAD"[..], b"M\xDCNCHEN"]),
        (b"                ", b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", [b"", b""]),
        (
            b"A\x07\x1B\n\\         \0\x01",
            b"\xFF\xFE\xFD             ",
            [b"A\x07\x1B\n\\", b"\xFF\xFE\xFD"],
        ),
    ] {
        request[10..26].copy_from_slice(called);
        request[26..42].copy_from_slice(calling);
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&request);
        assert_eq!(acceptor.sent()[10..74], request[10..74]);
        let Acceptor { association, .. } = &acceptor;
        let titles = [association.called_ae(), association.calling_ae()];
        assert_eq!(titles.map(|title| title.unwrap().as_bytes()), expected);
    }
}

/// A requestor of CT on 1 and MR on 3, and the event that this A-ASSOCIATE-AC causes.
fn accept(items: &[Vec<u8>]) -> (Association, Vec<Happened>) {
    let (proposal, _) = proposal(&[CT_IMAGE_STORAGE, MR_IMAGE_STORAGE]);
    let config = RequestorConfig { proposal, close_timeout: Duration::from_secs(5) };
    let mut requestor = Association::requestor(config);
    take_outgoing(&mut requestor);
    let pdu = wire::pdu(2, &[wire::fixed("STORESCP", "REQUESTOR"), items.concat()].concat());
    let happened = feed(&mut requestor, &pdu, start(), |_, _| {});
    (requestor, happened)
}

fn answer(id: u8, result: u8, transfer_syntax: &str) -> Vec<u8> {
    let sub_item = wire::item(0x40, transfer_syntax.as_bytes());
    wire::item(0x21, &[&[id, 0, result, 0][..], &sub_item].concat())
}

fn acceptance(happened: &[Happened]) -> &Acceptance {
    match happened {
        [Happened::Accepted(acceptance)] => acceptance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_received_is_matched_with_what_was_proposed() {
    let (requestor, happened) = accept(&[
        wire::application_context(),
        answer(3, 0, EXPLICIT_LITTLE),
        answer(1, 4, IMPLICIT_LITTLE),
        answer(5, 0, IMPLICIT_LITTLE),
        wire::user_information(&[]),
    ]);
    let contexts = &acceptance(&happened).contexts;
    assert_eq!(contexts.len(), 2, "nobody proposed context 5");
    assert_eq!(contexts[0].result, ContextResult::TransferSyntaxesNotSupported);
    assert_eq!(contexts[1].result, ContextResult::Acceptance);
    let [accepted] = requestor.contexts() else { panic!() };
    assert_eq!(accepted.id, ContextId(3));
    assert_eq!(accepted.abstract_syntax, uid(MR_IMAGE_STORAGE));
    assert_eq!(accepted.transfer_syntax.uid(), EXPLICIT_LITTLE);
    assert_eq!(requestor.context(ContextId(1)), None);
    assert_eq!(requestor.max_send_pdv_bytes(), 16372);
}

#[test]
fn an_answer_with_a_transfer_syntax_not_proposed_is_of_no_use() {
    let (mut requestor, happened) =
        accept(&[answer(1, 0, "1.2.840.10008.1.2.4.50"), answer(3, 0, "1.2.3")]);
    assert!(requestor.contexts().is_empty(), "{happened:?}");
    let sent = requestor.send_data(ContextId(1), b"xx", true);
    assert_eq!(sent, Err(Error::ContextNotAccepted(ContextId(1))));
}

#[test]
fn a_context_without_an_answer_is_refused() {
    let (requestor, happened) = accept(&[answer(3, 0, IMPLICIT_LITTLE)]);
    let contexts = &acceptance(&happened).contexts;
    assert_eq!(contexts[0].result, ContextResult::ProviderRejection);
    assert_eq!(requestor.contexts().len(), 1);
}

#[test]
fn one_that_cannot_be_understood_is_aborted() {
    let (mut requestor, happened) = accept(&[wire::item(0x21, &[1])]);
    let fault = PeerFault::ItemLength { item_type: 0x21 };
    assert_eq!(happened, [Happened::Aborted(proto::AbortCause::Fault(fault))]);
    assert_eq!(take_outgoing(&mut requestor), wire::abort(2, 6));
}

#[test]
fn every_result_is_understood() {
    for (code, expected) in [
        (0, ContextResult::Acceptance),
        (1, ContextResult::UserRejection),
        (2, ContextResult::ProviderRejection),
        (3, ContextResult::AbstractSyntaxNotSupported),
        (4, ContextResult::TransferSyntaxesNotSupported),
        (5, ContextResult::ProviderRejection),
    ] {
        let (_, happened) = accept(&[answer(1, code, IMPLICIT_LITTLE)]);
        let result = acceptance(&happened).contexts[0].result;
        assert_eq!(result, expected);
        assert_eq!(result.code(), if code == 5 { 2 } else { code });
    }
}
