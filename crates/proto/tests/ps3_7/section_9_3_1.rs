//! PS3.7 §9.3.1: C-STORE.

use proto::{
    CStoreRq, CommandFault, CommandSet, ContextId, PeerFault, Request, Response, State, Status,
};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, ae, uid, wire};

fn parse(elements: &[Vec<u8>]) -> Result<Request, CommandFault> {
    Request::parse(&CommandSet::decode(wire::command(elements)).unwrap())
}

/// The elements of a C-STORE-RQ, without the one with this number.
fn without(number: u16) -> Vec<Vec<u8>> {
    let elements = [
        (0x0002, wire::ui(0x0002, CT_IMAGE_STORAGE)),
        (0x0100, wire::us(0x0100, 1)),
        (0x0110, wire::us(0x0110, 9)),
        (0x0700, wire::us(0x0700, 2)),
        (0x0800, wire::us(0x0800, 0)),
        (0x1000, wire::ui(0x1000, "1.2.3")),
    ];
    elements.into_iter().filter(|(each, _)| *each != number).map(|(_, bytes)| bytes).collect()
}

/// The same with this element instead.
fn with(number: u16, element: Vec<u8>) -> Vec<Vec<u8>> {
    [without(number), vec![element]].concat()
}

fn fault(elements: &[Vec<u8>]) -> CommandFault {
    parse(elements).expect_err("a fault was expected")
}

fn parsed(elements: &[Vec<u8>]) -> CStoreRq {
    match parse(elements) {
        Ok(Request::CStore(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_element_is_read() {
    let mut elements = without(0);
    elements.push(wire::element(0x1030, b"MOVER "));
    elements.push(wire::us(0x1031, 77));
    let expected = CStoreRq {
        message_id: 9,
        sop_class: uid(CT_IMAGE_STORAGE),
        sop_instance: uid("1.2.3"),
        priority: Some(2),
        move_originator_ae: Some(ae("MOVER")),
        move_originator_message_id: Some(77),
    };
    assert_eq!(parsed(&elements), expected);
}

#[test]
fn the_response_has_the_bytes_of_the_standard() {
    let request = parsed(&without(0));
    let success = wire::command(&[
        wire::ui(0x0002, CT_IMAGE_STORAGE),
        wire::us(0x0100, 0x8001),
        wire::us(0x0120, 9),
        wire::us(0x0800, 0x0101),
        wire::us(0x0900, 0),
        wire::ui(0x1000, "1.2.3"),
    ]);
    assert_eq!(request.response(Status::SUCCESS, None).encode(), success);
    let failure = wire::command(&[
        wire::ui(0x0002, CT_IMAGE_STORAGE),
        wire::us(0x0100, 0x8001),
        wire::us(0x0120, 9),
        wire::us(0x0800, 0x0101),
        wire::us(0x0900, 0xA700),
        wire::element(0x0902, b"disk is full"),
        wire::ui(0x1000, "1.2.3"),
    ]);
    let response = request.response(Status::OUT_OF_RESOURCES, Some("disk is full"));
    assert_eq!(response.encode(), failure);
}

#[test]
fn a_response_is_one_pdu_with_one_pdv() {
    let mut acceptor = Acceptor::established();
    let response = parsed(&without(0)).response(Status::SUCCESS, None);
    acceptor.association.send_command(ContextId(3), &response).unwrap();
    assert_eq!(acceptor.sent(), wire::p_data(3, 3, &response.encode()));
}

/// Padding is at the end only (PS3.5 §6.2, §9.1).
#[test]
fn uids_are_stripped_of_their_padding_and_of_nothing_else() {
    for padding in ["", " ", "  ", "\0", "\0\0", " \0", "\0 "] {
        let class = format!("{CT_IMAGE_STORAGE}{padding}");
        let request = parsed(&with(0x0002, wire::element(0x0002, class.as_bytes())));
        assert_eq!(request.sop_class, uid(CT_IMAGE_STORAGE));
        let instance = format!("1.2.3{padding}");
        let request = parsed(&with(0x1000, wire::element(0x1000, instance.as_bytes())));
        assert_eq!(request.sop_instance, uid("1.2.3"));
        assert!(request.response(Status::SUCCESS, None).encode().ends_with(b"1.2.3\0"));
    }
    for other in ["1.2 .3", " 1.2.3", "1.2.3\t", "1.2\0.3", "\x001.2.3", "1.2.\n3"] {
        let fault = fault(&with(0x1000, wire::element(0x1000, other.as_bytes())));
        assert_eq!(fault.status(), Status::INVALID_SOP_INSTANCE, "{other:?}");
    }
}

#[test]
fn the_priority_does_not_matter() {
    assert_eq!(parsed(&without(0x0700)).priority, None);
    assert_eq!(parsed(&with(0x0700, wire::us(0x0700, 0x7777))).priority, Some(0x7777));
    assert_eq!(parsed(&with(0x0700, wire::element(0x0700, b"HIGH"))).priority, None);
}

#[test]
fn an_instance_uid_that_is_none_is_refused() {
    let long = "1".repeat(66);
    for elements in [
        without(0x1000),
        with(0x1000, wire::element(0x1000, b"")),
        with(0x1000, wire::element(0x1000, long.as_bytes())),
        with(0x1000, wire::element(0x1000, b"../etc/passwd ")),
        with(0x1000, wire::element(0x1000, b"1.2\0.3")),
    ] {
        let fault = fault(&elements);
        assert_eq!(fault.status(), Status::INVALID_SOP_INSTANCE);
        assert!(fault.has_data_set());
        let response = Response::parse(fault.response().unwrap()).unwrap();
        assert_eq!(response.command_field, 0x8001);
        assert_eq!(response.message_id_being_responded_to, 9);
        assert_eq!(response.status, Status::INVALID_SOP_INSTANCE);
        let comment = "(0000,1000) Affected SOP Instance UID missing or invalid";
        assert_eq!(response.error_comment.as_deref(), Some(comment));
        assert_eq!(response.sop_class, Some(uid(CT_IMAGE_STORAGE)));
        assert!(fault.response().unwrap().encode().len() < 300, "nothing long is echoed");
    }
}

#[test]
fn a_class_uid_that_is_none_is_refused() {
    for elements in [without(0x0002), with(0x0002, wire::element(0x0002, b"a/b "))] {
        let fault = fault(&elements);
        assert_eq!(fault.status(), Status::MISTYPED_ARGUMENT);
        let response = Response::parse(fault.response().unwrap()).unwrap();
        assert_eq!(response.sop_instance, Some(uid("1.2.3")));
        assert!(response.error_comment.unwrap().starts_with("(0000,0002)"));
    }
}

#[test]
fn without_a_data_set_there_is_nothing_to_store() {
    let elements = with(0x0800, wire::us(0x0800, 0x0101));
    let fault = fault(&elements);
    assert_eq!(fault.status(), Status::CANNOT_UNDERSTAND);
    assert!(!fault.has_data_set(), "it is answered at once");
    // If one comes after all, it is discarded.
    let mut acceptor = Acceptor::established();
    let happened = acceptor.receive(
        &[
            wire::p_data(3, 3, &wire::command(&elements)),
            wire::p_data(3, 0, b"da"),
            wire::p_data(3, 2, b"ta"),
            wire::p_data(1, 3, &wire::c_echo_rq(1)),
        ]
        .concat(),
    );
    assert!(matches!(happened[..], [Happened::Command(..), Happened::Command(..)]), "{happened:?}");
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn a_data_set_type_that_says_nothing_is_refused_at_once() {
    for elements in [without(0x0800), with(0x0800, wire::element(0x0800, b"\0\0\0\0"))] {
        let fault = fault(&elements);
        assert_eq!(fault.status(), Status::MISTYPED_ARGUMENT);
        assert!(!fault.has_data_set());
        let mut acceptor = Acceptor::established();
        let command = wire::p_data(3, 3, &wire::command(&elements));
        let then = |pdu| [command.clone(), pdu].concat();
        assert_eq!(acceptor.receive(&then(wire::p_data(3, 2, b"data"))).len(), 1);
        assert_eq!(acceptor.receive(&then(wire::p_data(1, 3, &wire::c_echo_rq(1)))).len(), 2);
        assert_eq!(acceptor.association.state(), State::Sta6);
        // But no data set on another context, and no second one.
        let fault = acceptor.faults(&then(wire::p_data(1, 2, b"data")), 0, 0);
        assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(1)));
        let data = wire::p_data(3, 2, b"data");
        let twice = then([data.clone(), data].concat());
        let fault = Acceptor::established().faults(&twice, 0, 0);
        assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(3)));
    }
}

#[test]
fn what_cannot_be_answered_has_no_response() {
    let absent = |number: u16| fault(&without(number));
    let mistyped = |number: u16| fault(&with(number, wire::element(number, b"\0\0\0\0")));
    for fault in [absent(0x0100), absent(0x0110), mistyped(0x0100), mistyped(0x0110)] {
        assert!(fault.response().is_none(), "{fault}");
        assert!(fault.to_string().contains("missing or invalid"));
    }
    let fault = fault(&with(0x0100, wire::us(0x0100, 0x8001)));
    assert!(fault.response().is_none(), "a response is never responded to");
}

#[test]
fn a_request_is_what_an_scu_sends() {
    let request = parsed(&without(0));
    let command = request.encode();
    assert_eq!(Request::parse(&command), Ok(Request::CStore(request)));
    assert_eq!(command.announces_data_set(), Some(true));
}
