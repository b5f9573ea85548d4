//! What may differ, and exactly how: everything in `docs/divergences.md` that a data set can show.

use flate2::{Decompress, FlushDecompress, Status};

use super::model::Encoding;
use super::pair::{Outcome, StoreAnswer};
use super::walk::walk;
use super::{Case, OptionSet};
use crate::part10::Part10;
use crate::wire::uid;

/// What comes of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Same answer, same bytes.
    Equal,
    /// They differ as this rule says.
    Known(&'static str),
    /// They differ, and why is not known.
    Different(String),
}

/// Compares what ours did with what Debian's did.
pub(super) fn judge(case: &Case, options: &OptionSet, [ours, debians]: &[Outcome; 2]) -> Verdict {
    if ours.status().is_some() && ours.status() == debians.status() {
        return match (ours.files.as_slice(), debians.files.as_slice()) {
            ([], []) => Verdict::Equal,
            ([our], [their]) if our.0 == their.0 => compare(case, options, &our.1, &their.1),
            ([], [_]) if matches!(ours.status(), Some(0xA900 | 0xC000)) => {
                Verdict::Known(NOTHING_STORED)
            }
            (our, their) => Verdict::Different(format!(
                "files: {:?} and {:?}",
                our.iter().map(|file| &file.0).collect::<Vec<_>>(),
                their.iter().map(|file| &file.0).collect::<Vec<_>>()
            )),
        };
    }
    let refused = matches!(&ours.answer, StoreAnswer::Response(0xC000, comment) if !comment.is_empty())
        && ours.files.is_empty();
    let aborted = debians.answer == StoreAnswer::Abort && debians.files.is_empty();
    let stored = debians.status() == Some(0x0000) && debians.files.len() == 1;
    if aborted && case.bytes.len() % 2 == 1 {
        let taken = ours.status() == Some(0x0000) && ours.files.len() == 1;
        let failed = ours.status().is_some_and(|status| status != 0) && ours.files.is_empty();
        if taken || failed {
            return Verdict::Known(ODD_FRAGMENTS);
        }
    }
    if aborted && refused && !options.has("+B") {
        return Verdict::Known(REFUSED);
    }
    if refused && stored_or_kept(debians) && loses_data(case) && !options.has("+B") {
        return Verdict::Known(DATA_LOST);
    }
    let mismatch = ours.status() == Some(0xA900) && ours.files.is_empty();
    if mismatch && stored && options.has("+B") && other_uids(case) {
        return Verdict::Known(UIDS_COMPARED);
    }
    Verdict::Different(format!("answers: {:?} and {:?}", ours.answer, debians.answer))
}

/// The raw deflate stream inflated, and whether it is whole.
pub(super) fn inflate(stream: &[u8]) -> (Vec<u8>, bool) {
    let mut inflater = Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        plain.reserve(64 * 1024);
        let read = usize::try_from(inflater.total_in()).expect("below a usize");
        let before = plain.len();
        let status = inflater.decompress_vec(&stream[read..], &mut plain, FlushDecompress::None);
        match status {
            Ok(Status::StreamEnd) => return (plain, true),
            Ok(_) if plain.len() > before || inflater.total_in() > read as u64 => {}
            _ => return (plain, false),
        }
    }
}

/// A data set that cannot be parsed, or an illegal encoding.
const REFUSED: &str = "C000 with a comment, nothing stored; Debian's aborts";
/// A failure status means that nothing was stored.
const NOTHING_STORED: &str =
    "A900 or C000, nothing stored; Debian's answers the same and keeps the file";
/// Debian's answers 0000 although it has lost data; ours refuses.
const DATA_LOST: &str =
    "C000 for a data set with a stray item delimiter or a cut stream; Debian's stores a part of it";
/// Debian's refuses PDVs of odd length.
const ODD_FRAGMENTS: &str = "PDVs of odd length are taken; Debian's aborts";
/// Bit-preserving, Debian's compares nothing.
const UIDS_COMPARED: &str = "+B: A900 if the UIDs of command and data set differ; Debian's stores";
/// The same content in another deflate stream.
const OTHER_STREAM: &str = "deflated by another zlib: another stream, the same content";
/// Padding fills up what the file has before it, and our file meta information is of another size.
const FILE_PADDING: &str = "trailing padding that fills each file to the size asked for";

fn stored_or_kept(outcome: &Outcome) -> bool {
    matches!(outcome.status(), Some(0x0000 | 0xA900 | 0xC000)) && outcome.files.len() == 1
}

/// Whether a parser that ends quietly would lose something.
fn loses_data(case: &Case) -> bool {
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let (plain, whole) = if deflated { inflate(&case.bytes) } else { (case.bytes.clone(), true) };
    let stray = walk(&plain, Encoding::of(&case.transfer_syntax))
        .iter()
        .any(|found| found.depth == 0 && found.tag == (0xFFFE, 0xE00D));
    stray || !whole
}

/// Whether the data set has a SOP class or instance UID that the command has not.
fn other_uids(case: &Case) -> bool {
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let plain = if deflated { inflate(&case.bytes).0 } else { case.bytes.clone() };
    walk(&plain, Encoding::of(&case.transfer_syntax)).iter().any(|found| {
        let expected = match (found.depth, found.tag) {
            (0, (0x0008, 0x0016)) => &case.sop_class,
            (0, (0x0008, 0x0018)) => &case.sop_instance,
            _ => return false,
        };
        let value = String::from_utf8_lossy(&plain[found.value..found.range.end]);
        value.trim_matches(['\0', ' ']) != expected
    })
}

fn compare(case: &Case, options: &OptionSet, ours: &[u8], theirs: &[u8]) -> Verdict {
    if ours == theirs {
        return Verdict::Equal;
    }
    let different = |what: &str| Verdict::Different(what.to_owned());
    let (ours, theirs) = if options.has("-F") {
        (Parts { meta_bytes: 0, data_set: ours }, Parts { meta_bytes: 0, data_set: theirs })
    } else {
        let (Some(our_parts), Some(their_parts)) = (split(ours), split(theirs)) else {
            return different("a file without file meta information");
        };
        if let Some(what) =
            meta_difference(&ours[..our_parts.meta_bytes], &theirs[..their_parts.meta_bytes])
        {
            return Verdict::Different(what);
        }
        (our_parts, their_parts)
    };
    if ours.data_set == theirs.data_set {
        return Verdict::Equal;
    }
    let deflated = options.has("+td")
        || case.transfer_syntax == uid::DEFLATED && options.has("+t=")
        || case.transfer_syntax == uid::DEFLATED && !converts(options);
    if options.has("+B") || !deflated {
        return compare_plain(options, [ours, theirs]);
    }
    let [(our_plain, our_whole), (their_plain, their_whole)] =
        [ours.data_set, theirs.data_set].map(inflate);
    if !our_whole || !their_whole {
        return different("a deflate stream that is not whole");
    }
    if our_plain == their_plain {
        return Verdict::Known(OTHER_STREAM);
    }
    let ours = Parts { data_set: &our_plain, ..ours };
    let theirs = Parts { data_set: &their_plain, ..theirs };
    compare_plain(options, [ours, theirs])
}

fn converts(options: &OptionSet) -> bool {
    ["+te", "+tb", "+ti", "+td"].iter().any(|word| options.has(word))
}

/// The data set of a file, and how many bytes stand before it.
#[derive(Clone, Copy)]
struct Parts<'a> {
    meta_bytes: usize,
    data_set: &'a [u8],
}

/// Splits a file where its group length says: the data set may have elements of group 0002, too.
fn split(file: &[u8]) -> Option<Parts<'_>> {
    let length: [u8; 4] = file.get(140..144)?.try_into().ok()?;
    let meta_bytes = 144 + usize::try_from(u32::from_le_bytes(length)).ok()?;
    Some(Parts { meta_bytes, data_set: file.get(meta_bytes..)? })
}

fn meta_difference(ours: &[u8], theirs: &[u8]) -> Option<String> {
    let (Some(ours), Some(theirs)) = (Part10::parse(ours), Part10::parse(theirs)) else {
        return Some("file meta information that cannot be read".to_owned());
    };
    let same = crate::compare::compare(&ours, &theirs);
    (!same.is_empty()).then(|| same.join("; "))
}

fn compare_plain(options: &OptionSet, [ours, theirs]: [Parts<'_>; 2]) -> Verdict {
    let (our_set, their_set) = (ours.data_set, theirs.data_set);
    if our_set == their_set {
        return Verdict::Equal;
    }
    let (size, _) = options.padding();
    if size > 0 && size.is_multiple_of(2) && !options.has("-F") {
        let [our_rest, their_rest] = [ours, theirs].map(|parts| without_padding(parts, size));
        if let (Some(our_rest), Some(their_rest)) = (our_rest, their_rest)
            && our_rest == their_rest
        {
            return Verdict::Known(FILE_PADDING);
        }
    }
    let same = our_set.iter().zip(their_set).take_while(|(our, their)| our == their).count();
    let around = |bytes: &[u8]| {
        let from = same.saturating_sub(16);
        hex(&bytes[from..bytes.len().min(same + 32)])
    };
    Verdict::Different(format!(
        "data sets of {} and {} bytes, from byte {same}; 16 bytes before and 32 after:\n  ours   {}\n  theirs {}",
        our_set.len(),
        their_set.len(),
        around(our_set),
        around(their_set)
    ))
}

/// The data set up to its Data Set Trailing Padding, if the file is filled by it, or needs none.
fn without_padding(parts: Parts<'_>, size: usize) -> Option<&[u8]> {
    let data_set = parts.data_set;
    if !(parts.meta_bytes + data_set.len()).is_multiple_of(size) {
        return None;
    }
    const EXPLICIT: usize = 12;
    const IMPLICIT: usize = 8;
    // Headers in the three encodings: tag, VR if there is one, and then a length.
    let starts: [(&[u8], usize, bool); 3] = [
        (&[0xFC, 0xFF, 0xFC, 0xFF, b'O', b'B', 0, 0], EXPLICIT, false),
        (&[0xFF, 0xFC, 0xFF, 0xFC, b'O', b'B', 0, 0], EXPLICIT, true),
        (&[0xFC, 0xFF, 0xFC, 0xFF], IMPLICIT, false),
    ];
    for (start, header, big_endian) in starts {
        let last = (0..data_set.len().saturating_sub(header - 1))
            .rev()
            .find(|&place| data_set[place..].starts_with(start));
        let Some(place) = last else { continue };
        let value = &data_set[place + header..];
        let length = data_set[place + header - 4..place + header].try_into().ok()?;
        let length =
            if big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
        let shortest = value.len() < size;
        if length as usize == value.len() && shortest && value.iter().all(|byte| *byte == 0) {
            return Some(&data_set[..place]);
        }
    }
    Some(data_set)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
