//! Makes data sets from every private element in a dictionary file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Case;
use super::model::{Element, Encoding, Item, Value, encode, unit};
use super::values;
use crate::wire::uid;

/// Makes data sets with each entry of a private dictionary in DCMTK's format. There is one data set per
/// creator, with a suitable value for each VR: in implicit VR, with the VR `UN`, and with the VRs in both byte
/// orders.
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn private_elements(dictionary: &Path) -> Vec<Case> {
    let text = fs::read(dictionary).expect("a dictionary file");
    let text = String::from_utf8_lossy(&text);
    let mut creators: BTreeMap<&str, BTreeSet<Entry>> = BTreeMap::new();
    for (creator, entry) in text.lines().filter_map(entry) {
        creators.entry(creator).or_default().insert(entry);
    }
    let mut cases = Vec::new();
    for (number, (creator, entries)) in creators.iter().enumerate() {
        let block = if number % 2 == 0 { 0x10 } else { 0xE1 };
        for (vrs, syntax) in [(true, uid::IVLE), (false, uid::EVLE), (false, uid::EVBE)] {
            cases.push(Case {
                name: format!("private elements of {creator:?}"),
                transfer_syntax: syntax.to_owned(),
                sop_class: uid::CT.to_owned(),
                sop_instance: SOP_INSTANCE.to_owned(),
                bytes: encode(&data_set(creator, entries, block, vrs), Encoding::of(syntax)),
            });
        }
    }
    cases
}

const SOP_INSTANCE: &str = "2.25.4711";

/// Group, element (low byte or all of it), and VR.
type Entry = (u16, u16, [u8; 2]);

/// Parses the creator and the rest of an entry such as `(0019,"CREATOR",04)`; of a range of groups such as
/// `(6001-o-60FF,"CREATOR",04)`, the first group.
fn entry(line: &str) -> Option<(&str, Entry)> {
    let mut fields = line.split('\t').map(str::trim);
    let tag = fields.next()?.strip_prefix('(')?.strip_suffix(')')?;
    let vr = fields.next()?.as_bytes().try_into().ok()?;
    let (groups, rest) = tag.split_once(",\"")?;
    let (creator, elements) = rest.rsplit_once("\",")?;
    let first = |range: &str| u16::from_str_radix(range.split('-').next()?, 16).ok();
    Some((creator, (first(groups)?, first(elements)?, vr)))
}

fn data_set(creator: &str, entries: &BTreeSet<Entry>, block: u16, vrs: bool) -> Vec<Element> {
    let mut elements = vec![
        values::text(0x0008, 0x0016, *b"UI", uid::CT),
        values::text(0x0008, 0x0018, *b"UI", SOP_INSTANCE),
    ];
    for &(group, number, vr) in entries {
        elements.push(values::text(group, block, *b"LO", creator));
        let number = if number < 0x100 { block << 8 | number } else { number };
        // `UN` of defined length holds what implicit VR little endian would (PS3.5 §6.2.2).
        let written = if vrs { vr } else { *b"UN" };
        let value = match (&vr, vrs) {
            (b"SQ", true) => sequence(),
            (b"SQ", false) => {
                let whole = Element { group, number, vr, value: sequence() };
                Value::Bytes(encode(&[whole], Encoding::of(uid::IVLE)).split_off(8))
            }
            _ => Value::Bytes(value(vr)),
        };
        elements.push(Element { group, number, vr: written, value });
    }
    elements.sort_by_key(|element| (element.group, element.number));
    elements.dedup_by_key(|element| (element.group, element.number));
    elements
}

fn sequence() -> Value {
    let elements = vec![values::text(0x0008, 0x0100, *b"SH", "AB")];
    let item = Item { explicit_length: true, elements, slack: 0 };
    Value::Items { explicit_length: true, implicit: false, items: vec![item], slack: 0 }
}

/// Eight bytes that are written differently if they are taken for another VR: swapped in other units, or
/// trimmed.
fn value(vr: [u8; 2]) -> Vec<u8> {
    match unit(vr) {
        1 if vr == *b"UI" => b"1.2.25\0\0".to_vec(),
        1 if matches!(&vr, b"OB" | b"UN" | b"ox" | b"px") => b"\x01\x02\x03\x04 \x06  ".to_vec(),
        1 => b"1234 5  ".to_vec(),
        _ => (1..=8).collect(),
    }
}
