//! Options about how data sets are written.

use crate::cli::fault::Fault;
use crate::cli::options::preferences;
use crate::cli::options::spec::{Choice, Opt, OptionSpec, Value};
use crate::cli::options::typed::Typed;
use dataset::OutputFormat;
use dataset::format::{GroupLengths, OutputTransferSyntax, Padding, SequenceLengths};

pub(super) const BIT_PRESERVING: &[OptionSpec] = &[
    OptionSpec::new(Opt::Normal, "-B", "--normal", &["re-encode data sets (default)"])
        .one_of(Choice::BitPreserving),
    OptionSpec::new(
        Opt::BitPreserving,
        "+B",
        "--bit-preserving",
        &["write data sets byte for byte as received"],
    )
    .one_of(Choice::BitPreserving),
];

pub(super) const TRANSFER_SYNTAX: &[OptionSpec] = &[
    OptionSpec::new(Opt::WriteXferSame, "+t=", "--write-xfer-same", &["as received (default)"])
        .one_of(Choice::OutputTransferSyntax),
    OptionSpec::new(
        Opt::WriteXferLittle,
        "+te",
        "--write-xfer-little",
        &["explicit VR little endian"],
    )
    .one_of(Choice::OutputTransferSyntax),
    OptionSpec::new(Opt::WriteXferBig, "+tb", "--write-xfer-big", &["explicit VR big endian"])
        .one_of(Choice::OutputTransferSyntax),
    OptionSpec::new(
        Opt::WriteXferImplicit,
        "+ti",
        "--write-xfer-implicit",
        &["implicit VR little endian"],
    )
    .one_of(Choice::OutputTransferSyntax),
    OptionSpec::new(
        Opt::WriteXferDeflated,
        "+td",
        "--write-xfer-deflated",
        &["deflated explicit VR little endian"],
    )
    .one_of(Choice::OutputTransferSyntax),
];

pub(super) const NEW_VRS: &[OptionSpec] = &[
    OptionSpec::new(Opt::EnableNewVr, "+u", "--enable-new-vr", &["write them (default)"])
        .one_of(Choice::NewVrs),
    OptionSpec::new(Opt::DisableNewVr, "-u", "--disable-new-vr", &["write OB instead"])
        .one_of(Choice::NewVrs),
];

pub(super) const GROUP_LENGTHS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::GroupLengthRecalc,
        "+g=",
        "--group-length-recalc",
        &["correct existing ones (default)"],
    )
    .one_of(Choice::GroupLength),
    OptionSpec::new(
        Opt::GroupLengthCreate,
        "+g",
        "--group-length-create",
        &["write one for each group"],
    )
    .one_of(Choice::GroupLength),
    OptionSpec::new(Opt::GroupLengthRemove, "-g", "--group-length-remove", &["write none"])
        .one_of(Choice::GroupLength),
];

pub(super) const SEQUENCE_LENGTHS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::LengthExplicit,
        "+e",
        "--length-explicit",
        &["write their lengths (default)"],
    )
    .one_of(Choice::SequenceLength),
    OptionSpec::new(
        Opt::LengthUndefined,
        "-e",
        "--length-undefined",
        &["write undefined lengths and delimiters"],
    )
    .one_of(Choice::SequenceLength),
];

pub(super) const PADDING: &[OptionSpec] = &[
    OptionSpec::new(Opt::PaddingOff, "-p", "--padding-off", &["none (default)"])
        .one_of(Choice::Padding),
    OptionSpec::new(
        Opt::PaddingCreate,
        "+p",
        "--padding-create",
        &["pad files to a multiple of f bytes", "and items to a multiple of i bytes"],
    )
    .takes("[f]ile-pad [i]tem-pad: integer", &[Value::COUNT, Value::COUNT])
    .one_of(Choice::Padding),
];

pub(super) const UN: &[OptionSpec] = &[
    OptionSpec::new(Opt::RetainUn, "-uc", "--retain-un", &["keep them (default)"])
        .one_of(Choice::Un),
    OptionSpec::new(Opt::ConvertUn, "+uc", "--convert-un", &["write the VR of the dictionary"])
        .one_of(Choice::Un),
];

pub(super) const COMPRESSION: &[OptionSpec] = &[OptionSpec::new(
    Opt::CompressionLevel,
    "+cl",
    "--compression-level",
    &["0: stored, 1: fastest, 9: smallest"],
)
.takes("[l]evel: integer (default: 6)", &[Value::Unsigned { min: 0, max: 9 }])];

/// How data sets are written.
pub(super) fn format(typed: &Typed) -> Result<OutputFormat, Fault> {
    use Opt::{BitPreserving, WriteDataset};

    let transfer_syntax = output_transfer_syntax(typed)?;
    for choice in [Choice::NewVrs, Choice::GroupLength, Choice::SequenceLength] {
        typed.refuse_choice_with(choice, &[BitPreserving])?;
    }
    compressed_transmission(typed)?;
    let padding = match typed.chosen(Choice::Padding) {
        Some(Opt::PaddingCreate) => {
            typed.refuse_with(Opt::PaddingCreate, &[WriteDataset, BitPreserving])?;
            typed.numbers(Opt::PaddingCreate)?
        }
        _ => None,
    };
    let compression_level = compression_level(typed)?;
    Ok(OutputFormat {
        bit_preserving: typed.won(BitPreserving),
        transfer_syntax,
        new_vrs: !typed.won(Opt::DisableNewVr),
        group_lengths: match typed.chosen(Choice::GroupLength) {
            Some(Opt::GroupLengthCreate) => GroupLengths::Create,
            Some(Opt::GroupLengthRemove) => GroupLengths::Remove,
            _ => GroupLengths::Recalculate,
        },
        sequence_lengths: match typed.chosen(Choice::SequenceLength) {
            Some(Opt::LengthUndefined) => SequenceLengths::Undefined,
            _ => SequenceLengths::Explicit,
        },
        padding: padding.map_or_else(Padding::default, |[file, item]| Padding {
            file_bytes: u32::try_from(file).unwrap_or(u32::MAX),
            item_bytes: u32::try_from(item).unwrap_or(u32::MAX),
        }),
        convert_un: typed.won(Opt::ConvertUn),
        compression_level,
    })
}

fn output_transfer_syntax(typed: &Typed) -> Result<OutputTransferSyntax, Fault> {
    let transfer_syntax = match typed.chosen(Choice::OutputTransferSyntax) {
        Some(Opt::WriteXferLittle) => OutputTransferSyntax::ExplicitVrLittleEndian,
        Some(Opt::WriteXferBig) => OutputTransferSyntax::ExplicitVrBigEndian,
        Some(Opt::WriteXferImplicit) => OutputTransferSyntax::ImplicitVrLittleEndian,
        Some(Opt::WriteXferDeflated) => OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
        _ => return Ok(OutputTransferSyntax::AsReceived),
    };
    let others = [Opt::AcceptAll, Opt::BitPreserving];
    typed.refuse_choice_with(Choice::OutputTransferSyntax, &others)?;
    Ok(transfer_syntax)
}

/// Compressed data sets are never decompressed, so no other transfer syntax can be written.
fn compressed_transmission(typed: &Typed) -> Result<(), Fault> {
    match (typed.chosen(Choice::OutputTransferSyntax), typed.chosen(Choice::Preference)) {
        (None | Some(Opt::WriteXferSame), _) => Ok(()),
        (_, Some(preference)) if preferences::compressed(preference) => {
            typed.refuse_choice_with(Choice::OutputTransferSyntax, &[preference])
        }
        _ => Ok(()),
    }
}

fn compression_level(typed: &Typed) -> Result<u8, Fault> {
    if typed.has(Opt::CompressionLevel) {
        match typed.chosen(Choice::OutputTransferSyntax) {
            None | Some(Opt::WriteXferSame | Opt::WriteXferDeflated) => {}
            Some(_) => {
                return Err(Fault::OnlyAllowedWith(
                    "--compression-level",
                    "--write-xfer-deflated or --write-xfer-same",
                ));
            }
        }
    }
    let level = typed.number(Opt::CompressionLevel)?.and_then(|level| u8::try_from(level).ok());
    Ok(level.unwrap_or(6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};

    #[test]
    fn data_sets_are_written_as_asked() {
        let format = |line: &str| config(&format!("1 {line}")).output.format;
        assert_eq!(format(""), OutputFormat::default());
        let all = format("+te -u +g -e +p 4 8 +uc");
        assert_eq!(
            (all.transfer_syntax, all.new_vrs),
            (OutputTransferSyntax::ExplicitVrLittleEndian, false)
        );
        assert_eq!(
            (all.group_lengths, all.sequence_lengths),
            (GroupLengths::Create, SequenceLengths::Undefined)
        );
        assert_eq!(all.padding, Padding { file_bytes: 4, item_bytes: 8 });
        assert!(all.convert_un && !all.bit_preserving);
        assert_eq!(format("+cl 0").compression_level, 0);
        assert_eq!(fault("1 +te +B"), "--write-xfer-little not allowed with --bit-preserving");
    }
}
