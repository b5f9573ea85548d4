//! Which VR an attribute has (PS3.6): needed where the encoding does not say.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use crate::{Tag, Vr};

/// The VR of a dictionary entry, which may depend on other elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryVr {
    /// This VR, always.
    Exact(Vr),
    /// `OB` or `OW`.
    Ox,
    /// `US` or `SS`.
    Xs,
    /// Pixel Data: `OB` or `OW`.
    Px,
    /// Look-up table data: `US`, `SS` or `OW`.
    Lt,
    /// An offset in a directory record: `UL`.
    Up,
    /// Item or delimiter: none at all.
    Na,
}

/// A data dictionary.
#[derive(Debug, Default)]
pub struct Dictionary {
    built_in: bool,
}

impl Dictionary {
    /// Today's standard, as this program was built with it. Knows no private elements.
    #[must_use]
    pub fn built_in() -> Dictionary {
        Dictionary { built_in: true }
    }

    /// The entry for an element that is no private one.
    #[must_use]
    pub fn find(&self, tag: Tag) -> Option<EntryVr> {
        if !self.built_in {
            return None;
        }
        let entry = StandardDataDictionary.by_tag(dicom_core::Tag(tag.group(), tag.element()))?;
        match entry.vr() {
            VirtualVr::Exact(vr) => {
                let code = vr.to_string();
                Vr::from_code(code.as_bytes().try_into().ok()?).map(EntryVr::Exact)
            }
            VirtualVr::Xs => Some(EntryVr::Xs),
            VirtualVr::Ox => Some(EntryVr::Ox),
            VirtualVr::Px => Some(EntryVr::Px),
            VirtualVr::Lt => Some(EntryVr::Lt),
            _ => None,
        }
    }
}
