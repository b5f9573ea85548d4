//! Defines the differences that are allowed, exactly: everything in `docs/divergences.md` that a data set can
//! show.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use flate2::{Decompress, FlushDecompress, Status};

use super::model::Encoding;
use super::padding::without_padding;
use super::pair::{Outcome, PDV_BYTES, StoreAnswer};
use super::walk::{Found, UNDEFINED, ends_within_inner_header, walk};
use super::{Case, OptionSet};
use crate::part10::Part10;
use crate::wire::uid;

/// Verdict of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Same answer, same bytes.
    Equal,
    /// They differ exactly as this rule states.
    Known(&'static str),
    /// They differ, and no rule explains it.
    Different(String),
}

/// Compares what our program did with what Debian's did.
pub(super) fn judge(case: &Case, options: &OptionSet, outcomes: &[Outcome; 2]) -> Verdict {
    match judge_alike(case, options, outcomes) {
        Verdict::Equal if options.odd_padding() => Verdict::Known(ODD_PADDING),
        verdict => verdict,
    }
}

fn judge_alike(case: &Case, options: &OptionSet, outcomes: &[Outcome; 2]) -> Verdict {
    match judge_by_answers(case, options, outcomes) {
        Verdict::Different(_) if keeps_non_sequence(case, options, outcomes) => {
            Verdict::Known(NOT_A_SEQUENCE)
        }
        verdict => verdict,
    }
}

fn judge_by_answers(case: &Case, options: &OptionSet, [ours, debians]: &[Outcome; 2]) -> Verdict {
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
    let stored = stored_by(debians);
    if aborted && case.bytes.len() % 2 == 1 {
        let taken = stored_by(ours);
        let failed = ours.status().is_some_and(|status| status != 0) && ours.files.is_empty();
        if taken || failed {
            return Verdict::Known(ODD_FRAGMENTS);
        }
    }
    if aborted && refused && !options.has("+B") {
        return Verdict::Known(REFUSED);
    }
    let no_resources = debians.status() == Some(0xA700) && debians.files.is_empty();
    if no_resources && refused && (plain(case).0.is_empty() || has_fragments(case)) {
        return Verdict::Known(BLAMED);
    }
    let implicit_output =
        options.has("+ti") || case.transfer_syntax == uid::IVLE && !converts(options);
    if refused
        && stored_or_kept(debians)
        && implicit_output
        && !options.has("+B")
        && has_value_for_sequence(case)
    {
        return Verdict::Known(NOT_TOLD);
    }
    if refused && stored_or_kept(debians) && implicit_output && has_sequence_for_value(case, ours) {
        return Verdict::Known(NOT_A_VALUE);
    }
    let mismatch = ours.status() == Some(0xA900) && ours.files.is_empty();
    if aborted && (stored_by(ours) || mismatch) && !options.has("+B") && misread(case) {
        return Verdict::Known(MISREAD);
    }
    if stored_by(ours) && debians.status() == Some(0xC000) && has_uid_of_other_vr(case) {
        // The file meta information of Debian's file has generated UIDs.
        let both = [ours, debians].map(|outcome| data_set_of(options, &outcome.files));
        if let [Some(our), Some(their)] = both {
            return match compare_data_sets(case, options, [our, their]) {
                Verdict::Different(what) => Verdict::Different(what),
                _ => Verdict::Known(UID_OF_OTHER_VR),
            };
        }
    }
    if refused && stored_or_kept(debians) && !options.has("+B") && has_native_pixel_data(case) {
        return Verdict::Known(NATIVE);
    }
    if refused && stored_or_kept(debians) && loses_data(case) && !options.has("+B") {
        return Verdict::Known(DATA_LOST);
    }
    let silent = matches!(debians.answer, StoreAnswer::Other(_));
    if refused && silent && !plain(case).1 && !options.has("+B") {
        return Verdict::Known(SILENT);
    }
    if mismatch && stored && options.has("+B") && other_uids(case) {
        return Verdict::Known(UIDS_COMPARED);
    }
    if refused && stored && options.has("+B") && has_foreign_group(case) {
        return Verdict::Known(FOREIGN_GROUP);
    }
    Verdict::Different(format!("answers: {:?} and {:?}", ours.answer, debians.answer))
}

/// Inflates a raw deflate stream; false if it is incomplete or damaged.
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
/// After a failure status, nothing may be stored.
const NOTHING_STORED: &str =
    "A900 or C000, nothing stored; Debian's answers the same and keeps the file";
/// Debian's program answers 0000 although it has lost data; ours refuses.
const DATA_LOST: &str =
    "C000 for a data set that is cut or has a stray item delimiter; Debian's stores a part of it";
/// After writing a part, Debian's program loops forever at the end of the stream.
const SILENT: &str = "C000 for a deflate stream that is cut or damaged; Debian's never answers";
/// Debian's program does not detect it if fewer stray bytes follow than a header has.
const NATIVE: &str = "C000 for native Pixel Data in a compressed transfer syntax; Debian's stores it before stray bytes";
/// Debian's program reports them as out of resources.
const BLAMED: &str = "C000 for encapsulated Pixel Data to be written natively, and for nothing at all; Debian's A700";
/// Readers of the file would take the value for a sequence.
const NOT_TOLD: &str = "C000 for a value under the tag of a sequence, to be written in implicit VR; Debian's writes what cannot be read";
/// Readers of the file would take the items for a value.
const NOT_A_VALUE: &str = "C000 for a sequence under the tag of a value, to be written in implicit VR; Debian's writes what is read as a value, or not at all";
/// Debian's program aborts, or drops the value if it is shorter than an item header.
const NOT_A_SEQUENCE: &str =
    "a value under the tag of a sequence is kept as UN; Debian's aborts or loses it";
/// Debian's program continues reading at the wrong offset.
const MISREAD: &str =
    "a value that a PDV cuts, of an element out of order or twice, is read whole; Debian's aborts";
/// Debian's program ignores a UID whose VR is not `UI`.
const UID_OF_OTHER_VR: &str =
    "a UID of another VR than UI is read: stored; Debian's answers C000 and keeps the file";
/// Debian's program refuses PDVs of odd length.
const ODD_FRAGMENTS: &str = "PDVs of odd length are taken; Debian's aborts";
/// Readers of Debian's file take such elements for file meta information.
const FOREIGN_GROUP: &str =
    "+B: C000 for an element of group 0000 or 0002 in the data set; Debian's stores";
/// When it preserves bits, Debian's program compares no UIDs.
const UIDS_COMPARED: &str = "+B: A900 if the UIDs of command and data set differ; Debian's stores";
/// With an odd size, Debian's program neither pads nor corrects group lengths.
const ODD_PADDING: &str = "+p of an odd size: as Debian's does with twice that size";
/// Without compression, zlib's block boundaries depend on the pieces of input.
const STORED_BLOCKS: &str = "+cl 0: stored blocks of other lengths, the same content";
/// The padding depends on the size of the file meta information, which differs.
const FILE_PADDING: &str = "trailing padding that fills each file to the size asked for";

pub(super) fn stored_by(outcome: &Outcome) -> bool {
    outcome.status() == Some(0x0000) && outcome.files.len() == 1
}

fn stored_or_kept(outcome: &Outcome) -> bool {
    matches!(outcome.status(), Some(0x0000 | 0xA900 | 0xC000)) && outcome.files.len() == 1
}

/// True if a lenient parser would lose data: after an item delimiter outside any item; at the end of a
/// truncated stream; in a truncated value (which Debian's program detects only if its length is even and part
/// of it is there); or in a truncated header inside a sequence.
fn loses_data(case: &Case) -> bool {
    let (plain, whole) = plain(case);
    let encoding = Encoding::of(&case.transfer_syntax);
    let found = walk(&plain, encoding);
    let stray = found.iter().any(|found| found.depth == 0 && found.tag == (0xFFFE, 0xE00D));
    let cut = found.last().is_some_and(|last| {
        let is_cut = last.value.saturating_add(last.claimed) > plain.len();
        is_cut && (last.claimed % 2 == 1 || last.value == plain.len())
    });
    stray || cut || !whole || ends_within_inner_header(&plain, encoding)
}

/// True if there is encapsulated Pixel Data.
fn has_fragments(case: &Case) -> bool {
    let (plain, _) = plain(case);
    let found = walk(&plain, Encoding::of(&case.transfer_syntax));
    found.iter().any(|found| found.tag == (0x7FE0, 0x0010) && found.claimed == UNDEFINED)
}

/// True if an element under the tag of a sequence has a value instead, by its VR or its first bytes.
fn has_value_for_sequence(case: &Case) -> bool {
    let (plain, _) = plain(case);
    walk(&plain, Encoding::of(&case.transfer_syntax)).iter().any(|found| {
        let is_value = (1..UNDEFINED).contains(&found.claimed);
        let told = found.length.encoding.explicit() || !begins_like_sequence(found, &plain);
        is_value && told && is_sequence(found.tag)
    })
}

/// True if a sequence, recognized by its VR or its undefined length, has a tag that is not known as a sequence,
/// and our program reports that.
fn has_sequence_for_value(case: &Case, ours: &Outcome) -> bool {
    let StoreAnswer::Response(_, comment) = &ours.answer else { return false };
    let (plain, _) = plain(case);
    comment.starts_with("sequence under a value's tag, in implicit VR at (")
        && walk(&plain, Encoding::of(&case.transfer_syntax)).iter().any(|found| {
            let is_told = found.vr == *b"SQ" || found.claimed == UNDEFINED;
            is_told && found.length.encoding.explicit() && !is_sequence(found.tag)
        })
}

/// True if the value begins with an item or a sequence delimiter.
fn begins_like_sequence(found: &Found, plain: &[u8]) -> bool {
    let encoding = found.length.encoding;
    let value = plain.get(found.value..).unwrap_or_default();
    let value = &value[..value.len().min(found.claimed)];
    [0xE000, 0xE0DD]
        .map(|number| [encoding.u16(0xFFFE), encoding.u16(number)].concat())
        .iter()
        .any(|tag| value.starts_with(tag))
}

/// True if our program stores a value that does not begin like a sequence under the tag of one, and Debian's
/// does not.
fn keeps_non_sequence(case: &Case, options: &OptionSet, [ours, debians]: &[Outcome; 2]) -> bool {
    let aborted = debians.answer == StoreAnswer::Abort && debians.files.is_empty();
    let mismatch = ours.status() == Some(0xA900) && ours.files.is_empty();
    if !(stored_by(ours) && (aborted || stored_by(debians)) || mismatch && aborted) {
        return false;
    }
    let deflated =
        options.has("+td") || case.transfer_syntax == uid::DEFLATED && !converts(options);
    let [our_set, their_set] = [ours, debians].map(|outcome| {
        let data_set = data_set_of(options, &outcome.files).map_or(&[][..], |parts| parts.data_set);
        if deflated { inflate(data_set).0 } else { data_set.to_vec() }
    });
    let (plain, _) = plain(case);
    walk(&plain, Encoding::of(&case.transfer_syntax)).iter().any(|found| {
        let Some(value) = plain.get(found.value..found.value + found.claimed) else { return false };
        let begins = begins_like_sequence(found, &plain);
        // Without a VR, or with `UN`, the dictionary decides.
        let is_sequence =
            found.vr == *b"SQ" || (matches!(&found.vr, b"  " | b"UN") && is_sequence(found.tag));
        let holds = |data_set: &[u8]| data_set.windows(value.len()).any(|part| part == value);
        let kept = || mismatch || (holds(&our_set) && (aborted || !holds(&their_set)));
        found.claimed > 0 && !begins && is_sequence && kept()
    })
}

/// True if Debian's dictionaries define this tag as a sequence; for a private tag, under any creator.
fn is_sequence(tag: (u16, u16)) -> bool {
    static TAGS: OnceLock<[BTreeSet<(u16, u16)>; 2]> = OnceLock::new();
    let [tags, private] = TAGS.get_or_init(|| {
        ["dicom.dic", "private.dic"].map(|name| {
            let file = format!("{}/{name}", super::DICTIONARIES);
            let text = std::fs::read(file).expect("Debian's dictionary");
            let entry = |line: &str| {
                let (tag, rest) = line.strip_prefix('(')?.split_once(')')?;
                // A private tag has the creator between its group and its element.
                let (group, element) = (tag.split(',').next()?, tag.rsplit(',').next()?);
                let number = |digits| u16::from_str_radix(digits, 16).ok();
                let tag = (number(group)?, number(element)?);
                rest.trim_start().starts_with("SQ").then_some(tag)
            };
            String::from_utf8_lossy(&text).lines().filter_map(entry).collect()
        })
    });
    tags.contains(&tag) || tag.0 % 2 == 1 && private.contains(&(tag.0, tag.1 & 0xFF))
}

/// True if Pixel Data is native although the transfer syntax is encapsulated.
fn has_native_pixel_data(case: &Case) -> bool {
    let encoding = Encoding::of(&case.transfer_syntax);
    let is_native = |found: &Found| {
        found.depth == 0 && found.tag == (0x7FE0, 0x0010) && found.claimed != UNDEFINED
    };
    encoding.encapsulated() && walk(&case.bytes, encoding).iter().any(is_native)
}

/// True if a PDV boundary cuts the value of an element that is out of order or a duplicate.
fn misread(case: &Case) -> bool {
    let (plain, _) = plain(case);
    let cuts = cuts(case);
    // The largest tags so far, of the data set and of each level that encloses the current element.
    let mut largest: Vec<(u16, u16)> = Vec::new();
    walk(&plain, Encoding::of(&case.transfer_syntax)).iter().any(|found| {
        largest.resize(found.depth + 1, (0, 0));
        let last = &mut largest[found.depth];
        let late = found.tag.0 != 0xFFFE && found.tag <= *last;
        *last = found.tag.max(*last);
        late && cuts.iter().any(|cut| (found.value + 1..found.range.end).contains(cut))
    })
}

/// Bytes of the (inflated) data set received by the end of each PDV but the last.
pub(super) fn cuts(case: &Case) -> Vec<usize> {
    let ends = (1..case.bytes.len().div_ceil(PDV_BYTES)).map(|count| count * PDV_BYTES);
    ends.map(|end| {
        let deflated = case.transfer_syntax == uid::DEFLATED;
        if deflated { inflate(&case.bytes[..end]).0.len() } else { end }
    })
    .collect()
}

/// True if the data set has a SOP Class or Instance UID whose VR is not `UI`.
fn has_uid_of_other_vr(case: &Case) -> bool {
    let (plain, _) = plain(case);
    let encoding = Encoding::of(&case.transfer_syntax);
    encoding.explicit()
        && walk(&plain, encoding).iter().any(|found| {
            let vr = plain.get(found.range.start + 4..found.range.start + 6);
            let is_uid = matches!(found.tag, (0x0008, 0x0016 | 0x0018));
            found.depth == 0 && is_uid && vr != Some(b"UI")
        })
}

/// True if the data set has, or begins with, an element that a data set must not contain.
fn has_foreign_group(case: &Case) -> bool {
    let (plain, _) = plain(case);
    let found = walk(&plain, Encoding::of(&case.transfer_syntax));
    let foreign = found.iter().any(|found| found.depth == 0 && matches!(found.tag.0, 0 | 2));
    foreign || case.bytes.starts_with(&[2, 0])
}

/// The data set, inflated if necessary, and whether it is complete.
pub(super) fn plain(case: &Case) -> (Vec<u8>, bool) {
    if case.transfer_syntax == uid::DEFLATED {
        inflate(&case.bytes)
    } else {
        (case.bytes.clone(), true)
    }
}

/// True if the SOP Class or Instance UID in the data set differs from the command's.
fn other_uids(case: &Case) -> bool {
    let (plain, _) = plain(case);
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
    let [Some(our), Some(their)] = [ours, theirs].map(|file| parts(options, file)) else {
        return different("a file without file meta information");
    };
    if !options.has("-F")
        && let Some(what) = meta_difference(&ours[..our.meta_bytes], &theirs[..their.meta_bytes])
    {
        return Verdict::Different(what);
    }
    compare_data_sets(case, options, [our, their])
}

fn compare_data_sets(case: &Case, options: &OptionSet, [ours, theirs]: [Parts<'_>; 2]) -> Verdict {
    let different = |what: &str| Verdict::Different(what.to_owned());
    if ours.data_set == theirs.data_set {
        return Verdict::Equal;
    }
    let deflated =
        options.has("+td") || case.transfer_syntax == uid::DEFLATED && !converts(options);
    if options.has("+B") || !deflated {
        return compare_plain(options, [ours, theirs]);
    }
    let [(our_plain, our_whole), (their_plain, their_whole)] =
        [ours.data_set, theirs.data_set].map(inflate);
    if !our_whole || !their_whole {
        return different("a deflate stream that is not whole");
    }
    if our_plain == their_plain {
        return if options.compression_level() == 0 {
            Verdict::Known(STORED_BLOCKS)
        } else {
            different("another deflate stream of the same content")
        };
    }
    let ours = Parts { data_set: &our_plain, ..ours };
    let theirs = Parts { data_set: &their_plain, ..theirs };
    compare_plain(options, [ours, theirs])
}

fn converts(options: &OptionSet) -> bool {
    ["+te", "+tb", "+ti", "+td"].iter().any(|word| options.has(word))
}

/// The data set of a file, and its offset.
#[derive(Clone, Copy)]
struct Parts<'a> {
    meta_bytes: usize,
    data_set: &'a [u8],
}

/// The data set, if there is exactly one file.
fn data_set_of<'a>(options: &OptionSet, files: &'a [(String, Vec<u8>)]) -> Option<Parts<'a>> {
    let [(_, file)] = files else { return None };
    parts(options, file)
}

fn parts<'a>(options: &OptionSet, file: &'a [u8]) -> Option<Parts<'a>> {
    if options.has("-F") { Some(Parts { meta_bytes: 0, data_set: file }) } else { split(file) }
}

/// Splits a file at the end of its group length, since the data set may have elements of group 0002, too.
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
    if size > 0 && !options.has("-F") {
        let [our_rests, their_rests] = [ours, theirs]
            .map(|Parts { meta_bytes, data_set }| without_padding(meta_bytes, data_set, size));
        if our_rests.iter().any(|rest| their_rests.contains(rest)) {
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

/// Formats bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
