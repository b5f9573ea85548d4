//! What came of the cuts.

use std::collections::BTreeMap;
use std::fmt;

use super::check::Fault;

/// How many faults are described, and how many disks that could not be mounted.
const NOTES: usize = 10;
const UNMOUNTABLE_NOTES: usize = 3;

/// Counts what came of the cuts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: usize,
    /// Files that were found and compared, over all cuts.
    pub files: usize,
    /// Objects that were not acknowledged, although the power was on.
    pub unstored: usize,
    /// Disks that could not be mounted.
    pub unmountable: usize,
    /// Disks among them that could not even be repaired.
    pub beyond_repair: usize,
    /// Faults of files, over all cuts.
    pub faults: BTreeMap<Fault, usize>,
    /// Writes that no flush had covered: kept, dropped and torn.
    pub writes: [usize; 3],
    /// The first disks that could not be mounted, in words.
    pub unmountable_notes: Vec<String>,
    /// The first faults of files, in words.
    pub notes: Vec<String>,
}

impl Tally {
    /// Number of faults of files.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// True if the receiver kept its promise, and no disk needed a repair that it should not need.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cuts > 0 && self.files > 0 && self.unstored + self.unmountable + self.faults() == 0
    }

    /// Adds what came of other cuts.
    pub fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.files += other.files;
        self.unstored += other.unstored;
        self.unmountable += other.unmountable;
        self.beyond_repair += other.beyond_repair;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (sum, more) in self.writes.iter_mut().zip(other.writes) {
            *sum += more;
        }
        self.unmountable_notes.extend(other.unmountable_notes);
        self.unmountable_notes.truncate(UNMOUNTABLE_NOTES);
        self.notes.extend(other.notes);
        self.notes.truncate(NOTES);
    }

    pub(super) fn add_cut(&mut self, writes: [usize; 3]) {
        self.cuts += 1;
        for (sum, more) in self.writes.iter_mut().zip(writes) {
            *sum += more;
        }
    }

    pub(super) fn add_unmountable(&mut self, text: String) {
        self.unmountable += 1;
        if self.unmountable <= UNMOUNTABLE_NOTES {
            self.unmountable_notes.push(text);
        }
    }

    pub(super) fn add_fault(&mut self, fault: Fault, text: String) {
        if self.notes.len() < NOTES {
            self.notes.push(text);
        }
        *self.faults.entry(fault).or_default() += 1;
    }
}

/// One line of names and numbers, which scripts can read.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, files, unstored, unmountable, beyond_repair, .. } = self;
        let [kept, dropped, torn] = self.writes;
        write!(f, "cuts={cuts} files={files} unstored={unstored} unmountable={unmountable} ")?;
        write!(f, "beyond-repair={beyond_repair}")?;
        for fault in [Fault::Lost, Fault::Outdated, Fault::Torn, Fault::Unknown, Fault::Unowed] {
            let count = self.faults.get(&fault).copied().unwrap_or_default();
            write!(f, " {}={count}", format!("{fault:?}").to_lowercase())?;
        }
        write!(f, " writes-kept={kept} writes-dropped={dropped} writes-torn={torn}")
    }
}
