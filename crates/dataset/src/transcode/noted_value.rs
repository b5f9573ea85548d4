//! The value of an attribute that was noted, and how it is read.

use crate::encoding::character_set;
use crate::vr::Vr;

/// The value of a wanted attribute, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedValue<'a> {
    /// Raw bytes, including padding, in the encoding of the data set; of a longer value, the first
    /// [`ATTRIBUTE_BYTES`](crate::limits::ATTRIBUTE_BYTES).
    pub bytes: &'a [u8],
    /// What the element header or the dictionary says; [`Vr::UN`] if neither knows.
    pub vr: Vr,
    /// Whether numbers begin with their highest byte.
    pub big_endian: bool,
    /// Of a value that is longer: a number made of all that follows, by which two such values are told apart.
    pub rest: Option<u64>,
}

impl NotedValue<'_> {
    /// As text in UTF-8, with its padding and the `\` between values, as a value of this representation. Where its end is not
    /// here, a character that was cut is left out.
    #[must_use]
    pub fn text(&self, vr: Vr, character_set: Option<&[u8]>) -> String {
        let decode = match vr {
            Vr::PN => character_set::person_name,
            _ => character_set::text,
        };
        let (mut text, mut as_declared) = decode(character_set, self.bytes);
        if self.rest.is_some() {
            for cut in 1..4 {
                if as_declared {
                    break;
                }
                let bytes = &self.bytes[..self.bytes.len().saturating_sub(cut)];
                (text, as_declared) = decode(character_set, bytes);
            }
        }
        text
    }

    /// As numbers in decimal, and tags as eight hexadecimal digits; `None` if values of this representation are neither.
    #[must_use]
    pub fn numbers(&self, vr: Vr) -> Option<impl Iterator<Item = String>> {
        let length = number_bytes(vr)?;
        let big_endian = self.big_endian;
        let each = self.bytes.chunks_exact(length);
        Some(each.filter_map(move |bytes| number(vr, bytes, big_endian)))
    }
}

/// Bytes of each number; `None` of other values (PS3.5 §6.2).
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
            format!("{group:04x}{element:04x}")
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
