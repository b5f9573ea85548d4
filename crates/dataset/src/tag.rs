//! Attribute tags (PS3.5 §7.1.1).

use std::fmt;

/// The tag of a data element: group and element number. Ordered as elements are in a data set.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16, pub u16);

impl Tag {
    /// Specific Character Set.
    pub const SPECIFIC_CHARACTER_SET: Tag = Tag(0x0008, 0x0005);
    /// SOP Class UID.
    pub const SOP_CLASS_UID: Tag = Tag(0x0008, 0x0016);
    /// SOP Instance UID.
    pub const SOP_INSTANCE_UID: Tag = Tag(0x0008, 0x0018);
    /// Patient's Name.
    pub const PATIENT_NAME: Tag = Tag(0x0010, 0x0010);
    /// Study Instance UID.
    pub const STUDY_INSTANCE_UID: Tag = Tag(0x0020, 0x000D);
    /// VOI LUT Sequence.
    pub const VOI_LUT_SEQUENCE: Tag = Tag(0x0028, 0x3010);
    /// Pixel Data.
    pub const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);
    /// Data Set Trailing Padding.
    pub const TRAILING_PADDING: Tag = Tag(0xFFFC, 0xFFFC);
    /// Item (PS3.5 §7.5).
    pub const ITEM: Tag = Tag(0xFFFE, 0xE000);
    /// Item Delimitation Item.
    pub const ITEM_DELIMITATION: Tag = Tag(0xFFFE, 0xE00D);
    /// Sequence Delimitation Item.
    pub const SEQUENCE_DELIMITATION: Tag = Tag(0xFFFE, 0xE0DD);

    /// The group number.
    #[must_use]
    pub const fn group(self) -> u16 {
        self.0
    }

    /// The element number within the group.
    #[must_use]
    pub const fn element(self) -> u16 {
        self.1
    }

    /// Whether the group number is odd: the element is defined by a vendor (PS3.5 §7.8).
    #[must_use]
    pub const fn is_private(self) -> bool {
        self.0 % 2 == 1
    }

    /// Whether this is a group length, `(gggg,0000)`.
    #[must_use]
    pub const fn is_group_length(self) -> bool {
        self.1 == 0
    }

    /// Whether the group is 0000 or 0002, which belong to command sets and file meta information: a
    /// data set must not have them (PS3.5 §7.1), and readers of a file take group 0002 for its header.
    #[must_use]
    pub const fn is_foreign(self) -> bool {
        matches!(self.0, 0x0000 | 0x0002)
    }

    /// Whether a data set must not have the group: the [foreign](Self::is_foreign) ones, odd ones up to
    /// 0007, and FFFF (PS3.5 §7.8).
    #[must_use]
    pub const fn is_invalid(self) -> bool {
        self.is_foreign() || matches!(self.0, 0x0001 | 0x0003 | 0x0005 | 0x0007 | 0xFFFF)
    }

    /// Whether the element reserves a block of private elements, `(odd,0010)` to `(odd,00FF)`.
    #[must_use]
    pub const fn is_private_creator(self) -> bool {
        self.is_private() && self.1 >= 0x0010 && self.1 <= 0x00FF
    }

    /// Whether this is one of the three UIDs that identify an object and its study: SOP Class UID, SOP
    /// Instance UID, Study Instance UID.
    #[must_use]
    pub const fn is_object_identifier(self) -> bool {
        matches!(self, Tag::SOP_CLASS_UID | Tag::SOP_INSTANCE_UID | Tag::STUDY_INSTANCE_UID)
    }

    /// Group and element as one number, with the same order as tags.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.0 as u32) << 16 | self.1 as u32
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04x},{:04x})", self.0, self.1)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_order_and_print_as_in_a_data_set() {
        assert!(Tag(0x0008, 0xFFFF) < Tag(0x0010, 0x0000));
        assert_eq!(Tag(0x7FE0, 0x0010).to_string(), "(7fe0,0010)");
        assert_eq!(Tag(0x7FE0, 0x0010).number(), 0x7FE0_0010);
    }

    #[test]
    fn kinds_of_tags() {
        assert!(Tag(0x0009, 0x0010).is_private_creator());
        assert!(Tag(0x0009, 0x00FF).is_private_creator());
        assert!(!Tag(0x0009, 0x0100).is_private_creator());
        assert!(!Tag(0x0008, 0x0010).is_private_creator());
        assert!(Tag(0x0008, 0x0000).is_group_length());
        for (group, foreign, invalid) in [
            (0x0000, true, true),
            (0x0001, false, true),
            (0x0002, true, true),
            (0x0004, false, false),
            (0x0007, false, true),
            (0x0009, false, false),
            (0xFFFF, false, true),
        ] {
            let tag = Tag(group, 0x0010);
            assert_eq!((tag.is_foreign(), tag.is_invalid()), (foreign, invalid), "{tag}");
        }
    }
}
