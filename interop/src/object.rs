//! Makes small data sets for the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::wire::uid;

/// A data set in Explicit VR Little Endian that no receiver has a reason to change: its elements are in order,
/// and it has no group lengths and no padding except what PS3.5 requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: String,
    /// The encoded data set.
    pub bytes: Vec<u8>,
}

impl Object {
    /// A CT image with a new SOP Instance UID and this many bytes of pixel data.
    #[must_use]
    pub fn ct(pixel_bytes: usize) -> Self {
        Self::new(uid::CT, &unused_uid(), pixel_bytes)
    }

    /// An object with these UIDs and this many bytes of pixel data.
    #[must_use]
    pub fn new(sop_class: &str, sop_instance: &str, pixel_bytes: usize) -> Self {
        let mut elements = vec![
            (0x0008_0060, *b"CS", b"CT".to_vec()),
            (0x0010_0010, *b"PN", b"Doe^Jane".to_vec()),
            (0x0010_0020, *b"LO", b"4711".to_vec()),
            (0x0020_000D, *b"UI", b"2.25.301".to_vec()),
            (0x0020_000E, *b"UI", b"2.25.302".to_vec()),
            (0x0028_0100, *b"US", 16_u16.to_le_bytes().to_vec()),
        ];
        // No part of the pattern equals another, so that a lost or moved piece is detected.
        let pixels = (0..pixel_bytes.div_ceil(4))
            .flat_map(|n| {
                u32::try_from(n).unwrap_or_default().wrapping_mul(0x9E37_79B1).to_le_bytes()
            })
            .take(pixel_bytes);
        elements.push((0x7FE0_0010, *b"OW", pixels.collect()));
        Self::made_of(sop_class, sop_instance, elements)
    }

    /// A CT image of this study with a new SOP Instance UID, this patient's name if any, and this character
    /// set.
    #[must_use]
    pub fn of_study(study: &str, patient: Option<&[u8]>, character_set: &str) -> Self {
        let mut elements = vec![(0x0020_000D, *b"UI", study.as_bytes().to_vec())];
        if !character_set.is_empty() {
            elements.push((0x0008_0005, *b"CS", character_set.as_bytes().to_vec()));
        }
        elements.extend(patient.map(|name| (0x0010_0010, *b"PN", name.to_vec())));
        Self::made_of(uid::CT, &unused_uid(), elements)
    }

    /// An object with these UIDs and these elements, each a tag, a VR and a value.
    #[must_use]
    pub fn made_of(
        sop_class: &str,
        sop_instance: &str,
        mut elements: Vec<(u32, [u8; 2], Vec<u8>)>,
    ) -> Self {
        elements.push((0x0008_0016, *b"UI", sop_class.as_bytes().to_vec()));
        elements.push((0x0008_0018, *b"UI", sop_instance.as_bytes().to_vec()));
        elements.sort();
        let encoded = |(tag, vr, value): &(u32, [u8; 2], Vec<u8>)| {
            let [e0, e1, g0, g1] = tag.to_le_bytes();
            element(u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]), *vr, value)
        };
        let bytes = elements.iter().flat_map(encoded).collect();
        Self { sop_class: sop_class.to_owned(), sop_instance: sop_instance.to_owned(), bytes }
    }

    /// Its file name under DCMTK's default rules, for CT and MR.
    ///
    /// # Panics
    /// For any other SOP class.
    #[must_use]
    pub fn file_name(&self) -> String {
        let prefix = match self.sop_class.as_str() {
            uid::CT => "CT",
            uid::MR => "MR",
            other => panic!("no prefix known here for {other}"),
        };
        format!("{prefix}.{}", self.sop_instance)
    }
}

/// An element in Explicit VR Little Endian, its value padded to even length.
#[must_use]
pub fn element(group: u16, number: u16, vr: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        let text = !matches!(&vr, b"UI" | b"OB" | b"OW" | b"UN");
        value.push(if text { b' ' } else { 0 });
    }
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes(), vr].concat();
    if matches!(&vr, b"OB" | b"OW" | b"OF" | b"SQ" | b"UN" | b"UT") {
        bytes.extend([0, 0]);
        bytes.extend(u32::try_from(value.len()).expect("below 4 GiB").to_le_bytes());
    } else {
        bytes.extend(u16::try_from(value.len()).expect("below 64 KiB").to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

/// Returns a UID that no other object of this run has.
fn unused_uid() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("2.25.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
