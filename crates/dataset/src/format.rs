//! How a data set is to be written.

use crate::registry::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN, TransferSyntax,
};

/// Every choice that a receiver has about the bytes of a data set.
///
/// The default writes the transfer syntax as it came, with explicit lengths, and corrects the group
/// lengths that are there. Text values lose the blanks at their end under any format but
/// [`bit_preserving`](Self::bit_preserving).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFormat {
    /// Every byte as it came; nothing below counts.
    pub bit_preserving: bool,
    /// The transfer syntax.
    pub transfer_syntax: OutputSyntax,
    /// How hard deflated output is compressed: 0 to 9.
    pub compression_level: u32,
    /// What happens to the lengths of groups.
    pub group_lengths: GroupLengths,
    /// How the ends of sequences and items are told.
    pub lengths: Lengths,
    /// Whether VRs that came after 1993 may be written. If not, `OB` stands in for them.
    pub new_vrs: bool,
    /// Whether elements of VR `UN` get the VR that the dictionary knows.
    pub convert_un: bool,
    /// Padding to a multiple of some size.
    pub padding: Padding,
}

impl OutputFormat {
    /// Every byte as it came.
    #[must_use]
    pub fn bit_preserving() -> OutputFormat {
        OutputFormat { bit_preserving: true, ..OutputFormat::default() }
    }
}

impl Default for OutputFormat {
    fn default() -> OutputFormat {
        OutputFormat {
            bit_preserving: false,
            transfer_syntax: OutputSyntax::Same,
            compression_level: 6,
            group_lengths: GroupLengths::Recalculate,
            lengths: Lengths::Explicit,
            new_vrs: true,
            convert_un: false,
            padding: Padding::default(),
        }
    }
}

/// Which transfer syntax is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputSyntax {
    /// That of the input.
    #[default]
    Same,
    /// Explicit VR Little Endian.
    LittleEndian,
    /// Explicit VR Big Endian.
    BigEndian,
    /// Implicit VR Little Endian.
    Implicit,
    /// Deflated Explicit VR Little Endian.
    Deflated,
}

impl OutputSyntax {
    /// What an object that comes in `input` is written in.
    #[must_use]
    pub fn for_input(self, input: &'static TransferSyntax) -> &'static TransferSyntax {
        match self {
            OutputSyntax::Same => input,
            OutputSyntax::LittleEndian => EXPLICIT_VR_LITTLE_ENDIAN,
            OutputSyntax::BigEndian => EXPLICIT_VR_BIG_ENDIAN,
            OutputSyntax::Implicit => IMPLICIT_VR_LITTLE_ENDIAN,
            OutputSyntax::Deflated => DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        }
    }
}

/// What happens to group lengths, `(gggg,0000)` (PS3.5 §7.2), in the data set and in every item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupLengths {
    /// Those that are there get the right value.
    #[default]
    Recalculate,
    /// Every group gets one.
    Create,
    /// They are left out.
    Remove,
}

/// How the ends of sequences and items are told (PS3.5 §7.5). Encapsulated Pixel Data always ends
/// with a delimiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lengths {
    /// By their length, unless it needs more than 32 bits.
    #[default]
    Explicit,
    /// By delimiters.
    Undefined,
}

/// Data Set Trailing Padding (PS3.10 §7.2): the sizes, in bytes, that are filled up to a multiple
/// of. 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Of the file: see [`Transcoder::preceded_by`](crate::Transcoder::preceded_by).
    pub file: u32,
    /// Of the content of each item that is not empty.
    pub item: u32,
}
