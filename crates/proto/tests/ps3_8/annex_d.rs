//! PS3.8 Annex D: maximum length.

use proto::max_send_pdv_bytes;

use crate::common::{Acceptor, CT_IMAGE_STORAGE, IMPLICIT_LITTLE, wire};

/// Lengths of the variable fields of the PDUs in `bytes`.
fn pdu_lengths(mut bytes: &[u8]) -> Vec<u32> {
    let mut lengths = Vec::new();
    while let [_, _, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_be_bytes([*a, *b, *c, *d]);
        lengths.push(length);
        bytes = &rest[length as usize..];
    }
    lengths
}

#[test]
fn what_is_sent_obeys_the_peers_maximum() {
    for max in [7, 8, 9, 23, 24, 25, 100, 16384, 16385, 131_072, 131_073, 1 << 20, u32::MAX, 0] {
        let max_sub_item = wire::item(0x51, &u32::to_be_bytes(max));
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&wire::associate_rq(&[
            wire::application_context(),
            wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
            wire::item(0x50, &max_sub_item),
        ]));
        acceptor.sent();
        let data = vec![0; 300_000];
        acceptor.association.send_data(proto::ContextId(1), &data, true).unwrap();
        let sent = acceptor.sent();
        let lengths = pdu_lengths(&sent);
        // A maximum that has no room for two bytes of data is no maximum.
        let bound = if max < 8 { 131_072 } else { max };
        assert!(lengths.iter().all(|&length| length <= bound), "{max}");
        let carried: u32 = lengths.iter().map(|length| length - 6).sum();
        assert_eq!(carried, 300_000);
        assert_eq!(acceptor.association.max_send_pdv_bytes(), max_send_pdv_bytes(Some(max)));
    }
}

#[test]
fn the_figure_for_the_log_is_dcmtks() {
    for (peer, expected) in [
        (Some(16384), 16372),
        (Some(16383), 16370),
        (Some(4096), 4084),
        (Some(24), 12),
        (Some(0), 131_060),
        (None, 131_060),
        (Some(131_072), 131_060),
        (Some(131_073), 131_060),
        (Some(u32::MAX), 131_060),
        (Some(7), 4084),
        // Beneath what DCMTK obeys.
        (Some(23), 16),
        (Some(22), 16),
        (Some(8), 2),
    ] {
        assert_eq!(max_send_pdv_bytes(peer), expected, "{peer:?}");
    }
}

#[test]
fn a_maximum_that_is_missing_means_any_length() {
    let mut acceptor = Acceptor::connected();
    acceptor.receive(&wire::associate_rq(&[
        wire::application_context(),
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
    ]));
    assert_eq!(acceptor.association.max_send_pdv_bytes(), 131_060);
}
