//! Text files of sections and entries, as DCMTK writes its configuration.
//!
//! ```text
//! # a comment
//! [[SuperSection]]
//! [Section]
//! Key = Value
//! ```

/// What a file says, in its order. Sections of the same name are one.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    super_sections: Vec<String>,
    sections: Vec<Section>,
    /// What was passed over, with the number of its line.
    pub(super) remarks: Vec<(usize, String)>,
}

/// The entries under one name.
#[derive(Debug)]
pub(super) struct Section {
    super_section: String,
    /// In upper case, without blanks.
    pub(super) name: String,
    /// The number of the line with its name, from 1.
    pub(super) line: usize,
    entries: Vec<Entry>,
}

/// `Key = Value`.
#[derive(Debug)]
pub(super) struct Entry {
    /// In upper case, letters, digits, `-` and `_` only.
    pub(super) key: String,
    /// Without blanks around it.
    pub(super) value: String,
    /// The number of its line, from 1.
    pub(super) line: usize,
}

/// A line with a name that has no end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub(super) line: usize,
}

impl ConfigFile {
    /// Reads a file's text. Lines that are neither empty, comment, section nor entry are passed over
    /// and remarked.
    ///
    /// # Errors
    /// [`Unclosed`] if a section's name does not end on its line.
    pub(super) fn parse(text: &str) -> Result<Self, Unclosed> {
        let mut file = Self::default();
        let mut current = None;
        for (index, line) in text.lines().enumerate() {
            let (number, mut line) = (index + 1, line.trim());
            if let Some((depth, name, rest)) = heading(line).ok_or(Unclosed { line: number })? {
                let name = plain(name);
                if depth == 2 {
                    file.super_sections.push(name);
                    current = None;
                } else {
                    current = file.super_sections.last().cloned().map(|it| (it, name, number));
                }
                line = rest.trim();
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (line.split_once('='), &current) {
                (Some((key, value)), Some((super_section, name, start))) => {
                    let entry = Entry { key: plain(key), value: value.trim().into(), line: number };
                    file.add(super_section, name, *start, entry);
                }
                (Some(_), None) => file.remark(number, "entry outside any section"),
                (None, _) => file.remark(number, "neither section nor entry"),
            }
        }
        Ok(file)
    }

    /// Whether the super-section is there.
    pub(super) fn has(&self, super_section: &str) -> bool {
        self.super_sections.iter().any(|name| name == super_section)
    }

    /// The sections that have entries, in the order of the file.
    pub(super) fn sections<'a>(
        &'a self,
        super_section: &'a str,
    ) -> impl Iterator<Item = &'a Section> {
        self.sections.iter().filter(move |section| section.super_section == super_section)
    }

    fn add(&mut self, super_section: &str, name: &str, start: usize, entry: Entry) {
        let same =
            |section: &&mut Section| section.super_section == super_section && section.name == name;
        let section = match self.sections.iter_mut().find(same) {
            Some(section) => section,
            None => {
                self.sections.push(Section {
                    super_section: super_section.to_owned(),
                    name: name.to_owned(),
                    line: start,
                    entries: Vec::new(),
                });
                self.sections.last_mut().expect("one was just added")
            }
        };
        if let Some(earlier) = section.entries.iter().find(|other| other.key == entry.key) {
            let remark = format!("{} was set in line {} already", entry.key, earlier.line);
            self.remarks.push((entry.line, remark));
        } else {
            section.entries.push(entry);
        }
    }

    fn remark(&mut self, line: usize, what: &str) {
        self.remarks.push((line, what.to_owned()));
    }
}

impl Section {
    /// The entry with this key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entries `PREFIX1`, `PREFIX2` and so on, up to the first that is missing; and those behind
    /// it, which is never reached.
    pub(super) fn numbered(&self, prefix: &str) -> (Vec<&Entry>, Vec<&Entry>) {
        let listed: Vec<&Entry> =
            (1..).map_while(|number: usize| self.entry(&format!("{prefix}{number}"))).collect();
        let is_listed = |entry: &Entry| listed.iter().any(|other| other.line == entry.line);
        let beyond = self.entries.iter().filter(|entry| {
            let number = entry.key.strip_prefix(prefix);
            let numbered =
                number.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            numbered && !is_listed(entry)
        });
        let beyond = beyond.collect();
        (listed, beyond)
    }
}

/// The depth, name and rest of a line that begins with `[name]` or `[[name]]`; `None` if the name
/// does not end, `Some(None)` if the line does not begin so.
#[expect(clippy::option_option, reason = "two different questions")]
fn heading(line: &str) -> Option<Option<(usize, &str, &str)>> {
    let Some(inside) = line.strip_prefix('[') else { return Some(None) };
    let inside = inside.trim_start();
    let (depth, inside) = match inside.strip_prefix('[') {
        Some(inside) => (2, inside),
        None => (1, inside),
    };
    let (name, rest) = inside.split_once(']')?;
    let rest = if depth == 2 { rest.trim_start().strip_prefix(']')? } else { rest };
    Some(Some((depth, name, rest)))
}

/// A name as it is compared: letters in upper case, digits, `-` and `_`.
fn plain(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.chars().filter(kept).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &ConfigFile, super_section: &str) -> Vec<(String, Vec<String>)> {
        let entries = |section: &Section| {
            section.entries.iter().map(|it| format!("{}={}", it.key, it.value)).collect()
        };
        file.sections(super_section).map(|it| (it.name.clone(), entries(it))).collect()
    }

    #[test]
    fn names_ignore_case_and_blanks_and_values_do_not() {
        let text =
            "# [[No]]\r\n  [[ My Files ]]\r\n[ a b ]\r\n  # no = entry\r\n\tKey 1 = A b#c \r\n\r\n";
        let file = ConfigFile::parse(text).unwrap();
        assert!(file.has("MYFILES") && !file.has("NO"));
        assert_eq!(keys(&file, "MYFILES"), [("AB".into(), vec!["KEY1=A b#c".into()])]);
        assert!(file.remarks.is_empty());
    }

    #[test]
    fn sections_of_one_name_merge_and_the_first_entry_counts() {
        let text =
            "[[S]]\n[A]\nk=1\n[B]\nk=2\n[A]\nk=3\nl=4\n[[T]]\n[A]\nk=5\n[[S]]\n[B] m=6 # x\n";
        let file = ConfigFile::parse(text).unwrap();
        let expected = [
            ("A".to_owned(), vec!["K=1".to_owned(), "L=4".to_owned()]),
            ("B".to_owned(), vec!["K=2".to_owned(), "M=6 # x".to_owned()]),
        ];
        assert_eq!(keys(&file, "S"), expected);
        assert_eq!(file.remarks, [(7, "K was set in line 3 already".to_owned())]);
    }

    #[test]
    fn what_is_no_entry_is_remarked() {
        let text = "a=1\n[X]\nb=1\n[[S]] # comment\nc=1\n[A]\nnonsense\n";
        let file = ConfigFile::parse(text).unwrap();
        let lines: Vec<usize> = file.remarks.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 3, 5, 7]);
    }

    #[test]
    fn a_name_must_end_on_its_line() {
        for (text, line) in [("[[S]]\n[A\n", 2), ("[[S]\n", 1), ("\n\n[", 3)] {
            assert_eq!(ConfigFile::parse(text).unwrap_err(), Unclosed { line }, "{text:?}");
        }
    }

    #[test]
    fn a_list_ends_at_the_first_gap() {
        let file = ConfigFile::parse("[[S]]\n[A]\nT2=b\nT1=a\nT4=d\nT03=c\nTx=e\n").unwrap();
        let section = file.sections("S").next().unwrap();
        let (listed, beyond) = section.numbered("T");
        assert_eq!(listed.iter().map(|it| &it.value[..]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(beyond.iter().map(|it| &it.key[..]).collect::<Vec<_>>(), ["T4", "T03"]);
    }
}
