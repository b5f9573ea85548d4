//! Reads files in the DICOM file format (PS3.10), without any toolkit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The parts of a Part 10 file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part10 {
    /// The 128 bytes at the start.
    pub preamble: Vec<u8>,
    /// Group 0002: element number to VR and encoded value.
    pub meta: BTreeMap<u16, ([u8; 2], Vec<u8>)>,
    /// Everything after group 0002.
    pub data_set: Vec<u8>,
}

impl Part10 {
    /// Reads a file.
    ///
    /// # Panics
    /// If it cannot be read or is not a Part 10 file.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("cannot read {path:?}: {error}"));
        Self::parse(&bytes).unwrap_or_else(|| panic!("{path:?} is no Part 10 file"))
    }

    /// Splits the bytes of a file into its parts; `None` if it is not a Part 10 file or its group 0002 is
    /// truncated. A wrong group length is ignored.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (preamble, rest) = bytes.split_at_checked(128)?;
        let mut rest = rest.strip_prefix(b"DICM")?;
        let mut meta = BTreeMap::new();
        while let Some(&[2, 0, e0, e1, v0, v1, l0, l1]) = rest.first_chunk() {
            let vr = [v0, v1];
            let (header, length) = if matches!(&vr, b"OB" | b"UN") {
                let &[.., l0, l1, l2, l3] = rest.first_chunk::<12>()?;
                (12, u32::from_le_bytes([l0, l1, l2, l3]) as usize)
            } else {
                (8, usize::from(u16::from_le_bytes([l0, l1])))
            };
            let value = rest.get(header..header + length)?;
            meta.insert(u16::from_le_bytes([e0, e1]), (vr, value.to_vec()));
            rest = &rest[header + length..];
        }
        Some(Self { preamble: preamble.to_vec(), meta, data_set: rest.to_vec() })
    }

    /// A value of group 0002 as text without padding; empty if the element is missing.
    #[must_use]
    pub fn text(&self, element: u16) -> String {
        let value = self.meta.get(&element).map(|(_, value)| value.as_slice()).unwrap_or_default();
        String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned()
    }

    /// Transfer Syntax UID.
    #[must_use]
    pub fn transfer_syntax(&self) -> String {
        self.text(0x0010)
    }

    /// True if the group length of group 0002 is correct.
    #[must_use]
    pub fn group_length_fits(&self) -> bool {
        let elements = self.meta.iter().filter(|(element, _)| **element != 0);
        let length: usize = elements
            .map(|(_, (vr, value))| value.len() + if vr == b"OB" || vr == b"UN" { 12 } else { 8 })
            .sum();
        let expected = u32::try_from(length).ok().map(u32::to_le_bytes);
        self.meta.get(&0).map(|(_, value)| value.as_slice())
            == expected.as_ref().map(<[u8; 4]>::as_slice)
    }
}
