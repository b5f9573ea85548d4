//! PDUs that no correct implementation sends.

use proto::{CommandSet, ContextId, element};

const HEADER_BYTES: usize = 6;
const P_DATA_TF: u8 = 0x04;

/// A TLS record with a fatal alert, readable by all versions (RFC 8446 §5.1, §6).
pub(super) fn alert(description: u8) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 1, 0, 2, FATAL, description]
}

/// A-ABORT with any source and reason (PS3.8 §9.3.8).
pub(super) fn abort(source: u8, reason: u8) -> [u8; 10] {
    [0x07, 0, 0, 0, 0, 4, 0, 0, source, reason]
}

/// A PDU of a type that the standard does not define, with four bytes of content.
pub(super) fn unknown_pdu(pdu_type: Option<u8>) -> Vec<u8> {
    const UNKNOWN: u8 = 0x7F;
    vec![pdu_type.unwrap_or(UNKNOWN), 0, 0, 0, 0, 4, 0, 0, 0, 0]
}

/// The first bytes of a message: so many but not all, or half of it.
pub(super) fn cut(bytes: &[u8], length: Option<u32>) -> &[u8] {
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(bytes.len() / 2);
    &bytes[..length.min(bytes.len().saturating_sub(1))]
}

/// A response in one P-DATA-TF PDU of this length (its length field), which an Error Comment fills. Longer than
/// that if the response alone is.
pub(super) fn oversized(response: &CommandSet, context: ContextId, length: u32) -> Vec<u8> {
    const PDV_HEADER_BYTES: usize = 6;
    let command_bytes = (length as usize).saturating_sub(PDV_HEADER_BYTES);
    let command = filled(response, command_bytes);
    let pdv_bytes = command.len() + 2;
    let mut pdu = vec![P_DATA_TF, 0];
    pdu.extend((pdv_bytes as u32 + 4).to_be_bytes());
    pdu.extend((pdv_bytes as u32).to_be_bytes());
    // A command set, and its last fragment.
    pdu.extend([context.0, 0b11]);
    pdu.extend(command);
    pdu
}

/// The bytes of a command set with an Error Comment of spaces, so long that there are `length` of them.
fn filled(response: &CommandSet, length: usize) -> Vec<u8> {
    const ELEMENT_HEADER_BYTES: usize = 8;
    const GROUP_LENGTH_BYTES: usize = ELEMENT_HEADER_BYTES + 4;

    let others =
        || response.elements().filter(|((_, number), _)| *number != element::ERROR_COMMENT);
    let taken: usize = others().map(|(_, value)| ELEMENT_HEADER_BYTES + value.len()).sum();
    let rest = length.saturating_sub(GROUP_LENGTH_BYTES + taken + ELEMENT_HEADER_BYTES);
    let comment = vec![b' '; rest & !1];
    let mut elements: Vec<_> = others().map(|((_, number), value)| (number, value)).collect();
    elements.push((element::ERROR_COMMENT, &comment));
    elements.sort_by_key(|(number, _)| *number);
    let group_length = (taken + ELEMENT_HEADER_BYTES + comment.len()) as u32;
    let mut command = Vec::with_capacity(length);
    put(&mut command, element::GROUP_LENGTH, &group_length.to_le_bytes());
    for (number, value) in elements {
        put(&mut command, number, value);
    }
    command
}

fn put(out: &mut Vec<u8>, element: u16, value: &[u8]) {
    out.extend([0, 0]);
    out.extend(element.to_le_bytes());
    out.extend((value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}

/// Changes the presentation context of each P-DATA-TF of one PDV.
pub(super) fn move_to_context(mut pdus: &mut [u8], id: u8) {
    const CONTEXT_AT: usize = HEADER_BYTES + 4;
    while let Some(&[pdu_type, _, a, b, c, d]) = pdus.first_chunk() {
        let end = HEADER_BYTES.saturating_add(u32::from_be_bytes([a, b, c, d]) as usize);
        if pdu_type == P_DATA_TF
            && let Some(context) = pdus.get_mut(CONTEXT_AT)
        {
            *context = id;
        }
        let rest = std::mem::take(&mut pdus);
        pdus = rest.get_mut(end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::{CStoreRq, Response, Status};

    fn response() -> CommandSet {
        let request = CStoreRq {
            message_id: 7,
            sop_class: "1.2".parse().unwrap(),
            sop_instance: "1.2.3".parse().unwrap(),
            priority: None,
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        request.response(Status(0xA700), Some("full"))
    }

    #[test]
    fn an_oversized_response_is_whole() {
        for length in [20_000, 4_096, 10] {
            let pdu = oversized(&response(), ContextId(3), length);
            let told = u32::from_be_bytes([pdu[2], pdu[3], pdu[4], pdu[5]]);
            assert_eq!(told as usize, pdu.len() - HEADER_BYTES);
            assert_eq!(told, if length == 10 { told } else { length });
            let command = CommandSet::decode(pdu[12..].to_vec()).unwrap();
            let parsed = Response::parse(&command).unwrap();
            assert_eq!((parsed.message_id_being_responded_to, parsed.status.0), (7, 0xA700));
            assert_eq!(parsed.sop_instance.unwrap().as_str(), "1.2.3");
        }
    }

    #[test]
    fn a_cut_leaves_something_out() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(cut(&bytes, None), [1, 2]);
        assert_eq!(cut(&bytes, Some(3)), [1, 2, 3]);
        assert_eq!(cut(&bytes, Some(99)), [1, 2, 3]);
        assert!(cut(&bytes, Some(0)).is_empty() && cut(&[], None).is_empty());
    }

    #[test]
    fn each_pdu_moves_to_the_context() {
        let pdu = [4, 0, 0, 0, 0, 7, 0, 0, 0, 3, 1, 3, 9];
        let mut pdus = [&pdu[..], &abort(0, 0), &pdu].concat();
        move_to_context(&mut pdus, 5);
        assert_eq!((pdus[10], pdus[13 + 8], pdus[23 + 10]), (5, 0, 5));
        move_to_context(&mut pdus[..8], 5);
    }
}
