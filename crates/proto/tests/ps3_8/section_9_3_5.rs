//! PS3.8 §9.3.5: P-DATA-TF.

use proto::{AbortCause, Event, PeerFault, State, limits};

use crate::common::{Acceptor, CT_IMAGE_STORAGE, Happened, wire};

/// An acceptor that has been told to store, so that a data set is due on context 3.
fn storing() -> Acceptor {
    let mut acceptor = Acceptor::established();
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    let happened = acceptor.receive(&wire::p_data(3, 3, &command));
    assert!(matches!(happened[..], [Happened::Command(..)]), "{happened:?}");
    acceptor
}

fn data_set(happened: &[Happened]) -> (&[u8], usize, bool) {
    match happened {
        [Happened::DataSet { bytes, pdvs, ended, .. }] => (bytes, *pdvs, *ended),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pdvs_of_any_length_are_taken() {
    for length in [0, 1, 2, 3, 16377, 16378] {
        let mut acceptor = storing();
        let bytes = vec![0xAB; length];
        let happened = acceptor.receive(&wire::p_data(3, 2, &bytes));
        assert_eq!(data_set(&happened), (&bytes[..], 1, true), "{length}");
    }
}

#[test]
fn several_pdvs_in_one_pdu() {
    let pdvs: Vec<Vec<u8>> = (0..50).map(|n| wire::pdv(3, 0, &vec![n; usize::from(n)])).collect();
    let mut acceptor = storing();
    let happened =
        acceptor.receive(&wire::pdu(4, &[pdvs.concat(), wire::pdv(3, 2, b"end")].concat()));
    let (bytes, pdvs, ended) = data_set(&happened);
    assert_eq!(bytes.len(), (0..50).sum::<usize>() + 3);
    assert_eq!((pdvs, ended), (51, true));
}

#[test]
fn command_and_data_set_in_one_pdu() {
    let mut acceptor = Acceptor::established();
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    let (front, back) = command.split_at(13);
    let happened = acceptor.receive(&wire::pdu(
        4,
        &[
            wire::pdv(3, wire::COMMAND, front),
            wire::pdv(3, wire::COMMAND | wire::LAST, back),
            wire::pdv(3, wire::LAST, b"data set"),
        ]
        .concat(),
    ));
    let [Happened::Command(..), rest @ ..] = &happened[..] else { panic!("{happened:?}") };
    assert_eq!(data_set(rest), (&b"data set"[..], 1, true));
}

#[test]
fn several_messages_back_to_back() {
    let mut stream = Vec::new();
    for id in 0..20 {
        stream.extend(wire::p_data(3, 3, &wire::c_store_rq(id, CT_IMAGE_STORAGE, "1.2.3")));
        stream.extend(wire::p_data(3, 2, b"data"));
        stream.extend(wire::p_data(1, 3, &wire::c_echo_rq(id)));
    }
    let mut acceptor = Acceptor::established();
    assert_eq!(acceptor.receive(&stream).len(), 60);
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn fragments_that_are_in_the_input_together_come_out_together() {
    let mut acceptor = storing();
    let pdu = wire::p_data(3, 0, &[7; 16372]);
    let stream = pdu.repeat(4);
    let step = acceptor.association.receive(&stream, acceptor.now);
    let Event::DataSet(fragments) = step.event else { panic!() };
    assert_eq!(step.consumed, stream.len());
    assert_eq!(fragments.slices().len(), 4);
    assert_eq!(fragments.byte_count(), 4 * 16372);
    assert_eq!(fragments.pdvs_ended(), 4);
    assert!(!fragments.is_last());
    let borrowed = fragments.slices()[0].as_ptr();
    assert_eq!(borrowed, stream[12..].as_ptr(), "lent, not copied");
}

#[test]
fn a_cut_fragment_comes_out_in_pieces() {
    let mut acceptor = storing();
    let pdu = wire::p_data(3, 2, &[7; 1000]);
    let step = acceptor.association.receive(&pdu[..500], acceptor.now);
    let Event::DataSet(fragments) = step.event else { panic!() };
    assert_eq!((fragments.byte_count(), fragments.pdvs_ended()), (488, 0));
    let step = acceptor.association.receive(&pdu[500..], acceptor.now);
    let Event::DataSet(fragments) = step.event else { panic!() };
    assert_eq!((fragments.byte_count(), fragments.pdvs_ended()), (512, 1));
    assert!(fragments.is_last());
}

#[test]
fn many_tiny_fragments_come_in_several_events() {
    let mut acceptor = storing();
    let stream = wire::p_data(3, 0, b"x").repeat(1000);
    let mut at = 0;
    let mut sizes = Vec::new();
    while at < stream.len() {
        let step = acceptor.association.receive(&stream[at..], acceptor.now);
        let Event::DataSet(fragments) = step.event else { panic!() };
        sizes.push(fragments.slices().len());
        at += step.consumed;
    }
    assert_eq!(sizes.iter().sum::<usize>(), 1000);
    assert!(sizes.iter().rev().skip(1).all(|&size| size == limits::FRAGMENTS_PER_EVENT));
}

#[test]
fn pdv_lengths_that_do_not_add_up_are_aborted() {
    let overlong = [&[0, 0, 0, 100, 3, 0][..], b"short"].concat();
    let underlong = [0, 0, 0, 1, 3, 0, 0, 0];
    let zero = [0, 0, 0, 0, 3, 0];
    let huge = [0xFF, 0xFF, 0xFF, 0xFF, 3, 0];
    for body in [&overlong[..], &underlong, &zero, &huge] {
        let fault = storing().faults(&wire::pdu(4, body), 2, 6);
        assert!(matches!(fault, PeerFault::PdvLength { .. }), "{fault}");
    }
    // Bytes after the last PDV that are too few for another.
    for stray in 1..=5 {
        let body = [wire::pdv(3, 0, b"data"), vec![0; stray]].concat();
        let fault = storing().faults(&wire::pdu(4, &body), 2, 6);
        assert_eq!(fault, PeerFault::PdvLength { length: 6, remaining: 6 + stray as u32 });
    }
}

#[test]
fn a_pdu_longer_than_announced_is_aborted_at_its_header() {
    let fault = storing().faults(&[4, 0, 0, 0, 0x40, 1], 2, 6);
    assert_eq!(fault, PeerFault::PduLength { pdu_type: 4, length: 16385 });
    // Also when it is found while fragments are being collected: those come first.
    let mut acceptor = storing();
    let stream = [wire::p_data(3, 0, b"data"), wire::p_data(3, 0, &[0; 16379])].concat();
    let happened = acceptor.receive(&stream);
    let fault = PeerFault::PduLength { pdu_type: 4, length: 16385 };
    let [data, Happened::Aborted(AbortCause::Fault(found))] = &happened[..] else {
        panic!("{happened:?}")
    };
    assert_eq!(*found, fault);
    assert_eq!(data_set(std::slice::from_ref(data)), (&b"data"[..], 1, false));
}

#[test]
fn another_pdu_between_fragments_is_not_taken_for_one() {
    // The body of each looks like a PDV that would continue the data set.
    let body = wire::pdv(3, 0, &[0; 100]);
    for pdu_type in [1, 2, 5, 7, 9] {
        let stream = [wire::p_data(3, 0, b"data"), wire::pdu(pdu_type, &body)].concat();
        let happened = storing().receive(&stream);
        let [data, Happened::Aborted(AbortCause::Fault(_))] = &happened[..] else {
            panic!("{happened:?}")
        };
        assert_eq!(data_set(std::slice::from_ref(data)), (&b"data"[..], 1, false));
    }
}

#[test]
fn any_length_is_taken_if_no_maximum_was_announced() {
    let mut acceptor = Acceptor::connected();
    let policy = proto::AcceptorPolicy { max_pdu_bytes: 0, ..crate::common::policy() };
    let request = wire::usual_rq(&[wire::context(3, CT_IMAGE_STORAGE, &["1.2.840.10008.1.2"])]);
    acceptor.receive_with(&request, &policy);
    let command = wire::c_store_rq(1, CT_IMAGE_STORAGE, "1.2.3");
    acceptor.receive(&wire::p_data(3, 3, &command));
    // 4 GiB are announced, of which some come: nothing is gathered, all is handed on.
    acceptor.receive(&[4, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFB, 3, 2]);
    for _ in 0..10 {
        let happened = acceptor.receive(&[0; 65536]);
        assert_eq!(data_set(&happened), (&[0; 65536][..], 0, false));
    }
    assert_eq!(acceptor.association.state(), State::Sta6);
}

#[test]
fn a_pdv_on_a_context_that_was_not_accepted_is_aborted() {
    let fault = Acceptor::established().faults(&wire::p_data(5, 3, &wire::c_echo_rq(1)), 2, 6);
    assert_eq!(fault, PeerFault::ContextNotAccepted(proto::ContextId(5)));
    let fault = storing().faults(&wire::p_data(77, 0, b"data"), 2, 6);
    assert_eq!(fault, PeerFault::ContextNotAccepted(proto::ContextId(77)));
}

#[test]
fn after_a_fault_in_a_pdu_the_next_one_is_found() {
    let mut acceptor = storing();
    acceptor.receive(&wire::p_data(77, 0, &[0; 100]));
    assert_eq!(acceptor.association.state(), State::Sta13);
    acceptor.receive(&wire::abort(0, 0));
    assert!(acceptor.association.is_closed());
}
