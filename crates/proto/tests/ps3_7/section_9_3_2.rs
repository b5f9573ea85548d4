//! PS3.7 §9.3.2.3: C-CANCEL.

use proto::{CommandSet, Request, State};

use crate::common::{Acceptor, Happened, wire};

#[test]
fn it_needs_no_more_than_its_command_field() {
    for elements in [
        vec![wire::us(0x0100, 0x0FFF), wire::us(0x0120, 5), wire::us(0x0800, 0x0101)],
        vec![wire::us(0x0100, 0x0FFF), wire::us(0x0120, 5)],
    ] {
        let command = CommandSet::decode(wire::command(&elements)).unwrap();
        let cancel = Request::CCancel { message_id_being_responded_to: 5 };
        assert_eq!(Request::parse(&command), Ok(cancel));
    }
}

#[test]
fn a_message_follows_it_whatever_it_announces() {
    let cancel = wire::command(&[wire::us(0x0100, 0x0FFF), wire::us(0x0800, 0)]);
    let mut acceptor = Acceptor::established();
    let happened = acceptor
        .receive(&[wire::p_data(1, 3, &cancel), wire::p_data(1, 3, &wire::c_echo_rq(1))].concat());
    assert!(matches!(happened[..], [Happened::Command(..), Happened::Command(..)]), "{happened:?}");
    assert_eq!(acceptor.association.state(), State::Sta6);
}
