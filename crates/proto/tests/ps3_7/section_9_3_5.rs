//! PS3.7 §9.3.5: C-ECHO.

use proto::{CEchoRq, CommandSet, Request, State, Status};

use crate::common::{Acceptor, Happened, uid, wire};

fn echo(sop_class: &[u8]) -> CEchoRq {
    let elements = [
        wire::element(0x0002, sop_class),
        wire::us(0x0100, 0x0030),
        wire::us(0x0110, 3),
        wire::us(0x0800, 0x0101),
    ];
    match Request::parse(&CommandSet::decode(wire::command(&elements)).unwrap()) {
        Ok(Request::CEcho(echo)) => echo,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_response_repeats_the_class_whatever_it_is() {
    for class in [&b"1.2.840.10008.1.1\0"[..], b" 1.2", b"not a UID!", b""] {
        let expected = wire::command(&[
            wire::element(0x0002, class),
            wire::us(0x0100, 0x8030),
            wire::us(0x0120, 3),
            wire::us(0x0800, 0x0101),
            wire::us(0x0900, 0),
        ]);
        assert_eq!(echo(class).response(Status::SUCCESS).encode(), expected);
    }
}

#[test]
fn a_request_is_what_an_scu_sends() {
    let request = CEchoRq::new(3, &uid("1.2.840.10008.1.1"));
    assert_eq!(request.encode().encode(), wire::c_echo_rq(3));
}

#[test]
fn without_a_class_or_with_a_data_set_it_is_refused_at_once() {
    let classless =
        wire::command(&[wire::us(0x0100, 0x0030), wire::us(0x0110, 3), wire::us(0x0800, 0x0101)]);
    let with_data_set = wire::command(&[
        wire::ui(0x0002, "1.2.840.10008.1.1"),
        wire::us(0x0100, 0x0030),
        wire::us(0x0110, 3),
        wire::us(0x0800, 0x0001),
    ]);
    for (bytes, named) in [(classless, "(0000,0002)"), (with_data_set.clone(), "(0000,0800)")] {
        let fault = Request::parse(&CommandSet::decode(bytes).unwrap()).unwrap_err();
        assert_eq!(fault.status(), Status::MISTYPED_ARGUMENT);
        assert!(!fault.has_data_set());
        assert!(fault.to_string().starts_with(named), "{fault}");
        assert!(fault.response().is_some());
    }
    let mut acceptor = Acceptor::established();
    let stream = [
        wire::p_data(1, 3, &with_data_set),
        wire::p_data(1, 2, b"data"),
        wire::p_data(1, 3, &wire::c_echo_rq(4)),
    ];
    let happened = acceptor.receive(&stream.concat());
    assert!(matches!(happened[..], [Happened::Command(..), Happened::Command(..)]), "{happened:?}");
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn every_fragment_size_a_peer_may_ask_for_carries_a_response() {
    for max in [8, 9, 20, 30, 100] {
        let mut acceptor = Acceptor::connected();
        let max_sub_item = wire::item(0x51, &u32::to_be_bytes(max));
        acceptor.receive(&wire::associate_rq(&[
            wire::application_context(),
            wire::context(1, "1.2.840.10008.1.1", &["1.2.840.10008.1.2"]),
            wire::item(0x50, &max_sub_item),
        ]));
        acceptor.sent();
        let response = echo(b"1.2.840.10008.1.1\0").response(Status::SUCCESS);
        acceptor.association.send_command(proto::ContextId(1), &response).unwrap();
        let sent = acceptor.sent();
        // Fed back to one that would be told so: the same command comes out.
        let happened = Acceptor::established().receive(&sent);
        assert_eq!(happened, [Happened::Command(proto::ContextId(1), response)], "{max}");
    }
}
