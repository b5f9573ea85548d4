//! What a data set says, as UTF-8.

mod file;
mod value;

pub use file::{FileFacts, read_file};

use catalog::ObjectAttributes;
use catalog::limits::TEXT_BYTES;
use dataset::{AttributeName, Attributes, Tag};

/// The attributes that are kept for each object, in the order of [`ObjectAttributes`].
const CATALOGUED: [Tag; 20] = [
    Tag::STUDY_INSTANCE_UID,
    Tag(0x0020, 0x000E),
    Tag::PATIENT_NAME,
    Tag(0x0010, 0x0020),
    Tag(0x0010, 0x0030),
    Tag(0x0010, 0x0040),
    Tag(0x0008, 0x0050),
    Tag(0x0020, 0x0010),
    Tag(0x0008, 0x0020),
    Tag(0x0008, 0x0030),
    Tag(0x0008, 0x1030),
    Tag(0x0008, 0x0090),
    Tag(0x0008, 0x0060),
    Tag(0x0020, 0x0011),
    Tag(0x0008, 0x103E),
    Tag(0x0018, 0x0015),
    Tag(0x0008, 0x1010),
    Tag(0x0008, 0x0080),
    Tag(0x0020, 0x0013),
    Tag(0x0028, 0x0008),
];

/// The attributes that the catalogue keeps of each object: to be wanted of data sets that pass.
pub fn catalogued() -> impl Iterator<Item = AttributeName> {
    CATALOGUED.into_iter().map(AttributeName::Public)
}

/// The values that were noted while a data set passed, read as UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    attributes: &'a Attributes,
    /// Specific Character Set (0008,0005), as declared, or as taken for granted where nothing is.
    character_set: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// Those of a data set; where it declares no character set, it is in `default_character_set`.
    #[must_use]
    pub fn new(attributes: &'a Attributes, default_character_set: Option<&'a str>) -> Self {
        let declared = attributes.specific_character_set();
        let declared = declared.filter(|term| term.iter().any(|byte| !matches!(byte, 0 | b' ')));
        let character_set = declared.or(default_character_set.map(str::as_bytes));
        Self { attributes, character_set }
    }

    /// All values of an attribute, without padding; none if the data set does not have it.
    #[must_use]
    pub fn all(&self, name: &AttributeName) -> Vec<String> {
        let noted = self.attributes.noted_as(name);
        noted.map(|noted| value::all(&noted, self.character_set)).unwrap_or_default()
    }

    /// The first value, without padding; `None` if it is empty. At most [`TEXT_BYTES`].
    #[must_use]
    pub fn first(&self, tag: Tag) -> Option<String> {
        let noted = self.attributes.noted_as(&AttributeName::Public(tag))?;
        let mut text = value::first(&noted, self.character_set)?;
        let end = (0..=TEXT_BYTES.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        Some(text)
    }

    /// What the catalogue keeps.
    #[must_use]
    pub fn catalogued(&self) -> ObjectAttributes {
        let mut values = CATALOGUED.into_iter().map(|tag| self.first(tag));
        let mut next = || values.next().flatten();
        ObjectAttributes {
            study_instance_uid: next(),
            series_instance_uid: next(),
            patient_name: next(),
            patient_id: next(),
            patient_birth_date: next(),
            patient_sex: next(),
            accession_number: next(),
            study_id: next(),
            study_date: next(),
            study_time: next(),
            study_description: next(),
            referring_physician_name: next(),
            modality: next(),
            series_number: next(),
            series_description: next(),
            body_part_examined: next(),
            station_name: next(),
            institution_name: next(),
            instance_number: next(),
            number_of_frames: next(),
        }
    }
}

#[cfg(test)]
mod tests;
