//! What may differ from sender to sender: keys that stand at the top of the file, and in rules.

use super::{Commands, FileFormat, Padding, Sort};
use crate::settings::reader::{
    At, Integer, OneOrMore, Read, Report, Value, read_at, table, within, words,
};
use crate::settings::values::{
    CharacterSet, ClassOrAll, KeepText, Room, Silence, Size, TimeOrNever, TransferSyntaxes,
};
use dataset::format::{GroupLengths, OutputTransferSyntax, SequenceLengths};
use receiver::output::naming::NameStyle;
use receiver::{Duplicates, IfDifferent, NamedBy, PathTemplate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::path::PathBuf;
use storage::Durability;

table! {
    /// How senders are treated.
    struct Treatment {
        /// The directory that objects are stored in. It has to be there. A relative path begins at the directory of
        /// this file, as all relative paths in it do.
        #[schemars(example = "/data/incoming", extend("default" = "."))]
        directory: PathBuf,
        /// Where in the directory a file goes, by attributes of its data set. In place of `sort` and `file-names`.
        #[schemars(example = "{PatientID}/{StudyDate}/{SeriesNumber:04}_{Modality}/{InstanceNumber:05}.dcm")]
        file: Template,
        /// Into which folders objects are sorted, one for each study: a word, or a table with a prefix of the folders'
        /// names.
        #[schemars(example = "study-uid", extend("default" = "none"))]
        sort: Sort,
        /// What files are called.
        #[schemars(extend("default" = "sop-instance-uid"))]
        file_names: Names,
        /// What is appended to each file name.
        #[schemars(example = ".dcm", extend("default" = ""))]
        file_extension: String,
        /// What becomes of an object whose SOP Instance UID is stored already, in the place where it would go.
        #[schemars(extend("default" = "replace"))]
        duplicates: DuplicatesWord,
        /// With `duplicates = "keep-if-equal"`: what becomes of an object whose content differs.
        #[schemars(extend("default" = "both"))]
        if_different: IfDifferentWord,
        /// When success is answered.
        #[schemars(extend("default" = "full"))]
        durability: DurabilityWord,
        /// Objects are refused while less than this is free on the disk of the directory: an amount, or per cent.
        #[schemars(example = "2 GiB", example = "5 %", extend("default" = 0))]
        min_free: Room,
        /// Whether objects are stored. If not, they are received, answered with success, and dropped.
        #[schemars(extend("default" = true))]
        store: bool,
        /// Whether files have a file meta information (PS3.10).
        #[schemars(extend("default" = "part-10"))]
        file_format: FileFormat,
        /// Whether data sets are written byte for byte as received. Excludes the keys about their encoding.
        #[schemars(extend("default" = false))]
        bit_preserving: bool,
        /// The transfer syntax of files. Any but `"as-received"` excludes compressed ones among
        /// `accept-transfer-syntaxes`.
        #[schemars(extend("default" = "as-received"))]
        transfer_syntax: OutputSyntax,
        /// Whether value representations that came after 1993 (UN, UT, …) are written; if not, OB in their place.
        #[schemars(extend("default" = true))]
        new_vrs: bool,
        /// Group length elements.
        #[schemars(extend("default" = "recalculate"))]
        group_lengths: GroupLengthsWord,
        /// The lengths of sequences and items.
        #[schemars(extend("default" = "explicit"))]
        sequence_lengths: SequenceLengthsWord,
        /// To a multiple of how many bytes files and items are padded.
        #[schemars(example = serde_json::json!({ "file": 512, "item": 0 }))]
        padding: Padding,
        /// Whether elements of the value representation UN get that of the dictionary.
        #[schemars(extend("default" = false))]
        convert_un: bool,
        /// How deflated data sets are compressed: 0 stored, 1 fastest, 9 smallest.
        #[schemars(extend("default" = 6))]
        compression_level: Integer<0, 9>,
        /// The SOP classes that are accepted: UIDs, keywords, or prefixes of file names (`CT`); `"storage"` is all that
        /// are accepted by default. Verification (C-ECHO) is always accepted.
        #[schemars(example = ["CT", "MRImageStorage"], extend("default" = ["storage"]))]
        accept_classes: Vec<At<ClassOrAll>>,
        /// The transfer syntaxes that are accepted, the best first: UIDs or keywords; `"uncompressed"` is the three
        /// uncompressed ones, `"all"` every one that files can be stored in, JPEG 2000 first.
        #[schemars(example = ["JPEG2000Lossless", "uncompressed"], extend("default" = ["uncompressed"]))]
        accept_transfer_syntaxes: Vec<At<TransferSyntaxes>>,
        /// Whether SOP classes that the standard does not register are accepted too.
        #[schemars(extend("default" = false))]
        accept_unregistered_classes: bool,
        /// A negotiation profile of DCMTK's, in place of the keys that begin with `accept-`.
        profile: Profile,
        /// Whether associations without an implementation class UID are rejected.
        #[schemars(extend("default" = false))]
        require_implementation_class_uid: bool,
        /// The longest PDU that peers may send: 4096 to 131072 bytes.
        #[schemars(example = "64 KiB", extend("default" = 16384))]
        max_pdu: Size<4096, 131_072>,
        /// How long a peer may be silent before its connection is closed; `"system"` leaves that to the system.
        #[schemars(extend("default" = "60 s"))]
        socket_timeout: Silence,
        /// How long the rest of a message may take.
        #[schemars(extend("default" = "never"))]
        dimse_timeout: TimeOrNever,
        /// What is tolerated of objects, with a warning in the log.
        #[schemars(example = ["mismatched-uids"], extend("default" = serde_json::json!([])))]
        lenient: Vec<At<LenientWord>>,
        /// With `lenient = ["mismatched-uids"]`: whose UIDs name the file if command and data set differ.
        #[schemars(extend("default" = "data-set"))]
        named_by: NamedByWord,
        /// The character set of data sets that declare none, for names of folders and files: defined terms of Specific
        /// Character Set.
        #[schemars(example = "ISO_IR 100")]
        default_character_set: CharacterSet,
        /// Commands after objects and studies.
        commands: Commands,
        /// The names of the destinations that get the objects, and are told of their studies.
        #[schemars(example = ["pacs", "research"], extend("default" = serde_json::json!([])))]
        deliver: OneOrMore<String>,
        /// How long files are kept, and what is removed first: `"until-delivered"` for no longer than deliveries need them
        /// (no file is then seen in the directory); a time for files that are older; a share of the disk for the oldest
        /// while more of it is used. Nothing of which something is owed is removed, unless a table says `even-owed = true`.
        /// Needs the catalogue unless it is `"forever"`.
        #[schemars(example = &"30 days", example = &"90 %", example = serde_json::json!({ "time": "30 days", "even-owed": true }), extend("default" = "forever"))]
        keep: KeepText,
    }
}

table! {
    /// A negotiation profile (docs/operations.md).
    struct Profile {
        /// The file, in the format of DCMTK's configuration files.
        file: PathBuf,
        /// The name of the profile in it.
        name: String,
    }
}

/// A path template.
#[derive(Debug, Clone)]
pub(in crate::settings) struct Template(pub(in crate::settings) PathTemplate);

impl Read for Template {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = read_at::<String>(value, report)?.value;
        match PathTemplate::parse(&text) {
            Ok(template) => Some(Self(template)),
            Err(error) => {
                report.fault(&within(value, error.offset), error.message);
                None
            }
        }
    }
}

impl JsonSchema for Template {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "path template", "type": "string", "minLength": 1 })
    }
}

words! {
    /// What files are called.
    Names of NameStyle {
        "sop-instance-uid" => NameStyle::SopInstance, "prefix of the SOP class and SOP Instance UID";
        "new-uid" => NameStyle::NewUid, "prefix of the SOP class and a new UID";
        "time" => NameStyle::Time, "time of reception and prefix of the SOP class";
    }
}

/// What `duplicates` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum DuplicatesKey {
    Always(Duplicates),
    IfEqual,
}

words! {
    /// What becomes of duplicates.
    DuplicatesWord of DuplicatesKey {
        "replace" => DuplicatesKey::Always(Duplicates::Replace), "the new object takes the place of the old one";
        "keep" => DuplicatesKey::Always(Duplicates::Keep), "the old one stays, and success is answered";
        "keep-if-equal" => DuplicatesKey::IfEqual, "as keep if the content is equal, else as if-different says";
        "reject" => DuplicatesKey::Always(Duplicates::Reject), "the new one is refused with 0111H";
        "both" => DuplicatesKey::Always(Duplicates::Both), "both are kept: the name of the new one gets a number";
    }
}

words! {
    /// What becomes of an object that differs from the one stored.
    IfDifferentWord of IfDifferent {
        "replace" => IfDifferent::Replace, "it takes the place of the old one";
        "reject" => IfDifferent::Reject, "it is refused with 0111H";
        "both" => IfDifferent::Both, "both are kept: its name gets a number";
    }
}

words! {
    /// When success is answered.
    DurabilityWord of Durability {
        "full" => Durability::Full, "once the object is on disk";
        "ordered" => Durability::Ordered, "the same, faster, by the order of the journal of ext4 or XFS";
        "none" => Durability::None, "once it is named, before it is synced: a power loss can lose it";
    }
}

words! {
    /// The transfer syntax of files.
    OutputSyntax of OutputTransferSyntax {
        "as-received" => OutputTransferSyntax::AsReceived, "that of the object";
        "explicit-little" => OutputTransferSyntax::ExplicitVrLittleEndian, "explicit VR little endian";
        "explicit-big" => OutputTransferSyntax::ExplicitVrBigEndian, "explicit VR big endian";
        "implicit-little" => OutputTransferSyntax::ImplicitVrLittleEndian, "implicit VR little endian";
        "deflated" => OutputTransferSyntax::DeflatedExplicitVrLittleEndian, "deflated explicit VR little endian";
    }
}

words! {
    /// Group length elements.
    GroupLengthsWord of GroupLengths {
        "recalculate" => GroupLengths::Recalculate, "existing ones are corrected";
        "create" => GroupLengths::Create, "each group gets one";
        "remove" => GroupLengths::Remove, "none is written";
    }
}

words! {
    /// Lengths of sequences and items.
    SequenceLengthsWord of SequenceLengths {
        "explicit" => SequenceLengths::Explicit, "their lengths are written";
        "undefined" => SequenceLengths::Undefined, "undefined lengths and delimiters are written";
    }
}

/// What can be tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum Lenient {
    MismatchedUids,
    ClassesNotNegotiated,
}

words! {
    /// What is tolerated.
    LenientWord of Lenient {
        "mismatched-uids" => Lenient::MismatchedUids, "UIDs of command and data set that differ";
        "classes-not-negotiated" => Lenient::ClassesNotNegotiated,
            "objects of SOP classes that were not accepted on the presentation context";
    }
}

words! {
    /// Whose UIDs name a file.
    NamedByWord of NamedBy {
        "command" => NamedBy::Command, "those of the C-STORE-RQ";
        "data-set" => NamedBy::DataSet, "those of the data set";
    }
}
