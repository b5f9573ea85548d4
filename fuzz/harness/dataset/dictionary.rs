//! Any bytes, as a data dictionary file (`DCMDICTPATH`).
//!
//! Checked: there is no panic; the result does not depend on how the file is split into reads, nor on reading
//! it twice; an error names its line; and a data set that the dictionary describes, including private creators,
//! does not change when it is written again.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::sync::Arc;

use dataset::format::OutputTransferSyntax;
use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{Dictionary, Error, Fault, OutputFormat, Tag};

use super::transcode_with;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut dictionary = Dictionary::empty();
    let errors = dictionary.load(data).expect("memory can be read");
    let line_count = data.split(|&byte| byte == b'\n').count() as u64;
    let numbers: Vec<u64> = errors.iter().map(dataset::dictionary::LineError::line).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert!(numbers.iter().all(|line| (1..=line_count).contains(line)));
    for error in &errors {
        assert!(error.to_string().contains(&format!("(line {})", error.line())), "{error}");
    }

    let mut twice = Dictionary::empty();
    for capacity in [1, 7] {
        let again = twice.load(BufReader::with_capacity(capacity, data)).expect("memory");
        assert_eq!(again, errors);
    }
    assert_eq!(twice.is_empty(), dictionary.is_empty());
    let tags = tags(data);
    for &tag in &tags {
        assert_eq!(twice.find(tag), dictionary.find(tag), "{tag}");
    }

    let data_set = data_set(data, &tags);
    let [once, twice] = [dictionary, twice].map(|dictionary| explicit(&data_set, dictionary));
    assert!(once == twice, "{:?}\n{:?}", once.is_ok(), twice.is_ok());
    // The result contains the creators and the rest of the bytes.
    if let Ok(out) = once {
        assert!(out.len() + 64 * (tags.len() + 8) >= data_set.len());
    }
}

/// Writes the data set in explicit VR, in one piece and in several; writing the result again must not change
/// it.
fn explicit(data_set: &[u8], dictionary: Dictionary) -> Result<Vec<u8>, String> {
    let dictionary = Arc::new(dictionary);
    let format = OutputFormat {
        transfer_syntax: OutputTransferSyntax::ExplicitVrLittleEndian,
        ..OutputFormat::default()
    };
    let written = |piece_bytes| {
        let input = IMPLICIT_VR_LITTLE_ENDIAN;
        let out = transcode_with(&dictionary, input, &format, data_set, piece_bytes);
        out.map_err(|error| error.to_string())
    };
    let whole = written(usize::MAX);
    assert!(whole == written(5), "cuts make a difference");
    if let Ok(out) = &whole {
        let input = EXPLICIT_VR_LITTLE_ENDIAN;
        match transcode_with(&dictionary, input, &format, out, usize::MAX) {
            Ok(second) => assert!(second == *out, "not the same when written once more"),
            // As in the target `transcoder`.
            Err(Error::Malformed { fault: Fault::Vr, .. }) => {}
            Err(error) => panic!("cannot be read again: {error}"),
        }
    }
    whole
}

/// A limited number of tags from the file (pairs of four hexadecimal digits), and the tags next to them.
fn tags(data: &[u8]) -> BTreeSet<Tag> {
    let mut numbers = data.split(|byte| !byte.is_ascii_hexdigit()).filter_map(|digits| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 4)?;
        u16::from_str_radix(digits, 16).ok()
    });
    let mut tags = BTreeSet::new();
    while let (Some(group), Some(element)) = (numbers.next(), numbers.next()) {
        tags.extend([Tag(group, element), Tag(group, element.wrapping_add(1))]);
        tags.insert(Tag(group.wrapping_add(2), element));
        if tags.len() > 48 {
            break;
        }
    }
    tags
}

/// A data set in implicit VR with the tags, and with blocks of the creators in group 0009.
fn data_set(data: &[u8], tags: &BTreeSet<Tag>) -> Vec<u8> {
    let mut elements: Vec<(Tag, Vec<u8>)> = Vec::new();
    for (index, creator) in data.split(|&byte| byte == b'"').skip(1).step_by(2).take(8).enumerate()
    {
        let mut creator = creator[..creator.len().min(64)].to_vec();
        if creator.len() % 2 == 1 {
            creator.push(b' ');
        }
        let block = 0x10 + index as u16;
        elements.push((Tag(0x0009, block), creator));
        for low in [0, 1, 2, 4, 5, 0x20] {
            elements.push((Tag(0x0009, block << 8 | low), vec![low as u8; 8]));
        }
    }
    elements.extend(tags.iter().map(|&tag| (tag, vec![b'1'; 8])));
    elements.retain(|(tag, _)| (0x0008..0xFFFC).contains(&tag.0) && tag.1 != 0);
    elements.sort();
    elements.dedup_by_key(|(tag, _)| *tag);
    let mut out = Vec::new();
    for (tag, value) in elements {
        out.extend(tag.0.to_le_bytes());
        out.extend(tag.1.to_le_bytes());
        out.extend((value.len() as u32).to_le_bytes());
        out.extend(value);
    }
    out
}
