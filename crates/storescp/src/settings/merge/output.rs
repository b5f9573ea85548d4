//! Where objects go, and in which form.

use super::{Merging, value};
use crate::settings::reader::ReadTable;
use crate::settings::typed::{DuplicatesKey, Sort, SortBy, Treatment, is_part_of_name};
use dataset::OutputFormat;
use dataset::format::{OutputTransferSyntax, Padding};
use receiver::output::naming::FileNaming;
use receiver::{Duplicates, IfDifferent, OutputSettings, Sorting};
use storage::MinFree;

pub(super) fn merge(typed: &Treatment, output: &mut OutputSettings, merging: &mut Merging<'_>) {
    if let Some(directory) = &typed.directory {
        // Without trailing slashes.
        output.directory = merging.path(&directory.value).components().as_path().to_owned();
    }
    names(typed, output, merging);
    duplicates(typed, output, merging);
    if let Some(durability) = value(&typed.durability) {
        output.durability = durability.0;
    }
    if let Some(room) = value(&typed.min_free) {
        output.min_free = Some(room.0).filter(|room| *room != MinFree::Bytes(0));
    }
    if let Some(format) = value(&typed.file_format) {
        output.write_file_format = format.0;
    }
    encoding(typed, &mut output.format, merging);
    padding(typed, output, merging);
    if let Some(level) = &typed.compression_level {
        output.format.compression_level = u8::try_from(level.value.0).unwrap_or(6);
        let written = output.format.transfer_syntax;
        if !matches!(
            written,
            OutputTransferSyntax::AsReceived | OutputTransferSyntax::DeflatedExplicitVrLittleEndian
        ) {
            let message =
                "compression-level needs transfer-syntax = \"as-received\" or \"deflated\"";
            merging.fault(&level.span, message);
        }
    }
}

fn names(typed: &Treatment, output: &mut OutputSettings, merging: &mut Merging<'_>) {
    const REPLACED: [&str; 3] = ["sort", "file_names", "file_extension"];

    let keys = typed.typed();
    if keys.iter().any(|(field, _)| REPLACED.contains(field)) {
        output.path = None;
    }
    if let Some(template) = &typed.file {
        merging.exclude(&keys, &REPLACED, "file");
        output.path = Some(template.value.0.clone());
        (output.sorting, output.file_naming) = (None, FileNaming::default());
        return;
    }
    if let Some(sort) = &typed.sort {
        output.sorting = sorting(&sort.value);
        if sort.value.by == SortBy::PatientName && !sort.value.prefix.is_empty() {
            let message = "sort: a prefix has no effect with by = \"patient-name\"";
            merging.fault(&sort.span, message);
        }
    }
    if let Some(style) = value(&typed.file_names) {
        output.file_naming.style = style.0;
    }
    if let Some(extension) = &typed.file_extension {
        if extension.value.is_empty() || is_part_of_name(&extension.value) {
            output.file_naming.extension.clone_from(&extension.value);
        } else {
            let message = "file-extension: expected a part of a file name: no '/' or '\\', no control characters";
            merging.fault(&extension.span, message);
        }
    }
}

fn sorting(sort: &Sort) -> Option<Sorting> {
    let prefix = sort.prefix.clone();
    match sort.by {
        SortBy::None => None,
        SortBy::StudyUid => Some(Sorting::ByStudyUid { prefix }),
        SortBy::Time => Some(Sorting::ByTime { prefix }),
        SortBy::PatientName => Some(Sorting::ByPatientName),
    }
}

fn duplicates(typed: &Treatment, output: &mut OutputSettings, merging: &mut Merging<'_>) {
    if let Some(duplicates) = value(&typed.duplicates) {
        output.duplicates = match duplicates.0 {
            DuplicatesKey::Always(duplicates) => duplicates,
            DuplicatesKey::IfEqual => Duplicates::KeepIfEqual(IfDifferent::Both),
        };
    }
    if let Some(different) = &typed.if_different {
        if matches!(output.duplicates, Duplicates::KeepIfEqual(_)) {
            output.duplicates = Duplicates::KeepIfEqual(different.value.0);
        } else {
            let message = "if-different has no effect without duplicates = \"keep-if-equal\"";
            merging.fault(&different.span, message);
        }
    }
    recognizable(typed, output, merging);
}

/// Names without the SOP Instance UID tell of no duplicate.
fn recognizable(typed: &Treatment, output: &OutputSettings, merging: &mut Merging<'_>) {
    let needs_none = matches!(output.duplicates, Duplicates::Replace | Duplicates::Both);
    if needs_none || output.recognizes_duplicates() {
        return;
    }
    let places = [
        typed.duplicates.as_ref().map(|it| &it.span),
        typed.file_names.as_ref().map(|it| &it.span),
    ];
    if let Some(place) = places.into_iter().flatten().next() {
        let message = "duplicates: expected \"replace\" or \"both\" where file-names is \"new-uid\" or \
                       \"time\": only names with the SOP Instance UID show what is stored already";
        merging.fault(place, message);
    }
}

/// Bit preserving and the keys about the encoding exclude each other: those that are typed here replace those that
/// were so before.
fn encoding(typed: &Treatment, format: &mut OutputFormat, merging: &mut Merging<'_>) {
    const ENCODING: [&str; 4] = ["new_vrs", "group_lengths", "sequence_lengths", "padding"];

    let keys = typed.typed();
    let syntax = value(&typed.transfer_syntax).map(|it| it.0);
    let is_rewritten = syntax.is_some_and(|it| it != OutputTransferSyntax::AsReceived);
    match value(&typed.bit_preserving) {
        Some(true) => {
            merging.exclude(&keys, &ENCODING, "bit-preserving");
            if is_rewritten {
                merging.exclude(&keys, &["transfer_syntax"], "bit-preserving");
            }
            let (convert_un, compression_level) = (format.convert_un, format.compression_level);
            let fresh = OutputFormat::default();
            *format = OutputFormat { bit_preserving: true, convert_un, compression_level, ..fresh };
            return;
        }
        Some(false) => format.bit_preserving = false,
        None if is_rewritten || keys.iter().any(|(field, _)| ENCODING.contains(field)) => {
            format.bit_preserving = false;
        }
        None => {}
    }
    format.transfer_syntax = syntax.unwrap_or(format.transfer_syntax);
    format.new_vrs = value(&typed.new_vrs).unwrap_or(format.new_vrs);
    if let Some(lengths) = value(&typed.group_lengths) {
        format.group_lengths = lengths.0;
    }
    if let Some(lengths) = value(&typed.sequence_lengths) {
        format.sequence_lengths = lengths.0;
    }
    format.convert_un = value(&typed.convert_un).unwrap_or(format.convert_un);
}

fn padding(typed: &Treatment, output: &mut OutputSettings, merging: &mut Merging<'_>) {
    if let Some(padding) = &typed.padding {
        let bytes = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        output.format.padding = Padding {
            file_bytes: value(&padding.value.file).map_or(0, |it| bytes(it.0)),
            item_bytes: value(&padding.value.item).map_or(0, |it| bytes(it.0)),
        };
        if !output.write_file_format {
            merging.fault(&padding.span, "padding needs file-format = \"part-10\"");
        }
    } else if !output.write_file_format {
        output.format.padding = Padding::default();
    }
}
