//! What merging needs beside the values, and how it tells what is wrong.

use crate::settings::reader::{At, Report};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What merging needs beside the values.
pub(in crate::settings) struct Merging<'a> {
    pub(in crate::settings) report: &'a mut Report,
    /// The folder of the settings file, in which relative paths begin.
    pub(in crate::settings) folder: &'a Path,
}

impl Merging<'_> {
    /// A path as the file has it.
    pub(super) fn path(&self, typed: &Path) -> PathBuf {
        self.folder.join(typed)
    }

    /// Merges what stands under a key: messages name it.
    pub(super) fn inside<T>(&mut self, key: &str, merge: impl FnOnce(&mut Merging<'_>) -> T) -> T {
        let folder = self.folder;
        self.report.inside(key, |report| merge(&mut Merging { report, folder }))
    }

    pub(super) fn fault(&mut self, span: &Range<usize>, message: impl AsRef<str>) {
        self.report.fault(span, message);
    }

    /// Faults for each of the keys that were typed beside one that excludes them.
    pub(super) fn exclude(
        &mut self,
        typed: &[(&'static str, Range<usize>)],
        excluded: &[&str],
        by: &str,
    ) {
        for (field, span) in typed.iter().filter(|(field, _)| excluded.contains(field)) {
            let key = field.replace('_', "-");
            self.fault(span, format!("{key} has no effect with {by}: leave one of them out"));
        }
    }
}

/// The value of a key, if it is there.
pub(super) fn value<T: Clone>(typed: &Option<At<T>>) -> Option<T> {
    typed.as_ref().map(|it| it.value.clone())
}
