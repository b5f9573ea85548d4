//! What is wrong with a file, gathered while it is read.

use super::super::faults::{Fault, Faults};
use super::{Source, Value, described};
use crate::cli::nearest;
use crate::limits::SETTINGS_FAULTS;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

/// Faults and warnings, each with its place in the file, and the keys that lead to what is being read.
#[derive(Debug, Default)]
pub(in crate::settings) struct Report {
    faults: Vec<(usize, String)>,
    warnings: Vec<(usize, String)>,
    path: Vec<String>,
    /// Faults beyond [`SETTINGS_FAULTS`].
    more: usize,
}

impl Report {
    /// Something is wrong here. The message begins with the keys that lead here.
    pub(in crate::settings) fn fault(&mut self, span: &Range<usize>, message: impl AsRef<str>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        let message = message.as_ref();
        let message = match self.path.as_slice() {
            [] => message.to_owned(),
            path => format!("{}: {message}", path.join(".")),
        };
        self.faults.push((span.start, message));
    }

    /// Further faults are counted only.
    pub(in crate::settings) fn is_full(&self) -> bool {
        self.faults.len() >= SETTINGS_FAULTS
    }

    /// Something here has no effect, or is doubtful.
    pub(in crate::settings) fn warn(&mut self, span: &Range<usize>, message: impl Into<String>) {
        if self.warnings.len() < SETTINGS_FAULTS {
            self.warnings.push((span.start, message.into()));
        }
    }

    /// Another kind of value was expected.
    pub(in crate::settings) fn expected(&mut self, value: &Value<'_>, what: &str) {
        let found = described(value.get_ref());
        self.fault(&value.span(), format!("expected {what}, not {found}"));
    }

    /// Likewise, with the name that was probably meant.
    pub(in crate::settings) fn expected_one_of<'n>(
        &mut self,
        value: &Value<'_>,
        what: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let found = described(value.get_ref());
        let meant = value.get_ref().as_str().map(|typed| meant(typed, names)).unwrap_or_default();
        self.fault(&value.span(), format!("expected {what}, not {found}{meant}"));
    }

    /// Whether something is wrong from this byte on, as far as is known.
    pub(in crate::settings) fn has_fault_since(&self, start: usize) -> bool {
        self.faults.iter().any(|(at, _)| *at >= start)
    }

    /// Reads what stands under a key: messages name it.
    pub(in crate::settings) fn inside<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push(key.to_owned());
        let read = read(self);
        self.path.pop();
        read
    }

    /// Whether something is wrong within these bytes.
    pub(in crate::settings) fn has_fault_within(&self, span: &Range<usize>) -> bool {
        self.faults.iter().any(|(at, _)| span.contains(at))
    }

    /// Something is not TOML.
    pub(in crate::settings) fn syntax(&mut self, error: &toml::de::Error, text: &str) {
        let span = error.span().unwrap_or(text.len()..text.len());
        // What follows in the same line mostly comes of it.
        if let Some((last, _)) = self.faults.last()
            && !text.get(*last..span.start).is_some_and(|between| between.contains('\n'))
        {
            return;
        }
        self.fault(&span, format!("not TOML: {}", error.message()));
    }

    /// Adds the faults of another one, but for those in lines where something is wrong already, and those in a table
    /// whose header is wrong.
    pub(in crate::settings) fn add_on_other_lines(&mut self, other: Self, source: &Source) {
        let line = |at: usize| source.place(at).0;
        let lines: HashSet<usize> = self.faults.iter().map(|(at, _)| line(*at)).collect();
        let is_of_these = |(at, _): &(usize, String)| {
            let header = source.header_before(*at).is_some_and(|header| lines.contains(&header));
            header || lines.contains(&line(*at))
        };
        self.faults.extend(other.faults.into_iter().filter(|fault| !is_of_these(fault)));
        self.more += other.more;
    }

    /// The faults in the order of the file, if there are any; and the warnings.
    pub(in crate::settings) fn finish(
        mut self,
        path: &Path,
        source: &Source,
    ) -> (Option<Faults>, Vec<Fault>) {
        let line =
            |(at, message): (usize, String)| Fault { place: Some(source.place(at)), message };
        self.warnings.sort_by_key(|(at, _)| *at);
        let warnings = self.warnings.into_iter().map(line).collect();
        self.faults.sort_by_key(|(at, _)| *at);
        self.faults.dedup();
        let mut faults: Vec<Fault> = self.faults.into_iter().map(line).collect();
        if self.more > 0 {
            let message =
                format!("{} more faults (the first {SETTINGS_FAULTS} are shown)", self.more);
            faults.push(Fault { place: None, message });
        }
        let faults = (!faults.is_empty()).then(|| Faults { file: path.to_owned(), faults });
        (faults, warnings)
    }
}

/// `; did you mean "…"?`, if one of the names is like what was typed.
pub(in crate::settings) fn meant<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> String {
    nearest(typed, names).map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}
