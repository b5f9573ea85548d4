//! The encoding that a data set is written in: one choice for each output option of DCMTK's
//! `storescp`.

use crate::registry::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN, TransferSyntax,
};

/// How a [`Transcoder`](crate::Transcoder) encodes what it writes.
///
/// The default is what `storescp` does without options: the transfer syntax as received, explicit
/// lengths, existing group lengths recalculated, all VRs of the standard, no padding, compression
/// level 6. Except with [`bit_preserving`](Self::bit_preserving), trailing padding of text values is
/// removed, whatever the other fields are.
///
/// ```
/// use dataset::format::{OutputFormat, OutputTransferSyntax, SequenceLengths};
///
/// let format = OutputFormat {
///     transfer_syntax: OutputTransferSyntax::ExplicitVrLittleEndian,
///     sequence_lengths: SequenceLengths::Undefined,
///     ..OutputFormat::default()
/// };
/// assert!(!format.bit_preserving && format.new_vrs);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFormat {
    /// If set, every byte is written as received, and all other fields are ignored.
    pub bit_preserving: bool,
    /// The transfer syntax that is written.
    pub transfer_syntax: OutputTransferSyntax,
    /// How hard deflated output is compressed, from 0 (stored) to 9 (smallest). Larger values count
    /// as 9.
    pub compression_level: u8,
    /// What happens to group lengths.
    pub group_lengths: GroupLengths,
    /// How the ends of sequences and items are encoded.
    pub sequence_lengths: SequenceLengths,
    /// Whether VRs that were added to the standard after 1993 are written (`UN`, `UT`, `OF` and
    /// later ones). If not, `OB` is written instead.
    pub new_vrs: bool,
    /// Whether elements of VR `UN` and defined length get the VR that the dictionary has for them.
    pub convert_un: bool,
    /// Data Set Trailing Padding to be added.
    pub padding: Padding,
}

impl OutputFormat {
    /// The format that writes every byte as received.
    #[must_use]
    pub fn bit_preserving() -> OutputFormat {
        OutputFormat { bit_preserving: true, ..OutputFormat::default() }
    }
}

impl Default for OutputFormat {
    fn default() -> OutputFormat {
        OutputFormat {
            bit_preserving: false,
            transfer_syntax: OutputTransferSyntax::AsReceived,
            compression_level: 6,
            group_lengths: GroupLengths::Recalculate,
            sequence_lengths: SequenceLengths::Explicit,
            new_vrs: true,
            convert_un: false,
            padding: Padding::NONE,
        }
    }
}

/// The transfer syntax that data sets are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputTransferSyntax {
    /// The transfer syntax of the input.
    #[default]
    AsReceived,
    /// Explicit VR Little Endian (PS3.5 §A.2).
    ExplicitVrLittleEndian,
    /// Explicit VR Big Endian (PS3.5 §A.3, retired).
    ExplicitVrBigEndian,
    /// Implicit VR Little Endian (PS3.5 §A.1).
    ImplicitVrLittleEndian,
    /// Deflated Explicit VR Little Endian (PS3.5 §A.5).
    DeflatedExplicitVrLittleEndian,
}

impl OutputTransferSyntax {
    /// The transfer syntax that a data set received in `input` is written in.
    #[must_use]
    pub fn for_input(self, input: &'static TransferSyntax) -> &'static TransferSyntax {
        match self {
            OutputTransferSyntax::AsReceived => input,
            OutputTransferSyntax::ExplicitVrLittleEndian => EXPLICIT_VR_LITTLE_ENDIAN,
            OutputTransferSyntax::ExplicitVrBigEndian => EXPLICIT_VR_BIG_ENDIAN,
            OutputTransferSyntax::ImplicitVrLittleEndian => IMPLICIT_VR_LITTLE_ENDIAN,
            OutputTransferSyntax::DeflatedExplicitVrLittleEndian => {
                DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
            }
        }
    }
}

/// What happens to Group Length elements, `(gggg,0000)` (PS3.5 §7.2), in the data set and in every
/// item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupLengths {
    /// Existing ones are corrected; none is added.
    #[default]
    Recalculate,
    /// Every group gets one.
    Create,
    /// None is written.
    Remove,
}

/// How the ends of sequences and items are encoded (PS3.5 §7.5.1, §7.5.2). Encapsulated Pixel Data
/// always ends with a delimiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SequenceLengths {
    /// As a length; with a delimiter where the length needs more than 32 bits.
    #[default]
    Explicit,
    /// With a delimiter.
    Undefined,
}

/// Data Set Trailing Padding (PS3.10 §7.2): sizes in bytes. The file, or an item, is extended to a
/// multiple of its size; 0 adds no padding.
///
/// An odd size is doubled, since everything in a data set has even length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// For the whole file, including what precedes the data set:
    /// [`Transcoder::preceded_by`](crate::Transcoder::preceded_by).
    pub file_bytes: u32,
    /// For the content of each item that is not empty.
    pub item_bytes: u32,
}

impl Padding {
    /// No padding, neither of the file nor of items.
    pub const NONE: Padding = Padding { file_bytes: 0, item_bytes: 0 };
}
