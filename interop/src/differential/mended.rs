//! Data sets that Debian's program has to get in another form to do what ours does.

use super::model::{Element, Encoding, Value, deflate, encode};
use super::rules::{cuts, plain};
use super::walk::{Found, walk};
use super::{Case, OptionSet};
use crate::wire::uid;

/// Debian's writes words of odd length as they are, and takes bytes for words.
const ODD_VALUES: &str = "values of odd length: as Debian's does if they come padded";
/// Debian's writes two or six bytes as they are, and corrects the first half of eight.
const ODD_GROUP_LENGTHS: &str =
    "group lengths of other than 4 bytes: as Debian's does if they come as numbers of 4";
/// Debian's forgets in mid value that it is little endian.
const SWAPPED: &str =
    "+uc: numbers of VR UN that a PDV cuts, from big endian, are not swapped; Debian's swaps them";

/// Forms of the data set, each with the rule that asks for it: what ours makes of the data set is
/// what Debian's has to make of that form.
pub(super) fn mended(case: &Case, options: &OptionSet) -> Vec<(&'static str, Case)> {
    let padded = padded(case).map(|padded| (ODD_VALUES, padded));
    let group_lengths = with_whole_group_lengths(case).map(|mended| (ODD_GROUP_LENGTHS, mended));
    let swapped = if options.has("+uc") && case.transfer_syntax == uid::EVBE {
        [2, 4, 8].map(|unit| swapped(case, unit).map(|swapped| (SWAPPED, swapped)))
    } else {
        [None, None, None]
    };
    padded.into_iter().chain(group_lengths).chain(swapped.into_iter().flatten()).collect()
}

/// The data set with all values of odd length padded, if there are any.
fn padded(case: &Case) -> Option<Case> {
    let (mut bytes, whole) = plain(case);
    let found = walk(&bytes, Encoding::of(&case.transfer_syntax));
    let odd: Vec<&Found> = leaves(&found)
        .filter(|element| element.range.len() % 2 == 1 && element.tag.0 != 0xFFFE)
        .collect();
    for element in odd.iter().rev() {
        bytes.insert(element.range.end, 0);
        for field in element.enclosing.iter().chain([&element.length]) {
            field.add(&mut bytes, 1)?;
        }
    }
    let changed = whole && !odd.is_empty() && bytes.len().is_multiple_of(2);
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let bytes = if deflated { deflate(&bytes, 6) } else { bytes };
    changed.then(|| Case { bytes, ..case.clone() })
}

/// The data set with a number of four bytes in each group length, if there are others.
fn with_whole_group_lengths(case: &Case) -> Option<Case> {
    let (mut bytes, whole) = plain(case);
    let encoding = Encoding::of(&case.transfer_syntax);
    let found = walk(&bytes, encoding);
    let odd: Vec<&Found> = leaves(&found)
        .filter(|element| element.tag.1 == 0 && element.tag.0 != 0xFFFE && element.claimed != 4)
        .collect();
    for element in odd.iter().rev() {
        let number = Element {
            group: element.tag.0,
            number: 0,
            vr: *b"UL",
            value: Value::Bytes(vec![0; 4]),
        };
        let number = encode(&[number], encoding);
        for field in &element.enclosing {
            field.add(&mut bytes, u32::try_from(number.len()).ok()?)?;
            field.subtract(&mut bytes, u32::try_from(element.range.len()).ok()?);
        }
        bytes.splice(element.range.clone(), number);
    }
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let bytes = if deflated { deflate(&bytes, 6) } else { bytes };
    (whole && !odd.is_empty()).then(|| Case { bytes, ..case.clone() })
}

/// The data set with the values of VR `UN` that a PDV cuts swapped, if there are any.
fn swapped(case: &Case, unit: usize) -> Option<Case> {
    let mut bytes = case.bytes.clone();
    let cuts = cuts(case);
    let found = walk(&case.bytes, Encoding::of(&case.transfer_syntax));
    let unknown = leaves(&found).filter(|element| {
        let vr = case.bytes.get(element.range.start + 4..element.range.start + 6);
        vr == Some(b"UN")
            && cuts.iter().any(|cut| (element.value + 1..element.range.end).contains(cut))
    });
    for element in unknown {
        bytes[element.value..element.range.end].chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    }
    (bytes != case.bytes).then(|| Case { bytes, ..case.clone() })
}

/// The elements that hold no others.
fn leaves(found: &[Found]) -> impl Iterator<Item = &Found> {
    found.iter().enumerate().filter_map(|(index, element)| {
        let is_leaf = found.get(index + 1).is_none_or(|next| next.depth <= element.depth);
        is_leaf.then_some(element)
    })
}
