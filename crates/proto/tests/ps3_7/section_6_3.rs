//! PS3.7 §6.3: the encoding of command sets.

use proto::{CommandSet, PeerFault, Request, element, limits};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, uid, wire};

#[test]
fn the_group_length_is_computed_when_sent_and_ignored_when_received() {
    let mut command = CommandSet::new();
    command.put_u16(element::MESSAGE_ID, 7).put_uid(element::AFFECTED_SOP_CLASS_UID, &uid("1.2.3"));
    let elements = [wire::us(0x0110, 7), wire::ui(0x0002, "1.2.3")].concat();
    assert_eq!(command.encode(), wire::command(std::slice::from_ref(&elements)));
    let wrong = wire::element(0, &[0xFF; 4]);
    let odd_sized = wire::element(0, &[0xFF; 2]);
    for received in [
        elements.clone(),
        [wrong, elements.clone()].concat(),
        [odd_sized, elements.clone()].concat(),
        [elements.clone(), wire::element(0, &[0; 4])].concat(),
    ] {
        assert_eq!(CommandSet::decode(received).unwrap(), command);
    }
}

#[test]
fn values_are_padded_as_their_vr_wants() {
    let mut command = CommandSet::new();
    command.put_uid(element::AFFECTED_SOP_CLASS_UID, &uid("1.2.3"));
    command.put_text(element::ERROR_COMMENT, "odd");
    assert_eq!(command.value(element::AFFECTED_SOP_CLASS_UID), Some(&b"1.2.3\0"[..]));
    assert_eq!(command.value(element::ERROR_COMMENT), Some(&b"odd "[..]));
}

#[test]
fn text_is_cut_to_what_lo_holds() {
    let mut command = CommandSet::new();
    command.put_text(element::ERROR_COMMENT, &"ä\\\n".repeat(30));
    let value = command.value(element::ERROR_COMMENT).unwrap();
    assert_eq!(value, [b'?'; 64]);
}

#[test]
fn order_unknown_elements_and_other_groups_do_not_matter() {
    let mut command = wire::c_echo_rq(5);
    command.extend(wire::element(0x5555, b"what is this"));
    command.extend([8, 0, 0x16, 0, 2, 0, 0, 0, b'1', 0]);
    let backwards = [
        wire::us(0x0800, 0x0101),
        wire::us(0x0110, 5),
        wire::us(0x0100, 0x0030),
        wire::ui(0x0002, "1.2.840.10008.1.1"),
    ]
    .concat();
    for bytes in [command, backwards] {
        let command = CommandSet::decode(bytes).unwrap();
        let Ok(Request::CEcho(echo)) = Request::parse(&command) else { panic!("{command:?}") };
        assert_eq!(echo.message_id, 5);
    }
}

#[test]
fn of_repeated_elements_the_first_counts() {
    let bytes = [wire::us(0x0110, 5), wire::us(0x0110, 6)].concat();
    assert_eq!(CommandSet::decode(bytes).unwrap().u16(element::MESSAGE_ID), Some(5));
}

#[test]
fn an_element_that_overruns_the_command_set_is_a_fault() {
    let good = wire::us(0x0110, 5);
    for bad in [
        &b"\0"[..],
        b"\0\0\x02\0\x01\0\0",
        b"\0\0\x02\0\x01\0\0\0",
        b"\0\0\x02\0\xFF\xFF\xFF\xFFxx",
    ] {
        let bytes = [&good, bad].concat();
        let fault = PeerFault::CommandSetElement { offset: 10 };
        assert_eq!(CommandSet::decode(bytes.clone()), Err(fault));
        let pdu = wire::p_data(1, 3, &bytes);
        assert_eq!(Acceptor::established().faults(&pdu, 0, 0), fault);
    }
}

#[test]
fn a_command_set_comes_in_any_fragments() {
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    let whole = Acceptor::established().receive(&wire::p_data(3, 3, &command));
    for size in [1, 2, 7, 64] {
        let mut acceptor = Acceptor::established();
        let (last, others) = {
            let mut chunks: Vec<&[u8]> = command.chunks(size).collect();
            (chunks.pop().unwrap(), chunks)
        };
        for chunk in others {
            assert_eq!(acceptor.receive(&wire::p_data(3, 1, chunk)), []);
        }
        assert_eq!(acceptor.receive(&wire::p_data(3, 3, last)), whole);
    }
}

#[test]
fn a_command_set_that_is_too_long_is_aborted_before_it_is_held() {
    let fragment = wire::p_data(1, 1, &[0; 16000]);
    let mut acceptor = Acceptor::established();
    for _ in 0..4 {
        assert_eq!(acceptor.receive(&fragment), []);
    }
    // Told by the PDV header already.
    let fault = acceptor.faults(&fragment[..12], 0, 0);
    assert_eq!(fault, PeerFault::CommandSetLength);
}

#[test]
fn a_command_set_of_the_greatest_length_is_taken() {
    let elements = wire::element(0x5555, &vec![0; limits::COMMAND_SET_BYTES - 2 * 8 - 4]);
    let command = wire::command(&[elements]);
    assert_eq!(command.len(), limits::COMMAND_SET_BYTES);
    let mut acceptor = Acceptor::established();
    let mut happened = Vec::new();
    let mut rest = &command[..];
    while !rest.is_empty() {
        let (fragment, after) = rest.split_at(rest.len().min(16000));
        rest = after;
        let control = if rest.is_empty() { 3 } else { 1 };
        happened.extend(acceptor.receive(&wire::p_data(1, control, fragment)));
    }
    assert!(matches!(happened[..], [Happened::Command(..)]));
}

#[test]
fn a_command_of_megabytes_is_aborted() {
    let mut acceptor = Acceptor::established();
    let stream = wire::p_data(1, 1, &[0; 16000]).repeat(4 * 1024 * 1024 / 16000);
    let fault = acceptor.faults(&stream, 0, 0);
    assert_eq!(fault, PeerFault::CommandSetLength);
}
