//! Values of attributes as text.

use dataset::{NotedValue, Vr};

/// The first value, without padding and in UTF-8; `None` if it is empty, or nothing that can be text.
pub(super) fn first(noted: &NotedValue<'_>, character_set: Option<&[u8]>) -> Option<String> {
    all(noted, character_set).into_iter().next().filter(|text| !text.is_empty())
}

/// All values.
pub(super) fn all(noted: &NotedValue<'_>, character_set: Option<&[u8]>) -> Vec<String> {
    use Vr::{LT, OB, OD, OF, OL, OV, OW, SQ, ST, UR, UT};
    if matches!(noted.vr, OB | OD | OF | OL | OV | OW | SQ) {
        return Vec::new();
    }
    if let Some(numbers) = noted.numbers(noted.vr) {
        return numbers.collect();
    }
    let text = noted.text(noted.vr, character_set);
    let is_one = matches!(noted.vr, LT | ST | UT | UR);
    let parts: Vec<&str> = if is_one { vec![&text] } else { text.split('\\').collect() };
    parts.into_iter().map(|part| without_padding(part, noted.vr)).collect()
}

/// Without what means nothing (PS3.5 §6.2), nor NULs, which no database takes.
fn without_padding(text: &str, vr: Vr) -> String {
    let padding: &[char] = if vr == Vr::PN { &['^', '=', ' ', '\0'] } else { &[' ', '\0'] };
    let text = text.trim_end_matches(padding).trim_start_matches([' ', '\0']);
    text.replace('\0', " ")
}
