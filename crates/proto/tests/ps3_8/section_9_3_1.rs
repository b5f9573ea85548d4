//! PS3.8 §9.3.1: PDUs in general – types, lengths, and PDUs cut anywhere.

use proto::{PeerFault, State};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, wire};

#[test]
fn an_unrecognized_type_is_answered_at_its_first_byte() {
    for pdu_type in [0x00, 0x08, 0x16, 0x47, 0xFF] {
        let fault = Acceptor::established().faults(&[pdu_type], 2, 1);
        assert_eq!(fault, PeerFault::UnrecognizedPdu { pdu_type });
        let fault = Acceptor::connected().faults(&[pdu_type], 0, 0);
        assert_eq!(fault, PeerFault::UnrecognizedPdu { pdu_type });
    }
}

#[test]
fn what_follows_an_unrecognized_pdu_is_swallowed() {
    let mut acceptor = Acceptor::connected();
    acceptor.faults(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 0);
    assert_eq!(acceptor.receive(&wire::usual_rq(&[])), []);
    assert_eq!(acceptor.sent(), b"");
    acceptor.association.handle_close();
    assert!(acceptor.association.is_closed());
}

#[test]
fn lengths_are_judged_by_the_header_alone() {
    let header = |pdu_type: u8, length: u32| [&[pdu_type, 0][..], &length.to_be_bytes()].concat();
    for (pdu_type, length) in [(1, 67), (1, (1 << 20) + 1), (1, u32::MAX)] {
        let fault = Acceptor::connected().faults(&header(pdu_type, length), 0, 0);
        assert_eq!(fault, PeerFault::PduLength { pdu_type, length });
    }
    for (pdu_type, length) in
        [(4, 0), (4, 5), (4, 16385), (4, u32::MAX), (5, 0), (5, 5), (6, 3), (7, 0), (7, u32::MAX)]
    {
        let fault = Acceptor::established().faults(&header(pdu_type, length), 2, 6);
        assert_eq!(fault, PeerFault::PduLength { pdu_type, length });
    }
}

#[test]
fn an_unexpected_pdu_is_answered_by_its_type_whatever_its_length() {
    let fault = Acceptor::established().faults(&[1, 0, 0xFF, 0xFF, 0xFF, 0xFF], 2, 2);
    assert_eq!(fault, PeerFault::UnexpectedPdu { pdu_type: 1, state: State::Sta6 });
}

#[test]
fn the_reserved_byte_is_not_looked_at() {
    let mut request = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &["1.2.840.10008.1.2"])]);
    request[1] = 0xFF;
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&request);
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn a_whole_association_byte_by_byte() {
    let mut stream = wire::usual_rq(&[wire::context(1, CT_IMAGE_STORAGE, &["1.2.840.10008.1.2"])]);
    stream.extend(wire::p_data(1, 3, &wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3")));
    stream.extend(wire::p_data(1, 0, b"data"));
    stream.extend(wire::p_data(1, 2, b" set"));
    stream.extend(wire::release_rq());
    let mut whole = Acceptor::connected();
    let expected = whole.receive(&stream);
    assert_eq!(expected.len(), 4, "{expected:?}");

    let mut acceptor = Acceptor::connected();
    let mut happened = Vec::new();
    for byte in stream {
        for each in acceptor.receive(&[byte]) {
            crate::common::push(&mut happened, each);
        }
    }
    assert_eq!(happened, expected);
    assert!(matches!(happened.last(), Some(Happened::ReleaseRequested)));
}
