//! What a transcoder holds does not depend on the object. A process of its own, since it measures
//! the whole of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a test, with a file")]

mod common;

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use common::{LITTLE, to};
use dataset::format::{GroupLengths, OutputFormat, OutputTransferSyntax, SequenceLengths};
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{Dictionary, Sink, Transcoder};

/// An unlinked file.
struct Scratch {
    file: File,
    len: u64,
}

impl Scratch {
    fn new() -> Scratch {
        let path = std::env::temp_dir().join(format!("dataset-memory-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        Scratch { file, len: 0 }
    }
}

impl Sink for Scratch {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        for slice in slices {
            self.file.write_all_at(slice, self.len)?;
            self.len += slice.len() as u64;
        }
        Ok(())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert!(offset + bytes.len() as u64 <= self.len);
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        assert!(offset + into.len() as u64 <= self.len);
        self.file.read_exact_at(into, offset)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.len = len;
        self.file.set_len(len)
    }
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A sequence of many items, a text longer than any buffer, and a long value that comes twice: once
/// too late.
fn push_all(transcoder: &mut Transcoder, sink: &mut Scratch) {
    let mut push = |bytes: &[u8]| transcoder.push(&[IoSlice::new(bytes)], sink).unwrap();
    let item = LITTLE.open_item(&[LITTLE.element((0x0008, 0x0100), "SH", b"ABCD")]);
    push(&LITTLE.header((0x0040, 0xA730), "SQ", common::UNDEFINED));
    for _ in 0..2000 {
        push(&item.repeat(200));
    }
    push(&LITTLE.sequence_end());
    let megabyte = vec![b' '; 1 << 20];
    for (tag, vr) in [((0x0040, 0xA160), "UT"), ((0x7FE0, 0x0010), "OW"), ((0x0009, 0x1001), "OW")]
    {
        push(&LITTLE.header(tag, vr, 30 << 20));
        for _ in 0..30 {
            push(&megabyte);
        }
    }
}

#[test]
fn memory_does_not_grow_with_the_object() {
    let dictionary = Arc::new(Dictionary::built_in());
    let formats = [
        OutputFormat::bit_preserving(),
        OutputFormat::default(),
        OutputFormat { sequence_lengths: SequenceLengths::Undefined, ..to(common::BIG) },
        OutputFormat { group_lengths: GroupLengths::Create, ..to(common::IMPLICIT) },
        OutputFormat {
            transfer_syntax: OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
            compression_level: 1,
            ..OutputFormat::default()
        },
    ];
    // What the program itself takes is there before.
    let mut first = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &formats[1], dictionary.clone());
    first
        .push(&[IoSlice::new(&LITTLE.element((0x0010, 0x0010), "PN", b"AB"))], &mut Vec::new())
        .unwrap();
    let _touched = std::hint::black_box(vec![b' '; 2 << 20]);
    let before = peak_bytes();
    for format in formats {
        let mut sink = Scratch::new();
        let mut transcoder =
            Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary.clone());
        push_all(&mut transcoder, &mut sink);
        transcoder.finish(&mut sink).unwrap();
        let grown = peak_bytes() - before;
        assert!(grown < 3 << 20, "{} KiB more for {format:?}", grown >> 10);
    }
}
