//! Whatever the order of elements: the result is that of sorting them in memory, and what is read and
//! written for it stays in proportion to what came.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{self, IoSlice};
use std::sync::Arc;

use common::LITTLE;
use dataset::format::{GroupLengths, OutputFormat, Padding, SequenceLengths};
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN as EVLE;
use dataset::{Dictionary, Sink, Transcoder};
use proptest::prelude::*;

/// A vector that counts what is read and written, and how often it is asked to.
#[derive(Default)]
struct Counting {
    bytes: Vec<u8>,
    moved: u64,
    calls: u64,
}

impl Sink for Counting {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        self.moved += slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        self.calls += 1;
        self.bytes.write(slices)
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.moved += bytes.len() as u64;
        self.calls += 1;
        self.bytes.patch(offset, bytes)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.moved += into.len() as u64;
        self.calls += 1;
        self.bytes.read_at(offset, into)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        Sink::truncate(&mut self.bytes, len)
    }
}

/// An element as it comes.
#[derive(Clone, Debug)]
struct Element {
    tag: (u16, u16),
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Bytes(Vec<u8>),
    Items(Vec<Vec<Element>>),
}

/// The bytes that come, with delimiters.
fn sent(elements: &[Element]) -> Vec<u8> {
    let element = |element: &Element| match &element.value {
        Value::Bytes(bytes) if element.tag.1 == 0 => LITTLE.element(element.tag, "UL", bytes),
        Value::Bytes(bytes) => LITTLE.element(element.tag, "OB", bytes),
        Value::Items(items) => {
            let items: Vec<_> = items.iter().map(|item| LITTLE.open_item(&[sent(item)])).collect();
            LITTLE.open_sequence(element.tag, &items)
        }
    };
    elements.iter().flat_map(element).collect()
}

const PADDING: (u16, u16) = (0xFFFC, 0xFFFC);

/// What is to be written, made in memory.
fn expected(elements: &[Element], format: &OutputFormat, is_item: bool) -> Vec<u8> {
    let mut sorted: Vec<&Element> = elements.iter().collect();
    sorted.sort_by_key(|element| element.tag);
    sorted.dedup_by_key(|element| element.tag);
    let mut groups: Vec<(u16, bool, Vec<u8>)> = Vec::new();
    for element in sorted {
        let group = element.tag.0;
        if groups.last().is_none_or(|last| last.0 != group) {
            groups.push((group, false, Vec::new()));
        }
        let (_, counted, bytes) = groups.last_mut().unwrap();
        if element.tag.1 == 0 {
            *counted = true;
            continue;
        }
        bytes.extend(match &element.value {
            Value::Bytes(value) => LITTLE.element(element.tag, "OB", value),
            Value::Items(items) => {
                let items = items.iter().map(|item| expected(item, format, true));
                if format.sequence_lengths == SequenceLengths::Explicit {
                    let items: Vec<_> = items.map(|item| LITTLE.item(&[item])).collect();
                    LITTLE.sequence(element.tag, &items)
                } else {
                    let items: Vec<_> = items.map(|item| LITTLE.open_item(&[item])).collect();
                    LITTLE.open_sequence(element.tag, &items)
                }
            }
        });
    }
    let whole = |(group, counted, bytes): &(u16, bool, Vec<u8>)| {
        let length = LITTLE.group_length(*group, bytes.len() as u32);
        match format.group_lengths {
            GroupLengths::Recalculate if *counted => [length, bytes.clone()].concat(),
            GroupLengths::Create if !bytes.is_empty() => [length, bytes.clone()].concat(),
            _ => bytes.clone(),
        }
    };
    let (low, high): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.0 <= PADDING.0);
    let [mut low, high] =
        [low, high].map(|groups| groups.into_iter().flat_map(whole).collect::<Vec<u8>>());
    let (length, size) = (low.len() + high.len(), format.padding.item_bytes as usize);
    if is_item && size > 0 && length % size > 0 {
        let gap = size - length % size;
        let gap = if gap < 12 { gap + size.max(12) / size * size } else { gap };
        let gap = if gap < 12 { gap + size } else { gap };
        low.extend(LITTLE.element(PADDING, "OB", &vec![0; gap - 12]));
    }
    [low, high].concat()
}

/// Numbers that look like chance.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// How the elements of an item are made.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// How many at most, in each item.
    elements: u64,
    /// One of so many values is long, or none.
    long: u64,
    long_bytes: u64,
    /// One of so many is a sequence.
    sequences: u64,
    depth: u32,
    /// 0 ascending, 1 descending, 2 small and large by turns, 3 in groups by turns, 4 any.
    order: u64,
    /// How many groups there are.
    groups: u64,
}

fn item(random: &mut Random, shape: Shape, depth: u32) -> Vec<Element> {
    let count = 1 + random.below(shape.elements);
    let mut elements: Vec<Element> = (0..count)
        .map(|_| {
            let group = [0x0009, 0x0011, 0x0021, 0x4001, 0x7001, 0xFFFF]
                [random.below(shape.groups) as usize];
            let number = if random.below(40) == 0 {
                0
            } else {
                0x1000 + random.below(2 * shape.elements) as u16
            };
            let tag = (group, number);
            if number > 0 && depth < shape.depth && random.below(shape.sequences) == 0 {
                let items = (0..random.below(4)).map(|_| item(random, shape, depth + 1)).collect();
                return Element { tag, value: Value::Items(items) };
            }
            let long = shape.long > 0 && number > 0 && random.below(shape.long) == 0;
            let length = if long { random.below(shape.long_bytes) } else { random.below(16) };
            let length = if number == 0 { 4 } else { length / 2 * 2 };
            Element { tag, value: Value::Bytes(vec![random.below(256) as u8; length as usize]) }
        })
        .collect();
    match shape.order {
        0 => elements.sort_by_key(|element| element.tag),
        1 => elements.sort_by_key(|element| std::cmp::Reverse(element.tag)),
        2 => elements.sort_by_key(|element| match element.value {
            Value::Bytes(ref bytes) if bytes.len() < 16 => (0, element.tag),
            _ => (1, element.tag),
        }),
        3 => elements.sort_by_key(|element| element.tag.1),
        _ => {}
    }
    if shape.order == 2 {
        let half = elements.len() / 2;
        let (low, high) = elements.split_at(half);
        elements = (0..count as usize - half)
            .flat_map(|at| low.get(at).into_iter().chain(high.get(at)).cloned())
            .collect();
    }
    elements
}

fn write(elements: &[Element], format: &OutputFormat, what: &str) -> Counting {
    let bytes = sent(elements);
    let mut sink = Counting::default();
    let mut transcoder = Transcoder::new(EVLE, format, Arc::new(Dictionary::built_in()));
    for piece in bytes.chunks(16_000) {
        transcoder.push(&[IoSlice::new(piece)], &mut sink).unwrap();
    }
    transcoder.finish(&mut sink).unwrap();
    let expected = expected(elements, format, false);
    let first = sink.bytes.iter().zip(&expected).position(|(a, b)| a != b);
    assert!(
        sink.bytes == expected,
        "{what}: {} and {} bytes, {first:?}",
        sink.bytes.len(),
        expected.len()
    );
    let most = PER_BYTE * bytes.len() as u64 + SLACK;
    assert!(sink.moved <= most, "{what}: {} bytes moved for {}", sink.moved, bytes.len());
    let most = bytes.len() as u64 / BYTES_PER_CALL + CALLS;
    assert!(sink.calls <= most, "{what}: {} calls for {}", sink.calls, bytes.len());
    sink
}

/// How often each byte is read and written at most, over all.
const PER_BYTE: u64 = 16;
const SLACK: u64 = 256 * 1024;
const BYTES_PER_CALL: u64 = 100;
const CALLS: u64 = 1000;

fn formats() -> [OutputFormat; 6] {
    let default = OutputFormat::default();
    let padding = Padding { file_bytes: 0, item_bytes: 14 };
    [
        default,
        OutputFormat { sequence_lengths: SequenceLengths::Undefined, ..default },
        OutputFormat { group_lengths: GroupLengths::Create, ..default },
        OutputFormat { group_lengths: GroupLengths::Remove, padding, ..default },
        OutputFormat { padding, ..default },
        OutputFormat {
            group_lengths: GroupLengths::Create,
            sequence_lengths: SequenceLengths::Undefined,
            padding,
            ..default
        },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_order(
        seed in 1_u64..u64::MAX,
        elements in prop::sample::select(vec![3_u64, 30, 400, 1500]),
        long in prop::sample::select(vec![0_u64, 2, 20]),
        long_bytes in prop::sample::select(vec![600_u64, 9000, 70_000]),
        sequences in prop::sample::select(vec![2_u64, 10, 1000]),
        depth in 0_u32..4,
        order in 0_u64..5,
        groups in 1_u64..7,
        format in 0_usize..6,
    ) {
        // No more than a few megabytes.
        let depth = if elements > 100 { depth.min(1) } else { depth };
        let long_bytes = if elements > 1000 { long_bytes.min(600) } else { long_bytes };
        let sequences = if elements > 1000 { 1000 } else { sequences };
        let shape = Shape { elements, long, long_bytes, sequences, depth, order, groups };
        let elements = item(&mut Random(seed), shape, 0);
        write(&elements, &formats()[format], &format!("{shape:?} {seed}"));
    }
}

fn value(tag: (u16, u16), length: usize) -> Element {
    Element { tag, value: Value::Bytes(vec![7; length]) }
}

fn nested(tag: (u16, u16), elements: Vec<Element>) -> Element {
    Element { tag, value: Value::Items(vec![elements]) }
}

#[test]
fn patterns_that_would_be_costly() {
    let count = 10_000;
    let small = |at: u16| value((0x0021, at + 0x100), 2);
    let mut patterns: Vec<(&str, Vec<Element>)> = Vec::new();
    let late = |at: u16| [value((0x0011, at + 0x100), 2), value((0x7001, at + 0x100), 65_536)];
    let by_turns = (0..count).map(small).chain((0..12).flat_map(late)).collect();
    patterns.push(("small and large by turns", by_turns));
    let large = |at: u16| [value((0x7001, at + 0x100), 9000), value((0x0011, at + 0x100), 2)];
    patterns.push(("large and small by turns", (0..200).flat_map(large).collect()));
    patterns.push(("descending", (0..count).rev().map(small).collect()));
    let zigzag = |at: u16| small(if at.is_multiple_of(2) { at } else { count - at });
    patterns.push(("from both ends", (0..count).map(zigzag).collect()));
    let shuffled =
        |at: u32| value((0x0021 + 2 * (at % 7) as u16, ((at * 7919) % 10_007) as u16 + 0x100), 2);
    patterns.push(("shuffled", (0..u32::from(count)).map(shuffled).collect()));
    let huge = |at: u16| value((0x7001, 0x200 - at), 200_000);
    patterns.push(("few huge ones", (0..5).map(huge).collect()));
    // At the end of each item stands what belongs to its start.
    let around = |inner: Element, _| {
        nested(
            (0x0040, 0xA730),
            vec![inner, value((0x0008, 0x0050), 2), value((0x0008, 0x0020), 2)],
        )
    };
    patterns
        .push(("deep around one", vec![(0..40).fold(value((0x7001, 0x1000), 100_000), around)]));
    let filled = |inner: Element, level: u16| {
        nested(
            (0x0040, 0xA730),
            vec![value((0x0041, 0x1000), 9000), inner, small(level), small(level)],
        )
    };
    patterns.push(("deep and filled", vec![(0..25).fold(small(0), filled)]));
    let tower = (0..100).fold(value((0x7001, 0x1000), 9000), around);
    let towers = (0..20).map(|at| Element { tag: (0x4001, 0x2000 - at), ..tower.clone() });
    patterns.push(("many deep ones", towers.collect()));
    let short = |_| nested((0x0040, 0xA730), (0..30).rev().map(small).collect());
    let items = (0..500).map(|at: u16| Element { tag: (0x4001, 0x6000 - at), ..short(()) });
    patterns.push(("many short items", items.collect()));
    for (what, elements) in &patterns {
        for format in [&formats()[0], &formats()[5]] {
            write(elements, format, what);
        }
    }
}

#[test]
fn what_is_in_order_is_not_touched_again() {
    let elements: Vec<Element> = (0..10_000).map(|at| value((0x0021, at + 0x100), 2)).collect();
    let sink = write(&elements, &OutputFormat::default(), "in order");
    assert_eq!(sink.moved, sink.bytes.len() as u64);
}
