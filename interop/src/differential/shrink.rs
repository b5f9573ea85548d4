//! Shrinks a data set as long as it still causes a difference.

use std::cmp::Reverse;
use std::ops::Range;

use super::Case;
use super::model::{Encoding, deflate};
use super::rules::inflate;
use super::walk::{LengthField, walk};
use crate::wire::uid;

/// Returns the smallest form of `case` found for which `differs` is true, as it must be for `case` itself.
pub(super) fn shrink(case: &Case, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let deflated = case.transfer_syntax == uid::DEFLATED;
    let plain = if deflated { inflate(&case.bytes).0 } else { case.bytes.clone() };
    let encoding = Encoding::of(&case.transfer_syntax);
    let with = |plain: &[u8]| {
        let bytes = if deflated { deflate(plain, 6) } else { plain.to_vec() };
        Case { bytes, ..case.clone() }
    };
    let mut smallest = plain;
    if !differs(&with(&smallest)) {
        // The stream itself causes the difference.
        return case.clone();
    }
    let mut tries = 0;
    loop {
        let mut shrunk = false;
        let mut rank = 0;
        while tries < TRIES {
            let cuts = cuts(&smallest, encoding);
            let Some(cut) = cuts.get(rank) else { break };
            let candidate = cut.apply(&smallest);
            tries += 1;
            if differs(&with(&candidate)) {
                smallest = candidate;
                shrunk = true;
            } else {
                rank += 1;
            }
        }
        if !shrunk || tries >= TRIES {
            break;
        }
    }
    with(&smallest)
}

/// A byte range that can be removed, with the length fields that count it.
struct Cut {
    range: Range<usize>,
    lengths: Vec<LengthField>,
}

/// All ranges that can be removed, largest first: elements, items, delimiters, and the ends of values.
fn cuts(bytes: &[u8], encoding: Encoding) -> Vec<Cut> {
    let found = walk(bytes, encoding);
    let mut cuts = Vec::new();
    for (index, element) in found.iter().enumerate() {
        cuts.push(Cut { range: element.range.clone(), lengths: element.enclosing.clone() });
        let leaf = found.get(index + 1).is_none_or(|next| next.depth <= element.depth);
        let length = element.range.end - element.value;
        if leaf && length > 4 {
            let mut lengths = element.enclosing.clone();
            lengths.push(element.length);
            cuts.push(Cut { range: element.value + 2 + length % 2..element.range.end, lengths });
        }
    }
    cuts.sort_by_key(|cut| Reverse(cut.range.len()));
    cuts
}

impl Cut {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let removed = u32::try_from(self.range.len()).expect("a data set below 4 GiB");
        for field in &self.lengths {
            field.subtract(&mut bytes, removed);
        }
        bytes.drain(self.range.clone());
        bytes
    }
}

const TRIES: usize = 400;
