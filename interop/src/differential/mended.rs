//! Rewrites data sets so that Debian's program does with them what ours does with the originals.

use super::model::{Element, Encoding, Value, deflate, encode};
use super::rules::{cuts, plain};
use super::walk::{Found, walk};
use super::{Case, OptionSet};
use crate::wire::uid;

/// Debian's program writes values of odd length that consist of words unchanged, and treats bytes as words.
const ODD_VALUES: &str = "values of odd length: as Debian's does if they come padded";
/// Debian's program writes values of 2 or 6 bytes unchanged, and corrects the first half of values of 8 bytes.
const ODD_GROUP_LENGTHS: &str =
    "group lengths of other than 4 bytes: as Debian's does if they come as numbers of 4";
/// Debian's program loses track of the byte order in the middle of the value.
const SWAPPED: &str =
    "+uc: numbers of VR UN that a PDV cuts, from big endian, are not swapped; Debian's swaps them";

/// Debian's program writes them, and readers of its file take some of them for file meta information.
const FOREIGN_GROUPS: &str =
    "elements of groups 0000 and 0002 are left out: as Debian's does if they do not come";
/// Debian's program turns two UIDs into one.
const WHITE_SPACE: &str = "white space inside a UID is kept; Debian's drops it";

/// Replaces white space in a data set, if a value has some that is a UID or may be one because its VR is not
/// known from the encoding; returns the rule and the new data set, which both programs must treat alike.
pub(super) fn without_white_space(case: &Case) -> Option<(&'static str, Case)> {
    let (mut bytes, whole) = plain(case);
    let encoding = Encoding::of(&case.transfer_syntax);
    let found = walk(&bytes, encoding);
    let mut in_uid = false;
    for element in leaves(&found).filter(|element| element.tag.0 != 0xFFFE) {
        let vr = bytes.get(element.range.start + 4..element.range.start + 6);
        let may_be_uid = !encoding.explicit()
            || !element.enclosing.is_empty()
            || matches!(vr, Some(b"UI" | b"UN"));
        for byte in &mut bytes[element.value..element.range.end] {
            if matches!(byte, b'\t'..=b'\r' | b' ') {
                *byte = b'x';
                in_uid |= may_be_uid;
            }
        }
    }
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let bytes = if deflated { deflate(&bytes, 6) } else { bytes };
    (whole && in_uid).then(|| (WHITE_SPACE, Case { bytes, ..case.clone() }))
}

/// Returns rewritten forms of the data set, each with its rule. Debian's program must do with one of them what
/// ours does with the original.
pub(super) fn mended(case: &Case, options: &OptionSet) -> Vec<(&'static str, Case)> {
    let padded_form = padded(case).map(|padded| (ODD_VALUES, padded));
    let group_lengths = with_whole_group_lengths(case).map(|mended| (ODD_GROUP_LENGTHS, mended));
    let swapped = if options.has("+uc") && case.transfer_syntax == uid::EVBE {
        [2, 4, 8].map(|unit| swapped(case, unit).map(|swapped| (SWAPPED, swapped)))
    } else {
        [None, None, None]
    };
    let own = without_foreign_groups(case).map(|own| (FOREIGN_GROUPS, own));
    let own_padded = own.as_ref().and_then(|(rule, own)| padded(own).map(|padded| (*rule, padded)));
    let forms = padded_form.into_iter().chain(group_lengths).chain(swapped.into_iter().flatten());
    forms.chain(own).chain(own_padded).collect()
}

/// Removes elements of groups that a data set must not contain; `None` if there are none.
fn without_foreign_groups(case: &Case) -> Option<Case> {
    let (mut bytes, whole) = plain(case);
    let found = walk(&bytes, Encoding::of(&case.transfer_syntax));
    let is_foreign = |found: &&Found| matches!(found.tag.0, 0x0000 | 0x0002);
    let mut foreign: Vec<&Found> = found.iter().filter(is_foreign).collect();
    // Elements inside another removed element are removed with it.
    let mut end = 0;
    foreign.retain(|element| {
        let inside = element.range.start < end;
        end = end.max(element.range.end);
        !inside
    });
    for element in foreign.iter().rev() {
        for field in &element.enclosing {
            field.subtract(&mut bytes, u32::try_from(element.range.len()).ok()?);
        }
        bytes.drain(element.range.clone());
    }
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let bytes = if deflated { deflate(&bytes, 6) } else { bytes };
    (whole && !foreign.is_empty()).then(|| Case { bytes, ..case.clone() })
}

/// Pads all values of odd length; `None` if there are none.
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

/// Replaces all group length values that are not 4 bytes long by numbers of 4 bytes; `None` if there are none.
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

/// Swaps the values of VR `UN` that a PDV boundary cuts; `None` if there are none.
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

/// The elements that contain no other elements.
fn leaves(found: &[Found]) -> impl Iterator<Item = &Found> {
    found.iter().enumerate().filter_map(|(index, element)| {
        let is_leaf = found.get(index + 1).is_none_or(|next| next.depth <= element.depth);
        is_leaf.then_some(element)
    })
}
