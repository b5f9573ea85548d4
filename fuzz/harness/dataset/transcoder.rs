//! Any bytes, any options: there is no panic, cuts make no difference, and the output can be parsed again.

use dataset::format::{GroupLengths, OutputTransferSyntax, Padding, SequenceLengths};
use dataset::{Error, Fault, OutputFormat, TransferSyntax};

use super::{Choices, input, transcode};

/// The first four bytes choose transfer syntax, options and cuts; the rest is the data set.
pub fn run(data: &[u8]) {
    let (choices, bytes) = data.split_at(data.len().min(4));
    let mut choices = Choices(choices);
    let input = input(choices.next());
    let format = format(&mut choices);
    let piece_bytes = usize::from(choices.next());

    let whole = transcode(input, &format, bytes, usize::MAX);
    let cut = transcode(input, &format, bytes, piece_bytes);
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert!(whole == cut, "cuts make a difference"),
        (Err(whole), Err(cut)) => {
            assert_eq!(whole.to_string(), cut.to_string());
        }
        (whole, cut) => panic!("{:?}, but cut {:?}", whole.is_ok(), cut.is_ok()),
    }
    let Ok(out) = whole else {
        return;
    };
    if format.bit_preserving {
        assert_eq!(out, bytes);
        return;
    }
    read_again(format.transfer_syntax.for_input(input), &format, &out);
}

/// Checks that writing the output once more does not change it. This does not apply to implicit VR, where the
/// VRs read may differ from those written, nor to data sets with an impossible VR that would now be converted.
fn read_again(written: &'static TransferSyntax, format: &OutputFormat, out: &[u8]) {
    let again = OutputFormat {
        transfer_syntax: OutputTransferSyntax::AsReceived,
        convert_un: false,
        ..*format
    };
    let result = transcode(written, &again, out, usize::MAX);
    if !written.explicit_vr() {
        return;
    }
    match result {
        Ok(second) => assert!(second == out, "not the same when written once more"),
        // A VOI LUT Sequence with the VR `ox` is accepted, but written with a VR that is refused.
        Err(Error::Malformed { fault: Fault::Vr, .. }) => {}
        // All elements of the data set are omitted from the output.
        Err(Error::Empty) => assert!(out.is_empty() || written.deflated()),
        Err(error) => panic!("cannot be read again: {error}"),
    }
}

fn format(choices: &mut Choices<'_>) -> OutputFormat {
    let (first, second) = (choices.next(), choices.next());
    OutputFormat {
        bit_preserving: first >= 0xF8,
        transfer_syntax: match first % 5 {
            0 => OutputTransferSyntax::AsReceived,
            1 => OutputTransferSyntax::ExplicitVrLittleEndian,
            2 => OutputTransferSyntax::ExplicitVrBigEndian,
            3 => OutputTransferSyntax::ImplicitVrLittleEndian,
            _ => OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
        },
        compression_level: second % 10,
        group_lengths: match second % 3 {
            0 => GroupLengths::Recalculate,
            1 => GroupLengths::Create,
            _ => GroupLengths::Remove,
        },
        sequence_lengths: if first & 0x40 == 0 {
            SequenceLengths::Explicit
        } else {
            SequenceLengths::Undefined
        },
        new_vrs: first & 0x20 == 0,
        convert_un: second & 0x40 != 0,
        padding: match second >> 6 {
            2 => Padding { file_bytes: 128, item_bytes: 10 },
            3 => Padding { file_bytes: 7, item_bytes: 16 },
            _ => Padding::default(),
        },
    }
}
