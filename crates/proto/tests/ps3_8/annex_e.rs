//! PS3.8 Annex E: the message control header, and messages as sequences of fragments.

use proto::{ContextId, PeerFault, State};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, wire};

fn c_store(context: u8) -> Vec<u8> {
    wire::p_data(context, 3, &wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3"))
}

#[test]
fn reserved_bits_of_the_control_header_are_not_looked_at() {
    let mut acceptor = Acceptor::established();
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    let happened = acceptor.receive(
        &[wire::p_data(3, 0xFC | 3, &command), wire::p_data(3, 0xFC | 2, b"data")].concat(),
    );
    assert!(
        matches!(happened[..], [Happened::Command(..), Happened::DataSet { ended: true, .. }]),
        "{happened:?}"
    );
}

#[test]
fn a_data_set_without_a_command_is_aborted() {
    let fault = Acceptor::established().faults(&wire::p_data(3, 2, b"data"), 0, 0);
    assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(3)));
    // C-ECHO has none either.
    let stream = [wire::p_data(1, 3, &wire::c_echo_rq(1)), wire::p_data(1, 2, b"data")].concat();
    let fault = Acceptor::established().faults(&stream, 0, 0);
    assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(1)));
}

#[test]
fn a_second_data_set_is_aborted() {
    let stream = [c_store(3), wire::p_data(3, 2, b"one"), wire::p_data(3, 2, b"two")].concat();
    let fault = Acceptor::established().faults(&stream, 0, 0);
    assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(3)));
}

#[test]
fn data_before_the_command_is_complete_is_aborted() {
    let stream = [wire::p_data(3, 1, b"\0\0"), wire::p_data(3, 2, b"data")].concat();
    let fault = Acceptor::established().faults(&stream, 0, 0);
    assert_eq!(fault, PeerFault::DataSetWithoutCommand(ContextId(3)));
}

#[test]
fn a_command_inside_a_data_set_is_aborted() {
    let stream = [c_store(3), wire::p_data(3, 0, b"part"), c_store(3)].concat();
    let fault = Acceptor::established().faults(&stream, 0, 0);
    assert_eq!(fault, PeerFault::CommandInDataSet(ContextId(3)));
}

#[test]
fn a_message_keeps_to_its_context() {
    let expected = PeerFault::ContextChanged { expected: ContextId(3), found: ContextId(1) };
    for stream in [
        [c_store(3), wire::p_data(1, 2, b"data")],
        [c_store(3), wire::p_data(1, 3, &wire::c_echo_rq(1))],
        [wire::p_data(3, 1, b"\0\0"), wire::p_data(1, 3, b"\0\0")],
    ] {
        assert_eq!(Acceptor::established().faults(&stream.concat(), 0, 0), expected);
    }
    // Found while fragments are collected, too.
    let stream = [c_store(3), wire::p_data(3, 0, b"data"), wire::p_data(1, 0, b"data")].concat();
    assert_eq!(Acceptor::established().faults(&stream, 0, 0), expected);
}

#[test]
fn empty_fragments_do_no_harm() {
    let mut acceptor = Acceptor::established();
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    let happened = acceptor.receive(
        &[
            wire::p_data(3, 1, b""),
            wire::p_data(3, 1, &command),
            wire::p_data(3, 3, b""),
            wire::p_data(3, 0, b""),
            wire::p_data(3, 0, b"data"),
            wire::p_data(3, 2, b""),
        ]
        .concat(),
    );
    let [Happened::Command(..), Happened::DataSet { bytes, pdvs, ended, .. }] = &happened[..]
    else {
        panic!("{happened:?}")
    };
    assert_eq!((&bytes[..], *pdvs, *ended), (&b"data"[..], 3, true));
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn what_is_sent_is_marked_as_what_it_is() {
    let mut acceptor = Acceptor::established();
    let context = ContextId(3);
    acceptor.association.send_data(context, b"", false).unwrap();
    assert_eq!(acceptor.sent(), b"", "no bytes are no fragment");
    acceptor.association.send_data(context, b"more", false).unwrap();
    assert_eq!(acceptor.sent(), wire::p_data(3, 0, b"more"));
    acceptor.association.send_data(context, b"end", true).unwrap();
    assert_eq!(acceptor.sent(), wire::p_data(3, wire::LAST, b"end"));
    acceptor.association.send_data(context, b"", true).unwrap();
    assert_eq!(acceptor.sent(), wire::p_data(3, wire::LAST, b""), "but an end needs one");
    let long = vec![7; 16372 + 1];
    acceptor.association.send_data(context, &long, true).unwrap();
    let expected = [wire::p_data(3, 0, &[7; 16372]), wire::p_data(3, wire::LAST, &[7])];
    assert_eq!(acceptor.sent(), expected.concat());
}
