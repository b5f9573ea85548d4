//! The result does not depend on where a data set is cut, with any option.

use std::io::IoSlice;

use dataset::format::{GroupLengths, OutputTransferSyntax, Padding, SequenceLengths};
use dataset::{OutputFormat, Repairs, Transcoder, TransferSyntax};

use super::{Choices, dictionary, input};

/// The first eight bytes choose the transfer syntax and seven cuts; the rest is the data set.
pub fn run(data: &[u8]) {
    let (choices, bytes) = data.split_at(data.len().min(8));
    let mut choices = Choices(choices);
    let input = input(choices.next());
    let mut cuts: Vec<usize> =
        (0..7).map(|_| bytes.len() * usize::from(choices.next()) / 255).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..cut]);
        start = cut;
    }
    for format in &formats() {
        let whole = outcome(input, format, &[bytes]);
        let cut = outcome(input, format, &pieces);
        assert!(whole == cut, "{format:?}:\n{whole:?}\n{cut:?}");
    }
}

/// Result of writing a data set.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Result<(), String>,
    /// Empty after an error.
    stored: Vec<u8>,
    attributes: [Option<Vec<u8>>; 7],
    /// Empty after an error.
    repairs: Repairs,
    unread: Option<String>,
}

fn outcome(input: &'static TransferSyntax, format: &OutputFormat, pieces: &[&[u8]]) -> Outcome {
    let mut transcoder = Transcoder::new(input, format, dictionary()).preceded_by(350);
    let mut stored = Vec::new();
    let mut result = Ok(());
    for few in pieces.chunks(3) {
        let slices: Vec<_> = few.iter().map(|piece| IoSlice::new(piece)).collect();
        result = result.and_then(|()| transcoder.push(&slices, &mut stored));
    }
    result = result.and_then(|()| transcoder.finish(&mut stored));
    let noted = transcoder.attributes();
    let attributes = [
        noted.specific_character_set(),
        noted.sop_class_uid(),
        noted.sop_instance_uid(),
        noted.patient_name(),
        noted.study_instance_uid(),
        noted.other_sop_class_uids().next(),
        noted.other_sop_instance_uids().next(),
    ]
    .map(|value| value.map(<[u8]>::to_vec));
    if result.is_err() {
        stored.clear();
    }
    let repairs = if result.is_ok() { transcoder.repairs() } else { Repairs::default() };
    let unread = transcoder.unread().map(ToString::to_string);
    let result = result.map_err(|error| error.to_string());
    Outcome { result, stored, attributes, repairs, unread }
}

/// Formats that together contain every value of every option.
fn formats() -> Vec<OutputFormat> {
    let to = |transfer_syntax| OutputFormat { transfer_syntax, ..OutputFormat::default() };
    let padding = |file_bytes, item_bytes| Padding { file_bytes, item_bytes };
    vec![
        OutputFormat::default(),
        OutputFormat::bit_preserving(),
        OutputFormat {
            group_lengths: GroupLengths::Create,
            ..to(OutputTransferSyntax::AsReceived)
        },
        OutputFormat {
            sequence_lengths: SequenceLengths::Undefined,
            padding: padding(64, 14),
            ..to(OutputTransferSyntax::ExplicitVrLittleEndian)
        },
        OutputFormat {
            group_lengths: GroupLengths::Create,
            sequence_lengths: SequenceLengths::Undefined,
            padding: padding(0, 16),
            ..to(OutputTransferSyntax::ExplicitVrBigEndian)
        },
        OutputFormat {
            group_lengths: GroupLengths::Remove,
            padding: padding(5, 3),
            ..to(OutputTransferSyntax::ImplicitVrLittleEndian)
        },
        OutputFormat {
            convert_un: true,
            new_vrs: false,
            ..to(OutputTransferSyntax::ExplicitVrBigEndian)
        },
        OutputFormat {
            convert_un: true,
            compression_level: 1,
            ..to(OutputTransferSyntax::DeflatedExplicitVrLittleEndian)
        },
    ]
}
