//! File names: one path component that is safe to use, whatever it was made from.

pub mod portable;

use crate::limits::FILE_NAME_BYTES;
use std::fmt;

/// A single path component that a file may have (no separator, not `.` or `..`, 1 to 255 bytes, no
/// control character), so that no path built with it leaves its folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// Longest name that Linux file systems take, in bytes (`NAME_MAX`).
    pub const MAX_BYTES: usize = FILE_NAME_BYTES;

    /// The name, if it is a safe one; `None` otherwise.
    #[must_use]
    pub fn new(name: String) -> Option<Self> {
        let safe = !name.is_empty()
            && name.len() <= Self::MAX_BYTES
            && name != "."
            && name != ".."
            && !has_unsafe_characters(&name);
        safe.then_some(Self(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn has_unsafe_characters(name: &str) -> bool {
    let is_unsafe = |c: char| c == '/' || c == '\\' || c.is_control();
    // Nearly all names are ASCII, whose bytes are quicker to look at than its characters.
    if name.is_ascii() {
        name.bytes().any(|byte| is_unsafe(char::from(byte)))
    } else {
        name.chars().any(is_unsafe)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::FileName;

    #[test]
    fn what_leads_out_of_a_folder_is_no_file_name() {
        for bad in
            ["", ".", "..", "/", "a/b", "../a", "a\\b", "a\0b", "a\nb", "a\u{7f}", "é\u{85}", "é/"]
        {
            assert_eq!(FileName::new(bad.to_owned()), None, "{bad:?}");
        }
        assert_eq!(FileName::new("x".repeat(256)), None);
        let long = "x".repeat(255);
        assert_eq!(FileName::new(long.clone()).map(|n| n.to_string()), Some(long));
        assert_eq!(FileName::new("CT.1.2".to_owned()).unwrap().as_str(), "CT.1.2");
    }
}
