//! Generates data sets from a seed: most of them legal, some not.

use super::Case;
use super::model::{Element, Encoding, Item, Value, deflate, encode};
use super::values::{self, KNOWN, text_or_number};
use crate::random::Random;
use crate::wire::uid;

/// The transfer syntaxes that every generated data set is sent in. The last one represents all encapsulated
/// ones.
pub(super) const TRANSFER_SYNTAXES: [&str; 5] =
    [uid::IVLE, uid::EVLE, uid::EVBE, uid::DEFLATED, uid::JPEG_BASELINE];

/// Generates data set `number` of this seed, in every transfer syntax.
pub(super) fn data_set(seed: u64, number: u64) -> Vec<Case> {
    let random = &mut Random::new(seed, number);
    let sop_instance = "2.25.4711";
    let mut elements = head(random, sop_instance);
    for _ in 0..1 + random.below(4) {
        topic(random, &mut elements, 0);
    }
    elements.sort_by_key(|element| (element.group, element.number));
    if random.percent(90) {
        elements.dedup_by_key(|element| (element.group, element.number));
    }
    if random.percent(15) {
        group_lengths(random, &mut elements);
    }
    if random.percent(8) {
        disorder(random, &mut elements);
    }
    if random.percent(8) {
        illegal(random, &mut elements);
    }
    if random.percent(8) {
        foreign(random, &mut elements);
    }
    TRANSFER_SYNTAXES
        .into_iter()
        .map(|syntax| Case {
            name: format!("made up: seed {seed}, number {number}"),
            transfer_syntax: syntax.to_owned(),
            sop_class: uid::CT.to_owned(),
            sop_instance: sop_instance.to_owned(),
            bytes: bytes_in(syntax, &elements, random),
        })
        .collect()
}

fn bytes_in(syntax: &str, elements: &[Element], random: &mut Random) -> Vec<u8> {
    let encoding = Encoding::of(syntax);
    let mut bytes = encode(elements, encoding);
    if bytes.len() % 2 == 1 && random.percent(97) {
        let filler = values::element(0x7FE1, 0x1001, *b"OB", vec![7]);
        bytes.extend(encode(&[filler], encoding));
    }
    if random.percent(6) {
        damage(random, &mut bytes);
    }
    if syntax == uid::DEFLATED {
        let level = u32::try_from(random.below(10)).unwrap_or(6);
        bytes = deflate(&bytes, level);
        if random.percent(6) {
            damage(random, &mut bytes);
        }
    }
    bytes
}

/// Elements that a SOP instance must have; now and then, some are missing.
fn head(random: &mut Random, sop_instance: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    if random.percent(98) {
        let class = if random.percent(98) { uid::CT } else { uid::MR };
        elements.push(values::text(0x0008, 0x0016, *b"UI", class));
    }
    if random.percent(98) {
        let instance = if random.percent(98) { sop_instance } else { "2.25.1" };
        elements.push(values::text(0x0008, 0x0018, *b"UI", instance));
    }
    if random.percent(50) {
        elements.push(values::text(0x0020, 0x000D, *b"UI", "2.25.301"));
    }
    elements
}

/// Adds a few related elements.
fn topic(random: &mut Random, elements: &mut Vec<Element>, depth: usize) {
    match random.below(if depth < 6 { 16 } else { 10 }) {
        0..=3 => {
            for _ in 0..1 + random.below(4) {
                elements.push(known(random));
            }
        }
        4 => elements.extend(values::ambiguous(random)),
        5 => elements.extend(values::waveform(random)),
        6 => elements.push(values::strange_vr(random)),
        7 => elements.extend(private_block(random, depth)),
        8 => elements.extend(values::pixels(random)),
        9 => elements.push(values::beside_the_dictionary(random)),
        10 => elements.push(unknown(random, depth)),
        11 => elements.push(values::padding(random)),
        _ => elements.push(sequence(random, depth)),
    }
}

fn known(random: &mut Random) -> Element {
    let (group, number, vr) = random.pick(KNOWN);
    // A VR that contradicts the dictionary is legal as far as the encoding goes.
    let vr = if random.percent(8) { random.pick(values::VRS) } else { vr };
    values::element(group, number, vr, text_or_number(random, vr))
}

fn sequence(random: &mut Random, depth: usize) -> Element {
    const SEQUENCES: &[(u16, u16)] = &[
        (0x0008, 0x1110),
        (0x0008, 0x1140),
        (0x0028, 0x3000),
        (0x0028, 0x3010),
        (0x0040, 0x0275),
        (0x0040, 0xA730),
        (0x0088, 0x0200),
        (0x5200, 0x9229),
        (0x5400, 0x0100),
    ];
    let (group, number) = random.pick(SEQUENCES);
    Element { group, number, vr: *b"SQ", value: items(random, depth) }
}

fn items(random: &mut Random, depth: usize) -> Value {
    let count = random.pick(&[0, 1, 1, 1, 2, 3]);
    let items = (0..count).map(|_| item(random, depth + 1)).collect();
    let slack = if random.percent(2) { random.pick(&[-8, -2, 2, 8, 40]) } else { 0 };
    Value::Items { explicit_length: random.percent(50), implicit: false, items, slack }
}

fn item(random: &mut Random, depth: usize) -> Item {
    let mut elements = Vec::new();
    for _ in 0..random.pick(&[0, 1, 1, 2, 3]) {
        topic(random, &mut elements, depth);
    }
    elements.sort_by_key(|element| (element.group, element.number));
    if random.percent(90) {
        elements.dedup_by_key(|element| (element.group, element.number));
    }
    if random.percent(20) {
        group_lengths(random, &mut elements);
    }
    if random.percent(4) {
        disorder(random, &mut elements);
    }
    let slack = if random.percent(2) { random.pick(&[-8, -2, -1, 1, 2, 8, 40]) } else { 0 };
    Item { explicit_length: random.percent(50), elements, slack }
}

/// A private block (PS3.5 §7.8), with or without its creator.
fn private_block(random: &mut Random, depth: usize) -> Vec<Element> {
    // Creators in Debian's dictionary, with elements that it contains, and one unknown creator.
    const BLOCKS: &[(u16, &str, &[u16])] = &[
        (0x0009, "GEMS_IDEN_01", &[0x01, 0x02, 0x04, 0x27, 0x30, 0xE6]),
        (0x0019, "GEMS_ACQU_01", &[0x02, 0x03, 0x0F, 0x18, 0x5A, 0x8F]),
        (0x0029, "SIEMENS CSA HEADER", &[0x08, 0x09, 0x10, 0x18, 0x20]),
        (0x0019, "SIEMENS MR HEADER", &[0x08, 0x0A, 0x0C, 0x27]),
        (0x2001, "Philips Imaging DD 001", &[0x01, 0x03, 0x0E, 0x5F, 0x18]),
        (0x0009, "ACME 1.0", &[0x01, 0x10, 0xFF]),
    ];
    let (group, creator, numbers) = random.pick(BLOCKS);
    let block: u16 = random.pick(&[0x10, 0x11, 0xE0]);
    let mut elements = Vec::new();
    if random.percent(80) {
        elements.push(values::text(group, block, *b"LO", creator));
    }
    for _ in 0..1 + random.below(3) {
        let number = block << 8 | random.pick(numbers);
        let vr = random.pick(values::VRS);
        let value = if random.percent(15) && depth < 6 {
            elements.push(Element { group, number, vr: *b"SQ", value: items(random, depth) });
            continue;
        } else {
            text_or_number(random, vr)
        };
        elements.push(values::element(group, number, vr, value));
    }
    elements
}

/// An element of VR UN: with defined length, holding bytes or items, or with undefined length (PS3.5 §6.2.2).
fn unknown(random: &mut Random, depth: usize) -> Element {
    const SEQUENCES: &[(u16, u16)] =
        &[(0x0008, 0x1140), (0x0040, 0xA730), (0x0009, 0x1002), (0x0011, 0x0100)];
    let (group, number) = random.pick(SEQUENCES);
    let vr = *b"UN";
    if random.percent(40) {
        let (group, number, natural) = random.pick(KNOWN);
        return values::element(group, number, vr, text_or_number(random, natural));
    }
    let Value::Items { explicit_length, items, slack, .. } = items(random, depth) else {
        unreachable!("items make items")
    };
    let implicit = random.percent(90);
    Element { group, number, vr, value: Value::Items { explicit_length, implicit, items, slack } }
}

/// Inserts group lengths for some groups, mostly with wrong values.
fn group_lengths(random: &mut Random, elements: &mut Vec<Element>) {
    let mut groups: Vec<u16> = elements.iter().map(|element| element.group).collect();
    groups.dedup();
    groups.push(0x0018);
    for group in groups {
        if random.percent(50) {
            let vr = if random.percent(90) { *b"UL" } else { random.pick(values::VRS) };
            let value = vec![random.pick(&[0, 8, 99]), 0, 0, 0];
            elements.push(values::element(group, 0, vr, value));
        }
    }
    elements.sort_by_key(|element| (element.group, element.number));
}

fn disorder(random: &mut Random, elements: &mut Vec<Element>) {
    if elements.is_empty() {
        return;
    }
    for _ in 0..1 + random.below(3) {
        let (from, to) = (random.below(elements.len()), random.below(elements.len()));
        if random.percent(70) {
            let element = elements.remove(from);
            elements.insert(to, element);
        } else {
            let element = elements[from].clone();
            elements.insert(to, element);
        }
    }
}

/// Inserts something illegal into the data set.
fn illegal(random: &mut Random, elements: &mut Vec<Element>) {
    let place = random.below(elements.len() + 1);
    let bare =
        |number, length| Element { group: 0xFFFE, number, vr: *b"  ", value: Value::Bare(length) };
    let element = match random.below(10) {
        0 => bare(0xE00D, 0),
        1 => bare(0xE0DD, 0),
        2 => bare(0xE000, random.pick(&[0, 8, 0xFFFF_FFFF])),
        3 => {
            let (group, number, vr) = random.pick(KNOWN);
            let value = text_or_number(random, vr);
            let length = random.pick(&[0, 1, 3, 12, 1000, 0xFFFF_FFFE, 0xFFFF_FFFF]);
            Element { group, number, vr, value: Value::Claimed(length, value) }
        }
        4 => {
            let vr = random.pick(&[*b"OB", *b"OW", *b"UN"]);
            let fragments = vec![vec![], vec![1, 2, 3, 4]];
            let value = Value::Fragments { fragments, delimited: random.percent(60) };
            let (group, number) =
                random.pick(&[(0x7FE0, 0x0010), (0x0042, 0x0011), (0x0009, 0x1001)]);
            Element { group, number, vr, value }
        }
        5 => values::element(0x0028, 0x3010, *b"OW", vec![0; 8]),
        6 => {
            let vr = random.pick(&[*b"OB", *b"OW"]);
            values::element(0x7FE0, 0x0010, vr, random.bytes(8))
        }
        _ => {
            let group = random.pick(&[0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0006, 0x0007]);
            let number = random.pick(&[0x0000, 0x0001, 0x0010, 0x0100]);
            let vr = random.pick(values::VRS);
            values::element(group, number, vr, text_or_number(random, vr))
        }
    };
    elements.insert(place, element);
    if random.percent(60) {
        elements.sort_by_key(|element| (element.group, element.number));
    }
}

/// Inserts elements that belong in a command set or in file meta information.
fn foreign(random: &mut Random, elements: &mut Vec<Element>) {
    for _ in 0..1 + random.below(3) {
        let (group, number, vr) = random.pick(&[
            (0x0000, 0x0000, *b"UL"),
            (0x0000, 0x0100, *b"US"),
            (0x0000, 0x1000, *b"UI"),
            (0x0002, 0x0000, *b"UL"),
            (0x0002, 0x0001, *b"OB"),
            (0x0002, 0x0003, *b"UI"),
            (0x0002, 0x0010, *b"UI"),
            (0x0002, 0x0016, *b"AE"),
        ]);
        let place = random.below(elements.len() + 1);
        elements.insert(place, values::element(group, number, vr, text_or_number(random, vr)));
    }
    if random.percent(60) {
        elements.sort_by_key(|element| (element.group, element.number));
    }
}

/// Cuts, extends or changes bytes, keeping an even length.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.len() < 2 {
        return;
    }
    match random.below(4) {
        0 | 1 => bytes.truncate(random.below(bytes.len() / 2) * 2),
        2 => {
            let count = random.pick(&[2, 4, 6, 8, 10, 12, 40]);
            let garbage = if random.percent(50) { vec![0; count] } else { random.bytes(count) };
            bytes.extend(garbage);
        }
        _ => {
            let place = random.below(bytes.len());
            bytes[place] = random.bytes(1)[0];
        }
    }
}
