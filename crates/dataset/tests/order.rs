//! Elements in order, and the lengths of their groups (PS3.5 §7.1, §7.2).

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BIG, LITTLE, SEQUENCE, Writer, becomes, to, transcode};
use dataset::format::{GroupLengths, OutputFormat, SequenceLengths};
use dataset::limits;
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN as EVLE;

fn groups(group_lengths: GroupLengths) -> OutputFormat {
    OutputFormat { group_lengths, ..OutputFormat::default() }
}

/// An element of 10 bytes.
fn short(tag: (u16, u16)) -> Vec<u8> {
    LITTLE.element(tag, "SH", b"AB")
}

fn long(tag: (u16, u16), value: u8) -> Vec<u8> {
    LITTLE.element(tag, "OB", &vec![value; 100_000])
}

#[test]
fn group_lengths_are_corrected_created_or_removed() {
    let bytes = [
        LITTLE.group_length(0x0008, 7),
        short((0x0008, 0x0050)),
        short((0x0008, 0x0094)),
        short((0x0010, 0x0020)),
        LITTLE.group_length(0x0020, 99),
    ]
    .concat();
    let corrected = [
        LITTLE.group_length(0x0008, 20),
        short((0x0008, 0x0050)),
        short((0x0008, 0x0094)),
        short((0x0010, 0x0020)),
        LITTLE.group_length(0x0020, 0),
    ]
    .concat();
    becomes(LITTLE, &bytes, &groups(GroupLengths::Recalculate), &corrected);
    let created = [
        LITTLE.group_length(0x0008, 20),
        short((0x0008, 0x0050)),
        short((0x0008, 0x0094)),
        LITTLE.group_length(0x0010, 10),
        short((0x0010, 0x0020)),
    ]
    .concat();
    becomes(LITTLE, &bytes, &groups(GroupLengths::Create), &created);
    let removed =
        [short((0x0008, 0x0050)), short((0x0008, 0x0094)), short((0x0010, 0x0020))].concat();
    becomes(LITTLE, &bytes, &groups(GroupLengths::Remove), &removed);
}

#[test]
fn group_lengths_count_what_is_written_in_every_item() {
    let rows = |writer: Writer| writer.element((0x0028, 0x0010), "US", &writer.u16(2));
    let bytes = LITTLE.open_sequence(SEQUENCE, &[LITTLE.open_item(&[rows(LITTLE)])]);
    let item = |writer: Writer| vec![writer.group_length(0x0028, 10), rows(writer)];
    let format = OutputFormat { group_lengths: GroupLengths::Create, ..to(BIG) };
    let sequence = BIG.sequence(SEQUENCE, &[BIG.item(&item(BIG))]);
    let expected = [BIG.group_length(0x0008, sequence.len() as u32), sequence].concat();
    becomes(LITTLE, &bytes, &format, &expected);
    let format = OutputFormat { sequence_lengths: SequenceLengths::Undefined, ..format };
    let sequence = BIG.open_sequence(SEQUENCE, &[BIG.open_item(&item(BIG))]);
    let expected = [BIG.group_length(0x0008, sequence.len() as u32), sequence].concat();
    becomes(LITTLE, &bytes, &format, &expected);
}

#[test]
fn group_lengths_of_another_vr_or_size_become_valid_ones() {
    for group_length in [
        LITTLE.element((0x0010, 0), "US", b"\x01\0"),
        LITTLE.element((0x0010, 0), "UL", b""),
        LITTLE.element((0x0010, 0), "UL", b"\x01\0\0\0\x02\0\0\0"),
        LITTLE.sequence((0x0010, 0), &[LITTLE.item(&[])]),
    ] {
        let bytes = [group_length, short((0x0010, 0x0020))].concat();
        let expected = [LITTLE.group_length(0x0010, 10), short((0x0010, 0x0020))].concat();
        becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
    }
}

#[test]
fn nested_group_lengths_take_time_in_proportion() {
    // Twice as long for each level, this would never end.
    let bytes = (0..200).fold(short((0x0008, 0x0050)), |inner, _| {
        LITTLE.open_sequence(SEQUENCE, &[LITTLE.open_item(&[inner])])
    });
    let out = transcode(EVLE, &bytes, &groups(GroupLengths::Create)).unwrap();
    let headers = out.windows(8).filter(|window| window == b"\x08\0\0\0UL\x04\0").count();
    assert_eq!(headers, 201);
}

#[test]
fn elements_are_sorted_and_of_two_the_first_is_kept() {
    let (a, b, c) = (short((0x0008, 0x0050)), short((0x0010, 0x0020)), short((0x0020, 0x0010)));
    let other_b = LITTLE.element((0x0010, 0x0020), "SH", b"XY");
    let sorted = [a.clone(), b.clone(), c.clone()].concat();
    for order in [
        vec![&a, &b, &c],
        vec![&c, &b, &a],
        vec![&b, &c, &a],
        vec![&b, &other_b, &a, &c],
        vec![&b, &a, &other_b, &c],
        vec![&c, &b, &a, &other_b],
        vec![&a, &b, &c, &a, &other_b, &c],
    ] {
        let bytes: Vec<u8> = order.into_iter().flatten().copied().collect();
        becomes(LITTLE, &bytes, &OutputFormat::default(), &sorted);
        // In an item, just the same.
        let nested = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[bytes])]);
        let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(std::slice::from_ref(&sorted))]);
        becomes(LITTLE, &nested, &OutputFormat::default(), &expected);
    }
}

#[test]
fn sorting_keeps_the_promises_about_groups() {
    let (a, b) = (short((0x0010, 0x0020)), short((0x0010, 0x0040)));
    let c = short((0x0020, 0x0010));
    let group_length = |length| LITTLE.group_length(0x0010, length);
    let bytes = [c.clone(), b.clone(), group_length(5), a.clone()].concat();
    let corrected = [group_length(20), a.clone(), b.clone(), c.clone()].concat();
    becomes(LITTLE, &bytes, &groups(GroupLengths::Recalculate), &corrected);
    let created = [corrected, [LITTLE.group_length(0x0020, 10), c.clone()].concat()].concat();
    let created = [&created[..12 + 20], &created[12 + 20 + 10..]].concat();
    becomes(LITTLE, &bytes, &groups(GroupLengths::Create), &created);
    becomes(LITTLE, &bytes, &groups(GroupLengths::Remove), &[a, b, c].concat());
}

#[test]
fn long_values_are_sorted_on_the_sink() {
    let tags = [(0x0009, 0x1001), (0x0042, 0x0011), (0x0042, 0x0013), (0x7FE0, 0x0010)];
    let element = |at: usize| long(tags[at], at as u8);
    let sorted: Vec<u8> = (0..4).flat_map(element).collect();
    for sequence_lengths in [SequenceLengths::Explicit, SequenceLengths::Undefined] {
        let format = OutputFormat { sequence_lengths, ..OutputFormat::default() };
        for order in [[3, 2, 1, 0], [1, 0, 3, 2], [0, 3, 1, 2], [2, 3, 0, 1]] {
            let bytes: Vec<u8> = order.into_iter().flat_map(element).collect();
            becomes(LITTLE, &bytes, &format, &sorted);
        }
        // With sequences around and within.
        let nested = |order: [usize; 4]| {
            let items: Vec<u8> = order.into_iter().flat_map(element).collect();
            let (sequence, item) = match sequence_lengths {
                SequenceLengths::Explicit => (LITTLE.item(&[items]), None),
                SequenceLengths::Undefined => (LITTLE.open_item(&[items]), Some(())),
            };
            match item {
                None => LITTLE.sequence(SEQUENCE, &[sequence]),
                Some(()) => LITTLE.open_sequence(SEQUENCE, &[sequence]),
            }
        };
        let bytes = [short((0x0010, 0x0020)), nested([3, 1, 2, 0]), element(0)].concat();
        let bytes = [bytes, short((0x0008, 0x0050))].concat();
        let expected =
            [short((0x0008, 0x0050)), nested([0, 1, 2, 3]), element(0), short((0x0010, 0x0020))];
        becomes(LITTLE, &bytes, &format, &expected.concat());
    }
}

#[test]
fn very_many_runs_are_merged_on_the_way() {
    let count = 3 * (limits::REORDER_FAN_IN * limits::REORDER_FAN_IN) as u32 / 2;
    let tag = |number: u32| (0x1000 + 2 * (number >> 12) as u16, (number & 0xFFF) as u16 + 0x100);
    let bytes: Vec<u8> = (0..count).rev().flat_map(|number| short(tag(number))).collect();
    let sorted: Vec<u8> = (0..count).flat_map(|number| short(tag(number))).collect();
    becomes(LITTLE, &bytes, &OutputFormat::default(), &sorted);
}
