//! PS3.7 Annex C: status types, as a response tells them.

use proto::{CommandSet, Response, Status, StatusKind};

use crate::common::wire;

fn response(elements: &[Vec<u8>]) -> Option<Response> {
    Response::parse(&CommandSet::decode(wire::command(elements)).unwrap())
}

#[test]
fn a_response_is_read() {
    let response = response(&[
        wire::us(0x0100, 0x8001),
        wire::us(0x0120, 9),
        wire::us(0x0800, 0x0101),
        wire::us(0x0900, 0xA700),
        wire::element(0x0902, b"disk is full"),
    ])
    .unwrap();
    assert_eq!(response.message_id_being_responded_to, 9);
    assert_eq!(response.status, Status::OUT_OF_RESOURCES);
    assert_eq!(response.status.kind(), StatusKind::Failure);
    assert_eq!(response.error_comment.as_deref(), Some("disk is full"));
    assert_eq!((response.sop_class, response.sop_instance), (None, None));
}

#[test]
fn what_is_no_response_is_none() {
    let field = wire::us(0x0100, 0x8001);
    let (id, status) = (wire::us(0x0120, 9), wire::us(0x0900, 0));
    assert!(response(&[field.clone(), id.clone(), status.clone()]).is_some());
    assert!(response(&[wire::us(0x0100, 0x0001), id.clone(), status.clone()]).is_none());
    assert!(response(&[id.clone(), status.clone()]).is_none());
    assert!(response(&[field.clone(), status]).is_none());
    assert!(response(&[field, id]).is_none());
}
