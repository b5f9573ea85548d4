//! Provides the elements and values that data sets are generated from.

use super::model::{Element, Value, unit};
use crate::random::Random;

/// Every VR of PS3.5 §6.2 but SQ.
pub(super) const VRS: &[[u8; 2]] = &[
    *b"AE", *b"AS", *b"AT", *b"CS", *b"DA", *b"DS", *b"DT", *b"FD", *b"FL", *b"IS", *b"LO", *b"LT",
    *b"OB", *b"OD", *b"OF", *b"OL", *b"OV", *b"OW", *b"PN", *b"SH", *b"SL", *b"SS", *b"ST", *b"SV",
    *b"TM", *b"UC", *b"UI", *b"UL", *b"UN", *b"UR", *b"US", *b"UT", *b"UV",
];

/// Attributes that all dictionaries define alike: at least one for each VR that has any.
pub(super) const KNOWN: &[(u16, u16, [u8; 2])] = &[
    (0x0008, 0x0008, *b"CS"),
    (0x0008, 0x0020, *b"DA"),
    (0x0008, 0x002A, *b"DT"),
    (0x0008, 0x0030, *b"TM"),
    (0x0008, 0x0050, *b"SH"),
    (0x0008, 0x0054, *b"AE"),
    (0x0008, 0x0060, *b"CS"),
    (0x0008, 0x0070, *b"LO"),
    (0x0008, 0x0081, *b"ST"),
    (0x0008, 0x0119, *b"UC"),
    (0x0008, 0x0120, *b"UR"),
    (0x0008, 0x0304, *b"SL"),
    (0x0008, 0x1155, *b"UI"),
    (0x0008, 0x1160, *b"IS"),
    (0x0008, 0x1161, *b"UL"),
    (0x0008, 0x1190, *b"UR"),
    (0x0010, 0x0010, *b"PN"),
    (0x0010, 0x0020, *b"LO"),
    (0x0010, 0x1010, *b"AS"),
    (0x0010, 0x4000, *b"LT"),
    (0x0018, 0x0050, *b"DS"),
    (0x0018, 0x6016, *b"UL"),
    (0x0018, 0x6020, *b"SL"),
    (0x0018, 0x9073, *b"FD"),
    (0x0018, 0x9219, *b"SS"),
    (0x0020, 0x000D, *b"UI"),
    (0x0020, 0x0013, *b"IS"),
    (0x0020, 0x4000, *b"LT"),
    (0x0028, 0x0009, *b"AT"),
    (0x0028, 0x0010, *b"US"),
    (0x0028, 0x1221, *b"OW"),
    (0x0040, 0xA160, *b"UT"),
    (0x0042, 0x0011, *b"OB"),
    (0x0066, 0x0016, *b"OF"),
    (0x0066, 0x0040, *b"OL"),
    (0x0070, 0x0022, *b"FL"),
    (0x0070, 0x150D, *b"OD"),
    (0x0400, 0x0510, *b"OB"),
    (0x2200, 0x0002, *b"UT"),
];

/// An element.
pub(super) fn element(group: u16, number: u16, vr: [u8; 2], value: Vec<u8>) -> Element {
    Element { group, number, vr, value: Value::Bytes(value) }
}

/// An element with text, padded to even length.
pub(super) fn text(group: u16, number: u16, vr: [u8; 2], value: &str) -> Element {
    let mut bytes = value.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(if vr == *b"UI" { 0 } else { b' ' });
    }
    element(group, number, vr, bytes)
}

/// A value for this VR: mostly short and mostly valid.
pub(super) fn text_or_number(random: &mut Random, vr: [u8; 2]) -> Vec<u8> {
    let unit = unit(vr);
    if unit > 1 {
        let units = match random.below(60) {
            0 => 0x1_0000 / unit - 1,
            1 => 0x1_0000 / unit,
            2 => 70_000 / unit,
            _ => random.below(5),
        };
        let odd = if random.percent(6) { random.below(unit + 1) } else { 0 };
        return random.bytes(units * unit + odd);
    }
    let length = match random.below(100) {
        0 => random.pick(&[65_533, 65_534, 65_535, 65_536, 70_000]),
        _ => random.below(20),
    };
    if matches!(&vr, b"OB" | b"UN") {
        let even = if random.percent(90) { length & !1 } else { length };
        return random.bytes(even);
    }
    let alphabet: &[u8] =
        if vr == *b"UI" { b"0123456789..\\" } else { b"ABab 01^=\\.\xE4\xA4\x1B" };
    let mut value: Vec<u8> = (0..length).map(|_| random.pick(alphabet)).collect();
    let pad = random.pick(&[&b""[..], b"", b" ", b"  ", b"\0", b"\0\0", b" \0", b"\0 "]);
    value.extend(pad);
    if random.percent(5) {
        value.fill(random.pick(b" \0"));
    }
    if random.percent(5) && !value.is_empty() {
        value[0] = random.pick(b" \0\t");
    }
    if value.len() % 2 == 1 && random.percent(90) {
        value.push(if vr == *b"UI" { 0 } else { b' ' });
    }
    value
}

/// Elements whose VR (US or SS, OB or OW) depends on other elements (PS3.5 §A.1, PS3.6), with Pixel
/// Representation before them, after them or missing.
pub(super) fn ambiguous(random: &mut Random) -> Vec<Element> {
    const US_OR_SS: &[(u16, u16)] = &[
        (0x0018, 0x9810),
        (0x0028, 0x0104),
        (0x0028, 0x0106),
        (0x0028, 0x0107),
        (0x0028, 0x0108),
        (0x0028, 0x0109),
        (0x0028, 0x0110),
        (0x0028, 0x0120),
        (0x0028, 0x0121),
        (0x0028, 0x1101),
        (0x0028, 0x1102),
        (0x0028, 0x1103),
        (0x0028, 0x3002),
        (0x0040, 0x9211),
        (0x0040, 0x9216),
        (0x0060, 0x3004),
        (0x0060, 0x3006),
    ];
    const OTHER: &[(u16, u16, [u8; 2])] = &[
        (0x0028, 0x1101, *b"SS"),
        (0x0028, 0x1201, *b"OW"),
        (0x0028, 0x1202, *b"OW"),
        (0x0028, 0x3006, *b"US"),
        (0x0028, 0x3006, *b"OW"),
        (0x0028, 0x3006, *b"SS"),
        (0x0028, 0x1200, *b"US"),
        (0x5000, 0x3000, *b"OB"),
        (0x5002, 0x3000, *b"OW"),
        (0x6000, 0x3000, *b"OB"),
        (0x6002, 0x3000, *b"OW"),
        (0x6001, 0x3000, *b"OW"),
        (0x5000, 0x200C, *b"OB"),
        (0x60FE, 0x0010, *b"US"),
    ];
    let mut elements = Vec::new();
    if random.percent(60) {
        let signed = random.pick(&[0, 1, 1, 2]);
        elements.push(element(0x0028, 0x0103, *b"US", vec![signed, 0]));
    }
    for _ in 0..1 + random.below(3) {
        let (group, number, vr) = if random.percent(70) {
            let (group, number) = random.pick(US_OR_SS);
            let vr = random.pick(&[*b"US", *b"SS", *b"UN", *b"xs"]);
            (group, number, vr)
        } else {
            random.pick(OTHER)
        };
        let count = random.pick(&[1, 3]);
        elements.push(element(group, number, vr, random.bytes(2 * count)));
    }
    elements
}

/// Waveform attributes, whose VR (OB or OW) depends on Waveform Bits Allocated.
pub(super) fn waveform(random: &mut Random) -> Vec<Element> {
    let mut elements = Vec::new();
    if random.percent(70) {
        let bits = random.pick(&[8, 16, 32]);
        elements.push(element(0x5400, 0x1004, *b"US", vec![bits, 0]));
    }
    for number in [0x0110, 0x0112, 0x100A, 0x1010] {
        if random.percent(50) {
            let vr = random.pick(&[*b"OB", *b"OW"]);
            elements.push(element(0x5400, number, vr, random.bytes(4)));
        }
    }
    elements
}

/// An element with an unknown VR, or with a misleading one.
pub(super) fn strange_vr(random: &mut Random) -> Element {
    let vr = random.pick(&[
        *b"XX", *b"ZZ", *b"??", *b"ab", *b"ox", *b"xs", *b"OX", *b"lt", *b"up", *b"na", *b"px",
        *b"  ", *b"\0\0", *b"U\0", *b"--", *b"A1",
    ]);
    let tags = [
        (0x0008, 0x0070),
        (0x0009, 0x1001),
        (0x0028, 0x0106),
        (0x5000, 0x3000),
        (0x7FE0, 0x0010),
        (0x0028, 0x3006),
        (0x0011, 0x0010),
        (0x0008, 0x1140),
    ];
    let (group, number) = random.pick(&tags);
    let count = 2 * random.below(5);
    element(group, number, vr, random.bytes(count))
}

/// Image attributes and Pixel Data, native or in fragments as the transfer syntax requires.
pub(super) fn pixels(random: &mut Random) -> Vec<Element> {
    let bits = random.pick(&[8, 16]);
    let mut elements = vec![
        element(0x0028, 0x0100, *b"US", vec![bits, 0]),
        element(0x0028, 0x0103, *b"US", vec![random.pick(&[0, 1]), 0]),
    ];
    let count = random.pick(&[0, 2, 64, 64, 65_536]);
    let native = random.bytes(count);
    let count = random.below(4);
    let mut fragments: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let count = 2 * random.below(9);
            random.bytes(count)
        })
        .collect();
    if random.percent(90) {
        let table = if random.percent(50) { vec![] } else { vec![0, 0, 0, 0, 8, 0, 0, 0] };
        fragments.insert(0, table);
    }
    let vr = random.pick(&[*b"OB", *b"OW", *b"OW", *b"OB", *b"OB", *b"UN", *b"OX"]);
    let value = Value::Pixels { native, fragments };
    elements.push(Element { group: 0x7FE0, number: 0x0010, vr, value });
    if random.percent(10) {
        let (number, vr) = random.pick(&[(0x0008, *b"OF"), (0x0009, *b"OD"), (0x0001, *b"OV")]);
        elements.push(element(0x7FE0, number, vr, random.bytes(16)));
    }
    elements
}

/// An element that no dictionary contains, or only as part of a range of tags.
pub(super) fn beside_the_dictionary(random: &mut Random) -> Element {
    let tags = [
        (0x0008, 0x9998),
        (0x0018, 0x0003),
        (0x0020, 0x3105),
        (0x0028, 0x04F0),
        (0x1000, 0x0015),
        (0x1010, 0x0004),
        (0x0009, 0x0001),
        (0x0009, 0x0010),
        (0x0011, 0x0100),
        (0x0013, 0x1000),
        (0x5004, 0x0005),
        (0x600E, 0x0011),
        (0x6003, 0x3000),
        (0x7F00, 0x0010),
        (0x7F01, 0x0010),
        (0x4FFE, 0x0001),
        (0xFFFF, 0x0001),
        (0xFFFC, 0xFFFE),
        (0xFFFA, 0xFFFA),
        (0x0004, 0x1130),
        (0x0004, 0x1200),
        (0x0004, 0x1220),
    ];
    let (group, number) = random.pick(&tags);
    let vr = random.pick(VRS);
    element(group, number, vr, text_or_number(random, vr))
}

/// Data Set Trailing Padding, at the end or elsewhere.
pub(super) fn padding(random: &mut Random) -> Element {
    let vr = random.pick(&[*b"OB", *b"OB", *b"OB", *b"UN", *b"OW"]);
    let count = 2 * random.below(20);
    element(0xFFFC, 0xFFFC, vr, random.bytes(count))
}
