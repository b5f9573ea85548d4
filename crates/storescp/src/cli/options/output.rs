//! Options about files: where they go, what is in them, and what happens afterwards.

use super::{Choice, Opt, OptionSpec, Part, Section, Value};

pub(super) const OUTPUT: Section = Section {
    title: "output options",
    parts: &[
        Part { heading: Some("general"), options: GENERAL },
        Part { heading: Some("bit preserving mode"), options: BIT_PRESERVING },
        Part { heading: Some("output file format"), options: FILE_FORMAT },
        Part {
            heading: Some(
                "output transfer syntax (not with --bit-preserving or compressed transmission)",
            ),
            options: TRANSFER_SYNTAX,
        },
        Part {
            heading: Some("post-1993 value representations (not with --bit-preserving)"),
            options: NEW_VRS,
        },
        Part {
            heading: Some("group length encoding (not with --bit-preserving)"),
            options: GROUP_LENGTHS,
        },
        Part {
            heading: Some("length encoding in sequences and items (not with --bit-preserving)"),
            options: SEQUENCE_LENGTHS,
        },
        Part {
            heading: Some(
                "data set trailing padding (not with --write-dataset or --bit-preserving)",
            ),
            options: PADDING,
        },
        Part { heading: Some("handling of defined length UN elements"), options: UN },
        Part {
            heading: Some("deflate compression level (only with --write-xfer-deflated/same)"),
            options: COMPRESSION,
        },
        Part { heading: Some("sorting into subdirectories"), options: SORTING },
        Part { heading: Some("filename generation"), options: FILE_NAMES },
    ],
};

pub(super) const EVENTS: Section =
    Section { title: "event options", parts: &[Part { heading: None, options: EVENT_OPTIONS }] };

const GENERAL: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::OutputDirectory,
        "-od",
        "--output-directory",
        &["store objects in the existing directory d"],
    )
    .takes("[d]irectory: string (default: \".\")", &[Value::Text]),
    OptionSpec::new(
        Opt::Durability,
        "",
        "--durability",
        &[
            "(full, none)",
            "answer success once the object is safe on disk",
            "(full, the default), or once it has its name",
            "and the system will write it in time (none)",
        ],
    )
    .takes("[d]urability: string constant", &[Value::Text]),
    OptionSpec::new(
        Opt::MinFree,
        "",
        "--min-free",
        &[
            "take nothing in while the file system has less",
            "than r left: bytes, with K, M, G or T of 1024,",
            "or per cent with % (default: 0)",
        ],
    )
    .takes("[r]oom: string", &[Value::Text]),
];

const BIT_PRESERVING: &[OptionSpec] = &[
    OptionSpec::new(Opt::Normal, "-B", "--normal", &["write data sets anew (default)"])
        .one_of(Choice::BitPreserving),
    OptionSpec::new(
        Opt::BitPreserving,
        "+B",
        "--bit-preserving",
        &["write data sets byte for byte as received"],
    )
    .one_of(Choice::BitPreserving),
];

const FILE_FORMAT: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::WriteFile,
        "+F",
        "--write-file",
        &["with file meta information (default)"],
    )
    .one_of(Choice::FileFormat),
    OptionSpec::new(Opt::WriteDataset, "-F", "--write-dataset", &["the data set alone"])
        .one_of(Choice::FileFormat),
];

const TRANSFER_SYNTAX: &[OptionSpec] = &[
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

const NEW_VRS: &[OptionSpec] = &[
    OptionSpec::new(Opt::EnableNewVr, "+u", "--enable-new-vr", &["write them (default)"])
        .one_of(Choice::NewVrs),
    OptionSpec::new(Opt::DisableNewVr, "-u", "--disable-new-vr", &["write OB in their place"])
        .one_of(Choice::NewVrs),
];

const GROUP_LENGTHS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::GroupLengthRecalc,
        "+g=",
        "--group-length-recalc",
        &["correct those that are there (default)"],
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

const SEQUENCE_LENGTHS: &[OptionSpec] = &[
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

const PADDING: &[OptionSpec] = &[
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

const UN: &[OptionSpec] = &[
    OptionSpec::new(Opt::RetainUn, "-uc", "--retain-un", &["keep them (default)"])
        .one_of(Choice::Un),
    OptionSpec::new(Opt::ConvertUn, "+uc", "--convert-un", &["write the VR of the dictionary"])
        .one_of(Choice::Un),
];

const COMPRESSION: &[OptionSpec] = &[OptionSpec::new(
    Opt::CompressionLevel,
    "+cl",
    "--compression-level",
    &["0: stored, 1: fastest, 9: smallest"],
)
.takes("[l]evel: integer (default: 6)", &[Value::Unsigned { min: 0, max: 9 }])];

const SORTING: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::SortConcStudies,
        "-ss",
        "--sort-conc-studies",
        &["a directory per study, named by prefix p and", "time"],
    )
    .takes("[p]refix: string", &[Value::Text])
    .one_of(Choice::Sorting),
    OptionSpec::new(
        Opt::SortOnStudyUid,
        "-su",
        "--sort-on-study-uid",
        &["a directory per study, named by prefix p and", "Study Instance UID"],
    )
    .takes("[p]refix: string", &[Value::Text])
    .one_of(Choice::Sorting),
    OptionSpec::new(
        Opt::SortOnPatientname,
        "-sp",
        "--sort-on-patientname",
        &["a directory per study, named by Patient's Name", "and time"],
    )
    .one_of(Choice::Sorting),
];

const FILE_NAMES: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::DefaultFilenames,
        "-uf",
        "--default-filenames",
        &["from the SOP Instance UID (default)"],
    )
    .one_of(Choice::FileNames),
    OptionSpec::new(Opt::UniqueFilenames, "+uf", "--unique-filenames", &["from a new UID"])
        .one_of(Choice::FileNames),
    OptionSpec::new(Opt::Timenames, "-tn", "--timenames", &["from the time of reception"]),
    OptionSpec::new(
        Opt::FilenameExtension,
        "-fe",
        "--filename-extension",
        &["append e to every name"],
    )
    .takes("[e]xtension: string", &[Value::Text]),
];

const EVENT_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::ExecOnReception,
        "-xcr",
        "--exec-on-reception",
        &["run command c after each C-STORE"],
    )
    .takes("[c]ommand: string", &[Value::Text]),
    OptionSpec::new(
        Opt::ExecOnEostudy,
        "-xcs",
        "--exec-on-eostudy",
        &["run command c after the last C-STORE of a study"],
    )
    .takes("[c]ommand: string", &[Value::Text]),
    OptionSpec::new(
        Opt::RenameOnEostudy,
        "-rns",
        "--rename-on-eostudy",
        &["number the files after the last C-STORE of a", "study"],
    ),
    OptionSpec::new(
        Opt::EostudyTimeout,
        "-tos",
        "--eostudy-timeout",
        &["take a study for complete after t seconds"],
    )
    .takes("[t]imeout: integer", &[Value::at_least(0)]),
    OptionSpec::new(Opt::ExecSync, "-xs", "--exec-sync", &["wait for each command to end"]),
    OptionSpec::new(Opt::ExecMax, "", "--exec-max", &["run at most n commands at a time"])
        .takes("[n]umber: integer (default: 8)", &[Value::Unsigned { min: 1, max: 1000 }]),
];
