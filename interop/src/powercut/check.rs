//! Compares the files on a disk whose power was cut with what was acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::workload::Sent;
use crate::files_below;

/// By how many of its last bytes an object is recognized.
const TAIL_BYTES: usize = 64;

/// All files that may be on the disk, by their names.
#[derive(Debug)]
pub(super) struct Expected<'s> {
    files: BTreeMap<String, Versions<'s>>,
}

/// What may be in one file.
#[derive(Debug)]
struct Versions<'s> {
    /// What is before the data set, in each of them.
    head: Vec<u8>,
    /// In the order in which they were sent.
    sent: Vec<&'s Sent>,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It was acknowledged, and is missing.
    Lost,
    /// An older object is in it than the one that was acknowledged.
    Outdated,
    /// It has its final name, and something else is in it than what was sent.
    Torn,
    /// It has a name that no file had.
    Unknown,
    /// It was acknowledged, and its intent is missing: nobody knows that it is owed.
    Unowed,
}

impl<'s> Expected<'s> {
    /// Takes names and heads from the files as they are once everything is stored in `directory`.
    ///
    /// # Panics
    /// If an acknowledged object is not there.
    pub(super) fn from_live(sent: &'s [Sent], directory: &Path) -> Self {
        let by_tail: HashMap<&[u8], &Sent> =
            sent.iter().map(|sent| (tail(&sent.object.bytes), sent)).collect();
        let mut files = BTreeMap::new();
        let mut found = 0;
        for (name, content) in final_files(directory) {
            let last = by_tail.get(tail(&content));
            let last = last.unwrap_or_else(|| panic!("{name} is none of the objects"));
            let head = content.strip_suffix(last.object.bytes.as_slice());
            let head = head.unwrap_or_else(|| panic!("{name} is not as it was sent")).to_vec();
            let instance = &last.object.sop_instance;
            let is_version = |it: &&Sent| it.object.sop_instance == *instance;
            let sent: Vec<&Sent> = sent.iter().filter(is_version).collect();
            found += sent.len();
            files.insert(name, Versions { head, sent });
        }
        assert_eq!(found, sent.len(), "each object is stored once");
        Self { files }
    }

    /// Of a receiver that gives no file a final name.
    pub(super) fn nothing() -> Self {
        Self { files: BTreeMap::new() }
    }

    /// What is wrong in a directory after a power cut at this position; with the number of files that are
    /// there.
    pub(super) fn compare(
        &self,
        directory: &Path,
        position: usize,
    ) -> (Vec<(Fault, String)>, usize) {
        let (mut faults, mut count) = (Vec::new(), 0);
        let mut found: BTreeMap<String, Vec<u8>> = final_files(directory).collect();
        for (name, versions) in &self.files {
            let content = found.remove(name);
            count += usize::from(content.is_some());
            if let Some(fault) = versions.fault(content.as_deref(), position) {
                faults.push((fault, name.clone()));
            }
        }
        faults.extend(found.into_keys().map(|name| (Fault::Unknown, name)));
        (faults, count)
    }
}

impl Versions<'_> {
    fn fault(&self, content: Option<&[u8]>, position: usize) -> Option<Fault> {
        let is_acknowledged = |it: &&Sent| it.acknowledged.is_some_and(|at| at <= position);
        let newest = self.sent.iter().rposition(is_acknowledged);
        let Some(content) = content else { return newest.map(|_| Fault::Lost) };
        let data_set = content.strip_prefix(self.head.as_slice());
        let is_in_it = |it: &&Sent| Some(it.object.bytes.as_slice()) == data_set;
        match self.sent.iter().rposition(is_in_it) {
            None => Some(Fault::Torn),
            Some(version) if Some(version) < newest => Some(Fault::Outdated),
            Some(_) => None,
        }
    }
}

/// The files that have final names, with their content.
fn final_files(directory: &Path) -> impl Iterator<Item = (String, Vec<u8>)> {
    let is_final = |name: &String| {
        !name.ends_with('/') && !name.starts_with('.') && !name.starts_with("lost+found/")
    };
    files_below(directory).into_iter().filter(is_final).map(|name| {
        // A file that cannot be read is as bad as one without content.
        let content = fs::read(directory.join(&name)).unwrap_or_default();
        (name, content)
    })
}

pub(super) fn tail(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(TAIL_BYTES)..]
}
