//! Compares our program with Debian's: two output directories, file by file, and lines of the log.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;

use crate::part10::Part10;
use crate::server::files_below;
use crate::wire::uid;

/// Whether Debian's program may log such a line too. Where ours listens, how an association ended, that it ended
/// without release, and that a switch is for tests only, it does not tell.
#[must_use]
pub fn is_dcmtks_line(line: &str) -> bool {
    let own = [
        "listening on 0.0.0.0:",
        "association ended: ",
        "association aborted by ",
        "connection lost without release ",
        "association released without an object",
        "for tests only: ",
    ];
    own.iter().all(|own| !line.contains(own))
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// File name.
    pub file: String,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.file, self.what)
    }
}

/// Compares all files of two directories: names, preamble, file meta information, data set.
///
/// Deflated data sets are inflated before they are compared. The implementation class UID and version name may
/// differ; the group length, which depends on them, has to be correct for its own file.
#[must_use]
pub fn compare_files(ours: &Path, theirs: &Path) -> Vec<Difference> {
    let [our_names, their_names] = [ours, theirs]
        .map(|directory| files_below(directory).into_iter().collect::<BTreeSet<String>>());
    let mut differences = Vec::new();
    let mut differs = |file: &str, what: String| {
        differences.push(Difference { file: file.to_owned(), what });
    };
    for name in our_names.difference(&their_names) {
        differs(name, "only ours".to_owned());
    }
    for name in their_names.difference(&our_names) {
        differs(name, "only theirs".to_owned());
    }
    for name in our_names.intersection(&their_names).filter(|name| !name.ends_with('/')) {
        for what in compare(&Part10::read(&ours.join(name)), &Part10::read(&theirs.join(name))) {
            differs(name, what);
        }
    }
    differences
}

pub(crate) fn compare(ours: &Part10, theirs: &Part10) -> Vec<String> {
    let mut differences = Vec::new();
    if ours.preamble != theirs.preamble {
        differences.push("preamble".to_owned());
    }
    let elements: BTreeSet<u16> = ours.meta.keys().chain(theirs.meta.keys()).copied().collect();
    for element in elements {
        let (our, their) = (ours.meta.get(&element), theirs.meta.get(&element));
        let equal = match element {
            GROUP_LENGTH => ours.group_length_fits(),
            IMPLEMENTATION_CLASS | IMPLEMENTATION_VERSION => our.is_some() && their.is_some(),
            _ => our == their,
        };
        if !equal {
            differences.push(format!("(0002,{element:04X}) {our:?} {their:?}"));
        }
    }
    let (our, their) = (plain(ours), plain(theirs));
    if our != their {
        let offset = our.iter().zip(&their).take_while(|(our, their)| our == their).count();
        let lengths = (our.len(), their.len());
        differences.push(format!("data set from byte {offset} of {lengths:?}"));
    }
    differences
}

/// Returns the data set, inflated if it is deflated, since the same bytes can be deflated in many ways.
fn plain(file: &Part10) -> Vec<u8> {
    if file.transfer_syntax() != uid::DEFLATED {
        return file.data_set.clone();
    }
    let mut bytes = Vec::new();
    let mut decoder = DeflateDecoder::new(file.data_set.as_slice());
    // If the stream is damaged, compare what could be inflated.
    let _ = decoder.read_to_end(&mut bytes);
    bytes
}

const GROUP_LENGTH: u16 = 0x0000;
const IMPLEMENTATION_CLASS: u16 = 0x0012;
const IMPLEMENTATION_VERSION: u16 = 0x0013;
