//! Options about files: where they go and when they count as stored.

mod encoding;
mod naming;

use crate::cli::fault::{Fault, Misfit};
use crate::cli::options::spec::{Choice, Opt, OptionSpec, Part, Section, Value, Words};
use crate::cli::options::typed::Typed;
use archive::CatalogSettings;
use receiver::{Duplicates, OutputSettings};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use storage::{Durability, MinFree};

pub(super) const OUTPUT: Section = Section {
    title: "output options",
    parts: &[
        Part { heading: Some("general"), options: GENERAL },
        Part { heading: Some("bit preserving mode"), options: encoding::BIT_PRESERVING },
        Part { heading: Some("output file format"), options: FILE_FORMAT },
        Part {
            heading: Some(
                "output transfer syntax (not with --bit-preserving or compressed transmission)",
            ),
            options: encoding::TRANSFER_SYNTAX,
        },
        Part {
            heading: Some("post-1993 value representations (not with --bit-preserving)"),
            options: encoding::NEW_VRS,
        },
        Part {
            heading: Some("group length encoding (not with --bit-preserving)"),
            options: encoding::GROUP_LENGTHS,
        },
        Part {
            heading: Some("length encoding in sequences and items (not with --bit-preserving)"),
            options: encoding::SEQUENCE_LENGTHS,
        },
        Part {
            heading: Some(
                "data set trailing padding (not with --write-dataset or --bit-preserving)",
            ),
            options: encoding::PADDING,
        },
        Part { heading: Some("handling of defined length UN elements"), options: encoding::UN },
        Part {
            heading: Some("deflate compression level (only with --write-xfer-deflated/same)"),
            options: encoding::COMPRESSION,
        },
        Part { heading: Some("sorting into subdirectories"), options: naming::SORTING },
        Part { heading: Some("filename generation"), options: naming::FILE_NAMES },
    ],
};

const GENERAL: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::OutputDirectory,
        "-od",
        "--output-directory",
        &["store objects in the existing directory d"],
    )
    .takes("[d]irectory: string (default: \".\")", &[Value::Directory]),
    OptionSpec::new(
        Opt::Durability,
        "",
        "--durability",
        &[
            "(full, ordered, none)",
            "answer success once the object is on disk",
            "(full, default; ordered: faster, by the order",
            "of the journal of ext4 or XFS), or once it is",
            "named, before it is synced (none)",
        ],
    )
    .takes("[d]urability: string constant", &[Value::OneOf(&DURABILITIES)]),
    OptionSpec::new(
        Opt::MinFree,
        "",
        "--min-free",
        &[
            "refuse objects while less than r is free:",
            "bytes, with K, M, G or T of 1024, or per cent",
            "with % (default: 0)",
        ],
    )
    .takes("[r]oom: string", &[Value::Text]),
    OptionSpec::new(
        Opt::Catalog,
        "",
        "--catalog",
        &[
            "keep a catalogue of what was received: sqlite",
            "(in the output directory), sqlite:PATH or",
            "postgres://USER@HOST/DATABASE; commands then",
            "are deliveries of the outbox (docs/outbox.md;",
            "not with --inetd)",
        ],
    )
    .takes("[u]rl: string", &[Value::Text]),
];

const DURABILITIES: Words = Words { kind: "durability", words: "full ordered none" };

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

/// Where received objects go and in which form.
pub(super) fn settings(typed: &Typed) -> Result<OutputSettings, Fault> {
    let format = encoding::format(typed)?;
    let file_naming = naming::file_naming(typed)?;
    let (sorting, parent) = naming::sorting(typed)?;
    let durability = durability(typed)?;
    let min_free = min_free(typed)?;
    Ok(OutputSettings {
        directory: directory(typed.text(Opt::OutputDirectory), parent),
        write_file_format: !typed.won(Opt::WriteDataset),
        format,
        durability,
        min_free,
        file_naming,
        sorting,
        path: None,
        duplicates: Duplicates::default(),
    })
}

/// `--catalog`: where the catalogue is, if there is one.
pub(super) fn catalog(typed: &Typed) -> Result<Option<CatalogSettings>, Fault> {
    typed.refuse_with(Opt::Inetd, &[Opt::Catalog])?;
    let Some(word) = typed.text(Opt::Catalog) else { return Ok(None) };
    let url = word.to_str().and_then(|word| word.parse().ok());
    let fault = || Fault::Value("--catalog", word.to_owned(), Misfit::Malformed);
    url.map(|url| Some(CatalogSettings::at(url))).ok_or_else(fault)
}

/// The directory without trailing slashes; `/` stays. Behind it, what of a prefix of subdirectories
/// is a path.
fn directory(typed: Option<&OsStr>, parent: Option<&str>) -> PathBuf {
    let directory = Path::new(typed.unwrap_or(OsStr::new("."))).components().as_path();
    parent.map_or_else(
        || directory.to_owned(),
        |parent| directory.join(parent).components().as_path().to_owned(),
    )
}

fn durability(typed: &Typed) -> Result<Durability, Fault> {
    let Some(word) = typed.text(Opt::Durability) else { return Ok(Durability::Full) };
    match word.to_str() {
        Some("full") => Ok(Durability::Full),
        Some("ordered") => Ok(Durability::Ordered),
        Some("none") => Ok(Durability::None),
        _ => Err(Fault::Value("--durability", word.into(), Misfit::Malformed)),
    }
}

fn min_free(typed: &Typed) -> Result<Option<MinFree>, Fault> {
    let Some(text) = typed.text(Opt::MinFree) else { return Ok(None) };
    match text.to_str().and_then(MinFree::parse) {
        Some(room) => Ok(Some(room)),
        None => Err(Fault::Value("--min-free", text.into(), Misfit::Malformed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault, hints};

    #[test]
    fn the_room_to_be_left_is_bytes_or_per_cent() {
        assert_eq!(config("1 --min-free 2G").output.min_free, Some(MinFree::Bytes(2 << 30)));
        assert_eq!(
            config("1 --min-free 2G --min-free 5%").output.min_free,
            Some(MinFree::Percent(5))
        );
        for bad in ["much", "-1", "101%", "1GB"] {
            let told = format!("Invalid value for option --min-free ({bad})");
            assert!(fault(&format!("1 --min-free {bad}")).contains(&told), "{bad}");
        }
    }

    #[test]
    fn the_output_directory_loses_its_trailing_slashes() {
        for (typed, directory) in
            [("out", "out"), ("./out//", "./out"), ("/", "/"), ("/a/b/", "/a/b"), ("..", "..")]
        {
            let found = config(&format!("1 -od {typed}")).output.directory;
            assert_eq!(found.as_os_str(), Path::new(directory).as_os_str());
        }
    }

    #[test]
    fn where_the_catalogue_is() {
        let url = |line: &str| config(line).catalog.map(|catalog| catalog.url.to_string());
        assert_eq!(url("1"), None);
        for typed in ["sqlite", "sqlite:/var/c", "postgres://me@host/pacs"] {
            assert_eq!(url(&format!("1 --catalog {typed}")).as_deref(), Some(typed));
        }
        assert_eq!(fault("1 --catalog here"), "Invalid value for option --catalog (here)");
        assert_eq!(
            hints("1 --catalog here"),
            "--catalog takes sqlite, sqlite:PATH or postgres://USER@HOST/DATABASE"
        );
        let told = fault("1 --catalog postgres://me:pa55@host/pacs");
        assert_eq!(told, "Invalid value for option --catalog");
        let told = hints("1 --catalog postgres://me:pa55@host/x");
        assert!(told.contains("a password stands elsewhere") && !told.contains("pa55"), "{told}");
        assert_eq!(fault("--inetd --catalog sqlite"), "--inetd not allowed with --catalog");
    }

    #[test]
    fn durability_is_full_ordered_or_none() {
        assert_eq!(config("1 --durability none").output.durability, Durability::None);
        assert_eq!(
            config("1 --durability none --durability full").output.durability,
            Durability::Full
        );
        assert_eq!(config("1 --durability ordered").output.durability, Durability::Ordered);
        assert_eq!(fault("1 --durability Full"), "Invalid value for option --durability (Full)");
    }
}
