//! Values of attributes as text.

use dataset::{NotedValue, Vr, character_set};

/// The first value, without padding and in UTF-8; `None` if it is empty, or nothing that can be text.
pub(super) fn first(noted: &NotedValue<'_>, character_set: Option<&[u8]>) -> Option<String> {
    all(noted, character_set).into_iter().next().filter(|text| !text.is_empty())
}

/// All values.
pub(super) fn all(noted: &NotedValue<'_>, character_set: Option<&[u8]>) -> Vec<String> {
    use Vr::{LT, OB, OD, OF, OL, OV, OW, SQ, ST, UR, UT};
    match noted.vr {
        OB | OD | OF | OL | OV | OW | SQ => Vec::new(),
        vr => match number_bytes(vr) {
            Some(length) => {
                let each = noted.bytes.chunks_exact(length);
                each.filter_map(|bytes| number(vr, bytes, noted.big_endian)).collect()
            }
            None => {
                let text = text(noted, character_set);
                let is_one = matches!(vr, LT | ST | UT | UR);
                let parts: Vec<&str> =
                    if is_one { vec![&text] } else { text.split('\\').collect() };
                parts.into_iter().map(|part| without_padding(part, vr)).collect()
            }
        },
    }
}

fn text(noted: &NotedValue<'_>, character_set: Option<&[u8]>) -> String {
    let decode = match noted.vr {
        Vr::PN => character_set::person_name,
        _ => character_set::text,
    };
    let (mut text, mut as_declared) = decode(character_set, noted.bytes);
    if noted.rest.is_some() {
        // The last character may have been cut.
        for cut in 1..4 {
            if as_declared {
                break;
            }
            let bytes = &noted.bytes[..noted.bytes.len().saturating_sub(cut)];
            (text, as_declared) = decode(character_set, bytes);
        }
    }
    text
}

/// Without what means nothing (PS3.5 §6.2), nor NULs, which no database takes.
fn without_padding(text: &str, vr: Vr) -> String {
    let padding: &[char] = if vr == Vr::PN { &['^', '=', ' ', '\0'] } else { &[' ', '\0'] };
    let text = text.trim_end_matches(padding).trim_start_matches([' ', '\0']);
    text.replace('\0', " ")
}

/// Bytes of each number; `None` of text.
fn number_bytes(vr: Vr) -> Option<usize> {
    match vr {
        Vr::US | Vr::SS => Some(2),
        Vr::UL | Vr::SL | Vr::FL | Vr::AT => Some(4),
        Vr::UV | Vr::SV | Vr::FD => Some(8),
        _ => None,
    }
}

fn number(vr: Vr, bytes: &[u8], big_endian: bool) -> Option<String> {
    Some(match vr {
        Vr::US => u16::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::SS => i16::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::UL => u32::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::SL => i32::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::UV => u64::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::SV => i64::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::FL => f32::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::FD => f64::from_be_bytes(highest_first(bytes, big_endian)?).to_string(),
        Vr::AT => {
            let group = u16::from_be_bytes(highest_first(bytes, big_endian)?);
            let element = u16::from_be_bytes(highest_first(bytes.get(2..)?, big_endian)?);
            format!("{group:04X}{element:04X}")
        }
        _ => return None,
    })
}

fn highest_first<const N: usize>(bytes: &[u8], big_endian: bool) -> Option<[u8; N]> {
    let mut number: [u8; N] = *bytes.first_chunk()?;
    if !big_endian {
        number.reverse();
    }
    Some(number)
}
