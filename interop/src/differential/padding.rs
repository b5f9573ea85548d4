//! Removes the Data Set Trailing Padding that fills up a file (PS3.10 §7.2).

use super::model::Encoding;
use super::walk::walk;
use crate::wire::uid;

/// Returns every data set that may have been padded to this one, where padding makes the file size a multiple
/// of `size`; empty if the file size is not a multiple. The last padding element may belong to an item instead,
/// and its group may have received a group length for the padding alone.
pub(super) fn without_padding(meta_bytes: usize, data_set: &[u8], size: usize) -> Vec<Vec<u8>> {
    if !(meta_bytes + data_set.len()).is_multiple_of(size) {
        return Vec::new();
    }
    let mut rests = vec![data_set.to_vec()];
    for form in &FORMS {
        let padding = form.last_padding(data_set).filter(|padding| padding.value_bytes < size);
        if let Some(padding) = padding {
            rests.extend(padding.rests(form));
        }
    }
    rests
}

/// Encoding of a padding element in one transfer syntax.
struct Form {
    transfer_syntax: &'static str,
    /// Header of the padding element, up to the length field.
    header: &'static [u8],
    /// Group length element of its group, without the value.
    group_length: &'static [u8],
}

const FORMS: [Form; 3] = [
    Form {
        transfer_syntax: uid::EVLE,
        header: b"\xFC\xFF\xFC\xFFOB\0\0",
        group_length: b"\xFC\xFF\0\0UL\x04\0",
    },
    Form {
        transfer_syntax: uid::EVBE,
        header: b"\xFF\xFC\xFF\xFCOB\0\0",
        group_length: b"\xFF\xFC\0\0UL\0\x04",
    },
    Form {
        transfer_syntax: uid::IVLE,
        header: b"\xFC\xFF\xFC\xFF",
        group_length: b"\xFC\xFF\0\0\x04\0\0\0",
    },
];

/// The data set before and after the padding element.
struct Padding<'a> {
    before: &'a [u8],
    bytes: u32,
    value_bytes: usize,
    after: &'a [u8],
}

impl Form {
    fn last_padding<'a>(&self, data_set: &'a [u8]) -> Option<Padding<'a>> {
        let header_bytes = self.header.len() + 4;
        let mut places = (0..=data_set.len().checked_sub(header_bytes)?).rev();
        let place = places.find(|&place| data_set[place..].starts_with(self.header))?;
        let (before, padding) = data_set.split_at(place);
        let (header, value) = padding.split_at(header_bytes);
        let encoding = Encoding::of(self.transfer_syntax);
        let length = encoding.read_u32(header[self.header.len()..].try_into().ok()?);
        let value_bytes = usize::try_from(length).ok()?;
        let (value, after) = value.split_at_checked(value_bytes)?;
        let bytes = length + u32::try_from(header_bytes).ok()?;
        value.iter().all(|byte| *byte == 0).then_some(Padding { before, bytes, value_bytes, after })
    }
}

impl Padding<'_> {
    fn rests(&self, form: &Form) -> Vec<Vec<u8>> {
        let encoding = Encoding::of(form.transfer_syntax);
        let rest = [self.before, self.after].concat();
        let mut rests = vec![rest.clone()];
        // The first element of the group counts the padding as a group length does. Debian's program takes any
        // first element that is a number for a group length.
        let found = walk(&rest, encoding);
        let group = found.iter().find(|found| found.depth == 0 && found.tag.0 == 0xFFFC);
        if let Some(first) =
            group.filter(|first| first.claimed >= 4 && first.value + 4 <= rest.len())
        {
            let place = first.value..first.value + 4;
            // With `-u`, numbers are little endian bytes.
            for encoding in [encoding, Encoding::of(uid::EVLE)] {
                let number = rest[place.clone()].try_into().expect("four bytes");
                let number = encoding.read_u32(number).wrapping_sub(self.bytes);
                let mut less = rest.clone();
                less[place.clone()].copy_from_slice(&encoding.u32(number));
                rests.push(less);
            }
        }
        let without_number = &self.before[..self.before.len().saturating_sub(4)];
        if let Some(others) = without_number.strip_suffix(form.group_length) {
            rests.push([others, self.after].concat());
        }
        rests
    }
}
