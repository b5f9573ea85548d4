//! PS3.7 §10.3 and §9.3: requests that are neither C-STORE nor C-ECHO.

use proto::{CommandSet, OtherRq, Request, Status, element};

use crate::common::{Acceptor, Happened, wire};

fn other(elements: &[Vec<u8>]) -> OtherRq {
    match Request::parse(&CommandSet::decode(wire::command(elements)).unwrap()) {
        Ok(Request::Other(other)) => other,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dimse_c_request_is_answered_as_an_unrecognized_operation() {
    let find = other(&[
        wire::ui(0x0002, "1.2.840.10008.5.1.4.1.2.1.1"),
        wire::us(0x0100, 0x0020),
        wire::us(0x0110, 4),
        wire::us(0x0700, 0),
        wire::us(0x0800, 0x0102),
    ]);
    assert_eq!((find.command_field, find.message_id, find.has_data_set), (0x0020, 4, true));
    let expected = wire::command(&[
        wire::ui(0x0002, "1.2.840.10008.5.1.4.1.2.1.1"),
        wire::us(0x0100, 0x8020),
        wire::us(0x0120, 4),
        wire::us(0x0800, 0x0101),
        wire::us(0x0900, 0x0211),
        wire::element(0x0902, b"command 0020H not supported "),
    ]);
    assert_eq!(find.response().encode(), expected);
}

#[test]
fn what_a_dimse_n_request_names_as_requested_is_affected_in_the_response() {
    let action = other(&[
        wire::ui(0x0003, "1.2.840.10008.1.20.1"),
        wire::us(0x0100, 0x0130),
        wire::us(0x0110, 4),
        wire::us(0x0800, 0x0101),
        wire::ui(0x1001, "1.2.840.10008.1.20.1.1"),
        wire::us(0x1008, 1),
    ]);
    assert!(!action.has_data_set);
    let response = action.response();
    assert_eq!(response.u16(element::STATUS), Some(Status::UNRECOGNIZED_OPERATION.0));
    let class = response.value(element::AFFECTED_SOP_CLASS_UID);
    assert_eq!(class, Some(&b"1.2.840.10008.1.20.1"[..]));
    let instance = response.value(element::AFFECTED_SOP_INSTANCE_UID);
    assert_eq!(instance, Some(&b"1.2.840.10008.1.20.1.1"[..]));
    assert_eq!(response.value(element::REQUESTED_SOP_CLASS_UID), None);
}

#[test]
fn a_bare_request_is_answered_too() {
    let bare = other(&[wire::us(0x0100, 0x7FFF), wire::us(0x0110, 4), wire::us(0x0800, 0x0101)]);
    let response = bare.response();
    assert_eq!(response.command_field(), Some(0xFFFF));
    assert_eq!(response.value(element::AFFECTED_SOP_CLASS_UID), None);
}

#[test]
fn its_data_set_is_an_event_like_any_other() {
    let command =
        wire::command(&[wire::us(0x0100, 0x0140), wire::us(0x0110, 4), wire::us(0x0800, 0x0001)]);
    let happened = Acceptor::established()
        .receive(&[wire::p_data(1, 3, &command), wire::p_data(1, 2, b"attributes")].concat());
    let [Happened::Command(..), Happened::DataSet { ended: true, .. }] = &happened[..] else {
        panic!("{happened:?}")
    };
}
