//! PS3.7 §9.1.1: the SOP class of a C-STORE is one that was negotiated.

use std::time::Duration;

use dataset::sop_class::VERIFICATION;
use proto::{Association, ContextId, RequestorConfig, SopClassNegotiation};

use crate::common::{
    Acceptor, CT_IMAGE_STORAGE, Happened, IMPLICIT_LITTLE, MR_IMAGE_STORAGE, feed, proposal, start,
    take_outgoing, uid, wire,
};

/// Where a class was negotiated: the IDs of the request's context and of the class's.
fn found(association: &Association, context: u8, class: &str) -> Option<(u8, u8)> {
    match association.negotiated(ContextId(context), &uid(class)) {
        SopClassNegotiation::OnItsContext(context) => Some((context.id.0, context.id.0)),
        SopClassNegotiation::OnAnotherContext { of_request, of_class } => {
            Some((of_request.id.0, of_class.id.0))
        }
        SopClassNegotiation::Nowhere { .. } => None,
    }
}

#[test]
fn a_class_is_negotiated_on_its_context_on_another_or_nowhere() {
    let mut acceptor = Acceptor::connected();
    assert_eq!(found(&acceptor.association, 1, CT_IMAGE_STORAGE), None, "nothing is, yet");
    acceptor.receive(&wire::usual_rq(&[
        wire::context(1, VERIFICATION, &[IMPLICIT_LITTLE]),
        wire::context(3, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::context(5, "1.2.3", &[IMPLICIT_LITTLE]),
        wire::context(7, MR_IMAGE_STORAGE, &["1.2.3.4"]),
    ]));
    for (context, class, expected) in [
        (3, CT_IMAGE_STORAGE, Some((3, 3))),
        (1, CT_IMAGE_STORAGE, Some((1, 3))),
        (1, VERIFICATION, Some((1, 1))),
        // Refused for its abstract syntax, refused for its transfer syntax, never proposed.
        (5, "1.2.3", None),
        (3, "1.2.3", None),
        (3, MR_IMAGE_STORAGE, None),
        (3, "1.2.840.10008.5.1.4.1.1.20", None),
        // A context that was not accepted, whatever the class.
        (7, CT_IMAGE_STORAGE, None),
        (9, CT_IMAGE_STORAGE, None),
    ] {
        assert_eq!(found(&acceptor.association, context, class), expected, "{context} {class}");
    }
}

/// Role selection (PS3.7 §D.3.3.4) takes the SCU role away from whoever was given another one only.
#[test]
fn a_class_is_negotiated_for_its_scu() {
    for (roles, expected) in [([1, 0], Some((1, 1))), ([1, 1], Some((1, 1))), ([0, 1], None)] {
        let (proposal, _) = proposal(&[CT_IMAGE_STORAGE]);
        let config = RequestorConfig { proposal, close_timeout: Duration::from_secs(5) };
        let mut requestor = Association::requestor(config);
        take_outgoing(&mut requestor);
        let length = CT_IMAGE_STORAGE.len() as u16;
        let role = [&length.to_be_bytes()[..], CT_IMAGE_STORAGE.as_bytes(), &roles].concat();
        let items = [
            wire::application_context(),
            wire::item(
                0x21,
                &[&[1, 0, 0, 0][..], &wire::item(0x40, IMPLICIT_LITTLE.as_bytes())].concat(),
            ),
            wire::user_information(&[wire::item(0x54, &role)]),
        ];
        let pdu = wire::pdu(2, &[wire::fixed("STORESCP", "REQUESTOR"), items.concat()].concat());
        let happened = feed(&mut requestor, &pdu, start(), |_, _| {});
        assert!(matches!(happened[..], [Happened::Accepted(_)]), "{happened:?}");
        assert_eq!(found(&requestor, 1, CT_IMAGE_STORAGE), expected, "{roles:?}");
    }
}
